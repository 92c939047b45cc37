"""How far a program is: what it says is what is read."""

import logging

import pytest

from arkiv.base.progress import Progress, Standing, standing
from arkiv.base.terminal import LOG_FORMAT


def said(caplog, *args, **options):
    """The standings that are read from what a progress says, and the progress."""
    caplog.set_level(logging.INFO)
    progress = Progress(*args, **options)
    formatter = logging.Formatter(LOG_FORMAT)
    return progress, lambda: [standing(formatter.format(one)) for one in caplog.records]


@pytest.mark.parametrize(
    ("total", "what", "beside"),
    [
        (8, "texts encoded", ""),
        (None, "pages", ""),
        (400, "steps", "loss 0.4120, dev nDCG@10 0.634"),
    ],
)
def test_what_is_said_is_what_is_read(caplog, total, what, beside):
    seconds = iter([0, 4, 8])
    progress, read = said(caplog, total, what, clock=lambda: next(seconds))
    progress.more(2, beside)
    progress.more(2, beside)
    (found,) = read()
    assert (found.done, found.total, found.rate) == (2, total, 0.5)
    assert found.what == (f"{what}, {beside}" if beside else what)
    assert found.at is not None


def test_steps_before_a_checkpoint_count_and_took_no_time(caplog):
    seconds = iter([0, 10])
    progress, read = said(caplog, 100, "steps", clock=lambda: next(seconds), before=80)
    progress.more(5)
    (found,) = read()
    assert (found.done, found.rate) == (85, 0.5)
    assert found.left(found.at) == 30


def test_a_clock_that_stands_still_divides_by_nothing(caplog):
    progress, read = said(caplog, 1, "texts", clock=lambda: 0)
    progress.more()
    assert read()[0].left(0) == 0


@pytest.mark.parametrize(
    "line",
    [
        "",
        "2026-11-28 09:35:01,123 INFO x: 160 passages encoded in 2.0 s",
        "2026-11-28 09:35:01,123 INFO x: step 4: nDCG@10 on dev queries 0.4 (base 0.1)",
        "2026-11-28 09:35:01,123 INFO x: many of 4 texts, 1.0 a second",
        "2026-11-28 09:35:01,123 INFO x: 1 of 4 texts, fast a second",
    ],
)
def test_other_lines_say_nothing_of_it(line):
    assert standing(line) is None


def test_what_is_left_is_known_where_total_and_rate_are():
    assert Standing(0, 10, "x", 0.0).left(0) is None
    assert Standing(5, None, "x", 2.0).left(0) is None
    assert Standing(5, 25, "x", 2.0, at=100).left(104) == 6
    # It said so long ago that it should be done; and a clock that goes behind.
    assert Standing(5, 25, "x", 2.0, at=100).left(1000) == 0
    assert Standing(5, 25, "x", 2.0, at=100).left(50) == 10
