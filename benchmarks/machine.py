"""The machine that a benchmark ran on, in words."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "FlagEmbedding",
    "sentence-transformers",
    "faiss-cpu",
    "faiss-gpu",
    "datasets",
    "numpy",
)
ASK_FOR_GPU = (
    "import torch; "
    "print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
)


def gpu() -> str | None:
    """The name of the GPU that torch sees, or None; asked in a process of its own."""
    asked = subprocess.run(
        [sys.executable, "-c", ASK_FOR_GPU], capture_output=True, text=True, check=True
    )
    return asked.stdout.strip() or None


def _value(path: str, key: str) -> str:
    """What follows the key and a colon in a file of the kernel's."""
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return "unknown"


def versions() -> dict[str, str]:
    """Of those PACKAGES that are installed."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def describe(gpu_name: str | None) -> dict:
    """Cores that the benchmarks may use, processor, memory, GPU and versions."""
    memory = int(_value("/proc/meminfo", "MemTotal").split()[0]) * 1024
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _value("/proc/cpuinfo", "model name"),
        "memory_gb": round(memory / 1e9, 1),
        "gpu": gpu_name,
        "python": platform.python_version(),
        "packages": versions(),
    }
