"""Whether pairs are fit to learn from, told before anything learns from them.

Where a passage does not answer its query, a search does not find it, and what it finds
in its place scores above it: so does a negative that is mined. How often, says of all
pairs together what no single row does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from arkiv.base.files import Record

# Queries of a dataset that are searched for, drawn by seed: a share is then off by two
# per cent at most.
MOST = 2000
# Among so many first passages a query's own is sought, ...
TOP = 100
# ... but in a corpus of fewer than ten times as many in the first tenth: further down
# luck would find it.
PART = 10
# Fewer pairs, or passages, say nothing.
FEWEST = 20
# From this share on it is said aloud. Of pairs that answer a tenth and less is usual; a
# passage drawn by lot scores below at least half of the negatives, and is found by one
# of two searches at most one time in five.
LOUD = 1 / 3
# Who compares negatives with positives, and what the pairs are called that have one
# preferred.
WHO = {
    "embedder": ("the embedder", "pairs with one that the embedder prefers"),
    "teacher": ("the teacher", "pairs with such a negative"),
}

Figures = Mapping[str, Any]
"""What is known of a dataset: by `embedder` and `teacher`, of how many negatives each
knows (`of`), how many it prefers to the positive (`above`), and in how many of its
`pairs` (`pairs_above`); by `search`, what judge_pairs.py counts. None: not known.
`toys` are models that are tiny, built to try the pipeline out."""


def top_of(passages: int) -> int:
    """Among how many first of so many passages a query's own is sought; 0: nowhere."""
    return min(TOP, passages // PART) if passages >= FEWEST else 0


def percent(part: int, whole: int) -> str:
    """A share in words."""
    return f"{part / whole:.1%}" if whole else "–"


def counted(part: int, whole: int) -> str:
    """A number with what it is of another in per cent."""
    if not whole:
        return "–"
    return f"{part:,} ({percent(part, whole)})" if part else "0"


def lines_of(figures: Figures) -> Iterator[tuple[str, str]]:
    """What is known, line by line; a dash where something is not."""
    for key, (who, such) in WHO.items():
        of = figures.get(key) or {"above": 0, "of": 0, "pairs": 0, "pairs_above": 0}
        yield (
            f"negatives that {who} prefers to the positive",
            counted(of["above"], of["of"]),
        )
        yield such, counted(of["pairs_above"], of["pairs"])
    search = figures.get("search") or {}
    judged, top = search.get("judged", 0), search.get("top", 0)
    yield "queries searched for", f"{judged:,}" if judged else "–"
    beyond = search.get(f"lost_at_{TOP}")
    yield (
        f"queries whose passage no search finds among the first {TOP}",
        "–" if beyond is None else counted(beyond, judged),
    )
    part = f"{top:,} of {search['passages']:,}" if top else "–"
    yield f"ranks that count below: {TOP}, or a tenth of few passages", part
    lost = search.get("lost")
    yield (
        "queries whose passage no search finds there",
        ("–" if lost is None else counted(lost, judged)),
    )
    for key, title in (("dense", "the embeddings"), ("bm25", "BM25")):
        found = (search.get("found") or {}).get(key)
        yield (
            f"queries whose passage {title} find{'s' * (key == 'bm25')} there",
            "–" if found is None else counted(found, judged),
        )


def broken(figures: Figures) -> list[str]:
    """What shows that pairs are not fit to learn from, in words; nothing where they
    are, or where too little is known to tell."""
    found = []
    for key, (who, _) in WHO.items():
        if prefers(figures, key):
            of = figures[key]
            share = percent(of["above"], of["of"])
            found.append(f"{share} of the negatives score above the positive by {who}")
    if is_lost(figures):
        search = figures["search"]
        found.append(
            f"of {percent(search['lost'], search['judged'])} of the queries neither "
            "the embeddings nor BM25 find the passage among the first "
            f"{search['top']:,} of {search['passages']:,}"
        )
    return found


def warnings(datasets: Mapping[str, Figures]) -> Iterator[str]:
    """A sentence or more of each dataset whose pairs are not fit to learn from."""
    for name, figures in datasets.items():
        found = broken(figures)
        if not found:
            continue
        said = f"The pairs of {name} look broken: {', and '.join(found)}."
        if is_heard(figures, "teacher") and not prefers(figures, "teacher"):
            teacher = figures["teacher"]
            share = percent(teacher["above"], teacher["of"])
            yield (
                f"{said} But the teacher prefers {share} of the negatives alone: it "
                "may be the search that fails, not the pairs. Read the suspects."
            )
        else:
            yield (
                f"{said} From passages that do not answer nothing can be learnt: read "
                "the suspects; `pairs.round_trip`, of a small `top`, sets aside what "
                "no search finds."
            )


def is_heard(figures: Figures, who: str) -> bool:
    """Whether it compares pairs enough, and is no toy, whose word says nothing."""
    model = {"teacher": "reranker"}.get(who, who)
    of = figures.get(who)
    return bool(of and of["pairs"] >= FEWEST and model not in figures.get("toys", ()))


def prefers(figures: Figures, who: str) -> bool:
    """Whether it prefers so many negatives that the pairs are in doubt."""
    if not is_heard(figures, who):
        return False
    return figures[who]["above"] >= LOUD * figures[who]["of"]


def is_lost(figures: Figures) -> bool:
    """Whether no search finds the passages of so many queries, likewise."""
    of: Record = figures.get("search") or {}
    judged, lost = of.get("judged", 0), of.get("lost")
    return lost is not None and judged >= FEWEST and lost >= LOUD * judged
