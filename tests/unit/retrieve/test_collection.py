"""The joined test collection."""

import json

import pytest

from arkiv.base.errors import InputError
from arkiv.retrieve.collection import Collection, read_ordered, volumes_of


def write(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def passage(key, text, **more):
    return {"id": key, "text": text, **more}


def pair(key, query, *pos_ids):
    return {"id": key, "query": query, "pos": list(pos_ids), "pos_ids": list(pos_ids)}


def test_equal_passages_are_kept_once_and_come_in_order(tmp_path):
    collection = Collection()
    first = write(
        tmp_path / "a", passage("p2", "two", volume="v"), passage("p1", "one")
    )
    second = write(
        tmp_path / "b", passage("p0", "zero"), passage("p2", "two", volume="w")
    )
    assert collection.add_passages("a", first) == 2
    assert collection.add_passages("b", second) == 1
    assert list(collection.ordered_passages()) == [
        {"id": "p0", "text": "zero", "dataset": "b"},
        {"id": "p1", "text": "one", "dataset": "a"},
        {"id": "p2", "text": "two", "volume": "v", "dataset": "a"},
    ]


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_a_passage_is_of_the_dataset_that_knows_its_place(tmp_path, order):
    corpora = {
        "a": write(tmp_path / "a", passage("p", "one", volume=None)),
        "b": write(tmp_path / "b", passage("p", "one", volume="v", first_page=3)),
    }
    collection = Collection()
    for name in order:
        collection.add_passages(name, corpora[name])
    (found,) = collection.ordered_passages()
    assert (found["dataset"], found["volume"], found["first_page"]) == ("b", "v", 3)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        *(("entity", "entity"), (7, "7"), (7.0, "7"), (1.5, "1.5"), (" ", None)),
        *((True, None), (["a"], None), (None, None)),
    ],
)
def test_a_text_or_a_number_says_what_a_query_is(tmp_path, value, told):
    collection = Collection()
    collection.add_passages("a", write(tmp_path / "c", passage("p", "one")))
    asked = pair("q", "who?", "p") | {"query_type": value}
    collection.add_queries("a", write(tmp_path / "q", asked))
    (query,) = collection.ordered_queries()
    assert query.get("query_type") == told


def test_equal_queries_merge_with_their_passages_united(tmp_path):
    collection = Collection()
    corpus = write(tmp_path / "c", *(passage(f"p{n}", str(n)) for n in range(3)))
    collection.add_passages("a", corpus)
    collection.add_queries("a", write(tmp_path / "a", pair("q", "who?", "p0", "p1")))
    both = write(
        tmp_path / "b", pair("r", "what?", "p0"), pair("q", "who?", "p2", "p1")
    )
    collection.add_queries("b", both)
    assert list(collection.ordered_queries()) == [
        {"id": "q", "query": "who?", "dataset": "a"},
        {"id": "r", "query": "what?", "dataset": "b"},
    ]
    assert collection.qrels() == {"q": {"p0": 1, "p1": 1, "p2": 1}, "r": {"p0": 1}}


def test_queries_know_their_type_volume_and_confidence(tmp_path):
    collection = Collection()
    corpus = write(
        tmp_path / "c",
        passage("p0", "0", volume="v", confidence=0.9),
        passage("p1", "1", volume="v", confidence=0.8),
        passage("p2", "2", volume="w", confidence=None),
        passage("p3", "3"),
        passage("p4", "4", group="g"),
    )
    collection.add_passages("a", corpus)
    tests = write(
        tmp_path / "t",
        pair("q", "one volume?", "p0", "p1") | {"type": "topic", "kind": None},
        pair("r", "two?", "p0", "p2"),
        pair("s", "none?", "p3") | {"query_type": 3, "type": " "},
        pair("t", "most of one?", "p2", "p0", "p1", "p3") | {"query_type": ["x"]},
        pair("u", "a group?", "p4") | {"query_type": "entity"},
    )
    collection.add_queries("a", tests)
    collection.set_origins()
    known = {
        query["id"]: {k: query[k] for k in query if k not in ("id", "query", "dataset")}
        for query in collection.ordered_queries()
    }
    assert known == {
        "q": {
            "type": "topic",
            "volume": "v",
            "cluster": "a/v",
            "confidence": 0.85,
        },
        "r": {"cluster": "a/v", "confidence": 0.9},
        "s": {"query_type": "3"},
        "t": {"cluster": "a/v", "confidence": 0.85},
        "u": {"cluster": "a/g", "query_type": "entity"},
    }


def test_what_a_query_is_and_what_its_volume_is_are_told_apart(tmp_path):
    """A volume's type takes the place of a query's, but its `query_type` stays."""
    collection = Collection()
    corpus = write(tmp_path / "c", passage("p0", "0", volume="v", type="court records"))
    collection.add_passages("a", corpus)
    asked = pair("q", "who?", "p0") | {"type": "names", "query_type": "entity"}
    collection.add_queries("a", write(tmp_path / "t", asked))
    collection.set_origins()
    (query,) = collection.ordered_queries()
    assert (query["type"], query["query_type"]) == ("court records", "entity")


def test_volumes_of_one_name_in_two_datasets_are_two(tmp_path):
    collection = Collection()
    for name in "ab":
        corpus = write(tmp_path / name, passage(f"p{name}", name, volume="1"))
        collection.add_passages(name, corpus)
        tests = write(tmp_path / f"{name}t", pair(f"q{name}", name * 3, f"p{name}"))
        collection.add_queries(name, tests)
    collection.set_origins()
    queries = list(collection.ordered_queries())
    assert [query["volume"] for query in queries] == ["1", "1"]
    assert volumes_of(queries, {}) == ["a/1", "b/1"]
    # Of a collection from before; of a query without a known item.
    assert volumes_of([{"volume": "1"}, {"id": "x"}], {}) == ["1", None]


def test_queries_from_elsewhere_have_the_volume_of_what_is_relevant(tmp_path):
    corpus = write(
        tmp_path / "corpus",
        *(
            passage(f"p{n}", str(n), dataset="a", volume=volume)
            for n, volume in enumerate("vwwu")
        ),
        passage("p4", "4", dataset="b", group="g", volume=None),
        passage("p5", "5", dataset="b"),
    )
    qrels = {
        "q": {"p0": 2, "p1": 2, "p2": 2, "p3": 1},
        "r": {"p0": 1, "p3": 3},
        "s": {"p4": 1, "p5": 1},
        "t": {"p5": 1, "gone": 1},
        "known": {"p0": 1},
    }
    queries = [{"id": key} for key in "qrstu"] + [{"id": "known", "cluster": "a/x"}]
    found = volumes_of(queries, qrels, corpus)
    assert found == ["a/w", "a/u", "b/g", None, None, "a/x"]
    assert volumes_of(queries, qrels) == [None] * 5 + ["a/x"]


def test_queries_have_the_years_and_types_of_their_known_items(tmp_path):
    collection = Collection()
    corpus = write(
        tmp_path / "c",
        passage("p0", "0", year=1880, year_to=1885, type="court"),
        passage("p1", "1", year=1875, year_to=1875, type="court"),
        passage("p2", "2", year=None, year_to=None, type="letters"),
        passage("p3", "3"),
    )
    collection.add_passages("a", corpus)
    tests = write(
        tmp_path / "t",
        pair("q", "one type?", "p0", "p1") | {"type": "letters"},
        pair("r", "two?", "p0", "p2") | {"type": "court"},
        pair("s", "undated?", "p2"),
        pair("t", "its own?", "p3") | {"type": "topic"},
    )
    collection.add_queries("a", tests)
    collection.set_origins()
    known = {
        query["id"]: (query.get("year"), query.get("type"))
        for query in collection.ordered_queries()
    }
    assert known == {
        "q": (1875, "court"),
        "r": (1880, None),
        "s": (None, "letters"),
        "t": (None, "topic"),
    }


def test_a_judged_passage_must_be_in_the_corpus(tmp_path):
    collection = Collection()
    collection.add_passages("a", write(tmp_path / "c", passage("p", "x")))
    tests = write(tmp_path / "t", pair("q", "who?", "p"), pair("r", "what?", "gone"))
    with pytest.raises(InputError, match=r"t, line 2, `pos_ids`: .*gone.* no corpus"):
        collection.add_queries("a", tests)


@pytest.mark.parametrize("key", ["id", "text"])
def test_a_passage_without_id_or_text_is_refused(tmp_path, key):
    broken = passage("p", "x")
    del broken[key]
    with pytest.raises(InputError, match=f"c, line 1, `{key}`"):
        Collection().add_passages("a", write(tmp_path / "c", broken))


@pytest.mark.parametrize("key", ["a b", " a", "a\t"])
def test_an_id_that_would_break_a_trec_file_is_refused(tmp_path, key):
    corpus = write(tmp_path / "c", passage(key, "x"))
    with pytest.raises(InputError, match="`id`: holds white space"):
        Collection().add_passages("a", corpus)


def test_one_id_for_two_texts_is_refused(tmp_path):
    collection = Collection()
    corpus = write(tmp_path / "c", passage("p", "x"), passage("p", "y"))
    with pytest.raises(
        InputError, match="line 2, `id`: is p, which stands for another"
    ):
        collection.add_passages("a", corpus)


def test_relevant_passages_that_another_dataset_trains_on_are_counted(tmp_path):
    collection = Collection()
    for name, split in (("a", "test"), ("b", "train")):
        corpus = write(
            tmp_path / name,
            passage("p", "x", split=split),
            passage("o", "y", split=None),
        )
        collection.add_passages(name, corpus)
    collection.add_queries("a", write(tmp_path / "t", pair("q", "who?", "p")))
    assert collection.seen_in_training() == 1
    assert all("split" not in record for record in collection.ordered_passages())


def test_reading_asks_for_the_order_of_the_ids(tmp_path):
    good = write(tmp_path / "good", passage("a", "x"), passage("b", "y"))
    assert [record["id"] for record in read_ordered(good)] == ["a", "b"]
    for ids in ("ba", "aa"):
        bad = write(tmp_path / "bad", *(passage(key, "x") for key in ids))
        with pytest.raises(InputError, match=r"bad, line 2, `id`: is not above"):
            read_ordered(bad)
    with pytest.raises(InputError, match="is empty, expected queries"):
        read_ordered(write(tmp_path / "none"), queries=True)
