"""What a model directory must hold, checked without importing torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from arkiv.errors import InputError

if TYPE_CHECKING:
    import torch

Kind = Literal["embedder", "reranker"]

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
SHARDED = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
HEADS = ("colbert_linear.pt", "sparse_linear.pt")


def check_model(path: str | Path, kind: Kind) -> Path:
    """Check that a directory holds a model that the pipeline can load.

    Args:
        path: the directory.
        kind: an embedder (BGE-M3) also needs its sparse and multi-vector heads.

    Raises:
        InputError: naming the directory and what it lacks.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError("is not a directory, expected a model directory", file=path)
    missing = [
        name
        for name in ("config.json", "tokenizer.json")
        if not (path / name).is_file()
    ]
    if not any((path / name).is_file() for name in WEIGHTS + SHARDED):
        missing.append(f"weights ({' or '.join(WEIGHTS)})")
    if kind == "embedder":
        missing += [name for name in HEADS if not (path / name).is_file()]
    if missing:
        raise InputError(f"the model directory lacks {', '.join(missing)}", file=path)
    return path


def tokenizer_file(path: str | Path) -> Path:
    """The fast tokenizer of a model directory, for the `tokenizers` library.

    Raises:
        InputError: there is none.
    """
    file = Path(path) / "tokenizer.json"
    if not file.is_file():
        raise InputError("the model directory lacks tokenizer.json", file=path)
    return file


def device() -> torch.device:
    """The first GPU if there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision(on: torch.device) -> torch.dtype:
    """float32 on a CPU; on a GPU bfloat16 where the hardware has it, else float16."""
    import torch

    if on.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
