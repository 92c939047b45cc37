"""The configuration as a command line gives it, for the programs beside Snakemake.

`--configfile FILE... --config KEY=VALUE...` mean there what they mean to Snakemake, so
that a run is searched, watched and looked over by the words that it was started with.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from arkiv.base.cli import add_words
from arkiv.base.errors import InputError
from arkiv.settings.config import laid_over, read_config

KEY = re.compile(r"[a-zA-Z_][\w-]*\w")
TRUTHS = {"True": True, "False": False}


class Given(NamedTuple):
    """What stands on a command line."""

    files: Sequence[str] = ()
    values: Sequence[str] = ()
    """KEY=VALUE, each laid over those before it, and all over the files."""

    @property
    def words(self) -> list[str]:
        """The same, for another command line."""
        files = ["--configfile", *self.files] if self.files else []
        return files + (["--config", *self.values] if self.values else [])

    def read(self) -> dict[str, Any]:
        """The whole configuration, checked.

        Raises:
            InputError: a word is no KEY=VALUE, a file is missing or not YAML, or the
                whole is not valid.
        """
        values: dict[str, Any] = {}
        for key, value in map(setting, self.values):
            values = laid_over(values, {key: value})
        return read_config(self.files, values)


def add_given(arguments: argparse.ArgumentParser) -> None:
    """Add `--configfile` and `--config`, which `given_by` takes."""
    add_words(
        arguments,
        configfile="[YAML...] as given to Snakemake",
        config="[KEY=VALUE...] as given to Snakemake",
    )


def given_by(arguments: argparse.Namespace) -> Given:
    """The configuration that a command line gives."""
    return Given(arguments.configfile, arguments.config)


def setting(word: str) -> tuple[str, Any]:
    """The key and the value of `KEY=VALUE`, as Snakemake reads them.

    Within lists and maps every value is a text.

    Raises:
        InputError: it is none, or its value is nothing but a comment of YAML, which
            Snakemake fails on.
    """
    key, equals, text = word.partition("=")
    if not equals or KEY.fullmatch(key) is None:
        raise InputError(f"is given {word}, expected KEY=VALUE", key="--config")
    text = text.strip("'\"")
    if not text:
        return key, None
    value = _value(text)
    if value is None:
        reason = (
            f"is given {word}, whose value is blank or a comment to YAML; write {key}= "
            "for no value, and any other into a file for --configfile"
        )
        raise InputError(reason, key="--config")
    return key, value


def _value(text: str) -> Any:
    import yaml

    def of_yaml(text: str) -> Any:
        return yaml.load(text, Loader=yaml.BaseLoader)

    readings: tuple[Callable[[str], Any], ...] = (
        *(int, float, TRUTHS.__getitem__),
        of_yaml,
    )
    for read in readings:
        try:
            return read(text)
        except (ValueError, KeyError, yaml.YAMLError):
            continue
    return text
