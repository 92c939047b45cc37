"""Versions of an index: what a killed commit leaves, approximate search, reading."""

import json
import shutil
import sys

import indexed
import lance
import loaded
import numpy as np
import pytest
from indexed import make, rows_of

from arkiv.base.errors import InputError
from arkiv.index import by_row, by_token, committing
from arkiv.index.committing import VECTOR_INDEX, unindexed
from arkiv.index.expected import read
from arkiv.index.reading import MODES, Query, Table
from arkiv.index.schema import (
    ABOUT_KEY,
    BY_ROW,
    BY_TOKEN,
    LAYOUT,
    PROBED,
    READY,
    RECALL,
    TABLE,
)

# Rows from which the tests' vectors are indexed.
MANY = 50


def found(folder, rows):
    """What the queries of these rows find, by all modes."""
    table = Table(folder)
    asked = [
        Query(
            "kvarn och böter",
            np.array(one["dense"]),
            (
                np.array(one["sparse"]["tokens"]),
                np.array(one["sparse"]["weights"], np.float32),
            ),
        )
        for one in loaded.queries(rows)[:3]
    ]
    return [
        [(hit.id, pytest.approx(hit.score, abs=1e-6)) for hit in hits]
        for query in asked
        for mode in MODES
        for hits in [table.search(mode, query)]
    ]


def files(folder):
    """What lies in a folder, by size."""
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }


def states_of_a_commit(folder, kept, parts):
    """Commit parts; give copies of the folder as it was at each step.

    A step is a line of what commits. What a process that is killed there leaves is what
    lies on the disk at that moment.
    """
    modules = {one.__file__ for one in (committing, by_row, by_token)}
    seen, copies = [], []

    def followed(frame, event, _):
        if frame.f_code.co_filename not in modules:
            return None
        there = files(folder)
        if there not in seen:
            seen.append(there)
            copies.append(kept / str(len(copies)))
            shutil.copytree(folder, copies[-1])
        return followed

    before = sys.gettrace()
    sys.settrace(followed)
    try:
        assert indexed.join(folder, parts, MANY)
    finally:
        sys.settrace(before)
    return copies


def test_a_commit_killed_at_any_step_leaves_one_version_whole(tmp_path):
    old, new = rows_of(range(3)), rows_of([0, 2, 3], version=2)
    make(tmp_path / "index", old, ann_from=MANY)
    make(tmp_path / "once", new, ann_from=MANY)
    as_before, at_once = found(tmp_path / "index", old), found(tmp_path / "once", new)
    about = Table(tmp_path / "index").about
    parts = indexed.write(tmp_path / "index", new)
    states = states_of_a_commit(tmp_path / "index", tmp_path / "states", parts)
    # Rows, each of the indexes, ids and vectors, token weights, what is said, the tag.
    assert len(states) > 12
    ready = [Table(state).about != about for state in states]
    assert ready == sorted(ready)
    assert ready.count(False) > 10
    for state, is_new in zip(states, ready, strict=True):
        if not is_new:
            assert found(state, old) == as_before
        assert indexed.join(state, parts, MANY) != is_new
        assert found(state, new) == at_once
        assert Table(state).about.keys() == about.keys()
        for beside in (BY_ROW, BY_TOKEN):
            assert len(list((state / beside).iterdir())) <= 3


@pytest.mark.parametrize(
    "steps",
    [
        # Of volumes, and from how many rows on vectors are indexed.
        [([0, 1], MANY), ([0, 1, 2], MANY), ([0, 2], MANY), ([0, 1, 2], MANY)],
        [([0, 1, 2], None), ([0, 1, 2], 60), ([0, 1, 2], 61), ([0, 1, 2], 60)],
        [([0, 1, 2], MANY), ([0, 1, 2], None), ([1, 2, 3], None), ([1, 2, 3], MANY)],
    ],
)
def test_vectors_are_indexed_from_so_many_rows_on_and_below_no_more(tmp_path, steps):
    for volumes, ann_from in steps:
        rows = rows_of(volumes)
        assert make(tmp_path, rows, ann_from=ann_from)
        table = Table(tmp_path)
        approximate = ann_from is not None and len(rows) >= ann_from
        names = [one.name for one in table.dataset.describe_indices()]
        assert table.approximate == table.about["approximate"] == approximate
        assert (VECTOR_INDEX in names) == approximate
        assert {PROBED, RECALL} & table.about.keys() == (
            {PROBED, RECALL} if approximate else set()
        )
        for one in loaded.queries(rows):
            hits = table.search("dense", Query(dense=np.array(one["dense"])))
            assert [hit.id for hit in hits] == one["hits"]["dense"]
        assert not make(tmp_path, rows, ann_from=ann_from)


def test_an_index_of_vectors_takes_new_rows_in_and_of_other_vectors_is_made_anew(
    tmp_path,
):
    def pieces():
        dataset = Table(tmp_path).dataset
        assert not unindexed(dataset)
        return dataset.stats.index_stats(VECTOR_INDEX)["num_indices"]

    make(tmp_path, rows_of(range(3)), ann_from=MANY)
    assert pieces() == 1
    make(tmp_path, rows_of(range(4)), ann_from=MANY)
    assert pieces() == 2
    make(tmp_path, rows_of(range(4), version=2), ann_from=MANY)
    assert pieces() == 1


def test_what_is_not_ready_or_of_another_layout_is_told(tmp_path):
    make(tmp_path, rows_of([0]))
    dataset = lance.dataset(str(tmp_path / TABLE))
    # Whose job was killed, or was never tagged.
    dataset.tags.delete(READY)
    with pytest.raises(InputError, match=r"ready; `snakemake index` goes on with it"):
        Table(tmp_path)
    make(tmp_path, rows_of([0]))
    assert len(Table(tmp_path)) == 20
    for said in ({"layout": 99}, {}):
        dataset = lance.dataset(str(tmp_path / TABLE))
        dataset.update_config({ABOUT_KEY: json.dumps(said)})
        dataset.tags.update(READY, dataset.version)
        with pytest.raises(InputError, match=rf"layout \w+, expected {LAYOUT};"):
            Table(tmp_path)
    make(tmp_path, rows_of([0]))
    assert len(Table(tmp_path)) == 20


def test_expected_queries_of_another_version_are_told(tmp_path):
    loaded.build_index(tmp_path, [loaded.row(number) for number in range(30)])
    version = Table(tmp_path).version
    assert len(list(read(tmp_path, version))) > 1
    with pytest.raises(InputError, match=r"not of version .* `snakemake index`"):
        list(read(tmp_path, version + 1))


def test_a_version_that_is_gone_is_told(tmp_path):
    make(tmp_path, rows_of([0]))
    assert Table(tmp_path).version == Table(tmp_path).dataset.latest_version
    # Named after their numbers counted down.
    min((tmp_path / TABLE / "_versions").glob("*.manifest")).unlink()
    with pytest.raises(InputError, match=r"cannot be read .* delete it, and run"):
        Table(tmp_path)
