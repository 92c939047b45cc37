"""Mine hard negatives with sentence-transformers' `mine_hard_negatives`, through faiss.

Its window counts ranks without the positives.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--corpus", required=True, type=Path)
    parser.add_argument("--pairs", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--window", required=True, type=int, nargs=2)
    parser.add_argument("--negatives", required=True, type=int)
    parser.add_argument("--passage-max-length", required=True, type=int)
    parser.add_argument("--batch-size", required=True, type=int)
    parser.add_argument("--devices", nargs="+", help="one process for each")
    parser.add_argument("--fp16", action="store_true")
    arguments = parser.parse_args()

    import torch
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import (
        Normalize,
        Pooling,
        Transformer,
    )
    from sentence_transformers.util import mine_hard_negatives

    encoder = Transformer(
        arguments.model,
        max_seq_length=arguments.passage_max_length,
        model_kwargs={"dtype": torch.float16 if arguments.fp16 else torch.float32},
    )
    pooling = Pooling(encoder.get_embedding_dimension(), "cls")
    model = SentenceTransformer(modules=[encoder, pooling, Normalize()])
    with open(arguments.corpus, encoding="utf-8") as lines:
        corpus = [json.loads(line)["text"] for line in lines]
    with open(arguments.pairs, encoding="utf-8") as lines:
        pairs = [json.loads(line) for line in lines]
    first, end = arguments.window
    mined = mine_hard_negatives(
        Dataset.from_dict(
            {
                "query": [pair["query"] for pair in pairs],
                "passage": [pair["pos"][0] for pair in pairs],
            }
        ),
        model,
        corpus=corpus,
        range_min=first,
        range_max=end,
        num_negatives=arguments.negatives,
        sampling_strategy="random",
        output_format="n-tuple",
        batch_size=arguments.batch_size,
        use_faiss=True,
        use_multi_process=arguments.devices or False,
    )
    names = [f"negative_{place}" for place in range(1, arguments.negatives + 1)]
    with open(arguments.output, "w", encoding="utf-8") as out:
        for row in mined:
            record = {
                "query": row["query"],
                "pos": [row["passage"]],
                "neg": [row[name] for name in names],
            }
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


# The processes of `--devices` import this file anew.
if __name__ == "__main__":
    main()
