"""Query-passage pairs divided into train, dev and test without leakage.

The unit that is divided is a *group* of rows: all rows of one volume, of one block of
pages, or of one passage, joined with every other group that shares a text with it, be
it a query's or a passage's. So neither two queries of one passage, nor documents of one
volume (or block), nor one text ever stand on both sides, however it is written: texts
are compared by `text_key`. Where years decide (`by="year"`), groups hang together
within a period alone, and what stands in several periods is on no side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from arkiv.base.errors import InputError
from arkiv.base.files import Record, check_text, check_texts, read_records
from arkiv.base.hashing import content_id, nfc, text_key
from arkiv.base.numbers import is_known_number, is_number
from arkiv.pairs.drawing import drawn
from arkiv.pairs.given import SPLIT, Given, by_rows
from arkiv.pairs.hanging import sets_of
from arkiv.pairs.held_out import HeldOut, left_to_draw
from arkiv.pairs.periods import (
    PERIODS,
    SIDES,
    UNDATED,
    Periods,
    by_years,
    joined_with,
    periods_of_groups,
)
from arkiv.pairs.provenance import settle_provenance

SPLITS = ("train", "dev", "test")

Split = Literal["train", "dev", "test"]
Key = Hashable


# What a row may hold beside its texts, one value a text: the teacher's scores, and what
# mining said. Whether a value will do, and what they are, in words.
NUMBERS = (is_number, "finite numbers")
KNOWN_NUMBERS = (is_known_number, "finite numbers and nulls")
BESIDE = {
    "pos": {"pos_scores": NUMBERS, "pos_similarities": KNOWN_NUMBERS},
    "neg": {
        "neg_scores": NUMBERS,
        "neg_similarities": KNOWN_NUMBERS,
        "neg_ranks": KNOWN_NUMBERS,
        "neg_sources": (lambda value: isinstance(value, str), "texts"),
    },
}


def check_pair(record: Record) -> None:
    """Refuse, by an InputError with the key, what is not a FlagEmbedding row.

    `neg` and scores are optional. Provenance is settled, see `settle_provenance`.
    """
    check_text(record, "query")
    check_texts(record, "pos")
    if record.get("neg") is None:
        record.pop("neg", None)
    else:
        check_texts(record, "neg", least=0)
    settle_provenance(record)
    for texts, lists in BESIDE.items():
        for key, (fits, values_are) in lists.items():
            values = record.get(key)
            if values is None:
                continue
            if not isinstance(values, list) or not all(map(fits, values)):
                raise InputError(f"is not a list of {values_are}", key=key)
            if len(values) != len(record.get(texts, ())):
                what = key.removeprefix(f"{texts}_")
                raise InputError(
                    f"holds {len(values)} {what} for {len(record.get(texts, ()))} "
                    f"texts of `{texts}`",
                    key=key,
                )


def with_ids(record: Record) -> Record:
    """The pair with ids that depend on its texts alone, lists without repeats.

    Texts are brought to Unicode's form NFC, as those of pages are. Of texts that
    `text_key` takes for the same the first is kept, so that a negative that is also a
    positive of the row is dropped. Other keys are kept.
    """
    query = nfc(record["query"])
    pair = {"id": content_id(query), "query": query}
    taken: set[int] = set()
    for texts, lists in BESIDE.items():
        if texts not in record:
            continue
        first: dict[int, int] = {}
        for row, key in enumerate(map(text_key, record[texts])):
            if key not in taken:
                first.setdefault(key, row)
        taken.update(first)
        kept = list(first.values())
        pair[texts] = [nfc(record[texts][row]) for row in kept]
        pair[f"{texts}_ids"] = [content_id(text) for text in pair[texts]]
        for key in lists:
            if record.get(key) is not None:
                pair[key] = [record[key][row] for row in kept]
    return pair | {key: record[key] for key in record if key not in pair}


def with_missing_ids(record: Record) -> Record:
    """The pair with `id`, `pos_ids` and, where it has `neg`, `neg_ids`.

    Ids that are there are kept; missing ones are content hashes of the texts.

    Raises:
        InputError: ids that are not texts, or not one for each text.
    """
    pair = dict(record)
    if pair.get("id") is None:
        pair["id"] = content_id(pair["query"])
    check_text(pair, "id")
    for texts in BESIDE:
        if texts not in pair:
            continue
        key = f"{texts}_ids"
        if pair.get(key) is None:
            pair[key] = [content_id(text) for text in pair[texts]]
        ids = pair[key]
        if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids):
            raise InputError("is not a list of texts", key=key)
        if len(ids) != len(pair[texts]):
            raise InputError(
                f"holds {len(ids)} ids for {len(pair[texts])} texts of `{texts}`",
                key=key,
            )
    return pair


def read_pairs(path: str | Path) -> Iterator[tuple[int, Record]]:
    """Yield the line and the pair of each row, see `check_pair`, with all its ids.

    Raises:
        InputError: as `read_records`, `check_pair` and `with_missing_ids`.
    """

    def check(record: Record) -> None:
        check_pair(record)
        record.update(with_missing_ids(record))

    return read_records(path, check)


def merged(pairs: Iterable[Record]) -> Record:
    """One pair of several with the same query text, positives and negatives united.

    Scores, and what else stands beside the texts, are kept only if every pair has them.
    """
    pairs = list(pairs)
    result = dict(pairs[0])
    for texts, lists in BESIDE.items():
        holders = [pair for pair in pairs if texts in pair]
        if not holders:
            continue
        result[texts] = [text for pair in holders for text in pair[texts]]
        for key in lists:
            if all(pair.get(key) is not None for pair in holders):
                result[key] = [value for pair in holders for value in pair[key]]
            else:
                result.pop(key, None)
    return with_ids(result)


def groups_of(record: Mapping, passage_id: str, by: str, block_pages: int) -> list[Key]:
    """The groups that a document or pair touches; the first is the one it belongs to.

    A record without the provenance that `by` asks for is grouped by its `group` if it
    has one, else by its passage. With `by="pages"` a document that runs over a block's
    end touches more than one block.
    """
    volume = record.get("volume")
    if by == "volume" and volume is not None:
        return [("volume", volume)]
    if by == "pages" and volume is not None:
        pages = record.get("first_page"), record.get("last_page")
        if all(isinstance(page, int) for page in pages):
            blocks = range(pages[0] // block_pages, pages[1] // block_pages + 1)
            return [("pages", volume, block) for block in blocks]
    if by != "passage" and record.get("group") is not None:
        return [("group", record["group"])]
    return [("passage", passage_id)]


def text_keys(pair: Mapping) -> list[int]:
    """By what texts are told to be the same: the query's, then the positives'."""
    return [text_key(text) for text in (pair["query"], *pair["pos"])]


@dataclass
class Division:
    """Which side each group, passage and query stands on.

    Attributes:
        by: `volume`, `pages`, `passage` or `year`.
        block_pages: of a block of pages.
        origins: provenance of passages by id; of one that it lacks, the pair's counts.
        periods: the years that are held out, by year.
        dated: by year, the period of each group of which some pair has a year.
        given: the sides that rows give themselves.
        by_rows: whether some do, even if those are divided all the same.
        parted: how many groups rows give to several sides.
        sides: of each group, passage and query; None: on no side.
        groups, largest: how many were divided, and the pairs of the largest.
        units: how many volumes, blocks of pages and so on hang together in them.
        held, held_pairs: what test queries of others hold out, of how many pairs.
        only: the side of everything, if there is but one.
    """

    by: str
    block_pages: int
    origins: Mapping[str, Mapping] = field(default_factory=dict)
    periods: Periods | None = None
    dated: dict[Key, str] = field(default_factory=dict)
    given: Given = field(default_factory=Given)
    by_rows: bool = False
    parted: int = 0
    sides: dict[Key, Split | None] = field(default_factory=dict)
    groups: int = 0
    largest: int = 0
    units: Counter[str] = field(default_factory=Counter)
    held: HeldOut = field(default_factory=HeldOut)
    held_pairs: int = 0
    only: Split | None = None

    def touched(self, record: Mapping, passage_id: str) -> list[Key]:
        """The groups that a passage, or the pair that names it, touches."""
        origin = self.origins.get(passage_id, record)
        if self.periods is None:
            return groups_of(origin, passage_id, self.by, self.block_pages)
        (group,) = groups_of(origin, passage_id, "volume", self.block_pages)
        period = self.periods.of(origin)
        if period == UNDATED:
            period = self.dated.get(group, UNDATED)
        return [("years", period, *group)]

    def within(self, group: Key) -> tuple[str, ...]:
        """What is added to a text's key where groups hang together by it: by year the
        period, so that texts of several periods are told from each other."""
        return () if self.periods is None else (joined_with(group[1]),)

    def side(self, record: Mapping, passage_id: str) -> Split | None:
        """The side of a document, or None where its pages, years or text lie on two."""
        if self.only is not None:
            return self.only
        own: list[Key] = [("passage", passage_id)]
        if "text" in record:
            key = text_key(record["text"])
            if self.held.among([key]):
                return "test"
            if key in self.given.texts:
                return self.given.texts[key]
            own.append(("text", key))
        sides = self._sides_of(own)
        for group in self.touched(record, passage_id):
            # A passage that comes from nowhere goes where its text is.
            if group[-2:] != own[0] or not sides:
                sides.add(self.sides.get(group, self._unmet(group)))
        return sides.pop() if len(sides) == 1 else None

    def pair_side(self, pair: Mapping) -> Split | None:
        """The side of a pair, or None where its pages, years or texts lie on two.

        Args:
            pair: a row with `pos_ids`, its texts or, instead, their `text_keys`, and
                perhaps the side that it gives itself.
        """
        side = self._pair_side(pair)
        if self.held and side != "test":
            # Asked of elsewhere too, and here on no side that is held out as much.
            keys = pair.get("text_keys") or text_keys(pair)
            return None if self.held.among(keys) else side
        return side

    def _pair_side(self, pair: Mapping) -> Split | None:
        if self.only is None and (side := pair.get(SPLIT)) is not None:
            keys = pair.get("text_keys") or text_keys(pair)
            if self.given.among(keys):
                return self.given.side(side, keys)
        sides = {self.side(pair, passage_id) for passage_id in pair["pos_ids"]}
        if self.periods is not None:
            keys = pair.get("text_keys") or text_keys(pair)
            sides |= self._sides_of(("text", key) for key in keys)
        return sides.pop() if len(sides) == 1 else None

    def periods_of(self, pair: Mapping) -> set[str]:
        """The periods of a pair's passages; none unless years decide."""
        if self.periods is None:
            return set()
        return {self.touched(pair, name)[0][1] for name in pair["pos_ids"]}

    def _unmet(self, group: Key) -> Split | None:
        """The side of a group without any pair."""
        return "train" if self.periods is None else SIDES[group[1]]

    def _sides_of(self, texts: Iterable[Key]) -> set[Split | None]:
        """The sides on which texts stand: of one text one, but for what years part."""
        periods = [()] if self.periods is None else [(period,) for period in PERIODS]
        keys = [(*text, *period) for text in texts for period in periods]
        return {self.sides[key] for key in keys if key in self.sides}


def divide(
    pairs: Iterable[Mapping],
    shares: Mapping[str, float],
    *,
    by: str = "volume",
    block_pages: int = 20,
    seed: int = 0,
    origins: Mapping[str, Mapping] | None = None,
    periods: Periods | None = None,
    held: HeldOut | None = None,
) -> Division:
    """Divide groups of pairs so that each side comes near its share of the pairs.

    Largest groups first (equal ones in the order of hash(seed, group)), each to the
    side that lacks most; no side with a share stays empty while there are groups
    enough. Documents in groups without any pair count as train.

    A pair of several passages holds their groups together, but for blocks of pages,
    all of which might hang together then: such a pair is on no side where its
    passages' blocks come to stand on several.

    By year the volumes of held-out years are test (and dev), all others train, those
    without a year among them; if no years are dev's, it is drawn from the dated others
    by its share and train's. A pair whose query or passages stand in several periods,
    or whose volume's years do, is on no side.

    Sides that rows give themselves are followed, see `arkiv.pairs.given`.

    Args:
        pairs: rows with `pos_ids`, `text_keys` as the function gives them, and any
            provenance, with the side that they give themselves; read once.
        shares: of the pairs, for train, dev and test; they need not sum to 1.
        by: `volume`, `pages` (blocks of `block_pages`), `passage` or `year`.
        seed: of the order among groups of equal size.
        origins: provenance of the passages by id, where it is known.
        periods: the years that are held out, by year.
        held: what the test queries of other datasets hold out (`arkiv.pairs.held_out`).

    Raises:
        InputError: fewer groups than sides with a share, none for train, or sides that
            rows give themselves where years decide.
    """
    pairs = list(pairs)
    division = Division(by, block_pages, origins or {}, periods, given=Given.of(pairs))
    division.by_rows = bool(division.given)
    division.held = held = held or HeldOut()
    # Of years, and of sides that rows give, the texts that are held out alone count.
    beside = held.pairs if periods is None and not division.given else ()
    if periods is not None:
        if division.given:
            raise InputError(
                f"is year, but rows say by `{SPLIT}` on which side they are; group "
                "them otherwise, or leave the field out",
                key="pairs.group_by",
            )
        division.dated = periods_of_groups(
            (tuple(group), period)
            for pair in pairs
            for passage_id in pair["pos_ids"]
            for _, period, *group in division.touched(pair, passage_id)
        )
    sets = sets_of(pairs, division.touched, division.within, seed, beside)
    division.groups = len(sets)
    division.largest = max((size for size, _ in sets), default=0)
    division.units = Counter(kind for _, members in sets for kind, *_ in members)
    if periods is not None:
        draw_dev = periods.dev is None and shares.get("dev", 0) > 0
        division.sides, sets = by_years(sets, periods, draw_dev)
        shares = {side: shares[side] for side in ("train", "dev") if sets}
    if division.given:
        asked = shares
        division.sides, sets, shares, division.parted = by_rows(
            sets, division.given, shares
        )
        lacks_dev = asked.get("dev", 0) > 0 and "dev" not in shares
        if lacks_dev and division.parted and "dev" not in division.given.texts.values():
            division.given.draw_dev(pairs, asked, seed)
    if beside:
        division.sides, sets, division.held_pairs = held.parted(sets)
        shares = left_to_draw(shares, sets, division.held_pairs)
    shares = {side: shares[side] for side in SPLITS if shares.get(side, 0) > 0}
    filled = {"test"} if division.held_pairs else set()
    groups = division.groups if beside else None
    division.sides.update(drawn(sets, shares, filled, by=by, groups=groups))
    return division
