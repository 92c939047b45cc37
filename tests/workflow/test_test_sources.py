"""Test queries of another source unmask a model that has learnt a manner of asking."""

import json
from random import Random

import pytest
from project import ONE_PART, Project, records, small

from arkiv.base.files import read_json
from arkiv.example.questions import MATTERS, TRADES
from arkiv.report import sources

# What is called how by each of two who ask: the second is met in no training.
NAMES = {**TRADES, **MATTERS}
# Against the other passages of the batch alone.
TRAIN = {
    "processes": 1,
    "evaluation": {"steps": 0},
    "args": {
        "train_group_size": 1,
        "knowledge_distillation": False,
        "per_device_train_batch_size": 32,
        "max_steps": 14,
        "learning_rate": 2e-3,
        "gradient_checkpointing": False,
        "save_strategy": "no",
    },
}


def rows_of(random, count, manner):
    """Passages of four old words, each asked for by what these are called."""
    for _ in range(count):
        words = random.sample(sorted(NAMES), 4)
        query = " ".join(NAMES[word][manner] for word in words)
        yield {"query": query, "pos": [" ".join(words)]}


@pytest.fixture(scope="module")
def run(models, tmp_path_factory):
    """A model that learns one manner, measured by the other one too."""
    project = Project(tmp_path_factory.mktemp("run"))
    random = Random(0)
    own, people = list(rows_of(random, 400, 0)), list(rows_of(random, 40, 1))
    # Half of the people ask of what the others' queries ask of.
    for row, other in zip(people[:20], own, strict=False):
        row["pos"] = other["pos"]
        row["query"] = " ".join(NAMES[word][1] for word in other["pos"][0].split())
    for name, rows in (("own", own), ("people", people)):
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        (project.folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    base = small(models)
    embedder = base["models"]["embedder"] | {"heads": "none"}
    evaluate = base["evaluate"]
    gained = {"measure": "nDCG@10", "over": "base_dense", "by": 0.1}
    config = project.configure(
        **base
        | {
            "parts": ONE_PART,
            "models": base["models"] | {"embedder": embedder},
            "datasets": {
                "own": {"pairs": "own.jsonl"},
                "people": {"pairs": "people.jsonl", "role": "test"},
            },
            "split": {"edges": [0]},
            "train": TRAIN,
            "evaluate": evaluate
            | {
                "systems": evaluate["systems"] | {"bm25": None},
                "compare": evaluate["compare"] | {"tuned_dense": "base_dense"},
                "require": [
                    {"system": "tuned_dense", "source": name, **gained}
                    for name in ("own", "people")
                ],
            },
            "report": {"systems": ["tuned_dense"]},
        }
    )
    target = "results/small/metrics/metrics.json"
    done = project.snakemake(target, "--configfile", config)
    assert done.returncode == 0, done.stdout[-5000:]
    project.results = project.folder / "results/small"
    return project


def test_nothing_that_a_test_source_asks_of_is_trained_on(run):
    pairs = run.results / "pairs"
    asked = {row["pos_ids"][0] for row in records(pairs / "people/test.jsonl")}
    assert len(asked) == 40
    for side in ("train", "dev", "mining"):
        assert not records(pairs / f"people/{side}.jsonl")
        rows = records(pairs / f"own/{side}.jsonl")
        ids = {name for row in rows for name in row.get("pos_ids", [row["id"]])}
        assert not ids & asked
    # The own queries of these passages are own test queries.
    tested = {row["pos_ids"][0] for row in records(pairs / "own/test.jsonl")}
    assert len(tested & asked) == 20
    assert len(tested) == 40
    assert not (run.results / "shards/people_len-0-inf.jsonl").exists()


def test_a_model_fitted_to_a_manner_of_asking_is_unmasked(run):
    metrics = read_json(run.results / "metrics/metrics.json")
    own, people = sources.gains(metrics)
    assert (own.source, own.queries) == ("own", 40)
    assert (people.source, people.queries) == ("people", 40)
    assert own.value["low"] > 0.3
    assert own.value["p_holm"] < 0.001
    assert people.value["p_holm"] > 0.05
    assert people.value["mean"] < own.value["mean"] / 4
    said = sources.in_a_sentence(metrics, lambda value: f"{value['mean']:+.3f}")
    assert "The smallest is that of people, which is not significant." in said
    assert [one["holds"] for one in metrics["requirements"]] == [True, False]
