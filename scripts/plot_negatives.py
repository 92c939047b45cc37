"""Draw how near the negatives come to the positives, for each dataset.

Left the similarity that retrieval gave, which the negatives were chosen by, right the
teacher's scores, which training learns from. Passages without a number are left out;
positives beyond the searched depth have no similarity.
"""

from __future__ import annotations

import sys

import numpy as np

from arkiv.cli import parser, run
from arkiv.figures import BLUE, INK, VERMILLION, say_nothing, subplots, write_svg
from arkiv.files import read_records
from arkiv.named import named_lists

KINDS = {"similarities": "similarity in retrieval", "scores": "teacher score"}
BINS = 40


def numbers(paths: list[str]) -> dict[tuple[str, str], np.ndarray]:
    """All numbers of the rows by (`pos` or `neg`, kind), missing ones left out."""
    found: dict[tuple[str, str], list[float]] = {
        (side, kind): [] for kind in KINDS for side in ("pos", "neg")
    }
    for path in paths:
        for _, row in read_records(path):
            for (side, kind), values in found.items():
                given = row.get(f"{side}_{kind}") or ()
                values.extend(value for value in given if value is not None)
    return {key: np.array(values, np.float64) for key, values in found.items()}


def median(values: np.ndarray) -> str:
    """The median with a true minus sign, as the axis has it."""
    return f"{np.median(values):.2f}".replace("-", "−")


def draw(panel, positive: np.ndarray, negative: np.ndarray) -> None:
    """Both distributions, each as shares of its own passages."""
    both = np.concatenate([positive, negative])
    # A few extreme scores must not squeeze all others into one bar.
    low, high = np.quantile(both, [0.001, 0.999])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    looks = (
        (negative, "negatives", {"color": VERMILLION, "alpha": 0.35, "hatch": "////"}),
        (positive, "positives", {"color": BLUE, "alpha": 0.35}),
    )
    for values, label, look in looks:
        if not len(values):
            continue
        shares, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        shares = 100 * shares / len(values)
        outline = look["color"]
        panel.stairs(shares, edges, fill=True, linewidth=0, **look)
        panel.stairs(
            shares,
            edges,
            color=outline,
            linewidth=1.4,
            linestyle="-" if label == "positives" else "--",
            label=f"{len(values):,} {label}, median {median(values)}",
        )
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), labelcolor=INK)
    panel.set_xlim(edges[0], edges[-1])
    panel.set_ylim(0, None)


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--rows",
        nargs="+",
        required=True,
        metavar="DATASET=JSONL",
        help="train rows with their similarities and scores; a dataset may have many",
    )
    arguments.add_argument("--output", required=True, metavar="SVG")
    arguments = arguments.parse_args(argv)

    datasets = named_lists(arguments.rows, "--rows")
    figure, axes = subplots(len(datasets), 2, figsize=(9, 3.2 * len(datasets)))
    for line, (dataset, paths) in zip(axes, datasets.items(), strict=True):
        found = numbers(paths)
        for panel, (kind, title) in zip(line, KINDS.items(), strict=True):
            sides = found["pos", kind], found["neg", kind]
            if sum(map(len, sides)):
                draw(panel, *sides)
            else:
                say_nothing(panel, f"no {title} known")
            panel.set_title(f"{dataset}: {title}")
        line[0].set_ylabel("% of passages")
    write_svg(arguments.output, figure, "Similarity and teacher scores of negatives")


if __name__ == "__main__":
    sys.exit(run(main))
