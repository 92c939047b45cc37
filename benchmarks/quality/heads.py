"""A model with new heads put in, so that how they begin can be chosen and measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import read_object
from arkiv.encode.models import check_model, has_heads


def beginnings_of(model: Path, asked: Sequence[str]) -> list[str]:
    """How new heads of a model are to begin, as asked for or as training has it; none
    of a model with heads of its own.

    Raises:
        InputError: it is no model to tune; or beginnings are asked for of one that has
            heads.
    """
    from arkiv.train.heads import BEGINNINGS

    check_model(model, "m3")
    if has_heads(model):
        if asked:
            reason = f"is for models without heads, but {model} has them"
            raise InputError(reason, key="--heads")
        return []
    for name in asked:
        if name not in BEGINNINGS:
            reason = f"is {name}, expected some of {', '.join(BEGINNINGS)}"
            raise InputError(reason, key="--heads")
    return list(dict.fromkeys(asked)) or [next(iter(BEGINNINGS))]


def headed(model: Path, beginning: str, seed: int, folder: Path) -> Path:
    """A directory that has a model's files, as links, and new heads.

    They are those that training makes where a model has none and heads begin so: what
    is tuned is the same, and the base model can be searched by every mode.

    Args:
        model: a directory without heads.
        beginning: of those of arkiv.train.heads.
        seed: of training.
        folder: that is made.
    """
    import torch

    from arkiv.train.heads import new_heads

    folder.mkdir(parents=True)
    for path, _, files in os.walk(model):
        below = folder / Path(path).relative_to(model)
        below.mkdir(exist_ok=True)
        for name in files:
            (below / name).symlink_to(Path(path, name).resolve())
    dim = read_object(model / "config.json", "configuration of a model")["hidden_size"]
    for name, layer in new_heads(dim, seed, beginning).items():
        torch.save(layer.state_dict(), folder / f"{name}.pt")
    return folder
