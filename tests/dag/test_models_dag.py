"""Models that cannot be tuned are told when jobs are planned."""

import json
import re
import shutil

import pytest
from hollow import build_hollow
from project import Project, job_counts, rules


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    row = {"query": "q", "pos": ["p"]}
    (project.folder / "pairs.jsonl").write_text(json.dumps(row) + "\n")
    build_hollow(project.folder / "bare")
    model = build_hollow(project.folder / "a model", max_position_embeddings=8192)
    pooling = model / "1_Pooling" / "config.json"
    pooling.parent.mkdir()
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
    assert said.startswith("error: configuration: a model/1_Pooling/config.json: ")
    assert "`models.embedder.pooling`" in said
    assert "Traceback" not in done.stdout


def test_what_is_given_reaches_every_program_that_runs_the_model(project):
    given = {"pooling": "last", "query_prompt": "- {a} ", "passage_prompt": ""}
    config = configured(project, **given)
    done = project.dry_run("-p", "evaluate", "--configfile", config)
    assert done.returncode == 0, done.stdout
    words = "--pooling last '--query-prompt=- {a} ' --passage-prompt ''"
    programs = ("embed_corpus", "embed_queries", "split_by_length", "train_model")
    for program in (*programs, "encode_collection"):
        lines = [line for line in done.stdout.splitlines() if f"{program}" in line]
        commands = [one for one in lines if "--model" in one or "--tokenizer" in one]
        assert commands
        for command in commands:
            assert words in command, command


@pytest.mark.parametrize(
    ("mining", "args", "key", "length"),
    [
        ({"passage_max_length": 513}, {}, "mining.passage_max_length", 513),
        ({}, {"passage_max_len": 8192}, "train.args.passage_max_len", 8192),
        ({"query_max_length": 600}, {}, "mining.query_max_length", 600),
    ],
)
def test_texts_longer_than_a_local_model_takes_are_told_before_any_job(
    project, mining, args, key, length
):
    said = {"model_type": "xlm-roberta", "max_position_embeddings": 514}
    build_hollow(project.folder / "short", **said)
    config = configured(project, mining, args, source="short")
    done = project.dry_run("mine", "--configfile", config)
    assert done.returncode != 0
    said = f"configuration: `{key}`: is {length}, but short takes 512 tokens at most"
    assert said in done.stdout
    assert "Traceback" not in done.stdout


def test_a_short_local_model_is_named_by_its_source_alone(project):
    build_hollow(project.folder / "tiny positions", max_position_embeddings=128)
    config = configured(project, source="tiny positions")
    assert project.planned("mine", "--configfile", config)


def with_lengths(project, query, passage):
    """What a dry run prints of a run with these lengths, of a model on the hub."""
    config = project.configure(
        datasets={"d": {"example": {"cases": 20, "volumes": 2}}},
        models={"embedder": {"source": "some/model", "revision": None}},
        mining={"query_max_length": query, "passage_max_length": passage},
        teacher={"query_max_length": query, "max_length": passage},
        train={"args": {"query_max_len": query, "passage_max_len": passage}},
        split={"batch_tokens": 900},
        queries={"round_trip": {"by": "dense"}},
    )
    done = project.dry_run("-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    commands = {}
    for name, words in re.findall(r"scripts/(\w+)\.py (.*)", done.stdout):
        key = f"retrieve {words.split()[0]}" if name == "retrieve" else name
        commands.setdefault(key, []).append(words)
    return commands


@pytest.mark.parametrize(
    ("query", "passage", "flags"),
    [
        (None, None, ("null", None)),
        (77, 400, ("77", "400")),
    ],
)
def test_lengths_reach_every_program_that_cuts_texts(project, query, passage, flags):
    """A number, `null` where that is not the default, or nothing."""

    def given(command, flag):
        found = re.search(rf"--{flag} (\S+)", command)
        return found and found[1]

    commands = with_lengths(project, query, passage)
    assert {given(one, "max-length") for one in commands["embed_queries"]} == {flags[0]}
    assert {given(one, "max-length") for one in commands["embed_corpus"]} == {flags[1]}
    for name in ("encode_collection", "filter_queries", "score_pairs"):
        for command in commands[name]:
            found = given(command, "query-max-length"), given(command, "max-length")
            assert found == flags
    (command,) = commands["export_model"]
    lengths = given(command, "query-max-length"), given(command, "passage-max-length")
    assert lengths == flags
    for command in commands["split_by_length"]:
        lengths = given(command, "query-max-len"), given(command, "passage-max-len")
        assert lengths == (flags[0], flags[1] or "null")
    # Of the hub's model it is seen once it has been fetched.
    (fetched,) = (one for one in commands["prepare_model"] if "some/model" in one)
    numbers = (
        " --lengths mining.query_max_length=77 mining.passage_max_length=400 "
        "train.args.query_max_len=77 train.args.passage_max_len=400 "
    )
    assert (numbers in fetched) is (query == 77)
    assert ("--lengths" in fetched) is (query == 77)


def planned_after_a_fetch(project, config):
    """A dry run of mining where the hub's some/model has been fetched before."""
    there = build_hollow(project.folder / "models/some--model@main")
    try:
        return project.dry_run("mine", "--configfile", config)
    finally:
        shutil.rmtree(there)


def test_lengths_of_a_model_that_was_fetched_before_are_told_before_any_job(project):
    config = configured(project, args={"query_max_len": 513}, source="some/model")
    done = planned_after_a_fetch(project, config)
    assert done.returncode != 0
    said = "`train.args.query_max_len`: is 513, but models/some--model@main takes 512"
    assert said in done.stdout


def test_lengths_of_a_local_reranker_are_told_before_any_job(project):
    folder = project.folder / "reranker"
    build_hollow(folder, reranker=True, max_position_embeddings=512)
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models={
            "embedder": {"source": "tiny", "revision": None},
            "reranker": {"source": "reranker", "revision": None},
        },
        teacher={"max_length": 513},
    )
    done = project.dry_run("score", "--configfile", config)
    assert done.returncode != 0
    said = "`teacher.max_length`: is 513, but reranker takes 512 tokens at most"
    assert said in done.stdout


def test_a_model_without_heads_is_compared_by_what_it_has(project):
    plans = {}
    for source, heads in (("bare", "auto"), ("some/model", "auto"), ("bare", "none")):
        config = configured(project, source=source, heads=heads)
        done = project.dry_run("-p", "--configfile", config)
        assert done.returncode == 0, done.stdout
        plans[source, heads] = done.stdout
    for said in plans.values():
        assert "base_dense" in said
        assert "base_sparse" not in said
        assert "Traceback" not in said
    counts = [job_counts(said)["retrieve_m3"] for said in plans.values()]
    # Of other spellings too: base dense, tuned dense and, with heads, tuned combined.
    assert counts == [5 + 3, 5 + 3, 2 + 2]
    assert "--without-heads lacking" in plans["bare", "auto"]
    assert "--without-heads unknown" in plans["some/model", "auto"]
    assert "--heads none" in plans["bare", "none"]
    assert '"unified_finetuning": false' in plans["bare", "none"]
    assert "--headed" not in "".join(plans.values())


@pytest.mark.parametrize("heads", ["auto", "own"])
def test_a_fetched_model_must_have_the_heads_that_are_counted_on(project, heads):
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models={"embedder": {"source": "some/model", "revision": None, "heads": heads}},
        evaluate={"systems": {"x": {"type": "m3", "model": "base", "mode": "sparse"}}},
    )
    done = project.dry_run("-p", "evaluate", "--configfile", config)
    assert done.returncode == 0, done.stdout
    fetched = [line for line in done.stdout.splitlines() if "some/model" in line]
    assert any("prepare_model.py" in one and "--headed" in one for one in fetched)
    assert "base_sparse.trec" in done.stdout
    assert "--without-heads" not in done.stdout
    # One that was fetched before it was to have them.
    done = planned_after_a_fetch(project, config)
    assert done.returncode != 0
    said = "some--model@main: the model directory lacks colbert_linear.pt and"
    assert said in done.stdout
    assert "Traceback" not in done.stdout


def test_a_system_that_a_local_model_cannot_be_is_told_before_any_job(project):
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models={"embedder": {"source": "bare", "revision": None}},
        evaluate={"systems": {"x": {"type": "m3", "model": "base", "mode": "sparse"}}},
    )
    done = project.dry_run("mine", "--configfile", config)
    assert done.returncode != 0
    said = "configuration: `evaluate.systems.x.mode`: is sparse, but bare comes without"
    assert said in done.stdout
    assert "Traceback" not in done.stdout


def test_a_local_model_of_a_vocabulary_is_linked_to(project):
    """Its own directory stays as it is."""
    model = build_hollow(project.folder / "of words")
    (model / "tokenizer.json").rename(model / "vocab.txt")
    fits = {"query_max_len": 512, "passage_max_len": 512}
    config = configured(project, {"passage_max_length": 512}, fits, source="of words")
    done = project.dry_run("-p", "mine", "--configfile", config)
    assert done.returncode == 0, done.stdout
    (command,) = (
        line for line in done.stdout.splitlines() if "--source 'of words'" in line
    )
    place = "models/local--of_words@"
    assert f"--output {place}" in command
    said = "--lengths mining.passage_max_length=512"
    assert f"--kind m3 {said} train.args.query_max_len=512" in command
    assert "embed_corpus.py" in done.stdout
    assert "--model 'of words'" not in done.stdout


def test_what_may_be_refused_is_seen_before_whatever_else_can_begin():
    """Snakemake starts jobs by priority; a dry run does not show in which order."""
    first = {name for name, body in rules().items() if "    priority: " in body}
    assert first == {"prepare_model", "count_confusions", "learn_confusions"}
