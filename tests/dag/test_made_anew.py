"""What a changed setting makes anew, of a run that Snakemake takes for done."""

import json
import random

import pytest
from project import FEWER_COMPARISONS, FEWER_SYSTEMS, Project

TINY = {
    "embedder": {"source": "tiny", "revision": None},
    "reranker": {"source": "tiny", "revision": None},
}
FUSED = {"type": "fusion", "systems": ["bm25", "tuned_dense"], "weights": [0.7, 0.3]}
ALL = ("evaluate", "export", "report")
# What all that is measured ends with.
MEASURED = {"measure_runs": 1, "evaluate": 1}


def configured(
    project,
    *,
    systems=None,
    train=None,
    mining=None,
    embedder=None,
    pairs=None,
    **evaluate,
):
    """The configuration of the run, with systems and settings that differ."""
    return project.configure(
        datasets={"d": {"pairs": "pairs.jsonl"}},
        models={**TINY, "embedder": TINY["embedder"] | (embedder or {})},
        train=train or {},
        mining=mining or {},
        pairs=pairs or {},
        evaluate={
            "systems": {**FEWER_SYSTEMS, "fused": FUSED, **(systems or {})},
            "compare": dict(FEWER_COMPARISONS),
            "spelling": {"queries": 0},
            **evaluate,
        },
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Every result is there, empty, and Snakemake knows with what it was made."""
    project = Project(tmp_path_factory.mktemp("project"))
    row = {"query": "q", "pos": ["p"], "neg": ["n"]}
    (project.folder / "pairs.jsonl").write_text(json.dumps(row) + "\n")
    options = ("--configfile", configured(project))
    project.take_for_done(*ALL, options=options)
    return project


def remade(project, *targets, **changes):
    options = ("--configfile", configured(project, **changes))
    return project.planned(*(targets or ["evaluate"]), *options)


def test_the_depth_makes_every_run_anew_and_nothing_else(project):
    changes = remade(project, depth=500)
    assert (
        changes
        == {
            "retrieve_bm25": 1,
            "retrieve_m3": 3,
            "retrieve_fusion": 1,
        }
        | MEASURED
    )


def test_a_fusion_is_made_anew_where_its_systems_change_places(project):
    swapped = {**FUSED, "systems": FUSED["systems"][::-1]}
    changes = remade(project, systems={"fused": swapped})
    assert changes == {"retrieve_fusion": 1} | MEASURED


def test_token_weights_that_a_new_system_needs_are_made(project):
    # Those of the tuned model are there: its combined scores hold them.
    added = {"base_sparse": {"type": "m3", "model": "base", "mode": "sparse"}}
    changes = remade(project, systems=added)
    assert changes == {"encode_collection": 1, "retrieve_m3": 2} | MEASURED


def test_what_decides_on_the_best_model_trains_anew(project):
    changes = remade(project, train={"evaluation": {"measure": "RR@10"}})
    assert changes["train_model"] == 1


def test_altered_texts_train_anew_and_nothing_before_them(project):
    made = remade(project, train={"augment": {"noise": 0.1}})
    assert (
        made
        == {
            "augment_pairs": 1,
            "split_by_length": 1,
            "train_model": 1,
            "encode_collection": 1,
            "retrieve_m3": 2,
            "retrieve_fusion": 1,
        }
        | MEASURED
    )
    # How much of what is altered does not count where nothing is.
    assert remade(project, train={"augment": {"share": 1}}) == {}


def test_what_is_read_only_where_something_is_on_makes_nothing_anew(project):
    off = {"mask": {"margin": 0.3}, "lora": {"alpha": 8, "targets": ["key"]}}
    assert remade(project, "export", train=off, pairs={"round_trip": {"top": 9}}) == {}
    for on in ({"guide": "base"}, {"near": False}):
        assert remade(project, train={"mask": on})["train_model"] == 1
    made = remade(project, "export", pairs={"round_trip": {"by": "bm25", "top": 9}})
    assert {"filter_pairs", "train_model", "export_model"} <= made.keys()


def test_the_report_is_written_anew_for_what_it_shows(project):
    made = remade(project, "report", mining={"search": "torch"})
    assert "write_report" in made
    assert "train_model" not in made
    off = {"pairs": {"round_trip": {"top": 9}}, "train": {"mask": {"margin": 0.3}}}
    assert remade(project, "report", **off) == {}


def test_how_systems_are_searched_trains_nothing_anew(project):
    assert "train_model" not in remade(project, weights=[1, 1, 1], batch_tokens=4096)


def test_what_searches_makes_nothing_anew(project):
    assert remade(project, mining={"search": "torch"}) == {}
    assert "search_corpus" in remade(project, mining={"window": [2, 300]})


@pytest.mark.parametrize(
    "changed",
    [
        {"pooling": "mean"},
        {"query_prompt": "- {fråga}: "},
        {"passage_prompt": ""},  # given, though nothing: the model's own may be another
    ],
)
def test_how_the_model_reads_makes_all_anew_that_it_encodes(project, changed):
    """And what follows from it: neither pairs, BM25 nor the gold standard."""
    made = remade(project, embedder=changed)
    assert {"split_pairs", "retrieve_bm25", "build_gold", "prepare_model"} & set(
        made
    ) == set()
    assert (
        made
        == {
            "embed_corpus": 1,
            "embed_queries": 1,
            "search_corpus": 1,
            "pick_negatives": 1,
            "score_pairs": 1,
            "split_by_length": 1,
            "train_model": 1,
            "encode_collection": 2,
            "retrieve_m3": 3,
            "retrieve_fusion": 1,
        }
        | MEASURED
    )


# Of each kind that is without effect on what is learnt.
UNSEEN = {
    "logging_steps": 25,
    "logging_first_step": True,
    "save_steps": 50,
    "save_strategy": "epoch",
    "save_total_limit": None,
    "disable_tqdm": False,
    "log_level": "warning",
    "report_to": "tensorboard",
    "run_name": "another {name} $(touch pwned)",
    "dataloader_num_workers": 2,
    "dataloader_pin_memory": False,
}
# The defaults as another hand would write them.
SAME = {
    "train_group_size": 8.0,
    "learning_rate": "1e-5",
    "num_train_epochs": 2.0,
    "warmup_ratio": "0.1",
    "knowledge_distillation": "true",
    "fix_encoder": 0,
    "kd_loss_type": "m3_kd_loss",
    "bf16": None,
}


@pytest.mark.parametrize("seed", range(4))
def test_arguments_that_teach_nothing_else_make_nothing_anew(project, seed):
    draw = random.Random(seed)
    args = SAME | dict(draw.sample(sorted(UNSEEN.items()), 4))
    # Snakemake puts what a file adds behind the defaults, in the order of the file.
    path = configured(project)
    text = path.read_text(encoding="utf-8")
    lines = draw.sample(
        [f"{name}: {json.dumps(args[name])}" for name in args], len(args)
    )
    assert "train: {}\n" in text
    given = f"train:\n  args: {{{', '.join(lines)}}}\n"
    path.write_text(text.replace("train: {}\n", given), encoding="utf-8")
    assert project.planned(*ALL, "--configfile", path) == {}


def test_each_argument_without_effect_makes_nothing_anew(project):
    assert remade(project, *ALL, train={"args": UNSEEN}) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 2e-5),
        ("num_train_epochs", 2.5),
        ("dataloader_drop_last", "false"),
        ("weight_decay", 0.01),
        ("warmup_steps", 10),
        ("gradient_checkpointing", False),
    ],
)
def test_an_argument_that_matters_trains_anew(project, name, value):
    args = {name: value} | ({"warmup_ratio": None} if name == "warmup_steps" else {})
    assert remade(project, "train", train={"args": args}) == {
        "train_model": 1,
        "train": 1,
    }


def test_a_ratio_is_steps_below_one_and_trains_nothing_anew(project):
    args = {"warmup_ratio": None, "warmup_steps": 0.1}
    assert remade(project, *ALL, train={"args": args}) == {}


def test_a_number_is_the_same_with_a_point_and_without(project):
    mining = {"negatives_per_query": 7.0, "bm25_share": 0.0, "window": [2.0, 200]}
    assert remade(project, *ALL, mining=mining, weights=[1, 0.3, 1]) == {}
