"""What is planned by the heads that the model to tune has, or may have."""

from __future__ import annotations

import pytest

from arkiv.base.errors import InputError
from arkiv.encode.models import HEADS
from arkiv.encode.settings import MODES
from arkiv.settings.config import check_config, completed
from arkiv.settings.heads import base_heads, wants_heads, without_heads
from arkiv.settings.layout import prepared_model

OTHERS = MODES[1:]


@pytest.fixture
def local(tmp_path, monkeypatch):
    """A working directory with models that have heads, none, and one of both."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").write_text('{"query": "q", "pos": ["p"]}\n')
    for name, files in {"headed": HEADS, "bare": (), "half": HEADS[:1]}.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()


def checked(source="hub/model", heads="auto", **more):
    embedder = {"source": source, "heads": heads}
    given = {"models": {"embedder": embedder}, "datasets": {"d": {"pairs": "p"}}}
    return check_config(completed(given | more))


@pytest.mark.parametrize(
    ("source", "heads", "own", "why"),
    [
        ("tiny", "auto", True, None),
        ("BAAI/bge-m3", "auto", True, None),
        ("hub/model", "auto", None, "unknown"),
        ("hub/model", "own", True, None),
        ("headed", "auto", True, None),
        ("headed", "own", True, None),
        ("bare", "auto", False, "lacking"),
        ("headed", "none", True, "none"),
        ("bare", "none", False, "none"),
        ("hub/model", "none", None, "none"),
    ],
)
def test_systems_are_those_that_the_model_can_be(local, source, heads, own, why):
    config = checked(source, heads)
    assert base_heads(config["models"]["embedder"]) is own
    assert without_heads(config) == why
    assert wants_heads(config) == (why is None)
    evaluate = config["evaluate"]
    base = {f"base_{mode}" for mode in OTHERS}
    tuned = {f"tuned_{mode}" for mode in OTHERS}
    gone = {None: set(), "none": base | tuned}.get(why, base)
    left = {"bm25", "base_dense", "tuned_dense"} | (base | tuned) - gone
    assert evaluate["systems"].keys() == left
    named = {*evaluate["compare"], *evaluate["spelling"]["systems"]}
    assert named <= left
    assert evaluate["compare"]["tuned_dense"] == ["base_dense", "bm25"]
    # What the model is not is stood in for by what it is.
    instead = {None: "base_sparse", "none": None}.get(why, ["base_dense"])
    assert evaluate["compare"].get("tuned_sparse") == instead
    assert config["train"]["args"]["unified_finetuning"] == (heads != "none")
    dense = heads == "none"
    assert (config["train"]["evaluation"]["mode"] == "dense") == dense
    # What was checked is checked again where a run is looked at later.
    assert check_config(config) == config


def test_the_base_models_dense_search_stands_in_once_and_where_it_is_there(local):
    both = {"tuned_combined": ["base_combined", "bm25", "base_dense"]}
    compare = checked("bare", evaluate={"compare": both})["evaluate"]["compare"]
    assert compare["tuned_combined"] == ["base_dense", "bm25"]
    fewer = {"systems": {"base_dense": None}, "compare": {"tuned_dense": "bm25"}}
    spelling = {"spelling": {"systems": ["bm25"]}}
    report = {"systems": ["bm25"]}
    config = checked("bare", evaluate=fewer | spelling, report=report)
    assert config["evaluate"]["compare"] == {"tuned_dense": ["bm25"]}


OWN = {"mine": {"type": "m3", "model": "base", "mode": "sparse"}}
FUSED = {"type": "fusion", "systems": ["bm25", "base_sparse"]}
FIRST = {"round_1_sparse": {"type": "m3", "model": "round_1", "mode": "sparse"}}
TUNED = {"mine": {"type": "m3", "model": "tuned", "mode": "combined"}}


@pytest.mark.parametrize(
    ("source", "heads", "more", "said"),
    [
        ("half", "auto", {}, "half: the model directory lacks sparse_linear.pt, but"),
        ("bare", "own", {}, r"`models.embedder.heads`: is own, but bare comes without"),
        (
            "bare",
            "auto",
            {"evaluate": {"systems": OWN}},
            r"`evaluate.systems.mine.mode`: is sparse, but bare comes without",
        ),
        (
            "headed",
            "none",
            {"evaluate": {"systems": TUNED}},
            r"systems.mine.mode`: is combined, but `models.embedder.heads` is none",
        ),
        (
            "hub/model",
            "auto",
            {"evaluate": {"compare": {"tuned_combined": ["bm25", "base_sparse"]}}},
            "names the system base_sparse, but hub/model is not known to have heads; "
            "say `models.embedder.heads: own`",
        ),
        (
            "bare",
            "auto",
            {"report": {"systems": ["base_combined"]}},
            "names the system base_combined, but bare comes without the heads",
        ),
        (
            "bare",
            "auto",
            {"evaluate": {"systems": {"f": FUSED}}},
            "`evaluate.systems.f`: names the system base_sparse, but bare comes",
        ),
        (
            "headed",
            "none",
            {"evaluate": {"systems": FIRST}, "rounds": 2},
            r"systems.round_1_sparse.mode`: is sparse, but `models.embedder.heads` is",
        ),
        (
            "headed",
            "none",
            {"evaluate": {"spelling": {"systems": ["tuned_combined"]}}},
            "`evaluate.spelling.systems`: names tuned_combined alone, but `models.emb",
        ),
        (
            "bare",
            "auto",
            {"train": {"args": {"unified_finetuning": False}}},
            "`train.args.unified_finetuning`: is false, but bare comes without heads",
        ),
        (
            "hub/model",
            "auto",
            {"train": {"args": {"unified_finetuning": False}}},
            "for dense search alone, or `own` if it has them",
        ),
        (
            "headed",
            "none",
            {"train": {"args": {"fix_encoder": True}}},
            "`train.args.fix_encoder`: is true, which leaves nothing to train",
        ),
        (
            "headed",
            "none",
            {"train": {"evaluation": {"mode": "sparse"}}},
            "`train.evaluation.mode`: is sparse, but `models.embedder.heads` is none",
        ),
    ],
)
def test_what_needs_heads_that_are_not_there_is_refused(
    local, source, heads, more, said
):
    with pytest.raises(InputError, match=said):
        checked(source, heads, **more)


@pytest.mark.parametrize("source", ["./away", "~/away", "/no/such/model"])
def test_a_directory_that_is_not_here_is_not_said_to_lack_heads(local, source):
    """Where it is looked for, it is said to be missing; some do without it."""
    dense = {"args": {"unified_finetuning": False}}
    shown = {"systems": ["base_sparse"]}
    config = checked(source, train=dense, report=shown)
    with pytest.raises(InputError, match=f"names {source}, which is not a directory"):
        prepared_model(config, "embedder")


def test_a_system_of_ones_own_has_the_fetch_look_for_heads(local):
    config = checked(evaluate={"systems": OWN})
    assert {"mine", "base_sparse"} <= config["evaluate"]["systems"].keys()
    assert wants_heads(config)
    # Nothing is left out then, nor said to be.
    assert without_heads(config) is None
    assert check_config(config) == config
    # Nor need its heads be trained to be of use.
    dense = {"train": {"args": {"unified_finetuning": False}}}
    assert "mine" in checked(evaluate={"systems": OWN}, **dense)["evaluate"]["systems"]
