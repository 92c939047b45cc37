"""Queries and grades by a model in the job itself."""

import itertools
import json

import pytest
from llama import build_llama
from project import ROOT

import generate_queries
import judge_pool
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, read_records, write_records
from arkiv.base.hashing import content_id


@pytest.fixture(scope="module")
def llama(tmp_path_factory, tiny_embedder):
    path = tmp_path_factory.mktemp("llama") / "llama"
    build_llama(path, tiny_embedder)
    return path


@pytest.fixture
def documents(tmp_path):
    path = tmp_path / "documents.jsonl"
    with open(path, "w", encoding="utf-8") as out:
        for n in range(9):
            text = "Rätten hörde bonden Nils i Lund. " * (n + 1)
            out.write(json.dumps({"id": content_id(text), "text": text}) + "\n")
    (tmp_path / "ask.txt").write_text("Fråga:\n\n{text}\n", "utf-8")
    return path


def generate(documents, out, model, *more):
    given = ["--documents", documents, "--output", out / "q.jsonl"]
    given += ["--rejected", out / "r.jsonl", "--stats", out / "s.json"]
    given += ["--backend", "local", "--model", model, "--max-tokens", 8]
    given += ["--prompts", documents.with_name("ask.txt")]
    given += ["--journal", out / "cache/journal.jsonl", *more]
    generate_queries.main(list(map(str, given)))
    return [(out / name).read_text("utf-8") for name in ("q.jsonl", "r.jsonl")]


def answers(out):
    with open(out / "cache/journal.jsonl", encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]
    return {one["key"]: one for one in events if one["event"] == "answer"}


@pytest.mark.parametrize("temperature", [0, 0.8])
def test_an_answer_does_not_depend_on_its_batch(
    documents, tmp_path, llama, temperature
):
    more = ["--temperature", temperature]
    generate(documents, tmp_path / "a", llama, *more)
    generate(documents, tmp_path / "b", llama, *more, "--batch-tokens", 1)
    first, second = answers(tmp_path / "a"), answers(tmp_path / "b")
    assert len(first) == 9
    for key, answer in first.items():
        assert {**answer, "job": ""} == {**second[key], "job": ""}
    assert all(0 < one["output"] <= 8 for one in first.values())
    # The tokens of the template, the prompt and one more sentence each.
    inputs = sorted(one["input"] for one in first.values())
    steps = {high - low for low, high in itertools.pairwise(inputs)}
    assert len(steps) == 1


def test_the_random_part_is_a_sample_of_the_models_distribution():
    import torch

    from arkiv.llm.local import _Drawing

    scores = torch.tensor([[1.0, 0.0, 2.0, -1.0]]).repeat(4000, 1)
    drawing = _Drawing([str(n) for n in range(4000)], 0.7, 5)
    drawn = drawing(torch.zeros(4000, 6), scores).argmax(1)
    shares = torch.bincount(drawn, minlength=4) / 4000
    expected = torch.softmax(scores[0] / 0.7, 0)
    assert torch.allclose(shares, expected, atol=0.03)


def test_a_finished_job_loads_no_model_again(documents, tmp_path, llama, monkeypatch):
    made = generate(documents, tmp_path / "a", llama)
    monkeypatch.setattr("arkiv.llm.local.LocalModel", None)
    assert generate(documents, tmp_path / "a", llama) == made


def test_a_prompt_that_is_too_long_is_set_aside(documents, tmp_path, llama):
    text = "Rätten hörde bonden Nils i Lund. " * 1000
    with open(documents, "a", encoding="utf-8") as out:
        out.write(json.dumps({"id": content_id(text), "text": text}) + "\n")
    _, rejected = generate(documents, tmp_path / "a", llama)
    (row,) = (
        row
        for row in map(json.loads, rejected.splitlines())
        if row["reason"] == "the model gave no answer"
    )
    assert row["pos_ids"] == [content_id(text)]
    assert "the model takes 4096" in row["detail"]


def test_a_budget_stops_it_too(documents, tmp_path, llama):
    with pytest.raises(InputError, match=r"queries\.budget\.requests.*is 3"):
        generate(documents, tmp_path / "a", llama, "--budget-requests", 3)


def test_a_directory_without_a_causal_model_is_named(documents, tmp_path):
    with pytest.raises(InputError, match="is not a model directory"):
        generate(documents, tmp_path / "a", tmp_path)


def test_what_a_model_says_at_random_is_no_grade(tmp_path, llama):
    write_records(tmp_path / "queries.jsonl", [{"id": "q", "query": "Vem stal?"}])
    passages = [{"id": f"p{n}", "text": f"Nils stal {n} hästar."} for n in range(6)]
    write_records(tmp_path / "corpus.jsonl", passages)
    pairs = [{"query_id": "q", "passage_id": row["id"]} for row in passages]
    write_records(tmp_path / "pool.jsonl", pairs)
    given = ["--backend", "local", "--model", llama, "--tries", 2, "--max-tokens", 8]
    given += ["--prompt", ROOT / "config/prompts/sv-relevance.txt"]
    for name in ("queries", "corpus", "pool"):
        given += [f"--{name}", tmp_path / f"{name}.jsonl"]
    given += ["--output", tmp_path / "g.jsonl", "--rejected", tmp_path / "r.jsonl"]
    given += ["--stats", tmp_path / "s.json", "--journal", tmp_path / "journal.jsonl"]
    judge_pool.main(list(map(str, given)))
    graded, rejected = (
        [row for _, row in read_records(tmp_path / name)]
        for name in ("g.jsonl", "r.jsonl")
    )
    stats = read_json(tmp_path / "s.json")
    assert len(graded) + len(rejected) == 6
    assert rejected
    assert stats["rejected"] == {"the model gave no grade": len(rejected)}
    assert stats["usage"]["requests"] == 6 + stats["asked_again"]
