"""How long a text may be: what a model's files say, and what a setting makes of it.

A setting of a length is a number of tokens, special ones included; `auto`, which is 256
or less, for queries; or None, as many as the model takes. What a model takes is what
sentence-transformers cuts texts at. Its positions may hold more, and a number may ask
for that.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import read_object
from arkiv.encode.loading import longest_text
from arkiv.encode.settings import AUTO, Length

# What sentence-transformers keeps of an encoder, by the name that it writes, and by
# those that older versions wrote.
LIMITS = "sentence_bert_config.json"
FORMER = (
    *("sentence_roberta_config.json", "sentence_distilbert_config.json"),
    *("sentence_camembert_config.json", "sentence_albert_config.json"),
    *("sentence_xlm-roberta_config.json", "sentence_xlnet_config.json"),
)
# What `auto` is, of a model that takes as much.
QUERY_TOKENS = 256
# What None is, of a model that takes any number: as much as BGE-M3 takes.
ANY_TOKENS = 8192
# Above it, what transformers writes for a tokenizer that sets no limit.
NO_LIMIT = 1e9


def limits_file(folder: Path) -> Path:
    """The file of a folder with an encoder where sentence-transformers keeps limits."""
    names = (LIMITS, *FORMER)
    found = (folder / name for name in names if (folder / name).is_file())
    return next(found, folder / LIMITS)


def own_limit(folder: Path) -> int | None:
    """Tokens of a text that an encoder takes, special ones included; None: any number.

    `max_seq_length`, or where that is not said the tokenizer's `model_max_length`; no
    more than there are positions. So sentence-transformers cuts.

    Raises:
        InputError: a file is damaged.
    """
    file = limits_file(folder)
    said = _settings(file).get("max_seq_length")
    if said is not None and not _is_number(said):
        reason = f"is {said!r}, expected a whole number from 1"
        raise InputError(reason, file=file, key="max_seq_length")
    if not _is_limit(said):
        given = _settings(folder / "tokenizer_config.json")
        # The older name where the newer is not, as transformers has it.
        said = given.get("model_max_length", given.get("max_len"))
    return least(int(said) if _is_limit(said) else None, longest_text(folder))


def least(*limits: int | None) -> int | None:
    """The smallest of limits, of which None is none."""
    return min((one for one in limits if one is not None), default=None)


def length_of(asked: Length, takes: int | None) -> int:
    """Tokens at which texts are cut.

    Args:
        asked: by a setting.
        takes: what the model takes; None: any number.
    """
    if asked is None:
        return ANY_TOKENS if takes is None else takes
    if asked == AUTO:
        return QUERY_TOKENS if takes is None else min(QUERY_TOKENS, takes)
    return asked


def check_lengths(asked: Mapping[str, int], folder: Path, called: object) -> None:
    """See that no text is to be longer than a model has positions.

    Args:
        asked: tokens, by the keys of the configuration.
        folder: of the model.
        called: the model, in the message.

    Raises:
        InputError: naming the key.
    """
    positions = longest_text(folder)
    for key, length in asked.items():
        if positions is not None and length > positions:
            raise too_long(length, called, positions, key)


def too_long(length: int, called: object, positions: int, key: str) -> InputError:
    """What is said of a length that a model has no positions for."""
    reason = f"is {length}, but {called} takes {positions} tokens at most"
    return InputError(reason, key=key)


def _settings(file: Path) -> Mapping[str, Any]:
    return read_object(file, "map of settings", optional=True)


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and 1 <= value < inf and value == int(value)


def _is_limit(value: object) -> bool:
    return _is_number(value) and value <= NO_LIMIT
