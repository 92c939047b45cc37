"""Training reads the texts that encoding reads, and makes the same vectors of them."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from transformers import HfArgumentParser

from arkiv.base.files import read_json, write_json
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.encode.options import Options
from arkiv.encode.settings import TRAINED_POOLINGS
from arkiv.example.archive import cases
from arkiv.train.arguments import argument_classes, to_command_line

LENGTHS = {"query": 12, "passage": 40}
PROMPTS = [
    ("", ""),
    ("query: ", "passage: "),
    ('- "{}" {task}\n', "%s\\n 🙂 "),
    ("word", "  "),
    ("so long a prompt that of the query itself no more than a word is left ", ""),
]


def runner(model, folder, description, **more):
    """What trains a model on three rows."""
    from arkiv.train.upstream import M3Runner

    texts = [*cases(9, seed=5)]
    rows = [
        {
            "query": " ".join(texts[n].split()[: 4 * n + 2]),
            "pos": [texts[n]],
            "neg": [texts[n + 3][: 40 * n + 9], f" {texts[n + 6]}\n"],
        }
        for n in range(3)
    ]
    shard = folder / "d_len-0-inf.jsonl"
    shard.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = to_command_line(
        {
            "model_name_or_path": str(model),
            "output_dir": str(folder / "checkpoints"),
            "train_data": [str(shard)],
            "cache_path": str(folder / "cache"),
            "train_group_size": 3,
            "query_max_len": LENGTHS["query"],
            "passage_max_len": LENGTHS["passage"],
            "per_device_train_batch_size": 3,
            "unified_finetuning": True,
            "use_cpu": True,
            "report_to": "none",
            "save_strategy": "no",
            **more,
        }
    )
    parser = HfArgumentParser(argument_classes(), allow_abbrev=False)
    return M3Runner(*parser.parse_args_into_dataclasses(words), description), rows


def batch_of(made):
    """The texts of all rows, as the model in training is given them."""
    return next(iter(made.trainer.get_train_dataloader()))


def ids_of(texts):
    """Token ids of each text, without padding."""
    return [
        row[mask.bool()].tolist()
        for row, mask in zip(texts["input_ids"], texts["attention_mask"], strict=True)
    ]


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("prompts", PROMPTS)
def test_training_reads_the_tokens_that_the_encoder_reads(
    tiny_embedder, tmp_path, prompts, same
):
    description = Description("mean", *prompts)
    given = {"same_dataset_within_batch": same}
    made, rows = runner(tiny_embedder, tmp_path, description, **given)
    batch = batch_of(made)
    kind = M3(tiny_embedder, description=description)
    texts = {
        "query": [row["query"] for row in rows],
        "passage": [text for row in rows for text in (*row["pos"], *row["neg"])],
    }
    for side, side_texts in texts.items():
        items = [(kind.prompted(text, side),) for text in side_texts]
        ours = kind.token_ids(items, kind.settings(max_length=LENGTHS[side]))
        theirs = ids_of(batch["queries" if side == "query" else "passages"])
        assert sorted(theirs) == sorted(row.tolist() for row in ours)
        assert max(map(len, theirs)) == LENGTHS[side], "no text is cut"


@pytest.mark.parametrize("pooling", TRAINED_POOLINGS)
def test_the_model_in_training_makes_the_vectors_of_the_encoder(
    tiny_embedder, tmp_path, pooling
):
    description = Description(pooling, "query: ", "passage: ")
    # What the arguments say of it does not count.
    given = {"sentence_pooling_method": "cls", "normalize_embeddings": False}
    given |= {
        "query_instruction_format": "{1}",
        "passage_instruction_for_retrieval": "",
    }
    made, rows = runner(tiny_embedder, tmp_path, description, **given)
    model = made.model.eval()
    passages = batch_of(made)["passages"]
    with torch.inference_mode():
        dense, _, vectors = model.encode(passages)
    texts = [text for row in rows for text in (*row["pos"], *row["neg"])]
    encoder = Encoder(M3(tiny_embedder, description=description), longest=40)
    loaded = made.tokenizer, model.model, (model.colbert_linear, model.sparse_linear)
    in_training = Encoder(
        M3("training", Options(), description, loaded=loaded), longest=40
    )
    order = {tuple(ids): row for row, ids in enumerate(ids_of(passages))}
    kind = encoder.kind
    items = [(kind.prompted(text, "passage"),) for text in texts]
    ids = kind.token_ids(items, kind.settings(max_length=40))
    rows = [order[tuple(one.tolist())] for one in ids]
    for one in (encoder, in_training):
        found = one.encode(texts, "passage", max_length=40, multi_vector=True)
        np.testing.assert_allclose(found.dense, dense.numpy()[rows], atol=1e-5)
        for row, ours in zip(rows, found.multi_vector, strict=True):
            theirs = vectors[row][: len(ours)].numpy()
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_tokenizer_that_has_no_pad_token_trains_and_is_given_one(
    tiny_embedder, tmp_path
):
    from FlagEmbedding import BGEM3FlagModel

    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    file = model / "tokenizer_config.json"
    write_json(file, {k: v for k, v in read_json(file).items() if k != "pad_token"})
    texts = [*cases(3, seed=1), "kort"]
    wanted = Encoder(M3(tiny_embedder), longest=64)
    ours = Encoder(M3(model), longest=64)
    expected = wanted.encode(texts, "passage", max_length=64, sparse=True)
    found = ours.encode(texts, "passage", max_length=64, sparse=True)
    np.testing.assert_allclose(found.dense, expected.dense, atol=1e-6)
    assert abs(found.sparse - expected.sparse).max() < 1e-6

    made, _ = runner(model, tmp_path, Description())
    assert batch_of(made)["passages"]["attention_mask"].min() == 0
    made.trainer.export(tmp_path / "out")
    assert M3(tmp_path / "out").tokenizer.pad_token == "</s>"
    upstream = BGEM3FlagModel(str(tmp_path / "out"), use_fp16=False, devices="cpu")
    vectors = upstream.encode(texts, max_length=64)["dense_vecs"]
    np.testing.assert_allclose(vectors, expected.dense, atol=1e-5)
