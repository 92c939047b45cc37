"""Settings, declared: type, default, help and bounds of each stand once.

A section of a configuration is a frozen dataclass whose fields are made by `setting`:

    @dataclass(frozen=True)
    class Draw:
        window: tuple[int, int] = setting((2, 200), "ranks, first and end", at_least=0)
        way: str = setting("random", "how to draw", choices=("random", "top"))
        lora: Lora = setting(Lora(), "adapters")

Types are bool, int, float, str, tuples of them (lists in YAML), dict[str, …] (a map
whose keys the user chooses), another section, and unions of these. Values are checked
as YAML has them. Flags of programs follow from the same: `arkiv.base.setting_flags`.
"""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

# A name that becomes part of paths.
NAME = "^[A-Za-z0-9][A-Za-z0-9_-]*$"

WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple: "a list",
    dict: "a map",
    types.NoneType: "nothing",
}


@dataclass(frozen=True)
class Rule:
    """What is said of a setting beside its type and default.

    Attributes:
        help: one phrase, for the table of settings and `--help`.
        choices: of a text.
        at_least, more_than, at_most, less_than: of a number, or of each in a list.
        pattern: of a text; likewise.
        empty: whether a text may be empty.
        longest: characters of a text, at most.
        fewest, most: values of a list whose type does not say how many.
        unique: whether a list has each value once.
        ascending: whether the numbers of a list begin with 0 and rise.
        entries: of a map, at least.
        names: pattern of a map's keys.
        optional: whether an entry of a list or map that has None lacks the key.
        shown: in the table, for a default that is too long.
    """

    help: str = ""
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    more_than: float | None = None
    at_most: float | None = None
    less_than: float | None = None
    pattern: str | None = None
    empty: bool = False
    longest: int | None = None
    fewest: int = 0
    most: int | None = None
    unique: bool = False
    ascending: bool = False
    entries: int = 0
    names: str | None = None
    optional: bool = False
    shown: str | None = None


class Setting(NamedTuple):
    """One field of a section; `default` is MISSING where there is none."""

    name: str
    type: Any
    rule: Rule
    default: Any


class Fault(NamedTuple):
    """What is wrong with a configuration.

    Attributes:
        where: the keys that lead to the map or value at fault.
        key: of the setting, with dots.
        reason: a sentence's end, without a full stop.
        unknown: whether the key is not declared.
    """

    where: tuple[str, ...]
    key: str
    reason: str
    unknown: bool = False


def setting(default: Any = MISSING, help: str = "", **rule: Any) -> Any:
    """A field of a section.

    Args:
        default: without one the entry of a list or map must have the key; None where
            the type has no None stands for a key that may be left out.
        help: see `Rule`, as for all others.
    """
    metadata = {"rule": Rule(help, **rule)}
    if isinstance(default, dict):
        # dataclasses takes no default that can be changed.
        return dataclasses.field(default_factory=lambda: default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def settings_of(section: Any) -> dict[str, Setting]:
    """The settings of a section, by name.

    Args:
        section: the class, or an instance whose values are the defaults.
    """
    if isinstance(section, type):
        return _settings_of(section)
    return {
        name: one._replace(default=getattr(section, name))
        for name, one in _settings_of(type(section)).items()
    }


@cache
def _settings_of(section: type) -> dict[str, Setting]:
    hints = get_type_hints(section)
    return {
        field.name: Setting(
            field.name,
            hints[field.name],
            field.metadata.get("rule") or Rule(),
            field.default
            if field.default_factory is MISSING
            else field.default_factory(),
        )
        for field in dataclasses.fields(section)
    }


def at(section: Any, key: str) -> Setting:
    """The setting of a dotted key; a section's default is an instance of it.

    Raises:
        KeyError: there is none.
    """
    first, _, rest = key.partition(".")
    found = settings_of(section)[first]
    return at(found.default, rest) if rest else found


def merged(name: str, *parts: type, doc: str, optional: bool = False) -> type:
    """A section with the settings of several, the first to declare a name counts.

    Args:
        name: of the section.
        parts: the sections.
        doc: what it is.
        optional: whether all of them may be left out.
    """
    found: dict[str, Setting] = {}
    for part in parts:
        found = found | settings_of(part) | found
    fields = []
    for one in found.values():
        default = None if optional and one.default is MISSING else one.default
        fields.append(
            (one.name, one.type, setting(default, **dataclasses.asdict(one.rule)))
        )
    # Those without a default come first, as dataclasses wants them.
    fields.sort(key=lambda field: field[2].default is not MISSING)
    made = dataclasses.make_dataclass(name, fields, frozen=True)
    made.__doc__ = doc
    return made


def is_section(kind: Any) -> bool:
    return dataclasses.is_dataclass(kind)


def alternatives(kind: Any) -> tuple[Any, ...]:
    """The types that a union is of; else the type alone."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def plain(value: Any) -> Any:
    """A value as YAML has it: lists for tuples, maps for sections."""
    if dataclasses.is_dataclass(value):
        # What an entry leaves out stays out.
        return {
            name: plain(getattr(value, name))
            for name, one in settings_of(type(value)).items()
            if getattr(value, name) is not None
            or (types.NoneType in alternatives(one.type) and not one.rule.optional)
        }
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, tuple) else value


def frozen(value: Any) -> Any:
    """The reverse for lists, which an instance has as tuples."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def faults(values: Mapping[str, Any], section: type) -> list[Fault]:
    """What is wrong with a configuration, in the order of the keys.

    Args:
        values: as YAML has them.
        section: the declaration of the whole.
    """
    found = _faults_of_section(values, section, (), complete=True)
    return sorted(found, key=lambda fault: list(map(str, fault.where)))


def faults_of(value: Any, one: Setting) -> list[Fault]:
    """What is wrong with the value of one setting."""
    return list(_faults(value, one.type, one.rule, (one.name,)))


def _faults_of_section(
    values: Mapping[str, Any], section: type, where: tuple[str, ...], *, complete: bool
) -> Iterator[Fault]:
    known = settings_of(section)
    if unknown := sorted(set(values) - set(known), key=str):
        yield _unknown(where, str(unknown[0]), list(known))
    for name, one in known.items():
        if name in values:
            yield from _faults(
                values[name], one.type, one.rule, (*where, name), complete
            )
        elif complete or one.default is MISSING:
            reason = "is missing from the configuration"
            yield Fault(where, _dotted(*where, name), reason)


def _unknown(where: tuple[str, ...], name: str, known: list[str]) -> Fault:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(known)}"
    reason = f"is not a configuration key; {hint}"
    return Fault(where, _dotted(*where, name), reason, unknown=True)


def _faults(
    value: Any, kind: Any, rule: Rule, where: tuple[str, ...], complete: bool = False
) -> Iterator[Fault]:
    """What is wrong with one value, and with those in it."""
    kinds = alternatives(kind)
    expected = _expected(value, kinds, rule)
    if expected is not None:
        yield Fault(where, _dotted(*where), f"is {value!r}, expected {expected}")
    kind = next((one for one in kinds if _is(value, one)), None)
    if is_section(kind):
        yield from _faults_of_section(value, kind, where, complete=complete)
    elif get_origin(kind) is tuple:
        for place, one in enumerate(value):
            items = get_args(kind)
            item = items[0] if items[-1] is Ellipsis else items[place % len(items)]
            yield from _faults(one, item, rule, (*where, str(place)))
    elif get_origin(kind) is dict:
        for key, one in value.items():
            if rule.names and not re.search(rule.names, str(key)):
                reason = f"is {key!r}, expected a name of the form {rule.names}"
                yield Fault(where, _dotted(*where), reason)
            yield from _faults(one, get_args(kind)[1], rule, (*where, str(key)))


def _dotted(*keys: str) -> str:
    return ".".join(keys)


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of one type, with no look at what is in it."""
    kind = get_origin(kind) or kind
    if kind is Literal:
        return isinstance(value, str)
    if kind is int:
        whole = isinstance(value, float) and value.is_integer()
        return whole or (isinstance(value, int) and not isinstance(value, bool))
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is tuple:
        return isinstance(value, (list, tuple))
    if kind is dict or is_section(kind):
        return isinstance(value, Mapping)
    return kind is Any or isinstance(value, kind)


def _expected(value: Any, kinds: tuple[Any, ...], rule: Rule) -> str | None:
    """What was expected instead of a value; None if that is what it is."""
    origins = [get_origin(kind) or kind for kind in kinds]
    if Any in origins:
        return None
    if Literal in origins:
        return _expected_or_word(value, kinds, rule)
    if rule.choices and tuple not in origins:
        choices = (*rule.choices, *((None,) if types.NoneType in kinds else ()))
        known = any(value is one or value == one for one in choices)
        return None if known else f"one of {', '.join(map(str, choices))}"
    if not any(_is(value, kind) for kind in kinds):
        named = (dict if is_section(kind) else kind for kind in origins)
        return " or ".join(WORDS[kind] for kind in named)
    if isinstance(value, str):
        return _expected_text(value, rule)
    if isinstance(value, (list, tuple)):
        return _expected_list(value, kinds, rule)
    if isinstance(value, Mapping):
        few = dict in origins and len(value) < rule.entries
        return f"at least {rule.entries} entries" if few else None
    if isinstance(value, bool) or value is None:
        return None
    return _expected_number(value, rule)


def _expected_or_word(value: Any, kinds: tuple[Any, ...], rule: Rule) -> str | None:
    """Likewise where a word may stand instead of a whole number."""
    (words,) = (get_args(kind) for kind in kinds if get_origin(kind) is Literal)
    if value in words or (_is(value, int) and value >= rule.at_least):
        return None
    return f"{' or '.join(words)} or a whole number from {rule.at_least}"


def _expected_text(value: str, rule: Rule) -> str | None:
    if rule.pattern is not None:
        found = re.search(rule.pattern, value)
        return None if found else f"a name of the form {rule.pattern}"
    if not value and not rule.empty:
        return "a text"
    if rule.longest is not None and len(value) > rule.longest:
        return f"at most {rule.longest} characters"
    return None


def _expected_list(value: Any, kinds: tuple[Any, ...], rule: Rule) -> str | None:
    items = next(get_args(kind) for kind in kinds if get_origin(kind) is tuple)
    fewest, most = rule.fewest, rule.most
    if items[-1] is not Ellipsis:
        fewest = most = len(items)
    if len(value) < fewest:
        return f"at least {fewest} values"
    if most is not None and len(value) > most:
        return f"at most {most} values"
    if rule.unique and any(one in value[:place] for place, one in enumerate(value)):
        return "each value once"
    numbers = all(_is(one, float) for one in value)
    if rule.ascending and numbers and sorted({0, *value}) != list(value):
        return "ascending numbers from 0"
    return None


def _expected_number(value: float, rule: Rule) -> str | None:
    for bound, word, holds in (
        (rule.at_least, "at least", lambda bound: value >= bound),
        (rule.more_than, "more than", lambda bound: value > bound),
        (rule.at_most, "at most", lambda bound: value <= bound),
        (rule.less_than, "less than", lambda bound: value < bound),
    ):
        if bound is not None and not holds(bound):
            return f"{word} {bound}"
    return None


@dataclass(frozen=True)
class Seeded:
    """What every program that draws by chance takes."""

    seed: int = setting(42, "seeds every random choice", at_least=0)
