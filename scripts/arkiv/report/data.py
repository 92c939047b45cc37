"""What went in, what was set aside and why, and what was left to train on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from arkiv.base.html import Html, element, joined, number, table
from arkiv.report.drawing import figure
from arkiv.report.figures import largest
from arkiv.report.funnel import Counts, set_aside
from arkiv.report.page import capped, paragraphs

Datasets = Mapping[str, Counts]

# Side by side; the numbers of all are summed in a column of their own.
MOST_DATASETS = 6
MOST_REASONS = 40
ALL = "all datasets"
# Title of a line, the stage whose file has it, and its key there.
LINES = (
    ("volumes", "documents", "volumes"),
    ("volumes that could not be read", "documents", "volumes_not_read"),
    ("pages", "documents", "pages"),
    ("pages without text", "documents", "empty_pages"),
    ("files that are no pages", "documents", "not_pages"),
    ("lines of text", "documents", "lines"),
    ("lines of text set aside", "documents", "lines_set_aside"),
    ("words in lines set aside", "documents", "words_in_lines_set_aside"),
    ("words in the other lines", "documents", "words"),
    ("words in documents set aside", "documents", "words_set_aside"),
    ("words in documents", "documents", "words_in_documents"),
    ("documents", "documents", "documents"),
    ("queries wanted", "queries", "wanted"),
    ("queries kept", "queries", "queries"),
    ("query–passage pairs", "pairs", "pairs"),
    ("distinct queries", "pairs", "queries"),
    ("passages to search", "pairs", "passages"),
    ("train pairs", "pairs", "train"),
    ("dev pairs", "pairs", "dev"),
    ("test pairs", "pairs", "test"),
    ("passages to mine from", "pairs", "mining_passages"),
    ("train pairs whose negatives were mined", "negatives", "queries"),
    ("negatives mined", "negatives", "sources"),
    ("passages that the teacher scored", "teacher", "passages"),
    ("train pairs with several positives", "shards", "rows_with_several_positives"),
    ("shards with rows", "shards", "buckets"),
    ("train pairs ready for training", "shards", "pairs"),
    ("of them left out of an epoch, for they fill no batch", "training", "left_out"),
)
# What is counted where a file has more than a number.
COUNTED: Mapping[str, Callable[[Any], int]] = {
    "sources": lambda sources: sum(sources.values()),
    "buckets": lambda buckets: sum(bucket["pairs"] > 0 for bucket in buckets),
}


def with_later_stages(
    datasets: Datasets, audit: Mapping[str, Any], history: Mapping[str, Any]
) -> dict[str, Counts]:
    """The counts of each dataset with those of the teacher and of training.

    Args:
        datasets: what each stage that writes statistics counted of each.
        audit: of the negatives of each, counts of plot_negatives.py.
        history: of train_model.py.
    """
    left_out = history.get("rows_left_out") or {}
    counts = {name: dict(stages) for name, stages in datasets.items()}
    for name, stages in counts.items():
        scores = audit.get(name, {}).get("spread", {}).get("scores", {})
        if known := [side["count"] for side in scores.values() if side]:
            stages["teacher"] = {"passages": sum(known)}
        stages["training"] = {"left_out": left_out.get(name, 0)}
    return counts


def counted(stages: Counts, stage: str, key: str) -> int | None:
    """What a stage counted under a key; nothing where it did not."""
    value = stages.get(stage, {}).get(key)
    return COUNTED[key](value) if value is not None and key in COUNTED else value


def total(values: Sequence[float | None]) -> float | None:
    """The sum of what is known."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def by_themselves(datasets: Datasets) -> list[str]:
    """The datasets that are shown by themselves: the largest."""
    sizes = {
        name: counted(stages, "pairs", "pairs") or 0
        for name, stages in datasets.items()
    }
    return largest(sizes, MOST_DATASETS)


def lines_of(
    datasets: Datasets, lines: Sequence[tuple[str, Callable[[Counts], float | None]]]
) -> list[list[str]]:
    """A row for each line that some dataset knows, with the sum if there are several.

    Args:
        datasets: what each stage counted of each.
        lines: of each its title, and what it counts of a dataset.
    """
    shown, rows = by_themselves(datasets), []
    for title, count in lines:
        values = {name: count(stages) for name, stages in datasets.items()}
        if total(list(values.values())) is not None:
            sums = [total(list(values.values()))] if len(datasets) > 1 else []
            rows.append([title, *map(number, [*sums, *map(values.get, shown)])])
    return rows


def header_of(datasets: Datasets, first: str) -> list[str]:
    """The header of a table with a column for each dataset that is shown."""
    return [first, *([ALL] if len(datasets) > 1 else []), *by_themselves(datasets)]


def reasons(datasets: Datasets) -> list[list[str]]:
    """What was set aside or came out short, and how many of each dataset."""
    aside = {name: dict(set_aside(stages)) for name, stages in datasets.items()}
    sums: dict[str, int] = {}
    for counts in aside.values():
        for why, count in counts.items():
            sums[why] = sums.get(why, 0) + count
    shown = by_themselves(datasets)
    return [
        [
            why,
            *([number(count)] if len(datasets) > 1 else []),
            *(number(aside[name].get(why)) for name in shown),
        ]
        for why, count in sums.items()
        if count
    ]


def span(bucket: Mapping[str, Any]) -> str:
    """The range of a bucket in words."""
    low, end = bucket["from"], bucket["to"]
    return f"{low:,} or more" if end is None else f"{low:,} to {end - 1:,}"


def lengths(datasets: Datasets) -> Html | str:
    """Train pairs by the tokens of their longest text."""
    ready = {
        name: {span(bucket): bucket["pairs"] for bucket in stages["shards"]["buckets"]}
        for name, stages in datasets.items()
        if "buckets" in stages.get("shards", {})
    }
    if not ready:
        return ""
    shown = [name for name in by_themselves(datasets) if name in ready]
    spans = list(dict.fromkeys(span for counts in ready.values() for span in counts))
    several = [ALL] if len(ready) > 1 else []
    rows = []
    for name in spans:
        counts = {dataset: of.get(name) for dataset, of in ready.items()}
        sums = [total(list(counts.values()))] * len(several)
        rows.append([name, *map(number, [*sums, *map(counts.get, shown)])])
    return table(["tokens", *several, *shown], rows, "Train pairs by token length")


def section(datasets: Datasets, drawn: str | Path) -> Html:
    """The section.

    Args:
        datasets: what each stage counted of each.
        drawn: the figure of the lengths.
    """
    lines = [
        (title, lambda stages, stage=stage, key=key: counted(stages, stage, key))
        for title, stage, key in LINES
    ]
    header = header_of(datasets, "count")
    content = paragraphs(
        "From the source to the rows that training read. A dash stands where a dataset "
        "did not pass through a stage."
    )
    content.append(
        table(
            header, lines_of(datasets, lines), "Counts of each dataset, stage by stage"
        )
    )
    if len(datasets) > MOST_DATASETS:
        content += paragraphs(
            f"Shown by themselves are the {MOST_DATASETS} largest of "
            f"{len(datasets):,} datasets. All: documents/, queries/, pairs/, "
            "negatives/ and shards/ of the run, a file each.",
            faint=True,
        )
    content.append(element("h3", "What was set aside, and why"))
    if aside := reasons(datasets):
        content += capped(
            [*("reason", *header[1:])],
            aside,
            "What was left out or came out short; each record with its reason stands "
            "in a *.rejected.jsonl beside the files of its stage",
            most=MOST_REASONS,
            where="the statistics of each stage",
        )
    else:
        content += paragraphs("Nothing was set aside.")
    content.append(element("h3", "Lengths"))
    content.append(
        figure(
            drawn,
            "lengths",
            "Train pairs by the tokens of their longest text. One bucket is one shard, "
            "and a batch is drawn from one shard.",
            "Bars of the number of train pairs in each range of token length.",
            *filter(None, [lengths(datasets)]),
        )
    )
    return joined(*content)
