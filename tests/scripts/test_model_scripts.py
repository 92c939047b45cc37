"""The command lines that run a model: prepare, embed, score."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import forks
import numpy as np
import pytest
from examples import case_pairs
from project import program, records

import embed_corpus
import embed_guide
import embed_queries
import prepare_model
import score_pairs
from arkiv.base.errors import InputError
from arkiv.base.files import Part, write_records
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.train.false_negatives import numbered_texts


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


def encoded(model, texts, side, length):
    """Dense vectors, in float32."""
    encoder = Encoder(M3(model), longest=length)
    return encoder.encode(texts, side, max_length=length).dense


def test_row_i_is_line_i_of_the_part(rows, tiny_embedder, tmp_path):
    for part in ("1-of-1", "1-of-2", "2-of-2"):
        embed_corpus.main(
            f"--corpus {rows} --part {part} --model {tiny_embedder} --batch-tokens 90 "
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
    texts = [row["text"] for row in records(rows)]
    wanted = encoded(tiny_embedder, texts, "passage", 8192)
    np.testing.assert_allclose(whole.astype(np.float32), wanted, atol=1e-3)


def test_queries_are_embedded_from_their_key(rows, tiny_embedder, tmp_path):
    embed_queries.main(
        f"--pairs {rows} --model {tiny_embedder} --output {tmp_path}/q.npy".split()
    )
    texts = [row["query"] for row in records(rows)]
    wanted = encoded(tiny_embedder, texts, "query", 256)
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
            f"--pairs {rows} --part {part} --model {tiny_reranker} --batch-tokens 90 "
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


def test_a_guide_has_each_text_of_all_rows_once_and_takes_what_is_known(
    rows, tiny_embedder, tmp_path, monkeypatch
):
    given = f"--model {tiny_embedder} --cache {tmp_path}/cache"
    lengths = "--query-max-length 32 --max-length 64"
    embed_queries.main(
        f"--pairs {rows} {given} --max-length 32 --output {tmp_path}/q.npy".split()
    )
    embed_corpus.main(
        f"--corpus {rows} {given} --max-length 64 --output {tmp_path}/p.npy".split()
    )
    monkeypatch.setattr(Encoder, "workers", property(pytest.fail))
    embed_guide.main(
        f"--shards {rows} {given} {lengths} --queries {tmp_path}/guide/q.npy "
        f"--passages {tmp_path}/guide/p.npy".split()
    )
    queries, passages = numbered_texts([str(rows)])
    lines = records(rows)
    for name, texts, key in (("q", queries, "query"), ("p", passages, "text")):
        places = [[line[key] for line in lines].index(text) for text in texts]
        assert sorted(places) == list(range(9))
        known, found = (np.load(tmp_path / f"{at}{name}.npy") for at in ("", "guide/"))
        assert found.dtype == np.float16
        assert np.array_equal(found, known[places])


def test_a_text_of_200_000_words_is_truncated(tiny_embedder, tiny_reranker, tmp_path):
    path = tmp_path / "rows.jsonl"
    long = " ".join(next(iter(case_pairs(1, seed=4)))[1].split() * 5000)[: 200_000 * 5]
    write_records(path, [{"text": long}, {"text": "kort"}])
    words = f"--corpus {path} --model {tiny_embedder} --max-length 64"
    embed_corpus.main(f"{words} --output {tmp_path}/x.npy".split())
    tokenizer = M3(tiny_embedder).tokenizer
    cut = tokenizer.decode(tokenizer(long)["input_ids"][1:63])
    np.testing.assert_allclose(
        np.load(tmp_path / "x.npy")[0].astype(np.float32),
        encoded(tiny_embedder, [cut], "passage", 64)[0],
        atol=1e-3,
    )
    write_records(path, [{"query": long, "pos": [long], "neg": ["kort"]}])
    words = f"--pairs {path} --model {tiny_reranker} --max-length 64"
    score_pairs.main(f"{words} --output {tmp_path}/y.jsonl".split())
    (row,) = records(tmp_path / "y.jsonl")
    assert np.isfinite([*row["pos_scores"], *row["neg_scores"]]).all()


@pytest.mark.parametrize("text", ["", "  ", None])
def test_a_text_of_no_length_is_named_with_its_line(text, tiny_embedder, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"text": "a"}}\n{json.dumps({"text": text})}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl, line 2, `text`: is"):
        embed_corpus.main(
            f"--corpus {path} --model {tiny_embedder} --output {tmp_path}/x".split()
        )
    assert not (tmp_path / "x").exists()


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
            f"--source some/model --kind m3 --output {tmp_path}/m".split()
        )
    assert list(tmp_path.iterdir()) == []


SCRIPTS = Path(score_pairs.__file__).parent


def logged(words) -> str:
    """What a script logs that ends well."""
    done = program(*words)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("script", "processes"), [("score_pairs", 2), ("embed_corpus", 1)]
)
def test_a_job_that_was_killed_goes_on_where_it_was(
    script, processes, tiny_embedder, tiny_reranker, tmp_path
):
    words = [script, "--processes", processes, "--batch-tokens", 600]
    pairs = list(case_pairs(120, seed=4))
    rows = tmp_path / "rows.jsonl"
    if script == "score_pairs":
        words += ["--model", tiny_reranker, "--pairs", rows]
        shifts = range(1, 8)
        values = 120 * 8
        write_records(
            rows,
            (
                {"query": q, "pos": [p], "neg": [pairs[n - i][1] for i in shifts]}
                for n, (q, p) in enumerate(pairs)
            ),
        )
    else:
        words += ["--model", tiny_embedder, "--corpus", rows]
        texts = {f"{query} {part}" for query, p in pairs for part in p.split()}
        values = len(texts)
        write_records(rows, ({"text": text} for text in sorted(texts)))

    logged([*words, "--output", tmp_path / "whole"])
    words += ["--output", tmp_path / "again", "--cache", tmp_path / "cache"]
    python = forks.with_libraries().python
    command = [python, SCRIPTS / f"{script}.py", *map(str, words[1:])]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    # A value is 28 bytes with its key and check sum, a vector 276.
    enough = values * (28 if script == "score_pairs" else 276) * 0.3
    while not any(
        path.stat().st_size > enough for path in tmp_path.glob("cache/*/*.journal")
    ):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert not (tmp_path / "again").exists()

    said = logged(words)
    taken = int(re.search(r"(\d+) values taken", said)[1])
    assert 0.3 * values < taken < values
    assert (tmp_path / "again").read_bytes() == (tmp_path / "whole").read_bytes()

    # What is known is not computed once more, and no model is loaded for it.
    (tmp_path / "again").unlink()
    said = logged(words)
    assert f"{values} of {values} values known" in said
    assert (tmp_path / "again").read_bytes() == (tmp_path / "whole").read_bytes()
