"""What a model can lack, or have wrong: how it comes about, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hollow import ENCODER
from hollow import WEIGHTS as CONTENT

from arkiv.base.files import read_json, write_json
from arkiv.encode.models import HEADS

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
TRANSFORMER = {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}


def without(*names: str):
    def damage(model: Path) -> None:
        for name in names:
            (model / name).unlink()

    return damage


def with_file(name: str, content: bytes | dict | list):
    def damage(model: Path) -> None:
        (model / name).parent.mkdir(exist_ok=True)
        if isinstance(content, bytes):
            (model / name).write_bytes(content)
        else:
            write_json(model / name, content)

    return damage


def saying(file: str = "config.json", **values):
    """A file of settings that says this too; None leaves a key out."""

    def damage(model: Path) -> None:
        known = read_json(model / file) if (model / file).exists() else {}
        said = {k: v for k, v in (known | values).items() if v is not None}
        write_json(model / file, said)

    return damage


def with_modules(*types: str, **pooling):
    """sentence-transformers' list of modules; a folder and settings of the first."""

    def damage(model: Path) -> None:
        write_json(
            model / "modules.json",
            [TRANSFORMER]
            + [
                {"idx": n, "path": f"{n}_{t}", "type": f"x.{t}"}
                for n, t in enumerate(types, 1)
            ],
        )
        if pooling:
            with_file(f"1_{types[0]}/config.json", pooling)(model)

    return damage


def both(*damages: Callable[[Path], None]):
    def damage(model: Path) -> None:
        for one in damages:
            one(model)

    return damage


WEIGHTS = "model.safetensors"
INDEX = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
QUANTISED = {"quant_method": "bitsandbytes", "load_in_4bit": True}
CODE = {"AutoConfig": "new.NewConfig", "AutoModel": "new.NewModel"}
UNPADDED = {**ENCODER, "model_type": "roberta", "pad_token_id": None}
ELSEWHERE = {"AutoModel": "other/code--new.NewModel"}
# What is done to a whole model, and the sentence about it. Of the model to tune:
OF_EMBEDDERS = [
    ("config", without("config.json"), "lacks config.json"),
    ("damaged config", with_file("config.json", b"{"), "config.json: not JSON ("),
    ("body", saying(model_type=None), "config.json, `model_type`: is not there"),
    ("weights", without(WEIGHTS), "lacks weights (model.safetensors or"),
    (
        "GGUF alone",
        both(without(WEIGHTS), with_file("model.gguf", b"GGUF")),
        "lacks weights (model.safetensors or pytorch_model.bin; it has them for GGUF",
    ),
    (
        "ONNX alone",
        both(without(WEIGHTS), with_file("onnx/model.onnx", b"ONNX")),
        "it has them for ONNX alone)",
    ),
    (
        "shard",
        both(
            without(WEIGHTS),
            with_file("model.safetensors.index.json", INDEX),
            with_file("model-1.safetensors", b"x"),
        ),
        "the model directory lacks model-2.safetensors",
    ),
    (
        "pointer",
        with_file(WEIGHTS, POINTER),
        "model.safetensors: is a pointer of Git LFS to the file; run `git lfs pull`",
    ),
    ("empty", with_file(WEIGHTS, b""), "model.safetensors: is empty"),
    (
        "cut short",
        with_file(WEIGHTS, CONTENT[:-1]),
        "model.safetensors: has 76 bytes, expected 77; copy it again",
    ),
    (
        "cut in the header",
        with_file(WEIGHTS, CONTENT[:20]),
        "model.safetensors: is no file of safetensors, or cut short; copy it again",
    ),
    ("tokenizer", without("tokenizer.json"), "lacks tokenizer.json"),
    ("pointer", with_file("tokenizer.json", POINTER), "tokenizer.json: is a pointer"),
    ("one head", with_file(HEADS[0], b"x"), f"lacks {HEADS[1]}, but has {HEADS[0]}"),
    (
        "pooling",
        with_modules("Pooling"),
        "1_Pooling/config.json: no such file",
    ),
    (
        "maximum",
        with_modules("Pooling", pooling_mode_max_tokens=True),
        "1_Pooling/config.json: pools by max, expected one of cls, mean, lasttoken",
    ),
    (
        "layer behind",
        with_modules("Pooling", "Dense", pooling_mode_mean_tokens=True),
        "2_Dense: a Dense follows its pooling, which is not trained",
    ),
    ("module", with_modules("CNN"), "modules.json: has a module CNN, expected Pool"),
    (
        "deeper",
        with_file("modules.json", [TRANSFORMER | {"path": "0_Transformer"}]),
        "has its encoder in 0_Transformer, expected it beside modules.json",
    ),
    (
        "lower case",
        saying("sentence_bert_config.json", do_lower_case=True),
        "sentence_bert_config.json: asks for texts in lower case",
    ),
    (
        "decoder",
        saying(model_type="t5", is_encoder_decoder=True),
        "has a decoder that reads an encoder's states",
    ),
    (
        "reranker",
        saying(architectures=["BertForSequenceClassification"]),
        "is a BertForSequenceClassification, such as rerankers are",
    ),
    (
        "adapter",
        both(
            with_file("adapter_config.json", {"base_model_name_or_path": "some/base"}),
            without(WEIGHTS),
            with_file("adapter_model.safetensors", b"x"),
        ),
        "is an adapter to some/base (adapter_config.json), expected a model with it",
    ),
    ("code", saying(auto_map=CODE), "runs Python code of its own (new.NewConfig)"),
    (
        "quantised",
        saying(quantization_config=QUANTISED),
        "has quantised weights (bitsandbytes), expected whole",
    ),
    (
        "images",
        saying(model_type="clip", hidden_size=None, vision_config={}),
        "takes more than texts, expected a model of texts alone",
    ),
    (
        "positions",
        saying(max_position_embeddings=200),
        "`mining.query_max_length`: is 256, but ",
    ),
    (
        "count of positions",
        saying(model_type="xlm-roberta", max_position_embeddings=None),
        "config.json, `max_position_embeddings`: is not there, which says how long",
    ),
    (
        "padding id",
        with_file(
            "config.json", {**ENCODER, "model_type": "roberta", "pad_token_id": None}
        ),
        "config.json, `pad_token_id`: is null, but roberta counts positions from it",
    ),
    (
        "padding token",
        saying("tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast"),
        "tokenizer_config.json: names none of pad_token, eos_token, unk_token",
    ),
]
# Of the teacher, and of one that a system brings along:
OF_RERANKERS = [
    ("weights", without(WEIGHTS), "lacks weights (model.safetensors or"),
    ("tokenizer", without("tokenizer.json"), "lacks tokenizer.json"),
    (
        "embedder",
        saying(architectures=["BertModel"]),
        "is a BertModel, expected a reranker, such as …ForSequenceClassification",
    ),
    ("labels", saying(id2label={"0": "no", "1": "yes"}), "the model has 2 labels"),
    ("labels", saying(id2label=None), "the model has 2 labels, expected a reranker"),
    (
        "positions",
        saying(max_position_embeddings=512),
        "`teacher.max_length`: is 8192, but ",
    ),
    (
        "code",
        saying(auto_map={"AutoModelForSequenceClassification": "new.New"}),
        "runs Python code of its own (new.New), which is not trusted",
    ),
]
# Of an embedder that a system or the gold standard brings along:
OF_OTHERS = [
    ("weights", without(WEIGHTS), "lacks weights (model.safetensors or"),
    ("tokenizer", without("tokenizer.json"), "lacks tokenizer.json"),
    (
        "module's settings",
        with_modules("Pooling"),
        "1_Pooling/config.json: is not there, but modules.json names its folder",
    ),
    ("module", with_modules("CNN"), "modules.json: has a module CNN, expected Pool"),
    (
        "reranker",
        saying(architectures=["BertForSequenceClassification"]),
        "is a BertForSequenceClassification, such as rerankers are",
    ),
    ("code", saying(auto_map=CODE), "runs Python code of its own (new.NewConfig)"),
]
# Of one whose code is trusted:
TRUSTED = [
    ("file", saying(auto_map=CODE), "lacks new.py, the code that config.json names"),
]
