"""What went in, what was set aside and why, and what was left to train on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from arkiv.base.html import Html, element, number, table
from arkiv.base.page import capped, paragraph, zeros_folded
from arkiv.pairs import shares
from arkiv.report.drawing import figure
from arkiv.report.figures import largest
from arkiv.report.funnel import Counts, set_aside

Datasets = Mapping[str, Counts]
Table = tuple[list[str], list[list[str]]]
"""Header and rows."""

# Side by side; the numbers of all are summed in a column of their own.
MOST_DATASETS = 6
MOST_REASONS = 40
ALL = "all datasets"
# Title of a line, the stage whose file has it, and its key there.
LINES = (
    ("files of pages", "found", "page_files"),
    ("other files that may hold text", "found", "not_read"),
    ("volumes", "documents", "volumes"),
    ("volumes that could not be read", "documents", "volumes_not_read"),
    ("pages", "documents", "pages"),
    ("pages without text", "documents", "empty_pages"),
    ("files of pages that could not be read", "documents", "not_pages"),
    ("lines of text", "documents", "lines"),
    ("lines of text set aside", "documents", "lines_set_aside"),
    ("words in lines set aside", "documents", "words_in_lines_set_aside"),
    ("words in the other lines", "documents", "words"),
    ("words in documents set aside", "documents", "words_set_aside"),
    ("words in documents", "documents", "words_in_documents"),
    ("documents", "documents", "documents"),
    ("queries wanted", "queries", "wanted"),
    ("queries kept", "queries", "queries"),
    ("verdicts of people", "verdicts", "verdicts"),
    ("verdicts that judges do not agree on", "verdicts", "disputed"),
    ("query–passage pairs", "pairs", "pairs"),
    ("distinct queries", "pairs", "queries"),
    ("pairs without a year, for train", "pairs", "undated"),
    ("passages to search", "pairs", "passages"),
    ("train pairs", "pairs", "train"),
    ("train pairs that lead back to their passage", "filtered", "kept"),
    ("dev pairs", "pairs", "dev"),
    ("test pairs", "pairs", "test"),
    ("passages to mine from", "pairs", "mining_passages"),
    ("train pairs whose negatives were mined", "negatives", "queries"),
    ("negatives mined", "negatives", "sources"),
    ("passages that the teacher scored", "teacher", "passages"),
    ("train queries respelled or misread", "augmented", "queries_altered"),
    ("their passages respelled or misread", "augmented", "passages_altered"),
    ("train pairs with several positives", "shards", "rows_with_several_positives"),
    ("shards with rows", "shards", "buckets"),
    ("train pairs ready for training", "shards", "pairs"),
    ("of them left out of an epoch, for they fill no batch", "training", "left_out"),
)
# What is counted where a file has more than a number.
COUNTED: Mapping[str, Callable[[Any], int]] = {
    "not_read": lambda unread: sum(each["files"] for each in unread.values()),
    "sources": lambda sources: sum(sources.values()),
    "buckets": lambda buckets: sum(bucket["pairs"] > 0 for bucket in buckets),
}


def with_later_stages(
    datasets: Datasets, audit: Mapping[str, Any], history: Mapping[str, Any]
) -> dict[str, Counts]:
    """The counts of each dataset with those of the teacher and of training.

    They stand in the audit of plot_negatives.py and the history of train_model.py.
    """
    left_out = history.get("rows_left_out") or {}
    counts = {name: dict(stages) for name, stages in datasets.items()}
    for name, stages in counts.items():
        scores = audit.get(name, {}).get("spread", {}).get("scores", {})
        if known := [side["count"] for side in scores.values() if side]:
            stages["teacher"] = {"passages": sum(known)}
        if history:
            stages["training"] = {"left_out": left_out.get(name, 0)}
    return counts


def counted(stages: Counts, stage: str, key: str) -> int | None:
    """What a stage counted under a key; nothing where it did not."""
    value = stages.get(stage, {}).get(key)
    return COUNTED[key](value) if value is not None and key in COUNTED else value


def total(values: Iterable[float | None]) -> float | None:
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


def by_dataset(
    first: str,
    counts: Mapping[str, Mapping[str, float | None]],
    shown: Sequence[str],
    *,
    zeros: bool = True,
) -> Table:
    """A table of counts, of all datasets together and of each.

    Args:
        first: title of the first column.
        counts: of each dataset, by what is counted; a row is what some dataset knows.
        shown: the datasets that have a column.
        zeros: also rows in which all datasets together have none.
    """
    several = [ALL] if len(counts) > 1 else []
    rows = []
    for title in dict.fromkeys(title for of in counts.values() for title in of):
        values = {name: of.get(title) for name, of in counts.items()}
        all_together = total(values.values())
        if all_together or (zeros and all_together is not None):
            sums = [all_together] * len(several)
            rows.append([title, *map(number, [*sums, *map(values.get, shown)])])
    return [first, *several, *shown], rows


def stage_counts(datasets: Datasets, shown: Sequence[str]) -> Table:
    """What each stage counted."""
    counts = {
        name: {title: counted(stages, *where) for title, *where in LINES}
        for name, stages in datasets.items()
    }
    return by_dataset("count", counts, shown)


def reasons(datasets: Datasets, shown: Sequence[str]) -> Table:
    """What was set aside or came out short, and how many."""
    aside = {name: dict(set_aside(stages)) for name, stages in datasets.items()}
    return by_dataset("reason", aside, shown, zeros=False)


def span(bucket: Mapping[str, Any]) -> str:
    """The range of a bucket in words."""
    low, end = bucket["from"], bucket["to"]
    return f"{low:,} or more" if end is None else f"{low:,} to {end - 1:,}"


def sides_of(datasets: Datasets) -> Iterator[Html]:
    """The sides of the division that are not as asked for, if there are any."""
    found = shares.rows_of({name: of.get("pairs", {}) for name, of in datasets.items()})
    if found:
        yield capped(
            shares.HEADER,
            found,
            shares.CAPTION,
            most=MOST_REASONS,
            where="pairs/*/stats.json",
            words=len(shares.HEADER),
        )


def section(datasets: Datasets, drawn: str | Path | None) -> Iterator[Html]:
    """The section, with the figure of the lengths if rows were made to train on."""
    shown = by_themselves(datasets)
    end = "rows that training read" if drawn else "pairs"
    yield paragraph(
        f"From the source to the {end}. A dash stands where a dataset did not pass "
        "through a stage."
    )
    caption = "Counts of each dataset, stage by stage"
    yield zeros_folded(*stage_counts(datasets, shown), caption)
    if len(datasets) > MOST_DATASETS:
        yield paragraph(
            f"Shown by themselves are the {MOST_DATASETS} largest of "
            f"{len(datasets):,} datasets. All: documents/, queries/"
            f"{', pairs/, negatives/ and shards/' if drawn else ' and pairs/'} of the "
            "run, a file each.",
            faint=True,
        )
    yield from sides_of(datasets)
    yield element("h3", "What was set aside, and why")
    if (aside := reasons(datasets, shown))[1]:
        yield capped(
            *aside,
            "What was left out or came out short; each record with its reason stands "
            "in a *.rejected.jsonl beside the files of its stage, which files are not "
            "read in documents/*.volumes.json",
            most=MOST_REASONS,
            where="the statistics of each stage",
        )
    else:
        yield paragraph("Nothing was set aside.")
    if drawn:
        yield from lengths_of(datasets, shown, drawn)


def lengths_of(
    datasets: Datasets, shown: Sequence[str], drawn: str | Path
) -> Iterator[Html]:
    """The train pairs by their lengths, with the figure of them."""
    yield element("h3", "Lengths")
    ready = {
        name: {span(bucket): bucket["pairs"] for bucket in stages["shards"]["buckets"]}
        for name, stages in datasets.items()
        if "buckets" in stages.get("shards", {})
    }
    lengths = by_dataset("tokens", ready, [name for name in shown if name in ready])
    yield figure(
        drawn,
        "lengths",
        "Train pairs by the tokens of their longest text. One bucket is one shard, "
        "and a batch is drawn from one shard.",
        "Bars of the number of train pairs in each range of token length.",
        *([table(*lengths, "Train pairs by token length")] if ready else []),
    )
