"""What a model directory must hold, checked without importing torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from arkiv.base.errors import InputError
from arkiv.base.files import read_json, read_object

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Kind = Literal["m3", "dense", "cross_encoder"]

KINDS = ("m3", "dense", "cross_encoder")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
SHARDED = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
HEADS = ("colbert_linear.pt", "sparse_linear.pt")


def check_model(path: str | Path, kind: Kind) -> Path:
    """Check that a directory holds a model that the pipeline can load.

    Args:
        path: the directory.
        kind: m3 is a model to tune or one that was tuned, of any body, with BGE-M3's
            sparse and multi-vector heads or without; dense is any encoder, of which
            dense vectors alone are asked.

    Raises:
        InputError: naming the directory and what it lacks, one head without the other,
            or a reranker or an encoder with a decoder that is to be tuned.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError("is not a directory, expected a model directory", file=path)
    encoder = encoder_directory(path) if kind == "dense" else path
    # Tokenizers of other encoders may come in other files.
    needed = ("config.json",) if kind == "dense" else ("config.json", "tokenizer.json")
    missing = [name for name in needed if not (encoder / name).is_file()]
    missing += _missing_weights(encoder)
    if missing:
        raise InputError(f"the model directory lacks {', '.join(missing)}", file=path)
    if kind == "m3" and not has_heads(path):
        _check_encoder(path / "config.json")
    return path


def _check_encoder(file: Path) -> None:
    """Refuse, by its configuration, a model that scores pairs or writes texts."""
    config = read_object(file, "configuration of a model")
    if config.get("is_encoder_decoder"):
        reason = "has a decoder that reads an encoder's states, expected either alone"
        raise InputError(reason, file=file.parent)
    said = config.get("architectures") or []
    for name in said if isinstance(said, list) else [said]:
        if str(name).endswith("ForSequenceClassification"):
            reason = f"is a {name}, such as rerankers are, expected an encoder"
            raise InputError(reason, file=file.parent)


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


def _missing_weights(path: Path) -> list[str]:
    """What of its weights, in one file or in several that an index names, is absent."""
    if any((path / name).is_file() for name in WEIGHTS):
        return []
    index = next((path / name for name in SHARDED if (path / name).is_file()), None)
    if index is None:
        return [f"weights ({' or '.join(WEIGHTS)})"]
    shards = read_object(index, "index of weights").get("weight_map")
    if not isinstance(shards, dict):
        raise InputError("is not there", file=index, key="weight_map")
    named = sorted({str(name) for name in shards.values()})
    return [name for name in named if not (path / name).is_file()]


def encoder_directory(path: Path) -> Path:
    """Where the encoder of a directory lies: sentence-transformers may have it deeper.

    Raises:
        InputError: `modules.json` is not what it should be.
    """
    file = path / "modules.json"
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
    file = path / "modules.json"
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


def fast_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer of a model directory, which reads texts as wholes.

    Raises:
        InputError: there is none, or it is broken.
    """
    from tokenizers import Tokenizer

    file = Path(path) / "tokenizer.json"
    if not file.is_file():
        raise InputError("the model directory lacks tokenizer.json", file=path)
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises nothing narrower
        raise InputError(f"is not a tokenizer ({error})", file=file) from None
    # The file may ask for either.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
