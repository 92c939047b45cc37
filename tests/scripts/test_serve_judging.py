"""Judging on the search page: forms, cookies, and pages about faults."""

import copy
import errno
import json
import os
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from project import records
from served import DEFAULT, Document, form_of, get, judge, posted, pressed
from werkzeug.exceptions import ServiceUnavailable

import pair_verdicts
from arkiv.gold.sheet import gathered, read_sheet
from arkiv.serve.access import Access
from arkiv.serve.app import create_app
from arkiv.serve.filters import Filters
from arkiv.serve.judgements import read_verdicts
from arkiv.serve.view import MOST_CHARACTERS


def test_a_click_goes_to_the_sheet_with_the_ranks(client, sheet, index):
    query = "vem fick arvet"
    ranks = index.ranks("bm25", query, Filters(volume="V1"))
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
        "filters": {"volume": "V1"},
        "ranks": {
            name: index.ranks(name, query, Filters(volume="V1")).get(passage, [None])[0]
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


def test_clicks_are_pairs_of_the_next_run_with_what_is_known_of_them(
    client, sheet, index, served_run, tmp_path
):
    """But not those on its test queries."""
    asked = "Vem fick kvarnen?"
    first, second, third = list(index.ranks("bm25", asked))[:3]
    judge(client, asked, "relevant", first)
    judge(client, asked.lower(), "not_relevant", second)
    judge(client, asked, "relevant", third)
    judge(client, asked, "withdrawn", third)
    judge(client, "vem fick arvet", "relevant", first)
    collection = served_run / "results/served/collection"
    given = {
        "judgements": sheet.path,
        "corpus": collection / "corpus.jsonl",
        "queries": collection / "queries.jsonl",
        **{name: tmp_path / f"{name}.jsonl" for name in ("output", "rejected")},
        "stats": tmp_path / "stats.json",
    }
    pair_verdicts.main([f"--{name}={path}" for name, path in given.items()])
    (row,) = records(given["output"])
    known = {one["id"]: one for one in records(given["corpus"])}
    assert row["query"] == asked
    assert row["pos"] == [known[first]["text"]]
    assert row["neg"] == [known[second]["text"]]
    place = {key: known[first].get(key) for key in ("volume", "first_page", "year")}
    assert {key: row.get(key) for key in place} == place
    (aside,) = records(given["rejected"])
    assert aside["reason"] == pair_verdicts.TESTED


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
        passage = list(index.ranks("bm25", query))[place]
        assert judge(client, query, kind, passage).status_code == 303
    answer = client.get("/judgements.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.data.startswith(b"\xef\xbb\xbfquery_id;passage_id;")
    (tmp_path / "anna.csv").write_bytes(answer.data)
    queries = {"q1": "vem fick arvet", "q2": "böter vid tinget"}
    passages = set(index.ids)
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
    passage = next(iter(index.ranks("bm25", query)))
    for kind in ("relevant", "not_relevant", "withdrawn"):
        assert judge(client, query, kind, passage).status_code == 303
    assert sheet.of("anna", query) == {passage: "withdrawn"}
    assert sheet.latest() == []
    assert "0 verdicts so far" in client.get("/?q=x").text


def test_a_form_without_its_token_is_refused(client, sheet, site, index):
    passage = next(iter(index.ranks("bm25", "kvarnen")))
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
    passage = next(iter(index.ranks("bm25", "kvarnen")))
    token = dict(form_of(get(client, q="kvarnen")[1]))["token"]
    data = {"q": "kvarnen", "token": token, "relevant": f"{passage} bm25"}
    assert client.post("/judge", data=data | change).status_code == 400
    assert not sheet.path.exists()


def test_a_form_leads_nowhere_else_and_has_a_size(client, index):
    passage = next(iter(index.ranks("bm25", "kvarnen")))
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


@pytest.mark.parametrize("judges", [["anna"], ["anna", "bo"]])
def test_a_form_that_is_too_long_gives_no_verdict_of_its_address(
    site, sheet, index, judges
):
    client = create_app(site, sheet, judges, DEFAULT).test_client()
    passage = next(iter(index.ranks("bm25", "kvarnen")))
    address = f"/judge?q=kvarnen&relevant={passage}+bm25"
    answer = posted(client, address, {"q": "x" * 100_000})
    assert answer.status_code == 413
    assert not Document(answer.text).all("form", method="post")
    assert sheet.latest() == []


def test_the_cookie_stays_with_the_browser_and_the_site(client):
    cookie = client.get("/?q=kvarnen").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    # Not with a form that another site sends, but with a link that leads here.
    assert "SameSite=Lax" in cookie
    assert client.get("/?q=kvarnen").headers["Cache-Control"] == "no-store"


def test_one_of_several_judges_is_chosen_and_remembered(site, sheet, index):
    client = create_app(site, sheet, ["anna", "bo"], DEFAULT).test_client()
    passage = next(iter(index.ranks("bm25", "kvarnen")))
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
    passage = next(iter(index.ranks("bm25", "kvarnen")))
    answer, page = get(client, q="kvarnen")
    (select,) = page.all("select", name="judge")
    assert "required" in select
    chosen = page.options("judge", chosen=True)
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
    assert page.options("judge", chosen=True) == ["bo"]


def test_a_choice_of_judge_outlives_the_server(site, sheet, index):
    names = ["anna", "\u00c5sa; =\u201cB\u201d"]
    browser = create_app(site, sheet, names, DEFAULT).test_client()
    token = dict(form_of(get(browser, q="kvarnen")[1]))["token"]
    data = {"q": "kvarnen", "token": token, "judge": names[1], "change": "1"}
    assert browser.post("/judge", data=data).status_code == 303

    def judging(names, **more):
        browser.application = create_app(site, sheet, names, DEFAULT)
        page = Document(browser.get("/?q=kvarnen", **more).text)
        return page.options("judge", chosen=True)

    assert judging(names) == judging(names[::-1]) == [names[1]]
    assert judging(["anna", "bo"]) == [""]  # who was chosen may not judge any more
    # Another run, or a server on another port of this machine, is chosen for anew.
    assert judging(names, base_url="http://localhost:8001/") == [""]
    other = copy.copy(site.index)
    other.name = "other"
    browser.application = create_app(replace(site, index=other), sheet, names, DEFAULT)
    page = Document(browser.get("/?q=kvarnen").text)
    assert page.options("judge", chosen=True) == [""]


def test_two_servers_on_one_machine_share_no_cookie(site, sheet, index):
    passage = next(iter(index.ranks("bm25", "kvarnen")))
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
    passage = list(index.ranks("bm25", query, Filters(volume="V1")))[1]
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
    passage = next(iter(index.ranks("bm25", "kvarnen")))
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
    passages = list(index.ranks("bm25", "kvarnen"))
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
    passage = next(iter(index.ranks("bm25", "kvarnen", Filters(volume="V1"))))
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

        monkeypatch.setattr(index, "ranks", broken)
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
    client = create_app(
        site, sheet, [], DEFAULT, access=Access(loopback=False)
    ).test_client()
    answer, page = get(client, q="kvarnen")
    assert not page.all("button", form="judging")
    assert "Set-Cookie" not in answer.headers
    assert client.post("/judge", data={"token": ""}).status_code == 403
    assert client.get("/judgements.csv").status_code == 404
