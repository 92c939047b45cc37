"""Shares that were asked for, and what is said where others came out."""

import random

import pytest

from arkiv.base.errors import InputError
from arkiv.pairs.division import SPLITS, divide, text_keys, with_ids
from arkiv.pairs.periods import Periods
from arkiv.pairs.settings import check_shares
from arkiv.pairs.shares import ALL, check_left, compared, off, rows_of

SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}


def row(number, **provenance):
    pair = with_ids({"query": f"q{number}", "pos": [f"p{number}"], **provenance})
    return pair | {"text_keys": text_keys(pair)}


def divided(pairs, shares=SHARES, aside=None, **how):
    """What is said of a division of pairs."""
    division = divide(pairs, shares, **how)
    sides = [division.pair_side(pair) for pair in pairs]
    counts = {side: sides.count(side) for side in SPLITS}
    return compared(division, shares, len(pairs), counts, aside or {}), counts


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        (
            {"train": 0.8, "dev": 0.1, "test": 0.2},
            r"add up to 1.1 \(train 0.8, dev",
        ),
        ({"train": 0.8, "dev": 0.1, "test": 0.09999}, "add up to 0.99999 "),
        (
            {"train": 1.2, "dev": -0.1, "test": -0.1},
            "of shares from 0 on; give all",
        ),
        ({"train": float("nan"), "dev": 0.1, "test": 0.1}, "add up to nan"),
        ({"train": float("inf"), "dev": 0.1, "test": 0.1}, "add up to inf"),
        ({"train": 8, "dev": 1, "test": 1}, "add up to 10 "),
    ],
)
def test_shares_of_no_whole_are_refused(shares, said):
    with pytest.raises(InputError, match=rf"^`pairs\.shares`: .*{said}"):
        check_shares(shares)


def test_shares_of_a_whole_are_taken_whatever_binary_makes_of_them():
    for dev in range(1, 50):
        check_shares({"train": 1 - 2 * dev / 100, "dev": dev / 100, "test": dev / 100})
    check_shares({"train": 0.6666667, "dev": 0.1666667, "test": 0.1666667})
    check_shares({"train": 0.9, "dev": 0, "test": 0.1})


@pytest.mark.parametrize("seed", range(20))
def test_a_side_is_off_by_more_than_half_of_its_share_or_empty(seed):
    draw = random.Random(seed)
    dev, test = draw.choice((0, 0.1, 0.25)), draw.choice((0.05, 0.1, 0.25))
    asked = {"train": 1 - dev - test, "dev": dev, "test": test}
    counts = {side: draw.choice((0, 1, 3, 10, 40, 200)) for side in SPLITS}
    total = sum(counts.values())
    found = {one["side"] for one in off(counts, asked)}
    for side, share in asked.items():
        if not share:
            assert side not in found
        elif not counts[side]:
            assert side in found
        else:
            least, most = 0.5 * share * total, 1.5 * share * total
            assert (side in found) == (not least <= counts[side] <= most)


def test_three_volumes_are_said_to_be_why(caplog):
    pairs = [row(n, volume=f"v{n % 3}") for n in range(12)]
    said, counts = divided(pairs)
    assert counts == {"train": 4, "dev": 4, "test": 4}
    assert said["asked"] == SHARES
    assert [one["side"] for one in said["off"]] == ["train", "dev", "test"]
    why = "3 volumes in all, the largest with 33.3 % of the pairs, and a volume is not"
    assert all(one["why"].startswith(why) for one in said["off"])
    assert (
        "test has 4 of 12 pairs, 33.3 %, and `pairs.shares` asks for 10 %: 3 volumes"
    ) in caplog.text


def test_what_hangs_together_by_its_texts_is_said_to_be_why():
    pairs = [row(n % 30, volume=f"v{n % 10}") for n in range(300)]
    pairs += [row(n % 3, volume=f"v{n}") for n in range(9)]
    pairs += [row(n, volume=f"w{n % 2}") for n in range(400, 410)]
    said, _ = divided(pairs)
    assert said["off"][0]["why"].startswith("12 volumes in ")
    assert "groups that hang together by their texts, the largest" in str(said)


def test_one_large_volume_is_said_to_be_why():
    sizes = [90, *([1] * 10)]
    volumes = [f"v{n}" for n, size in enumerate(sizes) for _ in range(size)]
    pairs = [row(n, volume=volume) for n, volume in enumerate(volumes)]
    asked = {"train": 0.5, "dev": 0.25, "test": 0.25}
    said, _ = divided(pairs, asked)
    why = {one["why"] for one in said["off"]}
    assert why == {
        "11 volumes in all, the largest with 90 % of the pairs, and a volume is not "
        "divided"
    }


@pytest.mark.parametrize(
    ("by", "unit"), [("pages", "blocks of pages"), ("passage", "passages")]
)
def test_units_are_called_by_their_names(by, unit):
    page = {"volume": "v", "label": None}
    pairs = [row(n, **page, first_page=n * 20, last_page=n * 20) for n in range(4)]
    said, _ = divided(pairs, by=by)
    assert said["off"][0]["why"].startswith(f"4 {unit} in all, the largest with 25 %")


def test_years_rows_and_what_is_set_aside_are_reasons():
    dated = [row(n, volume=f"v{n}", year=1850 + n) for n in range(20)]
    said, counts = divided(dated, by="year", periods=Periods((1860, None), None))
    assert counts["test"] == 10
    (test,) = [one for one in said["off"] if one["side"] == "test"]
    assert test["why"] == "the years of the volumes decide (`pairs.group_by` is year)"

    undated = [row(n, volume=f"v{n}") for n in range(20)]
    said, _ = divided(undated, by="year", periods=Periods((1860, None), None))
    assert [one["why"] for one in said["off"]][-1] == (
        "no pair is of the years of test, or none is left"
    )

    given = [row(n, split="test" if n < 10 else "train") for n in range(20)]
    said, _ = divided(given, {"train": 0.9, "dev": 0, "test": 0.1})
    assert [one["why"] for one in said["off"]] == [
        "rows say by `split` on which side they are"
    ]
    given = [row(n, split="train") for n in range(20)]
    said, _ = divided(given, {"train": 0.9, "dev": 0, "test": 0.1})
    assert [(one["side"], one["pairs"]) for one in said["off"]] == [("test", 0)]
    assert said["off"][0]["why"].startswith("no pair is given to test by `split`")

    reason = "its pages lie on more than one side of the split"
    said, _ = divided([row(n) for n in range(3)], aside={reason: 2, "else": 1})
    assert said["off"][0]["why"] == f"2 of 3 pairs are set aside: {reason}"


@pytest.mark.parametrize("dev", [None, (1850, 1855)])
def test_years_without_a_pair_are_told_though_no_share_was_asked_for(caplog, dev):
    pairs = [row(n, volume=f"v{n}") for n in range(20)]
    asked = {"train": 1, "dev": 0, "test": 0}
    division = divide(pairs, asked, by="year", periods=Periods((1860, None), dev))
    counts = {"train": 20, "dev": 0, "test": 0}
    check_left("pairs.jsonl", asked, counts, {}, division)
    assert "no pair is of the years of test" in caplog.text
    assert ("no pair is of the years of dev" in caplog.text) == (dev is not None)


def test_nothing_is_said_where_the_shares_are_met(caplog):
    said, _ = divided([row(n, volume=f"v{n % 50}") for n in range(500)])
    assert said["off"] == []
    assert not caplog.text


def test_rows_of_each_dataset_and_of_all_together():
    small, _ = divided([row(n, volume=f"v{n % 3}") for n in range(12)])
    large, counts = divided([row(n, volume=f"v{n % 50}") for n in range(500)])
    few = {"train": 4, "dev": 4, "test": 4, "shares": small}
    many = counts | {"shares": large}
    assert [one[:2] for one in rows_of({"a": few, "b": many})] == [
        ["a", "train"],
        ["a", "dev"],
        ["a", "test"],
    ]
    together = rows_of({"a": few, "b": few, "c": {"pairs": 3}})
    name, *values, why = together[0]
    assert (name, why) == (ALL, "see each of them")
    assert values == ["train", "80 %", "8 of 24 pairs, 33.3 %"]
    assert rows_of({"a": {"pairs": 3}}) == []
