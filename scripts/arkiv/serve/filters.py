"""Which passages are searched: by dataset, volume, years, type and confidence."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Protocol

from arkiv.base.errors import InputError
from arkiv.base.hashing import nfc
from arkiv.base.html import number
from arkiv.base.numbers import share
from arkiv.base.years import EXPECTED, years
from arkiv.evaluate.units import unit_of
from arkiv.serve.volumes import named

if TYPE_CHECKING:
    from arkiv.base.files import Record

# From the name of a parameter to its value, or None.
Get = Callable[[str], str | None]


class Filtered(Protocol):
    """What is searched, as far as filters must know it."""

    facets: Facets
    volumes: Sequence[str]

    def within(self, typed: str) -> Sequence[str]:
        """The volumes that a name, or the beginning of several, means."""


def shown(text: str) -> str:
    """What someone gave instead of a name, short enough to be shown."""
    return " ".join(text[:40].split()) + ("…" if len(text) > 40 else "")


@dataclass(frozen=True)
class Filters:
    """What passages must be to be searched; None: whatever they are.

    What a passage does not say of itself it is not: one without a year is of no years,
    one whose confidence is unknown is not read with any.

    Attributes:
        dataset: name of theirs.
        volume: name of theirs, or how the names of several begin.
        years: first and last, of which theirs must have one.
        type: of their volume.
        confidence: the least with which they were recognised.
    """

    dataset: str | None = None
    volume: str | None = None
    years: tuple[int, int] | None = None
    type: str | None = None
    confidence: float | None = None

    @classmethod
    def of(cls, get: Get, index: Filtered) -> Filters:
        """What an address or a form asks for.

        Raises:
            InputError: with a sentence for whoever asked.
        """
        return cls(**{name: read(get(name), index) for name, read in READ.items()})

    @classmethod
    def kept(cls, get: Get, index: Filtered) -> Filters:
        """As `of`, without those that cannot be."""
        filters = cls()
        for name, read in READ.items():
            with contextlib.suppress(InputError):
                filters = replace(filters, **{name: read(get(name), index)})
        return filters

    def fields(self) -> list[tuple[str, str]]:
        """The parameters that ask for them again."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.years is not None:
            found["years"] = span(self.years)
        return [
            (name, str(value)) for name, value in found.items() if value is not None
        ]

    def told(self, index: Filtered) -> str:
        """In which passages is searched, in words."""
        parts = [] if self.dataset is None else [f"dataset {self.dataset}"]
        if index.volumes:
            parts.append(self._told_of_volume(index))
        if self.years is not None:
            parts.append(span(self.years, "–"))
        if self.type is not None:
            parts.append(self.type)
        if self.confidence is not None:
            parts.append(f"confidence {self.confidence} or more")
        return ", ".join(parts)

    def _told_of_volume(self, index: Filtered) -> str:
        if self.volume is None:
            return "all volumes"
        count = len(index.within(self.volume))
        if count == 1:
            return f"volume {self.volume}"
        return f"{number(count)} volumes “{self.volume}…”"


def span(given: tuple[int, int], dash: str = "-") -> str:
    """A span of years as people write it."""
    first, last = given
    return str(first) if first == last else f"{first}{dash}{last}"


def _name_of(
    kind: str, names: Callable[[Filtered], Iterable[str]]
) -> Callable[[str | None, Filtered], str | None]:
    def read(typed: str | None, index: Filtered) -> str | None:
        typed = nfc(typed or "").strip()
        if not typed:
            return None
        known = {name.casefold(): name for name in names(index)}
        if typed in names(index):
            return typed
        if typed.casefold() not in known:
            raise InputError(f"There is no {kind} “{shown(typed)}” here")
        return known[typed.casefold()]

    return read


def _volume_of(typed: str | None, index: Filtered) -> str | None:
    """The volume that someone has typed, or the beginning of several."""
    typed = nfc(typed or "")
    if not typed.strip():
        return None
    found = named(index.volumes, typed)
    if not found:
        raise InputError(f"There is no volume “{shown(typed)}” here")
    return found[0] if len(found) == 1 else typed.strip()


def _years_of(typed: str | None, index: Filtered) -> tuple[int, int] | None:
    try:
        return years(typed, "years")
    except InputError:
        raise InputError(
            f"The years are “{shown(typed or '')}”, expected {EXPECTED}"
        ) from None


def _confidence_of(typed: str | None, index: Filtered) -> float | None:
    if not (typed or "").strip():
        return None
    found = share((typed or "").replace(",", "."))
    if found is None:
        raise InputError(
            f"The confidence is “{shown(typed or '')}”, expected a number from 0 to 1"
        )
    return found


# From what was given for a filter to its value.
READ: dict[str, Callable[[str | None, Filtered], object]] = {
    "dataset": _name_of("dataset", lambda index: index.facets.datasets),
    "volume": _volume_of,
    "years": _years_of,
    "type": _name_of("type", lambda index: index.facets.types),
    "confidence": _confidence_of,
}


@dataclass(frozen=True)
class Facets:
    """What the passages of an archive can be told apart by.

    Attributes:
        datasets: their names, in order.
        types: of volumes, in order.
        years: the first and the last of all; None: of none it is known.
        confidence: whether that of any is known.
        units: what hits can be gathered by: page, volume, case.
    """

    datasets: Sequence[str] = ()
    types: Sequence[str] = ()
    years: tuple[int, int] | None = None
    confidence: bool = False
    units: Sequence[str] = ()

    @classmethod
    def of(cls, passages: Iterable[Record]) -> Facets:
        """Those of passages, gone through once."""
        datasets, types, units = Counter[str](), Counter[str](), Counter[str]()
        spans: set[int] = set()
        confidence = False
        for passage in passages:
            if (dataset := passage.get("dataset")) is not None:
                datasets[dataset] += 1
            if (kind := passage.get("type")) is not None:
                types[kind] += 1
            spans.update(years_of(passage) or ())
            confidence = confidence or passage.get("confidence") is not None
            units.update(unit for unit in UNITS if gathered_by(passage, unit))
        return cls(
            sorted(datasets),
            sorted(types),
            (min(spans), max(spans)) if spans else None,
            confidence,
            [unit for unit in UNITS if units[unit]],
        )


# What hits can be gathered by, and what `arkiv.evaluate.units` calls it.
UNITS = {"page": "page", "volume": "volume", "case": "group"}


def gathered_by(passage: Record, unit: str) -> object | None:
    """The page, volume or case that a passage is of; None: not known."""
    if unit != "volume":
        return unit_of(passage, UNITS[unit])
    volume = passage.get("volume")
    return None if volume is None else (passage.get("dataset", ""), volume)


def years_of(passage: Record) -> tuple[int, int] | None:
    """The first and last year of a passage, if they are known."""
    first, last = passage.get("year"), passage.get("year_to")
    if first is None and last is None:
        return None
    return (
        last if first is None else first,
        first if last is None else last,
    )


# No filter at all.
ANY = Filters()
