"""How long a text may be: what a model's files say, and what settings make of it."""

from __future__ import annotations

import json
import random
import shutil

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from transformers import AutoModel

from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_json
from arkiv.encode.cross_encoder import CrossEncoder
from arkiv.encode.dense import Dense
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.limits import check_lengths, least, length_of, own_limit
from arkiv.encode.m3 import M3
from arkiv.encode.settings import Lengths, Scoring
from arkiv.example.archive import cases

TEXTS = [*cases(3, seed=5), "kort"]
NONE = 1000000000000000019884624838656  # as transformers writes it
BERT = {"model_type": "bert", "max_position_embeddings": 512}
ROBERTA = {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}


def says(folder, config=None, sentences=None, tokenizer=None, name="bert"):
    """Write what there is of a model's own words on lengths."""
    for file, value in (
        ("config.json", config),
        (f"sentence_{name}_config.json", sentences),
        ("tokenizer_config.json", tokenizer),
    ):
        if value is not None:
            write_json(folder / file, value)
    return folder


@pytest.mark.parametrize(
    ("said", "longest"),
    [
        # all-MiniLM-L6-v2, and multilingual-e5-small.
        ((BERT, {"max_seq_length": 256}, {"model_max_length": 512}), 256),
        ((BERT, {"max_seq_length": 512}, {"model_max_length": 512}), 512),
        ((BERT, None, {"model_max_length": 128}), 128),
        ((BERT, {"max_seq_length": None}, {"max_len": 100}), 100),
        # sentence-transformers goes by the first of the two.
        ((BERT, {"max_seq_length": 384}, {"model_max_length": 128}), 384),
        ((BERT, None, {"model_max_length": NONE}), 512),
        ((BERT, {"do_lower_case": False}, {"model_max_length": 1e30}), 512),
        ((BERT, {"max_seq_length": 1024}, None), 512),
        ((BERT, None, {"model_max_length": "many"}), 512),
        ((ROBERTA, {"max_seq_length": 514}, {"model_max_length": 514}), 512),
        ((ROBERTA, {"max_seq_length": 128}, None, "roberta"), 128),
        (({"model_type": "gpt2", "n_positions": 64}, None, None), 64),
        (({"model_type": "t5"}, {"max_seq_length": 77}, None), 77),
        (({"model_type": "t5"}, None, {"model_max_length": NONE}), None),
        ((None, None, None), None),
    ],
)
def test_what_a_model_takes_is_read_from_its_files(tmp_path, said, longest):
    assert own_limit(says(tmp_path, *said)) == longest


@pytest.mark.parametrize("value", ["512", 0, -1, True, 1.5, [256]])
def test_a_limit_that_is_none_is_one_sentence(tmp_path, value):
    says(tmp_path, BERT, {"max_seq_length": value})
    with pytest.raises(InputError, match="expected a whole number from 1") as caught:
        own_limit(tmp_path)
    assert caught.value.key == "max_seq_length"
    assert caught.value.file == str(tmp_path / "sentence_bert_config.json")


def test_settings_are_numbers_by_what_a_model_takes():
    draw = random.Random(11)
    for _ in range(200):
        takes, number = draw.randint(8, 9000), draw.randint(1, 9000)
        assert length_of(None, takes) == takes
        assert length_of("auto", takes) == min(256, takes)
        assert length_of(number, takes) == length_of(number, None) == number
        assert least(takes, None, number) == min(takes, number)
    assert (length_of(None, None), length_of("auto", None)) == (8192, 256)
    assert least(None) is None


def test_a_number_that_a_model_has_no_positions_for_names_its_key(tmp_path):
    says(tmp_path, ROBERTA, {"max_seq_length": 128})
    check_lengths({"mining.query_max_length": 512}, tmp_path, "some/model")
    with pytest.raises(InputError) as caught:
        check_lengths({"a.b": 400, "train.args.x": 513}, tmp_path, "some/model")
    assert caught.value.key == "train.args.x"
    assert caught.value.reason == "is 513, but some/model takes 512 tokens at most"


@pytest.fixture(scope="module")
def short(tiny_embedder, tmp_path_factory):
    """A model of 62 positions, which sentence-transformers is to cut at 12."""
    path = shutil.copytree(tiny_embedder, tmp_path_factory.mktemp("short") / "model")
    config = read_json(path / "config.json") | {"max_position_embeddings": 64}
    write_json(path / "config.json", config)
    AutoModel.from_pretrained(path, ignore_mismatched_sizes=True).save_pretrained(path)
    Description("mean", "fråga: ", "stycke: ").write(path, 128, 12)
    return path


def embedded(kind, side, max_length=None, texts=TEXTS):
    with Encoder(kind, longest=max_length) as encoder:
        return encoder.embed(texts, side, max_length=max_length).astype(np.float32)


@pytest.mark.parametrize("kind", [M3, Dense])
@pytest.mark.parametrize("longest", [12, 40, None])
def test_the_base_model_is_cut_as_sentence_transformers_does(short, kind, longest):
    write_json(short / "sentence_bert_config.json", {"max_seq_length": longest})
    theirs = SentenceTransformer(str(short), device="cpu")
    if longest is None:  # of a model that counts from the padding it takes two more
        theirs.max_seq_length = 62
    ours = embedded(kind(short), "passage")
    np.testing.assert_allclose(ours, theirs.encode_document(TEXTS), atol=2e-3)
    ours = embedded(kind(short), "query", "auto")
    np.testing.assert_allclose(ours, theirs.encode_query(TEXTS), atol=2e-3)


def test_a_number_between_the_limit_and_the_positions_is_the_users_choice(short):
    write_json(short / "sentence_bert_config.json", {"max_seq_length": 12})
    model = M3(short)
    assert [model.length(one) for one in (None, "auto", 12, 40, 62)] == [
        *(12, 12, 12, 40, 62)
    ]
    with pytest.raises(InputError, match=r"is 63, but .* takes 62 tokens at most"):
        model.length(63)
    # Another model under test is cut at what it takes, whatever the run's own does.
    assert [Dense(short).length(one) for one in (None, "auto", 40, 8192)] == [12] * 4


def test_texts_that_are_read_in_part_are_counted(short, caplog):
    write_json(short / "sentence_bert_config.json", {"max_seq_length": 12})
    caplog.set_level("INFO")
    embedded(M3(short), "passage", texts=[*TEXTS, TEXTS[0], "kort"])
    assert "3 of 4 texts fill the 12 tokens that are read, or are longer" in caplog.text
    caplog.clear()
    embedded(M3(short), "passage", texts=["kort"])
    assert "fill" not in caplog.text


def test_a_tuned_model_takes_as_much_as_its_base(short, tmp_path):
    write_json(short / "sentence_bert_config.json", {"max_seq_length": 12})
    # As training tells its processes, and they write beside what they copy.
    told = json.dumps(Description.of(short).told())
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    for name in ("config.json", "tokenizer_config.json"):
        shutil.copyfile(short / name, tuned / name)
    Description(**json.loads(told)).write(tuned, 128)
    assert Description.of(tuned).longest == 12
    # Where the other files say it already nothing is added.
    (tuned / "sentence_bert_config.json").unlink()
    Description.of(tuned).write(tuned, 128)
    assert not (tuned / "sentence_bert_config.json").exists()


def test_by_default_values_are_those_of_the_lengths_in_numbers(
    tiny_embedder, tiny_reranker
):
    """So that what was kept of BGE-M3 at 256 and 8,192 tokens is taken."""
    embedder, reranker = M3(tiny_embedder), CrossEncoder(tiny_reranker)
    for asked, number in (
        (Lengths.query_max_length, 256),
        (Lengths.passage_max_length, 8192),
    ):
        found = embedder.settings(max_length=asked)
        assert json.dumps(found) == json.dumps({"max_length": number})
    default = {
        "max_length": Scoring.max_length,
        "query_max_length": Scoring.query_max_length,
    }
    numbers = {"max_length": 8192, "query_max_length": 256}
    assert reranker.settings(**default) == reranker.settings(**numbers)


def test_a_reranker_takes_what_its_tokenizer_says(tiny_reranker, tmp_path):
    path = shutil.copytree(tiny_reranker, tmp_path / "model")
    file = path / "tokenizer_config.json"
    write_json(file, read_json(file) | {"model_max_length": 40})
    kind = CrossEncoder(path)
    asked = {"max_length": None, "query_max_length": "auto"}
    room = 40 - kind.special
    assert kind.settings(**asked) == {"room": room, "query_max_length": room - 1}
    asked["max_length"] = 50
    assert kind.settings(**asked)["room"] == 50 - kind.special
