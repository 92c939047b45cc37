"""What would run where nothing that is measured needs training, by dry runs."""

import json
import re
import shlex

import pytest
from project import FEWER_COMPARISONS, FEWER_SYSTEMS, Project, job_counts

TINY = {
    "embedder": {"source": "tiny", "revision": None},
    "reranker": {"source": "tiny", "revision": None},
}
GIVEN = {"datasets": {"d": {"pairs": "pairs.jsonl"}}, "models": TINY}
MODES = ("dense", "sparse", "multi_vector", "combined")
UNTRAINED = {
    "systems": {f"tuned_{mode}": None for mode in MODES},
    "compare": {f"tuned_{mode}": None for mode in MODES} | {"base_dense": "bm25"},
    "spelling": {"systems": ["bm25", "base_dense"]},
}
TRAINING = {
    "embed_corpus",
    "embed_queries",
    "search_corpus",
    "pick_negatives",
    "plot_negatives",
    "score_pairs",
    "split_by_length",
    "plot_lengths",
    "train_model",
    "plot_training",
    "export_model",
}
RUN = "results/main"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    row = {"query": "q", "pos": ["p"], "neg": ["n"]}
    (project.folder / "pairs.jsonl").write_text(json.dumps(row) + "\n")
    (project.folder / "people.csv").touch()
    return project


def planned(project, target, *more, **overlay):
    """The counts of a dry run, and the words of each program's commands."""
    config = project.configure(**GIVEN | overlay)
    done = project.dry_run(target, "-p", "--configfile", config, *more)
    assert done.returncode == 0, done.stdout
    commands = {}
    for name, words in re.findall(r"python scripts/(\w+)\.py (.*)", done.stdout):
        commands.setdefault(name, []).append(shlex.split(words))
    return job_counts(done.stdout), commands


def value(words, flag):
    """What follows a flag, up to the next."""
    rest = words[words.index(flag) + 1 :]
    ends = [place for place, word in enumerate(rest) if word[:2] == "--" or ">" in word]
    return rest[: ends[0]]


REPORT = {"systems": ["bm25", "base_dense"]}


@pytest.mark.parametrize("target", ["evaluate", "report", "all", "check_metrics"])
def test_nothing_is_trained_where_no_system_needs_it(project, target):
    require = [{"system": "base_dense", "measure": "AP", "over": "bm25"}]
    evaluate = UNTRAINED | {"require": require}
    counts, commands = planned(project, target, evaluate=evaluate, report=REPORT)
    assert not TRAINING & counts.keys()
    assert counts["retrieve_m3"] == 4 + 1  # one in other spellings
    assert counts["encode_collection"] == 1 + 1
    if target != "evaluate":
        (report,) = commands["write_report"]
        absent = {"--model", "--histories", "--audits", "--shards", "--left-out"}
        assert not absent & set(report)
        assert value(report, "--output") == [f"{RUN}/report.html"]


@pytest.mark.parametrize("target", ["train", "export", "audit"])
def test_a_model_that_is_asked_for_is_trained_whatever_is_measured(project, target):
    counts, _ = planned(project, target, evaluate=UNTRAINED, report=REPORT)
    assert {"pick_negatives", "score_pairs"} <= counts.keys()
    assert ("train_model" in counts) == (target != "audit")
    assert ("export_model" in counts) == (target == "export")


@pytest.mark.parametrize(
    "system",
    [
        {"type": "m3", "model": "tuned", "mode": "dense"},
        {"type": "m3", "model": "round_1", "mode": "dense"},
        {"type": "fusion", "systems": ["bm25", "tuned"]},
    ],
)
def test_one_system_that_needs_training_is_enough(project, system):
    systems = {"tuned": {"type": "m3", "model": "tuned", "mode": "sparse"}}
    evaluate = {**UNTRAINED, "systems": UNTRAINED["systems"] | systems | {"x": system}}
    counts, _ = planned(project, "evaluate", evaluate=evaluate, report=REPORT)
    assert {"train_model", "score_pairs"} <= counts.keys()


def test_a_baseline_measures_what_needs_no_training(project):
    systems = {
        "words": {"type": "bm25", "tokens": "words"},
        "both": {"type": "fusion", "systems": ["words", "base_dense"]},
        "mixed": {"type": "fusion", "systems": ["words", "tuned_dense"]},
        "reranked": {"type": "reranker", "system": "both"},
        "last": {"type": "reranker", "system": "mixed"},
    }
    counts, commands = planned(
        project,
        "baseline",
        evaluate={
            "systems": systems,
            "compare": {"both": ["tuned_dense", "words"], "last": "mixed"},
        },
    )
    assert not TRAINING & counts.keys()
    assert "check_metrics" not in counts
    (measure,), (report,) = commands["measure_runs"], commands["write_report"]
    measured = {one.partition("=")[0] for one in value(measure, "--runs")}
    base = {f"base_{mode}" for mode in MODES}
    assert measured == base | {"bm25", "words", "both", "reranked"}
    assert set(value(measure, "--compare")) == {"base_dense=bm25", "both=words"}
    assert value(measure, "--output") == [f"{RUN}/baseline/metrics/metrics.json"]
    assert value(measure, "--qrels") == [f"{RUN}/collection/qrels.txt"]
    assert value(report, "--output") == [f"{RUN}/baseline/report.html"]
    left_out = {f"tuned_{mode}" for mode in MODES} | {"mixed", "last"}
    assert set(value(report, "--left-out")) == left_out
    (spelling,) = commands["measure_spelling"]
    assert value(spelling, "--runs") == [f"bm25,base_dense={RUN}/runs/{{}}.trec"]


def test_the_model_of_the_run_can_be_an_embedder(project):
    """Read as it is trained, by what models.embedder says; nothing else encodes it."""
    reading = {"pooling": "last", "query_prompt": "", "passage_prompt": "p: "}
    models = TINY | {"embedder": TINY["embedder"] | reading}
    systems = {name: {"type": "embedder", "model": name} for name in ("base", "tuned")}
    systems |= {f"base_{mode}": None for mode in MODES} | UNTRAINED["systems"]
    given = {
        "models": models,
        "evaluate": {
            "systems": systems,
            "compare": UNTRAINED["compare"] | {"base_dense": None, "tuned": "base"},
            "spelling": {"queries": 0},
        },
        "report": {"systems": ["bm25"]},
    }
    counts, commands = planned(project, "evaluate", **given)
    assert counts["train_model"] == 1
    assert "encode_collection" not in counts
    found = {
        value(words, "--model")[0]: words
        for words in commands["retrieve"]
        if words[0] == "embedder"
    }
    assert found.keys() == {"models/tiny-embedder", f"{RUN}/model"}
    for words in found.values():
        assert "--trained-here" in words
        assert value(words, "--pooling") == ["last"]
        assert value(words, "--query-prompt") == [""]
        assert value(words, "--passage-prompt") == ["p: "]
    counts, _ = planned(project, "baseline", **given)
    assert not TRAINING & counts.keys()
    assert counts["retrieve_embedder"] == 1


POOL = {"method": "teacher_pool", "sheet": {"judged": "people.csv"}}


def test_a_pool_of_other_systems_is_judged_by_itself(project):
    """Other spellings are of queries that the judgements of the whole run know."""
    counts, commands = planned(project, "baseline", gold=POOL)
    assert not TRAINING & counts.keys()
    assert "respell_queries" not in counts
    (pool,), (gold,) = commands["pool_passages"], commands["build_gold"]
    assert not [run for run in value(pool, "--runs") if "tuned" in run]
    where = f"{RUN}/baseline"
    assert value(pool, "--output") == [f"{where}/gold/pool.jsonl"]
    assert len(value(gold, "--grades")) == counts["grade_pool"] == 1
    # What it has scored is known to the whole run.
    for grade in commands["grade_pool"]:
        assert value(grade, "--cache") == [f"{RUN}/cache/scores"]
    for program in ("measure_runs", "write_report", "compare_judgements"):
        (words,) = commands[program]
        assert value(words, "--qrels") == [f"{where}/collection/qrels.txt"]
    (report,) = commands["write_report"]
    assert value(report, "--agreement") == [f"{where}/gold/agreement.json"]


def test_a_pool_of_the_same_systems_is_that_of_the_whole_run(project):
    gold = POOL | {"systems": ["bm25", "base_dense"]}
    counts, commands = planned(project, "baseline", gold=gold)
    assert counts["respell_queries"] == 1
    (pool,) = commands["pool_passages"]
    assert value(pool, "--output") == [f"{RUN}/gold/pool.jsonl"]


@pytest.mark.parametrize("target", ["baseline", "report"])
def test_that_a_run_may_take_anothers_place_makes_no_report_anew(project, target):
    _, commands = planned(project, target, "--config", "run_again=true")
    (report,) = commands["write_report"]
    assert json.loads(value(report, "--config")[0])["run_again"] is False


def test_a_run_of_a_system_that_is_not_respelled_can_be_asked_for(project):
    """By its file alone, as the others of its model are respelled."""
    counts, _ = planned(project, f"{RUN}/spelling/runs/base_sparse.trec")
    assert counts["retrieve_m3"] == 1
    other = f"{RUN}/spelling/runs/base_multi_vector.trec"
    done = project.dry_run(other, "--configfile", project.configure(**GIVEN))
    assert done.returncode != 0
    assert "`evaluate.spelling.systems`: lacks base_multi_vector" in done.stdout


def test_the_baseline_and_the_whole_leave_each_other_nothing_to_do(tmp_path):
    project = Project(tmp_path / "project")
    row = {"query": "q", "pos": ["p"], "neg": ["n"]}
    (project.folder / "pairs.jsonl").write_text(json.dumps(row) + "\n")
    (project.folder / "people.csv").touch()
    evaluate = {"systems": FEWER_SYSTEMS, "compare": FEWER_COMPARISONS}
    evaluate["spelling"] = {"systems": ["base_dense"]}
    config = project.configure(
        **GIVEN, gold=POOL, evaluate=evaluate, report={"systems": ["bm25"]}
    )
    options = ("--configfile", config)
    project.take_for_done("baseline", "all", options=options)
    for target in ("baseline", "all"):
        assert project.planned(target, *options) == {}


def test_a_baseline_of_nothing_is_refused(project):
    systems = {f"base_{mode}": None for mode in MODES} | {"bm25": None}
    evaluate = {
        "systems": systems,
        "compare": dict.fromkeys(UNTRAINED["systems"])
        | {"tuned_sparse": "tuned_dense"},
        "spelling": {"queries": 0},
    }
    config = project.configure(
        **GIVEN, evaluate=evaluate, report={"systems": ["tuned_dense"]}
    )
    done = project.dry_run("baseline", "--configfile", config)
    assert done.returncode != 0
    assert "`evaluate.systems`: has no system that needs no training" in done.stdout
    # All else can be.
    assert project.planned("--configfile", config)["train_model"] == 1
