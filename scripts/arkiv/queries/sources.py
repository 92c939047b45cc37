"""What queries are made from: documents, and groups of documents that follow on.

A group is a record like a document's, with `members`: its text is theirs, and a query
made from it has all of them as positives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from arkiv.base.files import Part, Record, check_text, count_lines, read_records
from arkiv.base.hashing import content_id, rng
from arkiv.pairs.provenance import ABOUT
from arkiv.queries.settings import Group


@dataclass(frozen=True)
class Sources:
    """The sources of one part of a file of documents; may be gone through many times.

    Each document, and after it the group that begins with it. A group reaches beyond
    the end of the part, so that groups do not depend on the number of parts; how often
    one begins and how many documents it has, `seed` draws.
    """

    path: str | Path
    part: Part
    group: Group
    seed: int

    def __iter__(self) -> Iterator[Record]:
        def check(record: Record) -> None:
            check_text(record, "id")
            check_text(record, "text")

        beyond = max(self.group.sizes) - 1 if self.group.share > 0 else 0
        read = read_records(self.path, check, part=self.part, beyond=beyond)
        documents = (document for _, document in read)
        ahead = deque(islice(documents, beyond + 1))
        for _ in self.part.bounds(count_lines(self.path)):
            yield ahead[0]
            if self.group.share > 0 and (group := self._beginning(list(ahead))):
                yield group
            ahead.popleft()
            ahead.extend(islice(documents, 1))

    def _beginning(self, documents: Sequence[Record]) -> Record | None:
        """The group that begins with the first of these documents, if one does.

        It depends on that document's id and on what follows alone: as many documents as
        the longest group has, unless the file ends before.
        """
        first = documents[0]
        draw = rng(self.seed, "group", first["id"])
        if draw.random() >= self.group.share:
            return None
        members = documents[: draw.choice(self.group.sizes)]
        volumes = {document.get("volume") for document in members}
        if len(volumes) > 1 or None in volumes or len(members) < min(self.group.sizes):
            return None
        ends = {
            f"{end}_{key}": document
            for end, document in (("first", members[0]), ("last", members[-1]))
            for key in ("page", "label")
        }
        return {
            "id": content_id(*(document["id"] for document in members)),
            "text": "\n\n".join(document["text"] for document in members),
            "volume": first["volume"],
            **{key: document[key] for key, document in ends.items() if key in document},
            **{key: first[key] for key in ABOUT if key in first},
            "members": members,
        }
