"""Values of differing length are kept as those of one length are."""

from __future__ import annotations

import contextlib
import random

import numpy as np
import pytest

from arkiv.encode.cache import key
from arkiv.encode.ragged import RaggedCache

ITEM = np.dtype([("token", "<i4"), ("weight", "<f4")])
KEYS = [key(text) for text in "abcdefgh"]


def value(one, seed=0):
    """Some items, perhaps none, by their key."""
    chance = random.Random(one + bytes([seed]))
    items = [(chance.randrange(999), chance.random()) for _ in range(one[0] % 5)]
    return np.array(items, ITEM)


VALUES = {one: value(one) for one in KEYS}


@pytest.fixture
def opened(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights").write_text("1")

    def open_cache(job="part 1", **settings):
        return RaggedCache(
            *(tmp_path / "cache", job),
            model=model,
            kind="sparse",
            settings=settings,
            value=ITEM,
        )

    open_cache.directory = tmp_path / "cache"
    return open_cache


def append(cache, keys):
    cache.append(keys, [VALUES[one] for one in keys])


def assert_known(cache, known, keys=KEYS):
    found = [None] * len(keys)
    missing = cache.fill(keys, found)
    assert missing == [row for row, one in enumerate(keys) if one not in known]
    for one, items in zip(keys, found, strict=True):
        if one in known:
            np.testing.assert_array_equal(items, VALUES[one])
        else:
            assert items is None


def killed(cache, *batches):
    with contextlib.suppress(SystemExit), cache:
        for batch in batches:
            append(cache, batch)
        raise SystemExit


def test_there_are_values_of_every_length():
    assert {len(items) for items in VALUES.values()} >= {0, 1, 4}


@pytest.mark.parametrize("seed", range(5))
def test_what_jobs_computed_later_ones_know(opened, seed):
    chance = random.Random(seed)
    known = set()
    for job in range(4):
        batch = chance.sample(KEYS, chance.randrange(5))
        with opened(f"job {job}") as cache:
            assert_known(cache, known)
            append(cache, batch)
        known.update(batch)
    with opened("job 0") as cache:
        assert_known(cache, known, chance.sample(KEYS, 8))
    assert not list(opened.directory.rglob("*.journal"))
    with opened(max_length=9) as cache:
        assert_known(cache, ())


def test_a_killed_job_goes_on_from_its_journal(opened):
    killed(opened(), KEYS[:3], KEYS[3:5])
    with opened() as cache:
        assert_known(cache, ())  # no job that ended well has any
        for one, items in zip(KEYS[1:4], cache.taken(KEYS[1:4]), strict=True):
            np.testing.assert_array_equal(items, VALUES[one])
        assert cache.taken(KEYS[4:6]) is None
        append(cache, KEYS[5:])
    with opened("another") as cache:
        assert_known(cache, KEYS)


@pytest.mark.parametrize("harm", ["torn", "rotten", "count"])
@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_journal_counts_up_to_the_damage(opened, harm, seed):
    killed(opened(), KEYS[:5])
    (journal,) = opened.directory.rglob("*.journal")
    raw = bytearray(journal.read_bytes())
    # A key, a count, the items and a checksum.
    ends = np.cumsum([16 + 4 + 8 * len(VALUES[one]) + 4 for one in KEYS[:5]])
    assert ends[-1] == len(raw)
    starts = [0, *ends]
    place = random.Random(seed).randrange(len(raw))
    if harm == "count":
        place = starts[seed % 5] + 16 + seed % 4
    if harm == "torn":
        del raw[place:]
    else:
        raw[place] ^= 255
    journal.write_bytes(raw)
    whole = int((ends <= place).sum())
    with opened() as cache:
        assert cache.taken(KEYS[:whole]) is not None
        assert cache.taken(KEYS[: whole + 1]) is None
        append(cache, KEYS[whole:6])
    with opened("later") as cache:
        assert_known(cache, KEYS[:6])


def test_what_two_jobs_write_to_one_journal_stays_right(opened, monkeypatch):
    """As on a filesystem without locks."""

    def no_locks(*_):
        raise OSError

    monkeypatch.setattr("fcntl.flock", no_locks)
    one = opened().__enter__()
    with opened() as other:
        append(one, KEYS[:2])
        append(other, KEYS[2:5])
        append(one, KEYS[5:7])
    with opened("later") as cache:
        assert_known(cache, KEYS[:7])


def test_without_a_directory_nothing_is_kept(opened, tmp_path):
    with RaggedCache(
        *(None, "job"), model=tmp_path, kind="sparse", settings={}, value=ITEM
    ) as cache:
        append(cache, KEYS)
        assert cache.taken(KEYS) is None
        assert_known(cache, ())
    assert not opened.directory.exists()
