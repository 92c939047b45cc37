"""Approximate search: what it finds scores exactly, what it misses is measured."""

import numpy as np
import pytest

from arkiv.mining.ivf import (
    SAMPLE,
    InvertedLists,
    recall,
    sample_rows,
)
from arkiv.mining.nearest import CorpusPart, find_neighbours, id_ranks

DEPTH = 20


@pytest.fixture(scope="module")
def space():
    """Passages in clusters, as embeddings of a corpus are, and queries near some."""
    draw = np.random.default_rng(0)
    centres = draw.normal(size=(40, 32))
    near = centres[draw.integers(40, size=12_000)]
    passages = near + 0.7 * draw.normal(size=near.shape)
    queries = passages[:60] + 0.3 * draw.normal(size=(60, 32))
    return tuple(
        (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16)
        for values in (queries, passages)
    )


@pytest.fixture(scope="module")
def part(space):
    ids = [f"{n * 7919 % 12_000:05d}" for n in range(12_000)]
    return CorpusPart(space[1], id_ranks(ids))


def searched(space, part, lists=None):
    return np.concatenate(list(find_neighbours(space[0], part, DEPTH, lists)))


def test_all_lists_together_are_the_exact_search(space, part):
    lists = InvertedLists(space[1], 10**6, seed=1)
    assert lists.probes == lists.lists == 438
    exact = searched(space, part)
    assert (searched(space, part, lists) == exact).all()


def test_fewer_lists_find_less_and_recall_says_how_much(space, part):
    measured = []
    for probes in (1, 8, 64):
        found = searched(space, part, InvertedLists(space[1], probes, seed=1))
        exact = np.sort(space[0].astype(float) @ space[1].T.astype(float))[:, ::-1]
        last = np.float32(exact[:, DEPTH - 1])
        wanted = [
            float((row["score"] >= low).mean())
            for row, low in zip(found, last, strict=True)
        ]
        shares = recall(found, space[0], part)
        assert shares == pytest.approx(wanted, abs=0.051)  # ties at the last rank
        measured.append(np.mean(shares))
        # What was found has its exact score.
        best = found[0][0]
        score = space[0][0].astype(float) @ space[1][best["row"]].astype(float)
        assert best["score"] == np.float32(score)
    assert measured[0] < measured[1] < measured[2]
    assert measured[2] > 0.9


def test_the_same_seed_gives_the_same_lists(space, part):
    one, same = (InvertedLists(space[1], 4, seed=1) for _ in range(2))
    assert (searched(space, part, one) == searched(space, part, same)).all()


def test_the_sample_is_drawn_by_the_seed():
    assert sample_rows(10**4, 1).tolist() == sample_rows(10**4, 1).tolist()
    assert sample_rows(10**4, 1).tolist() != sample_rows(10**4, 2).tolist()
    assert len(set(sample_rows(10**4, 1).tolist())) == SAMPLE
    assert sample_rows(3, 1).tolist() == [0, 1, 2]
