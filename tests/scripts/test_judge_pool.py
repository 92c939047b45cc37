"""Grades by a language model's server that errs, and by jobs that are killed."""

import itertools
import json
import logging
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from chat import Chat, Held, answers, completion

import estimate_grades
import judge_pool
import show_estimate
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, read_records, write_records
from arkiv.base.hashing import content_id
from arkiv.llm import server

ROOT = Path(__file__).parents[2]
PROMPT = ROOT / "config/prompts/sv-relevance.txt"
KEY = "sk-very-secret-0123456789"
KINDS = (429, 500, "cut", "dropped", "garbage", "hollow")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("ARKIV_TEST_KEY", KEY)
    monkeypatch.setattr(server, "FIRST_DELAY", 0.01)


@pytest.fixture
def pool(tmp_path):
    """24 pairs of 3 queries and 8 passages."""
    queries = [{"id": f"q{n}", "query": f"Vem stal häst {n}?"} for n in range(3)]
    passages = [
        {"id": f"p{n}", "text": f"Nils {{stal}} häst {n}.", "volume": "v"}
        for n in range(9)
    ]
    write_records(tmp_path / "queries.jsonl", queries)
    write_records(tmp_path / "corpus.jsonl", passages)
    pairs = itertools.product(queries, passages[:8])
    write_records(
        tmp_path / "pool.jsonl",
        ({"query_id": q["id"], "passage_id": p["id"]} for q, p in pairs),
    )
    return tmp_path


def grade(prompt):
    """A grade that depends on query and passage alone."""
    lines = [line for line in prompt.splitlines() if "häst" in line]
    assert len(lines) == 2  # a query and a passage, braces as they were
    return int(content_id(*lines), 16) % 4


def answer(request):
    return completion(str(grade(request["messages"][0]["content"])))


def words_of(pool, out, base_url, *more):
    given = ["--queries", pool / "queries.jsonl", "--corpus", pool / "corpus.jsonl"]
    given += ["--pool", pool / "pool.jsonl", "--prompt", PROMPT, "--model", "m"]
    given += ["--base-url", base_url, "--key-variable", "ARKIV_TEST_KEY"]
    given += ["--output", out / "grades.jsonl", "--rejected", out / "rejected.jsonl"]
    given += ["--stats", out / "stats.json", "--journal", out / "cache/journal.jsonl"]
    given += ["--timeout", 1, "--max-tokens", 8, *more]
    return list(map(str, given))


def judge(pool, out, base_url, *more):
    judge_pool.main(words_of(pool, out, base_url, *more))
    graded, rejected = (
        [row for _, row in read_records(out / name)]
        for name in ("grades.jsonl", "rejected.jsonl")
    )
    return graded, rejected, read_json(out / "stats.json")


def test_through_faults_every_pair_is_graded_once(pool, tmp_path, caplog):
    def fault(prompt, tried):
        return KINDS[int(content_id(prompt), 16) % len(KINDS)] if tried < 1 else None

    with Chat(answer, fault) as chat, caplog.at_level(logging.INFO):
        graded, rejected, stats = judge(pool, tmp_path / "a", chat.base_url)
        parts = [
            judge(pool, tmp_path / part, chat.base_url, "--part", part)[0]
            for part in ("1-of-3", "2-of-3", "3-of-3")
        ]
    assert set(chat.faults) == set(KINDS)
    assert set(chat.answered.values()) == {2}  # once for all, and once in a part
    assert len(chat.answered) == 24
    pairs = [row for _, row in read_records(pool / "pool.jsonl")]
    assert [
        {key: row[key] for key in ("query_id", "passage_id")} for row in graded
    ] == (pairs)
    prompts = {(row["query_id"], row["passage_id"]): row["grade"] for row in graded}
    for prompt in chat.answered:
        number = [line[-2] for line in prompt.splitlines() if "häst" in line]
        assert prompts[f"q{number[0]}", f"p{number[1]}"] == grade(prompt)
    assert set(prompts.values()) == {0, 1, 2, 3}
    assert rejected == []
    assert stats["graded"] == stats["usage"]["requests"] == 24
    assert stats["asked_again"] == 0
    assert list(itertools.chain(*parts)) == graded
    # The key stays where it was.
    assert chat.keys == {f"Bearer {KEY}"}
    assert KEY not in caplog.text
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()


def test_what_is_no_grade_is_asked_again_and_never_taken_for_one(pool, tmp_path):
    tries = Counter()

    def stubborn(request):
        prompt = request["messages"][0]["content"]
        first = prompt.partition("\n\nAnswer with one digit")[0]
        tries[first] += 1
        if "häst 0?" in prompt:
            return completion("Det är svårt att säga: 0 eller 1?")
        if "häst 1?" in prompt and tries[first] < 3:
            return completion("5")
        return answer(request)

    turned_away = "Vem stal häst 2?", "häst 4."

    def fault(prompt, tried):
        return 400 if all(words in prompt for words in turned_away) else None

    with Chat(stubborn, fault) as chat:
        graded, rejected, stats = judge(pool, tmp_path / "a", chat.base_url)
        asked = chat.tried.total()
        again = judge(pool, tmp_path / "a", chat.base_url)
    by_query = Counter(row["query_id"] for row in graded)
    assert by_query == {"q1": 8, "q2": 7}
    assert all(
        row["grade"] == grade(prompt)
        for row in graded
        for prompt in chat.answered
        if f"häst {row['query_id'][1]}?" in prompt
        and f"häst {row['passage_id'][1]}." in prompt
    )
    assert stats["rejected"] == {
        "the model gave no answer": 1,
        "the model gave no grade": 8,
    }
    assert stats["asked_again"] == 2 * 16
    assert stats["usage"]["requests"] == 8 * 3 + 8 * 3 + 7
    assert {row["query_id"] for row in rejected} == {"q0", "q2"}
    (away,) = (row for row in rejected if row["query_id"] == "q2")
    assert away["passage_id"] == "p4"
    assert away["detail"].startswith("status 400")
    assert rejected[0]["detail"] == "Det är svårt att säga: 0 eller 1?"
    # Only what was turned away, and so is in no journal, is asked a second time.
    assert chat.tried.total() == asked + 1
    assert again == (graded, rejected, stats)


def test_a_killed_job_goes_on_without_asking_again(pool, tmp_path):
    held = Held(10, answer)
    with Chat(held) as chat:
        words = words_of(pool, tmp_path / "a", chat.base_url, "--concurrency", 4)
        command = [sys.executable, ROOT / "scripts/judge_pool.py", *words]
        held.kill_when_full(command, chat, lambda: answers(tmp_path / "a"))
        assert not (tmp_path / "a/grades.jsonl").exists()
        graded, _, stats = judge(pool, tmp_path / "a", chat.base_url)
    assert set(chat.answered.values()) == {1}
    assert len(chat.answered) == len(graded) == stats["graded"] == 24


def test_the_cap_stops_it_in_one_sentence_and_a_raised_one_lets_it_go_on(
    pool, tmp_path
):
    # 100 tokens in and 10 out: 0.00012 a request.
    prices = ["--price-input", 1, "--price-output", 2]
    with Chat(answer) as chat:
        words = words_of(pool, tmp_path / "a", chat.base_url, *prices)
        command = [sys.executable, ROOT / "scripts/judge_pool.py", *words]
        stopped = subprocess.run(
            [*command, "--budget-money", "0.003"], capture_output=True, text=True
        )
        assert stopped.returncode == 1
        assert "Traceback" not in stopped.stderr
        assert stopped.stderr.splitlines()[-1].startswith(
            "error: `gold.judge.budget.money`: is 0.003, and the next request could go "
        )
        paid = chat.answered.total()
        assert 1 < paid < 24
        assert paid == answers(tmp_path / "a")
        assert not (tmp_path / "a/grades.jsonl").exists()
        more = [*prices, "--budget-money", 1]
        graded, _, stats = judge(pool, tmp_path / "a", chat.base_url, *more)
        assert set(chat.answered.values()) == {1}
    assert len(graded) == 24
    assert stats["usage"]["money"] == pytest.approx(24 * 0.00012)


def test_what_it_costs_is_foreseen(pool, tmp_path, tiny_embedder, capsys):
    given = ["--queries", pool / "queries.jsonl", "--corpus", pool / "corpus.jsonl"]
    given += ["--pool", pool / "pool.jsonl", "--prompt", PROMPT, "--model", "m"]
    given += ["--price-input", 10, "--price-output", 20, "--max-tokens", 8]
    given += ["--tokenizer", tiny_embedder, "--budget-requests", 20]
    path = tmp_path / "estimate.json"
    estimate_grades.main(list(map(str, [*given, "--output", path])))
    found = read_json(path)["datasets"]["pool"]
    assert found["requests"] == 24
    assert found["most_output_tokens"] == 24 * 8
    assert found["input_tokens"] > 24 * 100
    money = (10 * found["input_tokens"] + 20 * 24 * 8) / 1e6
    assert found["most_money"] == pytest.approx(money, abs=1e-6)
    show_estimate.main([str(path)])
    shown = capsys.readouterr().out
    assert "grades by m, answers of likely length" in shown
    assert "gold.judge.budget.requests is 20: the run would stop there." in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("pool", {"query_id": "q9", "passage_id": "p1"}, "names the query q9, which "),
        ("pool", {"query_id": "q1", "passage_id": "p9"}, "names the passage p9, which"),
        ("pool", {"query_id": "q1"}, "line 1, `passage_id`: is missing"),
    ],
)
def test_a_pool_at_fault_is_one_sentence(pool, tmp_path, name, row, said):
    (pool / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match=said):
        judge(pool, tmp_path / "a", "http://127.0.0.1:9/v1")


def test_a_prompt_without_the_query_is_refused(pool, tmp_path):
    (tmp_path / "p.txt").write_text("Betyg? {text}")
    more = ["--prompt", tmp_path / "p.txt"]
    with pytest.raises(InputError, match=r"p\.txt: lacks the field \{query\}"):
        judge(pool, tmp_path / "a", "http://127.0.0.1:9/v1", *more)
