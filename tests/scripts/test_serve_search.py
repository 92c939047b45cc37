"""serve_search.py: the search page of a small run, by WSGI and as a real server."""

import contextlib
import copy
import errno
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unicodedata
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import numpy as np
import pytest
from same_text import written_otherwise
from waitress import wasyncore
from werkzeug.exceptions import ServiceUnavailable

from arkiv.base.errors import InputError
from arkiv.base.files import read_records, write_records
from arkiv.base.hashing import content_id
from arkiv.base.html import VOID
from arkiv.encode.options import Options
from arkiv.gold.sheet import gathered, read_sheet
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.systems.m3 import M3System
from arkiv.retrieve.systems.system import FinishedRun
from arkiv.retrieve.trec import read_run
from arkiv.serve import connections
from arkiv.serve.app import STYLE_ADDRESS, create_app, is_loopback
from arkiv.serve.index import Index
from arkiv.serve.judgements import Verdicts, read_verdicts
from arkiv.serve.rendering import Site
from arkiv.serve.view import MOST_CHARACTERS
from arkiv.serve.volumes import SUGGESTED, named, suggestions
from arkiv.settings.config import read_config
from arkiv.settings.image_links import ImageLinks
from benchmarks.data import finished_run

SCRIPT = Path(__file__).parents[2] / "scripts" / "serve_search.py"
WORDS = "tinget kvarnen skogen arvet tvisten gården eden böter åkern".split()
HOSTILE = "<script>alert('kvarnen')</script> & \"citat\" kvarnen"
DEFAULT = ("bm25", "base_dense", "tuned_dense")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_embedder):
    """A run of 40 passages in two volumes, and a hostile one without provenance."""
    from arkiv.example.tiny import build_embedder

    folder = tmp_path_factory.mktemp("served")
    build_embedder(folder / "tuned", seed=1)
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(WORDS, draw.integers(5, 40))) for _ in range(40)]
    passages = [
        {
            "id": content_id(text),
            "text": text,
            "volume": f"V{number % 2}",
            "first_page": number,
            "last_page": number,
            "first_line": 2,
            "last_line": 4,
            "first_image": f"v{number % 2}_{number}.jpg",
            "title": "Räkenskaper <1880>",
            "year": 1880,
            "year_to": 1885,
        }
        for number, text in enumerate(texts)
    ]
    passages.append({"id": content_id(HOSTILE), "text": HOSTILE})
    asked = ["kvarnen i skogen", "vem fick arvet", "böter vid tinget"]
    queries = [
        {"id": f"q{number}", "query": query} for number, query in enumerate(asked)
    ]
    finished_run(folder, tiny_embedder, folder / "tuned", passages, queries)
    return folder


@pytest.fixture(scope="module")
def index(folder):
    stems = {"type": "bm25", "tokens": "words", "stemming": "swedish", "k1": 0.9}
    more = folder / "more.yaml"
    more.write_text(json.dumps({"evaluate": {"systems": {"stems": stems}}}))
    with contextlib.chdir(folder):
        return Index(read_config(["served.yaml", more]), Options())


@pytest.fixture
def site(index):
    links = ImageLinks("https://images.example/{volume}/{page:05}")
    return Site(index, links, "sv", STYLE_ADDRESS)


@pytest.fixture
def sheet(tmp_path):
    return Verdicts(tmp_path / "judgements.jsonl")


@pytest.fixture
def client(site, sheet):
    return create_app(site, sheet, ["anna"], DEFAULT).test_client()


class Document(HTMLParser):
    """A page's elements with their attributes; fails where one is not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag, **wanted):
        """The attributes of elements, named as in `arkiv.base.html.element`."""
        names = {key: key.rstrip("_").replace("_", "-") for key in wanted}
        return [
            given
            for name, given in self.elements
            if name == tag
            and all(given.get(names[key]) == value for key, value in wanted.items())
        ]


def get(client, path="/", **parameters):
    answer = client.get(f"{path}?{urlencode(parameters, doseq=True)}")
    return answer, Document(answer.get_data(as_text=True))


def found_in(document):
    """The ids of the passages in each column."""
    columns = {}
    for given in document.all("li"):
        if "-" in given.get("id", ""):
            name, passage = given["id"].rsplit("-", 1)
            columns.setdefault(name, []).append(passage)
    return columns


# Searching.


@pytest.mark.parametrize("mode", ["dense", "sparse", "multi_vector", "combined"])
@pytest.mark.parametrize("model", ["base", "tuned"])
def test_the_page_ranks_as_the_runs_do(
    folder, index, tiny_embedder, tmp_path, model, mode
):
    from retrieve import main

    run = folder / "results/served"
    words = ["m3", "--corpus", run / "collection/corpus.jsonl", "--mode", mode]
    words += ["--queries", run / "collection/queries.jsonl", "--rerank-depth", "20"]
    words += ["--model", tiny_embedder if model == "base" else run / "model"]
    words += ["--encodings", run / "encodings" / model]
    main([str(w) for w in (*words, "--output", tmp_path / "run")])
    queries = [row for _, row in read_records(run / "collection/queries.jsonl")]
    expected = read_run(tmp_path / "run")
    for query in queries:
        found = list(index.ranks(f"{model}_{mode}", query["query"], None))
        assert found == expected[query["id"]]


@pytest.mark.parametrize("system", ["bm25", "stems"])
def test_bm25_ranks_as_its_run_does(folder, index, tiny_embedder, tmp_path, system):
    from retrieve import main

    run = folder / "results/served"
    words = ["bm25", "--corpus", run / "collection/corpus.jsonl"]
    words += ["--queries", run / "collection/queries.jsonl"]
    if system == "bm25":
        words += ["--model", tiny_embedder]
    else:
        words += ["--tokens", "words", "--stemming", "swedish", "--k1", "0.9"]
    main([str(w) for w in (*words, "--output", tmp_path / "run")])
    expected = read_run(tmp_path / "run")
    for _, query in read_records(run / "collection/queries.jsonl"):
        assert list(index.ranks(system, query["query"], None)) == expected[query["id"]]


def test_token_weights_are_read_only_where_a_system_takes_them(
    folder, tiny_embedder, tmp_path
):
    passages = read_ordered(folder / "results/served/collection/corpus.jsonl")
    encodings = tmp_path / "encodings"
    shutil.copytree(folder / "results/served/encodings/base", encodings)
    (encodings / "corpus.sparse.npz").unlink()
    settings = read_config([folder / "served.yaml"])

    run = FinishedRun(
        settings,
        passages,
        model=lambda name: tiny_embedder,
        encodings=lambda name: encodings,
        options=Options(),
    )
    M3System("base", "dense").loaded(run)
    rank = M3System("base", "multi_vector").loaded(run)
    assert len(rank("kvarnen", None, 9).rows) == 9
    for mode in ("sparse", "combined"):
        with pytest.raises(InputError, match=r"corpus\.sparse\.npz: no such file"):
            M3System("base", mode).loaded(run)


@pytest.mark.parametrize("system", ["bm25", "base_dense", "tuned_sparse"])
def test_a_volume_has_what_all_have_less_the_other_volumes(index, system):
    every = index.ranks(system, "kvarnen", None)
    within = index.ranks(system, "kvarnen", "V1")
    wanted = [key for key in every if index.passage(key).get("volume") == "V1"]
    assert list(within) == wanted != []
    assert [score for _, score in within.values()] == [every[key][1] for key in wanted]


def test_the_beginning_of_names_asks_for_several_volumes(client, index):
    for system in ("bm25", "base_dense", "tuned_combined"):
        found = index.ranks(system, "kvarnen", "v")
        assert {index.passage(key)["volume"] for key in found} == {"V0", "V1"}
    every = list(index.ranks("bm25", "kvarnen", None))
    within = list(index.ranks("bm25", "kvarnen", "v"))
    assert within == [key for key in every if index.passage(key).get("volume")] != every
    answer, page = get(client, q="kvarnen", system="bm25", volume=" v ")
    assert "2 volumes “v…”" in answer.text
    assert found_in(page)["bm25"] == within[:10]
    names = [one["value"] for one in page.all("option")]
    assert names == ["V0", "V1"]
    assert page.all("datalist", id=page.all("input", id="volume")[0]["list"])


def test_ten_thousand_volumes_do_not_make_a_large_page(site, sheet):
    index = copy.copy(site.index)
    volumes = sorted(f"paper/{1800 + n % 80}/{n:05}" for n in range(10_000))
    index.volumes = volumes
    index._rows_of = {name: np.arange(n % 40, 40) for n, name in enumerate(volumes)}
    index.within = partial(named, volumes)
    index.suggested = partial(suggestions, volumes)
    index.ranking = index._ranking
    app = create_app(replace(site, index=index), sheet, ["anna"], DEFAULT)
    suggested = {}
    for query, volume, status in (
        ("", "", 200),
        ("kvarnen", "", 200),
        ("kvarnen", "paper/1824/", 200),
        ("kvarnen", volumes[0], 200),
        ("kvarnen", "paper/1900", 400),
    ):
        answer, page = get(app.test_client(), q=query, volume=volume)
        assert answer.status_code == status
        assert len(answer.data) < 100_000
        suggested[volume] = [one["value"] for one in page.all("option")]
        assert len(suggested[volume]) <= SUGGESTED
    assert len(suggested[""]) == 80
    assert suggested[""][0] == "paper/1800/0"
    assert len(suggested["paper/1824/"]) > 5
    assert all(one.startswith("paper/1824/") for one in suggested["paper/1824/"])


def test_re_ranking_takes_its_passages_from_the_volume(index):
    within = index.ranks("tuned_combined", "kvarnen", "V0")
    assert len(within) == 20
    assert {index.passage(key)["volume"] for key in within} == {"V0"}


def test_systems_stand_side_by_side_with_marked_words_and_provenance(client, index):
    answer, page = get(client, q="kvarnen i skogen")
    assert answer.status_code == 200
    columns = found_in(page)
    assert list(columns) == list(DEFAULT)
    assert {len(found) for found in columns.values()} == {10}
    first = columns["bm25"][0]
    assert first == next(iter(index.ranks("bm25", "kvarnen i skogen", None)))
    text = answer.get_data(as_text=True)
    assert "<mark>kvarnen</mark>" in text
    number = index.passage(first)["first_page"]
    plain = re.sub("<[^>]*>", "", text)
    assert f"1. volume V{number % 2}, page {number}, lines 2–4" in plain
    assert ".jpg" not in plain  # there are links, and the passage's own page names it
    link = f"https://images.example/V{number % 2}/{number:05}"
    assert page.all("a", href=link, rel="noreferrer external")
    assert page.all("p", lang="sv", class_="excerpt")


def test_an_address_chooses_systems_volume_and_hits(client, index):
    systems = ["tuned_sparse", "base_combined"]
    _, page = get(client, q="arvet", system=systems, volume="V1", hits=25)
    columns = found_in(page)
    assert list(columns) == systems
    found = {index.passage(key)["volume"] for keys in columns.values() for key in keys}
    assert found == {"V1"}
    checked = [box["value"] for box in page.all("input", checked="")]
    assert sorted(checked) == sorted(systems)
    assert [one["value"] for one in page.all("input", id="volume")] == ["V1"]
    # The passages' own pages, and all that is linked, keep the search.
    links = [one for one in page.all("a") if one["href"].startswith("/passage/")]
    link = links[0]
    assert "system=tuned_sparse&system=base_combined&volume=V1&hits=25" in link["href"]


def test_a_query_with_letters_and_marks_apart_finds_the_same(client, index):
    draw = random.Random(1)
    for query in index.samples():
        asked = f"häradsrätten: {query}"
        apart = unicodedata.normalize("NFD", asked)
        assert get(client, q=apart)[0].data == get(client, q=asked)[0].data
        assert index.query_id(written_otherwise(query, draw)) == index.query_id(query)
        assert index.query_id(asked) != index.query_id(query)


def test_a_page_can_be_used_by_keyboard_and_screen_reader(client):
    _, page = get(client, q="kvarnen")
    assert page.all("html", lang="en")
    assert page.all("form", role="search")
    assert len(page.all("main")) == len(page.all("h1")) == 1
    assert page.all("a", class_="skip", href="#main")
    labelled = {one.get("for") for one in page.all("label")}
    ids = [given["id"] for _, given in page.elements if "id" in given]
    assert len(ids) == len(set(ids))
    for box in [*page.all("input", type="search"), *page.all("select")]:
        assert box["id"] in labelled
    for section in page.all("section"):
        assert section["aria-labelledby"] in ids
    assert all(one.get("aria-label") for one in page.all("nav"))


def test_nothing_found_is_said(client):
    answer, page = get(client, q="ß" * 9, system="bm25", volume="V0")
    assert "No passage of volume V0 shares a word" in answer.get_data(as_text=True)
    assert found_in(page) == {}


def test_without_a_query_there_are_some_to_begin_with(client):
    _, page = get(client)
    links = [one["href"] for one in page.all("a") if "?q=" in one["href"]]
    assert len(links) == 3
    assert client.get(links[0]).status_code == 200
    assert "Set-Cookie" not in client.get("/").headers


def test_a_passage_has_a_page_of_its_own(client, index):
    named = next(row for row in index.passages if "first_image" in row)
    text = client.get(f"/passage/{named['id']}").text
    assert named["first_image"] in text
    assert f"<h1>Volume {named['volume']}, page" in text
    assert "<p>Räkenskaper &lt;1880&gt; · 1880–1885</p>" in text
    key = content_id(HOSTILE)
    answer, page = get(client, f"/passage/{key}", q="kvarnen", system="bm25")
    text = answer.get_data(as_text=True)
    assert text.count("<mark>kvarnen</mark>") == 2
    assert page.all("a", href="/?q=kvarnen&system=bm25")
    assert len(page.all("button", form="judging")) == 2
    # Nothing to judge without a query.
    assert not get(client, f"/passage/{key}")[1].all("button", form="judging")


# Hostile requests.


SCRIPTS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE passages; --",
    "{{7*7}} ${7*7} %s %n",
    "../../../../etc/passwd",
    "\x00\x1b[31m\u202e kvarnen \r\nSet-Cookie: a=b",
    "kvarnen " * 249,
    "<" * 2000,
    "🜁 \U0010fffd ",
    "(" * 500 + "*" * 500,
]


@pytest.mark.parametrize("query", SCRIPTS)
def test_a_hostile_query_is_text_and_nothing_else(client, query):
    for path in ("/", f"/passage/{content_id(HOSTILE)}"):
        answer, page = get(client, path, q=query, system=["bm25", "base_sparse"])
        assert answer.status_code == 200
        tags = {tag for tag, _ in page.elements}
        assert not tags & {"script", "img", "iframe", "style", "object", "base"}
        assert not any(
            key.startswith("on") or key == "style"
            for _, given in page.elements
            for key in given
        )
        assert all(
            one["href"].startswith(("/", "#", "https://images.example/"))
            for one in page.all("a")
        )
        assert b"\x00" not in answer.data
        assert "49" not in re.findall(r"<h1[^>]*>(.*?)</h1>", answer.text)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/?q=" + "x" * 100_000, 400),
        ("/?q=kvarnen&system=nope", 400),
        ("/?q=kvarnen&system=" + "x" * 5000, 400),
        ("/?q=kvarnen&volume=../../etc", 400),
        ("/?q=kvarnen&hits=1000000", 400),
        ("/?q=%ff%fe%00kvarnen%c3%28&system=bm25", 200),
        ("/?q=kvarnen&volume=%ff", 400),
        ("/?q[]=1&%00=%00&&=", 200),
        ("/passage/../../../etc/passwd", 404),
        ("/passage/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404),
        ("/passage/%ff%00", 404),
        ("/static/x", 404),
        ("/judge", 405),
        ("/style.css/../../app.py", 404),
    ],
)
def test_a_hostile_address_gets_a_plain_answer(client, address, status):
    answer = client.get(address)
    assert answer.status_code == status
    Document(answer.get_data(as_text=True))
    assert len(answer.data) < 60_000
    assert "Traceback" not in answer.text


def test_every_answer_says_what_a_browser_may_do(client):
    for path in ("/", "/?q=kvarnen", "/nowhere", "/style.css", "/icon.svg", "/?hits=x"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
    style = client.get(STYLE_ADDRESS)
    assert style.mimetype == "text/css"
    # Nothing in the style leads elsewhere.
    assert not re.search(r"https?:|@import|url\(", style.text)


def test_a_name_that_points_here_from_elsewhere_is_refused(client, site, sheet):
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil", "[::1"):
        assert client.get("/", headers={"Host": host}).status_code == 400
    for host in ("localhost:8000", "127.0.0.1:9", "[::1]:8000"):
        assert client.get("/", headers={"Host": host}).status_code == 200
    public = create_app(site, sheet, [], DEFAULT, loopback=False).test_client()
    answer = public.get("/", headers={"Host": "archive.example"})
    assert answer.status_code == 200


def test_a_fault_of_our_own_shows_nothing_of_the_inside(site, sheet, monkeypatch):
    def broken(*_):
        raise RuntimeError("secret path")

    app = create_app(site, sheet, [], DEFAULT)
    monkeypatch.setattr(site.index, "ranking", broken)
    answer = app.test_client().get("/?q=kvarnen&system=bm25")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


# Judging.


def form_of(page):
    """The hidden fields of the judging form, in order."""
    fields = page.all("input", type="hidden")
    return [(one["name"], one["value"]) for one in fields if one["name"] != "hits"]


def judge(client, query, kind, passage, place="bm25", **more):
    _, page = get(client, q=query, **more)
    data = [*form_of(page), (kind, f"{passage} {place}")]
    return posted(client, "/judge", data)


def posted(client, address, fields, **more):
    """What comes back when a form with these fields is sent."""
    kind = "application/x-www-form-urlencoded"
    return client.post(address, data=urlencode(fields), content_type=kind, **more)


def pressed(client, answer, **chosen):
    """What comes back when the one button of a page's form is pressed."""
    page = Document(answer.text)
    (form,) = page.all("form", method="post")
    (button,) = page.all("button", class_="go")[1:]
    fields = [(one["name"], one["value"]) for one in page.all("input", type="hidden")]
    selected = [one["value"] for one in page.all("option", selected="")]
    fields += [("judge", chosen.get("judge", one)) for one in selected]
    return posted(client, form["action"], [*fields, (button["name"], button["value"])])


def test_a_click_goes_to_the_sheet_with_the_ranks(client, sheet, index):
    query = "vem fick arvet"
    ranks = index.ranks("bm25", query, "V1")
    passage = list(ranks)[2]
    answer = judge(client, query, "relevant", passage, volume="V1")
    assert answer.status_code == 303
    target = answer.headers["Location"]
    assert target.startswith("/?q=vem+fick+arvet&")
    assert "volume=V1" in target
    assert target.endswith(f"#bm25-{passage}")
    (line,) = map(json.loads, sheet.path.read_text().splitlines())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "query": query,
        "query_id": "q1",
        "passage_id": passage,
        "within": "V1",
        "ranks": {
            name: index.ranks(name, query, "V1").get(passage, [None])[0]
            for name in DEFAULT
        },
        "verdict": "relevant",
        "judge": "anna",
    }
    assert line["ranks"]["bm25"] == 3
    page = Document(client.get(target).get_data(as_text=True))
    assert page.all("li", id=f"bm25-{passage}", class_="relevant")
    pressed = page.all("button", aria_pressed="true")
    assert {(one["name"], one["value"].split()[0]) for one in pressed} == {
        ("relevant", passage)
    }
    withdraw = page.all("button", name="withdrawn")
    assert {one["value"].split()[0] for one in withdraw} == {passage}


def test_clicks_and_the_sheet_that_is_offered_are_read_alike(
    site, sheet, index, tmp_path
):
    app = create_app(site, sheet, ["anna"], DEFAULT, separator=";")
    client = app.test_client()
    for query, place, kind in (
        ("vem fick arvet", 0, "relevant"),
        ("vem fick arvet", 2, "not_relevant"),
        ("böter vid tinget", 1, "relevant"),
        ("fritt frågat om kvarnen", 0, "relevant"),
    ):
        passage = list(index.ranks("bm25", query, None))[place]
        assert judge(client, query, kind, passage).status_code == 303
    answer = client.get("/judgements.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.data.startswith(b"\xef\xbb\xbfquery_id;passage_id;")
    (tmp_path / "anna.csv").write_bytes(answer.data)
    queries = {"q1": "vem fick arvet", "q2": "böter vid tinget"}
    passages = {row["id"] for row in index.passages}
    clicked, offered = (
        gathered(read(path), queries, passages)
        for read, path in (
            (read_verdicts, sheet.path),
            (read_sheet, tmp_path / "anna.csv"),
        )
    )
    assert clicked == offered
    assert [grades["anna"] for grades in clicked.grades.values()] == [1, 0, 1]
    assert len(clicked.elsewhere) == 1


def test_a_verdict_can_be_changed_and_withdrawn(client, sheet, index):
    query = "böter vid tinget"
    passage = next(iter(index.ranks("bm25", query, None)))
    for kind in ("relevant", "not_relevant", "withdrawn"):
        assert judge(client, query, kind, passage).status_code == 303
    assert sheet.of("anna", query) == {passage: "withdrawn"}
    assert sheet.latest() == []
    assert "0 verdicts so far" in client.get("/?q=x").text


def test_a_form_without_its_token_is_refused(client, sheet, site, index):
    passage = next(iter(index.ranks("bm25", "kvarnen", None)))
    data = {"q": "kvarnen", "relevant": f"{passage} bm25"}
    assert client.post("/judge", data=data).status_code == 403
    client.get("/?q=kvarnen")
    for token in ("", "x", "å" * 22):
        refused = client.post("/judge", data=data | {"token": token})
        assert refused.status_code == 403
    # A form of another browser, and one from before the server was started anew.
    _, page = get(client, q="kvarnen")
    stolen = dict(form_of(page))["token"]
    other = create_app(site, sheet, ["anna"], DEFAULT).test_client()
    other.get("/?q=kvarnen")
    assert other.post("/judge", data=data | {"token": stolen}).status_code == 403
    assert not sheet.path.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"relevant": "nowhere bm25"},
        {"relevant": "../../x y"},
        {"q": ""},
        {"system": "nope"},
        {"q": "x" * 5000},
    ],
)
def test_a_verdict_on_nothing_is_refused(client, sheet, index, change):
    passage = next(iter(index.ranks("bm25", "kvarnen", None)))
    token = dict(form_of(get(client, q="kvarnen")[1]))["token"]
    data = {"q": "kvarnen", "token": token, "relevant": f"{passage} bm25"}
    assert client.post("/judge", data=data | change).status_code == 400
    assert not sheet.path.exists()


def test_a_form_leads_nowhere_else_and_has_a_size(client, index):
    passage = next(iter(index.ranks("bm25", "kvarnen", None)))
    token = dict(form_of(get(client, q="kvarnen")[1]))["token"]
    data = {"q": "kvarnen", "token": token, "relevant": f"{passage} x\r\nA: b"}
    for back in (
        "https://evil.example",
        "//evil.example",
        "/passage/../x",
        "/\r\nA: b",
    ):
        answer = client.post("/judge", data=data | {"back": back})
        assert answer.headers["Location"].startswith("/?q=kvarnen&")
        assert "\n" not in answer.headers["Location"]
        assert "A" not in answer.headers
    own = client.post("/judge", data=data | {"back": f"/passage/{passage}"})
    assert own.headers["Location"].startswith(f"/passage/{passage}?q=kvarnen&")
    assert client.post("/judge", data=data | {"q": "x" * 100_000}).status_code == 413


def test_the_cookie_stays_with_the_browser_and_the_site(client):
    cookie = client.get("/?q=kvarnen").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get("/?q=kvarnen").headers["Cache-Control"] == "no-store"


def test_one_of_several_judges_is_chosen_and_remembered(site, sheet, index):
    client = create_app(site, sheet, ["anna", "bo"], DEFAULT).test_client()
    passage = next(iter(index.ranks("bm25", "kvarnen", None)))
    _, page = get(client, q="kvarnen")
    token = dict(form_of(page))["token"]
    data = {"q": "kvarnen", "token": token}
    client.post("/judge", data=data | {"judge": "bo", "change": "1"})
    client.post("/judge", data=data | {"judge": "eve", "relevant": f"{passage} bm25"})
    assert [row["judge"] for row in sheet.latest()] == ["bo"]
    assert client.get("/judgements.csv").text.count(passage) == 1
    client.post("/judge", data=data | {"judge": "anna", "change": "1"})
    assert passage not in client.get("/judgements.csv").text


def test_of_several_judges_nobody_judges_unasked(site, sheet, index):
    client = create_app(site, sheet, ["anna", "bo"], DEFAULT).test_client()
    passage = next(iter(index.ranks("bm25", "kvarnen", None)))
    answer, page = get(client, q="kvarnen")
    (select,) = page.all("select", name="judge")
    assert "required" in select
    chosen = [one["value"] for one in page.all("option", selected="")]
    assert chosen == [""]
    assert "Download as CSV" not in answer.text
    assert client.get("/judgements.csv").status_code == 400
    refused = judge(client, "kvarnen", "relevant", passage)
    assert refused.status_code == 400
    assert "Say first who judges." in refused.text
    assert not sheet.path.exists()
    # The verdict is still there to give, by who is chosen now.
    given = pressed(client, refused, judge="bo")
    assert given.headers["Location"].endswith(f"#bm25-{passage}")
    assert sheet.of("bo", "kvarnen") == {passage: "relevant"}
    _, page = get(client, q="kvarnen")
    assert [one["value"] for one in page.all("option", selected="")] == ["bo"]


def test_a_choice_of_judge_outlives_the_server(site, sheet, index):
    names = ["anna", "\u00c5sa; =\u201cB\u201d"]
    browser = create_app(site, sheet, names, DEFAULT).test_client()
    token = dict(form_of(get(browser, q="kvarnen")[1]))["token"]
    data = {"q": "kvarnen", "token": token, "judge": names[1], "change": "1"}
    assert browser.post("/judge", data=data).status_code == 303

    def judging(names, **more):
        browser.application = create_app(site, sheet, names, DEFAULT)
        page = Document(browser.get("/?q=kvarnen", **more).text)
        return [one["value"] for one in page.all("option", selected="")]

    assert judging(names) == judging(names[::-1]) == [names[1]]
    assert judging(["anna", "bo"]) == [""]  # who was chosen may not judge any more
    # Another run, or a server on another port of this machine, is chosen for anew.
    assert judging(names, base_url="http://localhost:8001/") == [""]
    other = copy.copy(site.index)
    other.name = "other"
    browser.application = create_app(replace(site, index=other), sheet, names, DEFAULT)
    page = Document(browser.get("/?q=kvarnen").text)
    assert [one["value"] for one in page.all("option", selected="")] == [""]


def test_two_servers_on_one_machine_share_no_cookie(site, sheet, index):
    passage = next(iter(index.ranks("bm25", "kvarnen", None)))
    places = [f"http://localhost:{port}/" for port in (8000, 8001)]
    servers = [create_app(site, sheet, ["anna"], DEFAULT) for _ in places]
    browser = servers[0].test_client()

    def asked_of(number, **more):
        browser.application = servers[number]
        return Document(browser.get("/?q=kvarnen", base_url=places[number]).text)

    # Both are looked at before either is judged on, as two tabs would be.
    forms = [dict(form_of(asked_of(number))) for number in (0, 1)]
    for number in (0, 1):
        browser.application = servers[number]
        data = forms[number] | {"relevant": f"{passage} bm25"}
        given = browser.post("/judge", data=data, base_url=places[number])
        assert given.status_code == 303
    # What a browser has of cookies is sent to both: their names tell them apart.
    names = {
        cookie.split("=")[0]
        for number in (0, 1)
        for cookie in servers[number]
        .test_client()
        .get("/?q=kvarnen", base_url=places[number])
        .headers.getlist("Set-Cookie")
    }
    assert len(names) == 2


def test_a_form_from_before_a_restart_is_gone_on_with_by_one_click(site, sheet, index):
    browser = create_app(site, sheet, ["anna", "bo"], DEFAULT).test_client()
    query, systems = "vem fick <arvet> & kvarnen", ["tuned_sparse", "bm25"]
    asked_for = {"q": query, "system": systems, "volume": "V1", "hits": 25}
    passage = list(index.ranks("bm25", query, "V1"))[1]
    _, page = get(browser, **asked_for)
    old = [*form_of(page), ("hits", "25"), ("judge", "bo")]
    old.append(("not_relevant", f"{passage} bm25"))
    browser.application = create_app(site, sheet, ["anna", "bo"], DEFAULT)
    refused = posted(browser, page.all("form", id="judging")[0]["action"], old)
    assert refused.status_code == 403
    assert "The server has been started anew since this page was made." in refused.text
    assert not sheet.path.exists()
    page = Document(refused.text)
    (box,) = page.all("input", type="search", name="q")
    assert box["value"] == query
    checked = {one["value"] for one in page.all("input", checked="")}
    assert checked == set(systems)
    assert page.all("input", id="volume", value="V1")
    back = page.all("a")[-1]["href"]
    assert back.startswith("/?" + urlencode(asked_for, doseq=True))
    assert back.endswith(f"#bm25-{passage}")
    assert browser.get(back).status_code == 200
    given = pressed(browser, refused)
    assert given.status_code == 303
    assert given.headers["Location"] == back
    (line,) = map(json.loads, sheet.path.read_text().splitlines())
    assert (line["query"], line["within"], line["judge"]) == (query, "V1", "bo")
    assert (line["passage_id"], line["verdict"]) == (passage, "not_relevant")
    assert list(line["ranks"]) == systems


def test_a_page_from_elsewhere_has_no_click_prepared(client, index, sheet):
    passage = next(iter(index.ranks("bm25", "kvarnen", None)))
    data = [("q", "kvarnen"), ("relevant", f"{passage} bm25"), ("token", "x")]
    for site in ("cross-site", "same-site"):
        answer = posted(client, "/judge", data, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
        assert not Document(answer.text).all("form", method="post")
        assert "Set-Cookie" not in answer.headers
    answer = posted(client, "/judge", data)
    assert "sent no cookie" in answer.text


@pytest.mark.parametrize(
    ("reason", "status", "sentence"),
    [
        (errno.ENOSPC, 507, "the server&#39;s disk is full: make room"),
        (errno.EDQUOT, 507, "the server&#39;s disk is full: make room"),
        (errno.EROFS, 500, "cannot be written (Read-only file system)"),
        (errno.EIO, 500, "cannot be written (Input/output error)"),
    ],
)
def test_a_verdict_that_could_not_be_kept_is_said_and_can_be_given_again(
    client, index, sheet, monkeypatch, reason, status, sentence
):
    passages = list(index.ranks("bm25", "kvarnen", None))
    assert judge(client, "kvarnen", "relevant", passages[0]).status_code == 303
    before = sheet.path.read_bytes()

    def fails(descriptor, data):
        write(descriptor, data[:20])
        raise OSError(reason, os.strerror(reason))

    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", fails)
        refused = judge(client, "kvarnen", "relevant", passages[1], volume="V1")
    assert refused.status_code == status
    assert "The verdict was not kept, for " in refused.text
    assert sentence in refused.text
    assert "default-src 'none'" in refused.headers["Content-Security-Policy"]
    assert sheet.path.read_bytes() == before
    assert "1 verdict so far" in client.get("/?q=kvarnen").text
    assert pressed(client, refused).status_code == 303
    assert sheet.of("anna", "kvarnen") == dict.fromkeys(passages[:2], "relevant")


def faulty(client, index, monkeypatch, status):
    """An answer of this status to a search with systems and volume, or to its form."""
    search = {"q": "kvarnen", "system": ["tuned_sparse", "bm25"], "volume": "V1"}
    passage = next(iter(index.ranks("bm25", "kvarnen", "V1")))
    _, page = get(client, f"/passage/{passage}", **search)
    (form,) = page.all("form", id="judging")
    fields = [*form_of(page), ("relevant", f"{passage} bm25")]
    if status == 400:
        return get(client, **search | {"hits": "x"})[0], search, None
    if status == 404:
        return get(client, "/passage/gone", **search)[0], search, None
    if status == 413:
        fields.append(("more", "x" * 100_000))
    elif status == 403:
        fields.append(("token", "y"))
        fields.remove(next(one for one in fields if one[0] == "token"))
    else:

        def broken(*_):
            raise {500: RuntimeError, 503: ServiceUnavailable}[status]

        monkeypatch.setattr(index, "ranking", broken)
    return posted(client, form["action"], fields), search, passage


@pytest.mark.parametrize("status", [400, 403, 404, 413, 500, 503])
def test_a_fault_keeps_the_search_and_leads_back_to_it(
    client, site, monkeypatch, status
):
    answer, search, passage = faulty(client, site.index, monkeypatch, status)
    monkeypatch.undo()
    assert answer.status_code == status
    page = Document(answer.text)
    assert [one["value"] for one in page.all("input", name="q", type="search")] == [
        search["q"]
    ]
    checked = {one["value"] for one in page.all("input", checked="")}
    assert checked == set(search["system"])
    assert page.all("input", id="volume", value="V1")
    back = page.all("a")[-1]["href"]
    wanted = "/" if passage is None else f"/passage/{passage}"
    assert back.startswith(f"{wanted}?{urlencode(search, doseq=True)}")
    assert client.get(back).status_code == 200


def test_a_search_that_cannot_be_done_keeps_what_can_be(client):
    answer, page = get(
        client, q="kvarnen", system=["bm25", "nope"], volume="V", hits="25"
    )
    assert answer.status_code == 400
    assert page.all("a")[-1]["href"] == "/?q=kvarnen&system=bm25&volume=V&hits=25"
    answer, page = get(client, q="x" * 3000, volume="W1")
    assert "There is no system" not in answer.text
    assert len(page.all("input", name="q")[0]["value"]) == MOST_CHARACTERS
    assert page.all("input", id="volume", value="W1")
    assert client.get(page.all("a")[-1]["href"]).status_code == 200


def test_of_a_volume_that_is_not_there_the_nearest_are_named(client):
    answer, page = get(client, q="kvarnen", system="bm25", volume="V11")
    assert answer.status_code == 400
    assert "There is no volume “V11” here. The nearest names: <a" in answer.text
    assert page.all("a", href="/?q=kvarnen&system=bm25&volume=V1")
    assert page.all("input", id="volume", value="V11")
    assert page.all("details", open="")
    answer, _ = get(client, q="kvarnen", volume="x" * 50_000)
    assert "nearest" not in answer.text
    assert len(answer.data) < 10_000


def test_without_a_judge_nobody_judges(site, sheet):
    client = create_app(site, sheet, [], DEFAULT, loopback=False).test_client()
    answer, page = get(client, q="kvarnen")
    assert not page.all("button", form="judging")
    assert "Set-Cookie" not in answer.headers
    assert client.post("/judge", data={"token": ""}).status_code == 403
    assert client.get("/judgements.csv").status_code == 404


def test_many_at_once_get_what_one_gets(site, sheet, index):
    app = create_app(site, sheet, [], DEFAULT)
    queries = [f"{one} {other}" for one in WORDS[:6] for other in WORDS[:4]]
    systems = ["tuned_dense", "tuned_combined", "base_sparse"]

    def all_found(query):
        client = app.test_client()
        return found_in(get(client, q=query, system=systems)[1])

    together = {}
    threads = [
        threading.Thread(
            target=lambda part: together.update({q: all_found(q) for q in part}),
            args=(queries[start::8],),
        )
        for start in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    index.ranking.cache_clear()
    assert together == {query: all_found(query) for query in queries}


# The program.


def test_only_the_machine_itself_is_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "node7")))


def test_a_run_that_has_not_finished_is_one_sentence(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("run: none\ndatasets: {a: {example: {cases: 1, volumes: 1}}}\n")
    done = subprocess.run(
        [sys.executable, SCRIPT, "--configfile", path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "error: results/none: the run has not finished, for "
        "results/none/collection/corpus.jsonl is missing: "
        f"run `snakemake evaluate --configfile {path}`\n"
    )


def test_a_port_that_is_taken_is_one_sentence(folder, monkeypatch):
    from serve_search import main

    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r"`--port`: is 99999, expected"):
        main(["--configfile", "served.yaml", "--port", "99999"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port}: cannot be listened on"):
            main(["--configfile", "served.yaml", "--port", str(port)])


def test_judges_are_those_named_or_whoever_is_alone_here(monkeypatch):
    from serve_search import judges_of

    monkeypatch.setenv("LOGNAME", "anna")
    assert judges_of([], True) == ["anna"]
    assert judges_of([], False) == []
    assert judges_of(["bo", "eva", "bo"], False) == ["bo", "eva"]
    assert judges_of(["A\u030asa", "\u00c5sa"], False) == ["\u00c5sa"]
    with pytest.raises(InputError, match="empty name"):
        judges_of(["bo", " "], True)
    with pytest.raises(InputError, match=r"is a\\nb, expected a name in letters"):
        judges_of(["bo", "a\nb"], True)


class ByFile(http.client.HTTPConnection):
    """A connection to a socket file."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def asked(connection):
    """The status of a search over a connection, and whether words are marked in it."""
    connection.request("GET", "/?q=kvarnen", headers={"Host": "localhost:8000"})
    answer = connection.getresponse()
    assert "Server" not in answer.headers
    return answer.status, b"<mark>kvarnen</mark>" in answer.read()


def test_a_real_server_answers_and_ends_in_good_order(folder):
    server = subprocess.Popen(
        [sys.executable, SCRIPT, "--configfile", "served.yaml", "--port", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = server.stdout.readline()
        port = int(re.match(r"Search served at http://127\.0\.0\.1:(\d+)/ ", said)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port)
        assert asked(connection) == (200, True)
        # More than a server reads of a head.
        with contextlib.suppress(ConnectionError):
            connection.request("GET", "/?q=" + "x" * 400_000)
            assert connection.getresponse().status == 431
        connection.close()
        assert asked(connection) == (200, True)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0


def test_a_socket_file_is_for_its_owner_alone(site, sheet, tmp_path):
    from serve_search import listening

    path = f"{tmp_path}/s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)  # left by a server that was killed
    app = create_app(site, sheet, [], DEFAULT)
    where = SimpleNamespace(socket=path)
    server = listening(app, where)
    threading.Thread(target=server.run, daemon=True).start()
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert asked(ByFile(path)) == (200, True)
    with pytest.raises(InputError, match="another server listens on it"):
        listening(app, where)


# What clients send that ask for nothing: silence, half a head, a body that never comes.
SILENT = [
    b"",
    b"GET /?q=kvarnen HTTP/1.1\r\nHost: localhost\r\n",
    b"POST /judge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\nq=",
]


@contextlib.contextmanager
def served_at(application, host="127.0.0.2"):
    """A server in a thread; yields its address."""
    from serve_search import listening

    server = listening(application, SimpleNamespace(socket=None, host=host, port=0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server.effective_host, server.effective_port
    finally:
        server.task_dispatcher.shutdown()
        server.pull_trigger()
        wasyncore.close_all(server._map)
        thread.join(20)


def kept_open(address, count):
    """So many connections that ask for nothing."""
    found = []
    for number in range(count):
        found.append(socket.create_connection(address))
        found[-1].sendall(SILENT[number % len(SILENT)])
    return found


def is_closed(client):
    """Whether the server has closed a connection."""
    client.settimeout(0.01)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("idle", [150, connections.MOST_CONNECTIONS + 60])
def test_connections_that_ask_for_nothing_keep_nobody_out(site, sheet, idle):
    app = create_app(site, sheet, [], DEFAULT, loopback=False)
    with served_at(app) as address, contextlib.ExitStack() as open_ones:
        silent = [open_ones.enter_context(one) for one in kept_open(address, idle)]
        for _ in range(3):
            client = http.client.HTTPConnection(*address, timeout=20)
            assert asked(client) == (200, True)
            assert asked(client) == (200, True)
            client.close()
        # Those that have waited longest are the ones that went.
        closed = [is_closed(one) for one in silent]
        assert sum(closed) <= max(0, idle + 3 - connections.MOST_CONNECTIONS)
        assert closed == sorted(closed, reverse=True)
        assert closed[0] == (idle > connections.MOST_CONNECTIONS)


def test_who_keeps_the_server_waiting_is_left(site, sheet, monkeypatch):
    monkeypatch.setattr(connections, "PATIENCE", 2)
    app = create_app(site, sheet, [], DEFAULT, loopback=False)
    with served_at(app) as address, contextlib.ExitStack() as open_ones:
        silent = [open_ones.enter_context(one) for one in kept_open(address, 9)]
        asking = http.client.HTTPConnection(*address, timeout=20)
        until = time.monotonic() + 20
        while not all(map(is_closed, silent)) and time.monotonic() < until:
            assert asked(asking) == (200, True)  # goes on all the while
            with contextlib.suppress(ConnectionError):
                silent[1].sendall(b"X")  # a byte from time to time
            time.sleep(0.2)
        assert all(map(is_closed, silent))
        assert asked(asking) == (200, True)
        asking.close()


def test_a_slow_answer_is_waited_for(site, sheet, monkeypatch):
    monkeypatch.setattr(connections, "PATIENCE", 1)
    ranking = site.index.ranking
    monkeypatch.setattr(
        site.index, "ranking", lambda *given: time.sleep(2.5) or ranking(*given)
    )
    app = create_app(site, sheet, [], ["bm25"], loopback=False)
    with served_at(app) as address:
        client = http.client.HTTPConnection(*address, timeout=20)
        assert asked(client) == (200, True)
        client.close()


def test_a_configuration_is_laid_over_as_snakemake_does(tmp_path):
    import yaml
    from snakemake.utils import update_config

    defaults = yaml.safe_load((SCRIPT.parents[1] / "config/config.yaml").read_text())
    overlays = [
        {"run": "a", "datasets": {"x": {"example": {"cases": 1, "volumes": 1}}}},
        {"split": {"edges": [0, 9]}, "train": {"args": {"fp16": True}}},
        {"run": "b", "evaluate": {"systems": {"bm25": None}}},
        {"evaluate": {"compare": {"tuned_dense": "base_dense"}}},
        {"report": {"systems": ["base_dense"]}},
        {"evaluate": {"spelling": {"systems": ["base_dense"]}}},
    ]
    paths = []
    for number, overlay in enumerate(overlays):
        paths.append(tmp_path / f"{number}.yaml")
        paths[-1].write_text(yaml.safe_dump(overlay))
        update_config(defaults, overlay)
    del defaults["evaluate"]["systems"]["bm25"]
    assert read_config(paths) == defaults


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no such file"),
        ("a: [", "is not a YAML file"),
        ("- a", "is not a map of keys"),
        ("serve: {image_link: ftp://x}", "`serve.image_link`: is ftp://x"),
        ("serve: {image: x}", "`serve.image`: is not a configuration key"),
    ],
)
def test_a_configuration_that_will_not_do_is_named(tmp_path, text, reason):
    path = tmp_path / "my.yaml"
    source = tmp_path / "source.yaml"
    source.write_text("datasets: {a: {example: {cases: 1, volumes: 1}}}")
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_config([source, path])
    assert reason in str(caught.value)


def test_a_server_starts_with_bad_lines_in_its_sheet(index, tmp_path, caplog):
    from serve_search import verdicts_on

    passage = index.passages[0]["id"]
    row = {"query": "kvarnen", "query_id": "x", "verdict": "relevant", "judge": "anna"}
    lines = [json.dumps(row | {"passage_id": key}) for key in (passage, "gone")]
    path = tmp_path / "judgements.jsonl"
    path.write_text("\n".join([*lines, lines[0][:30]]))
    verdicts = verdicts_on(index, tmp_path)
    assert [one["passage_id"] for one in verdicts.latest()] == [passage]
    assert f"{path}, line 2, `passage_id`: is gone, expected a passage" in caplog.text
    assert f"{path}, line 3: the line is not JSON" in caplog.text
    bad = read_records(tmp_path / "judgements.rejected.jsonl")
    assert [record["raw"] for _, record in bad] == [lines[1], lines[0][:30]]


def test_the_sheet_of_an_earlier_server_is_gone_on_with(folder, site, tmp_path, index):
    passage = next(iter(index.ranks("bm25", "kvarnen", None)))
    row = {"query": "kvarnen", "query_id": "x", "passage_id": passage}
    path = tmp_path / "sheet"
    write_records(path, [row | {"verdict": "not_relevant", "judge": "anna"}])
    client = create_app(site, Verdicts(path), ["anna"], DEFAULT).test_client()
    _, page = get(client, q="kvarnen")
    assert page.all("li", id=f"bm25-{passage}", class_="rejected")
