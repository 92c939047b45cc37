"""A model directory that sentence-transformers and, with heads, BGEM3FlagModel load.

Training left it so; sentence-transformers also wants to know where to cut texts.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from arkiv.base.files import read_object, write_json
from arkiv.base.hashing import sha256_of
from arkiv.encode.models import HEADS, has_heads
from arkiv.encode.tokenizer import SETTINGS

README = "README.md"
# What transformers 5 calls a tokenizer that is all in tokenizer.json, and 4 does.
LATER, EARLIER = "TokenizersBackend", "PreTrainedTokenizerFast"


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

    Links become the files that they stand for: the copy is to be moved elsewhere. A
    tokenizer that is read as it stands is called so that servers with transformers 4
    know it too, which is what it is to 5.
    """
    card = shutil.ignore_patterns(README)
    shutil.copytree(source, target, copy_function=shutil.copyfile, ignore=card)
    file = target / SETTINGS
    said = read_object(file, "settings of a tokenizer", optional=True)
    if said.get("tokenizer_class") == LATER:
        write_json(file, said | {"tokenizer_class": EARLIER})
