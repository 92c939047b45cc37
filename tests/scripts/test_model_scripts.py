"""The command lines that run a model: prepare, embed, score."""

import json
import shutil

import numpy as np
import pytest
from project import records

import embed_corpus
import embed_queries
import prepare_model
import score_pairs
from arkiv.errors import InputError
from arkiv.example import case_pairs
from arkiv.files import Part, write_records
from arkiv.m3 import M3Encoder


@pytest.fixture
def rows(tmp_path):
    pairs = list(case_pairs(9, seed=4))
    path = tmp_path / "rows.jsonl"
    write_records(
        path,
        (
            {
                "id": str(n),
                "query": query,
                "text": passage,
                "pos": [passage],
                "neg": [pairs[n - 1][1], pairs[n - 2][1]],
                "more": n,
            }
            for n, (query, passage) in enumerate(pairs)
        ),
    )
    return path


def test_row_i_is_line_i_of_the_part(rows, tiny_embedder, tmp_path):
    for part in ("1-of-1", "1-of-2", "2-of-2"):
        embed_corpus.main(
            f"--corpus {rows} --part {part} --model {tiny_embedder} --batch-size 2 "
            f"--output {tmp_path / part}.npy".split()
        )
    whole = np.load(tmp_path / "1-of-1.npy")
    assert whole.dtype == np.float16
    assert whole.shape == (9, 128)
    parts = [np.load(tmp_path / f"{i}-of-2.npy") for i in (1, 2)]
    assert [len(part) for part in parts] == [len(Part(i, 2).bounds(9)) for i in (1, 2)]
    np.testing.assert_allclose(
        np.concatenate(parts).astype(np.float32), whole.astype(np.float32), atol=1e-3
    )
    encoder = M3Encoder(tiny_embedder, max_length=8192, batch_size=4)
    wanted = encoder.encode([row["text"] for row in records(rows)]).dense
    np.testing.assert_allclose(whole.astype(np.float32), wanted, atol=1e-3)


def test_queries_are_embedded_from_their_key(rows, tiny_embedder, tmp_path):
    embed_queries.main(
        f"--pairs {rows} --model {tiny_embedder} --output {tmp_path}/q.npy".split()
    )
    encoder = M3Encoder(tiny_embedder, max_length=256, batch_size=4)
    wanted = encoder.encode([row["query"] for row in records(rows)]).dense
    ours = np.load(tmp_path / "q.npy").astype(np.float32)
    np.testing.assert_allclose(ours, wanted, atol=1e-3)


def test_a_part_without_lines_is_an_array_without_rows(tiny_embedder, tmp_path):
    path = tmp_path / "one.jsonl"
    write_records(path, [{"text": "a"}])
    embed_corpus.main(
        f"--corpus {path} --part 1-of-2 --model {tiny_embedder} "
        f"--output {tmp_path}/none.npy".split()
    )
    assert np.load(tmp_path / "none.npy").shape == (0, 128)


def test_an_empty_corpus_is_refused(tiny_embedder, tmp_path):
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(InputError, match=r"empty\.jsonl: the corpus is empty"):
        embed_corpus.main(
            f"--corpus {tmp_path}/empty.jsonl --model {tiny_embedder} "
            f"--output {tmp_path}/x.npy".split()
        )
    assert not (tmp_path / "x.npy").exists()


def test_a_model_without_weights_is_refused(rows, tiny_embedder, tmp_path):
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    (model / "model.safetensors").unlink()
    with pytest.raises(InputError, match="lacks weights"):
        embed_corpus.main(
            f"--corpus {rows} --model {model} --output {tmp_path}/x.npy".split()
        )


def test_scores_stand_beside_their_texts(rows, tiny_reranker, tmp_path):
    for part in ("1-of-1", "1-of-3", "2-of-3", "3-of-3"):
        score_pairs.main(
            f"--pairs {rows} --part {part} --model {tiny_reranker} --batch-size 4 "
            f"--output {tmp_path / part}.jsonl".split()
        )
    whole = records(tmp_path / "1-of-1.jsonl")
    parts = [r for i in (1, 2, 3) for r in records(tmp_path / f"{i}-of-3.jsonl")]
    assert [row["more"] for row in whole] == list(range(9))
    for one, other, given in zip(whole, parts, records(rows), strict=True):
        assert {k: v for k, v in one.items() if not k.endswith("scores")} == given
        assert one["neg_scores"] == pytest.approx(other["neg_scores"], abs=1e-5)
        assert one["pos_scores"] == pytest.approx(other["pos_scores"], abs=1e-5)
    best = sum(row["pos_scores"][0] > max(row["neg_scores"]) for row in whole)
    assert best >= 8


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"query": "q", "pos": ["p"]}, "line 1, `neg`: is missing"),
        ({"pos": ["p"], "neg": ["n"]}, "line 1, `query`: is missing"),
        ({"query": "q", "pos": ["p"], "neg": []}, "line 1, `neg`: holds 0 texts"),
    ],
)
def test_a_row_without_negatives_is_refused(record, said, tiny_reranker, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(record) + "\n")
    with pytest.raises(InputError, match=said):
        score_pairs.main(
            f"--pairs {path} --model {tiny_reranker} --output {tmp_path}/x".split()
        )
    assert not (tmp_path / "x").exists()


def test_the_hub_out_of_reach_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="cannot fetch some/model at revision main"):
        prepare_model.main(
            f"--source some/model --kind embedder --output {tmp_path}/m".split()
        )
    assert list(tmp_path.iterdir()) == []
