"""Two models averaged, each tensor of the one with that of the other.

Between the weights before and after fine-tuning lie models that keep most of what was
learnt and much of what was known before (Wortsman et al. 2021, "Robust fine-tuning of
zero-shot models"); between two fine-tunings of one model such as are better than either
(Wortsman et al. 2022, "Model soups"). Xiao et al. 2023, "LM-Cocktail", have it of
embedders such as these.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from arkiv.base.errors import InputError
from arkiv.base.files import read_json, read_object
from arkiv.encode.body import CONFIG
from arkiv.encode.description import Description
from arkiv.encode.loading import load
from arkiv.encode.m3 import load_head
from arkiv.encode.models import HEADS, LENGTH, NOTES, has_heads
from arkiv.encode.options import Options
from arkiv.encode.tokenizer import TOKENIZER
from arkiv.train.heads import new_heads

# Of a body what its tensors' names and shapes do not tell.
SAME = ("model_type", "num_attention_heads", "hidden_act", "position_embedding_type")
# Of tokenizer.json what a use leaves behind, and no model depends on.
LEFT_BEHIND = ("truncation", "padding")
# Stands behind the states that M3 takes: it is not trained, and may have been made up
# where a model was loaded.
UNUSED = "pooler."


class Ends:
    """The tuned model and the other one, and what lies between them.

    The other one's encoder is held in memory, in float32; of the tuned one a tensor at
    a time is read.

    Args:
        tuned: a directory that train_model.py wrote.
        other: a model directory, with weights in any form that transformers loads.
        seed: of the training, where the other is the model that it started from: if
            that has no heads, those that training made for it stand for them. None: the
            other must have what the tuned one has.
        options: of which it counts whether a model's own code is trusted.

    Raises:
        InputError: the two differ in body, tokenizer, heads or use, or a file is
            damaged.
    """

    def __init__(
        self, tuned: Path, other: Path, seed: int | None, options: Options
    ) -> None:
        self.tuned, self.other = tuned, other
        _check_alike(tuned, other, same_use=seed is None)
        whole = Options(
            precision="float32", trust_remote_code=options.trust_remote_code
        )
        model = load(other, "m3", whole, torch.device("cpu"))
        self._others = model.state_dict()
        self._shapes = dict(_shapes(tuned))
        self._check_shapes()
        self._heads = self._read_heads(model.config.hidden_size, seed)

    def _check_shapes(self) -> None:
        """See that either has the tensors of the other, of the same shapes."""
        used = {name for name in self._shapes if not name.startswith(UNUSED)}
        found = {name for name in self._others if not name.startswith(UNUSED)}
        for name in sorted(used - found):
            self._refuse(f"lacks {name}")
        # A tensor that has two names is saved under one of them.
        saved = {self._others[name].data_ptr() for name in used}
        for name in sorted(found - used):
            if self._others[name].data_ptr() not in saved:
                self._refuse(f"has {name} more")
        for name in sorted(used):
            ours, theirs = self._shapes[name], list(self._others[name].shape)
            if ours != theirs:
                shapes = (" x ".join(map(str, shape)) for shape in (theirs, ours))
                self._refuse("has {} as {}, expected {}".format(name, *shapes))

    def _refuse(self, reason: str) -> None:
        reason += f" as {self.tuned} has it: models of one body can be averaged"
        raise InputError(reason, file=self.other)

    def _read_heads(
        self, dim: int, seed: int | None
    ) -> dict[str, tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]]:
        """Of each head its tensors in both models, by the name of its file."""
        if not has_heads(self.tuned):
            return {}
        if has_heads(self.other):
            theirs = {name: load_head(self.other, name, dim) for name in HEADS}
        else:
            made = new_heads(dim, seed)
            theirs = {name: made[name.removesuffix(".pt")] for name in HEADS}
        found = {}
        for name, head in theirs.items():
            load_head(self.tuned, name, dim)  # raises what is wrong with it
            own = torch.load(self.tuned / name, map_location="cpu", weights_only=True)
            found[name] = own, head.state_dict()
            for key, values in own.items():
                if values.shape != head.state_dict()[key].shape:
                    self._refuse(f"has {name} of another shape, not")
        return found

    def encoder(self, weight: float) -> Iterator[tuple[str, torch.Tensor]]:
        """The tensors of the encoder by name, so much of the tuned one's in each; in
        its types, one in memory at a time."""
        for file in _files(self.tuned):
            with safe_open(file, framework="pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118 - no map
                    yield name, self._averaged(name, tensors.get_tensor(name), weight)

    def _averaged(self, name: str, own: torch.Tensor, weight: float) -> torch.Tensor:
        kept = name.startswith(UNUSED)
        return own if kept else averaged(own, self._others[name], weight)

    def heads(self, weight: float) -> dict[str, dict[str, torch.Tensor]]:
        """Likewise the states of the heads by the names of their files, if any."""
        return {
            name: {key: averaged(own[key], theirs[key], weight) for key in own}
            for name, (own, theirs) in self._heads.items()
        }

    def write(self, output: Path, weight: float) -> None:
        """Make a directory of the tuned model's files, with so much of its weights.

        The files of weights are laid out as its own, and written tensor by tensor.
        """
        files = _files(self.tuned)
        left = [file.name for file in files] + list(self._heads)
        shutil.copytree(
            self.tuned,
            output,
            copy_function=shutil.copyfile,
            ignore=lambda folder, _: left if Path(folder) == self.tuned else [],
        )
        for file in files:
            header = _header(file)
            with (
                safe_open(file, framework="pt") as tensors,
                open(output / file.name, "wb") as out,
            ):
                out.write(header)
                for name in _in_order(header):
                    made = self._averaged(name, tensors.get_tensor(name), weight)
                    content = made.contiguous().reshape(-1).view(torch.uint8)
                    out.write(content.numpy().data)
        for name, state in self.heads(weight).items():
            torch.save(state, output / name)


def averaged(own: torch.Tensor, other: torch.Tensor, weight: float) -> torch.Tensor:
    """weight x own + (1 - weight) x other, made in float32, in the type of `own`.

    Exactly the one with weight 1, and with 0 the other. What is no number with a point,
    such as places, is not averaged.
    """
    if weight == 1 or not own.is_floating_point():
        return own
    if weight == 0:
        return other.to(own.dtype)
    return torch.lerp(other.float(), own.float(), weight).to(own.dtype)


def _files(model: Path) -> list[Path]:
    """The files of an encoder's weights.

    Raises:
        InputError: there is none in safetensors.
    """
    found = sorted(model.glob("*.safetensors"))
    if not found:
        reason = "has no weights in safetensors, as train_model.py writes them"
        raise InputError(reason, file=model)
    return found


def _header(file: Path) -> bytes:
    """The length and the JSON that a file of safetensors begins with, see
    `arkiv.encode.models`, which has found nothing wrong with it."""
    with open(file, "rb") as content:
        length = content.read(LENGTH)
        return length + content.read(int.from_bytes(length, "little"))


def _described(header: bytes) -> dict[str, dict[str, Any]]:
    tensors = json.loads(header[LENGTH:])
    return {name: one for name, one in tensors.items() if name != NOTES}


def _in_order(header: bytes) -> list[str]:
    """The names of the tensors, which follow one another behind the header."""
    found = _described(header)
    return sorted(found, key=lambda name: found[name]["data_offsets"])


def _shapes(model: Path) -> Iterator[tuple[str, list[int]]]:
    for file in _files(model):
        for name, one in _described(_header(file)).items():
            yield name, one["shape"]


def _check_alike(tuned: Path, other: Path, *, same_use: bool) -> None:
    """Refuse two models that differ in what their tensors do not show.

    Args:
        same_use: see too that they have the same heads, and make vectors in one way.

    Raises:
        InputError: naming what differs.
    """
    ours, theirs = (
        read_object(model / CONFIG, "configuration of a model")
        for model in (tuned, other)
    )
    for key in SAME:
        if ours.get(key) != theirs.get(key) and {key} <= ours.keys() & theirs.keys():
            raise InputError(
                f"is {theirs[key]}, but {ours[key]} in {tuned}: models of one body can "
                "be averaged",
                file=other / CONFIG,
                key=key,
            )
    if _tokens(tuned) != _tokens(other):
        reason = f"is another tokenizer than that of {tuned}: the tensors of two models"
        raise InputError(
            f"{reason} with one tokenizer can be averaged", file=other / TOKENIZER
        )
    if same_use and has_heads(tuned) and not has_heads(other):
        reason = f"has no heads for sparse and multi-vector search, but {tuned} has"
        raise InputError(reason, file=other)
    if same_use and (own := Description.of(tuned)) != (its := Description.of(other)):
        raise InputError(
            f"makes its vectors in another way ({_told(its)}) than {tuned} "
            f"({_told(own)}): models of one use can be averaged",
            file=other,
        )


def _told(how: Description) -> str:
    prompts = f"prompts {how.query_prompt!r} and {how.passage_prompt!r}"
    return f"pooling {how.pooling}, {prompts}"


def _tokens(model: Path) -> Any:
    """What a tokenizer does, as far as a model depends on it."""
    value = read_json(model / TOKENIZER)
    if isinstance(value, dict):
        value = {key: of for key, of in value.items() if key not in LEFT_BEHIND}
    return value
