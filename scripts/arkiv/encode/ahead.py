"""All that a model's files say against its use, before a job runs it.

For planning, of a local directory or a model that was fetched before, and for
prepare_model.py, of what it has fetched. Nothing heavy is imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import read_object
from arkiv.encode.body import CONFIG, DIMENSIONS, check_code
from arkiv.encode.description import Description, Own
from arkiv.encode.limits import check_lengths
from arkiv.encode.loading import check_positions
from arkiv.encode.models import (
    MODULES,
    Kind,
    check_heads,
    check_model,
    encoder_directory,
)
from arkiv.encode.settings import Reading
from arkiv.encode.tokenizer import GENERIC, SETTINGS, TOKENIZER

# Of which any pads texts; see `arkiv.encode.loading.padding`.
PADDING = ("pad_token", "eos_token", "unk_token")
# How tokenizer.json says that it names no token for it, within so many bytes.
UNPADDED, BEGINNING = re.compile(rb'"padding"\s*:\s*null'), 1000


@dataclass(frozen=True)
class Use:
    """What a run is to do with a model."""

    kind: Kind
    trusted: bool = False
    """It may run code of its own."""
    reading: Reading = field(default_factory=Reading)
    """Of the model to tune, what its own files are not to say."""
    lengths: Mapping[str, int] = field(default_factory=dict)
    """Tokens of the longest texts, by the settings that say so."""
    headed: bool = False
    """It is to have heads as BGE-M3 has them."""
    cuts: Mapping[str, int] = field(default_factory=dict)
    """Dimensions that are kept of its vectors, by the settings that say so."""


def check_ahead(
    path: str | Path, use: Use, *, name: str | None = None, made: bool = False
) -> None:
    """See that the model of a directory will do.

    Args:
        path: the directory.
        use: what for.
        name: what the model is called in messages, if not by its directory.
        made: see `check_model`.

    Raises:
        InputError: it lacks something, is damaged, or will not do for this use.
    """
    path = check_model(path, use.kind, made=made)
    encoder = path
    if use.kind == "dense":
        _check_modules(path)
        encoder = encoder_directory(path)
    check_code(encoder, use.kind, trusted=use.trusted)
    if use.kind == "m3":
        Description.of(path, use.reading)
        check_positions(path)
        _check_padding(path)
        if use.headed:
            check_heads(path)
    check_lengths(use.lengths, encoder, name or path)
    _check_cuts(use.cuts, encoder, name or path)


def _check_cuts(cuts: Mapping[str, int], encoder: Path, name: object) -> None:
    """See that vectors have as many dimensions as are to be kept of them."""
    config = read_object(encoder / CONFIG, "configuration of a model") if cuts else {}
    there = next((config[key] for key in DIMENSIONS if key in config), None)
    for key, kept in cuts.items():
        if there is not None and kept > there:
            reason = f"keeps {kept} dimensions of vectors, but {name} has {there}"
            raise InputError(f"{reason}; give fewer, or leave it out", key=key)


def _check_modules(path: Path) -> None:
    """See that what follows the encoder is there, and known."""
    for name, folder in Own.of(path).modules or ():
        file = folder / "config.json"
        if name != "Normalize" and not file.is_file():
            reason = f"is not there, but {MODULES} names its folder"
            raise InputError(reason, file=file)


def _check_padding(path: Path) -> None:
    """See that a tokenizer of no body's own names a token that can pad texts."""
    whole, file = path / TOKENIZER, path / SETTINGS
    if not whole.is_file() or _pads(whole):
        return
    said = {}
    for one in (file, path / "special_tokens_map.json"):
        said |= read_object(one, "settings of a tokenizer", optional=True)
    if said.get("tokenizer_class") in GENERIC and not any(map(said.get, PADDING)):
        reason = f"names none of {', '.join(PADDING)}, to pad texts with"
        raise InputError(reason, file=file)


def _pads(whole: Path) -> bool:
    """Whether tokenizer.json, of many megabytes, says at its beginning how to pad."""
    with open(whole, "rb") as content:
        return UNPADDED.search(content.read(BEGINNING)) is None
