"""Values are computed once, and a killed job goes on where it was."""

import contextlib

import numpy as np
import pytest

from arkiv.encode.cache import VERSIONS, Cache, key

KEYS = [key(text) for text in "abcdefgh"]


def values(keys, dim=3):
    return np.array(
        [np.frombuffer(one[:dim], np.uint8) for one in keys], np.float16
    ).reshape(len(keys), dim)


@pytest.fixture
def opened(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights").write_text("1")

    def open_cache(job="part 1", **settings):
        return Cache(
            tmp_path / "cache",
            job,
            model=model,
            kind="dense",
            settings=settings,
            value=("<f2", (3,)),
        )

    open_cache.model = model
    open_cache.directory = tmp_path / "cache"
    return open_cache


def filled(cache, keys=KEYS):
    """What a cache knows of the keys: the missing rows, and all values."""
    found = np.zeros((len(keys), 3), np.float16)
    return cache.fill(keys, found), found


def journals(opened):
    return list(opened.directory.rglob("*.journal"))


def killed(cache, batches):
    """A job that appended batches and got no further."""
    with contextlib.suppress(SystemExit), cache:
        for batch in batches:
            cache.append(batch, values(batch))
        raise SystemExit


def test_what_a_finished_job_computed_every_later_one_knows(opened):
    with opened() as cache:
        assert filled(cache)[0] == list(range(8))
        cache.append(KEYS[:3], values(KEYS[:3]))
        cache.append(KEYS[5:6], values(KEYS[5:6]))
    assert not journals(opened)
    with opened("part 2") as cache:
        missing, found = filled(cache, KEYS[::-1])
        assert missing == [0, 1, 3, 4]
        wanted = values(KEYS[::-1])
        wanted[missing] = 0
        assert (found == wanted).all()
        cache.append(KEYS[3:5], values(KEYS[3:5]))
    with opened() as cache:
        assert filled(cache)[0] == [6, 7]


def test_a_killed_job_takes_whole_batches_from_its_journal(opened):
    killed(opened(), [KEYS[:3], KEYS[3:5]])
    with opened() as cache:
        assert filled(cache)[0] == list(range(8))  # no job that ended well has any
        assert (cache.taken(KEYS[1:4]) == values(KEYS[1:4])).all()
        assert cache.taken(KEYS[4:6]) is None  # in part: computed anew as a whole
        cache.append(KEYS[5:], values(KEYS[5:]))
    with opened("another") as cache:
        missing, found = filled(cache)
        assert missing == []
        assert (found == values(KEYS)).all()


@pytest.mark.parametrize("harm", ["torn", "rotten"])
def test_a_damaged_journal_counts_up_to_the_damage(opened, harm):
    killed(opened(), [KEYS[:4]])
    (journal,) = journals(opened)
    raw = bytearray(journal.read_bytes())
    size = len(raw) // 4
    if harm == "torn":
        journal.write_bytes(raw[: 3 * size - 1])
    else:
        raw[2 * size + 17] ^= 1
        journal.write_bytes(raw)
    with opened() as cache:
        assert cache.taken(KEYS[:2]) is not None
        assert cache.taken(KEYS[:3]) is None
        cache.append(KEYS[2:4], values(KEYS[2:4]))
    with opened() as cache:
        missing, found = filled(cache)
        assert missing == [4, 5, 6, 7]
        assert (found[:4] == values(KEYS[:4])).all()


def test_values_of_another_model_or_setting_are_not_taken(opened):
    with opened(max_length=8) as cache:
        cache.append(KEYS, values(KEYS))
    with opened(max_length=9) as cache:
        assert filled(cache)[0] == list(range(8))
    (opened.model / "weights").write_text("2")
    with opened(max_length=8) as cache:
        assert filled(cache)[0] == list(range(8))


def test_values_of_another_kind_or_version_are_not_taken(opened, monkeypatch):
    with opened() as cache:
        cache.append(KEYS, values(KEYS))
    monkeypatch.setitem(VERSIONS, "sparse", 2)
    with opened() as cache:
        assert filled(cache)[0] == []
    monkeypatch.setitem(VERSIONS, "dense", 2)
    with opened() as cache:
        assert filled(cache)[0] == list(range(8))


def test_a_journal_that_another_job_writes_is_left_alone(opened, caplog):
    with opened() as first, opened() as second:
        first.append(KEYS[:2], values(KEYS[:2]))
        second.append(KEYS[2:], values(KEYS[2:]))
        assert "another job writes it" in caplog.text
    with opened("later") as cache:
        assert filled(cache)[0] == [2, 3, 4, 5, 6, 7]


def test_without_a_directory_nothing_is_kept(opened, tmp_path):
    with Cache(
        None, "job", model=opened.model, kind="dense", settings={}, value="<f8"
    ) as cache:
        cache.append(KEYS, np.ones(8))
        assert cache.taken(KEYS) is None
        assert cache.fill(KEYS, np.zeros(8)) == list(range(8))
    assert not opened.directory.exists()


def test_the_borders_of_texts_are_in_the_key():
    assert key("ab", "c") != key("a", "bc")
