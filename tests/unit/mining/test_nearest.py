"""Exact search against a naive loop in float64, by every way."""

import tracemalloc

import numpy as np
import pytest
import torch

from arkiv.base.errors import InputError
from arkiv.base.files import Part
from arkiv.mining.embeddings import load_embeddings
from arkiv.mining.nearest import (
    MOST_FETCHED,
    NEIGHBOUR,
    CorpusPart,
    FaissSearch,
    find_neighbours,
    id_ranks,
    merge_neighbours,
)
from arkiv.mining.torch_search import TorchSearch


def by_three(part, depth):
    """By torch on three devices that share the passages."""
    return TorchSearch(part, depth, [torch.device("cpu")] * 3)


WAYS = {"faiss": FaissSearch, "torch": TorchSearch, "three": by_three}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def unit(vectors):
    """float16 vectors of length 1, as far as float16 goes."""
    vectors = np.asarray(vectors, np.float64)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def vectors(count, dim=32, seed=0):
    return unit(np.random.default_rng(seed).normal(size=(count, dim)))


def naive(queries, embeddings, ids, depth):
    """(row, float32 score) of the nearest passages, one product at a time."""
    found = []
    for query in queries.astype(np.float64):
        scored = [
            (-np.float32(sum(a * b for a, b in zip(query, passage, strict=True))), name)
            for passage, name in zip(embeddings.astype(np.float64), ids, strict=True)
        ]
        rows = {name: row for row, name in enumerate(ids)}
        found.append([(rows[name], -score) for score, name in sorted(scored)[:depth]])
    return found


def searched(queries, embeddings, ids, depth, parts, way=None):
    """The merged neighbours over a corpus in parts."""
    results = []
    for index in range(1, parts + 1):
        bounds = Part(index, parts).bounds(len(ids))
        rows = slice(bounds.start, bounds.stop)
        part = CorpusPart(embeddings[rows], id_ranks(ids[rows]), bounds.start)
        blocks = find_neighbours(queries, part, depth, way=way)
        results.append(np.concatenate(list(blocks)))
    return merge_neighbours(results, id_ranks(ids), depth)


def names(count, seed=1):
    """Ids whose order has nothing to do with that of the rows."""
    return [f"{n:05d}" for n in np.random.default_rng(seed).permutation(count)]


@every_way
@pytest.mark.parametrize("parts", [1, 3, 16])
def test_the_neighbours_are_those_of_a_naive_search(parts, way):
    queries, embeddings, ids = vectors(9, seed=5), vectors(300), names(300)
    found = searched(queries, embeddings, ids, 50, parts, way)
    for ours, theirs in zip(found, naive(queries, embeddings, ids, 50), strict=True):
        assert [(r, s) for r, s in ours.tolist()] == [(r, float(s)) for r, s in theirs]


@every_way
@pytest.mark.parametrize("parts", [1, 3, 16])
def test_equal_scores_are_ordered_by_id(parts, way):
    # Three vectors, each a hundred times: nearly every score is a tie.
    embeddings, ids = np.repeat(vectors(3), 100, axis=0), names(300)
    queries = vectors(4, seed=5)
    found = searched(queries, embeddings, ids, 150, parts, way)
    for ours, theirs in zip(found, naive(queries, embeddings, ids, 150), strict=True):
        assert ours["row"].tolist() == [row for row, _ in theirs]


@every_way
def test_a_tie_wider_than_what_is_fetched_is_settled_by_every_passage(way):
    count = MOST_FETCHED + 500
    embeddings, ids = np.repeat(vectors(1), count, axis=0), names(count)
    (found,) = searched(vectors(1, seed=5), embeddings, ids, 3, 1, way)
    assert [ids[row] for row in found["row"]] == ["00000", "00001", "00002"]


@every_way
@pytest.mark.parametrize("parts", [1, 4])
def test_places_beyond_the_corpus_are_empty(parts, way):
    found = searched(vectors(2, seed=5), vectors(3), names(3), 10, parts, way)
    assert (found["row"][:, :3] >= 0).all()
    assert (found["row"][:, 3:] == -1).all()
    assert np.isneginf(found["score"][:, 3:]).all()


def test_more_queries_than_a_block_keep_their_order():
    embeddings = vectors(600)
    found = searched(embeddings, embeddings, names(600), 1, 2)
    assert found["row"][:, 0].tolist() == list(range(600))


def test_a_part_given_twice_is_refused():
    one = np.array([[(0, 0.5), (1, 0.4)]], NEIGHBOUR)
    with pytest.raises(InputError, match="is a part given twice"):
        merge_neighbours([one, one], id_ranks(["a", "b"]), 2)


def test_a_row_beyond_the_corpus_is_refused():
    one = np.array([[(7, 0.5)]], NEIGHBOUR)
    with pytest.raises(InputError, match="row 7, beyond the corpus of 2"):
        merge_neighbours([one], id_ranks(["a", "b"]), 1)


def damaged(tmp_path, kind):
    path = tmp_path / "x.npy"
    np.save(path, vectors(4))
    whole = path.read_bytes()
    if kind == "text":
        path.write_text("no array")
    elif kind == "truncated":
        path.write_bytes(whole[:-10])
    elif kind == "header":
        path.write_bytes(whole[:20] + b"((((" + whole[24:])
    elif kind == "type":
        np.save(path, vectors(4).astype(np.float32))
    elif kind == "rank":
        np.save(path, vectors(4)[0])
    elif kind == "nan":
        np.save(path, np.full((2, 4), np.nan, np.float16))
    elif kind == "long":
        np.save(path, 3 * vectors(2))
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("text", "is not a .npy file"),
        ("truncated", "is truncated or damaged"),
        ("header", "is truncated or damaged"),
        ("type", "holds float32, expected float16"),
        ("rank", "has 1 dimension"),
        ("nan", "row 0 holds NaN"),
        ("long", r"row 0 has length (3|2\.99)"),
    ],
)
def test_a_damaged_array_is_named(tmp_path, kind, said):
    path = damaged(tmp_path, kind)
    with pytest.raises(InputError, match=said) as caught:
        load_embeddings(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_array_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.npy: no such file"):
        load_embeddings(tmp_path / "gone.npy")


@every_way
@pytest.mark.parametrize("parts", [1, 3, 16])
def test_neither_blocks_nor_parts_nor_files_show(parts, way, tmp_path, monkeypatch):
    """Read from a file in blocks of 50 passages, for blocks of 20 queries."""
    queries, embeddings, ids = vectors(70, seed=5), vectors(1000), names(1000)
    whole = searched(queries, embeddings, ids, 40, 1)
    monkeypatch.setattr("arkiv.mining.embeddings.PASSAGE_BLOCK_BYTES", 50 * 32 * 4)
    monkeypatch.setattr("arkiv.mining.nearest.QUERY_BLOCK_BYTES", 20 * 32 * 4)
    np.save(tmp_path / "v.npy", embeddings)
    np.save(tmp_path / "q.npy", queries)
    found = []
    for index in range(1, parts + 1):
        bounds = Part(index, parts).bounds(1000)
        np.save(tmp_path / "part.npy", embeddings[bounds.start : bounds.stop])
        part = CorpusPart(
            load_embeddings(tmp_path / "part.npy"),
            id_ranks(ids[bounds.start : bounds.stop]),
            bounds.start,
        )
        asked = load_embeddings(tmp_path / "q.npy")
        blocks = find_neighbours(asked, part, 40, way=way)
        found.append(np.concatenate(list(blocks)))
    assert (merge_neighbours(found, id_ranks(ids), 40) == whole).all()


@pytest.mark.parametrize(("way", "beside"), [(FaissSearch, 0), (TorchSearch, 16)])
def test_memory_depends_on_the_blocks_and_not_on_the_part(
    way, beside, tmp_path, monkeypatch
):
    """The Python and NumPy share of it; `make bench` measures the process.

    Beside that torch has the rows of ranks, in bytes for each passage.
    """
    monkeypatch.setattr("arkiv.mining.embeddings.PASSAGE_BLOCK_BYTES", 1 << 20)
    peaks = []
    for count in (10_000, 40_000):
        np.save(tmp_path / "v.npy", vectors(count, dim=64))
        part = CorpusPart(load_embeddings(tmp_path / "v.npy"), np.arange(count))
        asked = vectors(100, dim=64, seed=1)
        tracemalloc.start()
        for _ in find_neighbours(asked, part, 20, way=way):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - 30_000 * beside < 1.1 * peaks[0]
