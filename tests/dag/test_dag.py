"""What would run: the DAG of every kind of dataset and target, by dry runs."""

import json
import re
import shlex

import pytest
import yaml
import yte
from project import ROOT, Project, job_counts, rules

from arkiv.retrieve.systems import TYPES

TINY = {
    "embedder": {"source": "tiny", "revision": None},
    "reranker": {"source": "tiny", "revision": None},
}
MINING = {"embed_corpus", "embed_queries", "search_corpus", "pick_negatives"}
PAGES = {"build_documents", "merge_documents", "generate_queries"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    (project.folder / "volumes" / "v1").mkdir(parents=True)
    for name in ("pairs", "negatives", "scores"):
        row = {"query": "q", "pos": ["p"], "neg": ["n"]}
        (project.folder / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    return project


def said(output):
    """The words of every line in any order, for files come in any."""
    of_its_own = r"(?m)^\[.*\]$|^  (Date|Workflow ID|Command|Run directory): .*"
    lines = re.sub(of_its_own, "", output).splitlines()
    return sorted(sorted(re.split(r"[\s,;]+", line)) for line in lines)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("-p", "--configfile", "config/demo.yaml"), 0),
        (("no-target", "--configfile", "config/demo.yaml"), 1),
        (("--configfile", "config/gone.yaml"), 1),
    ],
)
def test_a_fork_says_what_the_command_line_says(project, words, status):
    fork, command = project.dry_run(*words), project.snakemake(*words, "-n")
    assert fork.returncode == command.returncode == status
    assert said(fork.stdout) == said(command.stdout)


def test_a_source_of_test_queries_is_searched_and_not_learnt(project):
    config = project.configure(
        datasets={
            "d": {"pairs": "pairs.jsonl"},
            "people": {"pairs": "negatives.jsonl", "role": "test"},
        },
        models=TINY,
    )
    done = project.dry_run("-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    counts = job_counts(done.stdout)
    assert counts["split_pairs"] == 2
    for rule in ("embed_queries", "pick_negatives", "split_by_length", "train_model"):
        assert counts[rule] == 1
    assert "--held-out negatives.jsonl" in done.stdout
    assert "--role test" in done.stdout
    assert done.stdout.count("--sources people") == 1
    assert "--sources d people" in done.stdout
    config = project.configure(datasets={"d": {"pairs": "pairs.jsonl"}}, models=TINY)
    alone = project.dry_run("-p", "--configfile", config).stdout
    for flag in ("--held-out", "--role", "--sources", "--compare-further"):
        assert flag not in alone
    # Where the collection is built, but in no param that would make it anew.
    assert alone.count("--unit") == 1
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models=TINY,
        evaluate={"unit": "group"},
    )
    by_group = project.dry_run("-p", "--configfile", config).stdout
    # The test set, in its own spelling and in others; not a general set.
    assert by_group.count("--unit group") == 3
    assert by_group.count("--corpus results/main/collection/corpus.jsonl") > (
        alone.count("--corpus results/main/collection/corpus.jsonl")
    )


def test_the_demo_shows_its_whole_dag_before_anything_ran(project):
    counts = project.planned("--configfile", "config/demo.yaml")
    assert counts["make_archive"] == 1
    assert counts["prepare_model"] == 2
    assert counts["generate_queries"] == counts["build_documents"] == 2
    assert counts["embed_corpus"] == counts["search_corpus"] == 1
    assert counts["score_pairs"] == counts["train_model"] == 1
    # Three dense systems and a combined one are asked in other spellings too.
    assert counts["retrieve_bm25"] == 1 + 1
    assert counts["retrieve_m3"] == 8 + 3
    assert counts["respell_queries"] == counts["measure_spelling"] == 1
    assert "measure_compressed" not in counts  # unless asked for
    assert counts["export_model"] == 1
    assert not (project.folder / "results").exists()


def test_a_laptop_asks_no_teacher_and_compares_by_what_its_model_has(project):
    config = project.configure(datasets={"d": {"pairs": "pairs.jsonl"}})
    counts = project.planned("--configfile", "config/laptop.yaml", config)
    assert counts["prepare_model"] == counts["embed_corpus"] == 1
    # Dense search of the base model, four ways of the tuned one; three in old spelling.
    assert counts["retrieve_m3"] == 5 + 3
    assert "score_pairs" not in counts


@pytest.mark.parametrize(
    ("source", "absent"),
    [
        ({"pages": "volumes"}, set()),
        ({"pairs": "pairs.jsonl"}, PAGES),
        ({"negatives": "negatives.jsonl"}, PAGES | MINING),
        ({"scores": "scores.jsonl"}, PAGES | MINING | {"score_pairs"}),
    ],
)
def test_stages_that_a_dataset_does_not_need_are_absent(project, source, absent):
    config = project.configure(datasets={"d": source}, models=TINY)
    counts = project.planned("--configfile", config)
    heavy = PAGES | MINING | {"score_pairs"}
    assert heavy - set(counts) == absent
    assert {"split_pairs", "split_by_length", "train_model", "measure_runs"} <= set(
        counts
    )


def test_jobs_grow_with_the_parts_and_datasets_and_nothing_else(project):
    datasets = {f"d{n}": {"pairs": "pairs.jsonl"} for n in range(5)}
    parts = {"corpus": 3, "pairs": 2}
    config = project.configure(datasets=datasets, parts=parts, models=TINY)
    counts = project.planned("--configfile", config)
    assert counts["embed_corpus"] == counts["search_corpus"] == 15
    assert counts["score_pairs"] == 10
    assert counts["pick_negatives"] == counts["split_by_length"] == 5
    assert counts["train_model"] == counts["measure_runs"] == 1


def test_rows_of_a_directory_and_a_pool_are_inputs_file_by_file(project):
    """In the order of their names, so that a change of any is one of the inputs."""
    folder = project.folder / "my rows"
    folder.mkdir()
    for name in ("10.jsonl", "2.jsonl.gz", "notes.txt"):
        (folder / name).touch()
    config = project.configure(
        datasets={"d": {"scores": "my rows", "pool": "pairs.jsonl"}}, models=TINY
    )
    done = project.dry_run("-p", "split", "--configfile", config)
    assert done.returncode == 0, done.stdout
    (line,) = (one for one in done.stdout.splitlines() if "split_pairs.py" in one)
    words = shlex.split(line)
    start = words.index("--input")
    assert words[start + 1 : start + 3] == ["my rows/2.jsonl.gz", "my rows/10.jsonl"]
    assert words[words.index("--pool") + 1] == "pairs.jsonl"
    assert {"--negatives", "--scores"} <= set(words)


HEAVY = ("embed_corpus", "embed_queries", "search_corpus", "score_pairs")


def test_a_second_round_mines_with_the_model_of_the_first(project):
    datasets = {
        "mined": {"pairs": "pairs.jsonl"},
        "given": {"scores": "scores.jsonl"},
    }
    plain = project.configure("plain.yaml", datasets=datasets, models=TINY)
    once = project.planned("--configfile", plain)
    config = project.configure(
        datasets=datasets,
        models=TINY,
        rounds=3,
        mining={"bm25_share": 0.5},
        evaluate={
            "systems": {"first": {"type": "m3", "model": "round_1", "mode": "dense"}}
        },
        export={"name": "Court & co", "language": ["sv", "fi"], "license": "mit"},
    )
    # Mining, scoring and splitting need no training: they stop at the first round.
    counts = project.planned("split", "--configfile", config)
    assert "train_model" not in counts
    counts = project.planned("--configfile", config)
    for rule in HEAVY:
        assert counts[rule] == 3 * once[rule]
    # What does not depend on the model is done once, given rows are split once.
    assert counts["search_bm25"] == 1
    assert counts["split_by_length"] == 3 + 1
    assert counts["train_model"] == counts["plot_training"] == 3
    assert counts["encode_collection"] == 3 + 2  # queries in other spellings

    done = project.dry_run("-p", "--configfile", config)
    trained = dict(
        re.findall(r"train_model\.py .*--model (\S+) .*--output (\S+)", done.stdout)
    )
    base = next(path for path in trained if path.startswith("models/"))
    run = "results/main"
    assert trained == {
        base: f"{run}/model",
        f"{run}/model": f"{run}/rounds/2/model",
        f"{run}/rounds/2/model": f"{run}/rounds/3/model",
    }
    embedded = set(
        re.findall(r"embed_queries\.py .*--model (\S+) .*--output (\S+)", done.stdout)
    )
    assert embedded == {
        (base, f"{run}/mining/mined/queries.npy"),
        (f"{run}/model", f"{run}/rounds/2/mining/mined/queries.npy"),
        (f"{run}/rounds/2/model", f"{run}/rounds/3/mining/mined/queries.npy"),
    }
    shards = re.findall(r"train_model\.py --shards (.*?) --model", done.stdout)
    assert len(shards) == 3
    for words in shards:
        given = [word for word in words.split() if "given_len" in word]
        assert all(word.startswith(f"{run}/shards/") for word in given)
    assert len(set(shards)) == 3
    [export] = re.findall(r"export_model\.py .*", done.stdout)
    last = f"{run}/rounds/3"
    for words in (
        f"--model {last}/model --history {last}/training/history.json ",
        f"--negatives mined={last}/negatives/mined.stats.json ",
        f" given={run}/shards/given.split.json mined={last}/shards/mined.split.json ",
        "--kinds given=scores mined=pairs --base tiny --teacher tiny ",
        "--name 'Court & co' --language sv fi --license mit --trainings 3 ",
    ):
        assert words in export
    assert '{"documents"' not in export  # no dataset starts from pages


def test_datasets_are_learnt_one_after_another(project):
    datasets = {name: {"pairs": "pairs.jsonl"} for name in ("c", "a", "b")}
    config = project.configure(
        datasets=datasets,
        models=TINY,
        rounds=2,
        train={
            "cumulative": ["c", "a", "b"],
            "weights": {"a": 2},
            "mask": {"guide": "base", "margin": 0.1},
        },
    )
    done = project.dry_run("-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    commands = re.findall(r"train_model\.py .*", done.stdout)
    run = "results/main"
    learnt = {}
    for command in commands:
        (output,) = re.findall(r"--output (\S+)", command)
        (model,) = re.findall(r"--model (\S+)", command)
        names = set(re.findall(r"/shards/(\w+)_len-", command))
        weight = re.findall(r"--dataset-weights (\S+)", command)
        learnt[output.removeprefix(f"{run}/")] = names, model, weight
        # The guide of each is what it starts from.
        place = f"{output.removesuffix('model')}training/guide/"
        queries, passages = f"{place}queries.npy", f"{place}passages.npy"
        assert f"--guide-queries {queries} --guide-passages {passages}" in command
        assert "--mask-near --mask-guide base --mask-margin 0.1" in command
        guides = f"--queries {queries} --passages {passages} "
        (embedding,) = re.findall(rf"embed_guide\.py .*{guides}", done.stdout)
        assert f"--model {model} " in embedding
        assert set(re.findall(r"/shards/(\w+)_len-", embedding)) == names
    base = learnt["stages/1/model"][1]
    assert learnt == {
        "stages/1/model": ({"c"}, base, []),
        "stages/2/model": ({"c", "a"}, f"{run}/stages/1/model", ["a=2"]),
        "model": ({"c", "a", "b"}, f"{run}/stages/2/model", ["a=2"]),
        "rounds/2/model": ({"c", "a", "b"}, f"{run}/model", ["a=2"]),
    }
    # The first round's negatives are the base model's, whatever was learnt meanwhile.
    mined = re.findall(r"embed_queries\.py .*--model (\S+)", done.stdout)
    assert sorted(mined) == sorted([base] * 3 + [f"{run}/model"] * 3)


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        ({"rounds": 0}, "`rounds`: is 0, expected at least 1"),
        ({"train": {"weights": {"z": 1}}}, "`train.weights`: names z, which is no"),
        (
            {"train": {"cumulative": ["d", "e"]}},
            "`train.cumulative`: is d, e, expected all datasets: d",
        ),
        (
            {
                "evaluate": {
                    "systems": {
                        "x": {"type": "m3", "model": "round_2", "mode": "dense"}
                    }
                }
            },
            "`evaluate.systems.x.model`: is round_2, but `rounds` is 1",
        ),
        (
            {"datasets": {"d": {"scores": "scores.jsonl"}}, "rounds": 2},
            "`rounds`: is 2, but no dataset's negatives are mined here",
        ),
    ],
)
def test_rounds_and_weights_that_cannot_be_are_refused(project, overlay, said):
    given = {"datasets": {"d": {"pairs": "pairs.jsonl"}}, "models": TINY} | overlay
    config = project.configure(**given)
    done = project.dry_run("--configfile", config)
    assert done.returncode != 0
    assert said in done.stdout


ALONE = dict.fromkeys(
    [
        f"{model}_{mode}"
        for model in ("base", "tuned")
        for mode in ("sparse", "combined")
    ]
    + ["base_multi_vector", "tuned_multi_vector", "base_dense", "tuned_dense"]
)
SYSTEMS = {
    "words": {"type": "bm25", "tokens": "words", "stemming": "swedish"},
    "e5": {
        "type": "embedder",
        "source": "some/e5",
        "revision": "0123456789abcdef",
        "query_prompt": "query: it's",
    },
    "same": {"type": "embedder", "source": "some/e5", "revision": "0123456789abcdef"},
    "rrf": {"type": "fusion", "systems": ["words", "e5"], "weights": [1, 0.5]},
    "reranked": {"type": "reranker", "system": "rrf", "depth": 50},
    "other": {"type": "reranker", "system": "bm25", "source": "some/reranker"},
    "first": {"type": "m3", "model": "base", "mode": "dense"},
}


def test_systems_of_every_type_go_through_their_rules(project):
    compare = {name: None for name in ALONE if name.startswith("tuned_")}
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models=TINY,
        evaluate={
            "systems": ALONE | SYSTEMS,
            "compare": compare,
            "spelling": {"systems": ["reranked", "first"]},
            "compress": ["int8", 64],
        },
        report={"systems": ["bm25", "reranked"]},
    )
    done = project.dry_run("evaluate", "-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    counts = job_counts(done.stdout)
    # With other spellings: those of `reranked`, of what it builds on, and of `first`.
    assert counts["retrieve_bm25"] == 2 + 1
    assert counts["retrieve_embedder"] == counts["retrieve_reranker"] == 2 + 1
    assert counts["retrieve_fusion"] == counts["retrieve_m3"] == 1 + 1
    assert counts["prepare_model"] == 4  # two tiny ones, e5 once, the other reranker
    # Only what is needed is encoded: the base model's dense vectors, passages once.
    assert counts["encode_collection"] == 1 + 1
    encodings = dict(
        re.findall(r"(encode_collection\.py .*) --output (\S+)", done.stdout)
    )
    assert not [command for command in encodings if "--sparse" in command]
    cached = "--cache results/main/cache/embeddings"
    assert all(cached in command for command in encodings)
    assert not [command for command in encodings if "--multi-vector" in command]
    before = {to: "--encodings" in command for command, to in encodings.items()}
    assert before == {
        "results/main/encodings/base": False,
        "results/main/spelling/encodings/base": True,
    }
    said = {
        re.search(r"--output (\S+)", command)[1]: command
        for command in re.findall(r"(?:retrieve|prepare\w+)\.py .*", done.stdout)
    }
    run = "results/main/runs"
    assert "--tokens words --stemming swedish" in said[f"{run}/words.trec"]
    assert "--model" not in said[f"{run}/words.trec"]
    assert "--model models/tiny-embedder" in said[f"{run}/bm25.trec"]
    e5 = "models/some--e5@0123456789ab"
    assert f"--model {e5} " in said[f"{run}/e5.trec"]
    words = shlex.split(said[f"{run}/e5.trec"])
    assert words[words.index("--query-prompt") + 1] == "query: it's"
    assert "--kind dense --source some/e5 --revision 0123456789abcdef" in said[e5]
    fused = f"--runs {run}/words.trec {run}/e5.trec --depth 1000"
    assert fused in said[f"{run}/rrf.trec"]
    assert "--weights 1 0.5" in said[f"{run}/rrf.trec"]
    reranked = f"--runs {run}/rrf.trec --depth 50"
    assert reranked in said[f"{run}/reranked.trec"]
    assert "--model models/tiny-reranker" in said[f"{run}/reranked.trec"]
    assert "--cache results/main/cache/scores" in said[f"{run}/reranked.trec"]
    assert f"--runs {run}/bm25.trec --depth 100" in said[f"{run}/other.trec"]
    assert "--model models/some--reranker@main" in said[f"{run}/other.trec"]
    # Respelled queries go the same way, through runs of their own.
    spelling = "results/main/spelling"
    for name in ("words", "e5", "rrf", "reranked", "first"):
        plain, respelled = (
            said[f"{run}/{name}.trec"],
            said[f"{spelling}/runs/{name}.trec"],
        )
        for there, here in (
            ("results/main/collection/queries", f"{spelling}/queries"),
            ("--query-encodings results/main", f"--query-encodings {spelling}"),
            (run, f"{spelling}/runs"),
            ("logs", "spelling/logs"),
        ):
            plain = plain.replace(there, here)
        assert plain == respelled
    # Smaller vectors are measured of what lies in encodings: nothing is encoded for it.
    (smaller,) = re.findall(r"measure_compressed\.py (.*)", done.stdout)
    assert f"--runs first={run}/first.trec" in smaller
    assert "--encodings first=results/main/encodings/base" in smaller
    assert "--compress int8 64 --depth 1000" in smaller
    # After those of the queries as they are, whose vectors and scores they take.
    reasons = dict(
        re.findall(
            r"^Reason: Missing output files: (\S+); (.*)", done.stdout, flags=re.M
        )
    )
    for name in ("e5", "reranked"):
        assert f"{run}/{name}.trec" in reasons[f"{spelling}/runs/{name}.trec"]


def test_the_report_is_given_what_there_is_in_few_words(project):
    datasets = {name: {"pairs": "pairs.jsonl"} for name in "ab"}
    datasets["c"] = {"scores": "scores.jsonl"}
    config = project.configure(
        datasets=datasets,
        models=TINY,
        rounds=2,
        evaluate={"spelling": {"queries": 0}},
        report={"systems": ["base_sparse"], "examples": 3},
    )
    report = "results/main/report.html"
    done = project.dry_run(report, "-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    (command,) = re.findall(r"write_report\.py .*", done.stdout)
    given: dict[str, list[str]] = {}
    for word in shlex.split(command)[1:]:
        if word.startswith("--"):
            option = given.setdefault(word, [])
        else:
            option.append(word)
    run = "results/main"
    assert given["--pairs"] == [f"a,b,c={run}/pairs/{{}}/stats.json"]
    assert given["--negatives"] == [f"a,b={run}/rounds/2/negatives/{{}}.stats.json"]
    assert given["--shards"] == [
        f"a,b={run}/rounds/2/shards/{{}}.split.json",
        f"c={run}/shards/c.split.json",
    ]
    # Those of the report, and the first that is compared with what it is compared with.
    assert given["--runs"] == [
        f"base_sparse,tuned_dense,base_dense,bm25={run}/runs/{{}}.trec"
    ]
    assert given["--histories"] == [
        f"round_1={run}/training/history.json",
        f"round_2={run}/rounds/2/training/history.json",
    ]
    assert given["--audits"][1] == f"round_2={run}/figures/rounds/2/negatives.json"
    assert given["--examples"] == ["3"]
    assert json.loads(given["--config"][0])["datasets"] == datasets
    assert not {"--documents", "--queries", "--spelling", "--agreement"} & set(given)


def test_what_is_required_is_checked_when_all_else_is_done(project):
    require = [{"system": "tuned_dense", "measure": "AP", "over": "bm25", "by": 0.02}]
    given = {"datasets": {"d": {"pairs": "pairs.jsonl"}}, "models": TINY}
    config = project.configure(**given, evaluate={"require": require})
    done = project.dry_run("-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    assert job_counts(done.stdout)["check_metrics"] == 1
    # The last job but `all`.
    jobs = re.findall(r"^Job \d+: (.*)", done.stdout, flags=re.M)
    assert jobs[-2].startswith("Checking what is required")
    (command,) = re.findall(r"measure_runs\.py .*", done.stdout)
    words = shlex.split(command)
    assert json.loads(words[words.index("--require") + 1]) == require[0]
    assert "check_metrics" not in project.planned("evaluate", "--configfile", config)
    config = project.configure(**given)
    assert "check_metrics" not in project.planned("--configfile", config)


@pytest.mark.parametrize(
    ("evaluate", "said"),
    [
        (
            {"require": [{"system": "x", "measure": "AP", "at_least": 1}]},
            "`evaluate.require`: names the system x, which evaluate.systems lacks",
        ),
        (
            {"measures": ["AP", "map"]},
            "`evaluate.measures.1`: is 'map', expected a name of the form",
        ),
        (
            {"systems": {"x": {"type": "fusion", "systems": ["x", "bm25"]}}},
            "`evaluate.systems.x`: builds on itself: x -> x",
        ),
        (
            {"systems": {"x": {"type": "embedder", "source": "./none"}}},
            "`evaluate.systems.x.source`: names ./none, which is not a directory",
        ),
        (
            {"compare": {"tuned_dense": ["bm25", "x"]}},
            "`evaluate.compare`: names the system x, which evaluate.systems lacks",
        ),
        (
            {"confidence_edges": [0.5, 0.9]},
            "`evaluate.confidence_edges`: is [0.5, 0.9], expected ascending numbers",
        ),
        (
            {"spelling": {"systems": ["bm25", "x"]}},
            "`evaluate.spelling.systems`: names the system x, which evaluate.systems",
        ),
        (
            {"spelling": {"rules": "no.yaml"}},
            "`evaluate.spelling.rules`: names no.yaml, which is no file",
        ),
        (
            {"spelling": {"noise": [5]}},
            "`evaluate.spelling.noise.0`: is 5, expected at most 0.5",
        ),
    ],
)
def test_an_evaluation_that_cannot_be_is_refused(project, evaluate, said):
    datasets = {"d": {"pairs": "pairs.jsonl"}}
    config = project.configure(datasets=datasets, models=TINY, evaluate=evaluate)
    done = project.dry_run("--configfile", config)
    assert done.returncode != 0
    assert said in done.stdout


@pytest.mark.parametrize(
    ("augment", "rules", "said"),
    [
        (
            {"spelling": ["old", "ancient"]},
            "config/spelling/sv.yaml",
            "`train.augment.spelling`: names ancient, expected variants of "
            "config/spelling/sv.yaml: old, modern",
        ),
        (
            {"noise": 0.1},
            "no.yaml",
            "`evaluate.spelling.rules`: names no.yaml, which is no file",
        ),
        (
            {"noise": 1.5},
            "config/spelling/sv.yaml",
            "`train.augment.noise`: is 1.5, expected archive or a number from 0 to 0.5",
        ),
        (
            {"noise": "archive"},
            "config/spelling/sv.yaml",
            "`train.augment.noise`: is archive, but no dataset names `pages`, of which",
        ),
    ],
)
def test_what_cannot_be_altered_is_refused(project, augment, rules, said):
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models=TINY,
        train={"augment": augment},
        evaluate={"spelling": {"rules": rules, "queries": 0}},
    )
    done = project.dry_run("--configfile", config)
    assert done.returncode != 0
    assert said in done.stdout


def test_noise_is_learnt_from_all_archives_and_given_to_all_datasets(project):
    config = project.configure(
        datasets={
            "d": {"pairs": "pairs.jsonl"},
            "s": {"scores": "scores.jsonl"},
            "a": {"pages": "volumes"},
            "b": {"pages": "volumes", "folder": "page"},
        },
        models=TINY,
        train={"augment": {"noise": "archive", "spelling": ["old"]}},
    )
    done = project.dry_run("split", "-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    counts = job_counts(done.stdout)
    assert (counts["count_confusions"], counts["learn_confusions"]) == (2, 1)
    assert counts["augment_pairs"] == counts["split_by_length"] == 4
    for line in re.findall(r"augment_pairs\.py .*", done.stdout):
        assert "--confusions results/main/confusions.json" in line
        assert "--spelling old --noise archive --share 0.3 --texts queries" in line
    for line in re.findall(r"split_by_length\.py .*", done.stdout):
        assert re.search(r"--pairs results/main/augmented/\w\.jsonl ", line)


def test_recall_is_measured_where_the_search_is_approximate(project):
    project.configure(
        "ivf.yaml",
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models=TINY,
        parts={"corpus": 4},
        mining={"index": "ivf", "probes": 7, "search": "torch"},
    )
    done = project.dry_run("mine", "-p", "--configfile", "ivf.yaml")
    assert done.returncode == 0, done.stdout
    (one, *_) = re.findall(r"search_corpus\.py .*", done.stdout)
    assert "--index ivf --probes 7" in one
    assert "--search torch" in one
    recall = r"--recall results/main/mining/d/neighbours/\d-of-4\.recall\.json"
    assert re.search(recall, one)
    (pick,) = re.findall(r"pick_negatives\.py .*", done.stdout)
    assert pick.count(".recall.json") == 4


def test_a_language_model_is_asked_as_the_configuration_says(project):
    config = project.configure(
        datasets={"d": {"pages": "volumes"}},
        models=TINY,
        queries={
            "backend": "openai",
            "openai": {"base_url": "http://127.0.0.1:1/v1", "model": "m $(id)"},
            "forbidden": [r"\b(texten|'the text')\b"],
            "budget": {"requests": 7},
            "round_trip": {"by": "bm25", "top": 5},
        },
    )
    done = project.dry_run("queries", "estimate", "-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    commands = re.findall(r"python scripts/generate_queries\.py .*", done.stdout)
    assert len(commands) == 1  # so little there is
    words = shlex.split(commands[0].partition(" &> ")[0])
    for flag, value in (
        ("--backend", "openai"),
        ("--model", "m $(id)"),
        ("--forbidden", r"\b(texten|'the text')\b"),
        ("--prompts", "config/prompts/sv-court.txt=1"),
        ("--budget-requests", "7"),
        ("--journal", "results/main/cache/queries/journal.jsonl"),
    ):
        assert words[words.index(flag) + 1] == value
    (filtering,) = re.findall(r"python scripts/filter_queries\.py .*", done.stdout)
    assert "--unite --round-trip-by bm25 --round-trip-top 5" in filtering
    assert "python scripts/estimate_queries.py" in done.stdout


@pytest.mark.parametrize(("share", "searches"), [(0, None), (0.3, 2), (1, 2)])
def test_bm25_searches_only_if_it_has_a_share(project, share, searches):
    config = project.configure(
        datasets={
            "a": {"pairs": "pairs.jsonl"},
            "b": {"pairs": "pairs.jsonl"},
            "c": {"negatives": "negatives.jsonl"},
        },
        models=TINY,
        mining={"bm25_share": share},
    )
    for target in ("mine", "all"):
        counts = project.planned(target, "--configfile", config)
        assert counts.get("search_bm25") == searches


def test_the_search_goes_as_deep_as_negatives_may_come_from(project):
    for shortfall, depth in (["random"], 200), (["wider", "random"], 700):
        config = project.configure(
            datasets={"d": {"pairs": "pairs.jsonl"}},
            models=TINY,
            mining={"shortfall": shortfall, "wider_end": 700, "bm25_share": 0.5},
        )
        done = project.dry_run("mine", "-p", "--configfile", config)
        depths = re.findall(r"--depth (\d+)", done.stdout)
        assert depths == [str(depth)] * 2, done.stdout  # and by BM25


@pytest.mark.parametrize(
    ("overlay", "watched"),
    [
        ({}, True),
        ({"train": {"evaluation": {"steps": 0}}}, False),
        ({"pairs": {"shares": {"train": 0.9, "dev": 0, "test": 0.1}}}, False),
    ],
)
def test_training_is_measured_where_there_are_dev_pairs(project, overlay, watched):
    datasets = {"a": {"pairs": "pairs.jsonl"}, "b": {"scores": "scores.jsonl"}}
    config = project.configure(datasets=datasets, models=TINY, **overlay)
    done = project.dry_run("-p", "train", "--configfile", config)
    assert done.returncode == 0, done.stdout
    (command,) = re.findall(r"python scripts/train_model\.py .*", done.stdout)
    pairs = "results/main/pairs"
    given = f" --dev {pairs}/a/dev.jsonl {pairs}/b/dev.jsonl --corpus {pairs}/a/corpus"
    assert (given in command) == watched
    assert ("--evaluation-mode combined" in command) == watched
    assert "--check-steps 50" in command


@pytest.mark.parametrize("off", [False, "false"])
def test_without_distillation_there_is_no_teacher(project, off):
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models=TINY,
        train={"args": {"knowledge_distillation": off}},
    )
    counts = project.planned("--configfile", config)
    assert "score_pairs" not in counts
    assert counts["prepare_model"] == 1


def test_years_reach_the_division_and_the_table_the_search_for_volumes(project):
    table = project.folder / "my volumes.csv"
    table.write_text("volume,year\nv1,1880\n")
    config = project.configure(
        datasets={"d": {"pages": "volumes", "volumes": table.name}},
        models=TINY,
        pairs={"group_by": "year", "test_years": [1880, None], "dev_years": [1, 1879]},
    )
    done = project.dry_run("-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    (found,) = re.findall(r"python scripts/find_volumes\.py .*", done.stdout)
    words = shlex.split(found)
    assert words[words.index("--table") + 1] == table.name
    (split,) = re.findall(r"python scripts/split_pairs\.py .*", done.stdout)
    words = shlex.split(split)
    assert words[words.index("--test-years") + 1] == "[1880, null]"
    assert words[words.index("--dev-years") + 1] == "[1, 1879]"


def commands(project, config):
    """The commands that score and that split, as a dry run prints them."""
    output = project.dry_run("-p", "split", "--configfile", config).stdout
    return [
        {line.strip() for line in output.splitlines() if f"scripts/{name}.py" in line}
        for name in ("score_pairs", "split_by_length")
    ]


def test_without_negatives_nothing_is_mined_and_nothing_scored(project):
    args = {"train_group_size": 1, "knowledge_distillation": False}
    datasets = {"a": {"pairs": "pairs.jsonl"}, "b": {"negatives": "negatives.jsonl"}}
    config = project.configure(datasets=datasets, models=TINY, train={"args": args})
    done = project.dry_run("-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    assert not (MINING | {"score_pairs"}) & set(job_counts(done.stdout))
    assert done.stdout.count("--without-negatives") == 2
    args["knowledge_distillation"] = True
    project.configure(datasets=datasets, models=TINY, train={"args": args})
    done = project.dry_run("--configfile", config)
    assert done.returncode != 0
    assert "`train.args.knowledge_distillation`: is true, but" in done.stdout


def test_what_is_made_of_scores_reaches_the_split_and_not_the_teacher(project):
    given = {"datasets": {"d": {"negatives": "negatives.jsonl"}}, "models": TINY}
    score, split = commands(project, project.configure(**given))
    [plain] = split
    assert "--batch-tokens" not in plain
    assert "--filter-margin" not in plain
    config = project.configure(
        **given,
        teacher={"filter": {"margin": -0.5}, "normalize": "zscore", "temperature": 3},
        split={"batch_tokens": 9000, "positives": "each"},
        train={"args": {"passage_max_len": 77, "pad_to_multiple_of": None}},
    )
    again, split = commands(project, config)
    assert again == score
    assert len(score) == 1
    [changed] = split
    for words in (
        *("--filter-margin -0.5 ", "--normalize zscore ", "--temperature 3 "),
        *("--batch-tokens 9000 ", "--positives each ", "--train-group-size 8 "),
        *("--passage-max-len 77 ", "--query-max-len auto "),
        "--pad-to-multiple-of 1 ",
    ):
        assert words in changed


def test_how_documents_are_made_reaches_every_block_as_it_stands(project):
    folder = project.folder / "my $(touch pwned) 'volumes'"
    folder.mkdir(exist_ok=True)
    heading = r"-?^§ \d{1,3}\. (it's|$HOME)"
    config = project.configure(
        datasets={"d": {"pages": folder.name}},
        models=TINY,
        parts={"documents": 5},
        documents={
            "method": "headings",
            "heading": heading,
            "hyphens": ["-", "⸗"],
            "min_confidence": 0.25,
            "skip_regions": ["marginalia", "page number"],
            "duplicate_jaccard": 0.8,
        },
    )
    done = project.dry_run("documents", "-p", "--configfile", config)
    assert done.returncode == 0, done.stdout
    found = re.findall(r"python scripts/build_documents\.py .*", done.stdout)
    assert len(found) == 5
    for command in found:
        words = shlex.split(command)
        assert words[words.index("--pages") + 1] == folder.name
        assert f"--heading={heading}" in words
        assert "--hyphens=-⸗" in words
        assert words[words.index("--min-confidence") + 1] == "0.25"
        start = words.index("--skip-regions") + 1
        assert words[start : start + 2] == ["marginalia", "page number"]
        # In another order they would be other params, and results be made again.
        flags = [word.partition("=")[0] for word in words if word.startswith("--")]
        assert flags[4:-5] == [
            *("--method", "--window-words", "--window-overlap", "--heading"),
            *("--min-confidence", "--skip-regions", "--max-tokens", "--on-bad-input"),
            *("--length-shares", "--hyphens"),
        ]
    (merge,) = re.findall(r"python scripts/merge_documents\.py .*", done.stdout)
    assert "--duplicate-jaccard 0.8" in merge
    for ending in ("", ".rejected", ".lines"):
        assert merge.count(f"-of-5{ending}.jsonl") == 5
    assert merge.count("-of-5.stats.json") == 5


@pytest.mark.parametrize(
    ("target", "last", "beyond"),
    [
        ("documents", "merge_documents", "generate_queries"),
        ("queries", "split_pairs", "embed_corpus"),
        ("mine", "pick_negatives", "score_pairs"),
        ("score", "score_pairs", "plot_negatives"),
        ("audit", "plot_negatives", "split_by_length"),
        ("split", "split_by_length", "train_model"),
        ("train", "train_model", "measure_runs"),
        ("evaluate", "measure_runs", "export_model"),
        ("export", "export_model", "plot_metrics"),
        ("report", "write_report", "no_rule"),
    ],
)
def test_a_named_target_ends_with_its_stage(project, target, last, beyond):
    counts = project.planned(target, "--configfile", "config/demo.yaml")
    assert last in counts
    assert beyond not in counts


def test_the_audit_needs_no_training_and_no_evaluation(project):
    counts = project.planned("audit", "--configfile", "config/demo.yaml")
    assert not {"train_model", "build_collection", "retrieve_m3"} & set(counts)
    config = project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models=TINY,
        train={"args": {"knowledge_distillation": False}},
    )
    counts = project.planned("audit", "--configfile", config)
    assert counts["plot_negatives"] == 1
    assert "score_pairs" not in counts


def test_every_target_has_a_docstring(project):
    listed = project.snakemake(
        "--list-target-rules", "--configfile", "config/demo.yaml"
    ).stdout
    menu = [
        "documents",
        "queries",
        "mine",
        "score",
        "audit",
        "split",
        "train",
        "evaluate",
        "export",
        "report",
    ]
    assert all(f"\n{name} (" in listed.replace("  ", "") for name in menu), listed
    for name, body in rules().items():
        assert body.strip().startswith('"""'), name


def test_a_single_shard_is_a_target(project):
    counts = project.planned(
        "results/demo/shards/court_len-80-160.jsonl",
        "--configfile",
        "config/demo.yaml",
    )
    assert counts["split_by_length"] == 1
    assert "train_model" not in counts


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        ({"trian": {}}, "`trian`: is not a configuration key; did you mean `train`?"),
        (
            {"mining": {"windows": [2, 200]}},
            "`mining.windows`: is not a configuration key; did you mean `window`?",
        ),
        ({"mining": {"window": [200, 2]}}, "`mining.window`: is 200-2"),
        (
            {"mining": {"shortfall": ["fewer", "random"]}},
            "`mining.shortfall`: is fewer, random, but after `fewer` nothing is tried",
        ),
        (
            {"mining": {"shortfall": ["wider"], "wider_end": 200}},
            "`mining.wider_end`: is 200, expected a rank beyond the end of the window",
        ),
        (
            {"mining": {"duplicate_jaccard": 1.5}},
            "`mining.duplicate_jaccard`: is 1.5, expected at most 1",
        ),
        (
            {"mining": {"relative_margin": "5 %"}},
            "`mining.relative_margin`: is '5 %', expected a number or nothing",
        ),
        (
            {"parts": {"corpus": 0}},
            "`parts.corpus`: is 0, expected auto or a whole number from 1",
        ),
        ({"datasets": {"d": None}}, "`datasets`: is empty"),
        ({"datasets": {"d": {"pairs": "gone.jsonl"}}}, "names gone.jsonl, which does"),
        ({"datasets": {"d": {"pairs": "a", "pages": "b"}}}, "must name one source"),
        ({"datasets": {"d": {"volumes": "pairs.jsonl"}}}, "must name one source"),
        ({"pairs": {"group_by": "year"}}, "`pairs.test_years`: is null, expected the"),
        (
            {"pairs": {"group_by": "year", "test_years": [1880]}},
            "`pairs.test_years`: is [1880], expected at least 2 values",
        ),
        (
            {"datasets": {"d": {"pairs": "pairs.jsonl", "volumes": "pairs.jsonl"}}},
            "`datasets.d.volumes`: belongs to pages, not to pairs",
        ),
        (
            {"datasets": {"d": {"pages": "volumes", "volumes": "none.csv"}}},
            "`datasets.d.volumes`: names none.csv, which does not exist",
        ),
        ({"split": {"edges": [100, 200]}}, "`split.edges`"),
        (
            {"models": {"embedder": {"source": "./gone"}}},
            "`models.embedder.source`: names ./gone, which is not a directory",
        ),
        (
            {"train": {"evaluation": {"general": "gone.jsonl"}}},
            "`train.evaluation.general`: names gone.jsonl, which is no file",
        ),
        ({"train": {"evaluation": {"measure": "MAP"}}}, "expected one of nDCG@10, RR"),
        ({"report": {"systems": ["bm52"]}}, "names the system bm52"),
        ({"teacher": {"temperature": 0}}, "`teacher.temperature`: is 0, expected more"),
        ({"teacher": {"normalize": "max"}}, "expected one of none, sigmoid, minmax"),
        ({"teacher": {"filter": {"margin": "x"}}}, "expected a number or nothing"),
        ({"split": {"batch_tokens": 0}}, "`split.batch_tokens`: is 0, expected at"),
        (
            {
                "split": {"positives": "each"},
                "train": {"args": {"same_dataset_within_batch": False}},
            },
            "`split.positives`: is each, which needs `train.args.same_dataset_within",
        ),
        (
            {"train": {"args": {"learning_rat": 1e-4}}},
            "`train.args.learning_rat`: is no argument of FlagEmbedding's M3 training",
        ),
        (
            {"train": {"args": {"query_instruction_for_retrieval": "query: "}}},
            "it is given by `models.embedder.query_prompt`",
        ),
        (
            {"train": {"args": {"train_group_size": "many"}}},
            "`train.args.train_group_size`: is 'many', expected a whole number",
        ),
        (
            {"train": {"args": {"fix_encoder": "yes"}, "lora": {"rank": 4}}},
            "`train.args.fix_encoder`: is given beside train.lora",
        ),
    ],
)
def test_a_bad_configuration_ends_in_one_sentence(project, overlay, said):
    config = project.configure(
        **{"datasets": {"d": {"pairs": "pairs.jsonl"}}, "models": TINY} | overlay
    )
    done = project.dry_run("--configfile", config)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert said in done.stdout


def test_no_configuration_says_what_to_do(project):
    done = project.dry_run()
    assert done.returncode != 0
    assert "--configfile (config/demo.yaml is an example)" in done.stdout


def test_the_slurm_profile_plans_the_same_jobs(project):
    demo = ("--configfile", "config/demo.yaml")
    plain = project.planned(*demo)
    assert project.planned("--profile", "slurm", *demo) == plain
    more = (*demo, "config/multi-node.yaml")
    assert project.planned("--profile", "slurm", *more) == plain


def test_the_slurm_profile_gives_gpus_to_the_rules_that_run_models():
    text = (ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8")
    given = set(yaml.safe_load(text)["__variables__"]["gpu_rules"])
    run_models = {
        name
        for name, body in rules().items()
        if re.search(r"envs/(\w+)", body + "envs/none")[1] in ("m3", "index")
        and "localrule" not in body
    }
    # Of an index the commit encodes some test queries alone.
    assert given == run_models - {"train_model", "commit_index"}
    of_systems = {f"retrieve_{kind}" for kind in TYPES if TYPES[kind].needs_gpu}
    assert of_systems == {name for name in given if name.startswith("retrieve_")}


def profile_with(tmp_path, **variables):
    """What the slurm profile sets of each rule, its block edited."""
    text = (ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8")
    for name, value in variables.items():
        text, count = re.subn(rf"(?m)^  {name}: .*", f"  {name}: {value}", text)
        assert count == 1
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with open(path, encoding="utf-8") as stream:
        return yte.process_yaml(stream, require_use_yte=True)["set-resources"]


def test_the_slurm_profile_adds_resources_to_a_rule_that_has_others(tmp_path):
    plain = profile_with(tmp_path)
    assert plain["train_model"]["gres"] == plain["score_pairs"]["gres"] == "gpu:1"
    more = {
        "score_pairs": {"mem_mb": "16000 * attempt"},
        "train_model": {"qos": "long", "runtime": 60},
        "generate_queries": {"slurm_partition": "transfer"},
    }
    found = profile_with(tmp_path, resources=json.dumps(more))
    assert found == plain | {
        rule: plain.get(rule, {}) | resources for rule, resources in more.items()
    }
    of_module = profile_with(tmp_path, resources=json.dumps(more), prefix='"arkiv_"')
    assert of_module == {f"arkiv_{rule}": one for rule, one in found.items()}
    assert set(found) <= rules().keys()


def test_a_file_of_rules_needs_no_others_but_the_shared_ones():
    files = {path.stem: path.read_text() for path in ROOT.glob("rules/*.smk")}
    for shared in ("places", "literal", "common", "searches", "results"):
        files.pop(shared)
    names = {
        name: set(re.findall(r"^(?:def )?(\w+)(?=\(| = )", text, re.M))
        for name, text in files.items()
    }
    assert "KNOWN_GRADES" in names["gold"]
    for user, text in files.items():
        words = set(re.findall(r"\w+", text))
        for owner in names.keys() - {user}:
            assert not words & names[owner], (user, owner)
