"""The search page of a small run: what it finds, and what hostile requests get."""

import copy
import random
import re
import shutil
import threading
import unicodedata
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from same_text import written_otherwise
from served import DEFAULT, HOSTILE, WORDS, Document, found_in, get

from arkiv.base.errors import InputError
from arkiv.base.files import read_records
from arkiv.base.hashing import content_id
from arkiv.encode.options import Options
from arkiv.retrieve.bm25 import BM25Index
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.systems.bm25 import BM25System
from arkiv.retrieve.systems.m3 import M3System
from arkiv.retrieve.systems.system import FinishedRun
from arkiv.retrieve.trec import read_run
from arkiv.serve.access import Access
from arkiv.serve.app import STYLE_ADDRESS, create_app
from arkiv.serve.filters import Filters
from arkiv.serve.pictures import Pictures, regions
from arkiv.serve.volumes import SUGGESTED, named, suggestions
from arkiv.settings.config import read_config

# Searching.


@pytest.mark.parametrize("mode", ["dense", "sparse", "multi_vector", "combined"])
@pytest.mark.parametrize("model", ["base", "tuned"])
def test_the_page_ranks_as_the_runs_do(
    served_run, index, tiny_embedder, tmp_path, model, mode
):
    from encode_collection import main as encode
    from retrieve import main

    run = served_run / "results/served"
    texts = ["--corpus", run / "collection/corpus.jsonl"]
    texts += ["--queries", run / "collection/queries.jsonl"]
    texts += ["--encodings", run / "encodings" / model]
    if mode not in ("dense", "sparse"):
        words = ["--model", tiny_embedder if model == "base" else run / "model"]
        words += ["--sparse", "--multi-vector", "--rerank-depth", "10"]
        encode([str(w) for w in (*texts, *words, "--output", tmp_path / "e")])
        texts += ["--query-encodings", tmp_path / "e"]
    words = ["m3", *texts, "--mode", mode, "--output", tmp_path / "run"]
    main([str(w) for w in words])
    queries = [row for _, row in read_records(run / "collection/queries.jsonl")]
    expected = read_run(tmp_path / "run")
    for query in queries:
        found = list(index.ranks(f"{model}_{mode}", query["query"]))
        assert found == expected[query["id"]]


@pytest.mark.parametrize("system", ["bm25", "stems", "runs"])
def test_bm25_ranks_as_its_run_does(served_run, index, tiny_embedder, tmp_path, system):
    from retrieve import main

    run = served_run / "results/served"
    words = ["bm25", "--corpus", run / "collection/corpus.jsonl"]
    words += ["--queries", run / "collection/queries.jsonl"]
    if system == "bm25":
        words += ["--model", tiny_embedder]
    elif system == "stems":
        words += ["--tokens", "words", "--stemming", "swedish", "--k1", "0.9"]
    else:
        words += ["--tokens", "characters", "--length", "3"]
    main([str(w) for w in (*words, "--output", tmp_path / "run")])
    expected = read_run(tmp_path / "run")
    for _, query in read_records(run / "collection/queries.jsonl"):
        assert list(index.ranks(system, query["query"])) == expected[query["id"]]


def test_fusions_rank_as_their_runs_do(served_run, index, tmp_path):
    from retrieve import main

    run = served_run / "results/served"
    texts = ["--corpus", run / "collection/corpus.jsonl"]
    texts += ["--queries", run / "collection/queries.jsonl"]
    stems = ["--tokens", "words", "--stemming", "swedish", "--k1", "0.9"]
    tuned = ["--encodings", run / "encodings/tuned"]
    fusion = ["--weights", "2", "1", "--runs"]
    for name, words in {
        "runs": ["bm25", *texts, "--tokens", "characters", "--length", "3"],
        "stems": ["bm25", *texts, *stems],
        "dense": ["m3", *texts, "--mode", "dense", *tuned],
        "both": ["fusion", *fusion, tmp_path / "runs", tmp_path / "dense"],
        "scored": [
            "fusion",
            "--method",
            "weighted",
            *fusion,
            tmp_path / "both",
            tmp_path / "stems",
        ],
    }.items():
        main([str(w) for w in (*words, "--output", tmp_path / name)])
    for system in ("both", "scored"):
        expected = read_run(tmp_path / system)
        for _, query in read_records(run / "collection/queries.jsonl"):
            found = index.ranks(system, query["query"])
            assert list(found) == expected[query["id"]]


def test_a_misread_query_finds_its_passage_by_runs_of_characters(index):
    passage = next(iter(index.passages(index.ids).values()))
    words = passage["text"].split()[:6]
    misread = " ".join(word[:1] + "x" + word[2:] for word in words)
    assert next(iter(index.ranks("runs", misread))) == passage["id"]
    assert passage["id"] not in index.ranks("stems", misread)


def test_token_weights_are_read_only_where_a_system_takes_them(
    served_run, tiny_embedder, tmp_path
):
    passages = read_ordered(served_run / "results/served/collection/corpus.jsonl")
    encodings = tmp_path / "encodings"
    shutil.copytree(served_run / "results/served/encodings/base", encodings)
    (encodings / "corpus.sparse.npz").unlink()
    settings = read_config([served_run / "served.yaml"])
    settings["evaluate"]["candidates"] = ["dense", "bm25"]

    run = FinishedRun(
        settings,
        passages,
        model=lambda name: tiny_embedder,
        encodings=lambda name: encodings,
        weights=lambda name: pytest.fail("no weights are learnt"),
        options=Options(),
    )
    M3System("base", "dense").loaded(run)
    rank = M3System("base", "multi_vector").loaded(run)
    assert len(rank("kvarnen", None, 9).rows) == 9
    for mode in ("sparse", "combined"):
        with pytest.raises(InputError, match=r"corpus\.sparse\.npz: no such file"):
            M3System("base", mode).loaded(run)


def test_bm25_is_indexed_once_for_all_that_take_it(
    served_run, tiny_embedder, monkeypatch
):
    passages = read_ordered(served_run / "results/served/collection/corpus.jsonl")
    settings = read_config([served_run / "served.yaml"])
    settings["evaluate"]["candidates"] = ["dense", "bm25"]
    built = []

    class Counted(BM25Index):
        def __init__(self, *given, **settings):
            built.append(self)
            super().__init__(*given, **settings)

    monkeypatch.setattr("arkiv.retrieve.bm25.BM25Index", Counted)
    run = FinishedRun(
        settings,
        passages,
        model=lambda name: tiny_embedder,
        encodings=lambda name: served_run / "results/served/encodings/base",
        weights=lambda name: pytest.fail("no weights are learnt"),
        options=Options(),
    )
    for model in ("base", "tuned"):
        M3System(model, "multi_vector").loaded(run)
    BM25System().loaded(run)
    assert len(built) == 1


@pytest.mark.parametrize("system", ["bm25", "base_dense", "tuned_sparse"])
def test_a_volume_has_what_all_have_less_the_other_volumes(index, system):
    every = index.ranks(system, "kvarnen")
    within = index.ranks(system, "kvarnen", Filters(volume="V1"))
    wanted = [key for key in every if index.passage(key).get("volume") == "V1"]
    assert list(within) == wanted != []
    assert [score for _, score in within.values()] == [every[key][1] for key in wanted]


def test_the_beginning_of_names_asks_for_several_volumes(client, index):
    for system in ("bm25", "base_dense", "tuned_combined"):
        found = index.ranks(system, "kvarnen", Filters(volume="v"))
        assert {index.passage(key)["volume"] for key in found} == {"V0", "V1"}
    every = list(index.ranks("bm25", "kvarnen"))
    within = list(index.ranks("bm25", "kvarnen", Filters(volume="v")))
    assert within == [key for key in every if index.passage(key).get("volume")] != every
    answer, page = get(client, q="kvarnen", system="bm25", volume=" v ")
    assert "2 volumes “v…”" in answer.text
    assert found_in(page)["bm25"] == within[:10]
    names = page.options("volumes")
    assert names == ["V0", "V1"]
    assert page.all("datalist", id=page.all("input", id="volume")[0]["list"])


def test_ten_thousand_volumes_do_not_make_a_large_page(site, sheet):
    index, held = copy.copy(site.index), copy.copy(site.index.held)
    volumes = sorted(f"paper/{1800 + n % 80}/{n:05}" for n in range(10_000))
    held._rows_of = {name: np.arange(n % 40, 40) for n, name in enumerate(volumes)}
    index.held, index.volumes = held, volumes
    index.within = partial(named, volumes)
    index.suggested = partial(suggestions, volumes)
    index.ranks = index._ranks
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
        suggested[volume] = page.options("volumes")
        assert len(suggested[volume]) <= SUGGESTED
    assert len(suggested[""]) == 80
    assert suggested[""][0] == "paper/1800/0"
    assert len(suggested["paper/1824/"]) > 5
    assert all(one.startswith("paper/1824/") for one in suggested["paper/1824/"])


def test_re_ranking_takes_its_passages_from_the_volume(index):
    within = index.ranks("tuned_combined", "kvarnen", Filters(volume="V0"))
    assert len(within) == 20
    assert {index.passage(key)["volume"] for key in within} == {"V0"}


def test_systems_stand_side_by_side_with_marked_words_and_provenance(client, index):
    answer, page = get(client, q="kvarnen i skogen")
    assert answer.status_code == 200
    columns = found_in(page)
    assert list(columns) == list(DEFAULT)
    assert {len(found) for found in columns.values()} == {10}
    first = columns["bm25"][0]
    assert first == next(iter(index.ranks("bm25", "kvarnen i skogen")))
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
    named = next(row for row in map(index.passage, index.ids) if "first_image" in row)
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


def test_filters_and_gathering_are_chosen_by_a_form(client, index):
    _, page = get(client, q="kvarnen", system="base_dense", years="1884", volume="V0")
    assert page.options("group") == ["", "page", "volume", "case"]
    assert page.all("input", id="years", value="1884")
    # There is one dataset, no type, and no confidence.
    for name in ("dataset", "type", "confidence"):
        assert not page.options(name)
        assert not page.all("input", name=name)
    found = found_in(page)["base_dense"]
    assert {index.passage(key)["volume"] for key in found} == {"V0"}
    answer, _ = get(client, q="kvarnen", system="bm25", years="1700", volume="V0")
    assert "No passage of volume V0, 1700 shares a word" in answer.text


def test_of_several_datasets_one_is_chosen_and_each_hit_names_its_own(
    client, index, monkeypatch
):
    facets = replace(index.facets, datasets=["court", "letters"])
    monkeypatch.setattr(index, "facets", facets)
    passages = index.passages
    monkeypatch.setattr(
        index,
        "passages",
        lambda ids, **given: {
            key: row | {"dataset": "letters"}
            for key, row in passages(ids, **given).items()
        },
    )
    answer, page = get(client, q="kvarnen", system="bm25")
    assert page.options("dataset") == ["", "court", "letters"]
    assert '<p class="of">letters · Räkenskaper &lt;1880&gt;</p>' in answer.text


def test_hits_of_a_volume_are_folded_below_its_best(client, index):
    answer, page = get(client, q="kvarnen", system="bm25", group="volume")
    found = found_in(page)["bm25"]
    ranked = list(index.ranks("bm25", "kvarnen"))
    volumes = [index.passage(key).get("volume") for key in ranked]
    order = sorted(range(len(ranked)), key=lambda n: (volumes.index(volumes[n]), n))
    assert found == [ranked[n] for n in order]
    counts = [volumes.count(one) - 1 for one in dict.fromkeys(volumes)]
    shown = [f"{count} more of this volume" for count in counts if count]
    assert re.findall(r"\d+ more of this volume", answer.text) == shown
    assert len(page.all("details")) == len(shown) + 1  # and the form's


def test_a_passage_leads_to_those_before_and_after_it(client, index):
    here = next(key for key in index.ids if index.passage(key).get("first_page") == 4)
    pages = [2, 6]
    text, page = get(client, f"/passage/{here}", q="kvarnen", volume="V0")
    for rel, number in zip(("prev", "next"), pages, strict=True):
        (link,) = page.all("a", rel=rel)
        other = link["href"].split("/")[2].split("?")[0]
        assert index.passage(other)["first_page"] == number
        assert "volume=V0" in link["href"]
    assert "The page around it" not in text.text


# Pictures.


def test_hits_show_their_lines_and_a_policy_allows_that_server_alone(
    site, sheet, index, monkeypatch
):
    passage = next(key for key in index.ids if index.passage(key).get("volume"))
    query = index.passage(passage)["text"]
    line = {"box": [10, 20, 510, 70], "image": "a b.jpg", "width": 600, "height": 900}
    lines = [line | {"page": page, "label": ""} for page in (1, 2)]
    monkeypatch.setattr(
        index,
        "regions",
        lambda row: regions(row, lines) if row["id"] == passage else [],
    )
    shown = replace(site, pictures=Pictures("https://iiif.example:8443/x/{image}", 2))
    browser = create_app(shown, sheet, [], DEFAULT).test_client()
    answer, page = get(browser, q=query, system="bm25")
    base = "https://iiif.example:8443/x/a%20b.jpg"
    (image,) = page.all("img")
    assert image["src"] == f"{base}/0,0,530,90/full/0/default.jpg"
    assert (image["width"], image["height"]) == ("530", "90")
    assert "page 1, and 1 more" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "img-src 'self' https://iiif.example:8443;" in policy
    _, page = get(browser, f"/passage/{passage}")
    images = [one["href"] for one in page.all("image")]
    assert images == [f"{base}/full/full/0/default.jpg"] * 2
    assert page.all("svg")[0]["viewbox"] == "0 0 600 900"
    (box, _) = page.all("rect")
    assert [box[key] for key in ("x", "y", "width", "height")] == "10 20 500 50".split()


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
    public = create_app(
        site, sheet, [], DEFAULT, access=Access(loopback=False)
    ).test_client()
    answer = public.get("/", headers={"Host": "archive.example"})
    assert answer.status_code == 200


def test_a_fault_of_our_own_shows_nothing_of_the_inside(site, sheet, monkeypatch):
    def broken(*_):
        raise RuntimeError("secret path")

    app = create_app(site, sheet, [], DEFAULT)
    monkeypatch.setattr(site.index, "ranks", broken)
    answer = app.test_client().get("/?q=kvarnen&system=bm25")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


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
    index.ranks.cache_clear()
    assert together == {query: all_found(query) for query in queries}
