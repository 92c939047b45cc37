"""Queries that are passages do not find themselves."""

import random

import numpy as np
import pytest
from same_text import plain, written_otherwise

from arkiv.retrieve.itself import own_rows, without
from arkiv.retrieve.rankings import Ranking


@pytest.mark.parametrize("seed", range(20))
def test_what_has_a_querys_text_is_its_own_however_it_is_written(seed):
    draw = random.Random(seed)
    words = ["Å", "ån", "Straße", "STRASSE", "ﬁsk", "İ", "ä\u0323", "tinget", "1880"]

    def text():
        return " ".join(draw.choices(words, k=draw.randint(1, 3)))

    queries = [(f"q{n}", text()) for n in range(30)]
    passages = [
        (f"p{n}", written_otherwise(draw.choice(queries)[1] if n % 3 else text(), draw))
        for n in range(60)
    ]
    assert own_rows(queries, passages) == [
        [row for row, (_, found) in enumerate(passages) if plain(found) == plain(asked)]
        for _, asked in queries
    ]


def test_a_respelled_query_is_known_by_its_id():
    passages = [("a", "hvad säger tinget"), ("b", "tinget"), ("c", "annat")]
    assert own_rows([("a", "vad säger tinget"), ("b", "Tinget ")], passages) == [
        [0],
        [1],
    ]


def test_a_ranking_without_some_rows_keeps_its_order_and_length():
    ranking = Ranking(np.array([4, 2, 7, 1]), np.array([4, 3, 2, 1], np.float32))
    found = without(ranking, [2, 9], 2)
    assert found.rows.tolist() == [4, 7]
    assert found.scores.tolist() == [4, 2]
