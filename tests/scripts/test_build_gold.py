"""pool_passages.py, grade_pool.py and build_gold.py."""

import json

import pytest
from project import program, records

from arkiv.retrieve.trec import read_qrels

TEXTS = {
    "p0": "Jon ägde kvarnen vid ån och malde säd åt alla bönder i byn",
    "p1": "Skogen vid kvarnen höggs av bönderna om vintern",
    "p2": "Arvet efter modern delades lika mellan barnen",
    # A second transcription of p0.
    "p3": "Jon ägde kvarnen vid ån och malde säd åt alla bönder i bym",
}
QUERIES = {"a": "Vem ägde kvarnen?", "b": "Arvet efter modern", "c": "Vem högg skogen?"}


def lines(path, rows):
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def json_lines(path, rows):
    lines(path, [json.dumps(row) for row in rows])


@pytest.fixture
def folder(tmp_path):
    """A collection of three queries, two runs and a train pair."""
    corpus = [{"id": key, "text": text} for key, text in TEXTS.items()]
    queries = [{"id": key, "query": text} for key, text in QUERIES.items()]
    json_lines(tmp_path / "corpus", corpus)
    json_lines(tmp_path / "queries", queries)
    lines(tmp_path / "known", ["a 0 p0 1", "b 0 p2 1", "c 0 p1 1"])
    lines(tmp_path / "one", ["a Q0 p1 1 2 x", "a Q0 p2 2 1 x", "b Q0 p0 1 1 x"])
    lines(tmp_path / "two", ["a Q0 p1 1 2 x", "a Q0 p0 2 1 x", "c Q0 p2 1 1 x"])
    trained = {"id": "t", "query": "arvet efter  Modern", "pos": ["x"], "neg": ["y"]}
    json_lines(tmp_path / "train", [trained | {"pos_ids": ["p1"]}])
    return tmp_path


def gold(folder, method, *more):
    words = [w for name in ("corpus", "queries") for w in (f"--{name}", folder / name)]
    words += ["--known-items", folder / "known", "--method", method]
    words += ["--trained", folder / "train", "--rejected", folder / "rejected"]
    words += ["--qrels", folder / "qrels", "--stats", folder / "stats"]
    words += ["--duplicate-jaccard", "null"]
    return program("build_gold", *words, *more)


def stats(folder):
    return json.loads((folder / "stats").read_text())


def test_known_items_with_their_near_duplicates(folder):
    done = gold(folder, "known_item")
    assert done.returncode == 0, done.stderr
    assert (folder / "qrels").read_bytes() == (folder / "known").read_bytes()
    done = gold(folder, "known_item", "--duplicate-jaccard", 0.4)
    assert done.returncode == 0, done.stderr
    judged = {"a": {"p0": 1, "p3": 1}, "b": {"p2": 1}, "c": {"p1": 1}}
    assert read_qrels(folder / "qrels") == judged
    told = stats(folder)
    assert told["near_duplicates"] == 1
    assert told["pairs"] == told["relevant"] == 4
    # The query b in other words of case and space, and the known item of c.
    assert told["queries_trained_on"] == told["relevant_trained_on"] == 1
    assert "1 test queries are trained on" in done.stderr


def test_a_query_is_not_relevant_for_itself(folder):
    """Nor under another id, nor as a near-duplicate of what is relevant."""
    passages = TEXTS | {"p4": " vem ägde  KVARNEN? ", "p5": QUERIES["b"]}
    json_lines(
        folder / "corpus", [{"id": key, "text": text} for key, text in passages.items()]
    )
    lines(folder / "known", ["a 0 p0 1", "a 0 p4 1", "b 0 p5 1", "c 0 p5 1"])
    done = gold(folder, "known_item")
    assert done.returncode == 0, done.stderr
    assert read_qrels(folder / "qrels") == {"a": {"p0": 1}, "c": {"p5": 1}}
    assert stats(folder)["queries_themselves"] == 2
    assert stats(folder)["queries_without_relevant"] == 1
    assert "no query is to find itself" in done.stderr


def test_a_pool_is_graded_and_made_the_gold_standard(folder, tiny_reranker):
    from arkiv.encode.cross_encoder import CrossEncoder
    from arkiv.encode.encoder import Encoder
    from grade_pool import main

    words = ["--queries", folder / "queries", "--known-items", folder / "known"]
    words += ["--runs", folder / "one", folder / "two", "--depth", 1]
    done = program("pool_passages", *words, "--output", folder / "pool")
    assert done.returncode == 0, done.stderr
    pairs = [(row["query_id"], row["passage_id"]) for row in records(folder / "pool")]
    pooled = [("a", "p0"), ("a", "p1"), ("b", "p0"), ("b", "p2"), ("c", "p1")]
    assert pairs == [*pooled, ("c", "p2")]

    scores = Encoder(CrossEncoder(tiny_reranker), longest=8192).scores(
        [(QUERIES[q], TEXTS[p]) for q, p in pairs],
        max_length=8192,
        query_max_length=256,
    )
    below, above = sorted(scores)[1:3]
    graded = []
    for part in ("1-of-2", "2-of-2"):
        words = ["--corpus", folder / "corpus", "--queries", folder / "queries"]
        words += ["--pool", folder / "pool", "--part", part, "--model", tiny_reranker]
        words += ["--thresholds", (below + above) / 2, max(scores) + 1]
        main([str(word) for word in (*words, "--output", folder / part)])
        graded += records(folder / part)
    assert [(row["query_id"], row["passage_id"]) for row in graded] == pairs
    assert [row["score"] for row in graded] == pytest.approx(scores, abs=1e-5)
    assert [row["grade"] for row in graded] == [int(s >= above) for s in scores]

    words = ["--pool", folder / "pool", "--grades", folder / "1-of-2"]
    done = gold(folder, "teacher_pool", *words, folder / "2-of-2")
    assert done.returncode == 0, done.stderr
    judged = read_qrels(folder / "qrels")
    assert sum(map(len, judged.values())) == len(pairs)
    for row in graded:
        assert judged[row["query_id"]][row["passage_id"]] == row["grade"]
    more = [*words, folder / "2-of-2", "--known-grade", 2, "--duplicate-jaccard", 0.4]
    assert gold(folder, "teacher_pool", *more).returncode == 0
    judged = read_qrels(folder / "qrels")
    assert judged["a"]["p0"] == judged["a"]["p3"] == judged["b"]["p2"] == 2
    told = stats(folder)
    assert (told["pooled"], told["ungraded"]) == (6, 0)
    assert told["scores"]["known_items"]["1"] == pytest.approx(max(scores), abs=1e-3)
    known = [row for row in graded if (row["query_id"], row["passage_id"]) in KNOWN]
    assert told["known_items_not_relevant"] == sum(not r["grade"] for r in known)

    # Of a judge that had to stop early the pairs that it has not seen are counted.
    assert gold(folder, "teacher_pool", *words).returncode == 0
    assert stats(folder)["ungraded"] == 3
    done = gold(folder, "teacher_pool", *words, folder / "1-of-2")
    assert done.returncode == 1
    assert "1-of-2, line 1: grades the passage p0 for the query a" in done.stderr


KNOWN = {("a", "p0"), ("b", "p2"), ("c", "p1")}


def test_what_an_embedder_finds_is_graded_by_rank(folder):
    done = gold(folder, "embedder", "--run", folder / "two", "--depth", 2)
    assert done.returncode == 0, done.stderr
    assert read_qrels(folder / "qrels") == {"a": {"p1": 2, "p0": 1}, "c": {"p2": 1}}
    told = stats(folder)
    assert told["queries_without_relevant"] == 1
    assert (told["known_items"], told["known_items_not_relevant"]) == (3, 2)
    assert "1 test queries have no relevant passage" in done.stderr


def test_judgements_of_a_file(folder):
    ranked = [{"query": QUERIES["a"], "documents": [TEXTS["p1"], "gone", "p0"]}]
    json_lines(folder / "mine", ranked)
    done = gold(folder, "file", "--file", folder / "mine")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"error: {folder / 'mine'}, line 1: names the passage 'gone', which the "
        "collection lacks"
    )
    assert not (folder / "qrels").exists()
    done = gold(folder, "file", "--file", folder / "mine", "--on-bad-input", "skip")
    assert done.returncode == 0, done.stderr
    # What is set aside keeps its rank.
    assert read_qrels(folder / "qrels") == {"a": {"p1": 3, "p0": 1}}
    assert stats(folder)["rejected"] == 1
    assert "1 judgements of" in done.stderr
    (rejected,) = records(folder / "rejected")
    assert rejected["raw"] == "gone"


@pytest.mark.parametrize(
    ("method", "words", "said"),
    [
        ("embedder", [], "`--run`: is missing, the method embedder needs it"),
        ("teacher_pool", [], "`--pool`: is missing, the method teacher_pool"),
        ("file", ["--file", "qrels9"], "line 1: names the query 'q9', which the"),
        ("embedder", ["--run", "run9"], "queries: lacks the query q9, which is"),
        (
            "embedder",
            ["--run", "gone"],
            "corpus: lacks the passage z9, which is",
        ),
        (
            "file",
            ["--file", "none"],
            "`gold.method`: holds no relevant passage",
        ),
    ],
)
def test_what_does_not_fit_together_is_told(folder, method, words, said):
    lines(folder / "qrels9", ["q9 0 p0 1"])
    lines(folder / "run9", ["q9 Q0 p0 1 1 x"])
    lines(folder / "gone", ["a Q0 z9 1 1 x"])
    lines(folder / "none", ["a 0 p0 0"])
    words = [folder / word if place else word for place, word in enumerate(words)]
    done = gold(folder, method, *words)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert said in done.stderr.splitlines()[-1]
    assert not (folder / "qrels").exists()


def test_thresholds_ascend(folder):
    words = ["--corpus", folder / "corpus", "--queries", folder / "queries"]
    words += ["--pool", folder / "pool", "--model", folder]
    words += ["--thresholds", 2, 1, "--output", folder / "grades"]
    done = program("grade_pool", *words)
    assert done.returncode == 1
    assert "`--thresholds`: is [2.0, 1.0], expected at most 3 asc" in done.stderr


@pytest.mark.parametrize("name", ["pool_passages", "grade_pool", "build_gold"])
def test_help_explains(name):
    done = program(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {name}.py")
