"""Write one part of an index's rows: passages with encodings, places and links.

Rows that the table of the index has already, unchanged, are not written again. What is
written belongs to no version of the table until commit_index.py joins all parts; the
output lists both.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from arkiv.base.cli import add_part, parser, run
from arkiv.base.files import Record
from arkiv.base.hashing import content_id, digest_of_files
from arkiv.base.named import named
from arkiv.base.setting_flags import add_settings
from arkiv.documents.places import Places
from arkiv.encode.flags import add_embedder, add_reading, encoder_of
from arkiv.encode.models import check_model
from arkiv.index.parts import BATCH, write_part
from arkiv.index.rows import Origin, batch_of, described, ordered_part
from arkiv.index.schema import LAYOUT, schema
from arkiv.index.settings import Index
from arkiv.settings.image_links import ImageLinks, ManifestLinks

if TYPE_CHECKING:
    import pyarrow as pa

    from arkiv.encode.encoder import Encoded, Encoder

log = logging.getLogger("index_passages")


def recipe(encoder: Encoder, given: Namespace) -> str:
    """A hash of all that encodings of passages depend on."""
    from arkiv.encode.cache import VERSIONS

    kind = encoder.kind
    everything = {
        "layout": LAYOUT,
        "model": digest_of_files(given.model),
        "versions": VERSIONS,
        "prompt": kind.prompted("", "passage"),
        # As asked for: what they become on this machine moves the last digits alone.
        "precision": given.precision,
        "attention": given.attention,
        **kind.settings(max_length=given.max_length),
        "vectors": given.vectors,
        "multi_vectors": given.multi_vectors,
    }
    return content_id(json.dumps(everything, sort_keys=True))


def origin_of(encoder: Encoder, given: Namespace) -> Origin:
    """What rows are made of beside passages.

    Raises:
        InputError: a file of lines is damaged, or an address is none.
    """
    images = ImageLinks(given.image_link)

    def image(passage: Record) -> str | None:
        found = images.of(passage)
        return found[0][1] if found else None

    return Origin(
        {name: Places(path) for name, path in named(given.lines, "--lines").items()},
        image,
        ManifestLinks(given.manifest_link).of,
        recipe(encoder, given),
    )


def encoded(encoder: Encoder, texts: list[str], given: Namespace) -> Encoded:
    """Dense vectors and token weights of passages, from the cache where it has them."""
    from arkiv.encode.encoder import Encoded

    asked = {
        "max_length": given.max_length,
        "cache": given.cache,
        "job": f"{given.output} index",
    }
    if "sparse" in encoder.kind.gives:
        return encoder.embed_with_weights(texts, "passage", **asked)
    return Encoded(dense=encoder.embed(texts, "passage", **asked))


def filled(
    encoder: Encoder, rows: list[Record], columns: pa.Schema, given: Namespace
) -> Iterator[pa.RecordBatch]:
    """Rows with their encodings, some at a time."""
    began = time.monotonic()
    found = encoded(encoder, [row["text"] for row in rows], given)
    log.info("%d passages encoded in %.1f s", len(rows), time.monotonic() - began)
    for start in range(0, len(rows), BATCH):
        some = slice(start, start + BATCH)
        of_batch = replace(
            found,
            dense=found.dense[some],
            sparse=None if found.sparse is None else found.sparse[some],
        )
        if given.multi_vectors:
            # Too large to keep: computed batch by batch, whenever a row is written.
            tokens = encoder.encode(
                [row["text"] for row in rows[some]],
                "passage",
                max_length=given.max_length,
                dense=False,
                multi_vector=True,
                quietly=True,
            )
            of_batch = replace(of_batch, multi_vector=tokens.multi_vector)
        yield batch_of(rows[some], of_batch, columns, given.vectors)


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        corpus="JSONL all passages",
        index="DIR of the index",
        lines="[DATASET=JSONL...] where documents' lines stand",
        image_link="[ADDRESS] of a page's image",
        manifest_link="[ADDRESS] of a volume's IIIF manifest",
        output="JSON what was found and written",
    )
    add_part(arguments, of="passages")
    add_settings(arguments, Index, "vectors", "multi_vectors")
    add_embedder(arguments)
    add_reading(arguments)
    given = arguments.parse_args(argv)

    check_model(given.model, "m3")
    began = time.monotonic()
    with encoder_of(given) as encoder:
        columns = schema(encoder.kind.dim, given.vectors, multi=given.multi_vectors)
        origin = origin_of(encoder, given)
        passages = ordered_part(given.corpus, given.part)
        part = write_part(
            Path(given.index),
            (described(passage, origin) for passage in passages),
            columns,
            lambda rows: filled(encoder, rows, columns, given),
        )
    part.write(given.output)
    written = sum(len(one["ids"]) for one in part.fragments)
    log.info(
        "%d of %d rows written in %.1f s",
        *(written, len(part.wanted), time.monotonic() - began),
    )


if __name__ == "__main__":
    sys.exit(run(main))
