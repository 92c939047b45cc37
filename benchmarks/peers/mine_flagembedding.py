"""Mine hard negatives the way FlagEmbedding's hn_mine.py does, with its model class.

Embed the distinct passages and the queries, search a flat faiss index for 64 queries
at a time, draw from the window, drop positives and the query itself.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

SEARCHED_AT_ONCE = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--corpus", required=True, type=Path)
    parser.add_argument("--pairs", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--window", required=True, type=int, nargs=2)
    parser.add_argument("--negatives", required=True, type=int)
    parser.add_argument("--query-max-length", required=True, type=int)
    parser.add_argument("--passage-max-length", required=True, type=int)
    parser.add_argument("--batch-size", required=True, type=int)
    parser.add_argument("--devices", nargs="+", help="one process for each")
    parser.add_argument("--fp16", action="store_true")
    arguments = parser.parse_args()

    import faiss
    import numpy as np
    from FlagEmbedding import FlagAutoModel

    model = FlagAutoModel.from_finetuned(
        arguments.model,
        model_class="encoder-only-m3",
        use_fp16=arguments.fp16,
        devices=arguments.devices,
        batch_size=arguments.batch_size,
        query_max_length=arguments.query_max_length,
        passage_max_length=arguments.passage_max_length,
    )
    with open(arguments.corpus, encoding="utf-8") as lines:
        corpus = list({json.loads(line)["text"] for line in lines})
    with open(arguments.pairs, encoding="utf-8") as lines:
        pairs = [json.loads(line) for line in lines]

    passages = model.encode(corpus)["dense_vecs"]
    queries = model.encode_queries([pair["query"] for pair in pairs])["dense_vecs"]
    index = faiss.IndexFlatIP(passages.shape[1])
    if getattr(faiss, "get_num_gpus", int)():
        index = faiss.index_cpu_to_all_gpus(index)
    index.add(np.asarray(passages, np.float32))
    first, end = arguments.window
    with open(arguments.output, "w", encoding="utf-8") as out:
        for start in range(0, len(pairs), SEARCHED_AT_ONCE):
            block = np.asarray(queries[start : start + SEARCHED_AT_ONCE], np.float32)
            _, found = index.search(block, end)
            for pair, rows in zip(pairs[start:], found.tolist(), strict=False):
                candidates = [
                    corpus[row]
                    for row in rows[first:end]
                    if row >= 0
                    and corpus[row] not in pair["pos"]
                    and corpus[row] != pair["query"]
                ]
                count = min(arguments.negatives, len(candidates))
                pair["neg"] = random.sample(candidates, count)
                out.write(json.dumps(pair, ensure_ascii=False) + "\n")


# The processes of `--devices` import this file anew.
if __name__ == "__main__":
    main()
