"""The search page of a run with an index: the same answers, nothing held."""

import contextlib
import os
import shutil
from collections import OrderedDict
from dataclasses import replace
from types import SimpleNamespace

import pytest
from served import HOSTILE, get
from tabled import write_table

from arkiv.base.files import read_records
from arkiv.base.hashing import content_id
from arkiv.encode.options import Options
from arkiv.serve.app import create_app
from arkiv.serve.filters import UNITS, Filters
from arkiv.serve.hits import found
from arkiv.serve.indexed import PASSAGES_KEPT, Indexed, SharedTable
from arkiv.serve.view import View
from arkiv.settings.config import read_config

LINE = {"line": "l", "image": "i.jpg", "box": [10, 20, 410, 70]}
LINE |= {"width": 900, "height": 900, "label": None}


@pytest.fixture(scope="module")
def indexed(served_run):
    """What is searched: the table of the tuned model's encodings."""

    def lines(row):
        return [LINE | {"page": row["first_page"]}] if "first_page" in row else []

    run = served_run / "results/served"
    folder = write_table(run, "tuned", run / "model", lines)
    with contextlib.chdir(served_run):
        config = read_config(["served.yaml"])
        yield Indexed(config, SharedTable(folder), Options())
    # Other tests serve the run as it was.
    shutil.rmtree(folder)


def agree(one, other):
    """The same passages and scores, in an order that only ties may change."""
    assert one.keys() == other.keys()
    for key, (_, score) in one.items():
        assert score == pytest.approx(other[key][1], abs=2e-3)
    scores = [other[key][1] for key in one]
    assert scores == pytest.approx(sorted(scores, reverse=True), abs=2e-3)


@pytest.mark.parametrize("mode", ["dense", "sparse"])
@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(volume="V1"),
        Filters(volume="v"),
        Filters(years=(1885, 1890)),
        Filters(years=(1700, 1800)),
        Filters(volume="V0", years=(1880, 1880)),
    ],
)
def test_the_table_finds_what_memory_does(served_run, index, indexed, mode, filters):
    queries = read_records(served_run / "results/served/collection/queries.jsonl")
    for _, query in queries:
        held = index.ranks(f"tuned_{mode}", query["query"], filters)
        agree(held, indexed.ranks(f"tuned_{mode}", query["query"], filters))


def test_the_table_knows_of_passages_what_memory_does(index, indexed):
    assert len(indexed) == len(index)
    assert indexed.volumes == index.volumes
    assert indexed.facets.years == index.facets.years
    assert indexed.facets.units == index.facets.units
    assert indexed.samples() == index.samples()
    assert indexed.query_id("kvarnen i skogen") == index.query_id("kvarnen i skogen")
    for key in index.ids:
        assert key in indexed.ids
        held, read = index.passage(key), indexed.passage(key)
        assert {name: read[name] for name in held} == held
        one, other = index.around(held), indexed.around(read)
        for end in ("previous", "next"):
            here, there = getattr(one, end), getattr(other, end)
            assert (here and here["id"]) == (there and there["id"])
        assert [row["id"] for row in one.page] == [row["id"] for row in other.page]
    assert "gone" not in indexed.ids
    assert indexed.passage("gone") is None
    assert list(indexed.passages(["gone", content_id(HOSTILE)])) == [
        content_id(HOSTILE)
    ]


def test_hits_of_a_table_are_gathered_as_those_of_memory_are(index, indexed):
    for unit in UNITS:
        view = View("kvarnen i skogen", ("tuned_dense",), hits=25, group=unit)
        (held,), (read,) = found(index, view), found(indexed, view)
        assert read.count == held.count
        assert any(len(group) > 1 for group in read.groups) == (unit != "page")
        assert {
            frozenset(hit.passage["id"] for hit in group) for group in read.groups
        } == {frozenset(hit.passage["id"] for hit in group) for group in held.groups}


def test_full_text_and_hybrid_are_systems_of_the_page(site, sheet, indexed):
    names = ["full_text", "tuned_dense", "tuned_sparse", "tuned_hybrid"]
    assert list(indexed.systems) == names
    shown = replace(site, index=indexed)
    browser = create_app(shown, sheet, ["anna"], names).test_client()
    answer, page = get(browser, q="kvarnen i skogen", volume="V1")
    assert answer.status_code == 200
    assert "tuned hybrid" in answer.text
    for name in names:
        assert len(page.all("section", id=name)) == 1
        found = indexed.ranks(name, "kvarnen i skogen", Filters(volume="V1"))
        assert found
        assert page.all("li", id=f"{name}-{next(iter(found))}")
    words = indexed.ranks("full_text", "kvarnen")
    assert set(words) == {
        key for key in words if "kvarnen" in indexed.passage(key)["text"]
    }
    key = next(iter(words))
    got = browser.get(f"/api/passage/{key}").json
    assert got["regions"][0]["box"] == [10, 20, 410, 70] or "volume" not in got


def test_no_more_passages_are_held_than_were_shown_lately(indexed, monkeypatch):
    monkeypatch.setattr("arkiv.serve.indexed.PASSAGES_KEPT", 5)
    ids = list(indexed.ranks("tuned_dense", "kvarnen"))
    assert list(indexed.passages(ids)) == ids
    assert len(indexed.ids._kept) == 5 < PASSAGES_KEPT
    assert list(indexed.passages(ids)) == ids


def test_only_what_is_shown_is_read_and_asked_of_the_model(indexed, monkeypatch):
    monkeypatch.setattr(indexed.ids, "_kept", OrderedDict())
    read, rows = [], indexed._table.rows
    monkeypatch.setattr(
        indexed._table, "rows", lambda *asked: read.append(asked) or rows(*asked)
    )
    view = View("kvarnen i skogen", ("tuned_dense", "full_text"))
    found(indexed, view)
    ((_, columns),) = read
    assert "text" in columns
    assert not {"lines", "about", "fingerprint"} & set(columns)
    hits = found(indexed, view, lines=True)[0].groups
    assert len(read) == 2
    for (hit,) in hits:
        indexed.regions(hit.passage)
    assert len(read) == 2
    # The table has no vector for each token.
    assert indexed._asked.encoded("kvarnen i skogen").multi is None


def test_the_program_takes_an_index_that_fits(served_run, indexed, caplog):
    from serve_search import index_of, table_of

    with contextlib.chdir(served_run):
        config = read_config(["served.yaml"])
        table = table_of(config)
        assert isinstance(index_of(config, table), Indexed)
        assert not caplog.records
        collection = served_run / "results/served/collection/corpus.jsonl"
        before = collection.stat().st_mtime
        os.utime(collection, (before, before + 1e6))
        assert table_of(config) is not None
        assert "passages that have changed since are shown as they were" in caplog.text
        os.utime(collection, (before, before))
        model = served_run / "results/served/model"
        more = model / "more.json"
        more.write_text("{}")
        try:
            assert table_of(config) is None
        finally:
            more.unlink()
        assert "made by another model than results/served/model is now" in caplog.text
        assert table_of(config | {"run": "none"}) is None


def test_hybrid_search_takes_what_the_others_have_found(indexed, monkeypatch):
    table, searched = indexed._table, []
    scanner = table.dataset.scanner

    def counted(*given, **more):
        searched.extend({"nearest", "full_text_query"} & more.keys())
        return scanner(*given, **more)

    monkeypatch.setattr(
        table,
        "dataset",
        SimpleNamespace(
            scanner=counted, _take_rows=table.dataset._take_rows, list_indices=list
        ),
    )
    for system in ("tuned_dense", "full_text", "tuned_hybrid"):
        indexed.ranks(system, "åkern och eden")
    assert sorted(searched) == ["full_text_query", "nearest"]
