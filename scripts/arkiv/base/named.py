"""`NAME=VALUE` words of a command line.

`A,B=DIR/{}.json` is short for `A=DIR/A.json` and `B=DIR/B.json`.
"""

from __future__ import annotations

from collections.abc import Iterable

from arkiv.base.errors import InputError

# Stands for the name in a value that several have.
PLACE = "{}"


def named_lists(words: Iterable[str], option: str) -> dict[str, list[str]]:
    """The values of each name, in the order given.

    Raises:
        InputError: a word of another form.
    """
    result: dict[str, list[str]] = {}
    for word in words:
        names, _, value = word.partition("=")
        for name in names.split(",") if PLACE in value else [names]:
            if not (name and value):
                raise InputError(f"has {word!r}, expected NAME=VALUE", key=option)
            result.setdefault(name, []).append(value.replace(PLACE, name))
    return result


def named(words: Iterable[str], option: str) -> dict[str, str]:
    """The value of each name.

    Raises:
        InputError: a word of another form, or a name given twice.
    """
    lists = named_lists(words, option)
    for name, values in lists.items():
        if len(values) > 1:
            raise InputError(f"names {name} twice", key=option)
    return {name: values[0] for name, values in lists.items()}
