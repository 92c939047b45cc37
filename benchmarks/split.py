"""Dividing training rows by token length, whole commands."""

from __future__ import annotations

import sys
from itertools import pairwise

from arkiv.base.files import read_records
from benchmarks import HERE, ours
from benchmarks.bench import Bench, Result, require
from benchmarks.harness import Limit, Variant

EDGES = (0, 500, 1000, 2000, 3000, 4000, 5000, 6000, 7000)
METHOD_PROCESSES = 16
KEYS = ("query", "pos", "neg")


def split(bench: Bench) -> Result:
    """Compare with tokenising one text at a time, as FlagEmbedding's script does."""
    passages, queries = bench.size(full=(20_000, 5_000), quick=(400, 100))
    archive, models = bench.made("archive", passages, queries), bench.models()
    bench.warm("datasets", "transformers")
    pairs, model = archive / "negatives.jsonl", models / "embedder"

    own = Variant("arkiv", ours.split(pairs, model, edges=EDGES))

    def flag(processes: int) -> Variant:
        return Variant(
            f"FlagEmbedding's script, --num_proc {processes}",
            [
                [
                    *(sys.executable, str(HERE / "peers" / "split_flagembedding.py")),
                    *("--pairs", str(pairs), "--tokenizer", str(model)),
                    *("--edges", *map(str, EDGES), "--processes", str(processes)),
                    # In its own folder, so that no run finds what another has cached.
                    *("--cache", "{out}/cache", "--output", "{out}"),
                ]
            ],
            environment={"HF_HUB_OFFLINE": "1"},
        )

    peers = [flag(METHOD_PROCESSES), flag(2), flag(1)]
    runs = bench.measure([own, *peers])
    for peer in peers:
        check(bench, own, peer)
    return Result(
        f"Dividing {queries:,} rows of nine texts by token length",
        runs,
        [Limit("wall", own.name, tuple(peer.name for peer in peers), 0.2)],
        ["All variants put the same rows, in the same order, into every range."],
    )


def check(bench: Bench, own: Variant, peer: Variant) -> None:
    """See that every range holds the same rows."""
    for low, high in pairwise([*EDGES, "inf"]):
        theirs = bench.out(peer) / f"len-{low}-{high}.jsonl"
        files = (bench.out(own) / f"{low}.jsonl", theirs)
        rows = [
            [tuple(map(record.get, KEYS)) for _, record in read_records(file)]
            if file.exists()
            else []
            for file in files
        ]
        require(
            rows[0] == rows[1],
            f"{peer.name} put {len(rows[1])} rows into the range {low} to {high}, "
            f"arkiv {len(rows[0])}, and they are not the same",
        )
