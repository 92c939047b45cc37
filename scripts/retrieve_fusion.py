"""Make one run of several: by reciprocal rank, or by the weighted mean of the scores.

Scores are brought to 0 to 1 query by query before they are weighted. Writes a TREC run.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.retrieve.fusion import (
    K,
    by_rank,
    by_score,
    fused,
)
from arkiv.retrieve.trec import read_scores, write_run

log = logging.getLogger("retrieve_fusion")

METHODS = ("reciprocal_rank", "weighted")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--runs", nargs="+", required=True, metavar="TREC")
    arguments.add_argument("--method", choices=METHODS, default=METHODS[0])
    arguments.add_argument(
        "--weights",
        nargs="+",
        type=float,
        metavar="W",
        help="of the runs, in their order; not given: all alike",
    )
    arguments.add_argument(
        "--k", type=float, default=K, help="added to each rank by reciprocal_rank"
    )
    arguments.add_argument("--depth", type=int, default=1000, help="passages a query")
    arguments.add_argument("--output", required=True, metavar="TREC")
    arguments = arguments.parse_args(argv)

    weights = arguments.weights or [1.0] * len(arguments.runs)
    if len(weights) != len(arguments.runs) or min(weights) < 0 or not sum(weights) > 0:
        raise InputError(
            f"has {weights}, expected {len(arguments.runs)} numbers from 0, not all 0",
            key="--weights",
        )
    runs = [read_scores(path) for path in arguments.runs]
    worth = by_score if arguments.method == "weighted" else by_rank(arguments.k)
    query_ids = sorted(set().union(*runs))
    lines = write_run(
        arguments.output,
        (
            (
                query_id,
                *fused(
                    [scores.get(query_id, {}) for scores in runs],
                    weights,
                    worth,
                    arguments.depth,
                ),
            )
            for query_id in query_ids
        ),
        Path(arguments.output).stem,
    )
    log.info("%d runs, %d queries: %d lines", len(runs), len(query_ids), lines)


if __name__ == "__main__":
    sys.exit(run(main))
