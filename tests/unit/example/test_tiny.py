"""Tiny models: the same bytes every time, and a teacher worth listening to."""

import itertools
import math
import random

import numpy as np
import pytest
import torch
from examples import case_pairs

from arkiv.encode.cross_encoder import CrossEncoder
from arkiv.encode.encoder import Encoder
from arkiv.encode.options import Options
from arkiv.example.archive import cases
from arkiv.example.questions import asker
from arkiv.example.tiny import (
    ALPHABET,
    build_embedder,
    build_reranker,
    build_tokenizer,
)
from arkiv.example.tiny_reranker import _called_otherwise, _rarities


@pytest.mark.parametrize("build", [build_embedder, build_reranker])
def test_the_same_seed_gives_the_same_bytes(build, tmp_path):
    threads = torch.get_num_threads()
    try:
        for name, seed, count in (("a", 0, 1), ("b", 0, 2), ("c", 1, 1)):
            torch.set_num_threads(count)
            build(tmp_path / name, seed)
    finally:
        torch.set_num_threads(threads)
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert files == {
        path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()
    }
    assert files["model.safetensors"] != (tmp_path / "c/model.safetensors").read_bytes()


def scored(model, pairs, **options):
    encoder = Encoder(CrossEncoder(model, Options(**options)), longest=8192)
    return encoder.scores(pairs, max_length=8192, query_max_length=256)


def test_the_reranker_prefers_a_querys_own_passage(tiny_reranker):
    pairs = list(case_pairs(200, seed=99))
    draw = random.Random(1)
    asked = [
        (query, passage)
        for query, own in pairs
        for passage in (own, pairs[draw.randrange(200)][1])
    ]
    scores = scored(tiny_reranker, asked).reshape(-1, 2)
    assert (scores[:, 0] > scores[:, 1]).mean() >= 0.95
    assert scores[:, 0].mean() - scores[:, 1].mean() > 2
    # A GPU computes in half precision.
    half = scored(tiny_reranker, asked[:60], precision="float16")
    assert np.abs(half - scores.reshape(-1)[:60]).max() < 0.1


def test_the_reranker_finds_a_querys_own_passage_in_long_ones(tiny_reranker):
    """Passages of about 400 tokens: the own case among others."""
    draw = random.Random(3)
    other = list(cases(120, seed=98))
    pairs = []
    for n, (query, own) in enumerate(case_pairs(60, seed=97)):
        texts = other[2 * n : 2 * n + 2]
        texts.insert(draw.randrange(3), own)
        pairs.append((query, "\n".join(texts)))
    asked = [
        pair
        for n, (query, own) in enumerate(pairs)
        for pair in ((query, own), (query, pairs[n - 1][1]))
    ]
    scores = scored(tiny_reranker, asked).reshape(-1, 2)
    assert (scores[:, 0] > scores[:, 1]).mean() >= 0.9


def test_the_reranker_computes_what_it_says(tiny_reranker):
    """Against the formula in plain Python."""
    tokenizer = CrossEncoder(tiny_reranker).tokenizer
    rarities = _rarities(tokenizer, 0)
    in_minutes = dict(_called_otherwise(tokenizer))

    def tokens(text):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        return [in_minutes.get(token, token) for token in ids]

    def expected(query, passage):
        there = set(tokens(passage)) - {tokenizer.unk_token_id}
        weights = [(math.exp(4 * rarities[t]), t in there) for t in tokens(query)]
        share = sum(w for w, found in weights if found) / sum(w for w, _ in weights)
        return 20 * math.tanh(share / 2) - 5

    pairs = list(case_pairs(40, seed=17))
    for n, text in enumerate(cases(40, seed=18)):
        pairs.append((asker(text)(random.Random(n)), text))
    asked = pairs + [(q, p) for (q, _), (_, p) in itertools.pairwise(pairs)]
    wanted = [expected(*pair) for pair in asked]
    difference = np.abs(scored(tiny_reranker, asked) - wanted)
    # Finding a token's like is a softmax, not a test for equality.
    assert difference.mean() < 0.15
    assert difference.max() < 0.6


def test_line_breaks_divide_words_and_are_no_tokens():
    tokenizer = build_tokenizer(2000, seed=0)

    def ids(text):
        return tokenizer(text)["input_ids"]

    assert ids("en häst,\n gick\tbort") == ids("en häst, gick bort")
    assert ids(" \n") == [0, 2]
    assert tokenizer.unk_token_id not in ids(" ".join(ALPHABET))
    assert tokenizer("a", "b")["input_ids"] == [
        *ids("a"),
        2,
        *ids("b")[1:],
    ]
