"""Lines set aside before words are joined: read too unsurely, or page furniture."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from arkiv.base.files import Record
from arkiv.pages.page import Line, Page, names_of

LOW = "line below min_confidence"
SKIPPED = "line in one of skip_regions"
UNHELD = "text of a region that none of its lines holds"


@dataclass(frozen=True)
class LineFilter:
    """Which lines are left out of the documents."""

    min_confidence: float | None = None
    """Lines without a number stay."""
    skip_regions: Set[str] = frozenset()
    """Classes of regions, in lower case; a line in one of them, at any depth."""

    def fault(self, line: Line) -> tuple[str, str] | None:
        """The kind of fault of a line and the reason in full, or None."""
        skipped = self.skip_regions and [
            name
            for name in line.regions
            if not self.skip_regions.isdisjoint(names_of(name))
        ]
        if skipped:
            return SKIPPED, f"lies in a region of class {skipped[0]}"
        limit = self.min_confidence
        if limit is None or line.confidence is None or line.confidence >= limit:
            return None
        return LOW, f"has the confidence {line.confidence:.6g}, less than {limit:g}"

    def divide(self, page: Page, volume: str) -> tuple[Page, list[tuple[str, Record]]]:
        """The page without those lines, and their records, each with its kind.

        Where the text of the page itself has a gap an empty line is left, over which no
        word is joined; a word goes on behind a page number or a note in the margin.
        """
        kept: list[Line] = []
        aside: list[tuple[str, Record]] = []
        for line in page.lines:
            fault = self.fault(line)
            if fault is None:
                kept.append(line)
                continue
            kind, reason = fault
            if kind == LOW:
                kept.append(replace(line, text="", whole=None, rest_of=None))
            aside.append((kind, line_record(page, line, volume, reason)))
        reason = "is said of the region as a whole, and not in its lines"
        aside += (
            (UNHELD, line_record(page, line, volume, reason)) for line in page.unheld
        )
        return replace(page, lines=tuple(kept)), aside


def line_record(page: Page, line: Line, volume: str, reason: str) -> Record:
    """A line that was set aside, and where it stands."""
    return {
        "reason": reason,
        "volume": volume,
        "page": page.number,
        "image": page.image,
        "line": line.number,
        "line_id": line.id,
        "regions": list(line.regions),
        "confidence": line.confidence,
        "words": len(line.text.split()),
        "text": line.text,
    }
