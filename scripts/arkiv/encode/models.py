"""What a model directory must hold, checked without importing torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import read_json, read_object
from arkiv.encode.body import CONFIG, Kind, check_body
from arkiv.encode.tokenizer import files_of_tokenizer, missing_tokenizer

KINDS = ("m3", "dense", "cross_encoder")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
SHARDED = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
HEADS = ("colbert_linear.pt", "sparse_linear.pt")
MODULES = "modules.json"
# What is trained beside a model and is of no use without it, as peft writes it.
ADAPTER = "adapter_config.json"
# Weights that other libraries load, by the ends of their names.
OTHER_WEIGHTS = {
    ".gguf": "GGUF",
    ".onnx": "ONNX",
    ".h5": "TensorFlow",
    ".msgpack": "Flax",
}
# How a file begins that stands for a large one, which git keeps elsewhere.
# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
POINTER = b"version https://git-lfs.github.com/spec/"
# Of files of safetensors: bytes of the number that they begin with, and what of the
# header is no tensor.
LENGTH = 8
NOTES = "__metadata__"


def check_model(path: str | Path, kind: Kind, *, made: bool = True) -> Path:
    """Check that a directory holds a model that the pipeline can load.

    Args:
        path: the directory.
        kind: m3 is a model to tune or one that was tuned, of any body, with BGE-M3's
            sparse and multi-vector heads or without; dense is any encoder, of which
            dense vectors alone are asked.
        made: the `tokenizer.json` that a model to tune needs is there; else what it is
            made of will do.

    Raises:
        InputError: naming the directory and what it lacks, one head without the other,
            a file that stands for another, or what its `config.json` says that will
            not do.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError("is not a directory, expected a model directory", file=path)
    if (path / ADAPTER).is_file():
        raise InputError(_of_adapter(path / ADAPTER), file=path)
    encoder = path if kind == "cross_encoder" else encoder_directory(path)
    if kind == "m3" and encoder != path:
        reason = f"has its encoder in {encoder.name}, expected it beside {MODULES}"
        raise InputError(reason, file=path)
    missing = [] if (encoder / CONFIG).is_file() else [CONFIG]
    missing += missing_tokenizer(encoder, whole=kind == "m3" and made)
    missing += _missing_weights(encoder)
    if missing:
        raise InputError(f"the model directory lacks {', '.join(missing)}", file=path)
    headed = kind == "m3" and has_heads(path)
    described = kind == "dense" and (path / MODULES).is_file()
    check_body(encoder, kind, embeds=headed or described)
    _check_files(encoder, HEADS if headed else ())
    return path


def has_heads(path: str | Path) -> bool:
    """Whether a model directory has both heads of BGE-M3; without them it gives dense
    vectors alone.

    Raises:
        InputError: it has one of them, so that something was lost.
    """
    lacking = [name for name in HEADS if not (Path(path) / name).is_file()]
    if len(lacking) == 1:
        (other,) = set(HEADS) - set(lacking)
        reason = f"the model directory lacks {lacking[0]}, but has {other}"
        raise InputError(reason, file=path)
    return not lacking


def check_heads(path: str | Path) -> None:
    """See that a model directory has BGE-M3's heads, which were counted on.

    Raises:
        InputError: it has not.
    """
    if not has_heads(path):
        raise InputError(
            f"the model directory lacks {' and '.join(HEADS)}, without which it gives "
            "dense vectors alone: new ones are made for training with `models.embedder."
            "heads: auto`, if no system under test searches by the base model's own",
            file=path,
        )


def other_weights(names: Iterable[str]) -> list[str]:
    """For what else a model has its weights, by the names of its files."""
    ends = {Path(name).suffix for name in names}
    return [library for end, library in OTHER_WEIGHTS.items() if end in ends]


def no_weights(names: Iterable[str]) -> str:
    """What a model lacks that has no weights, by the names of its files."""
    others = other_weights(names)
    alone = f"; it has them for {' and '.join(others)} alone" if others else ""
    return f"weights ({' or '.join(WEIGHTS)}{alone})"


def _missing_weights(path: Path) -> list[str]:
    """What of its weights, in one file or in several that an index names, is absent."""
    if any((path / name).is_file() for name in WEIGHTS):
        return []
    index = next((path / name for name in SHARDED if (path / name).is_file()), None)
    if index is None:
        return [no_weights(str(file) for file in (*path.glob("*"), *path.glob("*/*")))]
    shards = read_object(index, "index of weights").get("weight_map")
    if not isinstance(shards, dict):
        raise InputError("is not there", file=index, key="weight_map")
    named = sorted({str(name) for name in shards.values()})
    return [name for name in named if not (path / name).is_file()]


def _check_files(path: Path, heads: Iterable[str]) -> None:
    """See that the large files of a model are there themselves, and not empty."""
    weights = (*path.glob("*.safetensors"), *path.glob("pytorch_model*.bin"))
    for file in (*weights, *files_of_tokenizer(path), *(path / name for name in heads)):
        with open(file, "rb") as content:
            begins = content.read(len(POINTER))
        if begins == POINTER:
            reason = "is a pointer of Git LFS to the file; run `git lfs pull` there"
            raise InputError(reason, file=file)
        if not begins:
            raise InputError("is empty", file=file)
        if file.suffix == ".safetensors":
            _check_length(file)


def _check_length(file: Path) -> None:
    """See that a file of weights is as long as its header says.

    https://huggingface.co/docs/safetensors: a little-endian number of bytes of a JSON
    object, which says where each tensor ends behind it.
    """
    size = file.stat().st_size
    with open(file, "rb") as content:
        behind = LENGTH + int.from_bytes(content.read(LENGTH), "little")
        header = content.read(behind - LENGTH) if behind <= size else b""
    try:
        tensors = json.loads(header).items()
        ends = [one["data_offsets"][1] for name, one in tensors if name != NOTES]
        whole = behind + max(ends, default=0)
    except (ValueError, LookupError, TypeError, AttributeError):
        reason = "is no file of safetensors, or cut short; copy it again"
        raise InputError(reason, file=file) from None
    if size != whole:
        reason = f"has {size:,} bytes, expected {whole:,}; copy it again"
        raise InputError(reason, file=file)


def _of_adapter(file: Path) -> str:
    """What is wrong with a directory that holds an adapter."""
    about = read_object(file, "settings of an adapter")
    base = about.get("base_model_name_or_path") or "a model"
    return f"is an adapter to {base} ({ADAPTER}), expected a model with it merged in"


def encoder_directory(path: Path) -> Path:
    """Where the encoder of a directory lies: sentence-transformers may have it deeper.

    Raises:
        InputError: `modules.json` is not what it should be.
    """
    file = path / MODULES
    if not file.is_file():
        return path
    name, folder = _modules(file)[0]
    if name != "Transformer":
        raise InputError(f"begins with a {name}, expected a Transformer", file=file)
    return folder


def modules_of(path: Path) -> list[tuple[str, Path]] | None:
    """Name and folder of each module after the encoder; None: there is no list.

    Raises:
        InputError: `modules.json` is not what it should be.
    """
    file = path / MODULES
    return _modules(file)[1:] if file.is_file() else None


def _modules(file: Path) -> list[tuple[str, Path]]:
    try:
        found = [
            (module["type"].rpartition(".")[2], file.parent / module["path"])
            for module in read_json(file)
        ]
        if found:
            return found
    except (KeyError, TypeError, AttributeError):
        pass
    raise InputError("is not a list of modules", file=file)
