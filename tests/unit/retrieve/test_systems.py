"""Which systems can be, and what is said of those that cannot."""

import pytest
import yaml
from project import ROOT

from arkiv.base.declared import settings_of
from arkiv.base.errors import InputError
from arkiv.retrieve.settings import System
from arkiv.retrieve.systems import TYPES, system_of, systems_of, with_those_below
from arkiv.settings.config import check_config

DEFAULTS = yaml.safe_load((ROOT / "config/config.yaml").read_text())


def check(**systems):
    evaluate = DEFAULTS["evaluate"]
    evaluate = evaluate | {"systems": evaluate["systems"] | systems}
    datasets = {"d": {"example": {"cases": 9, "volumes": 3}}}
    check_config(DEFAULTS | {"datasets": datasets, "evaluate": evaluate})


FUSION = {"type": "fusion", "systems": ["bm25", "base_dense"]}


def test_every_type_with_all_that_it_may_have():
    check(
        words={
            "type": "bm25",
            "tokens": "words",
            "stemming": "swedish",
            "k1": 1.2,
            "b": 0,
        },
        e5={
            "type": "embedder",
            "source": "some/model",
            "revision": "abc",
            "pooling": "mean",
            "query_prompt": "query: ",
            "passage_prompt": "",
            "similarity": "dot",
        },
        same={"type": "embedder", "model": "tuned"},
        characters={"type": "bm25", "tokens": "characters", "length": 3},
        rrf=FUSION | {"k": 10, "weights": [1, 0.5]},
        mean=FUSION | {"method": "weighted", "weights": [1, 0]},
        reranked={"type": "reranker", "system": "rrf", "depth": 50},
        twice={"type": "reranker", "system": "reranked", "source": "tiny"},
        all_of_them={"type": "fusion", "systems": ["twice", "e5", "words"]},
    )


def test_the_keys_that_types_take_are_declared():
    known = settings_of(System)
    assert set(known["type"].rule.choices) == set(TYPES)
    taken = {key for kind in TYPES.values() for key in kind.takes()}
    assert set(known) == taken | {"type"}


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ({"type": "m3", "model": "base"}, "x.mode`: is missing, a system of type m3"),
        (
            {"type": "bm25", "depth": 3},
            "x.depth`: is not for a system of type bm25, which takes tokens, stemming",
        ),
        ({"type": "bm25", "stemming": "swedish"}, "x.stemming`: is for words; set"),
        (
            {"type": "bm25", "tokens": "words", "length": 4},
            "x.length`: is of runs of characters; set `tokens: characters`",
        ),
        ({"type": "colbert"}, "x.type`: is 'colbert', expected one of bm25, embedder"),
        (
            FUSION | {"systems": ["bm25", "y"]},
            "x.systems`: names the system y, which evaluate.systems lacks",
        ),
        (FUSION | {"systems": ["bm25"]}, "x.systems`: .* expected at least 2 values"),
        (FUSION | {"weights": [1]}, "x.weights`: has 1 numbers for 2 systems"),
        (FUSION | {"weights": [0, 0]}, "x.weights`: is all 0"),
        (FUSION | {"method": "weighted", "k": 3}, "x.k`: is for the method"),
        (
            {"type": "reranker", "system": "y"},
            "x.system`: names the system y, which evaluate.systems lacks",
        ),
        (
            {"type": "reranker", "system": "bm25", "depth": 2000},
            r"x.depth`: is 2000, more than evaluate.depth \(1000\)",
        ),
        ({"type": "reranker", "system": "x"}, "x`: builds on itself: x -> x"),
        (
            {"type": "m3", "model": "round_3", "mode": "dense"},
            "x.model`: is round_3, but `rounds` is 1",
        ),
        ({"type": "embedder"}, "x.source`: is missing, expected it or the `model` of"),
        (
            {"type": "embedder", "model": "base", "source": "some/model"},
            "x.source`: is another model than `model`, expected one of both",
        ),
        (
            {"type": "embedder", "model": "base", "query_prompt": ""},
            "x.query_prompt`: is given, but the model of the run is read by models.emb",
        ),
        ({"type": "embedder", "model": "round_2"}, "x.model`: is round_2, but `rounds"),
        ({"type": "embedder", "model": "teacher"}, "x.model`: is 'teacher', expected"),
    ],
)
def test_what_cannot_be_is_one_sentence(system, said):
    with pytest.raises(InputError, match=rf"^`evaluate\.systems\.{said}"):
        check(x=system)


def test_a_circle_is_named():
    with pytest.raises(InputError, match="builds on itself: a -> b -> c -> a"):
        check(
            a={"type": "fusion", "systems": ["bm25", "b"]},
            b={"type": "reranker", "system": "c"},
            c={"type": "fusion", "systems": ["a", "bm25"]},
        )


def test_what_a_system_reads():
    reranker = {"type": "reranker", "system": "bm25"}
    assert system_of(FUSION).builds_on == ["bm25", "base_dense"]
    assert system_of(reranker).builds_on == ["bm25"]
    assert system_of({"type": "bm25"}).builds_on == []


def test_what_systems_build_on_comes_with_them_once():
    systems = systems_of(
        {
            "a": {"type": "bm25"},
            "b": {"type": "m3", "model": "base", "mode": "dense"},
            "c": {"type": "bm25"},
            "both": {"type": "fusion", "systems": ["a", "b"]},
            "first": {"type": "reranker", "system": "both"},
            "again": {"type": "fusion", "systems": ["both", "first"]},
        }
    )
    assert with_those_below(systems, ["c"]) == ["c"]
    assert with_those_below(systems, []) == []
    found = with_those_below(systems, ["again", "a"])
    assert sorted(found) == ["a", "again", "b", "both", "first"]
