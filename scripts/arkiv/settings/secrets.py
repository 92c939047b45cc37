"""Secrets that stand in a configuration, where all is printed and kept: refused.

A configuration goes into commands, what Snakemake prints and keeps, logs, the report
and the card, so that there is no place in it for a key.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args, get_origin

from arkiv.base.declared import (
    alternatives,
    at,
    faults_of,
    is_section,
    settings_of,
)
from arkiv.base.errors import InputError
from arkiv.base.secrets import MASK, TOKENS, Found, in_text, is_drawn, secrets_in
from arkiv.settings.configuration import Configuration

# Shorter values of the environment may be words that stand for having no key.
SHORTEST = 12

VARIABLE = "queries.openai.key_variable"
OF_THE_HUB = "it belongs in the environment variable HF_TOKEN"
# Where a secret belongs that stands below these keys; else it is the language model's.
BELONGS = {
    "models": OF_THE_HUB,
    "evaluate.systems": OF_THE_HUB,
    "gold.embedder": OF_THE_HUB,
    "train": "training is offline and sends nothing: leave it out, and publish what "
    "`snakemake export` makes by the hub's own client",
    "serve": "the search page shows it to everyone: leave it out, and let the server "
    "of the images ask whoever looks",
    "datasets": "leave it out, and name files that lie here",
}


def check_secrets(config: Mapping[str, Any]) -> None:
    """Refuse a configuration with a secret in it, whatever else is wrong with it.

    Raises:
        InputError: saying where it stands and where it belongs; not what it is.
    """
    for where, what in _found(config, Configuration, ()):
        key = ".".join(where)
        raise InputError(
            f"holds {what}, and a configuration is printed and kept; "
            f"{_belongs(key, config)}",
            key=key,
        )
    variable = _at(config, VARIABLE)
    if isinstance(variable, str) and not _is_name(variable):
        raise InputError(
            "is not taken for the name of an environment variable, such as "
            "OPENAI_API_KEY: one of capitals, or of small letters without digits; a "
            "key itself belongs in that variable (what stands here is not shown)",
            key=VARIABLE,
        )
    known = {*map(os.environ.get, (*TOKENS, _variable(config)))}
    known = {value for value in known if value and len(value) >= SHORTEST}
    for where, text in texts(config):
        if any(value in text for value in known):
            raise InputError(
                "holds the value of an environment variable that is a key, and a "
                "configuration is printed and kept; leave it in the environment alone",
                key=".".join(where),
            )


@contextmanager
def concealing(config: Mapping[str, Any]) -> Iterator[None]:
    """Repeat, in what is said of a configuration, no text of it that may be a key.

    Raises:
        InputError: one from within, with such texts left out.
    """
    try:
        yield
    except InputError as error:
        reason, key = error.reason, error.key
        for _, text in texts(config):
            if is_drawn(text) or ("://" in text and "@" in text):
                for form in (text, repr(text)[1:-1]):
                    reason = reason.replace(form, MASK)
                    key = key and key.replace(form, MASK)
        raise InputError(reason, file=error.file, line=error.line, key=key) from None


def texts(
    value: Any, where: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """All texts of a configuration, names among them, and where each stands."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield where, str(key)
            yield from texts(one, (*where, str(key)))
    elif isinstance(value, (list, tuple)):
        for place, one in enumerate(value):
            yield from texts(one, (*where, str(place)))
    elif isinstance(value, str):
        yield where, value


def _found(value: Any, kind: Any, where: tuple[str, ...]) -> Iterator[Found]:
    """The secrets of a value that is declared to be of a type.

    Names that are declared are no secrets', nor those that a person gives to datasets
    and the like.
    """
    kinds = alternatives(kind)
    section = next(filter(is_section, kinds), None)
    maps = next((get_args(one) for one in kinds if get_origin(one) is dict), None)
    lists = next((get_args(one) for one in kinds if get_origin(one) is tuple), None)
    if isinstance(value, Mapping) and section:
        known = settings_of(section)
        for name, one in value.items():
            inner = (*where, str(name))
            if name in known:
                yield from _found(one, known[name].type, inner)
            else:
                yield from secrets_in({name: one}, where)
    elif isinstance(value, Mapping) and maps and maps[1] is not Any:
        for name, one in value.items():
            # A text where none is expected is no entry, and its name nobody's choice.
            if isinstance(one, str) and str not in alternatives(maps[1]):
                yield from secrets_in({name: one}, where)
            else:
                yield from _found(one, maps[1], (*where, str(name)))
    elif isinstance(value, list) and lists:
        for place, one in enumerate(value):
            yield from _found(one, lists[0], (*where, str(place)))
    elif isinstance(value, str) and str in kinds:
        if what := in_text(value):
            yield Found(where, what)
    else:
        yield from secrets_in(value, where)


def _belongs(key: str, config: Mapping[str, Any]) -> str:
    for above, words in BELONGS.items():
        if f"{key}.".startswith(f"{above}."):
            return words
    return (
        f"it belongs in the environment variable that `{VARIABLE}` names, "
        f"{_variable(config)}"
    )


def _variable(config: Mapping[str, Any]) -> str:
    """The environment variable of the server's key."""
    value = _at(config, VARIABLE)
    return value if _is_name(value) else at(Configuration, VARIABLE).default


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and not faults_of(value, at(Configuration, VARIABLE))


def _at(config: Any, key: str) -> Any:
    """What a configuration has there, whatever it is; None: nothing."""
    for name in key.split("."):
        config = config.get(name) if isinstance(config, Mapping) else None
    return config
