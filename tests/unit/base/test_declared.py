"""What a declaration of settings says of values, and the flags that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from arkiv.base.cli import parser
from arkiv.base.declared import NAME, at, faults, in_one_form, merged, plain, setting
from arkiv.base.errors import InputError
from arkiv.base.setting_flags import add_settings, flags_of, settings_from


@dataclass(frozen=True)
class Source:
    kind: str = setting(help="needed", choices=("a", "b"))
    path: str = setting(None, "may be left out")


@dataclass(frozen=True)
class Lora:
    rank: int = setting(0, "of adapters", at_least=0)
    dropout: float = setting(0.1, "before 5 % of them", at_least=0, less_than=1)


@dataclass(frozen=True)
class Draw:
    window: tuple[int, int] = setting((2, 200), "ranks", at_least=0)
    way: str = setting("random", "how", choices=("random", "top"))
    by: str | None = setting(None, "what", choices=("bm25", "dense"))
    tongue: str | None = setting("sv", "which", choices=("sv", "fi"))
    limit: float | None = setting(0.4, "of overlap", more_than=0, at_most=1)
    names: tuple[str, ...] = setting(("x",), "of each", unique=True)
    edges: tuple[float, ...] = setting((0, 1), "ascending", fewest=1)
    shares: tuple[tuple[float, float], ...] = setting(((1, 2),), "pairs", fewest=1)
    processes: int | Literal["auto"] = setting("auto", "at once", at_least=1)
    length: int | Literal["auto"] | None = setting("auto", "in tokens", at_least=1)
    parts: tuple[float, float] | Literal["auto"] = setting((1, 2), "of", at_least=0)
    kept: bool = setting(True, "whether")
    code: bool = setting(False, "whether")
    judged: str | tuple[str, ...] | None = setting(None, "files", fewest=1)
    lora: Lora = setting(Lora(rank=2), "adapters")
    sources: dict[str, Source] = setting({}, "by name", names=NAME, entries=1)
    extra: dict[str, Any] = setting({}, "as it stands")


GIVEN = plain(Draw()) | {"sources": {"s": {"kind": "a"}}}


def said(**values):
    return [f"{one.key}: {one.reason}" for one in faults(GIVEN | values, Draw)]


def test_the_defaults_are_as_yaml_has_them():
    assert plain(Draw())["window"] == [2, 200]
    assert plain(Draw())["lora"] == {"rank": 2, "dropout": 0.1}
    assert plain(Source("a")) == {"kind": "a"}
    assert at(Draw, "lora.rank").default == 2
    assert said() == []


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"window": [2]}, "window: is [2], expected at least 2 values"),
        ({"window": [1, 2, 3]}, "window: is [1, 2, 3], expected at most 2 values"),
        ({"window": [0, -1]}, "window.1: is -1, expected at least 0"),
        ({"window": [0, 1.5]}, "window.1: is 1.5, expected a whole number"),
        ({"window": 5}, "window: is 5, expected a list"),
        ({"way": "best"}, "way: is 'best', expected one of random, top"),
        ({"by": "x"}, "by: is 'x', expected one of bm25, dense, None"),
        ({"limit": 0}, "limit: is 0, expected more than 0"),
        ({"limit": "x"}, "limit: is 'x', expected a number or nothing"),
        ({"limit": float("nan")}, "limit: is nan, expected a number or nothing"),
        ({"limit": float("inf")}, "limit: is inf, expected a number or nothing"),
        ({"limit": True}, "limit: is True, expected a number or nothing"),
        ({"names": ["a", "a"]}, "names: is ['a', 'a'], expected each value once"),
        ({"names": [""]}, "names.0: is '', expected a text"),
        ({"edges": []}, "edges: is [], expected at least 1 values"),
        ({"shares": [[1, "x"]]}, "shares.0.1: is 'x', expected a number"),
        ({"processes": 0}, "processes: is 0, expected auto or a whole number from 1"),
        ({"processes": []}, "processes: is [], expected auto or a whole number from 1"),
        (
            {"length": "x"},
            "length: is 'x', expected auto or nothing or a whole number from 1",
        ),
        ({"parts": "x"}, "parts: is 'x', expected auto or a list"),
        ({"parts": [1]}, "parts: is [1], expected auto or at least 2 values"),
        ({"parts": [1, -1]}, "parts.1: is -1, expected at least 0"),
        ({"kept": 1}, "kept: is 1, expected true or false"),
        ({"judged": 3}, "judged: is 3, expected a text or a list or nothing"),
        ({"lora": 3}, "lora: is 3, expected a map"),
        ({"lora": {"rank": 1}}, "lora.dropout: is missing from the configuration"),
        (
            {"lora": {"rank": 1, "dropout": 1}},
            "lora.dropout: is 1, expected less than 1",
        ),
        ({"sources": {}}, "sources: is {}, expected at least 1 entries"),
        (
            {"sources": {"a b": {"kind": "a"}}},
            f"sources: is 'a b', expected a name of the form {NAME}",
        ),
        ({"sources": {"s": {}}}, "sources.s.kind: is missing from the configuration"),
        (
            {"sources": {"s": {"kind": "a", "pth": "x"}}},
            "sources.s.pth: is not a configuration key; did you mean `path`?",
        ),
        ({"xyzzy": 1}, "xyzzy: is not a configuration key; known are window, way"),
    ],
)
def test_what_will_not_do_is_named(values, sentence):
    (found,) = said(**values)
    assert found.startswith(sentence)


def test_a_word_a_number_or_nothing_may_be_what_is_asked_for():
    assert said(length=None) == said(length="auto") == said(length=7) == []


def test_whole_numbers_may_be_written_with_a_point():
    assert said(window=[0, 3.0], processes=2, judged=["a"]) == []


@dataclass(frozen=True)
class Other:
    size: int = setting(3, "of what Lora has not")


def test_sections_can_be_put_together():
    both = merged("Both", Lora, Other, doc="Both of them.")
    assert both(rank=1) == both(1, 0.1, 3)
    assert both.__doc__ == "Both of them."
    assert at(both, "dropout").rule.less_than == 1
    assert [one.key for one in faults({"rank": 0, "dropout": 0}, both)] == ["size"]


def parsed(*words, section=Draw, names=()):
    arguments = parser(None)
    add_settings(arguments, section, *names)
    return settings_from(arguments.parse_args(words), section, *names)


def test_a_program_without_flags_does_what_the_declaration_says():
    assert parsed() == Draw()


def test_flags_say_what_the_configuration_says():
    values = plain(
        Draw(
            window=(1, 5),
            by="dense",
            tongue=None,
            limit=None,
            names=(),
            edges=(0, 2.5),
            shares=((1, 2), (3, 4.5)),
            processes=3,
            length=None,
            kept=False,
            code=True,
            judged=("a", "b"),
            lora=Lora(1, 0.5),
            extra={"a": [1]},
        )
    )
    words = []
    for name, value in flags_of(Draw, values).items():
        if value is None or value is False:
            continue
        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            many = value if isinstance(value, list) else [value]
            words += map(str, many)
    assert {"--no-kept", "--lora-rank"} <= set(words)
    assert plain(parsed(*words)) == values


def test_some_of_the_settings_and_others_out_of_bounds():
    assert parsed("--lora-rank", "5", names=["lora"]).lora == Lora(5)
    with pytest.raises(InputError, match=r"^`lora_rank`: is -1, expected at least 0"):
        parsed("--lora-rank", "-1")
    with pytest.raises(SystemExit):
        parsed("--window", "1", "2", names=["lora"])


def test_the_help_shows_phrases_and_defaults(capsys):
    arguments = parser(None)
    add_settings(arguments, Draw)
    with pytest.raises(SystemExit):
        arguments.parse_args(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "before 5 % of them (default: 0.1)" in shown
    assert "--lora-rank N of adapters (default: 2)" in shown


@dataclass(frozen=True)
class Inner:
    alpha: float = setting(64)
    sizes: tuple[float, ...] = setting((1.0,))


@dataclass(frozen=True)
class Outer:
    count: int | None = setting(None)
    inner: Inner = setting(Inner())
    weights: dict[str, float] = setting({})
    free: dict[str, Any] = setting({})


def test_what_means_the_same_has_one_form():
    written = {
        "free": {"b": 1.0, "a": True},
        "weights": {"z": 2.0, "a": 0.5},
        "inner": {"sizes": [1.0, 1e300], "alpha": 64.0},
        "count": 3.0,
    }
    assert repr(in_one_form(written, Outer)) == repr(
        {
            "count": 3,
            "inner": {"alpha": 64, "sizes": [1, 1e300]},
            "weights": {"z": 2, "a": 0.5},
            "free": {"b": 1.0, "a": True},
        }
    )
    assert in_one_form({"count": None}, Outer) == {"count": None}
