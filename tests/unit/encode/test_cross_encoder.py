"""Scores equal those of FlagEmbedding's FlagReranker."""

import json

import numpy as np
import pytest
import sentence_transformers
import torch
from bodies import build_body
from examples import case_pairs
from transformers import AutoConfig, AutoModelForSequenceClassification

from arkiv.base.errors import InputError
from arkiv.encode.cross_encoder import CrossEncoder
from arkiv.encode.encoder import Encoder
from arkiv.encode.options import Options
from arkiv.example.archive import cases

PAIRS = [
    *((q, p) for q, p in case_pairs(8, seed=3)),
    *((q, p) for (q, _), p in zip(case_pairs(4, seed=3), cases(4, 5), strict=True)),
    ("kort", "§"),
    ("Vad hände?", " ".join(cases(5, seed=6))),
    ("rader,\n  brutna", "\n".join(cases(2, seed=9)).replace(", ", ",\n")),
    ("inget", ""),
]


def scores_of(encoder, pairs, max_length=8192, query_max_length=256):
    return encoder.scores(
        pairs, max_length=max_length, query_max_length=query_max_length
    )


@pytest.fixture(scope="module")
def reranker(tiny_reranker):
    return Encoder(CrossEncoder(tiny_reranker), longest=8192)


@pytest.mark.parametrize(("max_length", "query_max_length"), [(512, 256), (96, 12)])
def test_scores_equal_upstream(reranker, tiny_reranker, max_length, query_max_length):
    from FlagEmbedding import FlagReranker

    limits = {"max_length": max_length, "query_max_length": query_max_length}
    upstream = FlagReranker(
        str(tiny_reranker), use_fp16=False, devices="cpu", batch_size=3, **limits
    )
    ours = scores_of(reranker, PAIRS, **limits)
    theirs = upstream.compute_score([list(pair) for pair in PAIRS])
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert ours.std() > 0.1


def test_scores_of_bert_equal_those_of_sentence_transformers(tmp_path):
    """It is told which tokens are the passage's."""
    model = build_body(tmp_path / "model", "bert")
    config = AutoConfig.from_pretrained(model, num_labels=1, initializer_range=0.3)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(model)
    pairs = [(query[:40], passage[:60]) for query, passage in PAIRS]
    kind = CrossEncoder(model, Options(batch_tokens=600))
    with Encoder(kind, longest=None) as encoder:
        ours = scores_of(encoder, pairs, None, None)
    library = sentence_transformers.CrossEncoder(str(model), device="cpu")
    theirs = library.predict(pairs, activation_fn=torch.nn.Identity())
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert theirs.std() > 0.01


def test_bodies_without_types_are_kept_as_they_were(reranker):
    limits = {"max_length": 96, "query_max_length": 12}
    assert reranker.kind.settings(**limits).keys() == {"room", "query_max_length"}


def test_a_query_that_fills_the_length_is_cut_so_that_a_passage_token_fits(
    reranker,
):
    long = " ".join(cases(3, seed=1))
    settings = reranker.kind.settings(max_length=32, query_max_length=32)
    (ids,) = reranker.kind.token_ids([(long, long)], settings)
    assert len(ids) == 32
    assert ids.tolist().index(2) == 28
    assert np.isfinite(scores_of(reranker, [(long, long)], 32, 32)).all()


def test_equal_pairs_score_equally_and_order_is_kept(tiny_reranker):
    kind = CrossEncoder(tiny_reranker, Options(batch_tokens=200))
    reranker = Encoder(kind, longest=8192)
    scores = scores_of(reranker, [*PAIRS, *reversed(PAIRS)])
    assert scores.tolist() == [*scores[: len(PAIRS)], *scores[: len(PAIRS)][::-1]]
    assert scores_of(reranker, []).shape == (0,)


def test_real_pages_score_as_upstream(reranker, tiny_reranker, svea):
    """Old spelling, line breaks and division signs.

    Not where a character is unknown: there FlagEmbedding's way through text and back
    gives other token ids than the tokenizer (see `arkiv.encode.cross_encoder`).
    """
    from FlagEmbedding import FlagReranker

    lines = (svea / "archive_pairs.jsonl").read_text("utf-8").splitlines()[:30]
    rows = [json.loads(line) for line in lines]
    tokenizer = reranker.kind.tokenizer
    pairs = [
        (row["query"], row["pos"][0])
        for row in rows
        if tokenizer.unk_token_id
        not in tokenizer(row["query"], row["pos"][0])["input_ids"]
    ]
    assert len(pairs) > 25
    upstream = FlagReranker(
        str(tiny_reranker), use_fp16=False, devices="cpu", batch_size=8, max_length=512
    )
    theirs = upstream.compute_score([list(pair) for pair in pairs])
    ours = scores_of(reranker, pairs, 512)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_pair_is_what_the_tokenizer_makes_of_it(reranker):
    """Also with unknown characters."""
    settings = reranker.kind.settings(max_length=8192, query_max_length=8000)
    pairs = [*PAIRS[:-1], ("Lä½t 漢字?", "漢 „en\nhäst”")]
    found = reranker.kind.token_ids(pairs, settings)
    for pair, ids in zip(pairs, found, strict=True):
        assert ids.tolist() == reranker.kind.tokenizer(*pair)["input_ids"]


@pytest.mark.parametrize(
    ("longest", "batch_tokens", "said"),
    [
        (8193, 1, "`max_length`: is 8193, but the model .* takes 8192"),
        (5, 1, "`max_length`: is 5, expected 6 or more"),
        (96, 0, "`batch_tokens`: is 0, expected 1 or more"),
    ],
)
def test_limits_outside_the_models_are_refused(
    tiny_reranker, longest, batch_tokens, said
):
    kind = CrossEncoder(tiny_reranker, Options(batch_tokens=batch_tokens))
    with pytest.raises(InputError, match=said):
        Encoder(kind, longest=longest)


def test_vectors_are_not_asked_of_it(reranker, tiny_reranker):
    with pytest.raises(
        InputError,
        match=f"{tiny_reranker}: the model gives cross_encoder, but is asked for dense",
    ):
        reranker.embed(["text"], "query", max_length=96)


def test_scores_that_are_no_numbers_are_refused(tiny_reranker):
    reranker = Encoder(CrossEncoder(tiny_reranker), longest=8192)
    with torch.no_grad():
        reranker.workers._here.model.classifier.out_proj.bias.fill_(float("nan"))
    with pytest.raises(InputError, match=f"{tiny_reranker}: the model gives NaN"):
        scores_of(reranker, PAIRS[:1])
