"""The gold standards of a run, made once more by plain computations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from project import records

from arkiv.retrieve.trec import Qrels, read_qrels, read_run
from arkiv.text.shingles import shingles


def texts_of(results: Path, name: str, key: str) -> dict[str, str]:
    """The texts of the collection by id."""
    rows = records(results / f"collection/{name}.jsonl")
    return {row["id"]: row[key] for row in rows}


def with_near_duplicates(results: Path, jaccard: float) -> Qrels:
    """The known items and all that shares as much with one, every pair compared."""
    sets = {
        key: set(shingles(text).tolist())
        for key, text in texts_of(results, "corpus", "text").items()
    }

    def near(own: set[int], item: str) -> bool:
        return len(own & sets[item]) / len(own | sets[item]) >= jaccard

    return {
        query_id: {
            other: 1
            for other, own in sets.items()
            if any(near(own, item) for item in known)
        }
        for query_id, known in read_qrels(results / "gold/known_item.txt").items()
    }


def pooled(results: Path, systems: Sequence[str], depth: int) -> list[tuple[str, str]]:
    """The pairs of the pool."""
    runs = [read_run(results / f"runs/{name}.trec") for name in systems]
    known = read_qrels(results / "gold/known_item.txt")
    return [
        (query_id, passage_id)
        for query_id in sorted(known)
        for passage_id in sorted(
            set(known[query_id]).union(*(found[query_id][:depth] for found in runs))
        )
    ]


def assert_graded(
    results: Path, grades: list[dict], thresholds: list[float], teacher: Path
) -> None:
    """Scores are FlagReranker's, grades the thresholds that these reach."""
    from FlagEmbedding import FlagReranker

    queries = texts_of(results, "queries", "query")
    passages = texts_of(results, "corpus", "text")
    reranker = FlagReranker(str(teacher), use_fp16=False, devices="cpu", max_length=256)
    scores = reranker.compute_score(
        [(queries[row["query_id"]], passages[row["passage_id"]]) for row in grades]
    )
    for row, score in zip(grades, scores, strict=True):
        assert row["score"] == pytest.approx(score, abs=1e-3)
        if min(abs(score - edge) for edge in thresholds) > 1e-3:
            assert row["grade"] == sum(score >= edge for edge in thresholds)
    assert {row["grade"] for row in grades} == set(range(len(thresholds) + 1))


def vectors(model_dir: Path, texts: Iterable[str]) -> np.ndarray:
    """(n, dim) float64: the first token's vector of each text, of length 1."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(model_dir).eval()
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    found = []
    for text in texts:
        tokens = tokenizer(text, return_tensors="pt", truncation=True)
        with torch.no_grad():
            found.append(model(**tokens).last_hidden_state[0, 0].double().numpy())
    return np.stack([one / np.linalg.norm(one) for one in found])


def assert_first_by_cosine(
    results: Path, embedder: Path, prompt: str, depth: int
) -> None:
    """The judgements are the first passages by cosine, graded by rank."""
    queries = texts_of(results, "queries", "query")
    passages = texts_of(results, "corpus", "text")
    places = {key: place for place, key in enumerate(passages)}
    asked = vectors(embedder, [prompt + text for text in queries.values()])
    similarities = asked @ vectors(embedder, passages.values()).T
    qrels = read_qrels(results / "collection/qrels.txt")
    assert set(qrels) == set(queries)
    for query_id, row in zip(queries, similarities, strict=True):
        judged = qrels[query_id]
        assert sorted(judged.values()) == list(range(1, depth + 1))
        ranked = sorted(judged, key=lambda key: -judged[key])
        found = [row[places[key]] for key in ranked]
        # Vectors are kept as float16: passages that are nearly alike may swap.
        np.testing.assert_allclose(found, sorted(row, reverse=True)[:depth], atol=1e-3)
