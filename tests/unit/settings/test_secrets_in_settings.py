"""No secret that stands in a configuration is repeated, wherever it stands."""

import copy
import random
import string
from typing import Any, get_args, get_origin

import pytest
import yaml
from project import ROOT

from arkiv.base.declared import alternatives, is_section, settings_of
from arkiv.base.errors import InputError
from arkiv.settings.config import check_config
from arkiv.settings.configuration import Configuration

DEFAULTS = yaml.safe_load((ROOT / "config/config.yaml").read_text())
DEFAULTS["datasets"] = {"d": {"example": {"cases": 9, "volumes": 3}}}
# An entry of a list, and one of a map whose keys are free.
ENTRY, NAME = 0, "n"


def places(kind: Any, where: tuple = ()) -> Any:
    """Where a value can stand, by the declaration: sections, lists and maps too."""
    yield where
    for one in alternatives(kind):
        if is_section(one):
            for name, inner in settings_of(one).items():
                yield from places(inner.type, (*where, name))
        elif get_origin(one) is tuple:
            yield from places(get_args(one)[0], (*where, ENTRY))
        elif get_origin(one) is dict:
            yield from places(get_args(one)[1], (*where, NAME))


PLACES = list(dict.fromkeys(places(Configuration)))[1:]


def with_value(config: Any, where: tuple, value: Any) -> Any:
    """A configuration with a value there."""
    if not where:
        return value
    first, *rest = where
    if first == ENTRY:
        return [with_value({}, tuple(rest), value)]
    config = dict(config) if isinstance(config, dict) else {}
    return config | {first: with_value(config.get(first), tuple(rest), value)}


def drawn(rng: random.Random) -> str:
    """A secret as servers draw them: letters of both cases and digits."""
    signs = string.ascii_letters + string.digits
    return "".join(rng.choice(signs) for _ in range(40))


def said(where: tuple, value: Any) -> str | None:
    """What is said of a configuration with a value there; None: nothing."""
    try:
        check_config(with_value(copy.deepcopy(DEFAULTS), where, value))
    except InputError as error:
        return str(error)
    return None


# A secret as it may be written, whatever it is written in.
WRITTEN = {
    "user": lambda secret: f"https://me:{secret}@host.example/v1",
    "password of signs": lambda secret: f"https://me:{secret}/?@host.example/v1",
    "token": lambda secret: f"https://{secret}@host.example/{{volume}}/{{page:05}}",
    "query": lambda secret: f"https://host.example/{{page}}?a=1&api_key={secret}",
    "fragment": lambda secret: f"https://host.example/v1#access_token={secret}",
    "bearer": lambda secret: f"Bearer {secret}",
    "key": lambda secret: f"sk-proj-{secret}",
    "hub": lambda secret: f"hf_{secret}",
    "map": lambda secret: {"api_key": secret},
    "deep": lambda secret: {"headers": [{"X-Auth-Token": secret}]},
    "pairs": lambda secret: {"headers": [["Authorization", secret]]},
    "lines": lambda secret: ["Accept: x", f"X-Api-Key: {secret}"],
}


def test_the_declaration_has_places_of_all_kinds():
    assert len(PLACES) > 150
    for where in (
        ("queries", "openai", "base_url"),
        ("queries", "openai", "extra", NAME),
        ("queries", "prompts", ENTRY, "file"),
        ("datasets", NAME, "pages"),
        ("evaluate", "systems", NAME, "query_prompt"),
        ("serve", "image_link"),
        ("train", "args", NAME),
    ):
        assert where in PLACES


@pytest.mark.parametrize("way", WRITTEN)
def test_a_secret_that_can_be_told_is_refused_wherever_it_stands(way):
    rng = random.Random(way)
    for where in PLACES:
        secret = drawn(rng)
        sentence = said(where, WRITTEN[way](secret))
        assert secret not in (sentence or ""), where
        # By their names alone they are told where names and headers are free.
        assert way in ("map", "lines") or " holds " in sentence, where


def test_one_that_cannot_be_told_is_taken_or_not_repeated():
    rng = random.Random(1)
    for where in PLACES:
        secret = drawn(rng)
        assert secret not in (said(where, secret) or ""), where
        assert secret not in (said((*where, secret), "x") or ""), where


@pytest.mark.parametrize(
    ("where", "value", "sentence"),
    [
        (
            ("queries", "openai", "extra"),
            {"extra_headers": {"Authorization": "Bearer x"}},
            "`queries.openai.extra.extra_headers.Authorization`: holds `Authorization`"
            ", and a configuration is printed and kept; it belongs in the environment "
            "variable that `queries.openai.key_variable` names, OPENAI_API_KEY",
        ),
        (
            ("queries", "openai", "api_key"),
            "x",
            "`queries.openai.api_key`: holds `api_key`, and a configuration is printed",
        ),
        (("openai_token",), "x", "`openai_token`: holds `openai_token`, and a confi"),
        (
            ("queries", "openai", "base_url"),
            "https://me:x@host/v1",
            "`queries.openai.base_url`: holds a user's name or password in an address,",
        ),
        (
            ("queries", "openai", "key_variable"),
            "aB1",
            "is not taken for the name of an environment variable, such as OPENAI_API",
        ),
        (
            ("train", "args", "hub_token"),
            "x",
            "`train.args.hub_token`: holds `hub_token`, and a configuration is printed "
            "and kept; training is offline and sends nothing: leave it out",
        ),
        (
            ("serve", "image_link"),
            "https://me:x@host/{page}",
            "the search page shows it to everyone: leave it out",
        ),
        (
            ("models", "embedder", "source"),
            "https://me:x@hub/a",
            "it belongs in the environment variable HF_TOKEN",
        ),
    ],
)
def test_it_is_said_where_secrets_belong(where, value, sentence):
    assert sentence in said(where, value)


def test_values_of_the_environment_are_refused(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "plain-words-only")
    sentence = said(("queries", "language"), "as plain-words-only has it")
    assert sentence.startswith(
        "`queries.language`: holds the value of an environment v"
    )
    assert "plain" not in sentence
    monkeypatch.setenv("OPENAI_API_KEY", "Swedish")
    assert said(("queries", "language"), "Swedish") is None


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("queries", "openai", "extra"), {"max_completion_tokens": 9, "seed": 1}),
        (("queries", "openai", "extra"), {"prompt_cache_key": "arkiv"}),
        (("queries", "openai", "key_variable"), "my_key"),
        (("queries", "openai", "base_url"), "http://[::1]:8000/v1?api-version=2"),
        (("serve", "image_link"), "https://iiif.example/@id/{volume}/{page:05}"),
        (("serve", "image_link"), "https://h.example/i?key={volume}&n={page}"),
        (("split", "batch_tokens"), 4096),
        (("documents", "heading"), r"^Bearer \w+: \S+@\S+"),
    ],
)
def test_what_is_no_secret_is_taken(where, value):
    assert said(where, value) is None


def test_names_that_a_person_gives_are_no_secrets():
    for name in ("password", "key_west", "tokens"):
        datasets = {name: DEFAULTS["datasets"]["d"]}
        config = DEFAULTS | {"datasets": datasets}
        weights = config["train"] | {"weights": {name: 2.0}}
        check_config(config | {"train": weights})
