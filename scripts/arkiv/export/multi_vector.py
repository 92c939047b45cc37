"""The model's vectors of tokens for sentence-transformers' MultiVectorEncoder.

A directory within the export, for a `modules.json` speaks of one model. It has modules
and settings of its own, and what the encoder is made of by links to the files beside
it: weights are there once, and the export may be moved or uploaded as a whole.

BGE-M3 leaves out the first token's vector, of queries and passages, and scores by the
mean of the best products (`colbert_score` of FlagEmbedding). Here a MultiVectorMask
that skips this token does the first, and `meanmaxsim` the second.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from arkiv.base.errors import InputError
from arkiv.base.files import write_json
from arkiv.encode.description import ABOUT, Description
from arkiv.encode.limits import LIMITS
from arkiv.encode.models import HEADS, MODULES, has_heads
from arkiv.encode.tokenizer import fast_tokenizer

FOLDER = "multi_vector"
HEAD = HEADS[0]
# By directory, the modules of sentence-transformers 6.
WRITTEN = {
    "": "base.modules.Transformer",
    "1_Dense": "base.modules.Dense",
    "2_MultiVectorMask": "multi_vector_encoder.modules.MultiVectorMask",
    "3_Normalize": "base.modules.Normalize",
}
# What these read and write.
TOKENS = {
    "module_input_name": "token_embeddings",
    "module_output_name": "token_embeddings",
}
# The types of numbers as torch and safetensors name them.
STORAGES = {"FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16"}


class Tensor(NamedTuple):
    """Numbers as a file has them, row by row."""

    kind: str
    shape: tuple[int, ...]
    content: bytes


def first_token(model: Path) -> str | None:
    """The special token that every text of a model with heads begins with, and that it
    has nowhere else; None: there is none, and so no mask that leaves out the first."""
    if not has_heads(model):
        return None
    tokenizer = fast_tokenizer(model)
    found = [tokenizer.encode(text) for text in ("a", "b c")]
    tokens = {one.tokens[0] for one in found if one.special_tokens_mask[:1] == [1]}
    if len(tokens) != 1 or any(one.ids.count(one.ids[0]) > 1 for one in found):
        return None
    return tokens.pop()


def write(
    export: Path,
    description: Description,
    token: str,
    *,
    query_max_length: int,
    passage_max_length: int,
) -> None:
    """Write the directory within an export that is whole but for it.

    Args:
        export: a model with heads.
        token: see `first_token`.
        query_max_length: tokens at which queries are cut.
        passage_max_length: likewise passages.

    Raises:
        InputError: the multi-vector head is damaged.
    """
    head = read_tensors(export / HEAD)
    rows, columns = head["weight"].shape
    folder = export / FOLDER
    dense = {
        "in_features": columns,
        "out_features": rows,
        "bias": "bias" in head,
        "activation_function": "torch.nn.modules.linear.Identity",
        **TOKENS,
    }
    mask = {"skiplist_words": [token], "skiplist_tasks": ["query", "document"]}
    modules = [
        {
            "idx": n,
            "name": str(n),
            "path": path,
            "type": f"sentence_transformers.{name}",
        }
        for n, (path, name) in enumerate(WRITTEN.items())
    ]
    lengths = {
        "max_seq_length": passage_max_length,
        "query_length": query_max_length,
        "document_length": passage_max_length,
        "do_lower_case": False,
    }
    about = {
        "model_type": "MultiVectorEncoder",
        "prompts": {
            "query": description.query_prompt,
            "document": description.passage_prompt,
        },
        "default_prompt_name": None,
        "similarity_fn_name": "meanmaxsim",
    }
    own = {
        MODULES: modules,
        LIMITS: lengths,
        ABOUT: about,
        "1_Dense/config.json": dense,
        "2_MultiVectorMask/config.json": mask,
        "3_Normalize/config.json": TOKENS,
    }
    for name, content in own.items():
        write_json(folder / name, content)
    linear = {f"linear.{name}": tensor for name, tensor in head.items()}
    (folder / "1_Dense" / "model.safetensors").write_bytes(as_safetensors(linear))
    beside = {"README.md", *HEADS, *own}
    for path in sorted(export.iterdir()):
        if path.is_file() and path.name not in beside:
            (folder / path.name).symlink_to(Path("..", path.name))


class _Tensors(pickle.Unpickler):
    """Reads what `torch.save` pickled, without torch, and nothing but tensors."""

    def __init__(self, archive: zipfile.ZipFile, pickled: str) -> None:
        super().__init__(archive.open(pickled))
        self._read = archive.read
        self._folder = pickled.removesuffix("data.pkl")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> tuple[str, bytes]:
        _, kind, key, *_ = pid
        return kind, self._read(f"{self._folder}data/{key}")


def _tensor(
    storage: tuple[str, bytes],
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    *_: object,
) -> Tensor:
    kind, content = storage
    steps, size = [], 1
    for length in reversed(shape):
        steps.insert(0, size)
        size *= length
    width = 4 if kind == "F32" else 2
    if tuple(steps) != tuple(stride) or len(content) < (offset + size) * width:
        raise pickle.UnpicklingError("the numbers do not stand row by row")
    return Tensor(kind, shape, content[offset * width : (offset + size) * width])


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a linear layer's state that `torch.save` wrote.

    Raises:
        InputError: the file is damaged, or of something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (pickled,) = (
                name for name in archive.namelist() if name.endswith("/data.pkl")
            )
            state = dict(_Tensors(archive, pickled).load())
    except Exception as error:  # whatever unpickling a foreign file may raise
        reason = f"is not the state of a linear layer ({type(error).__name__})"
        raise InputError(reason, file=path) from None
    if not {"weight"} <= state.keys() <= {"weight", "bias"}:
        raise InputError("is not the state of a linear layer", file=path)
    return state


def as_safetensors(tensors: Mapping[str, Tensor]) -> bytes:
    """The bytes of a file of safetensors: the length of the header in 8 bytes, the
    header as JSON, which begins a multiple of 8, and the numbers."""
    header: dict[str, Any] = {}
    end = 0
    for name, one in tensors.items():
        start, end = end, end + len(one.content)
        header[name] = {
            "dtype": one.kind,
            "shape": list(one.shape),
            "data_offsets": [start, end],
        }
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    whole = [len(head).to_bytes(8, "little"), head]
    return b"".join([*whole, *(one.content for one in tensors.values())])
