"""Late interaction: against one pair after the other, and kept by content."""

from __future__ import annotations

import random
from functools import partial

import numpy as np
import pytest
from examples import case_pairs
from test_rankings import normalised

from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.retrieve import late

LENGTHS = {"query": 32, "passage": 64}


def late_interaction(query, passage):
    """Mean over the query's tokens of the highest dot product, one by one."""
    highest = [max(float(q @ p) for p in passage) for q in query]
    return sum(highest) / len(highest)


@pytest.mark.parametrize("characters", [1, 5, 1000])
def test_multi_vector_scores_encode_each_passage_once(monkeypatch, characters):
    monkeypatch.setattr(late, "BLOCK_CHARACTERS", characters)
    generator = np.random.default_rng(0)
    queries = [normalised(generator, n, 8).astype(np.float32) for n in (3, 1, 5, 2)]
    vectors = [normalised(generator, n, 8).astype(np.float32) for n in (4, 1, 2, 6, 3)]
    texts = [str(row) * len(passage) for row, passage in enumerate(vectors)]
    asked = []

    def encode(block):
        asked.extend(block)
        assert len(block) == 1 or sum(map(len, block)) <= characters
        return [vectors[int(text[0])] for text in block]

    candidates = [np.array(rows, int) for rows in ([4, 0, 2], [], [0, 1], [2])]
    found = late.multi_vector_scores(queries, texts, candidates, encode)
    assert asked == [texts[row] for row in (0, 1, 2, 4)]
    for query, rows, scores in zip(queries, candidates, found, strict=True):
        exact = [late_interaction(query, vectors[row]) for row in rows]
        assert np.allclose(scores, exact, atol=1e-6)
        assert len(scores) == len(rows)


def test_no_candidates_need_no_encoding():
    none = np.zeros(0, np.int64)
    found = late.multi_vector_scores([np.ones((1, 2))] * 2, [], [none, none], None)
    assert [len(scores) for scores in found] == [0, 0]


@pytest.fixture
def counted(tiny_embedder):
    """An encoder of the tiny model, and every text that a pass was made of."""
    described = Description(passage_prompt="stycke: ")
    encoder = Encoder(M3(tiny_embedder, description=described), longest=64)
    passed: list[tuple[str, str]] = []
    encode = encoder.encode

    def counting(texts, side, **given):
        passed.extend((side, text) for text in texts)
        return encode(texts, side, **given)

    encoder.encode = counting
    return encoder, passed


def given_texts(seed, count=30):
    """Queries and passages, some of them twice, and candidates, none or many."""
    chance = random.Random(seed)
    queries, passages = zip(*case_pairs(count, seed=seed), strict=True)
    queries = [*queries[:8], *chance.choices(queries[:8], k=3)]
    passages = [*passages, *chance.choices(passages, k=5)]
    candidates = [
        np.array(chance.sample(range(len(passages)), chance.randrange(12)), np.int64)
        for _ in queries
    ]
    return queries, passages, candidates


@pytest.mark.parametrize("characters", [1, 900, 1 << 20])
@pytest.mark.parametrize("seed", range(3))
def test_kept_scores_are_those_of_the_vectors_and_encode_a_text_once(
    counted, tmp_path, monkeypatch, characters, seed
):
    monkeypatch.setattr(late, "BLOCK_CHARACTERS", characters)
    encoder, passed = counted
    queries, passages, candidates = given_texts(seed)
    scores = partial(late.kept_scores, encoder=encoder, max_lengths=LENGTHS)
    where = {"cache": tmp_path / "cache", "job": "run"}
    found = scores(queries, passages, candidates, **where)
    asked = {("query", queries[n]) for n, rows in enumerate(candidates) if len(rows)}
    read = {("passage", passages[row]) for rows in candidates for row in rows}
    assert sorted(passed) == sorted(asked | read)

    def vectors(texts, side="passage"):
        return encoder.encode(
            *(texts, side), max_length=LENGTHS[side], dense=False, multi_vector=True
        ).multi_vector

    wanted = late.multi_vector_scores(
        vectors(queries, "query"), passages, candidates, vectors
    )
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)

    # Another job has them, in whatever order and of whatever part; it loads no model.
    passed.clear()
    again = scores(queries[::-1], passages, candidates[::-1], **where | {"job": "b"})
    for one, other in zip(again, found[::-1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert passed == []
    # Without a cache the bits are the same.
    for one, other in zip(
        scores(queries, passages, candidates, cache=None, job=""), found, strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_without_repeated_texts_the_bits_are_those_of_the_vectors(counted):
    encoder, _ = counted
    queries, passages = map(list, zip(*case_pairs(40, seed=7), strict=True))
    chance = random.Random(7)
    rows = range(len(passages))
    candidates = [np.array(chance.sample(rows, 9), np.int64) for _ in queries]

    def vectors(texts, side="passage"):
        return encoder.encode(
            *(texts, side), max_length=LENGTHS[side], dense=False, multi_vector=True
        ).multi_vector

    wanted = late.multi_vector_scores(
        vectors(queries, "query"), passages, candidates, vectors
    )
    found = late.kept_scores(
        *(queries, passages, candidates, encoder),
        max_lengths=LENGTHS,
        cache=None,
        job="",
    )
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_killed_job_has_the_blocks_that_it_scored(counted, tmp_path, monkeypatch):
    monkeypatch.setattr(late, "BLOCK_CHARACTERS", 900)
    encoder, passed = counted
    queries, passages, candidates = given_texts(5)
    scores = partial(
        late.kept_scores,
        *(queries, passages, candidates, encoder),
        max_lengths=LENGTHS,
    )
    wanted = scores(cache=None, job="")
    whole = {text for side, text in passed if side == "passage"}
    passed.clear()
    of_block, blocks = late._of_block, []

    def killed(*given):
        if len(blocks) == 3:
            raise KeyboardInterrupt
        blocks.append(of_block(*given))
        return blocks[-1]

    monkeypatch.setattr(late, "_of_block", killed)
    where = {"cache": tmp_path / "cache", "job": "run"}
    with pytest.raises(KeyboardInterrupt):
        scores(**where)
    first = {text for side, text in passed if side == "passage"}
    passed.clear()
    monkeypatch.setattr(late, "_of_block", of_block)
    for one, other in zip(scores(**where), wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    rest = {text for side, text in passed if side == "passage"}
    assert first
    assert rest
    assert first | rest == whole
    assert not first & rest


@pytest.mark.parametrize("changed", ["prompt", "query", "passage"])
def test_scores_of_another_reading_are_not_taken(tiny_embedder, tmp_path, changed):
    queries, passages = ["vem ägde kvarnen"], [text for _, text in case_pairs(3, 1)]

    def scored(description, **lengths):
        encoder = Encoder(M3(tiny_embedder, description=description), longest=64)
        return late.kept_scores(
            *(queries, passages, [np.arange(3)], encoder),
            max_lengths=LENGTHS | lengths,
            cache=tmp_path / "cache",
            job="run",
        )[0]

    one = scored(Description())
    if changed == "prompt":
        other = scored(Description(query_prompt="fråga om en sak: "))
    else:
        other = scored(Description(), **{changed: 4})
    assert not np.array_equal(one, other)


def test_texts_without_tokens_score_nothing():
    """Those of one token, of a tokenizer that adds none."""
    vectors = np.eye(3, dtype=np.float32)
    found = late.late_interaction(vectors[:2], np.array([0, 2, 0]), vectors)
    assert found.tolist() == [0, 1, 0]
    assert late.late_interaction(vectors[:0], np.array([0, 0]), vectors).tolist() == [
        0,
        0,
    ]
    assert late.late_interaction(vectors, np.array([1, 2]), vectors[:0]).tolist() == [
        0,
        0,
    ]
