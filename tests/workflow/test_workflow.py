"""The pipeline end to end with tiny models: what it makes, remakes and survives."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from chat import Chat
from golds import (
    assert_first_by_cosine,
    assert_graded,
    pooled,
    with_near_duplicates,
)
from judges import filled, grade
from project import (
    ARCHIVE,
    FEWER_COMPARISONS,
    FEWER_SYSTEMS,
    Project,
    job_counts,
    records,
    small,
)
from safetensors.torch import load_file

import search_corpus
from arkiv.base.files import read_json
from arkiv.base.progress import standing
from arkiv.index.reading import Table
from arkiv.index.schema import ready_since
from arkiv.retrieve.trec import read_qrels, read_run
from arkiv.retrieve.weights import FEWEST_QUERIES
from arkiv.watch.journal import NAME, events
from arkiv.watch.state import State


@pytest.fixture(scope="module")
def run(models, tmp_path_factory):
    """A finished run over an example archive."""
    project = Project(tmp_path_factory.mktemp("run"))
    config = project.configure(**small(models, datasets=ARCHIVE))
    # In two steps: vectors that another job has computed are taken, and a text's differ
    # in the last bit by the batch that it was in, so by which job came first.
    for target in ("split", "all"):
        done = project.snakemake(target, "--configfile", config)
        assert done.returncode == 0, done.stdout[-5000:]
    project.said = done.stdout
    project.config = config
    project.results = project.folder / "results/small"
    return project


def contents(folder, *patterns):
    """Bytes by relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for pattern in patterns
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    }


MADE = ("negatives/*.jsonl", "scores/*/*.jsonl", "shards/*.jsonl")


def test_nothing_is_left_to_do_after_a_run(run):
    given = ("--configfile", run.config.name, "--config", "run=small")
    again = run.snakemake(*given)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout
    search = shlex.join(["python", "scripts/serve_search.py", *given])
    assert again.stdout.splitlines()[-1] == f"Next:    {search}"


def test_a_run_tells_its_stages_and_ends_with_what_to_do_next(run):
    *_, result, dropped, follows = run.said.splitlines()
    assert result == "Result:  results/small/report.html"
    assert dropped.startswith("Dropped: ")
    assert follows.startswith("Next:    python scripts/serve_search.py --configfile ")
    told = re.findall(r"^(\w+): \d+ jobs? in .*; \d+ of \d+ jobs", run.said, re.M)
    assert {"train", "retrieve", "report"} <= set(told)
    assert len(told) == len(set(told))
    state = State.of(events(run.results / NAME))
    assert (state.how, state.finished) == ("well", state.total)
    log = (run.results / "logs/train_model.log").read_text("utf-8")
    said = [one for one in map(standing, log.splitlines()) if one]
    assert [(one.done, one.total) for one in said][-1] == (4, 4)
    assert "loss" in said[-1].what
    assert "MISSING" not in log


def test_rows_are_whole_at_every_stage(run):
    documents = {d["id"]: d for d in records(run.results / "documents/court.jsonl")}
    train = records(run.results / "pairs/court/train.jsonl")
    held_out = {
        passage
        for side in ("dev", "test")
        for row in records(run.results / f"pairs/court/{side}.jsonl")
        for passage in row["pos_ids"]
    }
    negatives = records(run.results / "negatives/court.jsonl")
    assert [row["id"] for row in negatives] == [row["id"] for row in train]
    for row in negatives:
        assert len(set(row["neg_ids"])) == len(row["neg_ids"]) == 7
        assert not set(row["neg_ids"]) & (set(row["pos_ids"]) | held_out)
        assert row["neg"] == [documents[i]["text"] for i in row["neg_ids"]]
    scored = [
        row
        for part in ("1-of-2", "2-of-2")
        for row in records(run.results / f"scores/court/{part}.jsonl")
    ]
    assert [row["id"] for row in scored] == [row["id"] for row in train]
    shards = sorted(run.results.glob("shards/court_len-*.jsonl"))
    assert [path.name for path in shards] == [
        "court_len-0-100.jsonl",
        "court_len-100-200.jsonl",
        "court_len-200-inf.jsonl",
    ]
    rows = {row["id"]: row for path in shards for row in records(path)}
    assert rows.keys() == {row["id"] for row in train}
    for row in scored:
        assert rows[row["id"]]["neg_scores"] == row["neg_scores"]


def test_both_ranks_trained_and_every_row_is_accounted_for(run):
    history = read_json(run.results / "training/history.json")
    assert history["world_size"] == 2
    assert history["steps"] == 4
    train = records(run.results / "pairs/court/train.jsonl")
    left_out = sum(history["rows_left_out"].values())
    assert history["rows_used"] + left_out == history["rows"] == len(train)
    # In each step 4 rows of both, in groups of 8.
    negatives = history["masked"]["negatives"]
    assert negatives == 4 * 4 * (4 * 8 - 1)
    page = (run.results / "report.html").read_text(encoding="utf-8")
    assert f"Of {negatives} passages that queries were to be told from" in page


def test_the_model_is_exported_with_what_the_run_measured(run):
    model = contents(run.results / "model", "*")
    export = contents(run.results / "export", "*")
    # Of a class by a name that transformers 4 knows too.
    del model["tokenizer_config.json"]
    assert b'"PreTrainedTokenizerFast"' in export["tokenizer_config.json"]
    assert model.items() <= export.items()
    assert "modules.json" in model
    assert "README.md" in export.keys() - model.keys()
    card = export["README.md"].decode()
    metrics = read_json(run.results / "metrics/metrics.json")
    mean = metrics["systems"]["tuned_dense"]["nDCG@10"]["mean"]
    assert re.search(rf"^\| tuned dense +\| +{mean:.3f} \[", card, flags=re.M)
    assert str(run.folder) not in card
    shards = {path.name for path in run.results.glob("shards/*.jsonl")}
    listed = set(re.findall(r"^[0-9a-f]{32}  (\S+\.jsonl)$", card, flags=re.M))
    assert listed
    assert listed <= shards


def test_the_report_tells_the_run_on_one_page(run):
    page = (run.results / "report.html").read_text(encoding="utf-8")
    metrics = read_json(run.results / "metrics/metrics.json")
    means = metrics["systems"]["tuned_dense"]["nDCG@10"]
    queries = f"On {metrics['queries']} held-out queries the tuned model's dense search"
    assert queries in page.replace("&#39;", "'")
    assert f"mean nDCG@10 {means['mean']:.3f} against" in page
    assert f"<small>{means['low']:.3f} to {means['high']:.3f}</small>" in page
    figures = ("lengths", "measures", "differences", "training-1", "negatives-1")
    for figure in figures:
        assert f"url(#{figure}-" in page
    assert page.count('role="img"') == len(figures)
    assert len(re.findall('<details class="search"', page)) > 5
    for title in ("Training", "Negatives", "Time and cost", "How this was made"):
        assert f". {title}</h2>" in page
    assert '<th scope="row">train_model</th><td>1</td>' in page
    # Its own files, and nothing of another place.
    links = re.findall(r'href="([^#][^":]*)"', page)
    assert "figures/negatives.html" in links
    assert all((run.results / link.partition("#")[0]).is_file() for link in links)
    assert "What re-ranking can reach" in page
    assert re.search(r"Measured on \d+ \w+ 20\d\d\.", page)
    assert str(run.folder) not in page
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_snakemake_still_reports_where_every_figure_came_from(run):
    done = run.snakemake("--configfile", run.config, "--report", "report.html")
    assert done.returncode == 0, done.stdout[-3000:]
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "report.html" in page
    for figure in sorted((run.results / "figures").iterdir()):
        assert figure.name in page or figure.suffix == ".json"


# By result: the rule that makes it, and what depends on it.
EXPORTED = {"export_model", "write_report"}
MEASURES = {"measure_runs", "plot_metrics"} | EXPORTED
RUNS = {"retrieve_m3"} | MEASURES
TRAINED = {"encode_collection", "plot_training"} | RUNS
SHARDS = {"train_model", "plot_lengths"} | TRAINED
MINED = {"score_pairs", "plot_negatives", "split_by_length"} | SHARDS
FOUND = {"pick_negatives"} | MINED
JUDGED = {"build_gold", "export_collection"}
COLLECTION = {"build_collection", "retrieve_bm25"} | JUDGED
EMBEDDED = {"search_corpus", "judge_pairs"} | FOUND
PAIRS = {"embed_corpus", "embed_queries"} | EMBEDDED | COLLECTION
QUERIES = {"generate_queries", "filter_queries", "split_pairs"} | PAIRS
DEPENDENT = {
    "archive/court": (
        "make_archive",
        {"find_volumes", "build_documents", "merge_documents"} | QUERIES,
    ),
    "documents/court.rejected.jsonl": (
        "merge_documents",
        QUERIES,
    ),
    "queries/court.stats.json": (
        "filter_queries",
        {"split_pairs"} | PAIRS,
    ),
    "mining/court/embeddings/1-of-2.npy": ("embed_corpus", EMBEDDED),
    "negatives/court.stats.json": ("pick_negatives", MINED),
    "scores/court/1-of-2.jsonl": ("score_pairs", MINED),
    "shards/court_len-100-200.jsonl": ("split_by_length", SHARDS),
    "model": ("train_model", TRAINED),
    "gold/known_item.txt": (
        "build_collection",
        {"encode_collection", "retrieve_bm25"} | JUDGED | RUNS,
    ),
    "collection/qrels.txt": ("build_gold", JUDGED | MEASURES),
    "runs/bm25.trec": ("retrieve_bm25", MEASURES),
    "export": ("export_model", {"write_report"}),
}


@pytest.mark.parametrize("result", DEPENDENT)
def test_a_deleted_result_remakes_itself_and_what_depends_on_it(run, result, tmp_path):
    kept = tmp_path / "kept"
    (run.results / result).rename(kept)
    try:
        plan = run.planned("--configfile", run.config)
    finally:
        kept.rename(run.results / result)
    maker, dependent = DEPENDENT[result]
    assert set(plan) - {"all"} == {maker} | dependent


def test_a_deleted_result_is_made_anew_byte_for_byte(run):
    before = contents(run.results, "**/*.jsonl", "**/*.npy", "**/*.trec")
    (run.results / "scores/court/1-of-2.jsonl").unlink()
    done = run.snakemake("split", "--configfile", run.config)
    assert done.returncode == 0, done.stdout[-3000:]
    assert job_counts(done.stdout) == {
        "score_pairs": 1,
        "split_by_length": 1,
        "split": 1,
    }
    assert contents(run.results, "**/*.jsonl", "**/*.npy", "**/*.trec") == before


def test_a_killed_run_goes_on_to_the_same_bytes(run, models, tmp_path):
    project = Project(tmp_path / "killed")
    config = project.configure(**small(models, datasets=ARCHIVE))
    # Killed as soon as the stage has begun, in the middle of a job.
    for stage in ("mining/court/embeddings", "logs/score_pairs", "shards"):
        running = subprocess.Popen(
            project.command("split", "--configfile", config),
            cwd=project.folder,
            env=project.forking,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        begun = project.folder / "results/small" / stage
        while running.poll() is None and not begun.exists():
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        unlocked = project.snakemake("--configfile", config, "--unlock")
        assert unlocked.returncode == 0, unlocked.stdout
    done = project.snakemake("split", "--configfile", config)
    assert done.returncode == 0, done.stdout[-3000:]
    results = project.folder / "results/small"
    assert contents(results, *MADE) == contents(run.results, *MADE)


def test_an_index_whose_commit_is_killed_stays_as_it_was_and_the_next_run_goes_on(
    run, tmp_path
):
    project = Project(tmp_path / "indexed")
    for made in ("results", ".snakemake", run.config.name):
        copy = shutil.copytree if (run.folder / made).is_dir() else shutil.copy
        copy(run.folder / made, project.folder / made)
    other = project.configure("other.yaml", index={"language": None})
    index = project.folder / "results/small/index"
    words = ("index", "--configfile", run.config.name)
    done = project.snakemake(*words)
    assert done.returncode == 0, done.stdout[-5000:]
    before = Table(index)
    told = read_json(index / "index.json")
    assert told == before.about | {"version": before.version}
    assert len(before) == told["counts"]["passages"] > 100
    # Killed when all is done but that readers take it.
    program = project.folder / "scripts/arkiv/index/committing.py"
    whole = program.read_text("utf-8")
    call = "\n        make_ready(dataset, about)"
    assert whole.count(call) == 1
    killed = "\n        import os\n        os.kill(os.getpid(), 9)"
    program.write_text(whole.replace(call, killed), "utf-8")
    done = project.snakemake(*words, other.name)
    assert done.returncode != 0
    there = Table(index)
    assert (there.version, there.about) == (before.version, before.about)
    assert there.dataset.latest_version > there.version
    assert ready_since(index)
    program.write_text(whole, "utf-8")
    done = project.snakemake(*words, other.name)
    assert done.returncode == 0, done.stdout[-5000:]
    after = Table(index)
    assert after.about == before.about | {
        key: after.about[key] for key in ("language", "rows", "sparse")
    }
    assert after.about["language"] is None
    told = read_json(index / "index.json")
    assert told == after.about | {"version": after.version}
    assert len(after) == len(before)
    again = project.snakemake(*words, other.name)
    assert "Nothing to be done" in again.stdout


def test_another_number_of_parts_gives_the_same_shards(run, models, tmp_path):
    project = Project(tmp_path / "parts")
    parts = {"queries": 1, "corpus": 3, "pairs": 1}
    config = project.configure(**small(models, datasets=ARCHIVE, parts=parts))
    done = project.snakemake("split", "--configfile", config)
    assert done.returncode == 0, done.stdout[-3000:]
    results = project.folder / "results/small"
    for one, other in zip(
        records(run.results / "negatives/court.jsonl"),
        records(results / "negatives/court.jsonl"),
        strict=True,
    ):
        assert one["query"] == other["query"]
        # A similarity that moved in the last bit may swap two candidates in rank.
        assert sorted(one["neg_ids"]) == sorted(other["neg_ids"])
    ours = {
        row["id"]: dict(zip(row["neg_ids"], row["neg_scores"], strict=True))
        for path in run.results.glob("shards/*.jsonl")
        for row in records(path)
    }
    theirs = [row for path in results.glob("shards/*.jsonl") for row in records(path)]
    assert len(theirs) == len(ours)
    for row in theirs:
        scores = dict(zip(row["neg_ids"], row["neg_scores"], strict=True))
        assert scores == pytest.approx(ours[row["id"]], abs=1e-5)


def test_torch_finds_the_neighbours_that_the_run_found(run, tmp_path):
    mining = run.results / "mining/court"
    for path in sorted(mining.glob("neighbours/*.npy")):
        search_corpus.main(
            [
                *("--queries", str(mining / "queries.npy")),
                *("--embeddings", str(mining / "embeddings" / path.name)),
                *("--corpus", str(run.results / "pairs/court/mining.jsonl")),
                *("--part", path.stem),
                *("--depth", str(len(np.load(path)[0]))),
                *("--search", "torch"),
                *("--output", str(tmp_path / path.name)),
            ]
        )
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_a_second_round_goes_on_from_a_finished_run(run, models, tmp_path):
    project = Project(tmp_path / "rounds")
    for made in ("results", ".snakemake"):
        shutil.copytree(run.folder / made, project.folder / made, dirs_exist_ok=True)
    first = contents(run.results, "model/*", *MADE)
    given = small(models, datasets=ARCHIVE, rounds=2)
    systems = {"first_dense": {"type": "m3", "model": "round_1", "mode": "dense"}}
    given["evaluate"] = given["evaluate"] | {
        "systems": dict(FEWER_SYSTEMS) | systems,
        "compare": dict(FEWER_COMPARISONS) | {"tuned_dense": "first_dense"},
    }
    config = project.configure(**given)
    done = project.snakemake("--configfile", config)
    assert done.returncode == 0, done.stdout[-5000:]
    counts = job_counts(done.stdout)
    assert counts["train_model"] == counts["pick_negatives"] == 1
    assert "generate_queries" not in counts
    results = project.folder / "results/small"
    assert contents(results, "model/*", *MADE) == first
    second = results / "rounds/2"
    one, other = (records(p / "negatives/court.jsonl") for p in (results, second))
    assert [row["id"] for row in one] == [row["id"] for row in other]
    assert one != other
    before, after = (read_json(p / "training/history.json") for p in (results, second))
    assert before["steps"] == after["steps"] == 4
    assert after["arguments"]["model_name_or_path"].endswith("results/small/model")
    metrics = read_json(results / "metrics/metrics.json")
    assert {"first_dense", "tuned_dense"} <= set(metrics["systems"])
    page = (results / "report.html").read_text(encoding="utf-8")
    for number in (1, 2):
        assert page.count(f"<h3>Round {number}</h3>") == 2
    assert "Nothing to be done" in project.snakemake("--configfile", config).stdout


def test_a_finished_run_is_judged_by_a_server_and_by_people(
    run, models, tmp_path, monkeypatch
):
    monkeypatch.setenv("ARKIV_TEST_KEY", "sk-very-secret-0123456789")
    project = Project(tmp_path / "project")
    for made in ("results", ".snakemake"):
        shutil.copytree(run.folder / made, project.folder / made, dirs_exist_ok=True)
    results = project.folder / "results/small"
    judged = project.folder / "anna.csv"

    def finished(target, chat, **sheet):
        openai = {"base_url": chat.base_url, "key_variable": "ARKIV_TEST_KEY"}
        gold = {"method": "llm_judge", "depth": 3, "systems": ["bm25", "tuned_dense"]}
        gold["judge"] = {"backend": "openai", "model": "m", "tries": 2}
        gold["sheet"] = {"queries": 12, "passages": 6} | sheet
        given = small(models, datasets=ARCHIVE, gold=gold, queries={"openai": openai})
        done = project.snakemake(target, "--configfile", project.configure(**given))
        assert done.returncode == 0, done.stdout[-5000:]
        return done.stdout

    with Chat(grade) as chat:
        foreseen = finished("estimate_gold", chat)
        assert "grades by m, answers of likely length" in foreseen
        assert not chat.tried
        pool = records(results / "gold/pool.jsonl")
        assert f"pool{len(pool):>28,}" in foreseen
        said = finished("evaluate", chat)
        assert "train_model" not in said
        assert "generate_queries" not in said
        parts = ("1-of-2", "2-of-2")
        graded = [r for p in parts for r in records(results / f"gold/grades/{p}.jsonl")]
        refused = [
            row
            for part in parts
            for row in records(results / f"gold/grades/{part}.rejected.jsonl")
        ]
        assert len(graded) + len(refused) == len(pool)
        assert len(refused) > 0
        stats = read_json(results / "gold/stats.json")
        assert (stats["method"], stats["ungraded"]) == ("llm_judge", len(refused))
        # Asked once, and once more where that was no grade.
        assert set(chat.answered.values()) == {1}
        qrels = read_qrels(results / "collection/qrels.txt")
        known = read_qrels(results / "gold/known_item.txt")
        for row in graded:
            item = row["passage_id"] in known[row["query_id"]]
            expected = 3 if item else row["grade"]
            assert qrels[row["query_id"]][row["passage_id"]] >= expected
        finished("sheet", chat)
        pairs = filled(results / "gold/sheet.csv", judged, qrels)
        asked = chat.tried.total()
        finished("evaluate", chat, judged=str(judged))
        assert chat.tried.total() == asked
    found = read_json(results / "gold/agreement.json")
    assert found["machine"] == "llm_judge"
    assert found["judges"] == [{"judge": "anna", "pairs": pairs}]
    assert found["binary"]["low"] < found["binary"]["kappa"] < found["binary"]["high"]
    assert found["weighted"]["kappa"] > 0.3
    assert np.sum(found["table"]) == pairs


@pytest.mark.parametrize(
    ("name", "train"),
    [
        ("lora", {"lora": {"rank": 4}, "mask": {"guide": "base"}}),
        ("deepspeed", {"args": {"deepspeed": "config/deepspeed/stage0.json"}}),
    ],
)
def test_the_same_shards_train_in_another_way(run, models, name, train):
    results = run.folder / "results" / name
    after = ("model", "training", "checkpoints", "encodings", "runs", "metrics")
    # Nor with what the first one was started.
    of_run = ("cache", "logs", "benchmarks", "configuration.json")
    ignored = shutil.ignore_patterns(*after, *of_run)
    shutil.copytree(run.results, results, ignore=ignored)
    config = small(models, datasets=ARCHIVE, run=name)
    for key, value in train.items():
        config["train"][key] = config["train"].get(key, {}) | value
    config = run.configure(f"{name}.yaml", **config)
    done = run.snakemake("train", "--configfile", config)
    assert done.returncode == 0, done.stdout[-3000:]
    guided = {"embed_guide": 1} if "mask" in train else {}
    assert job_counts(done.stdout) == guided | {"train_model": 1, "train": 1}
    history = read_json(results / "training/history.json")
    assert history["steps"] == 4
    tuned, base, own = (
        load_file(folder / "model.safetensors")
        for folder in (
            results / "model",
            models / "tiny-embedder",
            run.results / "model",
        )
    )
    changed = {key for key in base if not base[key].equal(tuned[key])}
    if name == "lora":
        # Merged into the layers that had adapters, and nothing else.
        assert history["lora"]["rank"] == 4
        assert 0 < history["masked"]["guide"] < history["masked"]["negatives"]
        assert changed
        assert {key.split(".")[-1] for key in changed} == {"weight"}
        assert not [key for key in tuned if "lora" in key or "base_layer" in key]
    else:
        # Adam makes as much of a gradient that is nothing but rounding.
        for key, value in own.items():
            assert value.allclose(tuned[key], atol=1e-4), key


def respelled_as_they_are(results):
    """Systems of every type answer respelled queries and encode no passage anew."""
    found = read_json(results / "metrics/spelling.json")
    assert found["queries"] == 12
    assert [one["name"] for one in found["variants"]] == ["old", "modern", "noise 10%"]
    for one in found["variants"]:
        for system in ("reranked", "tuned_combined"):
            change = one["difference"][system]["R@100"]["mean"]
            before = found["original"][system]["R@100"]["mean"]
            after = one["systems"][system]["R@100"]["mean"]
            assert change == pytest.approx(after - before, abs=2e-6)
    assert found["variants"][2]["cer"] == pytest.approx(0.1, abs=0.03)
    queries = records(results / "spelling/queries.jsonl")
    same = {one["id"]: one["of"] for one in queries if not one["edits"]}
    assert same
    for system in ("words", "fused"):
        before = read_run(results / f"runs/{system}.trec")
        after = read_run(results / f"spelling/runs/{system}.trec")
        assert {one["id"] for one in queries} == set(after)
        for key, original in same.items():
            assert set(after[key]) == set(before[original])
    passages = len(records(results / "collection/corpus.jsonl"))
    log = (results / "spelling/logs/retrieve_embedder/mean.log").read_text()
    assert f"{passages} of {passages} values known" in log
    encoded = (results / "spelling/encodings/tuned").glob("*.np?")
    assert {path.name.partition(".")[0] for path in encoded} == {"queries"}


def weighted_and_counted(results):
    """Weights are sought by dev queries, which are too few here to choose, and a page
    counts by its first passage."""
    known = read_qrels(results / "gold/known_item.txt")
    pages = {
        one["id"]: (one["volume"], one["first_page"])
        for one in records(results / "collection/corpus.jsonl")
    }
    metrics = read_json(results / "metrics/metrics.json")
    for name in ("fused", "tuned_combined"):
        learnt = read_json(results / f"weights/{name}.json")
        dev = records(results / "dev/collection/queries.jsonl")
        assert learnt["queries"] == len(dev) < FEWEST_QUERIES
        assert learnt["weights"] == learnt["default"]
        ranked = read_run(results / f"runs/{name}.trec")
        reached = []
        for query, relevant in known.items():
            wanted = {pages[key] for key in relevant}
            order = list(dict.fromkeys(pages[key] for key in ranked[query]))
            first = min(map(order.index, wanted & set(order)), default=10)
            reached.append(1 / (first + 1) if first < 10 else 0)
        value = metrics["systems"][name]["RR@10"]["mean"]
        assert value == pytest.approx(np.mean(reached), abs=1e-6)
    page = (results / "report.html").read_text("utf-8")
    assert "Measures count by page" in page


def test_other_systems_are_measured_and_what_is_required_decides(run, models, tmp_path):
    project = Project(tmp_path / "systems")
    for made in ("results", ".snakemake"):
        shutil.copytree(run.folder / made, project.folder / made, dirs_exist_ok=True)
    given = small(models, datasets=ARCHIVE)
    systems = {
        "words": {"type": "bm25", "tokens": "words", "stemming": "swedish"},
        "mean": {"type": "embedder", "source": "tiny", "query_prompt": "Fråga: "},
        "fused": {"type": "fusion", "systems": ["words", "mean"], "weights": "auto"},
        "reranked": {"type": "reranker", "system": "fused", "depth": 10},
    }

    def require(*requirements):
        given["evaluate"] |= {"require": list(requirements)}
        return project.configure(**given)

    given["evaluate"] = given["evaluate"] | {
        "systems": dict(FEWER_SYSTEMS) | systems,
        "spelling": {
            "queries": 12,
            "noise": [0.1],
            "systems": ["reranked", "tuned_combined"],
        },
        "weights": "auto",
        "unit": "page",
    }
    figures = {"system": "reranked", "measure": "R@100"}
    missed = require(figures | {"over": "fused", "by": 2})
    done = project.snakemake("--configfile", missed)
    assert done.returncode != 0
    metrics = read_json(project.folder / "results/small/metrics/metrics.json")
    value = metrics["systems"]["reranked"]["R@100"]["mean"]
    assert value == metrics["systems"]["fused"]["R@100"]["mean"] > 0
    respelled_as_they_are(project.folder / "results/small")
    weighted_and_counted(project.folder / "results/small")
    sentence = (
        f"R@100 of reranked is {value:.4f}, required is at least fused + 2 = "
        f"{value + 2:.4f} (the run's results are kept)"
    )
    assert sentence in done.stdout
    assert "Traceback" not in done.stdout
    # All but the verdict is there, and is told in the table.
    counts = job_counts(project.snakemake("-n", "--configfile", missed).stdout)
    assert set(counts) == {"check_metrics", "all"}
    page = (project.folder / "results/small/report.html").read_text("utf-8")
    assert "<strong>✗ missed</strong>" in page
    assert "1 of 1 requirement (evaluate.require) missed" in page
    done = project.snakemake("--configfile", require(figures | {"over": "fused"}))
    assert done.returncode == 0, done.stdout[-5000:]
    counts = job_counts(done.stdout)
    assert counts == dict.fromkeys(
        ("measure_runs", "plot_metrics", *EXPORTED, "check_metrics", "all"), 1
    )
    (met,) = read_json(project.folder / "results/small/metrics/required.json")
    assert met["holds"]


def test_the_gold_standard_by_each_method(run, models, tmp_path):
    project = Project(tmp_path / "gold")
    for made in ("results", ".snakemake"):
        shutil.copytree(run.folder / made, project.folder / made, dirs_exist_ok=True)
    results = project.folder / "results/small"
    ran = {}

    def judged(method, **more):
        gold = {"method": method} | more
        config = project.configure(**small(models, datasets=ARCHIVE, gold=gold))
        done = project.snakemake("evaluate", "--configfile", config)
        assert done.returncode == 0, done.stdout[-5000:]
        ran[method] = set(job_counts(done.stdout))
        stats = read_json(results / "gold/stats.json")
        assert stats["method"] == method
        return stats, read_qrels(results / "collection/qrels.txt")

    # So low that passages of like phrases are taken for copies.
    stats, qrels = judged("known_item", duplicate_jaccard=0.2)
    assert qrels == with_near_duplicates(results, 0.2)
    assert stats["near_duplicates"] == stats["pairs"] - stats["known_items"] > 0

    systems, thresholds = ["bm25", "base_dense", "tuned_dense"], [-3.0, -1.0]
    pool = {"depth": 5, "systems": systems, "thresholds": thresholds}
    stats, qrels = judged("teacher_pool", **pool)
    grades = [
        row
        for part in ("1-of-2", "2-of-2")
        for row in records(results / f"gold/grades/{part}.jsonl")
    ]
    pairs = [(row["query_id"], row["passage_id"]) for row in grades]
    assert pairs == pooled(results, systems, 5)
    assert_graded(results, grades[::4], thresholds, models / "tiny-reranker")
    known = read_qrels(results / "gold/known_item.txt")
    for row in grades:
        highest = row["passage_id"] in known[row["query_id"]]
        judgement = qrels[row["query_id"]][row["passage_id"]]
        assert judgement == (len(thresholds) if highest else row["grade"])

    measures = read_json(results / "metrics/metrics.json")["systems"]
    shutil.copy(results / "collection/qrels.txt", results / "mine.txt")
    stats, again = judged("file", file=str(results / "mine.txt"))
    assert again == qrels
    assert read_json(results / "metrics/metrics.json")["systems"] == measures

    embedder = {"source": "tiny", "pooling": "cls", "query_prompt": "Fråga: "}
    judged("embedder", embedder=embedder, depth=7)
    assert_first_by_cosine(results, models / "tiny-embedder", "Fråga: ", 7)

    # The searches stay as they are.
    again = {"build_gold", "export_collection", "measure_runs", "evaluate"}
    assert ran == {
        "known_item": again,
        "teacher_pool": {"pool_passages", "grade_pool"} | again,
        "file": again,
        "embedder": {"search_gold"} | again,
    }
