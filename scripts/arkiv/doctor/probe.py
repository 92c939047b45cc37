"""In a process of its own: what torch and faiss see, which may end it.

    python start.py arkiv.doctor.probe torch|faiss

Prints one object of JSON.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from typing import Any

# Of a square matrix, and of the texts that attention is tried on.
SIDE, HEADS, LENGTH, WIDTH = 64, 4, 128, 64
TYPES = ("float16", "bfloat16")


def main() -> None:
    seen = {"torch": seen_by_torch, "faiss": seen_by_faiss}[sys.argv[1]]()
    print(json.dumps(seen))


def seen_by_torch() -> dict[str, Any]:
    """Version and CUDA of torch, its GPUs, and what works on the first of them."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    device = "cuda" if gpus else "cpu"
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "why_none": "" if gpus or torch.version.cuda is None else _why_no_gpu(),
        "gpus": [torch.cuda.get_device_name(gpu) for gpu in range(gpus)],
        "types": [one for one in TYPES if _multiplies(device, getattr(torch, one))],
        "flash": bool(gpus) and _attends(),
        "flash_attn": importlib.util.find_spec("flash_attn") is not None,
    }


def _why_no_gpu() -> str:
    """What CUDA says where there is no GPU to be had."""
    import torch

    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return " ".join(str(error).split())
    return ""


def _multiplies(device: str, dtype: Any) -> bool:
    """Whether a device multiplies matrices of a type, with the right result."""
    import torch

    try:
        ones = torch.ones(SIDE, SIDE, dtype=dtype, device=device)
        return bool(torch.all(ones @ ones == SIDE))
    except RuntimeError:
        return False


def _attends() -> bool:
    """Whether torch's own flash attention runs on the first GPU."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    shape = (1, HEADS, LENGTH, WIDTH)
    given = torch.zeros(shape, dtype=torch.float16, device="cuda")
    try:
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            torch.nn.functional.scaled_dot_product_attention(given, given, given)
    except RuntimeError:
        return False
    return True


def seen_by_faiss() -> dict[str, Any]:
    """Version and GPUs of faiss; a build for CPUs has none."""
    import faiss

    count = getattr(faiss, "get_num_gpus", lambda: 0)
    return {"version": faiss.__version__, "gpus": count()}


if __name__ == "__main__":
    main()
