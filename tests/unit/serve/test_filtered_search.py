"""Filters of the search page, what hits are gathered by, and how passages follow."""

import random
from types import SimpleNamespace

import numpy as np
import pytest

from arkiv.base.errors import InputError
from arkiv.retrieve.systems.system import Column
from arkiv.serve.filters import ANY, Facets, Filters
from arkiv.serve.held import MOST_AROUND, Held
from arkiv.serve.hits import found
from arkiv.serve.view import View
from arkiv.serve.volumes import named


def passage(number, **more):
    return {"id": f"{number:04}", "text": "t", **more}


def drawn(count):
    """Passages that say something of themselves or do not."""
    draw = random.Random(5)
    rows = []
    for number in range(count):
        first = draw.choice([None, *range(1840, 1850)])
        row = passage(
            number,
            dataset=draw.choice(["court", "letters"]),
            volume=draw.choice([None, "A1", "A2", "B"]),
            type=draw.choice([None, "Dombok", "Brev"]),
            year=first,
            year_to=first and first + draw.randrange(3),
            confidence=draw.choice([None, 0.5, 0.8, 0.95]),
            first_page=(page := draw.choice([None, 1, 2, 3])),
            last_page=page and page + draw.randrange(2),
            group=draw.choice([None, "case 1", "case 2"]),
        )
        rows.append({key: one for key, one in row.items() if draw.random() > 0.03})
    return [row for row in rows if "id" in row]


def fits(row, filters, volumes):
    """As the documentation has it, a row by itself."""
    if filters.dataset and row.get("dataset") != filters.dataset:
        return False
    if filters.volume and row.get("volume") not in volumes:
        return False
    if filters.type and row.get("type") != filters.type:
        return False
    if filters.confidence is not None:
        sure = row.get("confidence")
        if sure is None or sure < filters.confidence:
            return False
    if filters.years:
        ends = [row.get("year"), row.get("year_to")]
        known = [year for year in ends if year is not None]
        if not known:
            return False
        years = set(range(min(known), max(known) + 1))
        first, last = filters.years
        return bool(years & set(range(first, last + 1)))
    return True


def test_filters_leave_what_a_row_by_row_reading_leaves():
    rows = drawn(400)
    held = Held(rows)
    draw = random.Random(6)
    for _ in range(200):
        filters = Filters(
            dataset=draw.choice([None, "court", "letters"]),
            volume=draw.choice([None, "A", "B"]),
            years=draw.choice([None, (1843, 1843), (1846, 1900), (1700, 1799)]),
            type=draw.choice([None, "Dombok"]),
            confidence=draw.choice([None, 0.0, 0.8, 1.0]),
        )
        volumes = named(held.volumes, filters.volume) if filters.volume else ()
        left = held.rows(filters, volumes)
        wanted = [n for n, row in enumerate(rows) if fits(row, filters, volumes)]
        assert (left is None) == (filters == ANY)
        assert left is None or left.tolist() == wanted


INDEX = SimpleNamespace(
    systems={name: Column(name, "M", name, name, name == "a") for name in ("a", "b")},
    volumes=["A1", "A2"],
    facets=Facets(["court", "letters"], ["Dombok"], (1700, 1900), True, ["page"]),
    within=lambda typed: named(["A1", "A2"], typed),
)


def test_an_address_has_all_filters_and_gives_them_back():
    asked = {"dataset": "COURT", "volume": "a", "type": "dombok", "confidence": "0,8"}
    asked |= {"years": " 1840–1850 ", "group": "page", "q": "x"}
    view = View.of(asked.get, ["a"], INDEX, ("b",))
    assert view.filters == Filters("court", "a", (1840, 1850), "Dombok", 0.8)
    given = dict(view.fields())
    assert given["years"] == "1840-1850"
    assert View.of(given.get, ["a"], INDEX, ("b",)) == view
    assert view.filters.told(INDEX) == (
        "dataset court, 2 volumes “a…”, 1840–1850, Dombok, confidence 0.8 or more"
    )


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("dataset", "x<y", "There is no dataset “x<y” here"),
        ("type", "Brev", "There is no type “Brev” here"),
        ("years", "18", "The years are “18”, expected a year (1880), a span"),
        ("years", "1850-1840", "The years are “1850-1840”, expected a year"),
        ("confidence", "80", "The confidence is “80”, expected a number from 0 to 1"),
        ("confidence", "nan", "The confidence is “nan”, expected a number from 0"),
        ("group", "shelf", "Hits are gathered by page, volume, case, or not at all"),
    ],
)
def test_a_filter_that_cannot_be_is_one_sentence_and_the_rest_is_kept(
    key, value, sentence
):
    given = {"q": "x", "volume": "A1", key: value}
    with pytest.raises(InputError) as caught:
        View.of(given.get, [], INDEX, ("b",))
    assert caught.value.reason.startswith(sentence)
    kept = View.kept(given.get, [], INDEX, ("b",))
    assert kept == View("x", ("b",), Filters(volume="A1"))


def test_hits_are_gathered_by_their_best_and_only_those_shown_are_read():
    rows = [passage(n, dataset="d", volume=f"V{n % 2}", first_page=n) for n in range(4)]
    rows.append(passage(4))
    by_id = {row["id"]: row for row in rows}
    ranks = {
        "a": {"0002": (1, 0.9), "0001": (2, 0.8), "0004": (3, 0.7), "0000": (4, 0.6)},
        "b": {"0000": (1, 0.5)},
    }
    read = []

    def passages(ids, *, lines):
        read.append(list(ids))
        return {key: by_id[key] for key in read[-1]}

    index = SimpleNamespace(
        systems=INDEX.systems, ranks=lambda name, *_: ranks[name], passages=passages
    )

    def groups(**asked):
        (first, _) = found(index, View("q", ("a", "b"), **asked))
        return [[hit.rank for hit in group] for group in first.groups], first.count

    assert groups(hits=2) == ([[1], [2]], 4)
    # Of both systems at once.
    assert read == [["0002", "0001", "0000"]]
    # The volume of the best comes first, with its others; one of none is by itself.
    assert groups(hits=2, group="volume") == ([[1, 4], [2]], 3)
    assert groups(hits=9, group="page") == ([[1], [2], [3], [4]], 4)
    (first, _) = found(index, View("q", ("a", "b"), hits=9))
    assert [hit.others for (hit,) in first.groups] == [{}, {}, {}, {"b": 1}]


def test_a_hit_without_a_word_of_the_query_was_found_by_pieces():
    texts = ["En å flöt", "Kvarnen stod", "Kvarteret", "", "ÅR 1848"]
    rows = {str(n): {"id": str(n), "text": text} for n, text in enumerate(texts)}
    index = SimpleNamespace(
        systems=INDEX.systems,
        ranks=lambda *_: {key: (int(key) + 1, 0.5) for key in rows},
        passages=lambda ids, **_: rows,
    )
    tokens, vectors = found(index, View("å kvarn, år 1848?", ("a", "b")))
    pieces = [hit.in_pieces for (hit,) in tokens.groups]
    assert pieces == [False, False, True, True, False]
    assert not any(hit.in_pieces for (hit,) in vectors.groups)


def test_passages_follow_in_their_volume_by_page_and_line():
    rows = [
        passage(0, volume="V", first_page=2, last_page=2, first_line=1),
        passage(1, volume="V", first_page=1, last_page=2, first_line=9),
        passage(2, volume="V", first_page=1, last_page=1, first_line=1),
        passage(3, volume="V", first_page=10, last_page=10, first_line=1),
        passage(4, volume="W", first_page=1, last_page=1),
        passage(5, volume="V", dataset="other", first_page=1, last_page=1),
        passage(6),
    ]
    held = Held(rows)

    def about(number):
        around = held.around(rows[number])
        ends = [one and int(one["id"]) for one in (around.previous, around.next)]
        return [*ends, [int(one["id"]) for one in around.page]]

    assert about(2) == [None, 1, [2, 1]]
    assert about(1) == [2, 0, [2, 1, 0]]
    assert about(0) == [1, 3, [1, 0]]
    assert about(3) == [0, None, [3]]
    for alone in (4, 5, 6):
        assert about(alone) == [None, None, [alone]]
    many = [passage(n, volume="V", first_page=1, last_page=1) for n in range(60)]
    assert len(Held(many).around(many[30]).page) == 2 * MOST_AROUND + 1


def test_facets_are_what_some_passage_says():
    facets = Facets.of(drawn(300))
    assert facets == Facets(
        ["court", "letters"], ["Brev", "Dombok"], (1840, 1851), True,
        ["page", "volume", "case"],
    )  # fmt: skip
    assert Facets.of([passage(1, year_to=1840)]).years == (1840, 1840)
    assert not any(vars(Facets.of([])).values())
    assert np.array_equal(Held([passage(1)]).rows(Filters(years=(1, 3000)), ()), [])
