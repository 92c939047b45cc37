"""Documents for Vespa, as JSON Lines, with the schema that they are of.

Forms are those of Vespa's document JSON format and its schema reference (8): tensors of
one dimension as arrays, mapped ones as objects. Token weights are a mapped tensor whose
labels are the tokens' numbers.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from arkiv.base.hashing import content_id
from arkiv.index.exact import Vectors
from arkiv.index.load.documents import (
    CONTROLS,
    HALF,
    clean,
    in_blocks,
    joined,
    lines_of,
    numbers,
    plain,
    weights,
)
from arkiv.index.load.languages import tag
from arkiv.index.load.source import Row, Source, rows_of
from arkiv.index.schema import MULTI

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

REMOVED = "removed.jsonl"
USUAL_ROWS = 2_000

# `{{` is a brace of the schema.
SCHEMA = """\
schema {name} {{
    document {name} {{
        struct line {{
            field page type int {{}}
            field label type string {{}}
            field line type string {{}}
            field image type string {{}}
            field box type array<int> {{}}
            field width type int {{}}
            field height type int {{}}
        }}
        field language type string {{
            indexing: set_language
        }}
        field id type string {{
            indexing: summary | attribute
            attribute: fast-search
        }}
        field text type string {{
            indexing: summary | index
            index: enable-bm25
        }}
        field title type string {{
            indexing: summary | index
            index: enable-bm25
        }}
        field dense type tensor<{cell}>(x[{dimensions}]) {{
            indexing: attribute | index
            attribute {{
                distance-metric: angular
            }}
        }}
        field sparse type tensor<float>(token{{}}) {{
            indexing: attribute
        }}
{multi}{fields}        field lines type array<line> {{
            indexing: summary
        }}
        field images type array<string> {{
            indexing: summary
        }}
    }}
    fieldset default {{
        fields: text
    }}
    rank-profile dense {{
        inputs {{
            query(dense) tensor<float>(x[{dimensions}])
        }}
        first-phase {{
            expression: closeness(field, dense)
        }}
    }}
    rank-profile sparse {{
        inputs {{
            query(sparse) tensor<float>(token{{}})
        }}
        first-phase {{
            expression: sum(query(sparse) * attribute(sparse))
        }}
    }}
    rank-profile text {{
        first-phase {{
            expression: bm25(text)
        }}
    }}
}}
"""
MULTI_FIELD = """\
        field multi type tensor<bfloat16>(token{{}}, x[{dimensions}]) {{
            indexing: attribute
            attribute: paged
        }}
"""
FIELD = """\
        field {name} type {kind} {{
            indexing: {indexing}{more}
        }}
"""
FAST = "\n            attribute: fast-search"
FILTERS = {
    "dataset": "string",
    "group": "string",
    "volume": "string",
    "type": "string",
    "reference": "string",
    "year": "int",
    "year_to": "int",
    "confidence": "float",
}
SHOWN = {
    "about": "string",
    "first_page": "int",
    "first_line": "int",
    "last_page": "int",
    "last_line": "int",
    "first_label": "string",
    "last_label": "string",
    "image_link": "string",
    "manifest": "string",
    "fingerprint": "string",
}
README = """\
# Passages for Vespa

`{name}.sd` goes into `schemas/` of your application package, then

    vespa deploy --wait 300
    cat {name}-*.jsonl removed.jsonl | vespa feed -

After the archive has changed, load again and feed the files that are new, and
`removed.jsonl`: it names the passages that are gone. `sparse` has the weights of tokens
by their numbers in the model's tokenizer; a query is given likewise, as
`input.query(sparse)`.
"""


class Vespa:
    """A `Format`, see `arkiv.index.load.folder`.

    Args:
        source: the index.
        schema: the name of the document type and its schema.
        most_rows: of a file.
    """

    name = "vespa"
    suffix = ".jsonl"
    usual_rows = USUAL_ROWS
    removals: str | None = REMOVED

    def __init__(self, source: Source, schema: str, most_rows: int) -> None:
        self._source, self._schema = source, schema
        self._language = tag(source.language)
        self.most_rows = most_rows
        text = self._written()
        readme = README.format(name=schema)
        self.beside = {f"{schema}.sd": text, "README.md": readme}
        self.form = content_id("vespa 1", text, self._language)

    def _written(self) -> str:
        dimensions = self._source.dimensions
        filters = "".join(
            FIELD.format(
                name=name, kind=kind, indexing="summary | attribute", more=FAST
            )
            for name, kind in FILTERS.items()
        )
        shown = "".join(
            FIELD.format(name=name, kind=kind, indexing="summary", more="")
            for name, kind in SHOWN.items()
        )
        multi = MULTI_FIELD.format(dimensions=dimensions)
        return SCHEMA.format(
            name=self._schema,
            cell="int8" if self._source.is_int8 else "float",
            dimensions=dimensions,
            multi=multi if self._source.has_multi else "",
            fields=filters + shown,
        )

    def _document_id(self, one: str) -> str:
        return f"id:arkiv:{self._schema}::{one}"

    def write(self, path: Path, batches: Iterator[pa.RecordBatch]) -> None:
        with open(path, "w", encoding="utf-8") as out:
            for batch in batches:
                for row in rows_of(batch):
                    put = json.dumps(self._document_id(row["id"]), ensure_ascii=False)
                    out.write(f'{{"put":{put},"fields":{self._fields(row)}}}\n')

    def _fields(self, row: Row) -> str:
        if CONTROLS.search(row["text"]):
            log.warning("passage %s: controls in its text are replaced", row["id"])
        fields = clean(plain(row))
        if self._language:
            fields = {"language": self._language} | fields
        tensors = {"sparse": weights(row), "dense": f"[{numbers(row['dense'], HALF)}]"}
        if MULTI in row:
            vectors = enumerate(row[MULTI])
            blocks = (f'"{place}":[{numbers(one, HALF)}]' for place, one in vectors)
            tensors["multi"] = "{" + ",".join(blocks) + "}"
        return joined(fields, **tensors)

    def removal(self, one: str) -> str:
        return json.dumps({"remove": self._document_id(one)}, ensure_ascii=False)

    def removed(self, line: str) -> str:
        return self._passage(json.loads(line)["remove"])

    def _passage(self, document_id: str) -> str:
        return document_id.removeprefix(self._document_id(""))

    def ids(self, path: Path) -> Iterator[str]:
        for line in lines_of(path):
            yield self._passage(line["put"])

    def vectors(self, path: Path) -> Iterator[Vectors]:
        pairs = (
            (self._passage(line["put"]), line["fields"]) for line in lines_of(path)
        )
        return in_blocks(pairs, self._source.dimensions)
