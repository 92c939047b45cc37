"""Cut the pages of an archive into documents.

Reads a directory with one sub-directory of HTRflow JSON per volume (page files directly
in it make one volume) and writes one document a line, with its provenance. No word is
lost: the documents and what is set aside in --rejected together hold all words.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from arkiv.cli import add_on_bad_input, parser, run
from arkiv.documents import LengthShares, cut_pages, cut_sampled, record, words
from arkiv.errors import InputError
from arkiv.files import Record, write_json, write_records
from arkiv.htrflow import Page, page_files, read_page, volumes
from arkiv.lengths import TokenCounter
from arkiv.models import tokenizer_file

log = logging.getLogger("build_documents")

METHOD = (
    "10-499:85.85,500-999:8.872,1000-1999:2.053,2000-2999:0.323,3000-3999:0.107,"
    "4000-4999:0.033,5000-5999:0.040,6000-6999:0.152,7000-8192:2.568"
)
QUANTILES = (0, 0.25, 0.5, 0.75, 0.95, 1)


class Ingest:
    """One pass over an archive, counting as it goes."""

    def __init__(self, arguments) -> None:
        self.arguments = arguments
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.rejected: list[Record] = []
        self.lengths: dict[str, list[int]] = {"words": [], "tokens": []}
        self._first: dict[str, str] = {}
        self._tokens = TokenCounter(tokenizer_file(arguments.tokenizer))

    def documents(self) -> Iterator[Record]:
        """The documents of all volumes, one volume in memory at a time."""
        for volume in volumes(self.arguments.pages):
            self.counts["volumes"] += 1
            text = words(self._pages(volume))
            if self.arguments.method == "page":
                cut = cut_pages(text)
            else:
                shares, seed = self.arguments.length_shares, self.arguments.seed
                cut = cut_sampled(text, shares, seed, volume.name)
            records = [record(document, volume.name) for document in cut]
            tokens = self._tokens.lengths(item["text"] for item in records)
            for item, length in zip(records, tokens.tolist(), strict=True):
                item["tokens"] = length
                if self._accepted(item, volume.name):
                    yield item

    def _pages(self, volume: Path) -> Iterator[Page]:
        for path in page_files(volume):
            try:
                page = read_page(path)
            except InputError as error:
                if self.arguments.on_bad_input == "stop":
                    raise
                self.counts["not_pages"] += 1
                self.reasons["not a page"] += 1
                self.rejected.append({"file": str(path), "reason": error.reason})
                log.warning("set aside: %s", error)
                continue
            self.counts["pages"] += 1
            self.counts["empty_pages"] += not page.lines
            self.counts["regions_without_text"] += page.regions_without_text
            self.counts["lines"] += len(page.lines)
            yield page

    def _accepted(self, item: Record, volume: str) -> bool:
        """Count a document; set it aside if it is too long or not the first."""
        self.counts["words"] += item["words"]
        limit = self.arguments.max_tokens
        if item["tokens"] > limit:
            kind = "longer than max_tokens"
            reason = f"has {item['tokens']} tokens, more than {limit}"
        elif item["id"] in self._first:
            kind = "same text as an earlier document"
            reason = f"has the same text as {self._first[item['id']]}"
        else:
            self._first[item["id"]] = f"volume {volume}, page {item['first_page']}"
            self.counts["documents"] += 1
            self.counts["words_in_documents"] += item["words"]
            for name, values in self.lengths.items():
                values.append(item[name])
            return True
        self.counts["words_set_aside"] += item["words"]
        self.reasons[kind] += 1
        self.rejected.append({"reason": reason, **item})
        return False

    def stats(self) -> dict:
        """The counts, and quantiles of the documents' lengths."""
        keys = (
            "volumes",
            "pages",
            "empty_pages",
            "not_pages",
            "regions_without_text",
            "lines",
            "words",
            "documents",
            "words_in_documents",
            "words_set_aside",
        )
        return {
            **{key: self.counts[key] for key in keys},
            "rejected": dict(sorted(self.reasons.items())),
            "word_quantiles": quantiles(self.lengths["words"]),
            "token_quantiles": quantiles(self.lengths["tokens"]),
        }


def quantiles(values: list[int]) -> dict[str, int]:
    """The lower quantiles of a list, by their share."""
    ordered = sorted(values)
    return {
        f"{share:g}": ordered[int(share * (len(ordered) - 1))] for share in QUANTILES
    }


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--pages", required=True, metavar="DIR")
    arguments.add_argument(
        "--tokenizer", required=True, metavar="DIR", help="model that counts tokens"
    )
    arguments.add_argument("--output", required=True, metavar="JSONL")
    arguments.add_argument("--stats", required=True, metavar="JSON")
    arguments.add_argument(
        "--method",
        choices=("sampled", "page"),
        default="sampled",
        help="cut at drawn lengths, or one document a page",
    )
    arguments.add_argument(
        "--length-shares",
        type=LengthShares.parse,
        default=METHOD,
        metavar="FROM-TO:SHARE,...",
        help="distribution of lengths, in words",
    )
    arguments.add_argument("--max-tokens", type=int, default=8192)
    arguments.add_argument("--seed", type=int, default=0)
    add_on_bad_input(arguments)
    arguments = arguments.parse_args(argv)

    started = time.monotonic()
    ingest = Ingest(arguments)

    def documents() -> Iterator[Record]:
        yield from ingest.documents()
        if not ingest.counts["documents"]:
            raise InputError(
                f"{ingest.counts['pages']} pages of {ingest.counts['volumes']} volumes "
                "hold no text that makes a document",
                file=arguments.pages,
            )

    write_records(arguments.output, documents())
    write_records(arguments.rejected, ingest.rejected)
    stats = ingest.stats()
    write_json(arguments.stats, stats)
    log.info("%s", ", ".join(f"{key} {value}" for key, value in stats.items()))
    log.info("took %.1f s", time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(run(main))
