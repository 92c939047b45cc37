"""What a model directory must hold, checked without importing torch; how it loads."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from arkiv.errors import InputError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

Kind = Literal["embedder", "reranker"]

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
SHARDED = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
HEADS = ("colbert_linear.pt", "sparse_linear.pt")
# Model types whose positions are counted from the padding id + 1.
COUNTED_FROM_PADDING = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert")


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


def promised_gpus() -> int:
    """How many GPUs CUDA_VISIBLE_DEVICES, which SLURM sets, gives this process."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return sum(one.strip() not in ("", "-1", "NoDevFiles") for one in given)


def device() -> torch.device:
    """The first GPU if there is one, else the CPU."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    if promised := promised_gpus():
        log.warning("working on the CPU: torch sees none of %d GPUs", promised)
    return torch.device("cpu")


def precision(on: torch.device) -> torch.dtype:
    """float32 on a CPU; on a GPU float16, in which FlagEmbedding runs these models.

    Not bfloat16: with its 8 bits scores differ in the second digit.
    """
    import torch

    return torch.float16 if on.type == "cuda" else torch.float32


def load(
    path: Path, kind: Kind, dtype: torch.dtype, *, trust_remote_code: bool = False
) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """Load tokenizer and model of a directory that passed `check_model`.

    Raises:
        InputError: a file is damaged, or the weights do not fill the model: then
            transformers would go on with random ones.
    """
    import transformers

    auto = (
        transformers.AutoModel
        if kind == "embedder"
        else transformers.AutoModelForSequenceClassification
    )
    options = {"trust_remote_code": trust_remote_code, "local_files_only": True}
    # What transformers would tell of missing weights is checked below.
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, **options)
        model, info = auto.from_pretrained(
            path, dtype=dtype, output_loading_info=True, **options
        )
    except Exception as error:  # each file format has its own
        raise InputError(f"cannot be loaded ({first_line(error)})", file=path) from None
    finally:
        transformers.logging.set_verbosity(verbosity)
    # The pooler stands behind the CLS vector that M3 takes.
    missing = sorted(k for k in info["missing_keys"] if not k.startswith("pooler."))
    if missing:
        raise InputError(
            f"the weights lack {len(missing)} tensors of the model, such as "
            f"{missing[0]}",
            file=path,
        )
    return tokenizer, model


def check_limits(
    path: Path, config: Any, *, max_length: int, batch_size: int, least: int
) -> None:
    """Refuse a batch size or a length that the model cannot work with.

    Args:
        path: the model directory, to name it.
        config: the model's configuration.
        max_length: tokens per input, special ones included.
        batch_size: inputs per forward pass.
        least: the shortest input with something in it.

    Raises:
        InputError: naming the option.
    """
    if batch_size < 1:
        raise InputError(f"is {batch_size}, expected 1 or more", key="batch_size")
    if max_length < least:
        raise InputError(f"is {max_length}, expected {least} or more", key="max_length")
    longest = getattr(config, "max_position_embeddings", None)
    if longest is None:
        return
    if config.model_type in COUNTED_FROM_PADDING:
        longest -= config.pad_token_id + 1
    if max_length > longest:
        raise InputError(
            f"is {max_length}, but the model in {path} takes {longest} tokens at most",
            key="max_length",
        )


def first_line(error: Exception) -> str:
    """An exception's kind and the first line of what it says, for one sentence."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0].rstrip('.')}" if said else repr(error)
