"""An input that is newer, but has the content of before, makes nothing anew."""

import json
import os
import time

import pytest
from project import ROOT, Project

from arkiv.base.files import read_yaml

TINY = {"source": "tiny", "revision": None}
# What Snakemake itself compares the content of, in bytes.
DEFAULT = 1_000_000
MADE = "results/main/pairs/d/train.jsonl"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose pairs, larger than Snakemake's own limit, have been divided."""
    project = Project(tmp_path_factory.mktemp("project"))
    rows = (
        {"query": f"q {n}", "pos": [f"{n} " * 500], "volume": str(n)}
        for n in range(1000)
    )
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    assert len(text) > DEFAULT
    (project.folder / "pairs.jsonl").write_text(text)
    models = {"embedder": TINY, "reranker": TINY}
    project.configure(datasets={"d": {"pairs": "pairs.jsonl"}}, models=models)
    done = project.snakemake(MADE, "--cores", "1", "--configfile", "test.yaml")
    assert done.returncode == 0, done.stdout
    return project


def planned(project, *words):
    return project.planned(MADE, "--configfile", "test.yaml", *words)


def touch(path):
    later = time.time() + 60
    os.utime(path, (later, later))


def test_a_large_input_that_was_touched_makes_nothing_anew(project):
    touch(project.folder / "pairs.jsonl")
    assert planned(project) == {}
    # Above the limit its time alone counts.
    assert planned(project, "--max-checksum-file-size", "1MB") == {"split_pairs": 1}


def test_a_large_input_that_was_edited_is_another(project):
    path = project.folder / "pairs.jsonl"
    text = path.read_text()
    try:
        path.write_text(text.replace("q 1", "q 0", 1))
        touch(path)
        assert planned(project) == {"split_pairs": 1}
    finally:
        path.write_text(text)
        touch(path)
    assert planned(project) == {}


def test_a_cluster_has_the_same_limit():
    """The profile default is laid over every other."""
    limit = "max-checksum-file-size"
    assert limit in read_yaml(ROOT / "profiles/default/config.yaml")
    assert limit not in (ROOT / "profiles/slurm/config.yaml").read_text()
