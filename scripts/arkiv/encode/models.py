"""What a model directory must hold, checked without importing torch; how it loads."""

from __future__ import annotations

import importlib.util
import logging
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from arkiv.base.errors import InputError
from arkiv.base.files import read_json

if TYPE_CHECKING:
    import numpy as np
    import torch
    from transformers import (
        PretrainedConfig,
        PreTrainedModel,
        PreTrainedTokenizerBase,
    )

log = logging.getLogger(__name__)

Kind = Literal["embedder", "reranker", "dense"]
Result = TypeVar("Result")

KINDS = ("embedder", "reranker", "dense")
PRECISIONS = ("auto", "float32", "float16", "bfloat16")
ATTENTIONS = ("auto", "sdpa", "flash_attention_2", "eager")
# Tokens of a padded batch. On a CPU the batch that stays in the core's cache is the
# fastest; a GPU is busy well below what its memory holds.
CPU_TOKENS = 2048
MOST_TOKENS = 1 << 16
# Of the free memory; kernels and fragments take the rest.
USED_SHARE = 0.7
SHORT = 64

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
SHARDED = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
HEADS = ("colbert_linear.pt", "sparse_linear.pt")
# Model types whose positions are counted from the padding id + 1.
COUNTED_FROM_PADDING = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert")


def check_model(path: str | Path, kind: Kind) -> Path:
    """Check that a directory holds a model that the pipeline can load.

    Args:
        path: the directory.
        kind: an embedder (BGE-M3) also needs its sparse and multi-vector heads; dense
            is an embedder of any kind, of which dense vectors alone are asked.

    Raises:
        InputError: naming the directory and what it lacks.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError("is not a directory, expected a model directory", file=path)
    encoder = encoder_directory(path) if kind == "dense" else path
    # Tokenizers of other embedders may come in other files.
    needed = ("config.json",) if kind == "dense" else ("config.json", "tokenizer.json")
    missing = [name for name in needed if not (encoder / name).is_file()]
    if not any((encoder / name).is_file() for name in WEIGHTS + SHARDED):
        missing.append(f"weights ({' or '.join(WEIGHTS)})")
    if kind == "embedder":
        missing += [name for name in HEADS if not (path / name).is_file()]
    if missing:
        raise InputError(f"the model directory lacks {', '.join(missing)}", file=path)
    return path


def encoder_directory(path: Path) -> Path:
    """Where the encoder of an embedder lies: sentence-transformers may have it deeper.

    Raises:
        InputError: `modules.json` is not what it should be.
    """
    file = path / "modules.json"
    if not file.is_file():
        return path
    try:
        first = read_json(file)[0]
        name, folder = first["type"].rpartition(".")[2], first["path"]
    except (KeyError, IndexError, TypeError, AttributeError):
        raise InputError("is not a list of modules", file=file) from None
    if name != "Transformer":
        raise InputError(f"begins with a {name}, expected a Transformer", file=file)
    return path / folder


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


@dataclass(frozen=True)
class Options:
    """How a model runs; nothing of it changes results beyond rounding.

    Attributes:
        precision: of weights and activations. auto: float32 on a CPU; on a GPU
            float16, in which FlagEmbedding runs these models. Not bfloat16: with its
            8 bits scores differ in the second digit.
        attention: auto: flash attention if the package is installed and fits, else
            torch's scaled dot product, which has flash kernels of its own.
        batch_tokens: of a padded batch; None: as many as the device takes.
        processes: None: one per GPU; on a CPU see `arkiv.encode.workers.devices`.
        trust_remote_code: let the directory run Python code of its own.
    """

    precision: str = "auto"
    attention: str = "auto"
    batch_tokens: int | None = None
    processes: int | None = 1
    trust_remote_code: bool = False

    def dtype(self, on: torch.device) -> torch.dtype:
        """The precision on a device."""
        import torch

        if self.precision != "auto":
            return getattr(torch, self.precision)
        return torch.float16 if on.type == "cuda" else torch.float32

    def attention_on(self, on: torch.device) -> str:
        """The implementation of attention on a device, as transformers names it."""
        import torch

        if self.attention != "auto":
            return self.attention
        fits = on.type == "cuda" and self.dtype(on) != torch.float32
        installed = importlib.util.find_spec("flash_attn") is not None
        return "flash_attention_2" if fits and installed else "sdpa"

    def settings(self) -> dict[str, str]:
        """What values depend on by their rounding, on this machine."""
        on = device()
        return {"precision": str(self.dtype(on)), "attention": self.attention_on(on)}


def load_tokenizer(
    path: Path, options: Options
) -> tuple[PreTrainedTokenizerBase, PretrainedConfig]:
    """Load tokenizer and configuration of a directory that passed `check_model`.

    Raises:
        InputError: a file is damaged.
    """
    import transformers

    given = _given(options)
    try:
        return (
            transformers.AutoTokenizer.from_pretrained(path, **given),
            transformers.AutoConfig.from_pretrained(path, **given),
        )
    except Exception as error:  # each file format has its own
        raise InputError(f"cannot be loaded ({first_line(error)})", file=path) from None


def load(path: Path, kind: Kind, options: Options, on: torch.device) -> PreTrainedModel:
    """Load the model of a directory that passed `check_model` onto a device.

    Raises:
        InputError: a file is damaged, or the weights do not fill the model: then
            transformers would go on with random ones.
    """
    import transformers

    auto = (
        transformers.AutoModelForSequenceClassification
        if kind == "reranker"
        else transformers.AutoModel
    )
    # What transformers would tell of missing weights is checked below.
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        model, info = auto.from_pretrained(
            path,
            dtype=options.dtype(on),
            attn_implementation=options.attention_on(on),
            output_loading_info=True,
            **_given(options),
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
    return model.to(on).eval()


def _given(options: Options) -> dict[str, bool]:
    return {"trust_remote_code": options.trust_remote_code, "local_files_only": True}


def padded(
    ids: Sequence[np.ndarray], pad: int, on: torch.device
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Token ids of texts as (n, longest), and their mask; None where nothing is padded.

    Without a mask attention takes its fast kernels.
    """
    import numpy as np
    import torch

    lengths = [len(row) for row in ids]
    table = np.full((len(ids), max(lengths)), pad, np.int64)
    for row, values in zip(table, ids, strict=True):
        row[: len(values)] = values
    mask = None
    if min(lengths) < max(lengths):
        places = np.arange(table.shape[1]) < np.array(lengths)[:, None]
        mask = torch.from_numpy(places.astype(np.int64)).to(on)
    return torch.from_numpy(table).to(on), mask


def token_budget(on: torch.device, longest: int, run: Callable[[int, int], Any]) -> int:
    """Tokens of a padded batch that a device takes, measured once.

    Args:
        on: the device.
        longest: tokens of the longest input that will come.
        run: runs the model on so many inputs of such a length.

    Raises:
        InputError: a GPU on which the longest input does not fit.
    """
    import torch

    if on.type != "cuda":
        return CPU_TOKENS
    per_token = 0.0  # bytes
    # Attention's share grows with the length, that of the rest does not.
    for rows, length in ((1, longest), (max(1, longest // SHORT), min(SHORT, longest))):
        torch.cuda.reset_peak_memory_stats(on)
        before = torch.cuda.memory_allocated(on)
        try:
            with torch.inference_mode():
                run(rows, length)
        except torch.OutOfMemoryError:
            raise InputError(
                f"is {longest}, but the GPU has no memory for such a text; lower it",
                key="max_length",
            ) from None
        peak = torch.cuda.max_memory_allocated(on) - before
        per_token = max(per_token, peak / (rows * length))
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(on)
    # A power of two: the same for every GPU of a kind, whatever else it holds.
    fits = 1 << max(0, int(math.log2(max(1.0, USED_SHARE * free / per_token))))
    budget = max(longest, min(fits, MOST_TOKENS))
    log.info("%s: batches of up to %d tokens", on, budget)
    return budget


def in_halves(
    run: Callable[[list[np.ndarray]], Result],
    ids: list[np.ndarray],
    join: Callable[[Result, Result], Result],
) -> Result:
    """`run(ids)`; if the GPU has no memory for that, joined from its halves.

    Only that error is taken for want of memory.

    Raises:
        InputError: a single text does not fit.
    """
    import torch

    try:
        return run(ids)
    except torch.OutOfMemoryError:
        if len(ids) == 1:
            raise InputError(
                f"a text of {len(ids[0])} tokens does not fit into the GPU's memory; "
                "lower the length",
                key="max_length",
            ) from None
    torch.cuda.empty_cache()
    half = len(ids) // 2
    return join(in_halves(run, ids[:half], join), in_halves(run, ids[half:], join))


def longest_input(config: PretrainedConfig) -> int | None:
    """Tokens that a model takes at most, special ones included; None: any number."""
    longest = getattr(config, "max_position_embeddings", None)
    if longest is not None and config.model_type in COUNTED_FROM_PADDING:
        longest -= config.pad_token_id + 1
    return longest


def check_limits(
    path: Path, config: Any, *, max_length: int, batch_tokens: int | None, least: int
) -> None:
    """Refuse a budget or a length that the model cannot work with.

    Args:
        path: the model directory, to name it.
        config: the model's configuration.
        max_length: tokens per input, special ones included.
        batch_tokens: of a padded batch; None: as many as the device takes.
        least: the shortest input with something in it.

    Raises:
        InputError: naming the option.
    """
    if batch_tokens is not None and batch_tokens < 1:
        raise InputError(f"is {batch_tokens}, expected 1 or more", key="batch_tokens")
    if max_length < least:
        raise InputError(f"is {max_length}, expected {least} or more", key="max_length")
    longest = longest_input(config)
    if longest is not None and max_length > longest:
        raise InputError(
            f"is {max_length}, but the model in {path} takes {longest} tokens at most",
            key="max_length",
        )


def first_line(error: Exception) -> str:
    """An exception's kind and the first line of what it says, for one sentence."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0].rstrip('.')}" if said else repr(error)
