"""What is told to be a secret, by its name or by its form."""

import pytest

from arkiv.base.secrets import (
    MASK,
    concealed,
    in_text,
    is_drawn,
    is_secret_name,
    secrets_in,
)

DRAWN = "aZ81kQq7Xt0pL2mB9vR4"


@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "API-KEY", "X-Api-Key", "apiKey", "openai_key", "ssh_key_path"),
        *("token", "hub_token", "accessToken", "access_tokens", "X-Auth-Token"),
        *("Authorization", "proxy-authorization", "auth", "bearer", "Set-Cookie"),
        *("password", "PASSWD", "pwd", "pass", "client_secret", "aws_credentials"),
    ],
)
def test_secrets_go_by_these_names(name):
    assert is_secret_name(name, "x")
    assert [found.where for found in secrets_in({"a": [{name: "x"}]})]
    assert not is_secret_name(name, None)
    assert not is_secret_name(name, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("max_tokens", 9), ("max_tokens", "9"), ("max_completion_tokens", 9)),
        *(("stop_token_ids", 9), ("thinking_token_budget", 9), ("top_keys", 3)),
        *(("eos_token", "</s>"), ("tokenizer_name", "x"), ("keywords", "x")),
        *(("prompt_cache_key", "x"), ("include_num_input_tokens_seen", "all")),
        *(("author", "x"), ("passage", "x"), ("compass", "x"), ("use_auth", True)),
    ],
)
def test_others_go_by_these(name, value):
    assert not is_secret_name(name, value)


@pytest.mark.parametrize(
    "value",
    [
        {"extra_headers": {"Authorization": "x"}},
        {"headers": [["X-Api-Key", "x"]]},
        {"headers": ["Authorization", "x"]},
        {"headers": [{"name": "Authorization", "value": "x"}]},
        {"headers": ["Accept: a", "X-Api-Key: x"]},
        {"headers": "Accept: a\nAuthorization: x"},
        {"body": '{"api_key": "x"}'},
        {"token": {"of": ["x"]}},
        {"password": 1234},
        {f"Bearer {DRAWN}": 1},
    ],
)
def test_headers_are_found_however_they_are_given(value):
    (found,) = secrets_in(value)
    assert DRAWN not in str(found)


@pytest.mark.parametrize(
    "value",
    [
        {"required": ["key", "token"], "properties": {"key": {"type": "string"}}},
        {"stop": ["</s>", "\n"], "reasoning_effort": "low", "logit_bias": {"50256": 1}},
        {"key": "x", "value": "y"},
        {"text": "{not json", "list": "[a] b"},
    ],
)
def test_what_servers_are_asked_for_is_no_secret(value):
    assert not list(secrets_in(value))


@pytest.mark.parametrize(
    "address",
    [
        *("https://me:x9@host/v1", "https://x9@host", "see http://me:x9@host:80/a, or"),
        *("https://me:x/9@host/a", "s3://me:x9@host", "https://me:x?9@host"),
        *("https://host/a?api_key=x9", "https://host/?a=1&token=x9", "http://h#key=x9"),
        *("https://host/a?sig=x9", "https://host/a?X-Amz-Signature=x9"),
    ],
)
def test_addresses_with_secrets_are_told_and_concealed(address):
    assert in_text(address)
    assert "x9" not in concealed(f"cannot fetch {address}").replace("x/9", "x9")
    assert MASK in concealed(address)
    assert in_text(concealed(address)) is None or MASK in concealed(address)


@pytest.mark.parametrize(
    "text",
    [
        *("https://host/v1", "https://host:80/@@images/{page}", "http://[::1]:80/@x"),
        *("https://iiif.example/@id/{volume}/{page:05}", "https://h/v1?api-version=2"),
        *("https://h/i?key={page}", "https://h/?page={page}&label={label}", "me@host"),
        *("sk-news-archive-of-1850-1900", "Bearer of the letter", r"\w+: \S+@\S+", ""),
    ],
)
def test_other_texts_are_left_as_they_are(text):
    assert in_text(text) is None
    assert concealed(text) == text


@pytest.mark.parametrize("begin", ["sk-", "hf_", "ghp_", "gsk_", "Bearer ", "Basic "])
def test_keys_are_told_by_how_they_begin(begin):
    assert in_text(f"a {begin}{DRAWN} b") == "a key"
    assert DRAWN not in concealed(f"a {begin}{DRAWN} b")


def test_what_is_drawn_is_told_from_names():
    names = "results/court_1850/sheet-2024.csv", "HandskrivnaTexter1850", "a" * 40
    assert not any(map(is_drawn, names))
    assert is_drawn(DRAWN)
