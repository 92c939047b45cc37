"""Which systems need training, and what is left of a configuration without them."""

import pytest
import yaml
from project import ROOT

from arkiv.evaluate.baseline import needing_training, without_training
from arkiv.settings.config import check_config

DEFAULTS = yaml.safe_load((ROOT / "config/config.yaml").read_text())
DATASETS = {"d": {"example": {"cases": 9, "volumes": 3}}}
MODES = ("dense", "sparse", "multi_vector", "combined")


def configured(**sections):
    config = DEFAULTS | {"datasets": DATASETS}
    for name, values in sections.items():
        config = config | {name: config[name] | values}
    return config


def m3(model):
    return {"type": "m3", "model": model, "mode": "dense"}


SYSTEMS = {
    "words": {"type": "bm25", "tokens": "words"},
    "e5": {"type": "embedder", "source": "some/e5"},
    "base": m3("base"),
    "first": m3("round_1"),
    "tuned": m3("tuned"),
    "both": {"type": "fusion", "systems": ["words", "base"]},
    "mixed": {"type": "fusion", "systems": ["both", "tuned"]},
    "reranked": {"type": "reranker", "system": "both"},
    "last": {"type": "reranker", "system": "mixed", "source": "some/reranker"},
}


def test_a_system_needs_what_those_below_it_need():
    assert needing_training(SYSTEMS) == ["first", "tuned", "mixed", "last"]
    assert needing_training({"words": SYSTEMS["words"]}) == []
    embedders = {
        name: {"type": "embedder", "model": name} for name in ("base", "tuned")
    }
    assert needing_training(embedders) == ["tuned"]


def test_smaller_vectors_are_measured_of_what_is_left():
    config = configured(evaluate={"compress": ["int8"]})
    assert without_training(config)["evaluate"]["compress"] == ["int8"]
    systems = {name: SYSTEMS[name] for name in ("words", "tuned")}
    config["evaluate"] |= {"systems": systems}
    assert without_training(config)["evaluate"]["compress"] == []


def test_what_names_a_trained_system_goes_with_it():
    config = without_training(configured())
    base = [f"base_{mode}" for mode in MODES]
    assert list(config["evaluate"]["systems"]) == ["bm25", *base]
    assert config["evaluate"]["spelling"]["systems"] == ["bm25", "base_dense"]
    assert config["report"]["systems"] == ["bm25", "base_dense"]
    assert config["gold"]["systems"] is None
    # All else is as it was, and the whole could be a configuration of its own.
    assert config["mining"] == DEFAULTS["mining"]
    check_config(config)


@pytest.mark.parametrize(
    ("compare", "left"),
    [
        ({"tuned": ["base", "words"]}, {"base": ["words"]}),
        ({"tuned": "base", "last": ["mixed", "words"]}, {}),
        (
            {"e5": ["tuned", "base"], "base": "words"},
            {"e5": ["base"], "base": ["words"]},
        ),
        (
            {"tuned": ["base", "words"], "base": ["words", "e5"]},
            {"base": ["words", "e5"]},
        ),
        ({"mixed": ["both", "tuned", "e5", "words"]}, {"both": ["e5", "words"]}),
    ],
)
def test_what_a_trained_system_is_compared_with_is_compared(compare, left):
    """The first of several with the others."""
    evaluate = {"systems": SYSTEMS, "compare": compare}
    config = without_training(configured(evaluate=evaluate))
    assert config["evaluate"]["compare"] == left


def test_further_pairs_of_others_are_kept_once():
    evaluate = {
        "systems": SYSTEMS,
        "compare": {"tuned": ["base", "words"]},
        "compare_further": {"tuned": ["base", "words", "e5"], "e5": "words"},
    }
    left = without_training(configured(evaluate=evaluate))["evaluate"]
    assert left["compare"] == {"base": ["words"]}
    assert left["compare_further"] == {"base": ["e5"], "e5": ["words"]}


def test_requirements_of_others_are_kept():
    both = {"system": "base", "measure": "AP", "over": "words"}
    alone = {"system": "words", "measure": "AP", "at_least": 0.1}
    trained = [both | {"system": "tuned"}, both | {"over": "tuned"}]
    evaluate = {"systems": SYSTEMS, "require": [both, *trained, alone]}
    config = without_training(configured(evaluate=evaluate))
    assert config["evaluate"]["require"] == [both, alone]


def test_where_none_is_left_something_stands_in_its_place():
    spelling = {"queries": 9, "systems": ["tuned"]}
    config = without_training(
        configured(
            evaluate={"systems": SYSTEMS, "spelling": spelling},
            gold={"systems": ["tuned"]},
            report={"systems": ["tuned"]},
        )
    )
    assert config["evaluate"]["spelling"]["queries"] == 0
    assert config["gold"]["systems"] is None
    assert config["report"]["systems"] == ["words"]
