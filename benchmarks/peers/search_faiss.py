"""Search all queries at once in one flat faiss index of all passages."""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", required=True, type=Path)
    parser.add_argument("--embeddings", required=True, type=Path, nargs="+")
    parser.add_argument("--depth", required=True, type=int)
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()

    import faiss
    import numpy as np

    queries = np.load(arguments.queries).astype(np.float32)
    index = faiss.IndexFlatIP(queries.shape[1])
    for path in arguments.embeddings:
        index.add(np.load(path).astype(np.float32))
    if getattr(faiss, "get_num_gpus", int)():
        options = faiss.GpuMultipleClonerOptions()
        options.shard = True
        index = faiss.index_cpu_to_all_gpus(index, co=options)
    scores, rows = index.search(queries, arguments.depth)
    np.savez(arguments.output, rows=rows, scores=scores)


if __name__ == "__main__":
    main()
