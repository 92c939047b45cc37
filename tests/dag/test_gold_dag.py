"""What would run for each method of the gold standard, by dry runs."""

import json
import re
import shlex

import pytest
from project import Project, job_counts

TINY = {
    "embedder": {"source": "tiny", "revision": None},
    "reranker": {"source": "tiny", "revision": None},
}
RUN = "results/main"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    row = {"query": "q", "pos": ["p"], "neg": ["n"]}
    (project.folder / "pairs.jsonl").write_text(json.dumps(row) + "\n")
    (project.folder / "mine.jsonl").write_text('{"query": "q", "documents": ["p"]}')
    return project


def planned(project, target="evaluate", queries=None, evaluate=None, **gold):
    """The counts of a dry run, and the commands of the gold standard's programs."""
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models=TINY,
        parts={"pairs": 3},
        evaluate={"spelling": {"queries": 0}, **(evaluate or {})},
        queries=queries or {},
        gold=gold,
    )
    done = project.dry_run(target, "-p", "--configfile", config)
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


OF_GOLD = {"pool_passages", "grade_pool", "judge_pool", "search_gold", "build_gold"}
OF_GOLD |= {"sample_judgements", "compare_judgements"}


def test_the_known_items_are_the_default(project):
    counts, commands = planned(project)
    assert OF_GOLD & set(counts) == {"build_gold"}
    (build,) = commands["build_gold"]
    assert value(build, "--method") == ["known_item"]
    assert value(build, "--known-items") == [f"{RUN}/gold/known_item.txt"]
    assert value(build, "--duplicate-jaccard") == ["0.4"]
    assert value(build, "--qrels") == [f"{RUN}/collection/qrels.txt"]
    assert "--grades" not in build
    assert "--corpus" not in commands["measure_runs"][0]


def test_audit_and_card_are_told_of_toy_models_and_of_what_re_ranks(project):
    _, commands = planned(project, "all", evaluate={"candidates": ["dense"]})
    (audit,), (card,) = commands["plot_negatives"], commands["export_model"]
    assert value(audit, "--tiny") == ["embedder", "reranker"]
    assert "--extractive" not in card  # there are ready pairs alone
    (reordering,) = value(card, "--reordering")
    assert json.loads(reordering) == {
        f"{model}_{mode}": [f"the {model} model's dense search", 100]
        for model in ("base", "tuned")
        for mode in ("multi_vector", "combined")
    }


def test_a_pool_is_made_of_the_runs_and_graded_in_parts(project):
    counts, commands = planned(
        project, method="teacher_pool", depth=20, thresholds=[-1.5]
    )
    assert OF_GOLD & set(counts) == {"pool_passages", "grade_pool", "build_gold"}
    assert counts["grade_pool"] == 3
    (pool,) = commands["pool_passages"]
    # Of all systems.
    assert len(value(pool, "--runs")) == counts["retrieve_m3"] + 1 == 9
    assert value(pool, "--depth") == ["20"]
    grades = [f"{RUN}/gold/grades/{n}-of-3.jsonl" for n in (1, 2, 3)]
    assert sorted(value(w, "--output")[0] for w in commands["grade_pool"]) == grades
    for words in commands["grade_pool"]:
        assert value(words, "--thresholds") == ["-1.5"]
        # The teacher's scores of training are found again.
        (teacher,) = {tuple(value(w, "--cache")) for w in commands["score_pairs"]}
        assert value(words, "--cache") == list(teacher)
        assert "--max-length" not in words + commands["score_pairs"][0]
        for flag in ("--model", "--query-max-length"):
            assert value(words, flag) == value(commands["score_pairs"][0], flag)
    (build,) = commands["build_gold"]
    assert value(build, "--grades") == grades
    assert value(build, "--known-grade") == ["1"]


def test_an_embedder_that_is_no_system_makes_the_judgements(project):
    embedder = {
        "source": "some/e5",
        "revision": "0123456789abcdef",
        "query_prompt": "query: ",
    }
    counts, commands = planned(project, method="embedder", embedder=embedder, depth=7)
    assert OF_GOLD & set(counts) == {"search_gold", "build_gold"}
    assert counts["prepare_model"] == 3
    assert "retrieve_embedder" not in counts
    (search,) = [one for one in commands["retrieve"] if one[0] == "embedder"]
    model = "models/some--e5@0123456789ab"
    assert value(search, "--model") == [model]
    assert value(search, "--query-prompt") == ["query: "]
    assert value(search, "--depth") == ["7"]
    assert model in [value(words, "--output")[0] for words in commands["prepare_model"]]
    (build,) = commands["build_gold"]
    assert value(build, "--run") == [f"{RUN}/gold/embedder.trec"]
    assert value(build, "--depth") == ["7"]


def test_a_file_of_rankings_gives_queries_to_the_collection_too(project):
    counts, commands = planned(
        project, method="file", file="mine.jsonl", on_bad_input="skip"
    )
    assert OF_GOLD & set(counts) == {"build_gold"}
    (collection,), (build,) = commands["build_collection"], commands["build_gold"]
    assert value(collection, "--judged") == value(build, "--file") == ["mine.jsonl"]
    for words in (collection, build):
        assert value(words, "--on-bad-input") == ["skip"]
    # Its queries may be made from no passage: their volumes are looked for.
    (measure,) = commands["measure_runs"]
    assert value(measure, "--corpus") == [f"{RUN}/collection/corpus.jsonl"]


def test_an_embedder_that_is_not_there_is_refused(project):
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models=TINY,
        gold={"method": "embedder", "embedder": {"source": "./none"}},
    )
    done = project.dry_run("--configfile", config)
    assert done.returncode != 0
    said = "`gold.embedder.source`: names ./none, which is not a directory"
    assert said in done.stdout


def test_a_language_model_grades_the_pool_in_parts(project):
    openai = {"base_url": "http://127.0.0.1:9/v1", "model": "m", "timeout": 5}
    judge = {"backend": "openai", "model": "stronger"}
    judge |= {"prices": {"input": 1}, "budget": {"money": 2}}
    given = {"queries": {"openai": openai}, "method": "llm_judge", "judge": judge}
    counts, commands = planned(project, **given)
    assert OF_GOLD & set(counts) == {"pool_passages", "judge_pool", "build_gold"}
    assert counts["judge_pool"] == 3
    grades = [f"{RUN}/gold/grades/{n}-of-3.jsonl" for n in (1, 2, 3)]
    assert sorted(value(w, "--output")[0] for w in commands["judge_pool"]) == grades
    for words in commands["judge_pool"]:
        assert value(words, "--prompt") == ["config/prompts/sv-relevance.txt"]
        assert value(words, "--model") == ["stronger"]
        assert value(words, "--base-url") == ["http://127.0.0.1:9/v1"]
        # A purse and a journal of their own.
        assert value(words, "--budget-money") == ["2"]
        assert value(words, "--journal") == [f"{RUN}/cache/gold/journal.jsonl"]
    (build,) = commands["build_gold"]
    assert value(build, "--grades") == grades
    assert value(build, "--known-grade") == ["3"]
    # What it costs is known before anything is asked.
    counts, commands = planned(project, "estimate_gold", **given)
    assert not {"judge_pool", "build_gold"} & set(counts)
    (estimate,) = commands["estimate_grades"]
    assert value(estimate, "--price-input") == ["1"]
    assert "show_estimate" in commands


def test_people_are_asked_and_heard_only_where_they_are_wanted(project):
    sheet = {"queries": 7, "separator": ";"}
    _, commands = planned(project, "sheet", sheet=sheet)
    (sample,) = commands["sample_judgements"]
    assert value(sample, "--query-count") == ["7"]
    assert value(sample, "--separator") == [";"]
    (runs,) = value(sample, "--runs")  # one word for all systems
    assert len(runs.split(",")) == 9
    judged = ["anna b.csv", "judgements.jsonl"]
    for name in judged:
        (project.folder / name).touch()
    counts, commands = planned(project, sheet={"judged": judged})
    assert "sample_judgements" not in counts
    (compare,) = commands["compare_judgements"]
    assert value(compare, "--judged") == judged
    assert value(compare, "--machine") == ["known_item"]
