"""A run that is started from elsewhere, as far as its negatives; one of a module."""

import json

import pytest
from examples import case_pairs
from project import ONE_PART, Project, small

MODULE = """
configfile: "my.yaml"

module arkiv:
    snakefile: {snakefile!r}
    config: config
    prefix: "found"

use rule * from arkiv as arkiv_*
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The project, in a place that no search path of Python's can hold."""
    return Project(tmp_path_factory.mktemp("places") / "it's my:project (1)")


@pytest.fixture
def here(models, tmp_path):
    """An empty directory but for pairs and the least that makes a report of them."""
    here = Project.bare(tmp_path / "other place")
    rows = (
        {"query": query, "pos": [text], "volume": str(n // 4)}
        for n, (query, text) in enumerate(case_pairs(24, 16))
    )
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (here.folder / "letters.jsonl").write_text(lines)
    letters = {"letters": {"pairs": "letters.jsonl"}}
    given = small(models, datasets=letters, parts=ONE_PART)
    given["train"] |= {"processes": 1, "evaluation": {"steps": 0}}
    given["evaluate"]["spelling"] = {"queries": 3, "systems": ["bm25"]}
    here.configure("my.yaml", **given)
    return here


def test_from_elsewhere(root, here, tmp_path):
    elsewhere = Project.bare(tmp_path / "elsewhere")
    words = ["mine", "-s", root.folder / "Snakefile", "--directory", here.folder]
    words += ["--configfile", here.folder / "my.yaml"]
    done = elsewhere.snakemake(*words)
    assert done.returncode == 0, done.stdout[-5000:]
    assert (here.folder / "results/small/negatives/letters.jsonl").exists()
    assert not list(elsewhere.folder.iterdir())
    # Started in another way, in the same directory: nothing is made anew.
    words = ("mine", "-s", root.folder / "Snakefile", "--configfile", "my.yaml")
    assert here.planned(*words) == {}


def test_as_a_module(root, here):
    (here.folder / "Snakefile").write_text(
        MODULE.format(snakefile=str(root.folder / "Snakefile"))
    )
    done = here.snakemake("--cores", "all")
    assert done.returncode == 0, done.stdout[-5000:]
    assert (here.folder / "found/results/small/report.html").exists()
    made = {path.name for path in here.folder.iterdir()}
    assert made == {"Snakefile", "my.yaml", "letters.jsonl", "found", ".snakemake"}
    assert here.planned("--cores", "all") == {}
