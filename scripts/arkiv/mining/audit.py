"""The audit of negatives before training: counts, and rows to read.

A mined set is judged by what each filter dropped, by how often the teacher prefers a
negative to the positive, and by reading.
"""

from __future__ import annotations

import bisect
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_object
from arkiv.base.hashing import uniform
from arkiv.base.html import (
    Html,
    decimals,
    element,
    excerpt,
    joined,
    listed,
    number,
    table,
)
from arkiv.base.page import (
    Section,
    glossary,
    paragraph,
    render,
    text_of,
    with_words,
    write,
    zeros_folded,
)
from arkiv.example.toys import warning
from arkiv.mining.filters import filters_by
from arkiv.mining.negatives import NAMES, SOURCES
from arkiv.pairs import judged, shares
from arkiv.pairs.division import read_pairs
from arkiv.text.terms import used_in

# A row, before it what it is kept for and its id.
Kept = tuple[float, str, Record]
KINDS = {"similarities": "similarity in retrieval", "scores": "teacher score"}
SIDES = ("pos", "neg")
ABOUT = "A negative that answers its query teaches the model what is wrong."
ADVICE = (
    "Read the suspects: where their negatives are as good as their positives, filter "
    "more (section mining of the configuration) and mine again before training. Of "
    "several positives, the one that scores lowest counts."
)


def read_stats(path: str) -> Record:
    """The statistics of one dataset.

    Raises:
        InputError: another kind of file, or of an older version.
    """
    what = "statistics of pick_negatives.py"
    stats = read_object(path, what)
    for key in ("limits", "looked_at", "dropped", "sources", "filled"):
        if not isinstance(stats.get(key), dict):
            raise InputError(f"is not there, expected the {what}", file=path, key=key)
    return stats


def known(row: Record, side: str, kind: str) -> list[float]:
    """What is known of a row's passages of one side."""
    return [value for value in row.get(f"{side}_{kind}") or () if value is not None]


def preference(row: Record, kind: str) -> float | None:
    """By how much the best negative exceeds the positive that has least."""
    positive, negative = (known(row, side, kind) for side in SIDES)
    return max(negative) - min(positive) if positive and negative else None


@dataclass
class Rows:
    """What the rows of one dataset say, and those to read.

    Attributes:
        examples: how many rows to show, half of them suspects.
        seed: of those drawn at random.
        numbers: of all passages, by (`pos` or `neg`, kind), missing ones left out.
        ranks: of the negatives, by source.
        preferred: what `embedder` and `teacher` prefer, see `arkiv.pairs.judged`.
    """

    examples: int
    seed: int

    def __post_init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.numbers = {(side, kind): array("d") for kind in KINDS for side in SIDES}
        self.ranks = defaultdict(lambda: array("q"))
        self.preferred: dict[str, Counter[str]] = defaultdict(Counter)
        self._drawn: list[Kept] = []
        self._suspects: dict[str, list[Kept]] = {kind: [] for kind in KINDS}

    def add(self, row: Record) -> None:
        """Take in a checked row."""
        self.counts["rows"] += 1
        self.counts["negatives"] += len(row.get("neg", ()))
        for (side, kind), values in self.numbers.items():
            values.extend(known(row, side, kind))
        ranks = row.get("neg_ranks")
        if row.get("neg_sources") and ranks:
            for source, rank in zip(row["neg_sources"], ranks, strict=True):
                if rank is not None:
                    self.ranks[source].append(int(rank))
        self._compare(row)
        keep(self._drawn, uniform(self.seed, "audit", row["id"]), row, self.examples)
        for kind, suspects in self._suspects.items():
            worst = preference(row, kind)
            if worst is not None:
                keep(suspects, -worst, row, self.examples // 2)

    def _compare(self, row: Record) -> None:
        """Count the negatives that score above the positive that has least."""
        similar = row.get("neg_similarities") or ()
        if sources := row.get("neg_sources"):
            # Random ones are easy by design.
            both = zip(similar, sources, strict=False)
            similar = [score for score, source in both if source != "random"]
        for who, kind, scores in (
            ("embedder", "similarities", similar),
            ("teacher", "scores", row.get("neg_scores") or ()),
        ):
            positive = known(row, "pos", kind)
            negative = [score for score in scores if score is not None]
            if positive and negative:
                above = sum(score > min(positive) for score in negative)
                counts = self.preferred[who]
                counts["of"] += len(negative)
                counts["above"] += above
                counts["pairs"] += 1
                counts["pairs_above"] += above > 0

    def suspects(self) -> tuple[str, list[Record]]:
        """By what, and the rows whose negatives exceed the positive most."""
        kind = "scores" if self._suspects["scores"] else "similarities"
        return kind, [row for _, _, row in self._suspects[kind]]

    def drawn(self) -> list[Record]:
        """Rows drawn by seed, none of the suspects among them."""
        _, suspects = self.suspects()
        shown = {row["id"] for row in suspects}
        others = [row for _, _, row in self._drawn if row["id"] not in shown]
        return others[: self.examples - len(suspects)]


def keep(kept: list[Kept], key: float, row: Record, most: int) -> None:
    """Keep the rows with the smallest keys, ties by id, in order."""
    bisect.insort(kept, (key, row["id"], row), key=lambda entry: entry[:2])
    del kept[most:]


def read_rows(paths: list[str], examples: int, seed: int) -> Rows:
    """All rows of a dataset."""
    rows = Rows(examples, seed)
    for path in paths:
        for _, row in read_pairs(path):
            rows.add(row)
    return rows


def share(part: int, whole: int) -> str:
    """A number and what it is of another in per cent."""
    return f"{part:,} ({part / whole:.1%})" if part else "0"


def figures_of(rows: Rows, search: Record | None = None) -> Record:
    """What is known of the pairs of a dataset, see `arkiv.pairs.judged`.

    Args:
        rows: of it.
        search: what judge_pairs.py counts, which compares negatives that no row has
            similarities of.
    """
    given = search.get("negatives") if search else None
    return {
        "embedder": dict(rows.preferred["embedder"]) or given,
        "teacher": dict(rows.preferred["teacher"]) or None,
        "search": search,
    }


def summary(
    rows: Rows, stats: Record, search: Record | None = None, given: bool = False
) -> list[tuple[str, str]]:
    """The lines of one dataset in the table of counts, the same for all of a table.

    Args:
        rows: of the dataset.
        stats: of pick_negatives.py, if there are any.
        search: of judge_pairs.py.
        given: whether some dataset keeps negatives that its pairs have.
    """
    counts, filled = rows.counts, stats.get("filled", {})
    sources = stats.get("sources", {})
    return [
        ("train pairs", number(counts["rows"])),
        ("negatives", number(counts["negatives"])),
        *(
            (f"negatives: {name}", number(sources.get(key)))
            for key, name in (NAMES if given else SOURCES).items()
        ),
        ("recall of the approximate search", decimals(stats.get("recall"))),
        ("pairs: the window left too few", number(stats.get("short_of_window"))),
        ("pairs: filled from beyond the window", number(filled.get("wider"))),
        ("pairs: filled with random passages", number(filled.get("random"))),
        ("pairs: fewer negatives than asked for", number(stats.get("short"))),
        ("pairs: left out, no negative found", number(stats.get("without_negatives"))),
        *judged.lines_of(figures_of(rows, search)),
    ]


def dropped(dataset: str, stats: Record) -> Html:
    """The table of what each filter dropped, by where the candidate stood."""
    looked_at = {key: n for key, n in stats["looked_at"].items() if n}
    header = ["rule", "limit", *(SOURCES[key] for key in looked_at)]
    lines = [["candidates looked at", "", *map(number, looked_at.values())]]
    for one in filters_by(stats["limits"]):
        counts = (stats["dropped"][key][one.name] for key in looked_at)
        lines.append([one.title, one.limit, *map(share, counts, looked_at.values())])
    caption = f"{dataset}: candidates that were dropped, by the first rule that holds"
    return zeros_folded(header, lines, caption, words=2)


def passages(row: Record, side: str) -> Html:
    """The positives or the negatives of a row, with all that is known of each."""
    missing = [None] * len(row[side])
    scores, similarities, ranks, sources = (
        row.get(f"{side}_{key}") or missing
        for key in ("scores", "similarities", "ranks", "sources")
    )
    least = min(row.get("pos_scores") or [float("inf")])
    items = []
    for text, score, similarity, rank, source in zip(
        row[side], scores, similarities, ranks, sources, strict=True
    ):
        suspect = side == "neg" and score is not None and score > least
        said = [
            *([NAMES.get(source, source)] if source else []),
            *([f"rank {rank:,}"] if rank is not None else []),
            f"similarity {decimals(similarity)}",
            f"teacher {decimals(score, 2)}",
        ]
        badge, kind = "", None
        if side == "pos":
            badge, kind = "✓ positive · ", "relevant"
        elif suspect:
            badge, kind = "▲ preferred by the teacher · ", "suspect"
        mark = element("span", badge, class_="badge") if badge else ""
        marked = excerpt(text, row["query"])
        items.append(listed([mark, " · ".join(said)], marked, kind))
    return element("ol", *items, class_="hits systems")


def example(row: Record, kind: str, *, opened: bool = False) -> Html:
    """One row to read, opened by its query.

    Args:
        kind: of numbers by which rows are suspect.
    """
    worst = preference(row, kind)
    beyond = "" if worst is None else f"the best negative {decimals(worst, 2)} beyond "
    return element(
        "details",
        element(
            "summary",
            element("strong", row["query"]),
            element("span", f"{beyond}the positive", class_="faint") if beyond else "",
        ),
        passages(row, "pos"),
        passages(row, "neg") if row.get("neg") else paragraph("No negatives."),
        class_="search",
        open="" if opened else None,
    )


def examples(rows: Rows) -> Iterator[Html]:
    """The rows of a dataset that are worth reading."""
    kind, suspects = rows.suspects()
    by = "the teacher" if kind == "scores" else "the similarity"
    drawn = rows.drawn()
    yield element("h3", f"{len(suspects)} suspects")
    yield paragraph(
        f"The pairs in which {by} prefers a negative most, or least disfavours it: by "
        "how much is said below each query."
    )
    for place, row in enumerate(suspects):
        yield example(row, kind, opened=not place)
    yield element("h3", f"{len(drawn)} at random")
    for row in drawn:
        yield example(row, kind)


def write_audit(
    path: str,
    run: str | None,
    datasets: Mapping[str, Rows],
    stats: Mapping[str, Record],
    summaries: Mapping[str, list[tuple[str, str]]],
    tiny: Iterable[str] = (),
    divided: Mapping[str, Record] | None = None,
    figures: Mapping[str, judged.Figures] | None = None,
) -> None:
    """Write the page of all datasets of a run, with the statistics of those mined.

    Of models that are tiny the page says so first; of what is known of the pairs, by
    dataset, which look broken; of statistics of the division, which shares are not as
    asked for.
    """
    said = [*filter(None, [warning(tiny)]), *judged.warnings(figures or {})]
    lines = [
        [same[0][0], *(value for _, value in same)]
        for same in zip(*summaries.values(), strict=True)
    ]
    caption = "What was mined, and what the teacher says"
    counts = [zeros_folded(["count", *datasets], lines, caption)]
    if sides := shares.rows_of(divided or {}):
        words = len(shares.HEADER)
        counts.insert(0, table(shares.HEADER, sides, shares.CAPTION, words=words))
    sections = [Section("counts", "Counts", joined(*counts))]
    for place, (name, rows) in enumerate(datasets.items(), start=1):
        content = [dropped(name, stats[name])] if name in stats else []
        content += examples(rows)
        sections.append(
            Section(f"rows-{place}", f"Rows of {name} to read", joined(*content))
        )
    text = text_of(" ".join([*said, ADVICE, *(one.content for one in sections)]))
    sections.append(glossary((one.word, one.meaning) for one in used_in(text)))
    page = render(
        f"Negatives before training: {run}" if run else "Negatives before training",
        with_words(ABOUT),
        [*(element("strong", one) for one in said), ADVICE],
        sections,
    )
    write(path, page)
