"""TREC files."""

import random
from itertools import pairwise

import numpy as np
import pytest

from arkiv.base.errors import InputError
from arkiv.retrieve.trec import (
    in_step,
    read_qrels,
    read_run,
    strictly_falling,
    write_qrels,
    write_run,
)


@pytest.mark.parametrize(
    "scores", [[3, 3, 3, 2], [0, 0, 0], [1e-3, 1e-3, -5], [1 + 1e-9, 1], [], [7]]
)
def test_scores_fall_strictly_and_stay_where_they_are(scores):
    falling = strictly_falling(scores)
    assert falling.dtype == np.float32
    assert all(low < high for high, low in pairwise(falling))
    assert np.allclose(falling, scores, rtol=1e-5, atol=1e-30)


def test_scores_that_differ_are_not_touched():
    scores = np.sort(np.random.default_rng(0).normal(size=500).astype(np.float32))[::-1]
    assert np.array_equal(strictly_falling(scores), scores)


def test_every_reader_sees_the_order_that_was_written(tmp_path):
    """Also one that breaks ties by id upwards, downwards, or keeps 32 bits."""
    ids = [f"d{n}" for n in range(40)]
    random.Random(1).shuffle(ids)
    scores = np.repeat([0.5, 0.25], 20)
    write_run(tmp_path / "run", [("q", ids, scores)], "a system")
    rows = [line.split() for line in (tmp_path / "run").read_text().splitlines()]
    assert [row[3] for row in rows] == [str(n) for n in range(1, 41)]
    assert {row[5] for row in rows} == {"a_system"}
    found = [(np.float32(row[4]), row[2]) for row in rows]
    assert [key for _, key in sorted(found, reverse=True)] == ids
    assert [key for _, key in sorted(found, key=lambda f: (-f[0], f[1]))] == ids
    assert read_run(tmp_path / "run") == {"q": ids}


def test_ties_of_runs_from_elsewhere_break_as_in_trec_eval(tmp_path):
    (tmp_path / "run").write_text("q Q0 a 1 1 x\nq Q0 b 2 1 x\nq Q0 c 3 2.5e0 x\n")
    assert read_run(tmp_path / "run") == {"q": ["c", "b", "a"]}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("q Q0 a 1 1", "has 5 fields, expected `query Q0 passage rank score tag`"),
        ("q Q0 a 1 high x", "the score is 'high', expected a number"),
        ("q Q0 a 1 nan x", "the score is 'nan', expected a number"),
        ("q Q0 p 2 0.5 x", "query q has the passage p twice"),
    ],
)
def test_a_line_that_is_no_run_is_refused(tmp_path, line, reason):
    (tmp_path / "run").write_text(f"q Q0 p 1 1 x\n{line}\n")
    with pytest.raises(InputError) as error:
        read_run(tmp_path / "run")
    assert str(error.value) == f"{tmp_path / 'run'}, line 2: {reason}"


def test_of_a_run_some_queries_and_the_first_passages_are_read(tmp_path):
    lines = [f"{q} Q0 p{n} {n} {-n} x\n" for q in "abc" for n in range(1, 4)]
    (tmp_path / "run").write_text("".join(lines))
    found = read_run(tmp_path / "run", depth=2, queries={"a", "c", "d"})
    assert found == {"a": ["p1", "p2"], "c": ["p1", "p2"]}
    # A passage that is named again is the same text, not another one.
    assert found["a"][0] is found["c"][0]


def test_a_query_whose_lines_stand_apart_is_refused(tmp_path):
    (tmp_path / "run").write_text("a Q0 p 1 1 x\nb Q0 p 1 1 x\na Q0 r 2 0 x\n")
    with pytest.raises(InputError) as error:
        read_run(tmp_path / "run")
    reason = "query a has lines above too, and others between"
    assert str(error.value) == f"{tmp_path / 'run'}, line 3: {reason}"


def test_several_runs_are_gone_through_query_by_query(tmp_path):
    (tmp_path / "1").write_text("b Q0 p 1 1 x\nd Q0 p 1 1 x\nd Q0 r 2 .5 x\n")
    (tmp_path / "2").write_text("a Q0 p 1 1 x\nd Q0 s 1 3 x\n")
    (tmp_path / "3").write_text("")
    assert list(in_step([tmp_path / name for name in "123"])) == [
        ("a", [{}, {"p": 1}, {}]),
        ("b", [{"p": 1}, {}, {}]),
        ("d", [{"p": 1, "r": 0.5}, {"s": 3}, {}]),
    ]
    (tmp_path / "3").write_text("b Q0 p 1 1 x\na Q0 p 1 1 x\n")
    with pytest.raises(InputError, match="3: has the query a after b, expected"):
        list(in_step([tmp_path / name for name in "123"]))


def test_qrels_come_back_sorted(tmp_path):
    qrels = {"q2": {"b": 1, "a": 2}, "q1": {"c": 0}}
    assert write_qrels(tmp_path / "qrels", qrels) == 3
    assert (tmp_path / "qrels").read_text() == "q1 0 c 0\nq2 0 a 2\nq2 0 b 1\n"
    assert read_qrels(tmp_path / "qrels") == qrels


def test_ids_are_read_in_the_form_of_the_collection(tmp_path):
    (tmp_path / "qrels").write_text("fra\u030aga 0 a\u0308nde 1\n", encoding="utf-8")
    assert read_qrels(tmp_path / "qrels") == {"fråga": {"ände": 1}}


def test_qrels_without_a_number_are_refused(tmp_path):
    (tmp_path / "qrels").write_text("q 0 a yes\n")
    with pytest.raises(InputError, match="line 1: the relevance is 'yes'"):
        read_qrels(tmp_path / "qrels")
    (tmp_path / "qrels").write_text("")
    with pytest.raises(InputError, match="is empty, expected judgements"):
        read_qrels(tmp_path / "qrels")
