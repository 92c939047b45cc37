"""What datasets of a run, divided already, hold out of one that is all trained on.

Each of them is asked of a passage by itself. One that has its text says on which side
that is; one that has passages of what it lies in (its volume, block of pages or group)
says on which side those are. A passage may be trained on if none says otherwise than
train; of what nobody knows nothing is held out but the years of dev and test, where
years decide.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import Record, check_text, read_records
from arkiv.base.hashing import content_id, text_key
from arkiv.pairs.division import SPLITS, groups_of, read_pairs, text_keys
from arkiv.pairs.periods import SIDES, Periods

TRAIN = "train"


def check_divided(record: Record) -> None:
    """Refuse, by an InputError with the key, what is no passage with its side."""
    check_text(record, "text")
    if record.get("split", "") not in (*SPLITS, None):
        raise InputError("is no side, expected a corpus of split_pairs.py", key="split")


@dataclass
class Elsewhere:
    """What others hold out.

    Attributes:
        by: `volume`, `pages`, `passage` or `year`, as they were divided.
        block_pages: of a block of pages.
        periods: the years that are held out, by year.
        texts: keys of all texts that are held out, queries and passages.
        known: of each of them the sides, by text and by group.
    """

    by: str
    block_pages: int
    periods: Periods | None = None
    texts: set[int] = field(default_factory=set)
    known: list[dict[Hashable, set[str | None]]] = field(default_factory=list)

    def read(
        self,
        passages: Iterable[Mapping],
        corpora: Iterable[str | Path],
        pairs: Iterable[str | Path],
    ) -> None:
        """Learn what others say of these passages.

        Args:
            passages: that they will be asked of.
            corpora: of each dataset all passages, with the side of each as `split`.
            pairs: of test and dev.

        Raises:
            InputError: as `read_records`, `check_divided` and `read_pairs`.
        """
        asked = {key for one in passages for key in self._keys(one)}
        for path in corpora:
            sides: dict[Hashable, set[str | None]] = {}
            for _, record in read_records(path, check_divided):
                for key in asked.intersection(self._keys(record)):
                    sides.setdefault(key, set()).add(record["split"])
                if record["split"] != TRAIN:
                    self.texts.add(text_key(record["text"]))
            self.known.append(sides)
        for path in pairs:
            for _, pair in read_pairs(path):
                self.texts.update(text_keys(pair))

    def holds(self, text: str) -> bool:
        """Whether a text, be it a query's, is held out."""
        return text_key(text) in self.texts

    def holds_passage(self, passage: Record) -> bool:
        """Whether a passage is held out, or what it lies in."""
        if self.holds(passage["text"]):
            return True
        if self.periods and SIDES[self.periods.of(passage)] != TRAIN:
            return True
        text, *groups = self._keys(passage)
        for sides in self.known:
            found = sides.get(text)
            if found is None:
                # A passage on no side lies across the end of blocks: the others tell.
                met = [sides[group] for group in groups if group in sides]
                found = {side for one in met for side in (one - {None} or one)}
            if found - {TRAIN}:
                return True
        return False

    def _keys(self, passage: Mapping) -> list[Hashable]:
        """What a passage is known by: its text first, then its groups."""
        by = "volume" if self.by == "year" else self.by
        name = content_id(passage["text"])
        groups = groups_of(passage, name, by, self.block_pages)
        return [("text", text_key(passage["text"])), *groups]
