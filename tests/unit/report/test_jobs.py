"""What a run took, by the files that it left."""

import json
from datetime import date

import pytest
from project import rules

from arkiv.report.jobs import (
    OTHER,
    STAGES,
    Days,
    costs_of,
    language_model_costs,
)

HEADER = (
    "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
)
# Those of a run whose pairs were in three parts, and are in two.
PARTS = ("1-of-3", "2-of-3", "3-of-3", "1-of-2", "2-of-2")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def job(run, name, seconds, memory="NA", cpu="NA", log=None, under=""):
    row = [seconds, "0:00:01", memory, *["NA"] * 6, cpu]
    words = "\t".join(map(str, row))
    write(run / under / "benchmarks" / f"{name}.tsv", f"{HEADER}\n{words}\n")
    if log is not None:
        write(run / under / "logs" / f"{name}.log", log)


def test_the_rules_are_those_of_the_pipeline():
    measured = {name for name, body in rules().items() if "benchmark:" in body}
    known = [name for names in STAGES.values() for name in names]
    assert sorted(known) == sorted(measured)


def test_jobs_are_summed_by_rule_in_the_order_of_the_stages(tmp_path):
    job(tmp_path, "measure_runs", 2.5, memory=100, cpu=2)
    job(tmp_path, "embed_corpus/court/1-of-2", 10, memory=900, cpu=15)
    job(tmp_path, "embed_corpus/court/2-of-2", 0.4, memory=9999, cpu=0)  # unseen
    job(tmp_path, "embed_corpus/court/1-of-2", 30, 700, 31, under="rounds/2")
    job(tmp_path, "train_model", 60, under="stages/1")
    job(tmp_path, "invented/x", 1)
    job(tmp_path, "retrieve_m3/dense", 7, under="spelling")
    found = costs_of(tmp_path)
    assert [(row["stage"], row["rule"], row["jobs"]) for row in found] == [
        ("mining", "embed_corpus", 3),
        ("train", "train_model", 1),
        ("retrieve", "retrieve_m3", 1),
        ("evaluate", "measure_runs", 1),
        (OTHER, "invented", 1),
    ]
    assert found[0] == {
        "stage": "mining",
        "rule": "embed_corpus",
        "jobs": 3,
        "seconds": pytest.approx(40.4),
        "longest": 30,
        "cpu_seconds": 46,
        "memory_mb": 900,
        "gpu_seconds": None,
        "began": None,
        "ended": None,
    }
    assert found[1]["memory_mb"] is found[1]["cpu_seconds"] is None


def test_a_run_is_dated_by_what_it_measured_and_not_by_what_writes_of_it(tmp_path):
    def dated(name, first, last, under=""):
        lines = (
            f"{first} 09:00:00,000 INFO x: y\nno date\n{last} 10:00:00,000 INFO x: z"
        )
        job(tmp_path, name, 1, log=f"progress\n{lines}\n", under=under)

    assert Days.of(costs_of(tmp_path)) is None
    dated("split_pairs", "2026-11-28", "2026-11-28")
    dated("measure_runs", "2026-11-28", "2026-11-28")
    costs = costs_of(tmp_path)
    assert json.loads(json.dumps(costs)) == costs  # benchmarks keep them
    assert Days.of(costs).told() == "Its jobs ran on 28 November 2026."
    dated("train_model", "2026-11-26", "2026-11-27")
    dated("split_pairs", "2026-11-29", "2026-11-29")  # again, to the same end
    for name in ("write_report", "export_model", "index_passages", "plot_metrics"):
        dated(name, "2026-12-24", "2026-12-24")
    dated("measure_general", "9999-99-99", "9999-99-99", under="general")
    days = Days.of(costs_of(tmp_path))
    assert days == (date(2026, 11, 26), date(2026, 11, 29), date(2026, 11, 28))
    assert days.told() == (
        "Its jobs ran from 26 November 2026 to 29 November 2026, each told by the "
        "last time that it ran; the systems were measured on 28 November 2026."
    )


def test_gpus_are_those_of_all_nodes_that_a_log_names(tmp_path):
    first = "2026 INFO arkiv.base.cli: SLURM job 7 on n1, GPUs: "
    job(tmp_path, "embed_corpus/a/1-of-1", 10, log=f"{first}0,1\n…\n")
    job(tmp_path, "measure_runs", 5, log=f"{first}none\n")
    nodes = (f"node {n} of 2, n{n}: 2 processes, GPUs: 0,1\n" for n in (1, 2))
    job(tmp_path, "train_model", 100, log=f"{first}0,1\n{''.join(nodes)}")
    job(tmp_path, "score_pairs/a/1-of-1", 3, log="INFO: no cluster\n")
    assert {row["rule"]: row["gpu_seconds"] for row in costs_of(tmp_path)} == {
        "embed_corpus": 20,
        "measure_runs": 0,
        "train_model": 400,
        "score_pairs": None,
    }


@pytest.mark.parametrize(
    "text", ["", HEADER, f"{HEADER}\n-\t-\n", f"{HEADER}\nnan\t0\n", "\0", "7\n"]
)
def test_what_is_no_benchmark_counts_nothing(tmp_path, text):
    write(tmp_path / "benchmarks/plot_data.tsv", text)
    (tmp_path / "benchmarks/plot_metrics.tsv").write_bytes(b"s\n\xff\n")
    job(tmp_path, "split_pairs/court", 1)
    assert [row["rule"] for row in costs_of(tmp_path)] == ["split_pairs"]


def asking(*datasets, method="llm_judge", parts=2):
    """The configuration of a run that asks for queries and grades."""
    return {
        "datasets": {name: {"pages": "volumes"} for name in datasets},
        "gold": {"method": method},
        "parts": {"pairs": parts},
    }


def test_a_run_without_benchmarks_took_nothing_that_is_known(tmp_path):
    assert costs_of(tmp_path / "absent") == []
    assert language_model_costs(tmp_path, asking("court")) == []


def test_answers_of_a_language_model_are_those_of_queries_and_of_grades(tmp_path):
    usage = '{"usage": {"requests": 3, "input_tokens": 70, "money": 0.5}}'
    write(tmp_path / "queries/court.stats.json", usage)
    write(tmp_path / "queries/plain.stats.json", '{"usage": {}}')
    write(tmp_path / "queries/broken.stats.json", '{"usage": ')
    known = {"estimated_requests": 0, "output_tokens": 0}
    court = {"what": "queries of court", "requests": 3, "input_tokens": 70}
    court |= {"money": 0.5, **known}
    config = asking("broken", "court", "plain")
    assert language_model_costs(tmp_path, config) == [court]
    for part in (1, 2):
        write(tmp_path / f"gold/grades/{part}-of-2.stats.json", usage)
    grades = {"what": "grades of the gold standard", "requests": 6}
    grades |= {"input_tokens": 140, "money": 1.0, **known}
    assert language_model_costs(tmp_path, config) == [court, grades]


def test_of_a_baseline_its_own_jobs_are_counted(tmp_path):
    """Not what the run did for training, for other systems, or once more as a whole."""
    for name in (
        *("train_model", "embed_queries/court", "plot_training", "plot_lengths"),
        *("encode_collection/tuned", "encode_collection/base"),
        *("retrieve_m3/tuned_dense", "retrieve_m3/base_dense", "build_collection"),
        *("measure_runs", "grade_pool/1-of-2"),
    ):
        job(tmp_path, name, 5)
    for name in ("measure_runs", "grade_pool/1-of-2"):
        job(tmp_path, name, 3, under="baseline")
    job(tmp_path, "encode_collection/tuned", 5, under="spelling")
    for name in ("encode_collection/base", "retrieve_m3/base_dense"):
        job(tmp_path, name, 5, under="general")
    job(tmp_path, "merge_models", 5)
    job(tmp_path, "measure_general", 5)
    own = {"build_collection": 5, "encode_collection": 5, "retrieve_m3": 5}
    found = costs_of(tmp_path, ["tuned_dense"], tmp_path / "baseline")
    assert {row["rule"]: row["seconds"] for row in found} == own | {
        "measure_runs": 3,
        "grade_pool": 3,
    }
    # The whole run has had the baseline too.
    whole = {row["rule"]: row["seconds"] for row in costs_of(tmp_path, None, tmp_path)}
    assert whole["measure_runs"] == 5 + 3
    assert whole["retrieve_m3"] == 5 + 5 + 5
    assert whole["merge_models"] == whole["measure_general"] == 5
    # One that trains nothing and lies where others do.
    of_run = costs_of(tmp_path, [], tmp_path)
    assert {row["rule"] for row in of_run} == {row["rule"] for row in found}


def test_answers_to_what_is_no_longer_asked_are_not_counted(tmp_path):
    usage = '{"usage": {"requests": 3}}'
    for name in ("queries/gone", "queries/given", *(f"gold/grades/{n}" for n in PARTS)):
        write(tmp_path / f"{name}.stats.json", usage)
    config = asking(parts=2)
    config["datasets"]["given"] = {"pairs": "given.jsonl"}
    (grades,) = language_model_costs(tmp_path, config)
    assert grades["requests"] == 2 * 3
    assert language_model_costs(tmp_path, asking(method="file")) == []
