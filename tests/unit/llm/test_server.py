"""How long a server is waited for, and what its bodies mean."""

import email.utils

import pytest

from arkiv.base.errors import InputError
from arkiv.llm.protocol import Answer, Request, Sampling
from arkiv.llm.secret import Secret
from arkiv.llm.server import (
    FIRST_DELAY,
    LONGEST_ASKED_FOR,
    LONGEST_DELAY,
    GarbageError,
    Server,
    delay,
    parsed,
    retry_after,
)
from arkiv.llm.settings import Connection

REQUEST = Request.make("åtta ord om en häst i Lund by", Sampling("m", 9, 0.5), "d", 0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": email.utils.formatdate(1000 + 90, usegmt=True)}, 90),
        ({"retry-after": email.utils.formatdate(1000 - 90, usegmt=True)}, 0),
        ({"retry-after": "soon"}, None),
    ],
)
def test_the_time_that_a_server_asks_for(headers, seconds):
    assert retry_after(headers, now=1000) == seconds


def test_delays_double_up_to_a_limit_and_differ():
    longest = [delay(tried, None, lambda: 1.0) for tried in range(12)]
    assert longest[:4] == [FIRST_DELAY * factor for factor in (1, 2, 4, 8)]
    assert longest[-1] == LONGEST_DELAY
    assert delay(3, None, lambda: 0.0) == longest[3] / 2
    assert delay(3, 20.0, lambda: 0.0) == 20
    assert 20 < delay(3, 20.0, lambda: 0.5) < 21
    assert delay(0, 1e9, lambda: 0.0) == LONGEST_ASKED_FOR


def test_an_answer_with_its_tokens():
    body = """{"choices": [{"message": {"content": "Vem k-1?"}, "finish_reason":
        "length"}], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}"""
    found = parsed(body.encode(), REQUEST, Secret("k-1"))
    assert found == Answer("Vem [key]?", 7, 2, cut=True)


@pytest.mark.parametrize("usage", ["null", "{}", '{"prompt_tokens": -1}'])
def test_without_usage_tokens_are_estimated(usage):
    body = f'{{"choices": [{{"message": {{"content": null}}}}], "usage": {usage}}}'
    found = parsed(body.encode(), REQUEST, Secret(""))
    assert found == Answer("", 11, 0, estimated=True)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{}]}', b"\xff"],
)
def test_garbage_is_told_from_answers(body):
    with pytest.raises(GarbageError, match="is no chat completion"):
        parsed(body, REQUEST, Secret("k"))


def test_a_request_is_known_by_all_that_its_answer_depends_on():
    sampling = Sampling("m", 9, 0.5)
    others = [
        Request.make(REQUEST.prompt, sampling, "d", 1),
        Request.make(REQUEST.prompt, sampling, "e", 0),
        Request.make(REQUEST.prompt + "?", sampling, "d", 0),
        Request.make(REQUEST.prompt, Sampling("n", 9, 0.5), "d", 0),
        Request.make(REQUEST.prompt, Sampling("m", 8, 0.5), "d", 0),
        Request.make(REQUEST.prompt, Sampling("m", 9, None), "d", 0),
        Request.make(REQUEST.prompt, Sampling("m", 9, 0.5, {"a": 1}), "d", 0),
    ]
    assert len({REQUEST.key, *(one.key for one in others)}) == 8
    assert Request.make(REQUEST.prompt, sampling, "d", 0) == REQUEST


def test_a_secret_does_not_show_itself():
    assert "k-1" not in f"{Secret('k-1')} {Secret('k-1')!r}"


def test_the_beginning_of_a_long_key_is_masked_and_words_are_not():
    secret = Secret("sk-0123456789abcdef")
    said = secret.masked("not sk-0123456789ab… nor sk-01234, SK-0123456789ABCDEF")
    assert said == "not [key]… nor sk-01234, [key]"
    assert Secret("none").masked("None is known") == "None is known"


@pytest.mark.parametrize(
    ("base_url", "proxy"),
    [
        ("http://host:port/v1", None),
        ("http://host/v1", "htp://me:pa9word@host:1"),
        ("http://host/v1", "socks5://me:pa9word@host:1"),
    ],
)
def test_an_address_that_cannot_be_asked_is_one_sentence(monkeypatch, base_url, proxy):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    if proxy:
        monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(InputError, match="cannot be asked: ") as caught:
        Server(Connection(base_url=base_url), Sampling("m", 9, 0.5))
    assert "pa9word" not in str(caught.value)
    assert "sk-" not in str(caught.value)


def test_a_secret_is_masked_however_it_is_written_and_wherever_a_text_is_cut():
    secret = Secret("k/1+2")
    assert secret.masked(r"k/1+2 k\/1+2 k/1%2B2 k/1") == "[key] [key] [key] k/1"
    html = "k&#47;1&#x2b;2 K/1+2 k\\u002f1\\x2B2 k%252f1%2b2"
    assert secret.masked(html) == "[key] K/1+2 [key] [key]"
    assert Secret("").masked("none") == "none"
    body = b"<html>" + b"x" * 290 + b"k/1+2"
    with pytest.raises(GarbageError) as caught:
        parsed(body, REQUEST, secret)
    assert "k/1" not in str(caught.value)
