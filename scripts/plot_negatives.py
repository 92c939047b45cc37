"""Audit the mined negatives before training: a page to read, and charts.

The page counts, for each dataset, what was mined, what each filter dropped, where the
window left too few, how often embedder and teacher prefer a negative to the positive,
and how many queries lead back to their passage; it says aloud where pairs look broken.
Then it shows rows to read: those where the teacher prefers a negative most, and some at
random. The charts show how near the negatives come to the positives, by the similarity
that they were chosen by and by the teacher's scores that training learns from; at which
ranks they stood; and what was dropped.
"""

from __future__ import annotations

import argparse
import logging
import sys
from array import array
from typing import Any

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.files import Record, read_object, write_json
from arkiv.base.html import decimals
from arkiv.base.named import named, named_lists
from arkiv.base.setting_flags import add_settings
from arkiv.mining.audit import (
    KINDS,
    SIDES,
    Rows,
    figures_of,
    read_rows,
    read_stats,
    summary,
    write_audit,
)
from arkiv.mining.filters import filters_by
from arkiv.mining.negatives import GIVEN, NAMES
from arkiv.pairs.judged import Figures, warnings
from arkiv.report.figures import (
    BLUE,
    GREEN,
    INK,
    MOST_PANELS,
    PAPER,
    VERMILLION,
    bars,
    largest,
    say_nothing,
    subplots,
    whole_numbers,
    write_svg,
)

log = logging.getLogger("plot_negatives")

BINS = 40
LOOKS = {
    "dense": {"color": BLUE, "hatch": ""},
    "bm25": {"color": VERMILLION, "hatch": "////"},
    "wider": {"color": GREEN, "hatch": "...."},
}


def draw(panel: Any, positive: np.ndarray, negative: np.ndarray) -> None:
    """Both distributions, each as shares of its own passages."""
    both = np.concatenate([positive, negative])
    # A few extreme scores must not squeeze all others into one bar.
    low, high = np.quantile(both, [0.001, 0.999])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for values, name, color, hatch, line in (
        (negative, "negatives", VERMILLION, "////", "--"),
        (positive, "positives", BLUE, None, "-"),
    ):
        if not len(values):
            continue
        shares, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        shares = 100 * shares / len(values)
        fill = {"fill": True, "linewidth": 0, "alpha": 0.35, "hatch": hatch}
        panel.stairs(shares, edges, color=color, **fill)
        label = f"{len(values):,} {name}, median {decimals(np.median(values), 2)}"
        outline = {"linewidth": 1.4, "linestyle": line, "label": label}
        panel.stairs(shares, edges, color=color, **outline)
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), labelcolor=INK)
    panel.set_xlim(edges[0], edges[-1])
    panel.set_ylim(0, None)


def draw_ranks(panel: Any, ranks: dict[str, array[int]]) -> None:
    """The negatives by rank, stacked by the source they come from."""
    shown = {key: ranks[key] for key in LOOKS if ranks.get(key)}
    if not shown:
        say_nothing(panel, "no ranks known")
        return
    deepest = max(map(max, shown.values())) + 1
    edges = np.linspace(0, deepest, min(BINS, deepest) + 1)
    below = np.zeros(len(edges) - 1)
    for source, values in shown.items():
        counts, _ = np.histogram(values, edges)
        panel.bar(
            edges[:-1],
            counts,
            np.diff(edges),
            below,
            align="edge",
            alpha=0.6,
            edgecolor=PAPER,
            linewidth=0.3,
            label=f"{len(values):,} {NAMES[source]}",
            **LOOKS[source],
        )
        below += counts
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), labelcolor=INK)
    panel.set_xlim(0, deepest)
    panel.set_ylabel("negatives")
    whole_numbers(panel.xaxis)
    whole_numbers(panel.yaxis)


def all_dropped(stats: Record) -> dict[str, int]:
    """How many candidates each filter that was on dropped, wherever they stood."""
    return {
        one.title: sum(by[one.name] for by in stats["dropped"].values())
        for one in filters_by(stats["limits"])
    }


def spread(values: array[float]) -> dict[str, float] | None:
    """How many values there are, and where they lie; nothing of none."""
    if not values:
        return None
    quantiles = np.quantile(np.array(values), [0.05, 0.5, 0.95]).tolist()
    low, middle, high = (round(value, 6) for value in quantiles)
    return {"count": len(values), "5 %": low, "50 %": middle, "95 %": high}


def numbers(
    rows: Rows, lines: list[tuple[str, str]], stats: Record | None, figures: Figures
) -> Record:
    """What the page and the charts show of a dataset, for the report."""
    return {
        "rows": rows.counts["rows"],
        "lines": lines,
        "judged": figures,
        "spread": {
            kind: {side: spread(rows.numbers[side, kind]) for side in SIDES}
            for kind in KINDS
        },
        "ranks": {
            NAMES[source]: {
                "count": len(ranks),
                "median": int(np.median(np.array(ranks))),
            }
            for source, ranks in sorted(rows.ranks.items())
        },
        "dropped": all_dropped(stats) if stats else {},
    }


def plot(datasets: dict[str, Rows], stats: dict[str, Record], path: str) -> None:
    """Two panels for each dataset, and two more for each that was mined."""
    sizes = {name: rows.counts["rows"] for name, rows in datasets.items()}
    shown = largest(sizes, MOST_PANELS)
    lines = sum(1 + (name in stats) for name in shown)
    figure, axes = subplots(lines, 2, figsize=(10, 3.2 * lines))
    panels = iter(axes)
    for dataset in shown:
        rows, line = datasets[dataset], next(panels)
        for panel, (kind, title) in zip(line, KINDS.items(), strict=True):
            sides = [np.array(rows.numbers[side, kind]) for side in SIDES]
            if sum(map(len, sides)):
                draw(panel, *sides)
            else:
                say_nothing(panel, f"no {title} known")
            panel.set_title(f"{dataset}: {title}")
        line[0].set_ylabel("% of passages")
        if dataset in stats:
            line = next(panels)
            draw_ranks(line[0], rows.ranks)
            line[0].set_title(f"{dataset}: ranks of the negatives")
            totals = all_dropped(stats[dataset])
            bars(line[1], totals, max(totals.values()))
            # Numbers of six digits need room.
            line[1].xaxis.get_major_locator().set_params(nbins=4)
            line[1].set_title(f"{dataset}: candidates that were dropped")
    write_svg(path, figure, "Negatives: similarity, teacher scores, ranks, dropped")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The arguments."""
    arguments = parser(
        __doc__,
        rows="DATASET=JSONL... train rows with their similarities and scores; a "
        "dataset may have many",
        stats="[DATASET=JSON...] statistics of pick_negatives.py, of the datasets that "
        "were mined",
        tiny="[MODEL...] which models of the run are tiny, built to try it out",
        pairs="[DATASET=JSON...] statistics of split_pairs.py, which tell of shares "
        "that are not as asked for",
        searches="[DATASET=JSON...] what judge_pairs.py counted",
        run="[NAME] of the run, for the title",
        page="HTML",
        chart="SVG",
        numbers="JSON of both, for the report",
    )
    arguments.add_argument(
        "--examples", type=int, default=20, help="rows to show, half of them suspects"
    )
    add_settings(arguments, Seeded)
    return arguments.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    stats = {
        dataset: read_stats(path)
        for dataset, path in named(arguments.stats, "--stats").items()
    }
    datasets = {
        dataset: read_rows(paths, arguments.examples, arguments.seed)
        for dataset, paths in named_lists(arguments.rows, "--rows").items()
    }
    searches = {
        dataset: read_object(path, "counts of judge_pairs.py")
        for dataset, path in named(arguments.searches, "--searches").items()
    }
    figures = {
        name: figures_of(rows, searches.get(name)) | {"toys": arguments.tiny}
        for name, rows in datasets.items()
    }
    given = any(GIVEN in one["sources"] for one in stats.values())
    summaries = {
        name: summary(rows, stats.get(name, {}), searches.get(name), given)
        for name, rows in datasets.items()
    }
    divided = {
        dataset: read_object(path, "statistics of split_pairs.py")
        for dataset, path in named(arguments.pairs, "--pairs").items()
    }
    write_audit(
        arguments.page,
        arguments.run,
        datasets,
        stats,
        summaries,
        arguments.tiny,
        divided,
        figures,
    )
    for said in warnings(figures):
        log.warning("%s", said)
    plot(datasets, stats, arguments.chart)
    write_json(
        arguments.numbers,
        {
            name: numbers(rows, summaries[name], stats.get(name), figures[name])
            for name, rows in datasets.items()
        },
    )


if __name__ == "__main__":
    sys.exit(run(main))
