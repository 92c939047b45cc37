"""The settings by which train rows are altered, and whether they agree.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from arkiv.base.declared import NAME, setting
from arkiv.base.errors import InputError

# Noise that is learnt from the archive.
ARCHIVE = "archive"
# Of a row, what may be altered: the query, or its positives and negatives.
ALTERABLE = {"queries": ("query",), "passages": ("pos", "neg")}


@dataclass(frozen=True)
class Augment:
    """Train rows in other spellings, and misread."""

    spelling: tuple[str, ...] = setting(
        (),
        "variants of `evaluate.spelling.rules` by which texts to train on are respelled"
        ", such as `[old, modern]`",
        pattern=NAME,
        unique=True,
    )
    noise: float | Literal["archive"] = setting(
        0,
        "share of characters to misread in other such texts; archive: what is misread, "
        "and how much, is learnt from the pages; 0 and no spelling: nothing is altered",
        at_least=0,
        at_most=0.5,
    )
    share: float = setting(0.3, "of the texts that are altered", more_than=0, at_most=1)
    texts: tuple[str, ...] = setting(
        ("queries",),
        "which texts are altered",
        choices=tuple(ALTERABLE),
        fewest=1,
        unique=True,
    )


def augments(augment: Mapping[str, Any]) -> bool:
    """Whether texts to train on are altered."""
    return bool(augment["spelling"] or augment["noise"])


def check_augment(augment: Mapping[str, Any], *, pages: bool) -> None:
    """Refuse noise that is to be learnt where there is nothing to learn it from.

    Args:
        augment: the section.
        pages: whether some dataset starts from pages.

    Raises:
        InputError: there are none.
    """
    if augment["noise"] == ARCHIVE and not pages:
        raise InputError(
            f"is {ARCHIVE}, but no dataset names `pages`, of which two transcriptions "
            "or readings beside others would tell what is misread; give a share of "
            "characters, such as 0.1",
            key="train.augment.noise",
        )
