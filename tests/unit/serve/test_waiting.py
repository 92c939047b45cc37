"""What several threads wait for is done at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from arkiv.serve.waiting import Together


def waiting(of_many, asked):
    """What threads get that ask while the function works for the first of them."""
    calls, begun, going = [], threading.Event(), threading.Event()

    def slow(many):
        calls.append(list(many))
        begun.set()
        assert going.wait(10)
        return of_many(many)

    together = Together(slow)
    with ThreadPoolExecutor(len(asked)) as pool:
        futures = [pool.submit(together, asked[0])]
        assert begun.wait(10)
        futures += [pool.submit(together, one) for one in asked[1:]]
        while len(together._waiting) < len(asked) - 1:
            pass
        going.set()
    return futures, calls


def test_who_waits_is_called_for_with_the_others():
    futures, calls = waiting(lambda many: [2 * one for one in many], range(8))
    assert [one.result() for one in futures] == [2 * one for one in range(8)]
    assert calls[0] == [0]
    assert sorted(calls[1]) == list(range(1, 8))
    assert len(calls) == 2


def test_a_fault_is_everyones_who_waited_and_the_next_call_is_made():
    def odd(many):
        if len(many) > 1:
            raise ValueError("too many")
        return many

    futures, calls = waiting(odd, range(3))
    assert futures[0].result() == 0
    for future in futures[1:]:
        with pytest.raises(ValueError, match="too many"):
            future.result()
    assert len(calls) == 2
    assert Together(odd)(5) == 5
