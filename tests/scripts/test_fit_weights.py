"""fit_weights.py, and the systems that take what it has learnt."""

import json

import numpy as np
import pytest
from scipy.sparse import csr_matrix, save_npz

import fit_weights
import retrieve
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_records
from arkiv.retrieve.trec import read_run

QUERIES, PASSAGES = 60, 12


@pytest.fixture
def dev(tmp_path):
    """Dev queries, each with a known item, and encodings made by hand.

    Token weights tell the known item, dense vectors and late interaction do not.
    """
    generator = np.random.default_rng(1)
    known = generator.integers(PASSAGES, size=QUERIES)
    ids = [f"p{row:02}" for row in range(PASSAGES)]
    write_records(tmp_path / "corpus", ({"id": one, "text": one} for one in ids))
    names = [f"q{row:02}" for row in range(QUERIES)]
    write_records(tmp_path / "queries", ({"id": one, "query": one} for one in names))
    judged = zip(names, known, strict=True)
    lines = [f"{name} 0 {ids[row]} 1\n" for name, row in judged]
    (tmp_path / "qrels").write_text("".join(lines))
    folder = tmp_path / "e"
    folder.mkdir()
    for name, count in (("corpus", PASSAGES), ("queries", QUERIES)):
        vectors = generator.normal(size=(count, 8)).astype(np.float16)
        np.save(folder / f"{name}.dense.npy", vectors)
    tokens = csr_matrix(np.eye(PASSAGES, dtype=np.float32))
    save_npz(folder / "corpus.sparse.npz", tokens)
    save_npz(folder / "queries.sparse.npz", tokens[known])
    late = generator.random((QUERIES, PASSAGES)).astype(np.float32) + 1
    save_npz(folder / "queries.multi_vector.npz", csr_matrix(late))
    return tmp_path, ids, known


def run(program, *words):
    program.main(list(map(str, words)))


def fit(folder, *words):
    given = ["--queries", folder / "queries", "--qrels", folder / "qrels"]
    run(fit_weights, *given, *words, "--output", folder / "weights.json")
    return read_json(folder / "weights.json")


def test_combined_search_takes_the_weights_that_dev_queries_chose(dev):
    folder, ids, known = dev
    encodings = ["--encodings", folder / "e", "--query-encodings", folder / "e"]
    told = fit(folder, "--corpus", folder / "corpus", *encodings)
    assert told["default"] == [1, 0.3, 1]
    assert told["best"][1] == 1 > told["of_default"]
    assert told["gain"] > 0
    texts = ["--corpus", folder / "corpus", "--queries", folder / "queries"]
    words = ["m3", *texts, "--mode", "combined", *encodings[:2]]
    right = []
    for more in ([], ["--weights-of", folder / "weights.json"]):
        run(retrieve, *words, *more, "--output", folder / "run")
        first = [ranked[0] for _, ranked in sorted(read_run(folder / "run").items())]
        wanted = [ids[row] for row in known]
        right.append(np.mean(np.array(first) == np.array(wanted)))
    # Up to a standard error as good as the best, by which all are.
    assert right[0] < 0.9 < right[1]


def test_a_query_that_is_a_passage_does_not_choose_itself(dev):
    """It is the first of its own by late interaction, and no one's known item."""
    folder, ids, known = dev
    asked = [(row + 1) % PASSAGES for row in known]
    texts = [{"id": f"q{n:02}", "query": ids[row]} for n, row in enumerate(asked)]
    write_records(folder / "queries", texts)
    late = np.zeros((QUERIES, PASSAGES), np.float32)
    late[np.arange(QUERIES), known] = 1
    late[np.arange(QUERIES), asked] = 2
    save_npz(folder / "e/queries.multi_vector.npz", csr_matrix(late))
    tokens = csr_matrix((QUERIES, PASSAGES), dtype=np.float32)
    save_npz(folder / "e/queries.sparse.npz", tokens)
    words = ["--corpus", folder / "corpus", "--encodings", folder / "e"]
    told = fit(folder, *words, "--query-encodings", folder / "e")
    assert told["best"][1] == 1


def test_what_will_not_do_is_said_in_a_sentence(dev):
    folder, _, _ = dev
    (folder / "one").write_text("q00 Q0 p00 1 1 x\n")
    with pytest.raises(InputError, match="`--encodings`: is missing; expected --runs"):
        fit(folder, "--corpus", folder / "corpus")
    runs = ["--runs", folder / "one", folder / "one"]
    with pytest.raises(InputError, match="nDCG@x"):
        fit(folder, *runs, "--measures", "nDCG@x")
    (folder / "qrels").write_text("q00 0 p00 1\n")
    with pytest.raises(InputError, match="qrels: judges nothing of the query q01"):
        fit(folder, *runs)


def test_candidates_of_another_corpus_are_refused(dev):
    folder, _, _ = dev
    late = csr_matrix(np.ones((QUERIES, PASSAGES + 3), np.float32))
    save_npz(folder / "e/queries.multi_vector.npz", late)
    words = ["--corpus", folder / "corpus", "--encodings", folder / "e"]
    said = "is of a corpus of 15 passages, but there are 12; encode the queries again"
    with pytest.raises(InputError, match=said):
        fit(folder, *words, "--query-encodings", folder / "e")
    words += ["--queries", folder / "queries", "--mode", "combined"]
    with pytest.raises(InputError, match=said):
        run(retrieve, "m3", *words, "--output", folder / "run")


def test_a_fusion_takes_the_weights_that_dev_queries_chose(dev):
    folder, ids, known = dev
    for name, shift in (("right", 0), ("wrong", 1)):
        rows = [(row + shift) % PASSAGES for row in known]
        lines = [
            f"q{query:02} Q0 {ids[(row + rank) % PASSAGES]} {rank} {9 - rank} x\n"
            for query, row in enumerate(rows)
            for rank in range(6)
        ]
        (folder / name).write_text("".join(lines))
    runs = ["--runs", folder / "wrong", folder / "right"]
    told = fit(folder, *runs, "--method", "weighted")
    assert told["weights"][1] > told["weights"][0]
    assert told["default"] == [1, 1]
    words = ["fusion", *runs, "--method", "weighted"]
    words += ["--weights-of", folder / "weights.json", "--output", folder / "run"]
    run(retrieve, *words)
    first = [ranked[0] for _, ranked in sorted(read_run(folder / "run").items())]
    assert first == [ids[row] for row in known]
    for weights, said in (
        ("auto", "has no weights"),
        ([1, -1], "has no weights"),
        ([1, 2, 3], r"has the weights \[1, 2, 3\], expected 2 from 0"),
        ([0, 0], "expected 2 from 0, not all of them 0"),
    ):
        (folder / "weights.json").write_text(json.dumps({"weights": weights}))
        with pytest.raises(InputError, match=said):
            run(retrieve, *words)


def test_nothing_added_to_a_rank_is_nothing(dev):
    folder, ids, _ = dev
    lines = [f"q00 Q0 {name} {rank} {-rank} x\n" for rank, name in enumerate(ids, 1)]
    (folder / "one").write_text("".join(lines))
    words = ["--runs", folder / "one", folder / "one", "--k", 0]
    run(retrieve, "fusion", *words, "--output", folder / "run")
    lines = (folder / "run").read_text().splitlines()
    scores = [float(line.split()[4]) for line in lines]
    assert scores == pytest.approx([1 / rank for rank in range(1, PASSAGES + 1)])
