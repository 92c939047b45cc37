"""A model with other weights than another one, as if it had been tuned."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from arkiv.encode.models import HEADS

FILE = "model.safetensors"


def another(
    model: Path,
    path: Path,
    seed: int = 1,
    dtype: torch.dtype = torch.float32,
    spread: float = 0.1,
) -> Path:
    """A copy of a model's directory, all its weights moved."""
    shutil.copytree(model, path)
    torch.manual_seed(seed)
    for name, value in (state := load_file(path / FILE)).items():
        state[name] = (value + spread * torch.randn_like(value)).to(dtype)
    save_file(state, path / FILE, {"format": "pt"})
    for name in HEADS:
        head = torch.load(path / name, weights_only=True)
        changed = {
            key: value + spread * torch.randn_like(value) for key, value in head.items()
        }
        torch.save(changed, path / name)
    return path
