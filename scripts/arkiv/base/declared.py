"""Settings, declared: type, default, help and bounds of each stand once.

A section of a configuration is a frozen dataclass whose fields are made by `setting`:

    @dataclass(frozen=True)
    class Draw:
        window: tuple[int, int] = setting((2, 200), "ranks, first and end", at_least=0)
        way: str = setting("random", "how to draw", choices=("random", "top"))
        lora: Lora = setting(Lora(), "adapters")

A setting called as a word of Python's own, such as `with`, is the field `with_`. Types
are bool, int, float, str, tuples of them (lists in YAML), dict[str, …] (a map whose
keys the user chooses), another section, and unions of these. Values are checked as YAML
has them. Flags of programs follow from the same: `arkiv.base.setting_flags`.
"""

from __future__ import annotations

import dataclasses
import keyword
import operator
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from arkiv.base.numbers import is_number
from arkiv.base.secrets import MASK

# Characters of a value that a sentence repeats.
MOST_SHOWN = 100
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
# Whole numbers above it are shorter as floats.
LARGE = 1e15
BOUNDS = {
    "at_least": operator.ge,
    "more_than": operator.gt,
    "at_most": operator.le,
    "less_than": operator.lt,
}


@dataclass(frozen=True)
class Rule:
    """What is said of a setting beside its type and default."""

    help: str = ""  # one phrase, for the table of settings and `--help`
    shown: str | None = None  # in the table, for a default that is too long
    choices: tuple[str, ...] = ()  # of a text
    # Of a number, or of each in a list.
    at_least: float | None = None
    more_than: float | None = None
    at_most: float | None = None
    less_than: float | None = None
    # Of a text, or of each in a list.
    pattern: str | None = None
    empty: bool = False  # whether it may be
    longest: int | None = None  # in characters
    # Of a list whose type does not say how many values it has.
    fewest: int = 0
    most: int | None = None
    unique: bool = False  # whether a list has each value once
    ascending: bool = False  # whether the numbers of a list begin with 0 and rise
    # Of a map: its entries, at least, and the pattern of its keys.
    entries: int = 0
    names: str | None = None
    # Whether an entry of a list or map that has None lacks the key.
    optional: bool = False
    # Whether a value that will not do is not repeated, as it may be a secret.
    private: bool = False


class Setting(NamedTuple):
    """One field of a section; `default` is MISSING where there is none."""

    name: str
    type: Any
    rule: Rule
    default: Any


class Fault(NamedTuple):
    """What is wrong with a configuration."""

    where: tuple[str, ...]  # the keys that lead to the map or value at fault
    key: str  # of the setting, with dots
    reason: str  # a sentence's end, without a full stop
    unknown: bool = False  # whether the key is not declared


def setting(default: Any = MISSING, help: str = "", **rule: Any) -> Any:
    """A field of a section, with what `Rule` says of it.

    Without a default the entry of a list or map must have the key; None where the type
    has no None stands for a key that may be left out.
    """
    metadata = {"rule": Rule(help, **rule)}
    if isinstance(default, dict):
        # dataclasses takes no default that can be changed.
        return dataclasses.field(default_factory=lambda: default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def settings_of(section: Any) -> dict[str, Setting]:
    """The settings of a class by name, or of an instance, whose values are defaults."""
    if isinstance(section, type):
        return _settings_of(section)
    return {
        name: one._replace(default=getattr(section, field_of(name)))
        for name, one in _settings_of(type(section)).items()
    }


def field_of(name: str) -> str:
    """The field of a section that has a setting of this name."""
    return f"{name}_" if keyword.iskeyword(name) else name


@cache
def _settings_of(section: type) -> dict[str, Setting]:
    hints = get_type_hints(section)
    return {
        (name := _name_of(field.name)): Setting(
            name,
            hints[field.name],
            field.metadata.get("rule") or Rule(),
            field.default
            if field.default_factory is MISSING
            else field.default_factory(),
        )
        for field in dataclasses.fields(section)
    }


def _name_of(field: str) -> str:
    """The reverse of `field_of`."""
    name = field.removesuffix("_")
    return name if keyword.iskeyword(name) else field


def at(section: Any, key: str) -> Setting:
    """The setting of a dotted key; a section's default is an instance of it.

    Raises:
        KeyError: there is none.
    """
    first, _, rest = key.partition(".")
    found = settings_of(section)[first]
    return at(found.default, rest) if rest else found


def merged(name: str, *parts: type, doc: str) -> type:
    """A section with the settings of several, which have none in common."""
    fields = [
        (one.name, one.type, setting(one.default, **dataclasses.asdict(one.rule)))
        for part in parts
        for one in settings_of(part).values()
    ]
    namespace = {"__doc__": doc}
    return dataclasses.make_dataclass(name, fields, frozen=True, namespace=namespace)


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
            name: plain(one.default)
            for name, one in settings_of(value).items()
            if one.default is not None
            or (types.NoneType in alternatives(one.type) and not one.rule.optional)
        }
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, tuple) else value


def frozen(value: Any) -> Any:
    """The reverse for lists, which an instance has as tuples."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def in_one_form(value: Any, kind: Any) -> Any:
    """A value without faults, as all write it who mean the same.

    The keys of a section come in the order of its declaration, and a number that is
    whole is an int: 1 for 1.0. What is of any type stays as it is.
    """
    kind = next((one for one in alternatives(kind) if _is(value, one)), None)
    if is_section(kind):
        known = settings_of(kind)
        return {
            name: in_one_form(value[name], one.type)
            for name, one in known.items()
            if name in value
        }
    if get_origin(kind) is tuple:
        items = get_args(kind)
        return [
            in_one_form(one, items[0 if items[-1] is Ellipsis else place])
            for place, one in enumerate(value)
        ]
    if get_origin(kind) is dict:
        return {key: in_one_form(one, get_args(kind)[1]) for key, one in value.items()}
    if kind in (int, float) and isinstance(value, float) and abs(value) < LARGE:
        return int(value) if value.is_integer() else value
    return value


def faults(values: Mapping[str, Any], section: type) -> list[Fault]:
    """What is wrong with a configuration, as YAML has it, in the order of the keys."""
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
            yield Fault(where, ".".join((*where, name)), reason)


def _unknown(where: tuple[str, ...], name: str, known: list[str]) -> Fault:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(known)}"
    reason = f"is not a configuration key; {hint}"
    return Fault(where, ".".join((*where, name)), reason, unknown=True)


def _faults(
    value: Any, kind: Any, rule: Rule, where: tuple[str, ...], complete: bool = False
) -> Iterator[Fault]:
    """What is wrong with one value, and with those in it."""
    kinds = alternatives(kind)
    expected = _expected(value, kinds, rule)
    if expected is not None:
        # A map that is not closed is a text to YAML, with all that stands in it.
        torn = isinstance(value, str) and expected == WORDS[dict]
        shown = MASK if rule.private or torn else repr(value)
        if len(shown) > MOST_SHOWN:
            shown = f"{shown[:MOST_SHOWN]}…"
        yield Fault(where, ".".join(where), f"is {shown}, expected {expected}")
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
                yield Fault(where, ".".join(where), reason)
            yield from _faults(one, get_args(kind)[1], rule, (*where, str(key)))


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of one type, with no look at what is in it."""
    kind = get_origin(kind) or kind
    if kind is Literal:
        return isinstance(value, str)
    if kind is int:
        whole = isinstance(value, float) and value.is_integer()
        return whole or (isinstance(value, int) and not isinstance(value, bool))
    if kind is float:
        return is_number(value)
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
    """Likewise where a word may stand instead of a number or a list, or of nothing."""
    (words,) = (get_args(kind) for kind in kinds if get_origin(kind) is Literal)
    others = tuple(kind for kind in kinds if get_origin(kind) is not Literal)
    if tuple in map(get_origin, others):
        expected = None if value in words else _expected(value, others, rule)
        return expected and f"{' or '.join(words)} or {expected}"
    number = float if float in kinds else int
    if value is None and types.NoneType in kinds:
        return None
    if value in words or (_is(value, number) and not _expected_number(value, rule)):
        return None
    if types.NoneType in kinds:
        words = (*words, WORDS[types.NoneType])
    end = "" if rule.at_most is None else f" to {rule.at_most}"
    return f"{' or '.join(words)} or {WORDS[number]} from {rule.at_least}{end}"


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
    for name, holds in BOUNDS.items():
        bound = getattr(rule, name)
        if bound is not None and not holds(value, bound):
            return f"{name.replace('_', ' ')} {bound}"
    return None


@dataclass(frozen=True)
class Seeded:
    """What every program that draws by chance takes."""

    # NumPy, which training seeds too, takes no larger one.
    seed: int = setting(42, "seeds every random choice", at_least=0, at_most=2**32 - 1)
