"""Batches under a budget of tokens."""

import random
import threading

import pytest

from arkiv.encode import batches as batching
from arkiv.encode.batches import (
    ahead,
    by_budget,
    by_characters,
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


@pytest.mark.parametrize("longest", [3, 10_000])
def test_blocks_hold_every_input_once_longest_first_and_not_too_much(
    longest, monkeypatch
):
    monkeypatch.setattr(batching, "CHARACTERS_AT_ONCE", 100)
    drawn = random.Random(1)
    items = [("x" * drawn.randrange(60), "y" * drawn.randrange(60)) for _ in range(300)]
    blocks = list(by_characters(items, longest))
    sizes = [min(len(one) + len(other), 8 * longest) for one, other in items]
    order = [index for block in blocks for index in block]
    assert sorted(order) == list(range(300))
    assert [sizes[index] for index in order] == sorted(sizes, reverse=True)
    held = [sum(sizes[index] for index in block) for block in blocks]
    assert all(
        held <= 100 or len(block) == 1 for held, block in zip(held, blocks, strict=True)
    )
    # As full as they can be: none has room for the first of the next.
    assert all(
        held + sizes[following[0]] > 100
        for held, following in zip(held, blocks[1:], strict=False)
    )
    assert list(by_characters([], longest)) == []


def test_the_next_is_worked_on_while_one_is_used():
    begun = [threading.Event() for _ in range(4)]

    def work(number):
        begun[number].set()
        return number * number

    results = ahead(work, range(4))
    for number, result in enumerate(results):
        assert result == number * number
        if number < 3:
            assert begun[number + 1].wait(10)


def test_a_fault_in_what_is_worked_on_ahead_is_raised():
    results = ahead(lambda number: 1 // number, [1, 0, 1])
    with pytest.raises(ZeroDivisionError):
        list(results)


def test_distinct_keeps_the_first_of_equals():
    assert distinct("abcab") == (["a", "b", "c"], [0, 1, 2, 0, 1])


def test_a_log_gets_a_line_soon_every_half_minute_and_at_the_end(caplog):
    caplog.set_level("INFO")
    seconds = iter([0, 2, 10, 39, 41, 62])
    rows = [([0, 1], "x")] * 5
    passed = list(reported(rows, 10, "texts encoded", clock=lambda: next(seconds)))
    assert passed == rows
    assert [record.getMessage() for record in caplog.records] == [
        "4 of 10 texts encoded, 0.4000 a second",
        "8 of 10 texts encoded, 0.1951 a second",
        "10 of 10 texts encoded, 0.1613 a second",
    ]
