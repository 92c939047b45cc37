"""How much of the tuned model a merged one has, chosen by what is learnt and forgotten.

What lies between the tuned model and the other is measured on the dev queries and on
the general set as a model in training is (`arkiv.train.evaluation`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from arkiv.encode.encoder import Encoder
from arkiv.encode.loading import load, load_tokenizer
from arkiv.encode.m3 import M3, load_head
from arkiv.encode.models import HEADS, has_heads
from arkiv.encode.options import Options, device
from arkiv.train.evaluation import Scores, Settings, means_by_mode
from arkiv.train.merging import Ends
from arkiv.train.settings import FORGOTTEN

if TYPE_CHECKING:
    from arkiv.encode.description import Description

log = logging.getLogger(__name__)

# In tenths: first every other weight, then those beside the best.
TENTHS = 10
FIRST = range(0, TENTHS + 1, 2)

Entry = dict[str, Any]


def allowed(entry: Entry, other: Entry, mode: str, measure: str) -> bool:
    """Whether the general set is no more than FORGOTTEN below what the other model
    reaches; of a run without one, always."""
    if "general" not in entry["scores"]:
        return True
    mean, before = (one["scores"]["general"][mode][measure] for one in (entry, other))
    return mean >= before - FORGOTTEN


def best(curve: Sequence[Entry], mode: str, measure: str) -> Entry:
    """The entry that is the best on dev queries of those that are allowed.

    Of several alike, that which is the best on the general set; of such, that with the
    least of the tuned model.

    Args:
        curve: `{"weight", "scores": {"dev": {mode: {measure: mean}}, "general": …}}`
            each, one of them with weight 0, which is the other model.
        mode: of scoring that decides,
        measure: and its measure.
    """
    other = next(one for one in curve if one["weight"] == 0)
    taken = [one for one in curve if allowed(one, other, mode, measure)]
    # Dev queries are few: to many of them several of these models answer alike.
    return min(
        taken,
        key=lambda one: (
            *(
                -one["scores"][name][mode][measure]
                for name in ("dev", "general")
                if name in one["scores"]
            ),
            one["weight"],
        ),
    )


def curve_of(
    measured: Callable[[float], Mapping[str, Scores]], mode: str, measure: str
) -> list[Entry]:
    """What is measured by weight, in their order: a coarse grid first, then a finer one
    about its best."""
    found: dict[int, Entry] = {}

    def add(tenths: int) -> None:
        if tenths in range(TENTHS + 1) and tenths not in found:
            weight = tenths / TENTHS
            found[tenths] = {"weight": weight, "scores": measured(weight)}

    for tenths in FIRST:
        add(tenths)
    middle = round(TENTHS * best([*found.values()], mode, measure)["weight"])
    for tenths in (middle - 1, middle + 1):
        add(tenths)
    return [found[tenths] for tenths in sorted(found)]


class Between:
    """One model in memory that is made each of those between two ends, and measured.

    Args:
        ends: the two.
        description: how the tuned one makes vectors.
        settings: what is measured on, and how.
        options: how models run.

    Raises:
        InputError: a file of the tuned model is damaged.
    """

    def __init__(
        self,
        ends: Ends,
        description: Description,
        settings: Settings,
        options: Options,
    ) -> None:
        path: Path = ends.tuned
        tokenizer, _ = load_tokenizer(path, options)
        model = load(path, "m3", options, device())
        heads = None
        if has_heads(path):
            found = (load_head(path, name, model.config.hidden_size) for name in HEADS)
            heads = tuple(head.to(model.device, model.dtype) for head in found)
        self._ends, self._model = ends, model
        self._heads = dict(zip(HEADS, heads or (), strict=False))
        kind = M3(path, options, description, loaded=(tokenizer, model, heads))
        lengths = {
            key: kind.length(getattr(settings, key))
            for key in ("query_max_length", "passage_max_length")
        }
        self._settings = replace(settings, **lengths)
        self._encoder = Encoder(kind, longest=max(lengths.values()))

    def measured(self, weight: float) -> dict[str, Scores]:
        """What the model with so much of the tuned one's weights reaches."""
        self._become(weight)
        settings = self._settings
        with torch.inference_mode():
            scores = {
                name: means_by_mode(self._encoder, collection, settings)
                for name, collection in settings.collections.items()
            }
        for name, modes in scores.items():
            mean = modes[settings.mode][settings.measure]
            said = "%.1f of the tuned model: %s on %s queries %.4f"
            log.info(said, weight, settings.title, name, mean)
        return scores

    def _become(self, weight: float) -> None:
        state = self._model.state_dict()
        with torch.no_grad():
            for name, values in self._ends.encoder(weight):
                if name in state:
                    state[name].copy_(values)
            for name, values in self._ends.heads(weight).items():
                self._heads[name].load_state_dict(values)
