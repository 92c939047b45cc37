"""Which settings differ between two configurations, or two commands, in a line."""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any, NamedTuple

from arkiv.base.declared import plain
from arkiv.base.terminal import visible
from arkiv.settings.config import with_shipped
from arkiv.settings.configuration import Configuration

# Characters of a value, and changes of a list of them, that a line shows.
SHOWN_OF_VALUE = 60
SHOWN_CHANGES = 5


class _Unset:
    """In place of a setting that only one of the two has."""

    def __repr__(self) -> str:
        return "nothing"


UNSET = _Unset()


class Change(NamedTuple):
    """A setting by its dotted key, and its values."""

    key: str
    before: Any
    now: Any

    def __str__(self) -> str:
        before, now = _shown(self.before), _shown(self.now)
        start = 0
        if max(len(before), len(now)) > SHOWN_OF_VALUE:
            # What they begin with alike would be all that is seen of long ones.
            alike = takewhile(
                lambda pair: pair[0] == pair[1], zip(before, now, strict=False)
            )
            start = max(0, sum(1 for _ in alike) - 10)
        return visible(f"{self.key}: {_cut(before, start)} -> {_cut(now, start)}")


def changes(before: Any, now: Any, key: str = "") -> Iterator[Change]:
    """The settings that differ; of maps in maps the innermost, by dotted keys.

    The order of keys is none, and 1 is 1.0.
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys((*before, *now)):
            below = f"{key}.{name}" if key else str(name)
            yield from changes(before.get(name, UNSET), now.get(name, UNSET), below)
    elif before != now:
        yield Change(key, before, now)


def from_defaults(config: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The settings that differ from those declared: value and default by dotted key.

    A key without a default, as those of datasets, has the default None. An entry of the
    defaults that was taken away is not among them, nor is a setting that is new in the
    declaration, until somebody sets it, nor are `parts`.
    """
    defaults = with_shipped(plain(Configuration()))
    return {
        one.key: (one.now, None if one.before is UNSET else one.before)
        for one in changes(defaults, config)
        # Numbers stand where `parts` were auto, and nothing depends on them.
        if one.now is not UNSET and not one.key.startswith("parts.")
    }


def told(found: Iterable[Change]) -> str:
    """Changes in one line: the first ones, and how many there are beside them."""
    found = list(found)
    line = "; ".join(map(str, found[:SHOWN_CHANGES]))
    beyond = len(found) - SHOWN_CHANGES
    return f"{line}; and {beyond} more" if beyond > 0 else line


def told_of_params(before: Iterable[Any], now: Iterable[Any]) -> str:
    """The flags that differ between a rule's params, as Snakemake keeps them.

    Args:
        before: reprs of values, most of them the flags of a command.
        now: the same.
    """
    return told(changes(_by_flag(before), _by_flag(now)))


def _by_flag(params: Iterable[Any]) -> dict[str, Any]:
    """What flags in params are set to: `--a-b 1 2` is `{"a_b": "1 2"}`."""
    found: dict[str, list[str]] = {}
    for param in params:
        name = ""
        for word in _words(param):
            flag, is_given, value = word.partition("=")
            if flag.startswith("--"):
                name = flag.removeprefix("--").replace("-", "_")
                found.setdefault(name, [])
                word = value if is_given else ""
            if word:
                found.setdefault(name, []).append(word)
    values = {name: _value(" ".join(words)) for name, words in found.items()}
    # A map in JSON stands without a flag, and its keys for themselves.
    bare = values.pop("", None)
    return values | (bare if isinstance(bare, dict) else {"": bare} if bare else {})


def _words(param: Any) -> list[str]:
    try:
        value = ast.literal_eval(param)
        return shlex.split(value) if isinstance(value, str) else [str(value)]
    except (ValueError, SyntaxError):
        return [str(param)]


def _value(text: str) -> Any:
    if text.startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            pass
    return text or "set"


def _shown(value: Any) -> str:
    if isinstance(value, (str, _Unset)):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str, start: int) -> str:
    end = start + SHOWN_OF_VALUE
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
