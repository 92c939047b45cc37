"""How a model runs: precision, attention, batches, processes; and on what device."""

from __future__ import annotations

import importlib.util
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arkiv.encode.settings import Batch, Running

if TYPE_CHECKING:
    import torch

log = logging.getLogger("arkiv.encode.options")


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
class Options(Running, Batch):
    """How a model runs; nothing of it changes results beyond rounding.

    Precision auto is on a GPU float16, in which FlagEmbedding runs these models. Not
    bfloat16: with its 8 bits scores differ in the second digit. Attention auto is flash
    attention if the package is installed and fits, else torch's scaled dot product,
    which has flash kernels of its own.
    """

    processes: int | None = 1
    """None: one per GPU; on a CPU see `arkiv.encode.workers.devices`."""

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
