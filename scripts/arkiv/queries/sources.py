"""What queries are made from: documents, and groups of documents that follow on.

A group is a record like a document's, with `members`: its text is theirs, and a query
made from it has all of them as positives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from arkiv.base.files import (
    Part,
    Record,
    check_text,
    count_lines,
    read_records,
)
from arkiv.base.hashing import content_id, rng


@dataclass(frozen=True)
class Groups:
    """How often a group begins with a document, and how many documents it has.

    Attributes:
        share: of the documents.
        sizes: drawn from, each as likely.
        seed: of both choices.
    """

    share: float = 0.0
    sizes: Sequence[int] = (3, 4)
    seed: int = 0

    @property
    def longest(self) -> int:
        """Documents of the longest group; 1 where there are none."""
        return max(self.sizes) if self.share > 0 else 1

    def beginning(self, documents: Sequence[Record]) -> Record | None:
        """The group that begins with the first of these documents, if one does.

        It depends on that document's id and on what follows alone.

        Args:
            documents: at least `longest` of them, unless the file ends before.
        """
        first = documents[0]
        draw = rng(self.seed, "group", first["id"])
        if draw.random() >= self.share:
            return None
        members = list(documents)[: draw.choice(self.sizes)]
        volumes = {document.get("volume") for document in members}
        if len(volumes) > 1 or None in volumes or len(members) < min(self.sizes):
            return None
        ends = {"first_page": members[0], "last_page": members[-1]}
        return {
            "id": content_id(*(document["id"] for document in members)),
            "text": "\n\n".join(document["text"] for document in members),
            "volume": first["volume"],
            **{key: document[key] for key, document in ends.items() if key in document},
            "members": members,
        }


@dataclass(frozen=True)
class Sources:
    """The sources of one part of a file of documents; may be gone through many times.

    Each document, and after it the group that begins with it. A group reaches beyond
    the end of the part, so that groups do not depend on the number of parts.
    """

    path: str | Path
    part: Part
    groups: Groups

    def __iter__(self) -> Iterator[Record]:
        def check(record: Record) -> None:
            check_text(record, "id")
            check_text(record, "text")

        beyond = self.groups.longest - 1
        read = read_records(self.path, check, part=self.part, beyond=beyond)
        ahead: deque[Record] = deque()
        left = self._count()
        for _, document in read:
            ahead.append(document)
            if len(ahead) > beyond and left:
                left -= 1
                yield from self._first(ahead)
        while left:
            left -= 1
            yield from self._first(ahead)

    def _count(self) -> int:
        return len(self.part.bounds(count_lines(self.path)))

    def _first(self, ahead: deque[Record]) -> Iterator[Record]:
        yield ahead[0]
        if self.groups.share > 0 and (group := self.groups.beginning(ahead)):
            yield group
        ahead.popleft()
