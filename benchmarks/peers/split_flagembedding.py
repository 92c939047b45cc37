"""Divide rows by length the way FlagEmbedding's split_data_by_length.py does.

Each text is tokenised by itself, in `--processes` processes, and the rows of each
range are then filtered out of the whole.
"""

from __future__ import annotations

import argparse
import math
from itertools import pairwise
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--edges", required=True, type=int, nargs="+")
    parser.add_argument("--processes", required=True, type=int)
    parser.add_argument("--cache", required=True)
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()

    import datasets
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(arguments.tokenizer)

    def longest(rows: dict) -> dict:
        lengths = []
        for query, pos, neg in zip(
            rows["query"], rows["pos"], rows["neg"], strict=True
        ):
            texts = [query, *pos, *neg]
            lengths.append(max(len(tokenizer(text)["input_ids"]) for text in texts))
        return {"row": rows["row"], "length": lengths}

    loaded = datasets.load_dataset(
        "json", data_files=arguments.pairs, cache_dir=arguments.cache, split="train"
    )
    rows = datasets.Dataset.from_list(
        [record | {"row": row} for row, record in enumerate(loaded)]
    )
    measured = rows.map(longest, batched=True, num_proc=arguments.processes)
    for low, high in pairwise([*arguments.edges, math.inf]):
        chosen = measured.filter(
            lambda row, low=low, high=high: low <= row["length"] < high,
            num_proc=arguments.processes,
        )
        shard = rows.select(chosen["row"]).remove_columns("row")
        if len(shard):
            path = arguments.output / f"len-{low}-{high}.jsonl"
            shard.to_json(path, force_ascii=False)


if __name__ == "__main__":
    main()
