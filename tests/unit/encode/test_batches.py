"""Batches under a budget of tokens."""

import random

import pytest

from arkiv.encode.batches import (
    by_budget,
    distinct,
    reported,
)


@pytest.mark.parametrize("budget", [1, 7, 64, 1000])
def test_batches_hold_every_input_once_and_keep_the_budget(budget):
    lengths = [random.Random(0).randrange(40) for _ in range(300)]
    batches = list(by_budget(lengths, budget))
    assert sorted(row for batch in batches for row in batch) == list(range(300))
    longest = [max(lengths[row] for row in batch) for batch in batches]
    assert longest == sorted(longest, reverse=True)
    for batch, length in zip(batches, longest, strict=True):
        assert len(batch) == 1 or len(batch) * length <= budget


def test_a_batch_is_as_large_as_the_budget_allows():
    assert list(by_budget([2, 4, 3, 9, 1, 1], 8)) == [[3], [1, 2], [0, 4, 5]]


def test_distinct_keeps_the_first_of_equals():
    assert distinct("abcab") == (["a", "b", "c"], [0, 1, 2, 0, 1])


def test_a_log_gets_a_line_every_half_minute_and_one_at_the_end(caplog):
    caplog.set_level("INFO")
    seconds = iter([0, 10, 29, 31, 40, 62])
    rows = [([0, 1], "x")] * 5
    passed = list(reported(rows, 10, "texts encoded", clock=lambda: next(seconds)))
    assert passed == rows
    assert [record.getMessage() for record in caplog.records] == [
        "6 of 10 texts encoded, 0.2 a second",
        "10 of 10 texts encoded, 0.2 a second",
    ]
