"""What search by torch does beyond what all ways share (see test_nearest)."""

import logging

import numpy as np
import pytest
import torch
from project import printed

from arkiv.base.errors import InputError
from arkiv.mining import nearest, torch_search
from arkiv.mining.nearest import CorpusPart, FaissSearch, find_neighbours, id_ranks
from arkiv.mining.torch_search import (
    NONE,
    TorchSearch,
    as_keys,
    best_columns,
    margin,
    merged,
    products,
    scores_and_ranks,
)

CPU = torch.device("cpu")


def unit(count, dim=32, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def corpus(count=3000, copies=5):
    """A part in which every vector stands several times, in no order of ids."""
    vectors = np.repeat(unit(count // copies), copies, axis=0)
    ids = [f"{n:05d}" for n in np.random.default_rng(1).permutation(count)]
    return CorpusPart(vectors, id_ranks(ids))


def found(part, queries, way, depth=40):
    return np.concatenate(list(find_neighbours(queries, part, depth, way=way)))


def on(count):
    return lambda part, depth: TorchSearch(part, depth, [CPU] * count)


@pytest.mark.parametrize("queries", [1, 7, 1024])
@pytest.mark.parametrize("columns", [1, 50, 400])
@pytest.mark.parametrize("devices", [1, 2, 5])
def test_no_block_shows(queries, columns, devices, monkeypatch):
    """However many queries and passages are multiplied at once."""
    part, asked = corpus(600), unit(20, seed=2)
    monkeypatch.setattr(torch_search, "QUERIES_AT_ONCE", queries)
    monkeypatch.setattr(torch_search, "CPU_PRODUCTS", 4 * queries * columns)
    monkeypatch.setattr(torch_search, "CPU_EXACT", 3000)
    ours = found(part, asked, on(devices))
    assert ours.tobytes() == found(part, asked, FaissSearch).tobytes()


def test_more_devices_than_passages():
    part = CorpusPart(unit(3), np.arange(3))
    ours = found(part, unit(4, seed=2), on(5))
    assert ours.tobytes() == found(part, unit(4, seed=2), FaissSearch).tobytes()


def short_of_memory(monkeypatch, name, fits):
    """Have a step fail as a GPU without memory where it `fits` not; list the calls."""
    calls, step = [], getattr(torch_search, name)

    def limited(*given):
        calls.append(given)
        if not fits(*given):
            raise torch.OutOfMemoryError
        return step(*given)

    monkeypatch.setattr(torch_search, name, limited)
    return calls


def test_queries_that_do_not_fit_are_halved(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    part, asked = corpus(), unit(100, seed=2)
    expected = found(part, asked, FaissSearch)
    monkeypatch.setattr("arkiv.mining.embeddings.PASSAGE_BLOCK_BYTES", 1000 * 32 * 4)
    calls = short_of_memory(monkeypatch, "products", lambda some, _: len(some) <= 30)
    assert found(part, asked, TorchSearch).tobytes() == expected.tobytes()
    # Once known, it is not tried again.
    sizes = [len(some) for some, _ in calls]
    assert sizes == [100, 50, *[25] * 12]
    assert "cpu: up to 25 queries at once" in caplog.text


def test_a_merge_that_does_not_fit_counts_nothing_twice(monkeypatch):
    part, asked = corpus(), unit(100, seed=2)
    expected = found(part, asked, FaissSearch)
    short_of_memory(monkeypatch, "merged", lambda keys, _: len(keys[0]) <= 30)
    assert found(part, asked, TorchSearch).tobytes() == expected.tobytes()


def test_passages_that_do_not_fit_are_halved(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    part, asked = corpus(), unit(9, seed=2)
    expected = found(part, asked, FaissSearch)
    empty = torch.empty

    def limited(shape, **more):
        if shape[0] > 800 and more.get("dtype") == torch.float32:
            raise torch.OutOfMemoryError
        return empty(shape, **more)

    monkeypatch.setattr(torch, "empty", limited)
    assert found(part, asked, TorchSearch).tobytes() == expected.tobytes()
    assert "cpu: up to 750 passages at once" in caplog.text


def test_a_query_that_does_not_fit_is_said(monkeypatch):
    short_of_memory(monkeypatch, "products", lambda *_: False)
    with pytest.raises(InputError, match="cpu has no memory to search for one query"):
        found(corpus(), unit(3, seed=2), TorchSearch)


@pytest.mark.parametrize(("copies", "compared"), [(500, 0), (2500, 4)])
def test_many_ties_are_searched_again_before_all_are_compared(
    copies, compared, monkeypatch
):
    part, asked = corpus(copies=copies), unit(4, seed=2)
    every, seen = nearest._exhaustive, []
    monkeypatch.setattr(
        nearest,
        "_exhaustive",
        lambda some, *more: seen.append(len(some)) or every(some, *more),
    )
    ours = found(part, asked, TorchSearch)
    assert sum(seen) == compared
    assert ours.tobytes() == found(part, asked, FaissSearch).tobytes()


def test_passages_that_fit_are_read_once(monkeypatch):
    part, read = corpus(), []
    load = torch_search._Share._load
    monkeypatch.setattr(
        torch_search._Share,
        "_load",
        lambda share, start: read.append(start) or load(share, start),
    )
    search = on(2)(part, 40)
    one, other = search(unit(9, seed=2)), search(unit(9, seed=2))
    assert one.nearest.tobytes() == other.nearest.tobytes()
    assert sorted(read) == [0, 1500]


@pytest.mark.parametrize("width", [1, 40, 639, 640, 5000])
@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("ties", [False, True])
def test_the_best_columns_by_groups_are_those_of_a_sort(width, count, ties):
    scores = torch.from_numpy(np.random.default_rng(0).normal(size=(7, width)))
    scores = scores.float().round() if ties else scores.float()
    count = min(count, width)
    best, columns = best_columns(scores, count)
    assert (best == scores.sort(1, descending=True).values[:, :count]).all()
    assert (scores.gather(1, columns) == best).all()
    assert all(len(set(row.tolist())) == count for row in columns)


def test_keys_are_in_the_order_of_score_and_rank():
    scores = torch.tensor([1.0, 0.25, 0.25, 0.0, -0.25, -1.0, -torch.inf])
    ranks = torch.tensor([9, 0, 2**32 - 2, 5, 7, 3, 2**32 - 1])
    keys = as_keys(scores, ranks)
    assert (keys[1:] > keys[:-1]).all()
    assert keys[-1] == NONE
    assert (merged([keys.flip(0)[None]], 3) == keys[:3]).all()
    again = scores_and_ranks(keys)
    assert (again[0] == scores).all()
    assert (again[1] == ranks).all()


def truncated(product, bits=23):
    """A sum as tensor cores make it at worst: four products at a time, all cut off."""
    total = 0.0
    for four in product.reshape(-1, 4):
        terms = np.append(four, total)
        unit = 2.0 ** (np.floor(np.log2(np.abs(terms).max())) - bits)
        total = (np.trunc(terms / unit) * unit).sum()
        if total:
            unit = 2.0 ** (np.floor(np.log2(abs(total))) - bits)
            total = np.trunc(total / unit) * unit
    return total


def test_the_margin_holds_sums_that_are_cut_off():
    """Of products of one sign, where every cut is to the same side."""
    bound = margin(256, torch.device("cuda"))
    for one, other in zip(np.abs(unit(50, 256)), np.abs(unit(50, 256, 1)), strict=True):
        product = one.astype(float) * other.astype(float)
        assert abs(truncated(product) - product.sum()) < bound / 4
    assert bound == 2 * margin(256, CPU)


def test_half_precision_is_added_up_in_single():
    """The call itself, which only a GPU computes, and what it is set to."""
    halves = torch.empty((5, 8), dtype=torch.float16, device="meta")
    assert products(halves, halves).dtype == torch.float32
    flags = torch.backends.cuda.matmul
    with torch_search._accurate():
        assert not flags.allow_fp16_reduced_precision_reduction
        assert not flags.allow_fp16_accumulation
    assert flags.allow_fp16_reduced_precision_reduction


def test_it_imports_no_faiss():
    code = (
        "import sys; sys.modules['faiss'] = None\n"
        "import numpy as np\n"
        "from arkiv.mining.nearest import CorpusPart, find_neighbours\n"
        "from arkiv.mining.ways import choose\n"
        "part = CorpusPart(np.eye(4, dtype=np.float16), np.arange(4))\n"
        "choice = choose('auto')\n"
        "(found,) = find_neighbours(part.embeddings, part, 1, way=choice.way)\n"
        "print(choice, found['row'][:, 0])"
    )
    assert printed(code) == "torch on the CPU [0 1 2 3]"
