"""Making documents of the pages of a large archive, near-duplicates set aside."""

from __future__ import annotations

from arkiv.base.files import read_json
from benchmarks import ours
from benchmarks.bench import Bench, Result, require
from benchmarks.data import COPIED
from benchmarks.harness import Limit, Variant

PARTS = 4
JACCARD = 0.8
PAGES_OF_VOLUME = 500


def ingest(bench: Bench) -> Result:
    """See that ten times the pages take little more memory."""
    pages = bench.size(full=100_000, quick=1_000)
    models = bench.models()
    bench.warm("datasketch", "lxml", "tokenizers")

    def variant(name: str, count: int) -> Variant:
        volumes = max(PARTS, count // PAGES_OF_VOLUME)
        made = bench.made("pages", count, volumes)
        model = models / "embedder"
        commands = ours.ingest(made, model, parts_of=PARTS, duplicate_jaccard=JACCARD)
        return Variant(name, commands)

    own = variant("arkiv", pages)
    tenth = variant("arkiv, a tenth of the pages", pages // 10)
    runs = bench.measure([own, tenth])
    return Result(
        f"Making documents of {pages:,} pages in {PARTS} blocks of volumes, one block "
        "after another, and setting near-duplicates aside",
        runs,
        [
            Limit("memory", own.name, (), 400),
            Limit("memory", own.name, (tenth.name,), 3),
        ],
        [check(bench, own, pages)],
    )


def check(bench: Bench, own: Variant, pages: int) -> str:
    """See that every page, every word and every copy is accounted for.

    Raises:
        BenchmarkError: they are not.
    """
    stats = read_json(bench.out(own) / "stats.json")
    require(stats["pages"] == pages, f"{stats['pages']} of {pages} pages were read")
    words = stats["words_in_documents"] + stats["words_set_aside"]
    require(
        words == stats["words"],
        f"{stats['words']} words were read, {words} are in documents or set aside",
    )
    copies = pages // COPIED
    found = sum(stats["rejected"].values())
    require(
        0.95 * copies <= found <= 1.05 * copies,
        f"{found} documents were set aside, about {copies} are copies",
    )
    return (
        f"All {pages:,} pages and {words:,} words are in documents or set aside; of "
        f"{copies:,} second transcriptions {found:,} were found."
    )
