"""Join the parts of an index into one version of its table, and tell what it is.

What the parts wrote is added, rows that are another now are replaced, those of passages
that are gone are removed; words, filters and, in large tables, vectors are indexed.
Readers take the new version when all is done, and keep the one that they have open.
Beside the table come `index.json`, test queries with the passages that are found for
them, and a README.
"""

from __future__ import annotations

import logging
import os
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkiv.base.cli import parser, run
from arkiv.base.files import Record, write_json, write_records, written_whole
from arkiv.base.hashing import digest_of_files
from arkiv.base.setting_flags import add_settings
from arkiv.base.terminal import tell
from arkiv.encode.flags import add_embedder, add_reading, add_weights, encoder_of
from arkiv.encode.models import encoder_directory
from arkiv.encode.tokenizer import TOKENIZER
from arkiv.index.asking import encoded
from arkiv.index.committing import commit
from arkiv.index.expected import chosen, fitted, records
from arkiv.index.parts import Part
from arkiv.index.reading import Query, Table
from arkiv.index.schema import LAYOUT, RECALL, schema
from arkiv.index.settings import Index
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.weights import read_weights

if TYPE_CHECKING:
    from arkiv.encode.encoder import Encoder

log = logging.getLogger("commit_index")

README = """\
# The passages of {run}, to be searched

    python scripts/search_index.py {index} {query} \\
        --mode hybrid

in arkiv's directory; `--volume`, `--year 1840-1850`, `--type` and others tell where,
`--help` lists them all, and `--check` sees that this machine's model finds what is
expected. `passages.lance` is the table, which LanceDB opens as `passages` of this
folder; `index.json` says by which model and how it was made, `expected.jsonl` what
{count} test queries find. docs/index.md of arkiv tells the rest.
"""


def model_told(encoder: Encoder, given: Namespace) -> Record:
    """The model, and how it reads texts."""
    path = Path(given.model)
    description = encoder.kind.description
    return {
        "name": given.name,
        "path": os.path.relpath(path, given.index),
        "hash": digest_of_files(path),
        "tokenizer_hash": digest_of_files(encoder_directory(path) / TOKENIZER),
        "pooling": description.pooling,
        "query_prompt": description.query_prompt,
        "passage_prompt": description.passage_prompt,
        "query_max_length": encoder.kind.length(given.query_max_length),
        "passage_max_length": encoder.kind.length(given.max_length),
    }


def counted(dataset: Any) -> Record:
    """How many rows there are, and of how many volumes, by dataset."""
    table = dataset.to_table(columns=["dataset", "volume"])
    groups = table.group_by("dataset").aggregate(
        [("volume", "count_distinct"), ([], "count_all")]
    )
    return {
        "passages": len(table),
        "datasets": {
            row["dataset"] or "": {
                "passages": row["count_all"],
                "volumes": row["volume_count_distinct"],
            }
            for row in sorted(groups.to_pylist(), key=lambda row: row["dataset"] or "")
        },
    }


def weights_told(given: Namespace) -> dict[str, float]:
    """The weights of modes as the run measured them."""
    names = ("dense", "sparse", "multi_vector")
    weights = given.weights
    if given.weights_of:
        weights = read_weights(given.weights_of, len(names))
    return dict(zip(names, map(float, weights), strict=True))


def described(dataset: Any, encoder: Encoder, given: Namespace) -> Record:
    """What is said of the index but for what is found in it."""
    return {
        "layout": LAYOUT,
        "model": model_told(encoder, given),
        "dimensions": encoder.kind.dim,
        "vocabulary": encoder.kind.config.vocab_size,
        "vectors": given.vectors,
        "multi_vectors": given.multi_vectors,
        "language": given.language,
        "ann_from": given.ann_from,
        "weights": weights_told(given),
        "counts": counted(dataset),
    }


def write_beside(table: Table, queries, asked: Sequence[Query], given: Namespace):
    """What lies beside the table; last what tells that it is there, and of what."""
    write_records(given.expected, records(table, queries, asked))
    with written_whole(given.readme) as beside:
        text = README.format(
            run=given.run_name,
            index=shlex.quote(given.index),
            query=shlex.quote(" ".join(queries[0]["query"].split())),
            count=len(queries),
        )
        beside.write_text(text, encoding="utf-8")
    write_json(given.about, {**table.about, "version": table.version})


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        index="DIR of the index",
        parts="JSON... of index_passages.py",
        queries="JSONL test queries",
        run_name="NAME of the run",
        name="NAME of the model in the run",
        weights_of="[JSON] weights of scores that fit_weights.py learnt",
        about="JSON what the index is",
        expected="JSONL what test queries find",
        readme="FILE",
    )
    names = ("vectors", "multi_vectors", "language", "ann_from")
    add_settings(arguments, Index, *names)
    add_weights(arguments)
    add_embedder(arguments)
    add_reading(arguments)
    given = arguments.parse_args(argv)

    queries = chosen(read_ordered(given.queries, queries=True))
    with encoder_of(given) as encoder:
        asked = encoded(
            encoder,
            [query["query"] for query in queries],
            given.query_max_length,
            cache=given.cache,
            job=f"{given.about} queries",
            multi=given.multi_vectors,
        )
        folder = Path(given.index)
        new = commit(
            folder,
            [Part.read(path) for path in given.parts],
            schema(encoder.kind.dim, given.vectors, multi=given.multi_vectors),
            partial(described, encoder=encoder, given=given),
            partial(fitted, folder, queries=asked),
        )
    table = Table(folder)
    write_beside(table, queries, asked, given)
    rows = f"{len(table):,} passages"
    lines = [f"{'New' if new else 'Unchanged'}: version {table.version}, {rows}"]
    if RECALL in table.about:
        share = table.about[RECALL]
        lines.append(f"Dense search is approximate: recall@10 is {share:.3f}")
    tell(lines)


if __name__ == "__main__":
    sys.exit(run(main))
