"""build_collection.py and encode_collection.py."""

import json

import numpy as np
import pytest
from project import program

OUTPUTS = ("corpus", "queries", "known-items")


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def data(tmp_path):
    """Two datasets that share a passage and a query."""
    texts = {f"p{n}": f"text of passage {n} " * (n + 1) for n in range(5)}

    def corpus(name, ids, split):
        rows = [{"id": key, "text": texts[key], "split": split} for key in ids]
        return write(tmp_path / f"{name}.corpus", rows)

    def tests(name, *pairs):
        rows = [
            {
                "id": key,
                "query": f"{key}?",
                "pos": [texts[p] for p in ids],
                "pos_ids": ids,
            }
            for key, ids in pairs
        ]
        return write(tmp_path / f"{name}.test", rows)

    return {
        "corpora": [corpus("b", ["p4", "p1"], "test"), corpus("a", ["p1", "p0"], None)],
        "tests": [tests("b", ("r", ["p4"]), ("q", ["p1"])), tests("a", ("q", ["p0"]))],
        "datasets": ["b", "a"],
    }


def build(data, folder, *more):
    folder.mkdir(exist_ok=True)
    words = [word for key, values in data.items() for word in (f"--{key}", *values)]
    words += [word for key in OUTPUTS for word in (f"--{key}", folder / key)]
    return program("build_collection", *words, *more)


def test_the_datasets_are_joined(data, tmp_path):
    done = build(data, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "3 passages, 2 queries, 3 known items" in done.stderr
    corpus = read(tmp_path / "out" / "corpus")
    assert [(row["id"], row["dataset"]) for row in corpus] == [
        ("p0", "a"),
        ("p1", "b"),
        ("p4", "b"),
    ]
    assert read(tmp_path / "out" / "queries") == [
        {"id": "q", "query": "q?", "dataset": "b"},
        {"id": "r", "query": "r?", "dataset": "b"},
    ]
    known = (tmp_path / "out" / "known-items").read_text()
    assert known == "q 0 p0 1\nq 0 p1 1\nr 0 p4 1\n"
    assert build(data, tmp_path / "again").returncode == 0
    for name in OUTPUTS:
        again = (tmp_path / "again" / name).read_bytes()
        assert again == (tmp_path / "out" / name).read_bytes()


def test_no_test_query_tells_what_to_change(data, tmp_path):
    for path in data["tests"]:
        path.write_text("")
    done = build(data, tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: `pairs.shares`: leaves no test query in b, a; raise the share of test, "
        "or have `pairs.test_years` hold more years"
    )
    assert not list((tmp_path / "out").iterdir())


def test_a_unit_that_is_not_known_is_told_before_any_training(data, tmp_path):
    done = build(data, tmp_path / "out", "--unit", "page")
    assert "error: `evaluate.unit`: is page, but of the passages that" in done.stderr
    assert "have no `volume` and `first_page` (or `first_label`): " in done.stderr
    assert not list((tmp_path / "out").iterdir())


def test_a_judged_passage_that_is_missing_stops(data, tmp_path):
    data["corpora"][0].write_text("")
    done = build(data, tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        f"error: {data['tests'][0]}, line 1, `pos_ids`: names the passage p4"
    )
    assert not list((tmp_path / "out").iterdir())


def test_as_many_files_as_datasets(data, tmp_path):
    data["tests"].pop()
    done = build(data, tmp_path / "out")
    assert done.returncode == 1
    assert "error: `--tests`: names 1 file(s) for 2 dataset(s)" in done.stderr


def test_queries_get_the_length_of_their_longest_passage(data, tmp_path, tiny_embedder):
    from tokenizers import Tokenizer

    done = build(data, tmp_path / "out", "--tokenizer", tiny_embedder)
    assert done.returncode == 0, done.stderr
    tokenizer = Tokenizer.from_file(str(tiny_embedder / "tokenizer.json"))
    texts = {row["id"]: row["text"] for row in read(tmp_path / "out" / "corpus")}
    lengths = {key: len(tokenizer.encode(text).ids) for key, text in texts.items()}
    assert lengths["p0"] < lengths["p1"]
    found = {row["id"]: row["tokens"] for row in read(tmp_path / "out" / "queries")}
    assert found == {"q": lengths["p1"], "r": lengths["p4"]}


def test_judged_queries_become_test_queries(data, tmp_path):
    from arkiv.base.hashing import content_id

    judged = [
        {"query": "Q?", "documents": ["p1"]},  # one of the pairs, in another case
        {"query": "r", "documents": ["p1"]},  # by its id
        {"query": "Vem ägde kvarnen?", "documents": ["p1"]},
        {"query": "vem ägde  kvarnen?", "documents": ["p4"]},
    ]
    write(tmp_path / "judged", judged)
    done = build(data, tmp_path / "out", "--judged", tmp_path / "judged")
    assert done.returncode == 0, done.stderr
    new = {"id": content_id("Vem ägde kvarnen?"), "query": "Vem ägde kvarnen?"}
    queries = read(tmp_path / "out" / "queries")
    assert [row for row in queries if row["id"] not in "qr"] == [new]
    assert len(queries) == 3
    known = (tmp_path / "out" / "known-items").read_text()
    assert known == "q 0 p0 1\nq 0 p1 1\nr 0 p4 1\n"

    # They do without pairs; a bad line stops, or is left to build_gold.py.
    for path in data["tests"]:
        path.write_text("")
    write(tmp_path / "judged", [*judged, {"query": "?", "documents": []}])
    bad = build(data, tmp_path / "bad", "--judged", tmp_path / "judged")
    assert bad.returncode == 1
    assert "judged, line 5, `documents`: is not a list" in bad.stderr
    words = ["--judged", tmp_path / "judged", "--on-bad-input", "skip"]
    done = build(data, tmp_path / "out", *words)
    assert done.returncode == 0, done.stderr
    assert len(read(tmp_path / "out" / "queries")) == 3  # `r` is taken for a text
    assert (tmp_path / "out" / "known-items").read_text() == ""


@pytest.mark.parametrize("name", ["build_collection", "encode_collection"])
def test_help_explains(name):
    done = program(name, "--help")
    assert done.returncode == 0
    assert "--corpus" in done.stdout


@pytest.fixture
def collection(tmp_path):
    texts = ["Tinget om kvarnen", "En tvist om skog " * 5, "Arv efter modern", "Ed"]
    write(
        tmp_path / "corpus", [{"id": f"p{n}", "text": t} for n, t in enumerate(texts)]
    )
    queries = [{"id": "a", "query": "Vem ägde kvarnen?"}, {"id": "b", "query": "Arv"}]
    write(tmp_path / "queries", queries)
    return tmp_path, texts, [query["query"] for query in queries]


def encode(folder, model, output):
    from encode_collection import main

    words = ["--corpus", folder / "corpus", "--queries", folder / "queries"]
    words += ["--model", model, "--sparse", "--output", output, "--batch-tokens", 90]
    main([str(word) for word in words])


def test_the_collection_is_encoded_in_its_order(collection, tiny_embedder):
    from scipy.sparse import load_npz

    from arkiv.encode.encoder import Encoder
    from arkiv.encode.m3 import M3

    folder, texts, queries = collection
    encode(folder, tiny_embedder, folder / "first")
    encode(folder, tiny_embedder, folder / "second")
    names = ["corpus.dense.npy", "corpus.sparse.npz"]
    names += ["queries.dense.npy", "queries.sparse.npz"]
    assert sorted(path.name for path in (folder / "first").iterdir()) == names
    for name in names:
        first, second = (folder / run / name for run in ("first", "second"))
        assert first.read_bytes() == second.read_bytes(), name

    encoder = Encoder(M3(tiny_embedder), longest=8192)
    for name, lines, side, length in (
        ("corpus", texts, "passage", 8192),
        ("queries", queries, "query", 256),
    ):
        each = [
            encoder.encode([line], side, max_length=length, sparse=True)
            for line in lines
        ]
        dense = np.load(folder / "first" / f"{name}.dense.npy")
        assert dense.dtype == np.float16
        assert np.allclose(dense, np.concatenate([e.dense for e in each]), atol=2e-3)
        sparse = load_npz(folder / "first" / f"{name}.sparse.npz")
        assert sparse.dtype == np.float32
        wanted = np.concatenate([e.sparse.toarray() for e in each])
        assert np.allclose(sparse.toarray(), wanted, atol=1e-4)
        assert wanted.any()


def test_a_directory_that_is_no_model_is_refused(collection):
    folder, _, _ = collection
    words = ["--corpus", folder / "corpus", "--queries", folder / "queries"]
    done = program(
        "encode_collection", *words, "--model", folder, "--output", folder / "out"
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {folder}")
    assert not (folder / "out").exists()
