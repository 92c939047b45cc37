"""The command lines of estimate_queries.py and show_estimate.py."""

import itertools
import json

import pytest
from chat import Chat, completion
from project import ROOT

import estimate_queries
import generate_queries
import show_estimate
from arkiv.base.hashing import content_id

JUDGE = ROOT / "config/prompts/judge.txt"


@pytest.fixture
def documents(tmp_path):
    path = tmp_path / "d.jsonl"
    with open(path, "w", encoding="utf-8") as out:
        for n in range(30):
            text = f"Rätten hörde bonden Nils {n} i Lund. " * (n + 1)
            row = {"id": content_id(text), "text": text, "volume": "v"}
            out.write(json.dumps(row) + "\n")
    (tmp_path / "ask.txt").write_text("Fråga:\n{text}\n", "utf-8")
    return path


def estimate(documents, tokenizer, *more):
    path = documents.with_name("estimate.json")
    given = ["--documents", f"court={documents}", f"letters={documents}"]
    given += ["--tokenizer", tokenizer, "--output", path, "--backend", "openai"]
    given += ["--model", "m", "--prompts", documents.with_name("ask.txt"), *more]
    estimate_queries.main(list(map(str, given)))
    return json.loads(path.read_text())


TASK = [
    "--per-document",
    2,
    "--judge-prompt",
    JUDGE,
    "--group-share",
    0.5,
    "--max-tokens",
    50,
]
TASK += ["--group-prompt", ROOT / "config/prompts/sv-group.txt"]
TASK += ["--price-input", 10, "--price-output", 20]


def test_as_many_requests_are_foreseen_as_are_sent(
    documents, tmp_path, tiny_embedder, monkeypatch
):
    court = estimate(documents, tiny_embedder, *TASK)["datasets"]["court"]
    numbers = itertools.count()

    def answer(request):
        judged = request["messages"][0]["content"].startswith("Below are")
        # The two queries of a document have one prompt, but are two requests.
        return completion("5" if judged else f"Vad gällde nummer {next(numbers)}?")

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with Chat(answer) as chat:
        given = ["--documents", documents, "--backend", "openai", "--model", "m"]
        given += ["--base-url", chat.base_url, "--journal", tmp_path / "journal"]
        given += ["--prompts", tmp_path / "ask.txt", *TASK]
        for name in ("output", "rejected", "stats"):
            given += [f"--{name}", tmp_path / name]
        generate_queries.main(list(map(str, given)))
    assert chat.answered.total() == court["requests"]
    assert court["most_output_tokens"] == 50 * court["requests"]


def test_tokens_are_those_of_the_tokenizer(documents, tiny_embedder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_embedder)
    more = ["--price-input", 10, "--price-output", 20, "--max-tokens", 10]
    found = estimate(documents, tiny_embedder, *more, "--budget-money", 0.01)
    rows = map(json.loads, documents.read_text("utf-8").splitlines())
    texts = [row["text"] for row in rows]
    tokens = sum(len(tokenizer(f"Fråga:\n{text}")["input_ids"]) for text in texts)
    assert found["datasets"]["court"] == {
        "requests": 30,
        "input_tokens": tokens,
        "likely_output_tokens": 300,
        "most_output_tokens": 300,
        "likely_money": round((10 * tokens + 20 * 300) / 1e6, 6),
        "most_money": round((10 * tokens + 20 * 300) / 1e6, 6),
    }
    assert found["budget"] == {"requests": None, "tokens": None, "money": 0.01}


def test_the_table_is_narrow_and_tells_of_the_budget(documents, tiny_embedder, capsys):
    estimate(documents, tiny_embedder, *TASK, "--budget-requests", 100)
    show_estimate.main([str(documents.with_name("estimate.json"))])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    *_, court, letters, together, _, stop = lines
    numbers = [int(line.split()[1].replace(",", "")) for line in (court, together)]
    assert letters.startswith("letters")
    assert numbers[1] == 2 * numbers[0]
    assert stop == "queries.budget.requests is 100: the run would stop there."


def test_the_extractive_backend_costs_nothing(documents, tiny_embedder, capsys):
    found = estimate(documents, tiny_embedder, "--backend", "extractive")
    assert set(found["datasets"]["court"].values()) == {0}
    show_estimate.main([str(documents.with_name("estimate.json"))])
    assert "nothing to pay" in capsys.readouterr().out
