"""The general set as a collection, against loops over its rows."""

from __future__ import annotations

import json
import random

import pytest

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id, text_key
from arkiv.evaluate.forgetting import compared_on_general
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.general import collection_of, read_general
from arkiv.retrieve.systems import systems_of
from arkiv.retrieve.trec import read_qrels
from build_general import main


def drawn(draw: random.Random) -> list[dict]:
    """Rows whose texts are often alike, up to case and white space."""

    def text() -> str:
        word = draw.choice(
            ["mill", "Mill", "road", "a  road", "A road", "well", "bell"]
        )
        return word + draw.choice(["", " ", "!"])

    return [
        {"query": text(), "pos": [text() for _ in range(draw.randint(1, 3))]}
        | ({"neg": [text()]} if draw.random() < 0.5 else {})
        for _ in range(draw.randint(1, 12))
    ]


def test_a_collection_has_each_passage_once_and_all_that_is_relevant(tmp_path):
    draw, path = random.Random(11), tmp_path / "general.jsonl"
    for _ in range(100):
        rows = drawn(draw)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        passages, queries, qrels = collection_of(*read_general(path))
        keys = [text_key(row["text"]) for row in passages]
        assert sorted(keys) == sorted(
            {text_key(one) for row in rows for one in row["pos"] + row.get("neg", [])}
        )
        for records in (passages, queries):
            assert [one["id"] for one in records] == sorted(
                one["id"] for one in records
            )
        text = {row["id"]: row["text"] for row in passages}
        found = {
            text_key(query["query"]): {
                text_key(text[one]) for one in qrels[query["id"]]
            }
            for query in queries
        }
        wanted: dict[int, set[int]] = {}
        for row in rows:
            own = text_key(row["query"])
            wanted.setdefault(own, set()).update(
                {text_key(one) for one in row["pos"]} - {own}
            )
        assert found == {query: of for query, of in wanted.items() if of}
        assert qrels.keys() == {query["id"] for query in queries}


def test_the_program_writes_what_systems_search(tmp_path):
    rows = [
        {
            "query": "Who sold the mill?",
            "pos": ["The mill was sold."],
            "neg": ["Rain."],
        },
        {"query": "The road", "pos": ["the  road"]},
    ]
    path = tmp_path / "general.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    to = {name: tmp_path / name for name in ("corpus", "queries", "qrels")}
    words = [word for name, file in to.items() for word in (f"--{name}", str(file))]
    main(["--general", str(path), *words])
    assert len(read_ordered(to["corpus"])) == 3
    (query,) = read_ordered(to["queries"], queries=True)
    assert query["query"] == "Who sold the mill?"
    assert read_qrels(to["qrels"]) == {
        query["id"]: {content_id("The mill was sold."): 1}
    }
    path.write_text(json.dumps(rows[1]) + "\n")
    with pytest.raises(InputError, match=r"general\.jsonl: holds no query with a"):
        main(["--general", str(path), *words])


def test_what_is_trained_is_compared_with_the_base_model_by_its_mode():
    def m3(model, mode):
        return {"type": "m3", "model": model, "mode": mode}

    systems = {
        "words": {"type": "bm25"},
        "before": m3("base", "dense"),
        "before_words": m3("base", "sparse"),
        "both": {"type": "fusion", "systems": ["words", "after"]},
        "after": m3("tuned", "dense"),
        "after_words": m3("tuned", "sparse"),
        "after_all": m3("tuned", "combined"),
        "first": m3("round_1", "dense"),
        "other": {"type": "embedder", "source": "elsewhere"},
        "vectors": {"type": "embedder", "model": "tuned"},
    }
    assert list(compared_on_general(systems_of(systems))) == [
        ("after", "before"),
        ("after_words", "before_words"),
        ("after_all", "before"),
        ("first", "before"),
        ("vectors", "before"),
    ]
    del systems["before"], systems["before_words"]
    assert not list(compared_on_general(systems_of(systems)))
