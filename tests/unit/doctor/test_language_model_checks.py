"""A language model's server, its key and its price, before anything is asked."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from arkiv.doctor import language_model
from arkiv.doctor.found import Check, run
from arkiv.settings.config import check_config, completed

ARCHIVE = {"court": {"example": {"cases": 60, "volumes": 6}}}
KEY = "sk-abcdefgh-12345678-ijklmnop"


@contextmanager
def listing(*names, status=200):
    """A server that lists models; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            listed = [{"id": name, "object": "model"} for name in names]
            body = json.dumps({"object": "list", "data": listed}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def configured(base_url, **queries):
    """A configuration whose queries a server makes."""
    openai = {"base_url": base_url, "model": "teacher"}
    given = {"backend": "openai", "openai": openai} | queries
    tiny = {"source": "tiny", "revision": None}
    models = {"embedder": tiny, "reranker": tiny}
    return check_config(
        completed({"datasets": ARCHIVE, "models": models, "queries": given})
    )


def found(config):
    """What the checks find, by name."""
    return {
        told.name: told for one in language_model.checks(config) for told in run(one)
    }


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_a_server_that_has_the_model_is_well():
    with listing("teacher", "other") as address:
        told = found(configured(address))["language model"]
    assert (told.status, "and has teacher" in told.seen) == ("ok", True)
    assert KEY not in told.seen


def test_a_model_that_the_server_does_not_list_is_named_with_others():
    with listing("other") as address:
        told = found(configured(address))["language model"]
    assert told.status == "warning"
    assert "does not list teacher" in told.seen
    assert "other" in told.do


def test_a_server_may_list_none():
    with listing(status=404) as address:
        assert found(configured(address))["language model"].status == "ok"


def test_a_key_that_is_refused_is_a_fault_and_not_shown():
    with listing(status=401) as address:
        told = found(configured(address))["language model"]
    assert told.status == "fault"
    assert "401" in told.seen
    assert KEY not in told.seen + told.do


def test_a_server_that_cannot_be_reached_is_named_with_what_to_do():
    with listing() as address:
        pass
    told = found(configured(address))["language model"]
    assert told.status == "fault"
    assert address in told.seen
    assert "see whether the server runs" in told.do


def test_the_key_must_be_in_the_environment(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    told = found(configured("https://api.openai.com/v1"))["language model"]
    assert told.status == "fault"
    assert "OPENAI_API_KEY" in told.seen


def test_a_price_is_told_and_held_against_the_budget():
    prices = {"input": 1.0, "output": 10.0}
    unreached = "http://127.0.0.1:1/v1"
    told = found(configured(unreached, prices=prices))["query price"]
    assert told.status == "ok"
    config = configured(unreached, prices=prices)
    one = language_model.cost_of_query(config, passage_bytes=3000)
    # A prompt of some hundred tokens, the passage's thousand, and a likely answer.
    assert 1000 < one.tokens < 2000
    assert one.money == pytest.approx((one.tokens - 32) / 1e6 + 32 * 10 / 1e6)
    told = found(configured(unreached, prices=prices, budget={"money": 0.001}))
    assert told["query price"].status == "warning"
    assert "budget of 0.00" in told["query price"].seen


def test_without_a_server_nothing_is_asked():
    tiny = {"source": "tiny", "revision": None}
    models = {"embedder": tiny, "reranker": tiny}
    config = check_config(completed({"datasets": ARCHIVE, "models": models}))
    (check,) = language_model.checks(config)
    assert run(check)[0].status == "ok"
    assert isinstance(check, Check)
