"""A model directory that sentence-transformers and, with heads, BGEM3FlagModel load.

Training left it so; sentence-transformers also wants to know where to cut texts.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from arkiv.base.hashing import sha256_of
from arkiv.encode.models import HEADS, has_heads

README = "README.md"


def weights_of(model: Path) -> dict[str, str]:
    """SHA-256 of the files of an encoder's weights and of its heads, by name.

    Raises:
        InputError: it has one head without the other.
    """
    names = sorted(path.name for path in model.glob("*.safetensors"))
    names += HEADS if has_heads(model) else ()
    return {name: sha256_of(model / name) for name in names}


def copy_model(source: Path, target: Path) -> None:
    """Copy what is in a model directory, but the card of the model it was tuned from.

    Links become the files that they stand for: the copy is to be moved elsewhere.
    """
    card = shutil.ignore_patterns(README)
    shutil.copytree(source, target, copy_function=shutil.copyfile, ignore=card)
