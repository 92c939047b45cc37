"""Bulk files for Elasticsearch (8.11 or newer) and OpenSearch (2.12 or newer).

Lines of the bulk API in pairs: an action, which names the passage, and the document.
Lines on images are kept to be shown and not searched: as nested documents each would be
one more in the index. Token weights are features named by the token's number; both keep
9 bits of a weight.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id
from arkiv.index.exact import Vectors
from arkiv.index.load.documents import (
    HALF,
    in_blocks,
    joined,
    lines_of,
    numbers,
    plain,
    weights,
)
from arkiv.index.load.languages import analyzer
from arkiv.index.load.source import Row, Source, rows_of
from arkiv.index.schema import PLACE, YEARS

if TYPE_CHECKING:
    import pyarrow as pa

MAPPING = "mapping.json"
REMOVED = "removed.ndjson"
# A document of 1,024 dimensions has some 20 kB, and a request should have some 10 MB.
USUAL_ROWS = 500
KEYWORDS = ("id", "dataset", "group", "volume", "type", "reference")
INTEGERS = (*YEARS, *PLACE)
# What is kept for whoever shows a passage.
SHOWN = ("first_label", "last_label", "images", "image_link", "manifest", "fingerprint")
KEPT = {"type": "object", "enabled": False}
KEPT_TEXT = {"type": "keyword", "index": False, "doc_values": False}

README = """\
# Passages for {title}

`mapping.json` makes the index; each `{name}-*.ndjson` goes to its bulk API:

    curl -X PUT -H 'Content-Type: application/json' --data-binary @mapping.json \\
        "$URL/{name}"
    for file in {name}-*.ndjson removed.ndjson; do
        test -s "$file" && curl -X POST -H 'Content-Type: application/x-ndjson' \\
            --data-binary "@$file" "$URL/{name}/_bulk"
    done

Each answer must say `"errors": false` (of `removed.ndjson` a passage may be missing).
After the archive has changed, load again and send the files that are new, and
`removed.ndjson`: it names the passages that are gone. `sparse` has the weights of
tokens by their numbers in the model's tokenizer; a query is given likewise.
"""


class Elastic:
    """A `Format`, see `arkiv.index.load.folder`.

    Args:
        source: the index.
        index: the name of the search engine's index.
        most_rows: of a file.

    Raises:
        InputError: vectors have more dimensions than it takes.
    """

    suffix = ".ndjson"
    usual_rows = USUAL_ROWS
    removals: str | None = REMOVED
    name = "elasticsearch"
    most_dimensions = 4_096
    title = "Elasticsearch"

    def __init__(self, source: Source, index: str, most_rows: int) -> None:
        if source.dimensions > self.most_dimensions:
            raise InputError(
                f"takes vectors of {self.most_dimensions} dimensions, those of the "
                f"index have {source.dimensions}",
                key=f"--{self.name}",
            )
        self._source = source
        self.most_rows = most_rows
        mapping = json.dumps(self._mapping(), indent=2) + "\n"
        readme = README.format(title=self.title, name=index)
        self.beside = {MAPPING: mapping, "README.md": readme}
        self.form = content_id(f"{self.name} 1", mapping)

    def _mapping(self) -> dict[str, Any]:
        how = {"type": "text", "analyzer": analyzer(self._source.language)}
        properties: dict[str, Any] = {
            **{name: {"type": "keyword"} for name in KEYWORDS},
            **{name: {"type": "integer"} for name in INTEGERS},
            **dict.fromkeys(SHOWN, KEPT_TEXT),
            "text": how,
            "title": how,
            "confidence": {"type": "float"},
            "about": self._about(),
            "lines": KEPT,
            "dense": self._dense(),
            "sparse": {"type": self._sparse_type()},
        }
        return {
            **self._settings(),
            "mappings": {"dynamic": "strict", "properties": properties},
        }

    def _settings(self) -> dict[str, Any]:
        return {}

    def _about(self) -> dict[str, Any]:
        # Lucene takes no term of more than 32,766 bytes.
        return {"type": "flattened", "ignore_above": 8191}

    def _dense(self) -> dict[str, Any]:
        return {
            "type": "dense_vector",
            "dims": self._source.dimensions,
            "element_type": "byte" if self._source.is_int8 else "float",
            "index": True,
            "similarity": "cosine",
            # By default newer versions keep vectors in fewer bits.
            "index_options": {"type": "hnsw"},
        }

    def _sparse_type(self) -> str:
        return "sparse_vector"

    def write(self, path: Path, batches: Iterator[pa.RecordBatch]) -> None:
        with open(path, "w", encoding="utf-8") as out:
            for batch in batches:
                for row in rows_of(batch):
                    action = json.dumps(
                        {"index": {"_id": row["id"]}}, ensure_ascii=False
                    )
                    out.write(f"{action}\n{_document(row)}\n")

    def removal(self, one: str) -> str:
        return json.dumps({"delete": {"_id": one}}, ensure_ascii=False)

    def removed(self, line: str) -> str:
        return json.loads(line)["delete"]["_id"]

    def ids(self, path: Path) -> Iterator[str]:
        for action in _every_second(lines_of(path)):
            yield action["index"]["_id"]

    def vectors(self, path: Path) -> Iterator[Vectors]:
        found = lines_of(path)
        pairs = ((action["index"]["_id"], next(found)) for action in found)
        return in_blocks(pairs, self._source.dimensions)


class OpenSearch(Elastic):
    """The same for OpenSearch, whose types are called otherwise."""

    name = "opensearch"
    most_dimensions = 16_000
    title = "OpenSearch"

    def _settings(self) -> dict[str, Any]:
        return {"settings": {"index": {"knn": True}}}

    def _about(self) -> dict[str, Any]:
        return KEPT

    def _dense(self) -> dict[str, Any]:
        return {
            "type": "knn_vector",
            "dimension": self._source.dimensions,
            "data_type": "byte" if self._source.is_int8 else "float",
            "method": {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"},
        }

    def _sparse_type(self) -> str:
        return "rank_features"


def _document(row: Row) -> str:
    document = plain(row)
    if "about" in document:
        document["about"] = json.loads(document["about"])
    dense = f"[{numbers(row['dense'], HALF)}]"
    return joined(document, sparse=weights(row), dense=dense)


def _every_second(lines: Iterator[Any]) -> Iterator[Any]:
    """The first of each pair."""
    for line in lines:
        yield line
        next(lines)
