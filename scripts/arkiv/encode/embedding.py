"""From a file of texts to a file of dense vectors, shared by corpus and queries."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import Part, check_text, count_lines, read_records, write_array
from arkiv.encode.flags import encoder_of
from arkiv.encode.kind import Side

log = logging.getLogger("arkiv.encode.embedding")


def embed_lines(
    path: str | Path,
    key: str,
    side: Side,
    options: argparse.Namespace,
    part: Part = Part(1, 1),  # noqa: B008 - frozen
    also: Sequence[str] = (),
) -> None:
    """Embed `key` of every line of a part; write (lines, dim) float16.

    Args:
        key: the text of a record.
        options: what `add_model`, `add_reading` and `add_cache` add, and `output`.
        part: of the lines; a part without lines gives an array without rows.
        also: what `Encoder.embed` keeps beside.

    Raises:
        InputError: an empty file, a record without the text, or the model's faults.
    """
    if not count_lines(path):
        raise InputError("the corpus is empty, expected a text a line", file=path)

    records = read_records(path, partial(check_text, key=key), part=part)
    texts = [record[key] for _, record in records]
    started = time.monotonic()
    with encoder_of(options) as encoder:
        vectors = encoder.embed(
            texts,
            side,
            max_length=options.max_length,
            cache=options.cache,
            job=str(options.output),
            also=also,
        )
    write_array(options.output, vectors)
    seconds = time.monotonic() - started
    log.info("embedded %d texts of %s in %.1f s", len(texts), path, seconds)
