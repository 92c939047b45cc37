"""BM25 against Lucene's formula in float64, and the tokens that it counts."""

import math
from collections import Counter

import bm25s
import numpy as np
import pytest
from test_rankings import brute

from arkiv.retrieve.bm25 import BM25Index, Postings, TokenIds


def okapi(query, passages, k1, b):
    """BM25 as Lucene has it since 8, in float64."""
    mean = sum(map(len, passages)) / len(passages)
    frequency = Counter(token for passage in passages for token in set(passage))
    scores = []
    for passage in passages:
        counts = Counter(passage)
        total = 0.0
        for token in query:
            n, tf = frequency[token], counts[token]
            idf = math.log(1 + (len(passages) - n + 0.5) / (n + 0.5))
            total += idf * tf / (tf + k1 * (1 - b + b * len(passage) / mean))
        scores.append(total)
    return scores


@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0.9, 0.4)])
def test_bm25_is_okapi(k1, b):
    generator = np.random.default_rng(0)
    passages = [
        generator.integers(100, 160, generator.integers(1, 30)) for _ in range(40)
    ]
    passages[7] = passages[21]  # a tie
    passages[9] = np.zeros(0, np.int64)  # a passage without tokens
    queries = [generator.integers(100, 170, 5) for _ in range(20)]
    queries += [np.array([110, 110, 120]), np.array([999]), np.zeros(0, np.int64)]
    rankings = BM25Index(passages, list, k1=k1, b=b).rankings(queries, 15)
    for query, found in zip(queries, rankings, strict=True):
        exact = okapi(query.tolist(), [p.tolist() for p in passages], k1, b)
        wanted = brute(np.round(exact, 5), 15, matching=True)
        assert found.rows.tolist() == wanted
        assert np.allclose(found.scores, np.array(exact)[wanted], rtol=1e-5)


@pytest.mark.parametrize("tokens", [1, 50, 1 << 19])
def test_postings_are_those_of_the_library(tokens, monkeypatch):
    monkeypatch.setattr("arkiv.retrieve.bm25.BLOCK_TOKENS", tokens)
    draw = np.random.default_rng(tokens)
    passages = [draw.integers(0, 40, draw.integers(0, 30)) for _ in range(60)]
    vocabulary = {number: number for number in range(40)}
    indexes = Postings(1.2, 0.6), bm25s.BM25(k1=1.2, b=0.6, method="lucene")
    for index in indexes:
        index.index(
            (passages, vocabulary), create_empty_token=False, show_progress=False
        )
    ours, theirs = (index.scores for index in indexes)
    assert ours["num_docs"] == theirs["num_docs"]
    for key in ("data", "indices", "indptr"):
        assert ours[key].tolist() == theirs[key].tolist()
        assert ours[key].dtype == theirs[key].dtype


def test_token_ids_leave_out_special_tokens(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = {"<s>": 0, "</s>": 1, "<unk>": 2, "mine": 3, "tower": 4}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<s>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=10)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    found = TokenIds(tmp_path)(["mine tower mine tower", "other", "tower"])
    assert [ids.tolist() for ids in found] == [[3, 4, 3, 4], [], [4]]
