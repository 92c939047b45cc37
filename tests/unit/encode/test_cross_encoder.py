"""Scores equal those of FlagEmbedding's FlagReranker."""

import json

import numpy as np
import pytest
import torch

from arkiv.base.errors import InputError
from arkiv.encode.cross_encoder import Reranker
from arkiv.encode.models import Options
from arkiv.example.archive import case_pairs, cases

PAIRS = [
    *((q, p) for q, p in case_pairs(8, seed=3)),
    *((q, p) for (q, _), p in zip(case_pairs(4, seed=3), cases(4, 5), strict=True)),
    ("kort", "§"),
    ("Vad hände?", " ".join(cases(5, seed=6))),
    ("rader,\n  brutna", "\n".join(cases(2, seed=9)).replace(", ", ",\n")),
    ("inget", ""),
]


@pytest.mark.parametrize(("max_length", "query_max_length"), [(512, 256), (96, 12)])
def test_scores_equal_upstream(tiny_reranker, max_length, query_max_length):
    from FlagEmbedding import FlagReranker

    limits = {"max_length": max_length, "query_max_length": query_max_length}
    upstream = FlagReranker(
        str(tiny_reranker), use_fp16=False, devices="cpu", batch_size=3, **limits
    )
    ours = Reranker(tiny_reranker, **limits).scores(PAIRS)
    theirs = upstream.compute_score([list(pair) for pair in PAIRS])
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert ours.std() > 0.1


def test_a_query_that_fills_the_length_is_cut_so_that_a_passage_token_fits(
    tiny_reranker,
):
    reranker = Reranker(tiny_reranker, max_length=32, query_max_length=32)
    long = " ".join(cases(3, seed=1))
    query = reranker._tokens([long], reranker.query_max_length)[long]
    passage = reranker._tokens([long], reranker.room)[long]
    ids = reranker._joined(query, passage).tolist()
    assert len(ids) == 32
    assert ids.index(2) == 28
    assert np.isfinite(reranker.scores([(long, long)])).all()


def test_equal_pairs_score_equally_and_order_is_kept(tiny_reranker):
    reranker = Reranker(tiny_reranker, options=Options(batch_tokens=200))
    scores = reranker.scores([*PAIRS, *reversed(PAIRS)])
    assert scores.tolist() == [*scores[: len(PAIRS)], *scores[: len(PAIRS)][::-1]]
    assert reranker.scores([]).shape == (0,)


def test_real_pages_score_as_upstream(tiny_reranker, svea):
    """Old spelling, line breaks and division signs.

    Not where a character is unknown: there FlagEmbedding's way through text and back
    gives other token ids than the tokenizer (see `arkiv.encode.cross_encoder`).
    """
    from FlagEmbedding import FlagReranker

    lines = (svea / "archive_pairs.jsonl").read_text("utf-8").splitlines()[:30]
    rows = [json.loads(line) for line in lines]
    reranker = Reranker(tiny_reranker, max_length=512)
    pairs = [
        (row["query"], row["pos"][0])
        for row in rows
        if reranker.tokenizer.unk_token_id
        not in reranker.tokenizer(row["query"], row["pos"][0])["input_ids"]
    ]
    assert len(pairs) > 25
    upstream = FlagReranker(
        str(tiny_reranker), use_fp16=False, devices="cpu", batch_size=8, max_length=512
    )
    theirs = upstream.compute_score([list(pair) for pair in pairs])
    ours = reranker.scores(pairs)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_pair_is_what_the_tokenizer_makes_of_it(tiny_reranker):
    """Also with unknown characters."""
    reranker = Reranker(tiny_reranker)
    for query, passage in [*PAIRS[:-1], ("Lä½t 漢字?", "漢 „en\nhäst”")]:
        tokens = [reranker._tokens([text], 8000)[text] for text in (query, passage)]
        wanted = reranker.tokenizer(query, passage)["input_ids"]
        assert reranker._joined(*tokens).tolist() == wanted


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_length": 8193}, "`max_length`: is 8193, but the model .* takes 8192"),
        ({"max_length": 5}, "`max_length`: is 5, expected 6 or more"),
        (
            {"options": Options(batch_tokens=0)},
            "`batch_tokens`: is 0, expected 1 or more",
        ),
    ],
)
def test_limits_outside_the_models_are_refused(tiny_reranker, limits, said):
    with pytest.raises(InputError, match=said):
        Reranker(tiny_reranker, **limits)


def test_scores_that_are_no_numbers_are_refused(tiny_reranker):
    reranker = Reranker(tiny_reranker)
    with torch.no_grad():
        reranker.workers._here.model.classifier.out_proj.bias.fill_(float("nan"))
    with pytest.raises(InputError, match=f"{tiny_reranker}: the model gives NaN"):
        reranker.scores(PAIRS[:1])
