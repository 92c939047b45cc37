"""The library behind training: arguments, batches, the sparse head, the checks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from arkiv.base.errors import InputError
from arkiv.base.files import read_json
from arkiv.train import arguments as args
from arkiv.train import batch_plan, guards, launch, shards, worker
from arkiv.train.given import checked
from arkiv.train.settings import ARGUMENTS

CPU, GPU = args.Hardware(), args.Hardware(gpus=2, bf16=True)


def row(**more: object) -> dict:
    return {"query": "q", "pos": ["p"], "neg": ["n", "m"]} | more


def write(path, rows) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return str(path)


# Arguments.


def test_lengths_are_numbers_before_training(tiny_embedder):
    given = args.with_lengths(checked({"query_max_len": None}), tiny_embedder, 300)
    assert given == {"query_max_len": 300, "passage_max_len": 300}
    with pytest.raises(InputError, match="is 'all'") as caught:
        checked({"passage_max_len": "all"})
    assert caught.value.key == "train.args.passage_max_len"
    # 256 tokens would be few of a passage, where null is what the model takes.
    assert checked({"query_max_len": "auto"}) == {"query_max_len": "auto"}
    with pytest.raises(InputError, match="is 'auto', expected a whole number or noth"):
        checked({"passage_max_len": "auto"})


def test_the_command_line_is_what_hugging_faces_parser_reads():
    given = {"fp16": True, "betas": [1, 2.5], "a": None, "b": [], "deepspeed": {"x": 1}}
    assert args.to_command_line(given) == [
        *("--fp16", "True", "--betas", "1", "2.5", "--deepspeed", '{"x": 1}')
    ]
    words = args.to_command_line(
        {
            "model_name_or_path": "m",
            "output_dir": "o",
            "unified_finetuning": True,
            "gradient_checkpointing": False,
            "learning_rate": 1e-05,
        }
    )
    values = args.parsed(words)
    assert values.unified_finetuning is True
    assert values.gradient_checkpointing is False
    assert values.learning_rate == 1e-5


def test_a_text_that_looks_like_an_argument_is_read_as_it_is():
    given = {"run_name": "--x {y}", "optim_args": "-a=1", "output_dir": "-o"}
    words = args.to_command_line({"model_name_or_path": "-1", **given})
    values = vars(args.parsed(words))
    assert values["model_name_or_path"] == "-1"
    assert given == {name: values[name] for name in given}


def test_a_value_of_the_wrong_kind_is_one_sentence():
    words = args.to_command_line({"model_name_or_path": "m", "train_group_size": "x"})
    with pytest.raises(InputError, match=r"train_group_size.*'x'") as caught:
        args.parsed(words)
    assert caught.value.key == "train.args"


def test_lengths_are_held_against_the_model(tiny_embedder, tmp_path):
    def check(longest: int | None, settings: str, takes: int = 8192) -> list[int]:
        (model / "config.json").write_text(settings, encoding="utf-8")
        given = {"query_max_len": 32, "passage_max_len": longest, "max_steps": 1}
        found = args.with_lengths(given, model, takes)
        assert found.keys() == given.keys()
        return [found["query_max_len"], found["passage_max_len"]]

    model = tmp_path / "model"
    shutil.copytree(tiny_embedder, model)
    settings = read_json(model / "config.json")
    assert check(8192, json.dumps(settings)) == [32, 8192]
    assert check(None, json.dumps(settings), takes=256) == [32, 256]
    assert check(300, json.dumps(settings), takes=256) == [32, 300]
    with pytest.raises(InputError, match="takes 8192 tokens") as caught:
        check(8193, json.dumps(settings))
    assert caught.value.key == "train.args.passage_max_len"
    # Transformers then builds one of 512 positions.
    del settings["max_position_embeddings"]
    with pytest.raises(InputError, match="takes 510 tokens"):
        check(8192, json.dumps(settings))
    assert check(None, json.dumps(settings)) == [32, 510]
    for damaged in ("", "[]", "{"):
        with pytest.raises(InputError, match="cannot be loaded"):
            check(8, damaged)


def test_the_default_arguments_are_what_hugging_faces_parser_reads(tiny_embedder):
    """Which takes neither `auto` nor null for lengths."""
    given = args.with_lengths(checked(ARGUMENTS), tiny_embedder, 128)
    chosen = args.with_defaults(given, CPU, 2)
    own = {"model_name_or_path": "m", "output_dir": "o"}
    values = args.parsed(args.to_command_line(own | chosen))
    assert float(values.warmup_steps) == 0.1
    assert values.kd_loss_type == "m3_kd_loss"
    assert (values.query_max_len, values.passage_max_len) == (128, 128)


def test_hardware_decides_device_and_precision_unless_given():
    on_cpu = args.with_defaults({"fp16": True, "tf32": True}, CPU, 2)
    assert on_cpu["use_cpu"] is True
    assert on_cpu["ddp_backend"] == "gloo"
    assert not {"fp16", "bf16", "tf32"} & on_cpu.keys()
    assert args.with_defaults({}, GPU, 2)["bf16"] is True
    assert args.with_defaults({}, args.Hardware(1), 1)["fp16"] is True
    given = args.with_defaults({"bf16": False}, GPU, 2)
    assert given["bf16"] is False
    assert not {"fp16", "use_cpu"} & given.keys()
    for chosen in (on_cpu, given):
        assert chosen["report_to"] == "none"
        assert chosen["disable_tqdm"] is True


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_the_deepspeed_configurations_are_taken(monkeypatch, stage):
    folder = launch.Path(__file__).parents[3] / "config" / "deepspeed"
    path = folder / f"stage{stage}.json"
    monkeypatch.setattr(args.importlib.util, "find_spec", lambda name: object())
    assert args.with_defaults({"deepspeed": str(path)}, GPU, 2)["bf16"] is True
    settings = json.loads(path.read_text())
    assert settings["zero_optimization"]["stage"] == stage
    # What TrainingArguments decide, deepspeed takes from them.
    for name in ("bf16", "fp16"):
        assert settings[name]["enabled"] == "auto"


def test_processes():
    assert args.process_count("auto", CPU) == 1
    assert args.process_count("auto", GPU) == 2
    assert args.process_count(3, CPU) == 3
    with pytest.raises(InputError, match=r"there are 2 GPUs.*ddp_backend: gloo"):
        args.process_count(3, GPU)
    assert args.process_count(3, GPU, "gloo") == 3


def test_processes_that_share_a_gpu_leave_the_model_where_it_is(monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    for gpus, told in ((0, None), (2, None), (1, "true")):
        monkeypatch.setattr("torch.cuda.device_count", lambda gpus=gpus: gpus)
        with monkeypatch.context() as patch:
            patch.setenv("ACCELERATE_BYPASS_DEVICE_MAP", "")
            patch.delenv("ACCELERATE_BYPASS_DEVICE_MAP")
            worker.share_gpus()
            assert os.environ.get("ACCELERATE_BYPASS_DEVICE_MAP") == told


def test_gpus_that_were_given_and_are_not_there_stop_a_run(monkeypatch):
    for given, count in (("", 0), ("-1", 0), ("0,1,2,3", 4), ("GPU-5a,MIG-7b", 2)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        assert args.Hardware.here().promised == count
    given = args.Hardware(gpus=2, promised=4)
    with pytest.raises(InputError, match="torch sees 2 of the 4 GPUs given"):
        args.process_count("auto", given)
    assert args.process_count(2, given) == 2
    assert args.process_count("auto", args.Hardware(gpus=2, promised=2)) == 2


# Shards and batches.


def test_shards_are_in_order_of_their_names(tmp_path):
    given = [f"{tmp_path}/z/a.jsonl", f"{tmp_path}/a/c.jsonl", f"{tmp_path}/b.jsonl"]
    names = [launch.Path(path).name for path in shards.in_order(given)]
    assert names == ["a.jsonl", "b.jsonl", "c.jsonl"]
    with pytest.raises(InputError, match="has the file name of"):
        shards.in_order(["x/a.jsonl", "y/a.jsonl"])
    with pytest.raises(InputError, match="would not be read"):
        shards.in_order(["a.txt"])


@pytest.mark.parametrize(
    ("bad", "key"),
    [
        ({"query": "q", "pos": ["p"]}, "neg"),
        (row(neg=[]), "neg"),
        (row(pos=[]), "pos"),
        (row(query=3), "query"),
        (row(), "pos_scores"),
        (row(pos_scores=[1.0]), "neg_scores"),
        (row(pos_scores=[1.0], neg_scores=[1.0]), "neg_scores"),
        (row(pos_scores=[1.0], neg_scores=["1", 2]), "neg_scores"),
    ],
)
def test_a_row_that_cannot_be_trained_on_is_named(tmp_path, bad, key):
    good = row(pos_scores=[1.0], neg_scores=[0.5, 0])
    path = write(tmp_path / "a.jsonl", [good, bad])
    with pytest.raises(InputError) as caught:
        shards.count_rows([path], distill=True, group_size=3)
    assert (caught.value.file, caught.value.line) == (path, 2)
    assert caught.value.key == key


def test_scores_are_needed_for_distillation_only_and_empty_shards_fall_out(tmp_path):
    full = write(tmp_path / "a.jsonl", [row()])
    empty = write(tmp_path / "b.jsonl", [])
    counted = shards.count_rows([full, empty], distill=False, group_size=3)
    assert counted == {full: shards.Shard(1)}
    with pytest.raises(InputError, match="all empty"):
        shards.count_rows([empty], distill=False, group_size=3)


def test_rows_without_negatives_train_in_groups_of_one(tmp_path):
    from arkiv.train.upstream import MixedDataset

    rows = [row(query=str(n), neg=[]) for n in range(4)]
    del rows[1]["neg"]
    path = write(tmp_path / "a.jsonl", rows)
    counted = shards.count_rows([path], distill=False, group_size=1)
    assert counted == {path: shards.Shard(4)}
    with pytest.raises(InputError, match="`neg`"):
        shards.count_rows([path], distill=False, group_size=2)
    given = data_arguments([path], tmp_path, train_group_size=1)
    mixed = MixedDataset(args=given, tokenizer=None)
    assert [mixed[n] for n in range(4)] == [(str(n), ["p"], None) for n in range(4)]
    [same] = ranks([path], tmp_path, batch_size=4, world_size=1, train_group_size=1)
    queries, passages, scores, plain = same[0]
    assert sorted(queries) == list("0123")
    assert (passages, scores, plain) == (["p"] * 4, None, False)


def data_arguments(paths, tmp_path, **more):
    _, kind, _ = args.argument_classes()
    given = {
        "train_data": paths,
        "cache_path": str(tmp_path / "cache"),
        "train_group_size": 3,
        "query_instruction_for_retrieval": "",
    }
    return kind(**given | more)


def ranks(paths, tmp_path, *, batch_size, world_size, weights=None, **more):
    """The dataset of each process."""
    from arkiv.train.upstream import SameShardDataset

    given = data_arguments(paths, tmp_path, **more)
    return [
        SameShardDataset(
            args=given,
            default_batch_size=batch_size,
            seed=1,
            weights=weights,
            tokenizer=None,
            process_index=rank,
            num_processes=world_size,
        )
        for rank in range(world_size)
    ]


# Rows of each bucket by its lower edge, by dataset.
COUNTS = {"a": {0: 13, 500: 3, 1000: 8}, "b_x": {0: 7}, "c": {0: 1, 1000: 1}}


@pytest.fixture(scope="module")
def buckets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("buckets")
    return [
        write(
            folder / f"{name}_len-{low}-{low + 500}.jsonl",
            [row(query=f"{name} {low} {i}") for i in range(count)],
        )
        for name, lows in COUNTS.items()
        for low, count in lows.items()
    ]


@pytest.mark.parametrize("batch_size", [1, 2, 3])
@pytest.mark.parametrize("world_size", [1, 2])
def test_batches_are_made_as_they_are_counted(
    buckets, tmp_path, batch_size, world_size
):
    counted = shards.count_rows(buckets, distill=False, group_size=3)
    sizes = {"batch_size": batch_size, "world_size": world_size}
    plan = batch_plan.plan_batches(counted, **sizes)
    made = ranks(buckets, tmp_path, **sizes)
    assert plan.batches == len(made[0].batch_datas)
    assert len(made[0]) == plan.batches * world_size
    for epoch in range(3):
        for data in made:
            data.begin_epoch(epoch)
        assert len({guards.digest_of_batches(data) for data in made}) == 1
        seen = []
        for step in range(plan.batches):
            shares = [
                data[step * world_size + rank][0] for rank, data in enumerate(made)
            ]
            assert {len(share) for share in shares} == {batch_size}
            batch = [query.split() for share in shares for query in share]
            assert len({name for name, _, _ in batch}) == 1  # of one dataset
            seen += batch
        assert len(seen) == len(set(map(tuple, seen))) == plan.rows_used
        for name, lows in COUNTS.items():
            used = sum(one[0] == name for one in seen)
            assert used + plan.left_out[name] == sum(lows.values())
            assert plan.left_out[name] < batch_size * world_size
    before = guards.digest_of_batches(made[0])
    made[0].begin_epoch(0)
    assert guards.digest_of_batches(made[0]) != before
    made[0].begin_epoch(2)
    assert guards.digest_of_batches(made[0]) == before


def test_rows_are_passed_on_to_the_next_longer_bucket_only(buckets):
    # By name 1000 stands before 500.
    assert shards.datasets_of(sorted(buckets))["a"] == buckets[:3]
    given = {path: shards.Shard(n) for path, n in zip(buckets, (5, 4, 4), strict=False)}
    plan = batch_plan.plan_batches(given, batch_size=2, world_size=2)
    # 5 = 4 + 1; 1 + 4 = 4 + 1; 1 + 4 = 4 + 1.
    assert [bucket.passed_on for bucket in plan.buckets.values()] == [1, 1, 1]
    assert plan.left_out == {"a": 1}
    groups = np.arange(13)
    owner = np.repeat([0, 1, 2], [5, 4, 4])
    for epoch in range(20):
        batches = batch_plan.epoch_batches(
            plan.buckets, groups, world_size=2, seed=3, epoch=epoch
        )
        assert len(batches) == 3
        for path, rows in batches:
            place = buckets.index(path)
            found = owner[rows]
            assert set(found) <= {place, place - 1}
            # What was passed on is used before the bucket's own.
            assert (found < place).sum() == (place > 0)


def test_random_plans_keep_every_promise():
    draw = np.random.default_rng(0)
    for trial in range(200):
        names = [
            f"d{d}_len-{low}-{low + 9}.jsonl"
            for d in range(draw.integers(1, 4))
            for low in draw.permutation(40)[: draw.integers(1, 5)]
        ]
        # A budget of tokens gives longer buckets smaller batches.
        sized = draw.random() < 0.5
        given = {
            name: shards.Shard(
                int(draw.integers(1, 60)),
                1 + 100 // (9 + int(name.split("-")[1]) * 2) if sized else None,
            )
            for name in names
        }
        total = sum(shard.rows for shard in given.values())
        copies = int(draw.integers(1, 4))
        groups = np.arange(total) // copies
        owner = np.repeat(np.arange(len(names)), [s.rows for s in given.values()])
        for world_size in (1, 2, 4):
            sizes = {"batch_size": int(draw.integers(1, 5)), "world_size": world_size}
            try:
                plan = batch_plan.plan_batches(given, **sizes)
            except InputError:
                most = max(
                    sum(given[name].rows for name in some)
                    for some in shards.datasets_of(names).values()
                )
                assert most < world_size * (1 if sized else sizes["batch_size"])
                continue
            seed, epoch = trial, int(draw.integers(3))
            how = {"world_size": world_size, "seed": seed, "epoch": epoch}
            batches = batch_plan.epoch_batches(plan.buckets, groups, **how)
            again = batch_plan.epoch_batches(plan.buckets, groups, **how)
            assert [rows.tolist() for _, rows in batches] == [
                rows.tolist() for _, rows in again
            ]
            seen = np.concatenate([rows for _, rows in batches])
            assert len(seen) == len(set(seen.tolist())) == plan.rows_used
            assert plan.rows_used + sum(plan.left_out.values()) == total
            for name, some in shards.datasets_of(names).items():
                longest = plan.buckets[some[-1]]
                assert plan.left_out[name] == longest.passed_on
                assert longest.passed_on < longest.batch_size * world_size
            for path, rows in batches:
                bucket = plan.buckets[path]
                assert len(rows) == bucket.batch_size * world_size
                if sized:
                    assert bucket.batch_size <= given[path].batch_size
                # No longer row is in a batch of shorter ones.
                lows = [int(names[o].split("-")[1]) for o in owner[rows]]
                assert max(lows) <= int(path.split("-")[1])
                if bucket.batches >= copies * len(plan.buckets):
                    assert len(set(groups[rows].tolist())) == len(rows)


@pytest.mark.parametrize("weight", [0.1, 0.3, 0.5, 1, 1.7, 2, 3.25])
def test_a_weight_takes_rows_evenly(weight):
    rows, epochs = 37, 40
    count = shards.Shard(rows, weight=weight).drawn
    assert count == round(rows * weight)
    taken = np.zeros(rows, int)
    for epoch in range(epochs):
        drawn = batch_plan.drawn_rows(rows, count, seed=1, name=2, epoch=epoch)
        assert len(drawn) == count
        taken += np.bincount(drawn, minlength=rows)
        # However many epochs: none has come twice more often than another.
        assert taken.max() - taken.min() <= 1
        assert np.bincount(drawn).max() <= np.ceil(weight) + (weight % 1 > 0)
    assert taken.sum() == epochs * count
    # Without a weight an epoch is one time through, in another order each time.
    first, second = (
        batch_plan.drawn_rows(rows, rows, seed=1, name=2, epoch=epoch)
        for epoch in (0, 1)
    )
    assert sorted(first) == sorted(second) == list(range(rows))
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("world_size", [1, 2])
def test_datasets_are_mixed_by_their_weights(buckets, tmp_path, world_size):
    weights = {"a": 2.5, "b_x": 0.5}
    counted = shards.count_rows(buckets, distill=False, group_size=3)
    sizes = {"batch_size": 2, "world_size": world_size}
    plan = batch_plan.plan_batches(shards.weighted(counted, buckets, weights), **sizes)
    made = ranks(buckets, tmp_path, **sizes, weights=weights)
    assert plan.batches == len(made[0].batch_datas)
    for epoch in range(2):
        seen = []
        for data in made:
            data.begin_epoch(epoch)
        for rows, plain in made[0].batch_datas:
            queries = [made[0].dataset[int(row)]["query"] for row in rows]
            seen += queries
            # A row that is there twice must not be its own in-batch negative.
            assert plain or len(set(queries)) == len(queries)
        assert len(seen) == plan.rows_used
        for name, lows in COUNTS.items():
            drawn = sum(max(1, round(n * weights.get(name, 1))) for n in lows.values())
            used = sum(query.split()[0] == name for query in seen)
            assert used + plan.left_out[name] == drawn


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"z": 2}, "names z, expected one of a, b_x, c"),
        ({"a": 0}, "is 0 for a, expected"),
    ],
)
def test_weights_are_of_datasets_that_are_there(buckets, weights, said):
    with pytest.raises(InputError, match=said):
        shards.weighted({}, buckets, weights)


def test_a_column_batch_size_holds_for_its_shard_alone(tmp_path):
    paths = [
        write(
            tmp_path / f"a_len-{low}-{low + 5}.jsonl",
            [row(query=f"{low} {i}", **more) for i in range(count)],
        )
        for low, count, more in (
            (0, 11, {"batch_size": 4}),
            (5, 5, {}),
            (10, 3, {"batch_size": 50}),
        )
    ]
    counted = shards.count_rows(paths, distill=False, group_size=3)
    assert [shard.batch_size for shard in counted.values()] == [4, None, 50]
    plan = batch_plan.plan_batches(counted, batch_size=1, world_size=2)
    # 11 = 8 + 3; 3 + 5 = 4 x 2 + 0; 3 = 2 + 1, for 50 x 2 would leave all of them out.
    assert [(b.batches, b.batch_size, b.passed_on) for b in plan.buckets.values()] == [
        *((1, 4, 3), (4, 1, 0), (1, 1, 1))
    ]
    first = {"rows": 11, "drawn": 11, "batch_size": 4, "batches": 1, "passed_on": 3}
    assert plan.told()["buckets"]["a_len-0-5.jsonl"] == first
    made = ranks(paths, tmp_path, batch_size=1, world_size=2)
    shares = [len(made[0][2 * step][0]) for step in range(6)]
    assert sorted(shares) == [1, 1, 1, 1, 1, 4]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [([3, 4], "is 4, but the row before"), ([None, 2], "is 2"), ([0, 0], "is 0, exp")],
)
def test_a_shard_has_one_batch_size(tmp_path, sizes, said):
    rows = [row() if n is None else row(batch_size=n) for n in sizes]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(InputError, match=said) as caught:
        shards.count_rows([path], distill=False, group_size=3)
    assert (caught.value.key, caught.value.file) == ("batch_size", path)


def test_a_batch_holds_what_flagembedding_makes_of_its_rows(tmp_path):
    import random

    from FlagEmbedding.abc.finetune.embedder import AbsEmbedderSameDatasetTrainDataset

    draw = random.Random(7)
    rows = []
    for n in range(17):
        pos, neg = draw.randint(1, 3), draw.randint(1, 6)
        rows.append(
            {
                "query": f"q{n}",
                "pos": [f"p{n} {k}" for k in range(pos)],
                "neg": [f"n{n} {k}" for k in range(neg)],
                "pos_scores": [draw.gauss(3, 1) for _ in range(pos)],
                "neg_scores": [draw.gauss(0, 1) for _ in range(neg)],
                "batch_size": 3,
            }
        )
    paths = [write(tmp_path / "a.jsonl", rows)]
    more = {"knowledge_distillation": True, "train_group_size": 4}
    ours = ranks(paths, tmp_path, batch_size=2, world_size=2, **more)
    for rank, data in enumerate(ours):
        theirs = AbsEmbedderSameDatasetTrainDataset(
            args=data.args,
            default_batch_size=2,
            seed=1,
            tokenizer=None,
            process_index=rank,
            num_processes=2,
        )
        assert len(theirs.batch_datas) == len(data.batch_datas) == 2
        theirs.batch_datas = data.batch_datas
        for step in range(2):
            index = 2 * step + rank
            random.seed(f"{data.draw_seed} 0 {index}")
            wanted = theirs[index]
            assert data[index] == wanted
            queries, passages, scores, plain = wanted
            assert (len(queries), len(passages), len(scores)) == (3, 12, 12)
            assert plain is False


def test_examples_of_one_query_are_kept_apart(tmp_path):
    # Ten queries with two positives: in two batches none need be beside its other.
    rows = [row(query=str(i % 10), pos=[f"p{i}"]) for i in range(20)]
    paths = [write(tmp_path / "a.jsonl", rows)]
    for data in ranks(paths, tmp_path, batch_size=5, world_size=2):
        for epoch in range(5):
            data.begin_epoch(epoch)
            for step, (batch, plain) in enumerate(data.batch_datas):
                queries = [rows[n]["query"] for n in batch]
                assert len(set(queries)) == 10
                assert not plain
                assert data[2 * step + data.process_index][3] is plain
    # In one batch they are, which then has no in-batch negatives.
    [data] = ranks(paths, tmp_path, batch_size=20, world_size=1)
    [(batch, plain)] = data.batch_datas
    assert (len(batch), plain) == (20, True)


def test_an_item_depends_on_seed_epoch_and_index_alone(tmp_path):
    from arkiv.train.upstream import MixedDataset, SameShardDataset

    rows = [
        row(query=str(i), pos=["p", "q", "r"], neg=[f"n{k}" for k in range(9)])
        for i in range(12)
    ]
    _, data_kind, _ = args.argument_classes()
    given = data_kind(
        train_data=[write(tmp_path / "a.jsonl", rows)],
        cache_path=str(tmp_path / "cache"),
        train_group_size=3,
        query_instruction_for_retrieval="",
    )

    def make(kind, seed=1):
        more = {"default_batch_size": 2, "seed": 1} if kind is SameShardDataset else {}
        data = kind(args=given, tokenizer=None, **more)
        data.draw_seed = seed
        return data

    for kind in (MixedDataset, SameShardDataset):
        one, other = make(kind), make(kind)
        in_order = [one[i] for i in range(6)]
        assert [other[i] for i in reversed(range(6))] == in_order[::-1]
        for data in (one, other):
            data.begin_epoch(2)
        later = make(kind)
        later.begin_epoch(1)
        later.begin_epoch(2)
        assert one[4] == other[4] == later[4]
        assert [one[i] for i in range(6)] != in_order
        assert [make(kind, seed=2)[i] for i in range(6)] != in_order
    data = make(SameShardDataset)
    data.num_processes = 2
    with pytest.raises(RuntimeError, match="process 0 was given item 1"):
        data[1]


def test_only_the_columns_of_training_reach_flagembedding(tmp_path):
    from arkiv.train.upstream import MixedDataset, SameShardDataset

    odd = row(batch_size=7, type="symmetric", pos_scores=[1], neg_scores=[0, 1])
    path = write(tmp_path / "a.jsonl", [odd] * 7)
    for distill in (False, True):
        cache = str(tmp_path / str(distill))
        given = data_arguments(
            [path], tmp_path, cache_path=cache, knowledge_distillation=distill
        )
        mixed = MixedDataset(args=given, tokenizer=None)
        same = SameShardDataset(
            args=given, default_batch_size=2, seed=1, tokenizer=None
        )
        scores = ["pos_scores", "neg_scores"] if distill else []
        columns = ["query", "pos", "neg", *scores]
        assert mixed.dataset.column_names == columns
        assert same.dataset.column_names == [*columns, "batch_size"]
        assert same.dataset.features["batch_size"].dtype == "int32"


def test_mixed_batches_leave_out_only_the_last():
    rows = {"a": shards.Shard(5), "b": shards.Shard(6, 2)}
    plan = batch_plan.plan_batches(rows, batch_size=2, world_size=2, same_dataset=False)
    assert (plan.batches, plan.rows_used) == (2, 8)
    plan = batch_plan.plan_batches(
        rows, batch_size=2, world_size=2, same_dataset=False, drop_last=False
    )
    assert (plan.batches, plan.rows_used) == (3, 11)


def test_no_batch_at_all_says_what_to_lower():
    given = {"a": shards.Shard(3), "b": shards.Shard(2)}
    with pytest.raises(InputError) as caught:
        batch_plan.plan_batches(given, batch_size=2, world_size=2)
    assert str(caught.value) == (
        "`train.args.per_device_train_batch_size`: is 2, which gives no batch: the "
        "largest dataset has 3 rows, and a batch on 2 processes takes 4; lower it or "
        "`train.processes`"
    )


# Starting and watching.


def test_the_environment_is_offline_and_without_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    env = launch.environment(2, tmp_path)
    assert env["OMP_NUM_THREADS"] == "2"
    assert launch.environment(8, tmp_path)["OMP_NUM_THREADS"] == "1"
    assert env["HF_HUB_OFFLINE"] == env["TRANSFORMERS_OFFLINE"] == "1"
    assert env["HF_DATASETS_CACHE"].startswith(str(tmp_path))
    assert env["TOKENIZERS_PARALLELISM"] == "false"
    assert "secret" not in env.values()
    assert not {"NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"} & env.keys()
    env = launch.environment(2, tmp_path, "ib0")
    assert env["NCCL_SOCKET_IFNAME"] == env["GLOO_SOCKET_IFNAME"] == "ib0"


def test_several_nodes_are_srun_s_in_a_job_and_refused_elsewhere(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    one = launch.node_command(["--a", "1"], processes=2, interface="ib0")
    assert one[0] == sys.executable
    assert one[-3:] == ["--", "--a", "1"]
    with pytest.raises(InputError, match="this is no SLURM job") as caught:
        launch.node_command([], processes=2, nodes=2)
    assert caught.value.key == "train.nodes"
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setattr(launch.shutil, "which", lambda name: f"/usr/bin/{name}")
    several = launch.node_command(["--a", "1"], processes=2, nodes=3)
    assert several[0] == "srun"
    for flag, value in (("--ntasks", "3"), ("--run-id", "17"), ("--nodes", "3")):
        assert several[several.index(flag) + 1] == value


def test_our_modules_are_found_where_no_search_path_can_name_them(tmp_path):
    """In a directory with a colon; and no module of a library's name is ours."""
    train = tmp_path / "it's a:project (1)/scripts/arkiv/train"
    train.mkdir(parents=True)
    (train / "start.py").write_bytes(Path(launch.START).read_bytes())
    (train / "rows.py").touch()
    (train / "worker.py").write_text(
        "import sys, arkiv.train.rows\n"
        "print(__name__, arkiv.train.__path__[0], *sys.argv[1:], sys.path[0])\n"
        "import rows"
    )
    words = [sys.executable, train / "start.py", "arkiv.train.worker", "--a", "1"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    scripts = train.parents[1]
    assert done.stdout == f"__main__ {train} --a 1 {scripts}\n"
    assert "No module named 'rows'" in done.stderr


def test_the_command_knows_one_node_and_several():
    one = launch.torchrun_command(["--a", "1"], processes=2)
    assert one[0] == sys.executable
    assert "--standalone" in one
    # Else torchrun asks the name service for this machine, perhaps for minutes.
    assert one[one.index("--local-addr") + 1] == "localhost"
    assert one[-3:] == ["arkiv.train.worker", "--a", "1"]
    several = launch.torchrun_command(
        [], processes=2, nodes=3, rank=1, endpoint="head:29500"
    )
    assert "--standalone" not in several
    assert several[several.index("--nnodes") + 1] == "3"
    assert several[several.index("--rdzv-conf") + 1] == "is_host=0"
    with pytest.raises(ValueError, match="rendezvous"):
        launch.torchrun_command([], processes=2, nodes=3)


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("print('input fault: a.jsonl: is bad'); exit(1)", InputError, "^a.jsonl: is"),
        ("print('training failed: E: why'); exit(3)", SystemExit, "E: why.*status 3"),
        ("print('oh'); exit(4)", SystemExit, "oh.*status 4"),
        ("print(' failed (exitcode: -9)'); exit(1)", SystemExit, "SIGKILL.*memory"),
        (
            "print('training failed: E: Connection closed by peer');"
            "print(' failed (exitcode: 1) local_rank: 0');"
            "print('  exitcode  : -15 (pid: 3)\\n  exitcode  : -9 (pid: 2)'); exit(1)",
            SystemExit,
            "SIGKILL.*memory",
        ),
        (
            "print('training failed: E: why'); print(' failed (exitcode: 1)');"
            "print('  exitcode  : -6 (pid: 2)'); exit(1)",
            SystemExit,
            "E: why",
        ),
    ],
)
def test_a_failure_is_told_in_one_sentence(code, kind, said):
    with pytest.raises(kind, match=said):
        launch.run_watched([sys.executable, "-c", code], {})


# The processes.


def test_processes_that_differ_stop(monkeypatch):
    guards.agree("anything", "alone")  # no process group: nothing to compare

    def gathered(into, own):
        into[:] = [own, "other"]

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_gather_object", gathered)
    guards.agree("weights", "other")
    with pytest.raises(RuntimeError, match="differ in weights"):
        guards.agree("weights", "own")


def test_the_digest_of_weights_sees_the_last_bit():
    model = torch.nn.Linear(3, 2)
    before = guards.digest_of_weights(model)
    assert guards.digest_of_weights(model) == before
    with torch.no_grad():
        weight = model.weight.numpy()
        weight[1, 2] = np.nextafter(weight[1, 2], np.float32(9))
    assert guards.digest_of_weights(model) != before


def test_a_model_that_is_not_wrapped_is_no_distributed_training():
    model, wrapped = object(), object()
    for size, seen in ((1, model), (2, wrapped)):
        guards.check_wrapped(
            SimpleNamespace(
                args=SimpleNamespace(world_size=size), model=model, model_wrapped=seen
            )
        )
    with pytest.raises(RuntimeError, match="not wrapped for 2"):
        guards.check_wrapped(
            SimpleNamespace(
                args=SimpleNamespace(world_size=2), model=model, model_wrapped=model
            )
        )


def test_parts_that_did_not_change_are_a_fault():
    parts = torch.nn.ModuleDict(
        {"model": torch.nn.Linear(2, 2), "colbert_linear": torch.nn.Linear(2, 2)}
    )
    before = {name: p.detach().clone() for name, p in parts.named_parameters()}
    with torch.no_grad():
        parts["model"].weight += 0.5
    with pytest.raises(RuntimeError, match="did not change the colbert_linear"):
        guards.largest_changes(parts, before)
    with torch.no_grad():
        parts["colbert_linear"].bias -= 0.25
    changes = guards.largest_changes(parts, before)
    assert changes == pytest.approx({"encoder": 0.5, "colbert_linear": 0.25})
    with torch.no_grad():
        parts["model"].bias[0] = float("nan")
    with pytest.raises(RuntimeError, match="not finite"):
        guards.largest_changes(parts, before)
