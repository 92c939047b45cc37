"""Queries by a language model's server that errs, and by jobs that are killed."""

import json
import logging
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from chat import Chat, Held, answers, completion

import generate_queries
from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id
from arkiv.llm import server
from arkiv.llm.settings import Connection

ROOT = Path(__file__).parents[2]
KEY = "sk-very-secret-0123456789"
KINDS = (429, 500, 503, "cut", "dropped", "garbage", "hollow", "slow", "late")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("ARKIV_TEST_KEY", KEY)
    monkeypatch.setattr(server, "FIRST_DELAY", 0.01)


@pytest.fixture
def documents(tmp_path):
    rows = [
        {
            "id": content_id(text),
            "text": text,
            "volume": f"v{n // 8}",
            "first_page": n,
            "last_page": n,
        }
        for n in range(24)
        for text in [f"Rätten hörde bonden Nils {n} om {{åker}} {n} i Lund by."]
    ]
    (tmp_path / "ask.txt").write_text("Fråga på {language}:\n\n{text}\n", "utf-8")
    path = tmp_path / "documents.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def question(request):
    """A query that depends on the prompt alone."""
    return completion(f"Vad gällde {content_id(request['messages'][0]['content'])}?")


def words_of(documents, out, base_url, *more):
    prompt = documents.with_name("ask.txt")
    given = ["--documents", documents, "--output", out / "q.jsonl"]
    given += ["--rejected", out / "r.jsonl", "--stats", out / "s.json"]
    given += ["--backend", "openai", "--base-url", base_url, "--model", "m"]
    given += ["--key-variable", "ARKIV_TEST_KEY", "--prompts", prompt]
    given += ["--journal", out / "cache" / "journal.jsonl", "--timeout", 1, *more]
    return list(map(str, given))


def generate(documents, out, base_url, *more):
    generate_queries.main(words_of(documents, out, base_url, *more))
    return tuple((out / name).read_bytes() for name in ("q.jsonl", "r.jsonl", "s.json"))


def rows(data):
    return [json.loads(line) for line in data.decode().splitlines()]


def journal(out):
    return rows((out / "cache" / "journal.jsonl").read_bytes())


def test_queries_know_their_document(documents, tmp_path):
    with Chat(question) as chat:
        made, rejected, stats = generate(documents, tmp_path / "a", chat.base_url)
    texts = {row["id"]: row["text"] for row in rows(documents.read_bytes())}
    assert [row["pos_ids"] for row in rows(made)] == [[one] for one in texts]
    for row in rows(made):
        # Braces in a passage are no fields.
        prompt = f"Fråga på Swedish:\n\n{texts[row['pos_ids'][0]]}"
        assert row["query"] == f"Vad gällde {content_id(prompt)}?"
        assert row["prompt"] == "ask"
    assert rejected == b""
    assert json.loads(stats) == {
        "queries": 24,
        "rejected": {},
        "usage": {
            "requests": 24,
            "input_tokens": 2400,
            "output_tokens": 240,
            "estimated_requests": 0,
            "money": 0.0,
        },
    }


def test_through_faults_every_request_is_answered_once_and_none_is_lost(
    documents, tmp_path, caplog
):
    def fault(prompt, tried):
        """Each prompt meets two kinds of fault, all kinds together."""
        first = int(content_id(prompt), 16) % len(KINDS)
        return KINDS[(first + tried) % len(KINDS)] if tried < 2 else None

    with Chat(question) as calm:
        expected = generate(documents, tmp_path / "a", calm.base_url)
    with Chat(question, fault) as chat, caplog.at_level(logging.WARNING):
        made = generate(documents, tmp_path / "b", chat.base_url, "--concurrency", 8)
    assert set(chat.faults) == set(KINDS)
    assert made == expected
    assert set(chat.answered.values()) == {1}
    assert len(chat.answered) == 24
    assert 1 < chat.most_at_once <= 8
    # The server asked for 0.3 s.
    assert min(chat.waited) >= 0.3
    assert KEY not in caplog.text
    # What may have been billed counts, what was turned away does not.
    events = Counter(line["event"] for line in journal(tmp_path / "b"))
    refused = sum(chat.faults[status] for status in (429, 500, 503))
    assert events["refused"] == refused
    assert events["lost"] == chat.faults.total() - refused - chat.faults["slow"]
    assert events["ask"] == chat.tried.total()


def test_answers_come_in_any_order_and_from_any_number_of_parts(documents, tmp_path):
    groups = ["--group-share", 0.5, "--group-prompt", ROOT / "config/prompts/claim.txt"]
    groups += ["--per-document", 2]
    with Chat(question) as chat:
        whole = generate(documents, tmp_path / "a", chat.base_url, *groups)
        before = chat.answered.total()
        parts = []
        for index in range(1, 6):
            out = tmp_path / f"part{index}"
            again = ["--part", f"{index}-of-5", "--concurrency", index, *groups]
            parts.append(generate(documents, out, chat.base_url, *again)[0])
    assert b"".join(parts) == whole[0]
    groups_made = [row for row in rows(whole[0]) if len(row["pos"]) > 1]
    assert {len(row["pos"]) for row in groups_made} == {3, 4}
    assert {row["prompt"] for row in groups_made} == {"claim"}
    assert chat.answered.total() == 2 * before
    for row in groups_made:
        assert row["last_page"] - row["first_page"] == len(row["pos"]) - 1
        assert row["first_page"] // 8 == row["last_page"] // 8


def test_a_killed_job_goes_on_without_asking_again(documents, tmp_path):
    held = Held(10, question)
    with Chat(held) as chat:
        words = words_of(documents, tmp_path / "a", chat.base_url, "--concurrency", 4)
        command = [sys.executable, ROOT / "scripts/generate_queries.py", *words]
        held.kill_when_full(command, chat, lambda: answers(tmp_path / "a"))
        assert not (tmp_path / "a" / "q.jsonl").exists()
        # A kill amid an append leaves half a line.
        with open(tmp_path / "a/cache/journal.jsonl", "ab") as file:
            file.write(b'{"job": "x", "event": "answ')
        made = generate(documents, tmp_path / "a", chat.base_url)
    assert set(chat.answered.values()) == {1}
    assert len(chat.answered) == 24
    with Chat(question) as calm:
        assert made == generate(documents, tmp_path / "b", calm.base_url)
    events = Counter(line["event"] for line in journal(tmp_path / "a"))
    assert events["answer"] == 24
    assert events["begin"] == 1


def test_an_unfinished_answer_is_asked_again_and_a_finished_job_asks_nothing(
    documents, tmp_path
):
    with Chat(question) as chat:
        whole = generate(documents, tmp_path / "a", chat.base_url)
        file = tmp_path / "a/cache/journal.jsonl"
        file.write_bytes(file.read_bytes()[:-5])
        assert generate(documents, tmp_path / "a", chat.base_url) == whole
        assert chat.answered.total() == 25
        generate(documents, tmp_path / "a", chat.base_url, "--max-words", 1)
        assert chat.answered.total() == 25
        generate(documents, tmp_path / "a", chat.base_url, "--temperature", 0.1)
        assert chat.answered.total() == 49


def test_the_money_cap_stops_a_run_cleanly_and_a_raised_one_lets_it_go_on(
    documents, tmp_path
):
    # 100 tokens in and 10 out: 0.00012 a request.
    prices = ["--price-input", 1, "--price-output", 2, "--max-tokens", 20]
    with Chat(question) as chat:
        words = words_of(documents, tmp_path / "a", chat.base_url, *prices)
        command = [sys.executable, ROOT / "scripts/generate_queries.py", *words]
        stopped = subprocess.run(
            [*command, "--budget-money", "0.0015"], capture_output=True, text=True
        )
        assert stopped.returncode == 1
        assert "Traceback" not in stopped.stderr
        last = stopped.stderr.splitlines()[-1]
        assert last.startswith("error: `queries.budget.money`: is 0.0015")
        paid = [line for line in journal(tmp_path / "a") if line["event"] == "answer"]
        assert 8 <= len(paid) < 13
        assert sum(line["money"] for line in paid) <= 0.0015
        assert chat.answered.total() == len(paid)
        assert not (tmp_path / "a" / "q.jsonl").exists()
        more = [*prices, "--budget-money", 0.01]
        made = generate(documents, tmp_path / "a", chat.base_url, *more)
        assert set(chat.answered.values()) == {1}
    assert json.loads(made[2])["usage"]["money"] == pytest.approx(24 * 0.00012)
    with Chat(question) as calm:
        assert made == generate(documents, tmp_path / "b", calm.base_url, *prices)


@pytest.mark.parametrize(
    ("limit", "most"), [("requests", 10), ("tokens", 1500), ("money", 0.0015)]
)
def test_jobs_that_run_at_the_same_time_share_the_budget(
    documents, tmp_path, limit, most
):
    prices = ["--price-input", 1, "--price-output", 2, "--max-tokens", 20]
    with Chat(question, lambda *_: "slow") as chat:
        errors = []

        def job(part):
            words = words_of(documents, tmp_path / part, chat.base_url, *prices)
            words[words.index("--journal") + 1] = str(tmp_path / "journal.jsonl")
            words += ["--part", part, f"--budget-{limit}", str(most)]
            words += ["--concurrency", "3"]
            try:
                generate_queries.main(words)
            except InputError as error:
                errors.append(str(error))

        threads = [threading.Thread(target=job, args=(f"{n}-of-3",)) for n in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(errors) == 3
    assert all(f"`queries.budget.{limit}`" in error for error in errors)
    answers = chat.answered.total()
    spent = {"requests": answers, "tokens": 110 * answers, "money": 0.00012 * answers}
    assert spent[limit] <= most
    # What was kept free for the requests under way is some of the whole.
    assert spent[limit] >= most * 0.6


def test_a_server_that_does_not_tell_its_tokens_is_estimated(documents, tmp_path):
    with Chat(lambda request: question(request) | {"usage": None}) as chat:
        stats = json.loads(generate(documents, tmp_path / "a", chat.base_url)[2])
    assert stats["usage"]["estimated_requests"] == 24
    assert 24 * 10 < stats["usage"]["input_tokens"] < 24 * 60


def test_what_a_server_turns_away_is_set_aside_with_its_reason(documents, tmp_path):
    with Chat(question, lambda prompt, _: 400 if "Nils 3 " in prompt else None) as chat:
        made, rejected, stats = generate(documents, tmp_path / "a", chat.base_url)
    (row,) = rows(rejected)
    assert len(rows(made)) == 23
    assert row["reason"] == "the model gave no answer"
    assert row["detail"].startswith("status 400: ")
    assert row["pos_ids"] == [rows(documents.read_bytes())[3]["id"]]
    assert json.loads(stats)["rejected"] == {"the model gave no answer": 1}


def test_a_server_that_turns_all_away_is_told_of_though_one_try_was_lost(
    documents, tmp_path
):
    def lost(prompt, tried):
        return "late" if "Nils 3 " in prompt and not tried else 400

    with (
        Chat(question, lost) as chat,
        pytest.raises(InputError, match=r"turned away all of 24 requests.*status 400"),
    ):
        generate(documents, tmp_path / "b", chat.base_url)


@pytest.mark.parametrize(
    ("fault", "sentence", "tries"),
    [(401, "status 401", 1), (500, "no answer after 3 tries, the last one: ", 3)],
)
def test_a_server_that_fails_for_good_stops_the_job(
    documents, tmp_path, fault, sentence, tries
):
    more = ["--retries", 2, "--concurrency", 1]
    with (
        Chat(question, lambda *_: fault) as chat,
        pytest.raises(InputError, match=sentence) as caught,
    ):
        generate(documents, tmp_path / "a", chat.base_url, *more)
    assert KEY not in str(caught.value)
    assert "[key]" in str(caught.value)
    assert chat.tried.total() == tries
    assert not (tmp_path / "a" / "q.jsonl").exists()


def test_nobody_listens(documents, tmp_path):
    with Chat(question) as chat:
        base_url = chat.base_url
    with pytest.raises(InputError, match=r"no answer after 2 tries.*Connection error"):
        generate(documents, tmp_path / "a", base_url, "--retries", 1)
    # Nothing was sent, so nothing can have been billed.
    assert {line["event"] for line in journal(tmp_path / "a")} == {"ask", "refused"}


def test_the_key_is_sent_and_written_nowhere(documents, tmp_path):
    def echo(request):
        return completion(
            f"Vad sade {KEY} om {request['messages'][0]['content'][-20:]}"
        )

    faults = {0: 429, 1: "garbage"}
    with Chat(echo, lambda prompt, tried: faults.get(tried)) as chat:
        words = words_of(documents, tmp_path / "a", chat.base_url, "--concurrency", 24)
        command = [sys.executable, ROOT / "scripts/generate_queries.py", *words]
        done = subprocess.run(command, capture_output=True)
        assert done.returncode == 0
        assert chat.keys == {f"Bearer {KEY}"}
    with Chat(echo, lambda *_: 403) as chat:
        words = words_of(documents, tmp_path / "b", chat.base_url)
        command = [sys.executable, ROOT / "scripts/generate_queries.py", *words]
        failed = subprocess.run(command, capture_output=True)
        assert failed.returncode == 1
        assert b"Bearer [key]" in failed.stderr
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for text in (*written, done.stdout, done.stderr, failed.stdout, failed.stderr):
        assert KEY.encode() not in text
    assert b"[key]" in (tmp_path / "a/q.jsonl").read_bytes()


@pytest.mark.parametrize("value", ["", f"{KEY} x", f"{KEY}\nx", f"{KEY}é"])
def test_a_key_with_a_slip_is_not_shown(documents, tmp_path, monkeypatch, value):
    monkeypatch.setenv("ARKIV_TEST_KEY", value)
    monkeypatch.setattr(Connection, "base_url", "http://127.0.0.1:9/v1")
    with pytest.raises(InputError, match="ARKIV_TEST_KEY, wh") as caught:
        generate(documents, tmp_path / "a", "http://127.0.0.1:9/v1")
    assert KEY not in str(caught.value)


def test_a_second_copy_of_a_job_is_kept_out(documents, tmp_path):
    from arkiv.llm.journal import Journal
    from arkiv.llm.settings import Budget, Prices

    file = tmp_path / "a/cache/journal.jsonl"
    with (
        Chat(question) as chat,
        Journal(file, str(tmp_path / "a/q.jsonl"), Budget(), Prices(), key="budget"),
        pytest.raises(InputError, match="is at work already"),
    ):
        generate(documents, tmp_path / "a", chat.base_url)
    assert not chat.tried


def test_a_judge_keeps_what_it_marks_high(documents, tmp_path):
    def answer(request):
        prompt = request["messages"][0]["content"]
        if not prompt.startswith("Below are"):
            return question(request)
        marks = ["Mark: 5", "3", "4/5", "I cannot say"]
        return completion(marks[int(content_id(prompt), 16) % 4])

    judge = [
        "--judge-prompt",
        ROOT / "config/prompts/judge.txt",
        "--judge-threshold",
        4,
    ]
    with Chat(answer) as chat:
        made, rejected, stats = generate(
            documents, tmp_path / "a", chat.base_url, *judge
        )
    assert chat.answered.total() == 48
    assert {row["mark"] for row in rows(made)} == {4, 5}
    low = "has too low a mark from the judge"
    none = "has no mark from the judge"
    assert {row["reason"]: row.get("mark") for row in rows(rejected)} == {
        low: 3,
        none: None,
    }
    counts = json.loads(stats)["rejected"]
    assert len(rows(made)) + counts[low] + counts[none] == 24
    assert json.loads(stats)["usage"]["requests"] == 48
