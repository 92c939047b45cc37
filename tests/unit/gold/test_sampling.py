"""Which pairs human judges see: of every grade and system, and blind."""

from collections import Counter

import numpy as np

from arkiv.gold.sampling import sampled_queries

QUERIES = [f"q{n:02}" for n in range(30)]
SYSTEMS = ("bm25", "base", "tuned")


def collection(seed=0):
    draw = np.random.default_rng(seed)
    runs = {
        name: {
            query: [f"p{key}" for key in draw.permutation(200)[:50]]
            for query in QUERIES
        }
        for name in SYSTEMS
    }
    qrels = {}
    for query in QUERIES:
        # Some are found first, some by nobody.
        grades = {f"x{query}": 1}
        for name, rank, grade in zip(SYSTEMS, (0, 3, 30), (3, 1, 2), strict=True):
            key = next(key for key in runs[name][query][rank:] if key not in grades)
            grades[key] = grade
        qrels[query] = grades
    return qrels, runs


def sample(qrels, runs, queries=20, passages=8, depth=10, seed=7):
    given = {"queries": queries, "passages": passages, "depth": depth, "seed": seed}
    return dict(sampled_queries(QUERIES, qrels, runs, **given))


def test_every_grade_and_every_system_has_its_share():
    qrels, runs = collection()
    drawn = sample(qrels, runs)
    assert len(drawn) == 20
    grades, places = Counter(), Counter()
    for query, passages in drawn.items():
        assert len(passages) == len(set(passages)) == 8
        for key in passages:
            grade = qrels[query].get(key, 0)
            grades[grade] += 1
            if not grade:
                found = [n for n in SYSTEMS if key in runs[n][query][:10]]
                assert found  # no passage that no system finds
                places.update(found)
    # All relevant ones fit in, also those that no system has among its first.
    assert grades == {3: 20, 2: 20, 1: 40, 0: 80}
    assert min(places.values()) > 0.7 * max(places.values())
    assert set(places) == set(SYSTEMS)


def test_grades_take_turns_where_not_all_fit():
    qrels, runs = collection()
    for query in QUERIES:
        qrels[query] = dict.fromkeys(runs["bm25"][query][4:14], 1) | qrels[query]
    drawn = sample(qrels, runs, passages=8)
    grades = Counter(
        qrels[query].get(key, 0) for query, keys in drawn.items() for key in keys
    )
    # One each of 3 and 2; the others share the six that are left.
    assert grades == {3: 20, 2: 20, 1: 60, 0: 60}


def test_the_sample_depends_on_seed_and_ids_and_the_order_on_neither_rank():
    qrels, runs = collection()
    drawn = sample(qrels, runs)
    turned = {name: runs[name] for name in reversed(SYSTEMS)}
    assert sample(dict(reversed(qrels.items())), turned) == drawn
    assert list(sample(dict(reversed(qrels.items())), turned)) == list(drawn)
    assert sample(qrels, runs, seed=8) != drawn
    # A larger sample begins with the smaller one's queries.
    assert list(sample(qrels, runs, queries=5)) == list(drawn)[:5]
    # Where a relevant passage stands says nothing.
    places = [
        passages.index(key)
        for query, passages in drawn.items()
        for key, grade in qrels[query].items()
        if grade == 3
    ]
    assert len(set(places)) > 5


def test_a_query_that_finds_little_has_what_there_is():
    drawn = dict(
        sampled_queries(
            ["q", "r"],
            {"q": {"p": 1}},
            {"bm25": {"q": ["p", "s"]}},
            queries=5,
            passages=5,
            depth=1,
            seed=0,
        )
    )
    assert drawn == {"q": ["p"], "r": []}
