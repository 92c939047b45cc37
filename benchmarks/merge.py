"""Merge the neighbours of all parts, as pick_negatives does before it picks."""

from __future__ import annotations

import argparse

import numpy as np

from arkiv.base.files import read_records
from arkiv.mining.embeddings import load_array
from arkiv.mining.nearest import NEIGHBOUR, id_ranks, merge_neighbours

QUERY_BLOCK = 256


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--corpus", required=True)
    arguments.add_argument("--neighbours", nargs="+", required=True)
    arguments.add_argument("--output", required=True)
    arguments = arguments.parse_args()
    ranks = id_ranks([row["id"] for _, row in read_records(arguments.corpus)])
    parts = [load_array(path, NEIGHBOUR, 2) for path in arguments.neighbours]
    count, depth = parts[0].shape
    merged = np.empty((count, depth), NEIGHBOUR)
    for start in range(0, count, QUERY_BLOCK):
        block = slice(start, start + QUERY_BLOCK)
        merged[block] = merge_neighbours([part[block] for part in parts], ranks, depth)
    np.save(arguments.output, merged)


if __name__ == "__main__":
    main()
