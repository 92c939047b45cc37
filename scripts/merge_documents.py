"""Make one file of the documents of all blocks, and set repeated ones aside.

Writes the documents in the order of the blocks. A document with the text of an earlier
one, whatever its case, or nearly so with --duplicate-jaccard, goes to --rejected, after
what the blocks set aside. Where the lines of all blocks stand is put together in
--lines.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import (
    Record,
    check_text,
    open_records,
    put_together,
    read_object,
    read_records,
    write_json,
)
from arkiv.base.hashing import text_key
from arkiv.base.html import page_names
from arkiv.base.quantiles import quantiles
from arkiv.base.setting_flags import add_settings
from arkiv.documents.block import COUNTS
from arkiv.documents.settings import Documents
from arkiv.text.duplicates import near_duplicates

log = logging.getLogger("merge_documents")


def check(record: Record) -> None:
    """Refuse a record that is no document of a block."""
    check_text(record, "id")
    check_text(record, "text")


def read(paths: Sequence[str]) -> Iterator[Record]:
    """The documents of all blocks."""
    for path in paths:
        for _, record in read_records(path, check):
            yield record


def with_faults(
    documents: Iterable[Record], near: Mapping[int, tuple[int, float]]
) -> Iterator[tuple[Record, tuple[str, str] | None]]:
    """Each document; with one that is repeated the kind of fault and the reason.

    Args:
        documents: of all blocks.
        near: the rows that are near-duplicates of an earlier one, and how much.
    """
    places: list[str] = []
    first: dict[int, int] = {}
    for row, item in enumerate(documents):
        page, _ = page_names(item)
        places.append(f"volume {item['volume']}, page {page}")
        fault, key = None, text_key(item["text"])
        if key in first:
            reason = f"has the same text as {places[first[key]]}"
            fault = "same text as an earlier document", reason
        elif row in near:
            earlier, share = near[row]
            reason = f"shares {share:.0%} of its wording with {places[earlier]}"
            fault = "near-duplicate of an earlier document", reason
        else:
            first[key] = row
        yield item, fault


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        documents="JSONL...",
        rejected_by_blocks="JSONL...",
        stats_of_blocks="JSON...",
        output="JSONL",
        rejected="JSONL",
        stats="JSON",
        lines_of_blocks="[JSONL...] where lines stand, of each block",
        lines="[JSONL] likewise of all",
    )
    add_settings(arguments, Documents, "duplicate_jaccard")
    return arguments.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    started = time.monotonic()
    blocks = [
        read_object(path, "statistics of build_documents.py")
        for path in arguments.stats_of_blocks
    ]
    near: dict[int, tuple[int, float]] = {}
    if arguments.duplicate_jaccard is not None:
        texts = (record["text"] for record in read(arguments.documents))
        folder = Path(arguments.output).parent
        folder.mkdir(parents=True, exist_ok=True)
        near = near_duplicates(texts, arguments.duplicate_jaccard, folder)
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for block in blocks:
        counts.update({key: block[key] for key in COUNTS})
        reasons.update(block["rejected"])

    words, tokens = array("q"), array("q")
    with (
        open_records(arguments.rejected) as reject,
        open_records(arguments.output) as keep,
    ):
        for path in arguments.rejected_by_blocks:
            for _, record in read_records(path):
                reject(record)
        for item, fault in with_faults(read(arguments.documents), near):
            if fault is None:
                keep(item)
                words.append(item["words"])
                tokens.append(item["tokens"])
                continue
            kind, reason = fault
            counts["words_set_aside"] += item["words"]
            reasons[kind] += 1
            reject({"reason": reason, **item})
        if not words:
            raise InputError(
                f"{counts['pages']} pages of {counts['volumes']} volumes hold no "
                "text that makes a document",
                file=arguments.output,
            )
    stats = {
        **{key: counts[key] for key in COUNTS},
        "documents": len(words),
        "words_in_documents": sum(words),
        "rejected": dict(sorted(reasons.items())),
        "word_quantiles": quantiles(words),
        "token_quantiles": quantiles(tokens),
    }
    write_json(arguments.stats, stats)
    if arguments.lines is not None:
        put_together(arguments.lines_of_blocks, arguments.lines)
    log.info("%s", ", ".join(f"{key} {value}" for key, value in stats.items()))
    log.info("took %.1f s", time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(run(main))
