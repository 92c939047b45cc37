"""Add teacher scores the way FlagEmbedding's add_reranker_score.py does."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--pairs", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--query-max-length", required=True, type=int)
    parser.add_argument("--max-length", required=True, type=int)
    parser.add_argument("--batch-size", required=True, type=int)
    parser.add_argument("--devices", nargs="+", help="one process for each")
    parser.add_argument("--fp16", action="store_true")
    arguments = parser.parse_args()

    from FlagEmbedding import FlagAutoReranker

    reranker = FlagAutoReranker.from_finetuned(
        arguments.model,
        model_class="encoder-only-base",
        use_fp16=arguments.fp16,
        devices=arguments.devices,
        batch_size=arguments.batch_size,
        query_max_length=arguments.query_max_length,
        max_length=arguments.max_length,
    )
    with open(arguments.pairs, encoding="utf-8") as lines:
        pairs = [json.loads(line) for line in lines]
    texts = [
        (pair["query"], text) for pair in pairs for text in pair["pos"] + pair["neg"]
    ]
    scores = iter(reranker.compute_score(texts))
    with open(arguments.output, "w", encoding="utf-8") as out:
        for pair in pairs:
            for name in ("pos", "neg"):
                pair[f"{name}_scores"] = [float(next(scores)) for _ in pair[name]]
            out.write(json.dumps(pair, ensure_ascii=False) + "\n")


# The processes of `--devices` import this file anew.
if __name__ == "__main__":
    main()
