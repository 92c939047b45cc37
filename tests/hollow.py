"""Model directories with all files that are looked for, and next to nothing in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arkiv.base.files import write_json

# A tensor of two numbers, in a file of safetensors.
HEADER = b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(8)
ENCODER = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "hidden_size": 32,
    "max_position_embeddings": 512,
}
RERANKER = {
    "model_type": "bert",
    "architectures": ["BertForSequenceClassification"],
    "id2label": {"0": "LABEL_0"},
    "max_position_embeddings": 9000,
}


def build_hollow(path: Path, *, reranker: bool = False, **said: Any) -> Path:
    """Write a directory whose `config.json` says this too; None leaves a key out."""
    path.mkdir(parents=True, exist_ok=True)
    config = {**(RERANKER if reranker else ENCODER), **said}
    write_json(path / "config.json", {k: v for k, v in config.items() if v is not None})
    write_json(path / "tokenizer.json", {"truncation": None, "padding": None})
    (path / "model.safetensors").write_bytes(WEIGHTS)
    return path
