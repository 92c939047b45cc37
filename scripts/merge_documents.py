"""Make one file of the documents of all blocks, and set repeated ones aside.

Writes the documents in the order of the blocks. A document with the text of an earlier
one, or nearly so with --duplicate-jaccard, goes to --rejected, after what the blocks
set aside.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import (
    Record,
    check_text,
    open_records,
    read_object,
    read_records,
    write_json,
    write_records,
)
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


class Merge:
    """Tells the first of repeated documents from the others, counting both.

    Args:
        near: the rows that are near-duplicates of an earlier one, and how much.
    """

    def __init__(self, near: dict[int, tuple[int, float]]) -> None:
        self._near = near
        self._places: list[str] = []
        self._first: dict[str, int] = {}
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.lengths = {"words": array("q"), "tokens": array("q")}

    def fault(self, item: Record) -> str | None:
        """Why the next document is set aside, or None."""
        row = len(self._places)
        self._places.append(f"volume {item['volume']}, page {item['first_page']}")
        if (first := self._first.get(item["id"])) is not None:
            kind = "same text as an earlier document"
            reason = f"has the same text as {self._places[first]}"
        elif row in self._near:
            earlier, share = self._near[row]
            kind = "near-duplicate of an earlier document"
            reason = f"shares {share:.0%} of its wording with {self._places[earlier]}"
        else:
            self._first[item["id"]] = row
            self.counts["documents"] += 1
            self.counts["words_in_documents"] += item["words"]
            for name, values in self.lengths.items():
                values.append(item[name])
            return None
        self.counts["words_set_aside"] += item["words"]
        self.reasons[kind] += 1
        return reason


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
    merge = Merge(near)
    for block in blocks:
        merge.counts.update({key: block[key] for key in COUNTS})
        merge.reasons.update(block["rejected"])

    counts = merge.counts
    with open_records(arguments.rejected) as reject:
        for path in arguments.rejected_by_blocks:
            for _, record in read_records(path):
                reject(record)

        def documents() -> Iterator[Record]:
            for item in read(arguments.documents):
                reason = merge.fault(item)
                if reason is None:
                    yield item
                else:
                    reject({"reason": reason, **item})
            if not counts["documents"]:
                raise InputError(
                    f"{counts['pages']} pages of {counts['volumes']} volumes hold no "
                    "text that makes a document",
                    file=arguments.output,
                )

        write_records(arguments.output, documents())
    stats = {
        **{key: counts[key] for key in (*COUNTS, "documents", "words_in_documents")},
        "rejected": dict(sorted(merge.reasons.items())),
        "word_quantiles": quantiles(merge.lengths["words"]),
        "token_quantiles": quantiles(merge.lengths["tokens"]),
    }
    write_json(arguments.stats, stats)
    log.info("%s", ", ".join(f"{key} {value}" for key, value in stats.items()))
    log.info("took %.1f s", time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(run(main))
