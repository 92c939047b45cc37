"""What is counted: passages, or the pages or cases (groups) that they are of.

Whoever looks for a page or a case does not care which of its passages a search finds.
So a unit scores as its best passage does (the MaxP of Dai and Callan, Deeper text
understanding for IR with contextual neural language modeling, 2019), which leaves its
rank to be that of the first of its passages; and it is as relevant as the most relevant
of them. Runs and judgements stay those of passages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_records
from arkiv.evaluate.settings import PASSAGE
from arkiv.retrieve.collection import check_passage
from arkiv.retrieve.trec import Qrels, Run

KEY = "evaluate.unit"
# What a passage must have to be of a unit.
WANTED = {
    "page": "`volume` and `first_page` (or `first_label`)",
    "group": "`group`",
}
PLURAL = {"page": "pages", "group": "groups"}


def unit_of(passage: Mapping[str, Any], unit: str) -> Hashable | None:
    """The page or group that a passage is of; None: not known.

    A passage that runs over several pages is of the first of them. Names of two
    datasets are two.
    """
    dataset = passage.get("dataset", "")
    if unit == "group":
        group = passage.get("group")
        return None if group is None else (dataset, group)
    volume, page = passage.get("volume"), passage.get("first_page")
    if page is None:
        page = passage.get("first_label")
    return None if volume is None or page is None else (dataset, volume, page)


def check_known(
    unit: str, passages: Iterable[Mapping[str, Any]], relevant: Container[str]
) -> None:
    """Refuse a collection of which relevant passages are of no unit.

    Before anything is trained: `Units.read` comes when all is done.

    Args:
        relevant: ids of passages that are relevant to some query.

    Raises:
        InputError: with how many, by their datasets.
    """
    if unit == PASSAGE:
        return
    lacking = Counter(
        passage.get("dataset", "")
        for passage in passages
        if passage["id"] in relevant and unit_of(passage, unit) is None
    )
    if lacking:
        by_dataset = ", ".join(f"{n:,} of {name}" for name, n in lacking.items())
        raise InputError(
            f"is {unit}, but of the passages that test queries ask for some have no "
            f"{WANTED[unit]}: {by_dataset}; give it in the rows, or count passages",
            key=KEY,
        )


@dataclass(frozen=True)
class Units:
    """The unit of each passage.

    Attributes:
        unit: page or group.
        of: by passage id the unit's name; a passage of none is one by itself.
        alone: how many passages are of none.
    """

    unit: str
    of: Mapping[str, str]
    alone: int = 0

    @classmethod
    def read(
        cls, unit: str, corpus: str | Path | None, relevant: Iterable[str]
    ) -> Units | None:
        """Of a collection's passages; None: passages are counted.

        Args:
            relevant: ids of passages that are relevant to some query.

        Raises:
            InputError: there is no corpus, or one of those passages is of no unit.
        """
        if unit == PASSAGE:
            return None
        if corpus is None:
            reason = f"is {unit}, which needs --corpus, the passages with their places"
            raise InputError(reason, key="--unit")
        relevant, numbers, of, alone = set(relevant), {}, {}, 0

        def check(passage: Record) -> None:
            check_passage(passage)
            if unit_of(passage, unit) is None and passage["id"] in relevant:
                raise InputError(
                    f"has no {WANTED[unit]}, which {KEY} ({unit}) counts relevant "
                    "passages by; give it in the rows, or count passages"
                )

        for _, passage in read_records(corpus, check):
            own = unit_of(passage, unit)
            alone += own is None
            known = ("passage", passage["id"]) if own is None else own
            of[passage["id"]] = f"unit-{numbers.setdefault(known, len(numbers))}"
        return cls(unit, of, alone)

    def run(self, run: Run) -> Run:
        """The units of each query in the order of their best passages."""
        return {
            query: list(dict.fromkeys(self.of.get(key, key) for key in passages))
            for query, passages in run.items()
        }

    def qrels(self, qrels: Qrels) -> Qrels:
        """The grade of each unit, the highest of its passages."""
        found: Qrels = {}
        for query, grades in qrels.items():
            units = found.setdefault(query, {})
            for key, grade in grades.items():
                name = self.of.get(key, key)
                units[name] = max(grade, units.get(name, grade))
        return found

    def counts(self) -> dict[str, Any]:
        """What `metrics.json` says of it."""
        return {
            "unit": self.unit,
            "units": len(set(self.of.values())),
            "passages": len(self.of),
            "alone": self.alone,
        }


def told(metrics: Mapping[str, Any]) -> str:
    """What is counted, in sentences; nothing where passages are."""
    counted = metrics.get("counted")
    if not counted:
        return ""
    unit = counted["unit"]
    of_none = (
        f" {counted['alone']:,} of the passages are of no {unit} that is known, and "
        "count by themselves."
        if counted["alone"]
        else ""
    )
    return (
        f"Counted are {PLURAL[unit]}, not passages (evaluate.unit): a {unit} stands "
        "where the first of its passages stands, and is as relevant as the most "
        f"relevant of them. {counted['passages']:,} passages make "
        f"{counted['units']:,} {PLURAL[unit]}.{of_none}"
    )
