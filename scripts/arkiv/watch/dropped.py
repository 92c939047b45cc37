"""What a run's stages dropped of its datasets, by reason, and whether that is much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from arkiv.report.funnel import SHORT, Counts, set_aside

# From this share on it is said loudly.
MUCH = 0.1
# Reasons that are told of a kind, the commonest first.
REASONS = 3


def _count(value: Any) -> int:
    """A count; of several by reason, or of what is listed, their number."""
    if isinstance(value, Mapping):
        return sum(map(_count, value.values()))
    if isinstance(value, Sequence):
        return len(value)
    return value if isinstance(value, int) else 0


def _of(stage: str, *keys: str) -> Callable[[Counts], int]:
    return lambda stages: sum(_count(stages.get(stage, {}).get(key, 0)) for key in keys)


# Kinds as `report.funnel.set_aside` names them, what they are, and how many there were;
# None: nobody counted them together. Others are no loss, or told below.
KINDS: dict[str, tuple[str, Callable[[Counts], int] | None]] = {
    "files that METS lists": ("files that METS lists", None),
    "pages and documents": ("pages and documents", None),
    "queries": ("queries", _of("queries", "queries", "rejected")),
    "lines of verdicts": ("lines of verdicts", None),
    "verdicts": ("verdicts", _of("verdicts", "verdicts")),
    "lines of pairs": ("lines of pairs", _of("pairs", "pairs", "bad_lines")),
    "pairs": ("pairs", _of("pairs", "pairs")),
    "train pairs": ("train pairs", _of("pairs", "train")),
}


@dataclass
class Dropped:
    """What was dropped of one kind: volumes, files, words, queries, pairs."""

    kind: str
    reasons: Counter = field(default_factory=Counter)
    of: int | None = None  # there were

    @property
    def count(self) -> int:
        """All reasons together."""
        return self.reasons.total()

    @property
    def is_much(self) -> bool:
        """Whether whoever started the run should look into it."""
        return self.of is not None and self.count > MUCH * self.of

    def __str__(self) -> str:
        share = ""
        if self.of:
            percent = f"{self.count / self.of:.0%}".replace("%", " %")
            share = f" of {self.of:,} ({percent})"
        told = [
            reason if len(self.reasons) == 1 else f"{count:,} {reason}"
            for reason, count in self.reasons.most_common(REASONS)
        ]
        if len(self.reasons) > REASONS:
            told.append("…")
        return f"{self.count:,}{share} {self.kind}: {', '.join(told)}"


def _found_and_cut(stages: Counts) -> Iterable[Dropped]:
    """Of what lies on the disk: volumes, files, words."""
    found, cut = stages.get("found", {}), stages.get("documents", {})
    lost = _count(found.get("volumes_not_read", 0))
    late = _count(cut.get("volumes_not_read", 0))
    volumes = +Counter({"could not be read": max(lost, late)})
    there = _count(found.get("volumes", 0)) + lost
    yield Dropped("volumes", volumes, there)
    unread = {what: one["files"] for what, one in found.get("not_read", {}).items()}
    same = _count(found.get("same_page", ()))
    files = +Counter(unread | {"the same page as another": same})
    yield Dropped("files", files, _count(found.get("page_files", 0)) + files.total())
    words = Counter(
        {
            "in documents that were set aside": _count(cut.get("words_set_aside", 0)),
            "in lines that were set aside": _count(
                cut.get("words_in_lines_set_aside", 0)
            ),
        }
    )
    read = _of("documents", "words", "words_in_lines_set_aside")(stages)
    yield Dropped("words", +words, read)


def dropped(stages: Counts) -> list[Dropped]:
    """What was dropped of a dataset, kind by kind; nothing of what lost nothing."""
    kinds: dict[str, Dropped] = {}
    for label, count in set_aside(stages):
        name, _, reason = label.partition(": ")
        if name not in KINDS or reason in SHORT:
            continue
        kind, of = KINDS[name]
        one = kinds.setdefault(kind, Dropped(kind, of=of(stages) if of else None))
        one.reasons[reason] += count
    every = [*_found_and_cut(stages), *kinds.values()]
    return [one for one in every if one.count]


def said(datasets: Mapping[str, Counts]) -> tuple[str, bool]:
    """What was dropped of all datasets, in a line, and whether it is much of one."""
    found = {name: dropped(stages) for name, stages in datasets.items()}
    told = [
        f"{name}: {one}" if len(datasets) > 1 else str(one)
        # What is much stands first.
        for name, one in sorted(
            ((name, one) for name, every in found.items() for one in every),
            key=lambda pair: not pair[1].is_much,
        )
    ]
    much = any(one.is_much for every in found.values() for one in every)
    return "; ".join(told) or "nothing", much
