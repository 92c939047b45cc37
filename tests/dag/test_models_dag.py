"""Models that cannot be tuned are told when jobs are planned."""

import json

import pytest
from project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    row = {"query": "q", "pos": ["p"]}
    (project.folder / "pairs.jsonl").write_text(json.dumps(row) + "\n")
    pooling = project.folder / "a model" / "1_Pooling" / "config.json"
    pooling.parent.mkdir(parents=True)
    pooling.write_text(json.dumps({"pooling_mode": "max"}))
    return project


def configured(project, mining=None, args=None, **embedder):
    return project.configure(
        mining=mining or {},
        train={"args": args or {}},
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models={
            "embedder": {"source": "a model", "revision": None, **embedder},
            "reranker": {"source": "tiny", "revision": None},
        },
    )


def test_a_local_model_that_cannot_be_tuned_is_told_before_any_job(project):
    done = project.dry_run("mine", "--configfile", configured(project))
    assert done.returncode != 0
    (said,) = (line for line in done.stdout.splitlines() if "pools by max" in line)
    assert said.startswith("configuration: a model/1_Pooling/config.json: ")
    assert "`models.embedder.pooling`" in said
    assert "Traceback" not in done.stdout


def test_what_is_given_reaches_every_program_that_runs_the_model(project):
    given = {"pooling": "last", "query_prompt": "- {a} ", "passage_prompt": ""}
    config = configured(project, **given)
    done = project.dry_run("-p", "evaluate", "--configfile", config)
    assert done.returncode == 0, done.stdout
    words = "--pooling last '--query-prompt=- {a} ' --passage-prompt ''"
    programs = ("embed_corpus", "embed_queries", "split_by_length", "train_model")
    for program in (*programs, "encode_collection", "retrieve.py m3"):
        lines = [line for line in done.stdout.splitlines() if f"{program}" in line]
        commands = [one for one in lines if "--model" in one or "--tokenizer" in one]
        assert commands
        for command in commands:
            assert words in command, command


@pytest.mark.parametrize(
    ("mining", "args", "key", "length"),
    [
        ({"passage_max_length": 513}, {}, "mining.passage_max_length", 513),
        ({"passage_max_length": 512}, {}, "train.args.passage_max_len", 8192),
        ({"query_max_length": 600}, {}, "mining.query_max_length", 600),
    ],
)
def test_texts_longer_than_a_local_model_takes_are_told_before_any_job(
    project, mining, args, key, length
):
    folder = project.folder / "short"
    folder.mkdir(exist_ok=True)
    settings = {"model_type": "xlm-roberta", "max_position_embeddings": 514}
    (folder / "config.json").write_text(json.dumps(settings))
    config = configured(project, mining, args, source="short")
    done = project.dry_run("mine", "--configfile", config)
    assert done.returncode != 0
    said = f"configuration: `{key}`: is {length}, but short takes 512 tokens at most"
    assert said in done.stdout
    assert "Traceback" not in done.stdout
    fits = {"query_max_len": 512, "passage_max_len": 512}
    config = configured(project, {"passage_max_length": 512}, fits, source="short")
    assert project.planned("mine", "--configfile", config)
