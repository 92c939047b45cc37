"""Settings that differ, told in a line."""

import json
import random
import shlex

import pytest

from arkiv.base.declared import plain
from arkiv.settings.changes import (
    SHOWN_CHANGES,
    changes,
    from_defaults,
    told,
    told_of_params,
)
from arkiv.settings.config import with_shipped
from arkiv.settings.configuration import Configuration


def leaves(config, key=""):
    for name, value in config.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{key}{name}.")
        else:
            yield f"{key}{name}", value


def drawn(draw, depth=3):
    """A configuration of maps in maps."""
    return {
        name: drawn(draw, depth - 1)
        if depth and draw.random() < 0.4
        else draw.choice([1, 2.5, "text", True, None, [1, 2], []])
        for name in draw.sample("abcdefgh", 4)
    }


@pytest.mark.parametrize("seed", range(50))
def test_exactly_the_settings_that_differ_are_found(seed):
    draw = random.Random(seed)
    before = drawn(draw)
    now = json.loads(json.dumps(before))
    key, _ = draw.choice(list(leaves(before)))
    *above, last = key.split(".")
    where = now
    for name in above:
        where = where[name]
    where[last] = "changed"
    assert [(one.key, one.now) for one in changes(before, now)] == [(key, "changed")]


def test_neither_the_order_of_keys_nor_the_writing_of_a_number_is_a_change():
    before = {"a": 1, "b": {"c": 2.0, "d": [1, 2]}}
    assert not list(changes(before, {"b": {"d": [1.0, 2.0], "c": 2}, "a": 1.0}))


def test_what_only_one_has_is_told():
    found = changes({"a": 1, "b": {"c": None}}, {"b": {}, "d": ""})
    assert told(found) == "a: 1 -> nothing; b.c: null -> nothing; d: nothing -> "


def test_what_differs_from_the_defaults_is_what_somebody_set():
    defaults = with_shipped(plain(Configuration()))
    assert from_defaults(defaults) == {}
    # As before some setting was declared.
    older = {key: value for key, value in defaults.items() if key != "report"}
    set_here = {"datasets": {"x": {"pairs": "p"}}, "rounds": 2}
    found = {"datasets.x": ({"pairs": "p"}, None), "rounds": (2, 1)}
    assert from_defaults(defaults | set_here) == found
    assert from_defaults(older | set_here) == found


def test_long_values_are_shown_from_where_they_differ():
    (line,) = map(str, changes({"a": "x" * 500 + "1"}, {"a": "x" * 500 + "2"}))
    assert line == f"a: …{'x' * 10}1 -> …{'x' * 10}2"


def test_many_changes_are_counted():
    line = told(changes({}, dict.fromkeys("abcdefgh", 1)))
    assert line.count("->") == SHOWN_CHANGES
    assert line.endswith("; and 3 more")


def test_a_line_stays_a_line():
    assert "\n" not in told(changes({"a": "b"}, {"a": "\nerror: forged\x1b[31m"}))


@pytest.mark.parametrize("seed", range(30))
def test_flags_that_differ_are_told_and_no_others(seed):
    draw = random.Random(seed)
    texts = ["1", "2 3", "it's {so}", "-5", 'quoted "text"', "ä$(b)"]
    before = {f"--flag-{n}": draw.choice(texts) for n in range(6)}
    changed = draw.choice(list(before))
    now = before | {changed: "another one"}

    def params(values):
        words = [word for flag, value in values.items() for word in (flag, value)]
        return {repr(shlex.join(words)), repr("--same 1")}

    line = told_of_params(params(before), params(now))
    name = changed.removeprefix("--").replace("-", "_")
    assert line.startswith(f"{name}: {before[changed]}")
    assert line.endswith(" -> another one")


def test_params_in_json_are_told_by_their_keys():
    before = {repr(shlex.quote(json.dumps({"lr": 1, "deep": {"a": "it's"}})))}
    now = {repr(shlex.quote(json.dumps({"lr": 1, "deep": {"a": "so"}})))}
    assert told_of_params(before, now) == "deep.a: it's -> so"


def test_params_that_are_no_flags_are_told_as_they_stand():
    assert told_of_params({"3"}, {"4"}) == ": 3 -> 4"
    assert told_of_params({repr("--a")}, set()) == "a: set -> nothing"
