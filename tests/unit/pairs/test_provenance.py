"""What rows may say of where their passages come from."""

import json
import random

import pytest

from arkiv.base.errors import InputError
from arkiv.pairs.division import check_pair, divide, text_keys, with_ids
from arkiv.pairs.provenance import origin_of, settle_provenance


def settled(**said):
    settle_provenance(said)
    return said


@pytest.mark.parametrize("page", [12, 12.0, "12", " 12 ", "12.0"])
def test_a_page_is_a_whole_number_however_it_is_written(page):
    found = settled(volume="a", first_page=page, last_page="13")
    assert found == {"volume": "a", "first_page": 12, "last_page": 13}
    assert type(found["first_page"]) is int


def test_one_page_of_two_stands_for_both():
    assert settled(first_page=3) == {"first_page": 3, "last_page": 3}
    assert settled(first_page=None, last_page="4") == {"first_page": 4, "last_page": 4}
    assert settled(volume=None, first_page=None) == {"volume": None, "first_page": None}


def test_a_label_is_a_text_and_comes_with_its_passages():
    assert settled(first_label=12, last_label="iv") == {
        "first_label": "12",
        "last_label": "iv",
    }
    row = {"volume": "v", "first_page": 3, "first_label": "2r", "last_label": None}
    assert origin_of(row) == row


@pytest.mark.parametrize("name", [12, 12.0, "12"])
@pytest.mark.parametrize("key", ["volume", "group", "type", "first_label"])
def test_a_name_is_a_text_however_it_is_written(key, name):
    assert settled(**{key: name}) == {key: "12"}


def test_confidence_is_a_number():
    assert settled(confidence="0.9") == {"confidence": 0.9}
    assert settled(confidence=1) == {"confidence": 1}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"volume": [1700]}, "`volume`: is of type list, expected a text or a number"),
        ({"group": ["a", 0]}, "`group`: is of type list"),
        ({"group": {"a": 0}}, "`group`: is of type dict"),
        ({"volume": True}, "`volume`: is of type bool"),
        ({"first_page": "12r"}, "`first_page`: is '12r', expected a whole number"),
        ({"first_page": "12r"}, "keep labels (12r, iv) under `first_label`"),
        ({"first_label": ["12r"]}, "`first_label`: is of type list, expected a text"),
        ({"last_page": 1.5}, "`last_page`: is 1.5, expected a whole number"),
        ({"first_page": True}, "`first_page`: is True"),
        ({"first_page": "inf"}, "`first_page`: is 'inf'"),
        ({"first_page": 5, "last_page": 0}, "`last_page`: is 0, before `first_page`"),
        ({"first_page": 0, "last_page": 10**9}, "1,000,000,000 pages after"),
        ({"first_page": 10**400}, "expected a whole number"),
        ({"confidence": "high"}, "`confidence`: is 'high', expected a number from 0"),
        ({"confidence": 95}, "`confidence`: is 95, expected a number from 0 to 1"),
    ],
)
def test_what_will_not_do_is_one_sentence_with_its_key(said, reason):
    with pytest.raises(InputError) as fault:
        check_pair({"query": "q", "pos": ["p"], **said})
    assert reason in str(fault.value)


KEYS = (
    "volume",
    "group",
    "first_page",
    "last_page",
    "first_label",
    "confidence",
    "year",
    "year_to",
    "type",
)
SOME = (
    None,
    True,
    0,
    -3,
    7,
    10**9,
    10**400,
    0.5,
    12.0,
    1e300,
    "",
    "12",
    "0.5",
    "x",
    "½",
)


def anything(draw):
    value = draw.choice(SOME)
    for _ in range(draw.choice((0, 0, 0, 1, 2))):
        value = draw.choice(([value], [], {"a": value}, [value, 1]))
    return value


def test_whatever_is_said_is_refused_or_can_be_divided():
    draw = random.Random(1)
    divided = 0
    for _ in range(3000):
        said = {key: anything(draw) for key in KEYS if draw.random() < 0.3}
        row = {"query": "q", "pos": ["p"], **said}
        try:
            check_pair(row)
        except InputError:
            continue
        json.dumps(row, allow_nan=False)
        pair = with_ids(row) | {"text_keys": text_keys(row)}
        for by in ("volume", "pages", "passage"):
            divide([pair], {"train": 1}, by=by, block_pages=7)
        divided += 1
    assert 300 < divided < 2700


def test_years_are_numbers_and_one_of_two_stands_for_both():
    assert settled(year="1880") == {"year": 1880, "year_to": 1880}
    assert settled(year="1880-85") == {"year": 1880, "year_to": 1885}
    assert settled(year=1880.0, year_to="1885") == {"year": 1880, "year_to": 1885}
    assert settled(year=None, year_to=1885) == {"year": 1885, "year_to": 1885}
    assert settled(year="") == {"year": None}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"year": "okänt"}, "`year`: is 'okänt', expected a year"),
        ({"year": [1880]}, "`year`: is [1880], expected a year"),
        ({"year": 1880, "year_to": 1870}, "`year_to`: is 1870, before `year`"),
        ({"type": ["court"]}, "`type`: is of type list, expected a text or a number"),
    ],
)
def test_what_is_no_year_or_type_is_one_sentence(said, reason):
    with pytest.raises(InputError) as fault:
        check_pair({"query": "q", "pos": ["p"], **said})
    assert reason in str(fault.value)


def test_of_a_ready_row_what_means_the_same_comes_with_its_passages():
    row = {"volume": "v", "year": 1880, "title": "Dombok"}
    assert origin_of(row | {"type": "topic", "more": 1}) == row
    assert origin_of({"title": ["one", "two"], "about": {"x": 1}}) == {}
