"""The pipeline on a real SLURM: jobs, GPUs, several nodes, and faults."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
from project import Project, records

from arkiv.base.files import read_json
from slurm.cluster import HOSTS
from slurm.conftest import last_job

LOCAL = {
    *("all", "prepare_model", "filter_queries"),
    *("plot_lengths", "plot_negatives", "plot_training", "plot_metrics"),
    *("write_report", "export_collection", "export_model"),
    *("respell_queries", "measure_spelling"),
}
GPU = {
    *("embed_corpus", "embed_queries", "search_corpus", "score_pairs"),
    "encode_collection",
}
EMBEDDINGS = "results/small/mining/court/embeddings/1-of-2.npy"
TRAINED = ("model", "training", "checkpoints")


def rule_of(job: dict[str, str]) -> str:
    return job["Comment"].removeprefix("rule_").partition("_wildcards_")[0]


def same_files(one: Path, other: Path, pattern: str) -> None:
    """The files of a pattern are the same in two folders, byte for byte."""
    names = sorted(str(p.relative_to(one)) for p in one.glob(pattern) if p.is_file())
    assert names
    there = [p for p in other.glob(pattern) if p.is_file()]
    assert names == sorted(str(p.relative_to(other)) for p in there)
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


# What a run is.


def test_each_compute_rule_is_a_job_of_its_own(base):
    jobs = [job for job in base.jobs_after(0) if job["Comment"]]
    planned = {k: n for k, n in base.planned_jobs.items() if k not in LOCAL}
    counted = dict.fromkeys(planned, 0)
    for job in jobs[: sum(planned.values())]:
        assert job["State"] == "COMPLETED", job
        counted[rule_of(job)] += 1
    assert counted == planned
    assert len({job["Comment"] for job in jobs[: sum(planned.values())]}) == sum(
        planned.values()
    )


def test_gpu_rules_run_on_gpu_nodes_and_see_their_own(base):
    seen = set()
    for job in base.jobs_after(0)[: sum(base.planned_jobs.values())]:
        rule = rule_of(job)
        if rule == "train_model":
            assert "gres/gpu=4" in job["AllocTRES"]
            assert job["NodeList"] == "n[1-2]"
        elif rule in GPU:
            seen.add(rule)
            assert "gres/gpu=1" in job["AllocTRES"]
            assert job["NodeList"] in ("n1", "n2")
        else:
            assert "gres/gpu" not in job["AllocTRES"]
    assert seen == GPU
    for rule in GPU:
        for log in (base.results / "logs" / rule).rglob("*.log"):
            first = log.read_text(encoding="utf-8").splitlines()[0]
            assert re.search(r"SLURM job \d+ on n[12], GPUs: [01]$", first), first


def test_training_is_one_run_on_two_nodes_of_two_processes(base):
    history = read_json(base.results / "training/history.json")
    assert (history["world_size"], history["nodes"], history["steps"]) == (4, 2, 16)
    said = (base.results / "logs/train_model.log").read_text(encoding="utf-8")
    for rank, name in enumerate(("n1", "n2"), start=1):
        assert f"node {rank} of 2, {name}: 2 processes, GPUs: 0,1" in said
    # After training every process has hashed every bit of its weights.
    assert "all 4 processes agree" in said


def test_the_cluster_makes_the_shards_of_the_local_run(base, tmp_path):
    local = Project(tmp_path / "local")
    shutil.copy(base.folder / "test.yaml", local.folder)
    results = local.folder / "results/small"
    # Whether the pairs are fit to learn from is for the audit: no shard needs it.
    judged = "results/small/pairs/court/judged.json"
    done = local.snakemake("split", judged, "--configfile", "test.yaml")
    assert done.returncode == 0, done.stdout[-5000:]
    for pattern in ("queries/**/*", "pairs/**/*", "negatives/*"):
        same_files(base.results, results, pattern)
    for shard in sorted(results.glob("shards/*.jsonl")):
        ours, theirs = records(base.results / "shards" / shard.name), records(shard)
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            for key in ("pos_scores", "neg_scores"):
                assert np.allclose(one.pop(key), other.pop(key), rtol=0, atol=1e-5)
            assert one == other


def test_no_job_reaches_for_a_network(base):
    # The namespaces have no route but to each other: what was sent elsewhere was
    # counted, name look-ups included.
    for host in HOSTS:
        routes = base.cluster.run("ip", "route", host=host).stdout.split("\n")
        assert len([route for route in routes if route]) == 1
        assert base.cluster.unroutable(host) == 0, host
    tried = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    assert base.cluster.run("python3", "-c", tried, host="n3", check=False).returncode
    assert base.cluster.unroutable("n3") > 0


def test_what_was_used_is_reported_and_logs_of_good_jobs_go(base):
    (report,) = base.folder.glob("results/slurm-efficiency/*.csv")
    assert "train_model" in report.read_text(encoding="utf-8")
    assert not list(base.folder.glob("results/slurm-logs/**/*.log"))


# Faults. Each ends in the results of the run that nothing happened to.


def test_a_cancelled_job_is_tried_again(again, base):
    again.remove("mining/court/embeddings/1-of-2.npy")
    last = last_job(again.cluster)
    process = again.begin(EMBEDDINGS)
    job = wait_for(lambda: again.cluster.running("rule_embed_corpus"))
    again.cluster.run("scancel", job["id"])
    again.finish(process)
    assert again.states(last, "embed_corpus") == ["CANCELLED", "COMPLETED"]
    same_files(base.results, again.results, "mining/**/*")


def test_a_script_killed_while_it_writes_leaves_nothing_half_written(again, base):
    again.remove("scores/court/1-of-2.jsonl")
    last = last_job(again.cluster)
    process = again.begin("score")
    job = wait_for(lambda: again.cluster.running("rule_score_pairs"))
    pid = wait_for(
        lambda: again.cluster.find_process(job["nodes"], "scripts/score_pairs.py")
    )
    while True:  # step by step, to stop it where the file is begun and not yet in place
        os.kill(pid, signal.SIGSTOP)
        if torn := list(again.results.glob("scores/court/.1-of-2.jsonl.*/*")):
            break
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.003)
    os.kill(pid, signal.SIGKILL)
    assert not (again.results / "scores/court/1-of-2.jsonl").exists()
    assert torn[0].exists()
    again.finish(process)
    assert again.states(last, "score_pairs") == ["FAILED", "COMPLETED"]
    # As bash ran the script, or had become it.
    assert re.search(r"exit status 137|died with <Signals.SIGKILL: 9>", again.said())
    same_files(base.results, again.results, "scores/court/[12]*")


def test_a_full_disk_is_one_sentence_and_one_rerun(again, base):
    again.remove("mining/court/embeddings/1-of-2.npy")
    place = again.results / "mining/court/embeddings"
    shutil.copy(place / "2-of-2.npy", again.folder)
    size = 8 + (place / "2-of-2.npy").stat().st_size // 1024
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", place]
    again.cluster.run(*mount)
    again.cluster.run("cp", "-p", again.folder / "2-of-2.npy", place)
    done = again.run("--retries", 0, EMBEDDINGS)
    assert done.returncode != 0
    (said,) = {line.strip() for line in done.stdout.splitlines() if "make room" in line}
    assert said == "error: writing the output: No space left on device; make room"
    # The log is the job's own, on whatever node it ran.
    assert done.stdout.rstrip().splitlines()[-1] == said
    there = again.cluster.run("ls", "-A", place).stdout.split()
    assert there == ["2-of-2.npy"]
    again.cluster.run("umount", place)
    assert again.run(EMBEDDINGS).returncode == 0
    same_files(base.results, again.results, "mining/**/*")


def test_a_job_out_of_memory_is_tried_with_more(again, base):
    again.remove("scores/court/2-of-2.jsonl")
    again.edit(
        "profiles/slurm/config.yaml",
        **{"cpus_per_task: ?cpus": "cpus_per_task: ?cpus\n      mem_mb: 450 * attempt"},
    )
    last = last_job(again.cluster)
    again.finish(again.begin("score"))
    states = again.states(last, "score_pairs")
    assert states[0] in ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    assert states[-1] == "COMPLETED"
    memory = [
        int(job["AllocTRES"].partition("mem=")[2].partition("M")[0])
        for job in again.jobs_after(last)
    ]
    assert memory == [450 * attempt for attempt in range(1, len(memory) + 1)]
    same_files(base.results, again.results, "scores/court/[12]*")


def test_snakemake_killed_and_started_again(again, base):
    again.remove("scores/court/*.jsonl", "shards/*")
    process = again.begin("split")
    wait_for(lambda: again.cluster.running("rule_score_pairs"))
    process.kill()
    process.wait()
    # A job that Snakemake was about to submit goes with it; those that run go on.
    assert again.run("split").returncode != 0  # locked
    assert again.run("--unlock").returncode == 0
    again.finish(again.begin("split"))
    wait_for(lambda: not again.cluster.queue())
    same_files(base.results, again.results, "scores/court/[12]*")
    same_files(base.results, again.results, "shards/*")


def until_a_checkpoint_is_whole(project) -> None:
    wait_for(lambda: list(project.results.glob("checkpoints/checkpoint-*/whole")))


def check_resumed(again, base) -> None:
    history = read_json(again.results / "training/history.json")
    assert history["resumed_from"].startswith("checkpoint-")
    assert history["log"] == read_json(base.results / "training/history.json")["log"]
    same_files(base.results, again.results, "model/*")


def test_training_over_its_time_limit_goes_on_in_the_next_job(again, base):
    again.remove(*TRAINED)
    again.edit("profiles/slurm/config.yaml", **{"min(1440": "min(1"})
    last = last_job(again.cluster)
    process = again.begin("train")
    until_a_checkpoint_is_whole(again)
    # One node hangs, and so all wait until SLURM's patience of a minute ends.
    for pid in again.cluster.processes("n2"):
        line = Path(f"/proc/{pid}/cmdline")
        if line.exists() and b"arkiv.train.worker" in line.read_bytes():
            os.kill(pid, signal.SIGSTOP)
    again.finish(process)
    assert again.states(last, "train_model") == ["TIMEOUT", "COMPLETED"]
    assert "DUE TO TIME LIMIT" in again.said() or any(
        "DUE TO TIME LIMIT" in path.read_text(encoding="utf-8")
        for path in again.folder.glob("results/slurm-logs/**/*.log")
    )
    check_resumed(again, base)


def test_a_node_lost_in_training_costs_one_rerun(again, base):
    again.remove(*TRAINED)
    last = last_job(again.cluster)
    process = again.begin("--retries", 0, "train")
    until_a_checkpoint_is_whole(again)
    again.cluster.crash("n2")
    assert process.wait(300) != 0
    assert again.states(last, "train_model") == ["NODE_FAIL"]
    assert "failed due to a node failure" in again.said()
    assert not (again.results / "model").exists()
    again.cluster.boot("n2")
    again.finish(again.begin("train"))
    check_resumed(again, base)


def wait_for(condition, timeout: float = 120):
    """What a condition returns when it comes true, looked at often."""
    found = []

    def look() -> bool:
        found[:] = [condition()]
        return bool(found[0])

    end = time.monotonic() + timeout
    while not look():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)
    return found[0]
