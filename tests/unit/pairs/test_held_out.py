"""What test queries of other datasets hold out, against what hangs together."""

import random

import pytest
from same_text import written_otherwise

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id
from arkiv.pairs.division import divide, groups_of, text_keys, with_ids
from arkiv.pairs.held_out import HeldOut, left_to_draw
from arkiv.pairs.periods import Periods
from arkiv.pairs.shares import why_off

SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}


def pair(query, passage, **more):
    row = with_ids({"query": query, "pos": [passage], **more})
    return row | {"text_keys": text_keys(row)}


def drawn_pairs(draw, count=300):
    """Pairs of 40 volumes, and how people ask of some of their passages."""
    pairs = [
        pair(
            f"query {n}",
            f"passage {n}",
            volume=f"v{draw.randrange(40)}",
            first_page=(page := draw.randrange(90)),
            last_page=page,
        )
        for n in range(count)
    ]
    others = []
    for n in range(draw.randrange(1, 9)):
        asked = draw.choice(pairs)
        text = f"passage {count + n}"
        if draw.random() < 0.7:
            text = written_otherwise(asked["pos"][0], draw)
        query = asked["query"] if draw.random() < 0.2 else f"people {n}"
        others.append(pair(query, text))
    return pairs, others


def hanging(pairs, others, by):
    """Of each pair whether it hangs together with a text of the others; by repeating
    until nothing is added."""
    texts = {key for one in others for key in one["text_keys"]}
    groups, found = set(), set()
    while True:
        before = len(found)
        for row, one in enumerate(pairs):
            own = groups_of(one, one["pos_ids"][0], by, 10)[0]
            if own in groups or not texts.isdisjoint(one["text_keys"]):
                groups.add(own)
                texts.update(one["text_keys"])
                found.add(row)
        if len(found) == before:
            return found


@pytest.mark.parametrize("by", ["volume", "pages", "passage"])
@pytest.mark.parametrize("seed", range(8))
def test_what_others_ask_of_is_tested_with_all_that_hangs_together(by, seed):
    draw = random.Random(seed)
    pairs, others = drawn_pairs(draw)
    held = HeldOut.of(others)
    division = divide(pairs, SHARES, by=by, block_pages=10, seed=seed, held=held)
    together = hanging(pairs, others, by)
    sides = [division.pair_side(one) for one in pairs]
    assert {sides[row] for row in together} <= {"test"}
    for one in others:
        text = one["pos"][0]
        assert division.side({"text": text}, content_id(text)) == "test"
    # The shares are of all; what is held out is a part of those of test.
    wanted = max(len(together), 0.1 * len(pairs))
    largest = division.largest
    assert abs(sides.count("test") - wanted) <= largest
    assert sides.count("dev") > 0
    assert sides.count("train") > sides.count("dev")


@pytest.mark.parametrize("by", ["volume", "pages", "passage"])
def test_without_others_a_division_is_what_it_was(by):
    draw = random.Random(9)
    pairs, _ = drawn_pairs(draw)
    before = divide(pairs, SHARES, by=by, block_pages=10)
    again = divide(pairs, SHARES, by=by, block_pages=10, held=HeldOut())
    assert before.sides == again.sides


def test_a_passage_without_a_query_is_held_out_with_its_volume():
    """It stands in the archive, and only others ask of it."""
    pairs = [pair(f"q{n}", f"p{n}", volume=f"v{n}") for n in range(20)]
    origins = {
        content_id("alone"): {"volume": "v99"},
        content_id("p3"): {"volume": "v3"},
    }
    held = HeldOut.of([pair("people?", "alone"), pair("and?", "p3")])
    division = divide(pairs, SHARES, held=held, origins=origins)
    assert (
        division.side({"text": "alone", "volume": "v99"}, content_id("alone")) == "test"
    )
    neighbour = {"text": "beside it", "volume": "v99"}
    assert division.side(neighbour, content_id("beside it")) == "test"
    assert (
        division.side(neighbour | {"volume": "v98"}, content_id("beside it")) == "train"
    )
    assert division.pair_side(pairs[3]) == "test"


def test_where_rows_give_sides_or_years_decide_the_texts_are_held_out():
    rows = [pair(f"q{n}", f"p{n}", volume="v", split="train") for n in range(9)]
    rows += [pair(f"q{n}", f"p{n}", volume="v", split="test") for n in (10, 11)]
    held = HeldOut.of([pair("people?", "p1"), pair("q2", "other"), pair("so?", "p10")])
    division = divide(rows, SHARES, held=held)
    sides = [division.pair_side(row) for row in rows]
    assert sides[1] is sides[2] is None
    assert sides[9] == sides[10] == "test"
    assert set(sides[3:9]) <= {"train", "dev"}
    dated = [pair(f"q{n}", f"p{n}", volume=f"v{n}", year=1800 + n) for n in range(20)]
    periods = Periods((1815, None))
    division = divide(dated, SHARES, by="year", periods=periods, held=held)
    assert division.pair_side(dated[1]) is division.pair_side(dated[2]) is None
    assert division.side({"text": "p1", "volume": "v1"}, content_id("p1")) == "test"
    assert division.pair_side(dated[17]) == "test"


def test_where_others_ask_of_everything_that_is_said():
    pairs = [pair(f"q{n}", f"p{n}", volume=f"v{n % 4}") for n in range(40)]
    held = HeldOut.of([pair(f"people {n}", f"p{n}") for n in range(3)])
    with pytest.raises(InputError, match="of 4 in all they hold out 3"):
        divide(pairs, SHARES, held=held)
    assert divide(pairs, SHARES, by="passage", held=held).groups == 40


def test_a_few_pairs_that_are_held_out_are_test_enough():
    sizes = {"a": 100, "b": 100, "c": 100, "asked": 20}
    pairs = [
        pair(f"q {name} {n}", f"p {name} {n}", volume=name)
        for name, size in sizes.items()
        for n in range(size)
    ]
    held = HeldOut.of([pair("people?", "p asked 3")])
    for few in (pairs, pairs[100:]):
        division = divide(few, SHARES, held=held)
        sides = [division.pair_side(one) for one in few]
        # A whole volume more would be three times what was asked for.
        assert [sides.count(side) for side in ("dev", "test")] == [100, 20]
        assert division.held_pairs == 20
    for side in SHARES:
        why = why_off(side, SHARES | {"test": 0.05}, division, len(few), {}, {})
        assert why.startswith("20 of 220 pairs hang together with what test queries")
        assert "volume is not divided" in why_off(side, SHARES, division, 220, {}, {})
    # Held out and asked of by nobody here, they are no pairs to measure with.
    held = HeldOut.of([pair("people?", "p alone", volume="asked too")])
    with pytest.raises(InputError, match="make 2 group"):
        divide(pairs[200:], SHARES, held=held)


def test_what_is_left_to_draw_adds_up():
    draw = random.Random(1)
    for _ in range(300):
        free = [(draw.randrange(9), []) for _ in range(draw.randrange(1, 30))]
        held = draw.randrange(60)
        total = sum(size for size, _ in free) + held
        wanted = left_to_draw(SHARES, free, held)
        assert wanted["train"] == pytest.approx(0.8 * total)
        assert wanted["test"] == pytest.approx(max(0, 0.1 * total - held))
