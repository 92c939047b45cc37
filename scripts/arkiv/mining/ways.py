"""What searches exactly: faiss or torch, of which both give the same neighbours."""

from __future__ import annotations

import ctypes
import importlib
import logging
from types import ModuleType
from typing import NamedTuple

from arkiv.base.errors import InputError
from arkiv.encode.options import promised_gpus
from arkiv.mining import nearest

log = logging.getLogger("arkiv.mining.ways")


class Choice(NamedTuple):
    """What searches, and on how many GPUs; without one on the CPU."""

    name: str
    way: nearest.Way
    gpus: int

    def __str__(self) -> str:
        return f"{self.name} on {where(self.gpus)}"


def where(gpus: int) -> str:
    """What that many GPUs are called; none are the CPU."""
    return f"{gpus} GPU(s)" if gpus else "the CPU"


def choose(asked: str) -> Choice:
    """What `mining.search` asks for: auto, faiss or torch.

    auto takes faiss where it sees a GPU, else torch where that sees one or where faiss
    is not installed, and faiss on a machine without a GPU.

    Raises:
        InputError: what is asked for is not installed.
    """
    chosen = {"auto": _auto, "faiss": _faiss, "torch": _torch}[asked]()
    if chosen is None:
        needed = "neither faiss nor torch is" if asked == "auto" else f"{asked} is not"
        raise InputError(f"is {asked}, but {needed} installed here", key="search")
    if not chosen.gpus and (promised := promised_gpus()):
        log.warning(
            "searching on the CPU: %s sees none of %d GPUs", chosen.name, promised
        )
    return chosen


def _auto() -> Choice | None:
    faiss = _faiss()
    if faiss and (faiss.gpus or not has_gpu()):
        return faiss
    torch = _torch()
    return torch if torch and (torch.gpus or not faiss) else faiss


def has_gpu() -> bool:
    """Whether the driver of NVIDIA's GPUs is there.

    Without one torch sees none, and to ask it takes seconds and hundreds of megabytes.
    """
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def _faiss() -> Choice | None:
    if imported("faiss") is None:
        return None
    return Choice("faiss", nearest.FaissSearch, nearest.gpu_count())


def _torch() -> Choice | None:
    if imported("torch") is None:
        return None
    from arkiv.mining import torch_search

    return Choice("torch", torch_search.TorchSearch, torch_search.gpu_count())


def imported(library: str) -> ModuleType | None:
    """A library, or None where it is not installed, or not whole."""
    try:
        return importlib.import_module(library)
    except ImportError as error:
        log.debug("%s: %s", library, error)
        return None
