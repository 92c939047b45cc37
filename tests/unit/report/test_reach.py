"""What re-ranking can reach, counted by hand."""

import pytest
from scipy.sparse import csr_matrix, save_npz

from arkiv.report.reach import reach_of, section
from arkiv.retrieve.systems import reranking, systems_of

SYSTEMS = {
    "words": {"type": "bm25"},
    "dense": {"type": "m3", "model": "tuned", "mode": "dense"},
    "late": {"type": "m3", "model": "tuned", "mode": "multi_vector"},
    "all_three": {"type": "m3", "model": "tuned", "mode": "combined"},
    "base_late": {"type": "m3", "model": "base", "mode": "multi_vector"},
    "again": {"type": "reranker", "system": "words", "depth": 2},
}
# Query b has no relevant passage, and is not measured.
QRELS = {"a": {"p1": 1, "p5": 1}, "c": {"p2": 1}}


def test_one_system_stands_for_each_set_of_candidates():
    assert reranking(systems_of(SYSTEMS)) == {
        "late": "tuned",
        "base_late": "base",
        "again": None,
    }


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        # Of a the first 3: p1 alone; of c the first 1. A reranker has the first 2.
        (4, [(["late", "all_three"], 2.0, 0.75), (["again"], 2.0, 0.5)]),
        # Runs of 2 passages lack one of the candidates.
        (2, [(["again"], 2.0, 0.5)]),
    ],
)
def test_the_share_of_what_is_relevant_among_the_candidates(tmp_path, depth, expected):
    rows = [[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 1, 0, 0]]
    save_npz(tmp_path / "queries.multi_vector.npz", csr_matrix(rows))
    orders = {
        "late": {"a": ["p1", "p3", "p4", "p5"], "c": ["p2", "p1"]},
        "again": {"a": ["p5", "p1", "p2"], "c": ["p3", "p1", "p2"]},
    }
    for name, run in orders.items():
        lines = [
            f"{query} Q0 {key} {rank} {-rank} x\n"
            for query, keys in run.items()
            for rank, key in enumerate(keys, 1)
        ]
        (tmp_path / f"{name}.trec").write_text("".join(lines))
    found = reach_of(
        {"systems": SYSTEMS, "rerank_depth": 9, "depth": depth},
        ["words", "dense", "late", "all_three", "again"],
        {name: tmp_path / f"{name}.trec" for name in orders},
        {"tuned": tmp_path},
        QRELS,
        ["a", "b", "c"],
    )
    assert found == expected
    assert f"{expected[-1][2]:.3f}" in "".join(section(found))
    assert not list(section([]))
