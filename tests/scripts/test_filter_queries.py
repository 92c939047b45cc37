"""The command line of filter_queries.py."""

import json

import pytest

import filter_queries
from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id
from arkiv.queries.offline import query_record

TEXTS = [
    "Nils Persson i Lund stal en häst från änkan Karin",
    "Anders Jönsson sålde sin åker till brodern Måns",
    "Rätten dömde drängen Olof att böta för slagsmål",
    "Hustru Brita klagade öfver grannens qvarn",
]


def document(text):
    return {"id": content_id(text), "text": text, "volume": "v"}


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def run(tmp_path, parts, *more):
    """Kept rows, rows set aside and statistics."""
    documents = write(tmp_path / "d.jsonl", map(document, TEXTS))
    given = ["--documents", documents]
    given += ["--queries"]
    for number, rows in enumerate(parts):
        given.append(write(tmp_path / f"{number}.jsonl", rows))
    given += ["--part-stats"]
    for number, rows in enumerate(parts):
        stats = {"queries": len(rows), "rejected": {"is empty": number}}
        stats["usage"] = {"requests": len(rows) + number, "money": 0.1}
        given.append(tmp_path / f"{number}.json")
        given[-1].write_text(json.dumps(stats))
    for name in ("output", "rejected", "stats"):
        given += [f"--{name}", tmp_path / name]
    filter_queries.main(list(map(str, [*given, *more])))
    made, aside = (
        [json.loads(line) for line in (tmp_path / name).read_text("utf-8").splitlines()]
        for name in ("output", "rejected")
    )
    return made, aside, json.loads((tmp_path / "stats").read_text())


def query(text, *places):
    documents = [document(TEXTS[place]) for place in places]
    return query_record(text, documents[0] | {"members": documents}, prompt="p")


def test_without_options_parts_are_put_together_as_they_are(tmp_path):
    rows = [query("Vem?", 0), query("vem", 1), query("Vem?", 2)]
    made, aside, stats = run(tmp_path, [rows[:2], [], rows[2:]])
    assert made == rows
    assert aside == []
    assert stats == {
        "queries": 3,
        "wanted": 6,
        "rejected": {"is empty": 3},
        "usage": {"requests": 6, "money": 0.3},
    }


def test_queries_that_say_the_same_become_one_with_all_their_positives(tmp_path):
    rows = [
        query("Vem stal?", 0),
        query("Vem sålde?", 1),
        query("VEM  STAL", 2, 0),
        query("Vem stal", 0),
    ]
    made, aside, stats = run(tmp_path, [rows[:1], rows[1:]], "--unite")
    assert made == [query("Vem stal?", 0, 2), rows[1]]
    same = "says the same as another query"
    assert [(row["reason"], row["query"]) for row in aside] == [
        (same, "VEM  STAL"),
        (same, "Vem stal"),
    ]
    assert aside[0]["detail"].endswith(": Vem stal?")
    assert "pos" not in aside[0]
    assert stats["rejected"] == {"is empty": 1, same: 2}
    assert stats["queries"] + sum(stats["rejected"].values()) == stats["wanted"]


def test_a_query_stays_if_bm25_finds_one_of_its_passages(tmp_path, tiny_embedder):
    rows = [
        query("Nils Persson i Lund häst", 0),
        query("Nils Persson i Lund häst?", 1),
        query("drängen Olof slagsmål", 1, 2),
        query("§", 3),
    ]
    more = ["--round-trip-by", "bm25", "--round-trip-top", 1, "--model", tiny_embedder]
    made, aside, stats = run(tmp_path, [rows], *more)
    assert made == [rows[0], rows[2]]
    assert [row["query"] for row in aside] == [rows[1]["query"], rows[3]["query"]]
    assert stats["rejected"]["does not lead back to its passage"] == 2


def test_a_query_stays_if_the_embedder_finds_its_passage(tmp_path, tiny_embedder):
    rows = [query(TEXTS[0], 0), query(TEXTS[0], 1), query(TEXTS[2], 2)]
    more = ["--round-trip-by", "dense", "--model", tiny_embedder]
    more += ["--cache", tmp_path / "cache"]
    made, aside, _ = run(tmp_path, [rows], *more, "--round-trip-top", 1)
    assert made == [rows[0], rows[2]]
    assert aside[0]["pos_ids"] == rows[1]["pos_ids"]
    everything, none, _ = run(tmp_path, [rows], *more, "--round-trip-top", 4)
    assert (everything, none) == (rows, [])


def test_no_query_at_all_is_no_error_here(tmp_path, tiny_embedder):
    more = ["--unite", "--round-trip-by", "bm25", "--model", tiny_embedder]
    assert run(tmp_path, [[], []], *more)[:2] == ([], [])


def test_the_round_trip_needs_a_model(tmp_path):
    with pytest.raises(InputError, match="`model`: is not given"):
        run(tmp_path, [[]], "--round-trip-by", "bm25")
