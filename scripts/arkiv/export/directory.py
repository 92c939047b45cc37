"""A model directory that BGEM3FlagModel and sentence-transformers load.

`BGEM3FlagModel` reads the directory as training left it. sentence-transformers also
reads which modules make a vector of a text.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from arkiv.base.files import write_json
from arkiv.base.hashing import sha256_of
from arkiv.encode.models import HEADS

README = "README.md"
# By directory. These names of modules, as in the files of BGE-M3 itself, are read by
# versions before 6 too; those that 6 writes are not.
MODULES = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}


def weights_of(model: Path) -> dict[str, str]:
    """SHA-256 of the files of an encoder's weights and of its heads, by name."""
    names = [*sorted(path.name for path in model.glob("*.safetensors")), *HEADS]
    return {name: sha256_of(model / name) for name in names}


def add_modules(directory: Path, dimensions: int, max_length: int) -> None:
    """Let sentence-transformers make an M3 model's vectors of so many dimensions."""
    modules = [
        {
            "idx": index,
            "name": str(index),
            "path": path,
            "type": f"sentence_transformers.models.{name}",
        }
        for index, (path, name) in enumerate(MODULES.items())
    ]
    pooling = {
        "word_embedding_dimension": dimensions,
        "pooling_mode_cls_token": True,
        "pooling_mode_mean_tokens": False,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    transformer = {"max_seq_length": max_length, "do_lower_case": False}
    whole = {
        "prompts": {"query": "", "document": ""},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    }
    write_json(directory / "modules.json", modules)
    write_json(directory / "1_Pooling" / "config.json", pooling)
    # Without settings, but git keeps no empty directory.
    write_json(directory / "2_Normalize" / "config.json", {})
    write_json(directory / "sentence_bert_config.json", transformer)
    write_json(directory / "config_sentence_transformers.json", whole)


def copy_model(source: Path, target: Path) -> None:
    """Copy what is in a model directory, but the card of the model it was tuned from.

    Links become the files that they stand for: the copy is to be moved elsewhere.
    """
    card = shutil.ignore_patterns(README)
    shutil.copytree(source, target, copy_function=shutil.copyfile, ignore=card)
