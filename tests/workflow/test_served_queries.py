"""Queries of a whole run by a real server: stopped by its budget, killed, resumed."""

import pytest
from chat import Chat, Held, forwarded
from llama import build_llama, served
from project import Project, records, small

from arkiv.base.files import read_json
from arkiv.base.hashing import content_id

KEY = "sk-very-secret-0123456789"
BUDGET = 1.0
FAULTS = (None, 429, 500, "cut", "garbage", None)


def fault(prompt, tried):
    """What goes wrong with the first try of most prompts."""
    return FAULTS[int(content_id(prompt), 16) % len(FAULTS)] if tried == 0 else None


@pytest.fixture
def llama(tmp_path, models):
    from arkiv.example.tiny import build_embedder

    if not (models / "tiny-embedder").exists():
        build_embedder(models / "tiny-embedder")
    build_llama(tmp_path / "llama", models / "tiny-embedder")
    with served(tmp_path / "llama", tmp_path / "serve") as base_url:
        yield tmp_path / "llama", base_url


def test_a_run_is_stopped_by_its_budget_killed_and_resumed(
    llama, models, tmp_path, monkeypatch
):
    model, base_url = llama
    monkeypatch.setenv("ARKIV_TEST_KEY", KEY)
    project = Project(tmp_path / "project")
    results = project.folder / "results/small"

    def configured(chat, **budget):
        openai = {"base_url": chat.base_url, "model": str(model), "concurrency": 3}
        openai |= {"key_variable": "ARKIV_TEST_KEY", "timeout": 10}
        queries = {"backend": "openai", "openai": openai, "budget": budget}
        queries |= {"max_tokens": 12, "prices": {"input": 100, "output": 200}}
        queries |= {"group": {"share": 0.2}}
        archive = {"court": {"example": {"cases": 20, "volumes": 4}}}
        return project.configure(**small(models, datasets=archive, queries=queries))

    with Chat(forwarded(base_url), fault) as chat:
        config = configured(chat, money=BUDGET)
        shown = project.snakemake("estimate", "--configfile", config)
        assert shown.returncode == 0, shown.stdout
        assert f"budget.money is {BUDGET}: the run would stop there" in shown.stdout
        assert not chat.tried
        foreseen = read_json(results / "queries/estimate.json")["datasets"]["court"]

        stopped = project.snakemake("queries", "--configfile", config)
        assert stopped.returncode == 1
        assert f"error: `queries.budget.money`: is {BUDGET}, and" in stopped.stdout
        assert "Traceback" not in stopped.stdout
        assert 5 < chat.answered.total() < foreseen["requests"] - 20
        answers = [
            line
            for line in records(results / "cache/queries/journal.jsonl")
            if line["event"] == "answer"
        ]
        assert len(answers) == chat.answered.total()
        assert sum(line["money"] for line in answers) <= BUDGET

        config = configured(chat, money=100)
        held = chat.answer = Held(6, chat.answer)
        command = project.command("queries", "--configfile", config, "--cores", 2)
        where = {"cwd": project.folder, "env": project.forking}
        journal = results / "cache/queries/journal.jsonl"
        held.kill_when_full(
            command,
            chat,
            lambda: journal.read_bytes().count(b'"event": "answer"'),
            **where,
        )
        assert chat.answered.total() == len(answers) + 6
        project.snakemake("--unlock", "--configfile", config)

        done = project.snakemake("queries", "--configfile", config)
        assert done.returncode == 0, done.stdout[-5000:]
        assert set(chat.faults) == {429, 500, "cut", "garbage"}
        assert chat.keys == {f"Bearer {KEY}"}
        # None answered twice, none lost.
        assert set(chat.answered.values()) == {1}
        assert chat.answered.total() == foreseen["requests"]
        asked = chat.tried.total()
        (results / "queries/court/1-of-2.jsonl").unlink()
        again = project.snakemake("queries", "--configfile", config)
        assert again.returncode == 0
        assert chat.tried.total() == asked

    documents = records(results / "documents/court.jsonl")
    made = records(results / "queries/court.jsonl")
    stats = read_json(results / "queries/court.stats.json")
    assert stats["wanted"] == foreseen["requests"]
    assert stats["queries"] == len(made) > len(documents) / 2
    assert stats["usage"]["requests"] == foreseen["requests"]
    assert stats["usage"]["estimated_requests"] == 0
    assert {len(row["pos"]) for row in made} == {1, 3, 4}
    for path in (tmp_path, models):
        for file in path.rglob("*"):
            assert KEY not in file.name
            if file.is_file():
                assert KEY.encode() not in file.read_bytes(), file
    for run in (shown, stopped, done, again):
        assert KEY not in run.stdout
