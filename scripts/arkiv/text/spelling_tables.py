"""Tables of spelling: YAML files, one for each language (config/spelling/).

    variants:           # of a query, by name
      old:              # rules, applied word by word in this order, case aside
        - replace: {'^kv': qv}      # regular expressions and what stands in their place
          keep: ['^kvantum']        # words in which one of these is found stay
          share: 0.5                # of the queries; 1 unless given
          source: where it is from
    confusions:         # what handwriting is read for
      n: [u, r]
    spaces: 0.1         # share of the errors that drop a space or put one into a word

Expressions are those of Python, and see words as the rules before have left them.
What is written here is read in Unicode's form NFC, as queries are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import composed, read_yaml
from arkiv.text.spelling import Rule, Table

NAME = re.compile(r"[a-z][a-z0-9_-]*")
KEYS = ("variants", "confusions", "spaces")
RULE_KEYS = ("replace", "keep", "share", "source")


def read_table(path: str | Path) -> Table:
    """The table of a file.

    Raises:
        InputError: it is missing, not YAML, or says what is no rule.
    """
    value = composed(read_yaml(path))
    try:
        return _table(value)
    except InputError as fault:
        raise InputError(fault.reason, file=path, key=fault.key) from None


def _table(value: Any) -> Table:
    _check_map(value, None, KEYS)
    variants = value.get("variants", {})
    _check_map(variants, "variants")
    for name, rules in variants.items():
        if not NAME.fullmatch(str(name)):
            reason = f"has {name!r}, expected a name of small letters"
            raise InputError(reason, key="variants")
        if not isinstance(rules, list):
            raise InputError("is no list of rules", key=f"variants.{name}")
    confusions = value.get("confusions", {})
    _check_map(confusions, "confusions")
    for read, others in confusions.items():
        if not (isinstance(read, str) and read and _texts(others)):
            reason = "expected letters and a list of what they are read for"
            raise InputError(reason, key=f"confusions.{read}")
        if read in others or "" in others:
            reason = "is read for itself or for nothing, expected other letters"
            raise InputError(reason, key=f"confusions.{read}")
    return Table(
        {
            name: [
                _rule(rule, f"variants.{name}[{place}]")
                for place, rule in enumerate(rules)
            ]
            for name, rules in variants.items()
        },
        confusions,
        _share(value.get("spaces", 0), "spaces"),
    )


def _rule(value: Any, key: str) -> Rule:
    _check_map(value, key, RULE_KEYS)
    replace, keep = value.get("replace"), value.get("keep", [])
    _check_map(replace, f"{key}.replace")
    if not all(isinstance(to, str) for to in replace.values()):
        raise InputError("replaces by what is no text", key=f"{key}.replace")
    if not _texts(keep):
        raise InputError("is no list of regular expressions", key=f"{key}.keep")
    pairs = []
    for find, to in replace.items():
        pattern = _pattern(find, f"{key}.replace")
        try:
            # A template that names a group which the pattern lacks.
            re.compile(f"(?:{pattern.pattern})|").sub(to, "")
        except (re.error, IndexError) as error:
            reason = f"replaces by {to!r}, which cannot be ({error})"
            raise InputError(reason, key=f"{key}.replace") from None
        pairs.append((pattern, to))
    for pattern in keep:
        _pattern(pattern, f"{key}.keep")
    return Rule(
        tuple(pairs),
        re.compile("|".join(f"(?:{one})" for one in keep)) if keep else None,
        _share(value.get("share", 1), f"{key}.share"),
    )


def _pattern(text: Any, key: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, TypeError) as error:
        reason = f"has {text!r}, which is no regular expression ({error})"
        raise InputError(reason, key=key) from None


def _share(value: Any, key: str) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:
        raise InputError(f"is {value!r}, expected a number from 0 to 1", key=key)
    return value


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _check_map(value: Any, key: str | None, known: Sequence[str] = ()) -> None:
    if not isinstance(value, dict):
        reason = f"is of type {type(value).__name__}, expected a map"
        raise InputError(reason, key=key or "table")
    for one in value:
        if known and one not in known:
            reason = f"is not a key of the table; known are {', '.join(known)}"
            raise InputError(reason, key=".".join(filter(None, (key, str(one)))))
