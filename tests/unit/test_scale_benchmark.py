"""The benchmark of a million passages: what is planned, made up and told."""

import json

import numpy as np

from benchmarks.scale import archive
from benchmarks.scale.made import MADE, flags_of, part_of
from benchmarks.scale.results import told
from benchmarks.scale.run import commands_of

HELD = {
    "command": "python -m benchmarks scale",
    "date": "2026-01-31",
    "quick": False,
    "machine": {
        "cores": 2,
        "processor": "a processor",
        "memory_gb": 8.0,
        "gpu": None,
        "python": "3.11",
        "packages": {},
    },
}


def stage(cpu, memory):
    return {"wall": 2 * cpu, "cpu": cpu, "memory": memory}


def test_commands_are_read_from_what_a_dry_run_says():
    said = (
        "Shell command: python /a/b/scripts/retrieve.py m3 --depth 10 "
        "--corpus 'a b.jsonl' --output x.trec &> x.log\n"
        "reason: whatever\n"
        "Shell command: python /a/b/scripts/build_gold.py --output y &> y.log\n"
    )
    (name, words), (other, _) = commands_of(said)
    assert (name, other) == ("retrieve m3", "build_gold")
    assert name in MADE
    assert flags_of(words) == {
        "--depth": ["10"],
        "--corpus": ["a b.jsonl"],
        "--output": ["x.trec"],
    }


def test_a_part_is_the_whole_where_none_is_asked_for():
    assert list(part_of(flags_of(["--part", "2-of-3"])).bounds(9)) == [3, 4, 5]
    assert list(part_of({}).bounds(2)) == [0, 1]


def test_words_follow_zipfs_law_and_pages_hold_all_of_them():
    assert len(set(archive.vocabulary())) == archive.WORDS
    draw = np.random.default_rng(0)
    drawn = archive.drawn(draw, 100_000)
    shares = [drawn.count(archive.vocabulary()[rank]) for rank in (0, 9, 99)]
    # Of rank r log((r + 1) / r) of all.
    expected = np.log([2, 11 / 10, 101 / 100]) / np.log(archive.WORDS)
    assert np.allclose(shares, 100_000 * expected, rtol=0.2)
    (words,) = archive.texts(draw, 1)
    (region,) = json.loads(archive.page(7, words))["contains"]
    lines = [line["text_result"]["texts"][0] for line in region["contains"]]
    assert " ".join(lines).split() == words


def test_what_grows_too_fast_or_is_too_large_is_told():
    small = {name: stage(2, 100) for name in ("even", "fast", "large", "left")}
    large = {"even": stage(20, 900), "fast": stage(30, 900), "large": stage(2, 5000)}
    text = "\n".join(told(HELD | {"sizes": {"100": small, "1000": large}}))
    assert "| even | 2.00 | 20.0 | 10.0 | 40.0 | 100 | 900 |" in text
    assert "| left | 2.00 | not run |  |  | 100 |  |" in text
    assert (
        "of what was run: **missed**: fast grows 15.0 times, large takes 5,000" in text
    )
    good = {"even": large["even"]}
    text = "\n".join(
        told(HELD | {"sizes": {"100": {"even": stage(2, 1)}, "1000": good}})
    )
    assert "and 4,000 MB: holds." in text
