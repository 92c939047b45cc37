"""A division by time: held-out years, and no text on two sides for all that."""

import random

import pytest

from arkiv.base.declared import plain
from arkiv.base.errors import InputError
from arkiv.pairs.aside import OF_TEXTS, OF_YEARS, why_aside
from arkiv.pairs.division import divide, text_keys, with_ids
from arkiv.pairs.periods import Periods, overlapping
from arkiv.pairs.settings import Pairs, check_pairs

SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}
SIDE = {"test": "test", "rest": "train", "undated": "train", "dev": "dev"}


def pair(query, *passages, **provenance):
    row = with_ids({"query": query, "pos": list(passages), **provenance})
    return row | {"text_keys": text_keys(row)}


def divided(pairs, test, dev=None, shares=SHARES, **more):
    return divide(pairs, shares, by="year", periods=Periods(test, dev), **more)


@pytest.mark.parametrize(
    ("test", "dev", "years", "period"),
    [
        ((1880, None), None, (1880, 1880), "test"),
        ((1880, None), None, (1879, 1879), "rest"),
        ((1880, None), None, (1879, 1880), "between"),
        ((None, 1880), None, (1700, 1880), "test"),
        ((1880, 1889), None, (1880, 1889), "test"),
        ((1880, 1889), None, (1870, 1899), "between"),
        ((1880, 1889), None, (1890, 1890), "rest"),
        ((1880, None), (1870, 1879), (1875, 1876), "dev"),
        ((1880, None), (1870, 1879), (1875, 1880), "between"),
        ((1880, None), (1870, 1879), (1869, 1870), "between"),
        ((1880, None), (1870, 1879), (None, None), "undated"),
    ],
)
def test_the_period_of_years(test, dev, years, period):
    record = {"year": years[0], "year_to": years[1]}
    assert Periods(test, dev).of(record) == period


def test_the_end_of_a_volume_may_be_unsaid():
    assert Periods((1880, None)).of({"year": 1880}) == "test"
    assert Periods((1880, None)).of({}) == "undated"


def test_volumes_of_held_out_years_are_test_and_others_are_not():
    years = [1850 + n // 10 for n in range(500)]
    pairs = [
        pair(f"q{n}", f"p{n}", volume=f"v{n // 5}", year=year)
        for n, year in enumerate(years)
    ]
    division = divided(pairs, (1880, None))
    sides = [division.pair_side(one) for one in pairs]
    for side, year in zip(sides, years, strict=True):
        assert (side == "test") == (year >= 1880)
    # Dev is drawn by volume from what is left, a ninth of it.
    assert sides.count("dev") in range(30, 38)
    assert (
        len({(one["volume"], side) for one, side in zip(pairs, sides, strict=True)})
        == 100
    )


def test_years_may_be_given_for_dev_too():
    pairs = [pair(f"q{n}", f"p{n}", volume=n, year=1850 + n) for n in range(50)]
    division = divided(pairs, (1880, None), (1870, 1879))
    expected = ["train"] * 20 + ["dev"] * 10 + ["test"] * 20
    assert [division.pair_side(one) for one in pairs] == expected


def test_without_a_year_all_are_train():
    pairs = [pair(f"q{n}", f"p{n}", volume=f"v{n}") for n in range(40)]
    pairs += [pair(f"r{n}", f"s{n}", volume=f"w{n}", year=1850) for n in range(40)]
    division = divided(pairs, (1880, None))
    assert {division.pair_side(one) for one in pairs[:40]} == {"train"}
    assert {division.pair_side(one) for one in pairs[40:]} == {"train", "dev"}


def test_a_pair_without_a_year_is_of_its_volumes_years():
    rest = [pair(f"q{n}", f"p{n}", volume=n, year=1850 + n) for n in range(50)]
    for group in ("volume", "group"):
        for years, side in (
            ((1890,), "test"),
            ((1890, 1895), "test"),
            ((1860, 1890), None),
        ):
            dated = [
                pair(f"d{year}", f"e{year}", year=year, **{group: "v"})
                for year in years
            ]
            undated = pair("u", "v", **{group: "v"})
            division = divided([undated, *rest, *dated], (1880, None))
            assert division.pair_side(undated) == side
            for one in dated:
                is_test = division.pair_side(one) == "test"
                assert is_test == (one["year"] >= 1880)
    assert why_aside(division, [undated]) == OF_YEARS


def test_documents_without_a_pair_stand_on_the_side_of_their_years():
    division = divided([pair("q", "p", year=1850)], (1880, 1889))
    for years, side in (
        ({"year": 1885}, "test"),
        ({"year": 1885, "year_to": 1895}, None),
        ({"year": 1895}, "train"),
        ({}, "train"),
    ):
        assert division.side({"text": "x", "volume": "w", **years}, "id") == side


@pytest.mark.parametrize(
    "other",
    [
        {"query": "Q  ONE", "pos": "another", "year": 1890},
        {"query": "another", "pos": "P one ", "year": 1890},
        {"query": "another", "pos": "p one", "year": 1890},
    ],
)
def test_what_stands_in_two_periods_is_on_no_side(other):
    """Neither the text that both have, nor the pairs that have it."""
    first = pair("q one", "p one", volume="a", year=1850)
    second = pair(other["query"], other["pos"], volume="b", year=other["year"])
    rest = [pair(f"q{n}", f"p{n}", volume=n, year=1850 + n) for n in range(50)]
    division = divided([first, second, *rest], (1880, None))
    assert division.pair_side(first) is division.pair_side(second) is None
    assert why_aside(division, [first]) == why_aside(division, [second]) == OF_TEXTS
    assert None not in map(division.pair_side, rest)


def test_a_pair_of_passages_of_two_periods_is_on_no_side():
    old, new = pair("q1", "p1", year=1850), pair("q2", "p2", year=1890)
    origins = {one["pos_ids"][0]: one for one in (old, new)}
    both = pair("q3", "p1", "p2")
    division = divided([old, new, both], (1880, None), origins=origins)
    assert division.pair_side(both) is None
    assert why_aside(division, [both]) == OF_TEXTS


def test_a_volume_of_years_on_both_sides_is_on_none():
    across = pair("q1", "p1", volume="a", year=1875, year_to=1885)
    division = divided([across, pair("q2", "p2", year=1850)], (1880, None))
    assert division.pair_side(across) is None
    assert why_aside(division, [across]) == OF_YEARS


def test_nothing_left_to_train_on_is_one_sentence():
    with pytest.raises(InputError, match=r"`pairs\.test_years`: leaves no pair for tr"):
        divided([pair("q", "p", year=1890)], (1880, None))


def random_pairs(draw):
    """Pairs over volumes, some undated or of both sides, with texts met again."""
    spans = {}
    for n in range(40):
        first = draw.choice((None, *range(1850, 1910)))
        spans[f"v{n}"] = first, first and first + draw.choice((0, 0, 0, 4, 12))
    passages = [(f"passage {n}", draw.choice(list(spans))) for n in range(400)]
    pairs, origins = [], {}
    for n in range(500):
        query = f"query {draw.randrange(500) if draw.random() < 0.02 else n}"
        chosen = draw.sample(passages, 1 + (draw.random() < 0.02))
        texts = [draw.choice((str.upper, str))(text) for text, _ in chosen]
        one = pair(draw.choice(("{}", "{} ")).format(query), *texts)
        for name, (_, volume) in zip(one["pos_ids"], chosen, strict=True):
            first, last = spans[volume]
            origins[name] = {"volume": volume, "year": first, "year_to": last}
        pairs.append(one)
    return pairs, origins


@pytest.mark.parametrize("dev", [None, (1870, 1879)])
@pytest.mark.parametrize("seed", range(8))
def test_no_text_stands_on_two_sides_and_years_are_kept(seed, dev):
    draw = random.Random(seed)
    pairs, origins = random_pairs(draw)
    periods = Periods((1880, None), dev)
    division = divided(pairs, periods.test, dev, seed=seed, origins=origins)
    seen, sides = {}, []
    for one in pairs:
        sides.append(side := division.pair_side(one))
        if side is None:
            assert why_aside(division, [one]) in (OF_TEXTS, OF_YEARS)
            continue
        of_query, *of_passages = one["text_keys"]
        for mark in (("query", of_query), *(("passage", key) for key in of_passages)):
            assert seen.setdefault(mark, side) == side
        for name in one["pos_ids"]:
            period = periods.of(origins[name])
            drawn = dev is None and period == "rest"
            assert side == SIDE[period] or (drawn and side == "dev")
            if period != "undated":
                volume = ("volume", origins[name]["volume"])
                assert seen.setdefault(volume, side) == side
    assert set(sides) == {"train", "dev", "test", None}
    # A passage of train is of no text that is held out, whatever it is written like.
    held_out = {mark for mark, side in seen.items() if side in ("dev", "test")}
    for one in pairs:
        for text, key in zip(one["pos"], one["text_keys"][1:], strict=True):
            if ("passage", key) in held_out:
                document = {"text": text, "volume": "new", "year": 1850}
                assert division.side(document, "new") is None
    shuffled = draw.sample(pairs, len(pairs))
    again = divided(shuffled, periods.test, dev, seed=seed, origins=origins)
    assert [again.pair_side(one) for one in pairs] == sides


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ((1880, None), (1870, 1879), False),
        ((1880, None), (1870, 1880), True),
        ((None, 1880), (1880, None), True),
        ((None, 1879), (1880, None), False),
        ((1800, 1900), (1850, 1860), True),
    ],
)
def test_spans_that_share_a_year(one, other, shared):
    assert overlapping(one, other) == overlapping(other, one) == shared


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"group_by": "year"}, "`pairs.test_years`: is null, expected the first and"),
        ({"test_years": [1880, None]}, "which needs `pairs.group_by: year`"),
        ({"group_by": "year", "test_years": [None, None]}, "neither a first nor a"),
        ({"group_by": "year", "test_years": [1890, 1880]}, "ends in 1880, before it"),
        (
            {"group_by": "year", "test_years": [1880, None], "dev_years": [1870, 1880]},
            "`pairs.dev_years`: has years that are also test's",
        ),
    ],
)
def test_years_that_will_not_do_are_one_sentence(changed, said):
    with pytest.raises(InputError) as fault:
        check_pairs(plain(Pairs()) | changed)
    assert said in str(fault.value)
