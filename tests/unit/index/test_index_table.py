"""The table of an index: what is searched was written, and what changes alone is."""

import os
import random
import shutil
import subprocess
import sys
import time

import indexed
import lance
import loaded
import numpy as np
import pyarrow as pa
import pytest
from indexed import make, rows_of
from project import ROOT

from arkiv.base.errors import InputError
from arkiv.base.hashing import nfc
from arkiv.index.by_row import ByRow, write_by_row
from arkiv.index.committing import KEPT, index_vectors
from arkiv.index.filters import Filters
from arkiv.index.load.source import rows_of as rows_of_batch
from arkiv.index.reading import MODES, Query, Table
from arkiv.index.schema import BEFORE, BY_ROW, DENSE, TABLE, schema, tag_of
from arkiv.index.scores import dense_of

HALVES = slice(0, 3), slice(3, 6)


def asked(one):
    """A query of the rows' tests, with words."""
    sparse = one["sparse"]
    weights = np.array(sparse["tokens"]), np.array(sparse["weights"], np.float32)
    return Query("kvarn och böter", np.array(one["dense"]), weights)


def answers(folder, rows):
    """What all modes find, filtered and not."""
    table = Table(folder)
    some = Filters(volumes=("vol/0", "vol/2"), years=(1805, 1850), confidence=0.5)
    return [
        [(hit.id, pytest.approx(hit.score, abs=1e-6)) for hit in found]
        for one in loaded.queries(rows)
        for mode in MODES
        for found in (
            table.search(mode, asked(one)),
            table.search(mode, asked(one), some, 5),
        )
    ]


@pytest.fixture(scope="module")
def at_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("once")
    make(folder, rows_of(range(3)))
    return folder


def test_dense_and_sparse_searches_are_exact(at_once):
    rows = rows_of(range(3))
    table = Table(at_once)
    for one in loaded.queries(rows):
        for mode in ("dense", "sparse"):
            found = [hit.id for hit in table.search(mode, asked(one))]
            assert found == one["hits"][mode]


def test_hybrid_is_the_weighted_mean_of_what_others_find(at_once):
    table, rows = Table(at_once), rows_of(range(3))
    query = asked(loaded.queries(rows)[0])
    scores = {}
    for mode, weight in (("dense", 1.0), ("sparse", 0.3)):
        for hit in table.search(mode, query, depth=60):
            scores[hit.id] = scores.get(hit.id, 0) + weight * hit.score / 1.3
    best = sorted(scores, key=lambda one: (-scores[one], one))[:10]
    found = table.search("hybrid", query)
    assert [hit.id for hit in found] == best
    assert found[0].score == pytest.approx(scores[best[0]], abs=1e-5)


def test_what_is_kept_by_row_is_what_the_table_has(at_once):
    table = Table(at_once)
    (batch,) = (
        table.dataset.to_table(columns=["id", DENSE]).combine_chunks().to_batches()
    )
    ids = batch["id"].to_pylist()
    by_row = table._by_row
    assert by_row.ids(np.arange(len(ids))) == ids
    some = [ids[7], "gone", ids[0], "", ids[-1] + "0", ids[7] + "\0", "\0", ids[-1]]
    places = by_row.places_of(some)
    assert places.tolist() == [7, 0, len(ids) - 1]
    assert np.array_equal(by_row.dense(places), dense_of(batch)[places])
    assert table.rows([*some, ids[7]], ["text"]) == [
        {"id": one, "text": row["text"]}
        for one, row in zip(
            (ids[7], ids[0], ids[-1]),
            table.dataset.take(places.tolist(), columns=["text"]).to_pylist(),
            strict=True,
        )
    ]
    assert table.rows(["gone"]) == table.rows([]) == []


@pytest.mark.parametrize("mapped", [0, 1 << 28])
def test_ids_of_any_length_and_letters_are_found_by_row(tmp_path, monkeypatch, mapped):
    monkeypatch.setattr("arkiv.index.by_row.MOST_MAPPED", mapped)
    monkeypatch.setattr("arkiv.index.by_row.READ_AT_ONCE", 2)
    ids = ["ö", "a", "åäö/1", "", "a" * 40, "Z"]
    vectors = np.arange(12, dtype=np.int8).reshape(6, 2)
    addresses = np.array([0, 1, 2, 1 << 32, (1 << 32) + 5, 1 << 33], np.uint64)
    halves = ((addresses[part], ids[part], vectors[part]) for part in HALVES)
    write_by_row(tmp_path / "rows", halves, vectors.shape, vectors.dtype)
    by_row = ByRow(tmp_path / "rows")
    places = by_row.places_of(ids[::-1])
    assert places.tolist() == [5, 4, 3, 2, 1, 0]
    for some in ([0, 1, 2, 3, 4, 5], [4, 0, 1, 2, 5], [3, 3, 4], []):
        assert by_row.dense(np.array(some, int)).tolist() == vectors[some].tolist()
    assert by_row.ids(places) == ids[::-1]
    for _ in range(2):
        assert np.array_equal(by_row.dense(places), vectors[::-1])
    assert by_row.places(addresses[::-1]).tolist() == places.tolist()
    for name in ("addresses", "ids", "order", "dense"):
        path = tmp_path / f"rows/{name}.npy"
        whole = path.read_bytes()
        np.save(path, np.load(path)[:-1])
        with pytest.raises(InputError, match=r"different numbers .* -R commit_index"):
            ByRow(tmp_path / "rows")
        path.unlink()
        with pytest.raises(InputError, match=r"cannot be read .* -R commit_index"):
            ByRow(tmp_path / "rows")
        path.write_bytes(whole)
    assert len(ByRow(tmp_path / "rows")) == 6
    write_by_row(tmp_path / "none", [], (0, 2), vectors.dtype)
    assert not len(ByRow(tmp_path / "none").places_of(["a"]))


def test_what_is_kept_by_row_is_on_the_disk_before_it_is_named(tmp_path, monkeypatch):
    synced = {}
    monkeypatch.setattr(
        "os.fsync", lambda file: synced.update({os.fstat(file).st_ino: file})
    )
    vectors = np.ones((2, 4), np.float16)
    rows = [(np.arange(2, dtype=np.uint64), ["a", "b"], vectors)]
    write_by_row(tmp_path / "rows", rows, vectors.shape, vectors.dtype)
    names = ["addresses.npy", "dense.npy", "ids.npy", "order.npy"]
    found = sorted((tmp_path / "rows").iterdir())
    assert [path.name for path in found] == names
    assert {path.stat().st_ino for path in found} == synced.keys()


def test_filters_are_those_of_rows(at_once):
    table, rows = Table(at_once), rows_of(range(3))
    given = Filters("court", ("vol/1", "vol/2"), (1830, 1845), ("dombok",), 0.535)
    wanted = {
        one["id"]
        for one in rows
        if one["volume"] in given.volumes
        and 1830 <= (one["year"] or 0) <= 1845
        and one["type"] == "dombok"
        and np.float32(one["confidence"]) >= np.float32(0.535)
    }
    query = asked(loaded.queries(rows)[0])
    found = {hit.id for hit in table.search("dense", query, given, 60)}
    assert found == wanted
    assert len(found) > 5
    assert table.search("dense", query, Filters("it's")) == []


def test_full_text_finds_inflected_forms_and_keeps_letters_apart(tmp_path):
    rows = rows_of([0])
    texts = ["Hästarna såldes", "En hast vid ån", "Häradsrättens dom", "al och ål"]
    for one, text in zip(rows, texts, strict=False):
        one["text"] = text
    make(tmp_path, rows)
    table = Table(tmp_path)

    def found(words):
        ids = [hit.id for hit in table.search("full_text", Query(words))]
        return sorted(one["text"] for one in table.rows(ids, ["text"]))

    assert found("häst") == found("HÄSTEN") == ["Hästarna såldes"]
    assert found("ha\u0308st") == found(nfc("ha\u0308st"))
    assert found("hast") == ["En hast vid ån"]
    assert found("häradsrätt") == ["Häradsrättens dom"]
    assert found("") == found("…") == []


def fragments(folder):
    return {
        one.fragment_id: one.metadata.files[0].path
        for one in Table(folder).dataset.get_fragments()
    }


def test_a_volume_more_writes_its_rows_alone(tmp_path, at_once):
    make(tmp_path, rows_of([0, 1]))
    reader, before = Table(tmp_path), fragments(tmp_path)
    query = asked(loaded.queries(rows_of([0, 1]))[0])
    old = reader.search("hybrid", query)
    parts = indexed.write(tmp_path, rows_of(range(3)))
    written = [
        one for part in parts for piece in part.fragments for one in piece["ids"]
    ]
    assert sorted(written) == sorted(one["id"] for one in rows_of([2]))
    assert indexed.join(tmp_path, parts)
    after = fragments(tmp_path)
    assert before.items() < after.items()
    assert answers(tmp_path, rows_of(range(3))) == answers(at_once, rows_of(range(3)))
    # Who has it open keeps what is open.
    assert reader.search("hybrid", query) == old
    assert len(reader) == 40


def test_a_second_time_makes_no_version(tmp_path):
    assert make(tmp_path, rows_of([0]))
    version = Table(tmp_path).dataset.latest_version
    assert not make(tmp_path, rows_of([0]))
    # Other bounds of parts move no row either, and joined parts may be joined again.
    parts = indexed.write(tmp_path, rows_of([0]), parts=3)
    assert not indexed.join(tmp_path, parts)
    assert Table(tmp_path).dataset.latest_version == version


def test_changed_and_removed_volumes_take_their_rows_along(tmp_path):
    make(tmp_path / "a", rows_of(range(3)))
    wanted = sorted(
        rows_of([0]) + rows_of([2], version=2), key=lambda one: one["volume"]
    )
    parts = indexed.write(tmp_path / "a", wanted)
    indexed.join(tmp_path / "a", parts)
    # The same files of parts once more: a job that was killed behind the commit.
    assert not indexed.join(tmp_path / "a", parts)
    make(tmp_path / "b", wanted)
    assert len(Table(tmp_path / "a")) == 40
    assert answers(tmp_path / "a", wanted) == answers(tmp_path / "b", wanted)


@pytest.mark.parametrize(("dimensions", "can"), [(16, True), (312, True), (33, False)])
def test_vectors_of_whole_bytes_of_dimensions_are_indexed(tmp_path, dimensions, can):
    vectors = np.random.default_rng(0).normal(size=(1000, dimensions))
    vectors = pa.array(vectors.astype(np.float16).ravel())
    column = pa.FixedSizeListArray.from_arrays(vectors, dimensions)
    dataset = lance.write_dataset(pa.table({DENSE: column}), str(tmp_path / "table"))
    assert not index_vectors(dataset, 1001)
    assert index_vectors(dataset, 1000) == can
    asked = column[7].as_py()
    nearest = {"column": DENSE, "q": asked, "k": 1, "metric": "cosine"}
    found = dataset.scanner(
        columns=[DENSE],
        nearest=nearest | {"refine_factor": 4},
        disable_scoring_autoprojection=True,
    )
    assert found.to_table()[DENSE].to_pylist() == [asked]


def test_parts_that_the_table_has_lost_are_told(tmp_path):
    make(tmp_path, rows_of([0]))
    parts = indexed.write(tmp_path, rows_of([0, 1]))
    shutil.rmtree(tmp_path / TABLE / "data")
    with pytest.raises(InputError, match=r"cannot be read .* delete it"):
        indexed.join(tmp_path, parts)
    shutil.rmtree(tmp_path / TABLE)
    with pytest.raises(InputError, match=r"lacks .* run again with `-R index_pass"):
        indexed.join(tmp_path, parts)


@pytest.mark.parametrize("beside", ["rows", "sparse"])
def test_what_is_gone_from_beside_the_table_is_written_again(tmp_path, beside):
    make(tmp_path, rows_of([0]))
    before = answers(tmp_path, rows_of([0]))
    shutil.rmtree(tmp_path / beside)
    with pytest.raises(InputError, match=r"cannot be read .* -R commit_index"):
        answers(tmp_path, rows_of([0]))
    assert make(tmp_path, rows_of([0]))
    assert answers(tmp_path, rows_of([0])) == before


def test_old_files_go_and_those_of_no_version(tmp_path, monkeypatch):
    make(tmp_path, rows_of([0]))
    indexed.write(tmp_path, rows_of([1]))  # never joined
    data = tmp_path / TABLE / "data"
    assert len(list(data.iterdir())) > len(fragments(tmp_path))
    make(tmp_path, rows_of([0], version=2))
    monkeypatch.setattr("arkiv.index.committing.KEPT", KEPT * 0)
    make(tmp_path, rows_of([0], version=2))
    assert {path.name for path in data.iterdir()} == set(fragments(tmp_path).values())
    for beside in ("rows", "sparse"):
        assert len(list((tmp_path / beside).iterdir())) == 1


def test_who_has_an_old_version_open_keeps_it_when_another_takes_its_place(
    tmp_path, monkeypatch
):
    rows = rows_of([0, 1])
    make(tmp_path, rows)
    reader, before = Table(tmp_path), answers(tmp_path, rows)
    query = asked(loaded.queries(rows)[0])
    found = reader.search("hybrid", query)
    # Made long before it was replaced.
    monkeypatch.setattr("arkiv.index.committing.KEPT", KEPT * 0)
    monkeypatch.setattr("arkiv.index.committing.time.time", lambda: 0.0)
    make(tmp_path, rows_of([2], version=2))
    assert Table(tmp_path).version != reader.version
    again = lance.dataset(str(tmp_path / TABLE), version=reader.version)
    reader = Table(tmp_path, again)
    assert reader.search("hybrid", query) == found
    assert len(reader.rows([one["id"] for one in rows])) == len(rows)
    assert before != answers(tmp_path, rows_of([2], version=2))


def test_each_version_that_was_replaced_is_kept_for_its_own_time(tmp_path, monkeypatch):
    # All were made long ago, and replaced just now.
    monkeypatch.setattr("arkiv.index.committing.KEPT", KEPT * 0)
    monkeypatch.setattr("arkiv.index.committing.time.time", lambda: 1e9)

    def opened(version):
        dataset = lance.dataset(str(tmp_path / TABLE), version=version)
        return len(Table(tmp_path, dataset).rows([rows_of([0])[0]["id"]])) == 1

    versions = []
    for number in range(3):
        make(tmp_path, rows_of([0], version=number + 1))
        versions.append(Table(tmp_path).version)
        os.utime(tmp_path / Table(tmp_path).about[BY_ROW], (0, 0))
    assert all(map(opened, versions))
    # As it was called when there was one.
    tags = lance.dataset(str(tmp_path / TABLE)).tags
    tags.delete(f"{BEFORE}-{versions[0]}")
    tags.create(BEFORE, versions[0])
    first = tag_of(tmp_path, BEFORE)
    assert not make(tmp_path, rows_of([0], version=3))
    assert all(map(opened, versions))
    for kept in (2, 1):
        gone = first if kept == 2 else tag_of(tmp_path, f"{BEFORE}-{versions[1]}")
        os.utime(gone, (0, 0))
        assert not make(tmp_path, rows_of([0], version=3))
        assert not gone.exists()
        assert all(map(opened, versions[-kept:]))
        assert len(list((tmp_path / BY_ROW).iterdir())) == kept
        there = lance.dataset(str(tmp_path / TABLE)).versions()
        assert [one["version"] for one in there] == versions[-kept:]


def test_killed_at_any_moment_the_old_version_is_read_and_the_next_run_ends(tmp_path):
    old, new = rows_of([0, 1]), rows_of([0, 2], version=2)
    make(tmp_path / "killed", old)
    before = answers(tmp_path / "killed", old)
    ids = {one["id"] for one in old}
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "scripts", ROOT / "tests")))
    given = {**os.environ, "PYTHONPATH": paths}
    words = [sys.executable, ROOT / "tests/indexed.py", tmp_path / "killed", "0,2", "2"]
    draw = random.Random(0)
    for _ in range(3):
        job = subprocess.Popen(words, env=given, stdout=subprocess.PIPE, text=True)
        assert job.stdout.readline() == "begun\n"
        time.sleep(draw.uniform(0.05, 0.6))
        job.kill()
        job.wait()
        job.stdout.close()
        held = {row["id"] for row in Table(tmp_path / "killed").rows(ids)}
        if held == ids:
            assert answers(tmp_path / "killed", old) == before
    make(tmp_path / "killed", new)
    make(tmp_path / "whole", new)
    assert answers(tmp_path / "killed", new) == answers(tmp_path / "whole", new)
    assert len(Table(tmp_path / "killed")) == len(new)


def test_what_is_no_index_is_told(tmp_path):
    with pytest.raises(InputError, match="`snakemake index` makes it"):
        Table(tmp_path)


@pytest.mark.parametrize("multi", [False, True])
def test_a_batch_may_have_no_rows(multi):
    columns = schema(8, "float16", multi=multi)
    assert rows_of_batch(pa.RecordBatch.from_pylist([], columns)) == []
