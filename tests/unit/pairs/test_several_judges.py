"""What verdicts of several judges come to, against a count of their votes."""

import random
from collections import Counter, defaultdict

from arkiv.base.hashing import content_id, text_key
from arkiv.pairs.verdicts import Verdict, judged

QUERIES = ["vem ägde kvarnen", "Vem  ägde KVARNEN", "vad kostade hästen"]


def test_the_majority_counts_and_ties_are_neither():
    draw = random.Random(3)
    votes = [
        Verdict(query, content_id(query), f"p{passage}", draw.random() < 0.6)
        for _ in range(4)
        for query in QUERIES
        for passage in range(12)
        if draw.random() < 0.7
    ]
    cast = defaultdict(Counter)
    for one in votes:
        cast[text_key(one.query), one.passage_id][one.relevant] += 1
    found = judged(votes)
    assert [one.query for one in found] == [QUERIES[0], QUERIES[2]]
    assert found[0].query_ids == {content_id(query) for query in QUERIES[:2]}
    met = Counter()
    for query in found:
        sides = {True: query.relevant, False: query.others, None: query.ties}
        for side, names in sides.items():
            for name in names:
                of = cast[text_key(query.query), name]
                lead = of[True] - of[False]
                assert side is (None if not lead else lead > 0)
                met[side] += 1
        assert query.disputed == sum(
            len(of) > 1 for (key, _), of in cast.items() if key == text_key(query.query)
        )
    assert sum(met.values()) == len(cast)
    assert len(met) == 3


def test_a_row_stands_where_its_passage_does():
    passages = {
        "a": {"id": "a", "text": "kvarnen", "volume": "v1", "first_page": 3},
        "b": {"id": "b", "text": "såldes", "volume": "v2", "dataset": "court"},
        "c": {"id": "c", "text": "annat", "volume": "v3"},
    }
    said = {"a": True, "b": True, "c": False}
    (query,) = judged(Verdict("q", "1", name, of) for name, of in said.items())
    assert list(query.rows(passages)) == [
        {
            "query": "q",
            "pos": ["kvarnen"],
            "neg": ["annat"],
            "volume": "v1",
            "first_page": 3,
        },
        {"query": "q", "pos": ["såldes"], "neg": ["annat"], "volume": "v2"},
    ]
