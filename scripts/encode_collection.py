"""Encode a test collection with M3: all that ranking it by any mode takes of the model.

Writes a directory with `corpus.dense.npy` and `queries.dense.npy` (float16, row i =
line i) and with --sparse `corpus.sparse.npz` and `queries.sparse.npz` (SciPy CSR,
float32, a column for each token of the vocabulary). Multi-vector representations are
too large to keep: with --multi-vector `queries.multi_vector.npz` (CSR, float32, a
column for each passage) holds the late-interaction scores of each query's candidates,
the first passages of some searches. All three are kept by
content: what mining has encoded is not encoded again.

With --encodings the passages are those encoded there, and queries alone are encoded.
"""

from __future__ import annotations

import logging
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import Record, write_array, written_whole
from arkiv.base.named import named
from arkiv.base.setting_flags import add_settings
from arkiv.encode.flags import add_embedder, add_reading, encoder_of
from arkiv.encode.kind import Side
from arkiv.encode.models import check_model
from arkiv.retrieve.collection import SEARCHED, read_ordered
from arkiv.retrieve.rankings import (
    read_encodings,
    read_rankings,
    search_dense,
    search_sparse,
    union,
)
from arkiv.retrieve.systems.system import OWN_SEARCHES, Depths

if TYPE_CHECKING:
    from arkiv.encode.encoder import Encoded, Encoder

log = logging.getLogger("encode_collection")


def encoded(
    encoder: Encoder, texts: Sequence[str], side: Side, name: str, given: Namespace
) -> Encoded:
    """Dense vectors of the corpus or of the queries, and token weights if asked for."""
    from arkiv.encode.encoder import Encoded

    length = given.max_length if side == "passage" else given.query_max_length
    asked = {
        "max_length": length,
        "cache": given.cache,
        "job": f"{given.output} {name}",
    }
    began = time.monotonic()
    if given.sparse:
        found = encoder.embed_with_weights(texts, side, **asked)
    else:
        found = Encoded(dense=encoder.embed(texts, side, **asked))
    log.info("%s: %d texts in %.1f s", name, len(texts), time.monotonic() - began)
    return found


def write(found: Encoded, folder: Path, name: str) -> None:
    """Write one side's encodings into a directory."""
    from scipy.sparse import save_npz

    write_array(folder / f"{name}.dense.npy", found.dense)
    if found.sparse is not None:
        save_npz(folder / f"{name}.sparse.npz", found.sparse)


def read(folder: str, given: Namespace, count: int) -> Encoded:
    """The passages' encodings in a directory, as far as candidates need them."""
    from arkiv.encode.encoder import Encoded

    kinds = [kind for kind in OWN_SEARCHES if kind in given.candidates]
    return Encoded(
        **{kind: read_encodings(folder, "corpus", kind, count) for kind in kinds}
    )


def candidates(
    asked: Encoded,
    found: Encoded,
    queries: Sequence[Record],
    passages: Sequence[Record],
    given: Namespace,
) -> list[np.ndarray]:
    """Of each query the rows of the passages to re-rank, ascending.

    Raises:
        InputError: a run that is given is damaged, or of another collection.
    """
    runs = named(given.runs, "--runs")
    searches = []
    for name in given.candidates:
        if name == "dense":
            rankings = search_dense(asked.dense, found.dense, given.rerank_depth)
        elif name == "sparse":
            by_token = found.sparse.T.tocsr()
            rankings = search_sparse(asked.sparse, by_token, given.rerank_depth)
        elif name in runs:
            rankings = read_rankings(runs[name], queries, passages)
        else:
            reason = f"names {name}, of which --runs gives no run"
            raise InputError(reason, key="--candidates")
        searches.append([ranking.rows[: given.rerank_depth] for ranking in rankings])
    return union(searches)


def write_late(
    encoder: Encoder,
    chosen: list[np.ndarray],
    queries: Sequence[str],
    passages: Sequence[str],
    folder: Path,
    given: Namespace,
) -> None:
    """Score candidates by late interaction, and write the scores into a directory."""
    from scipy.sparse import csr_matrix, save_npz

    from arkiv.retrieve.late import kept_scores

    began = time.monotonic()
    scores = kept_scores(
        *(queries, passages, chosen, encoder),
        max_lengths={"query": given.query_max_length, "passage": given.max_length},
        cache=given.cache,
        job=f"{given.output} multi_vector",
    )
    ends = np.cumsum([0, *map(len, chosen)])
    stored = np.concatenate(scores), np.concatenate(chosen), ends
    shape = len(queries), len(passages)
    save_npz(folder / "queries.multi_vector.npz", csr_matrix(stored, shape=shape))
    seconds = time.monotonic() - began
    log.info("multi_vector: %d pairs in %.1f s", ends[-1], seconds)


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        corpus="JSONL",
        queries="JSONL",
        encodings="[DIR] of the passages, encoded before",
        runs="[SYSTEM=TREC...] of the candidates that the model does not find itself",
        output="DIR",
    )
    arguments.add_argument(
        "--sparse", action="store_true", help="token weights too, in the same pass"
    )
    arguments.add_argument(
        "--multi-vector",
        action="store_true",
        help="score the candidates of each query by late interaction too",
    )
    add_settings(arguments, Depths, "rerank_depth")
    add_settings(arguments, Depths, "candidates")
    add_embedder(arguments)
    add_reading(arguments)
    given = arguments.parse_args(argv)

    check_model(given.model, "m3")
    if given.multi_vector and "sparse" in given.candidates and not given.sparse:
        reason = "has sparse, which --sparse would encode"
        raise InputError(reason, key="--candidates")
    passages = read_ordered(given.corpus, keys=SEARCHED)
    queries = read_ordered(given.queries, queries=True)
    texts = [passage["text"] for passage in passages]
    asked_for = [query["query"] for query in queries]
    with encoder_of(given) as encoder, written_whole(given.output) as beside:
        beside.mkdir()
        if given.encodings is None:
            found = encoded(encoder, texts, "passage", "corpus", given)
            write(found, beside, "corpus")
        asked = encoded(encoder, asked_for, "query", "queries", given)
        write(asked, beside, "queries")
        if given.multi_vector:
            if given.encodings is not None:
                found = read(given.encodings, given, len(passages))
            chosen = candidates(asked, found, queries, passages, given)
            write_late(encoder, chosen, asked_for, texts, beside, given)


if __name__ == "__main__":
    sys.exit(run(main))
