"""retrieve.py by each type of system, against one passage after the other."""

import json

import numpy as np
import pytest
from project import program

from arkiv.base.errors import InputError
from arkiv.retrieve.systems import TYPES
from arkiv.retrieve.trec import read_run

WORDS = ["tinget", "kvarnen", "skogen", "arvet", "tvisten", "gården", "ed", "böter"]


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture(scope="module")
def collection(tmp_path_factory, tiny_embedder):
    """30 passages and 5 queries, encoded by encode_collection.py."""
    from encode_collection import main

    folder = tmp_path_factory.mktemp("collection")
    generator = np.random.default_rng(0)

    def text(least, most):
        return " ".join(generator.choice(WORDS, generator.integers(least, most)))

    passages = [{"id": f"p{n:02}", "text": text(2, 40)} for n in range(30)]
    queries = [{"id": f"q{n}", "query": text(1, 5)} for n in range(5)]
    write(folder / "corpus", passages)
    write(folder / "queries", queries)
    words = ["--corpus", folder / "corpus", "--queries", folder / "queries"]
    words += ["--model", tiny_embedder, "--sparse"]
    for output, depth in ((folder / "e", 100), (folder / "few", 6)):
        given = [*words, "--multi-vector", "--rerank-depth", depth]
        main([str(word) for word in (*given, "--output", output)])
    return folder, [p["text"] for p in passages], [q["query"] for q in queries]


@pytest.fixture(scope="module")
def exact(collection, tiny_embedder):
    """Each kind of score of every query with every passage, (5, 30) float64."""
    from arkiv.encode.encoder import Encoder
    from arkiv.encode.m3 import M3

    folder, passages, queries = collection
    # As they were kept, in half precision: the vectors of so small a model are so much
    # alike that rounding decides the order.
    dense = [
        np.load(folder / "e" / f"{side}.dense.npy").astype(float)
        for side in ("queries", "corpus")
    ]
    dense = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in dense]
    sides = []
    encoder = Encoder(M3(tiny_embedder), longest=8192)
    for texts, side, length in ((queries, "query", 256), (passages, "passage", 8192)):
        encoded = encoder.encode(
            *(texts, side),
            max_length=length,
            dense=False,
            sparse=True,
            multi_vector=True,
        )
        sides.append(encoded)
    asked, found = sides
    return {
        "dense": dense[0] @ dense[1].T,
        "sparse": asked.sparse.toarray().astype(float)
        @ found.sparse.toarray().astype(float).T,
        "multi_vector": np.array(
            [
                [(q @ p.T).max(axis=1).mean() for p in found.multi_vector]
                for q in asked.multi_vector
            ]
        ),
    }


def retrieve(collection, mode, *more, name="run", encodings="e"):
    from retrieve import main

    folder = collection[0]
    words = ["m3", "--corpus", folder / "corpus", "--queries", folder / "queries"]
    words += ["--encodings", folder / encodings, "--mode", mode]
    words += ["--output", folder / name]
    main([str(word) for word in (*words, *more)])
    return read_run(folder / name)


def assert_ranked(run, scores, depth, tolerance=1e-6):
    """The run is the order of the scores, up to what rounding may turn round."""
    assert np.ptp(scores, axis=1).min() > 100 * tolerance
    for row, (query_id, ranked) in enumerate(sorted(run.items())):
        rows = [int(key[1:]) for key in ranked]
        assert query_id == f"q{row}"
        assert len(set(rows)) == len(rows) == depth
        found = scores[row][rows]
        assert np.all(np.diff(found) <= tolerance)
        left = np.delete(scores[row], rows)
        assert not len(left) or left.max() <= found.min() + tolerance


def test_dense_ranks_the_whole_corpus(collection, exact):
    assert_ranked(retrieve(collection, "dense"), exact["dense"], 30)
    run = retrieve(collection, "dense", "--depth", 7)
    assert_ranked(run, exact["dense"], 7)


def test_sparse_ranks_what_shares_a_token(collection, exact):
    run = retrieve(collection, "sparse")
    assert run
    for row in range(5):
        rows = [int(key[1:]) for key in run.get(f"q{row}", ())]
        assert sorted(rows) == np.flatnonzero(exact["sparse"][row] > 0).tolist()
        assert np.all(np.diff(exact["sparse"][row][rows]) <= 1e-5)


def test_multi_vector_reorders_the_whole_ranking(collection, exact):
    run = retrieve(collection, "multi_vector")
    assert_ranked(run, exact["multi_vector"], 30)


def test_combined_is_the_weighted_mean(collection, exact):
    weights = np.array([1, 0.3, 1]) / 2.3
    wanted = sum(
        weight * exact[kind]
        for weight, kind in zip(
            weights, ("dense", "sparse", "multi_vector"), strict=True
        )
    )
    run = retrieve(collection, "combined", name="combined")
    assert_ranked(run, wanted, 30)
    for line in (collection[0] / "combined").read_text().splitlines():
        query, _, passage, _, score, tag = line.split()
        assert tag == "combined"
        exactly = wanted[int(query[1:]), int(passage[1:])]
        assert float(score) == pytest.approx(exactly, abs=1e-6)
    only = retrieve(collection, "combined", "--weights", 0, 0, 1)
    assert only == retrieve(collection, "multi_vector")


@pytest.mark.parametrize("mode", ["multi_vector", "combined"])
def test_the_first_of_dense_and_of_sparse_are_reranked(collection, mode):
    """Both together, in the order that all have; the dense order stands below."""
    dense = retrieve(collection, "dense")
    sparse = retrieve(collection, "sparse")
    run = retrieve(collection, mode, encodings="few")
    whole = retrieve(collection, mode)
    more = 0
    for query_id, ranked in run.items():
        first = {*dense[query_id][:6], *sparse.get(query_id, [])[:6]}
        more += len(first) > 6
        head = [key for key in whole[query_id] if key in first]
        below = [key for key in dense[query_id] if key not in first]
        assert ranked == head + below
    assert more
    # Cut where it is asked for, if there are more candidates than that too.
    cut = retrieve(collection, mode, "--depth", 4, encodings="few")
    assert cut == {query_id: ranked[:4] for query_id, ranked in run.items()}


def test_candidates_of_another_system_are_reranked(
    collection, tiny_embedder, tmp_path, exact
):
    """As its run gives them, and without those that are not asked for."""
    from encode_collection import main

    folder = collection[0]
    write_run = [
        f"q{n} Q0 p{(7 * n + rank) % 30:02} {rank} {9 - rank} x\n"
        for n in range(5)
        for rank in (1, 2, 3)
    ]
    (tmp_path / "words.trec").write_text("".join(write_run))
    words = ["--corpus", folder / "corpus", "--queries", folder / "queries"]
    words += ["--model", tiny_embedder, "--rerank-depth", 2, "--multi-vector"]
    words += ["--encodings", folder / "e", "--output", folder / "beside"]

    def encode(*more):
        main(list(map(str, [*words, *more])))

    encode("--candidates", "words", "--runs", f"words={tmp_path / 'words.trec'}")
    assert sorted(path.name for path in (folder / "beside").iterdir()) == [
        "queries.dense.npy",
        "queries.multi_vector.npz",
    ]
    given = ["--query-encodings", folder / "beside"]
    run = retrieve(collection, "multi_vector", *given)
    dense = retrieve(collection, "dense")
    for row, (query_id, ranked) in enumerate(sorted(run.items())):
        pair = sorted((7 * row + rank) % 30 for rank in (1, 2))
        pair.sort(key=lambda passage: -exact["multi_vector"][row][passage])
        assert ranked[:2] == [f"p{passage:02}" for passage in pair]
        assert ranked[2:] == [key for key in dense[query_id] if key not in ranked[:2]]
    with pytest.raises(InputError, match="names lexical, of which --runs gives no run"):
        encode("--candidates", "lexical")
    with pytest.raises(InputError, match="has sparse, which --sparse would encode"):
        encode("--candidates", "sparse")


def test_the_same_bytes_again(collection):
    for mode in ("dense", "combined"):
        for name in ("one", "two"):
            retrieve(collection, mode, name=f"{name}.trec")
        folder = collection[0]
        first = (folder / "one.trec").read_text()
        assert first.replace(" one\n", " two\n") == (folder / "two.trec").read_text()


def test_encodings_of_other_texts_are_refused(collection, tmp_path):
    from retrieve import main

    folder = collection[0]
    write(tmp_path / "corpus", [{"id": "p", "text": "one"}])
    words = ["m3", "--corpus", tmp_path / "corpus", "--queries", folder / "queries"]
    words += ["--encodings", folder / "e", "--mode", "dense"]
    words += ["--output", tmp_path / "run"]
    with pytest.raises(InputError, match="has 30 rows for 1 lines of the collection"):
        main([str(word) for word in words])
    assert not (tmp_path / "run").exists()


def bm25(folder, model, output, *more):
    words = ["bm25", "--corpus", folder / "corpus", "--queries", folder / "queries"]
    words += ["--model", model, "--output", output]
    return program("retrieve", *words, *more)


def test_bm25_finds_the_passages_that_share_a_token(collection, tiny_embedder):
    from tokenizers import Tokenizer

    folder, passages, queries = collection
    done = bm25(folder, tiny_embedder, folder / "bm25.trec")
    assert done.returncode == 0, done.stderr
    assert "ranking 30 passages for 5 queries" in done.stderr
    run = read_run(folder / "bm25.trec")
    tokenizer = Tokenizer.from_file(str(tiny_embedder / "tokenizer.json"))

    def tokens(text):
        return set(tokenizer.encode(text, add_special_tokens=False).ids)

    for row, query in enumerate(queries):
        sharing = [n for n, text in enumerate(passages) if tokens(text) & tokens(query)]
        assert sorted(run.get(f"q{row}", [])) == [f"p{n:02}" for n in sharing]
    assert (folder / "bm25.trec").read_text().startswith("q0 Q0 p")
    assert (
        bm25(folder, tiny_embedder, folder / "short.trec", "--depth", 3).returncode == 0
    )
    short = read_run(folder / "short.trec")
    assert short == {query: ranked[:3] for query, ranked in run.items()}


def test_bm25_counts_words_up_to_case_and_ending(tmp_path):
    texts = ["Kvarnen vid ån", "skog, KVARNAR", "kvarnägaren", "Ingen alls"]
    write(
        tmp_path / "corpus", [{"id": f"p{n}", "text": t} for n, t in enumerate(texts)]
    )
    write(tmp_path / "queries", [{"id": "q", "query": "kvarnen, skogen"}])

    def found(*more):
        words = ["--corpus", tmp_path / "corpus", "--queries", tmp_path / "queries"]
        words = ["bm25", *words, "--output", tmp_path / "run", *more]
        from retrieve import main

        main(list(map(str, words)))
        return read_run(tmp_path / "run")["q"]

    words = ("--tokens", "words")
    assert found(*words) == ["p0"]
    assert found(*words, "--stemming", "swedish") == ["p1", "p0"]
    with pytest.raises(InputError, match="`stemming`: is klingon, expected one of"):
        found(*words, "--stemming", "klingon")
    with pytest.raises(InputError, match="`--stemming`: is for words; set `tokens"):
        found("--model", tmp_path, "--stemming", "swedish")
    with pytest.raises(InputError, match="`--model`: is not given, whose tokens are"):
        found()


def test_bm25_says_what_is_wrong_in_one_sentence(collection, tmp_path):
    folder = collection[0]
    done = bm25(folder, tmp_path, tmp_path / "run")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {tmp_path}: the model directory lacks tokenizer.json\n"
    )
    (tmp_path / "tokenizer.json").write_text("{}")
    done = bm25(folder, tmp_path, tmp_path / "runs" / "run")
    assert done.returncode == 1
    assert "tokenizer.json: is not a tokenizer" in done.stderr
    # Nothing is begun to be written before a model has done its work.
    assert not (tmp_path / "runs").exists()


def test_without_sparse_the_vectors_of_mining_are_taken(
    collection, tiny_embedder, tmp_path, caplog
):
    """And they are those of the pass that makes token weights too."""
    import embed_corpus
    import encode_collection

    folder = collection[0]
    given = ["--model", tiny_embedder, "--cache", tmp_path / "cache"]
    words = ["--corpus", folder / "corpus", *given, "--output", tmp_path / "mined"]
    embed_corpus.main(list(map(str, words)))
    words = ["--corpus", folder / "corpus", "--queries", folder / "queries", *given]
    words += ["--output", tmp_path / "e"]
    with caplog.at_level("INFO"):
        encode_collection.main(list(map(str, words)))
    assert "30 of 30 values known" in caplog.text
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == [
        "corpus.dense.npy",
        "queries.dense.npy",
    ]
    for name in ("corpus.dense.npy", "queries.dense.npy"):
        both = np.load(tmp_path / "e" / name), np.load(folder / "e" / name)
        np.testing.assert_allclose(*both, atol=1e-3)


@pytest.fixture
def runs(tmp_path):
    """Two runs from elsewhere, with scores that tie and a query that one lacks."""
    (tmp_path / "a").write_text(
        "q0 Q0 p01 1 3 x\nq0 Q0 p02 2 1 x\nq0 Q0 p03 3 1 x\nq1 Q0 p05 1 9 x\n"
    )
    (tmp_path / "b").write_text("q0 Q0 p02 1 0.5 x\nq0 Q0 p04 2 0.25 x\n")
    return tmp_path / "a", tmp_path / "b"


def test_runs_are_fused(runs, tmp_path):
    from retrieve import main

    def fused(*more):
        words = ["--runs", *runs, "--output", tmp_path / "fused.trec"]
        main(list(map(str, ("fusion", *words, *more))))
        return read_run(tmp_path / "fused.trec")

    # Equal scores of a run from elsewhere rank as in trec_eval: p03 before p02.
    assert fused() == {"q0": ["p02", "p01", "p03", "p04"], "q1": ["p05"]}
    weighted = fused("--method", "weighted", "--weights", 1, 3, "--depth", 3)
    assert weighted == {"q0": ["p02", "p01", "p03"], "q1": ["p05"]}
    rows = (tmp_path / "fused.trec").read_text().splitlines()
    assert rows[0] == "q0 Q0 p02 1 0.75 fused"
    for weights, said in (
        ([1], "has 1 numbers for 2 systems"),
        ([0, 0], "is all 0"),
        ([1, -1], "is -1.0, expected at least 0"),
    ):
        with pytest.raises(InputError, match=f"weights`: {said}"):
            fused("--weights", *weights)
    with pytest.raises(InputError, match="`--k`: is for the method reciprocal_rank"):
        fused("--method", "weighted", "--k", 9)


def test_the_head_of_a_run_is_put_into_the_rerankers_order(
    collection, tiny_reranker, runs, tmp_path, monkeypatch
):
    from arkiv.encode.cross_encoder import CrossEncoder
    from arkiv.encode.encoder import Encoder
    from retrieve import main

    folder, passages, queries = collection

    def ranked(*more):
        words = ["reranker", "--corpus", folder / "corpus"]
        words += ["--queries", folder / "queries"]
        words += ["--runs", runs[0], "--model", tiny_reranker, "--max-length", 256]
        words += ["--cache", tmp_path / "cache", "--output", tmp_path / "r.trec", *more]
        main(list(map(str, words)))
        return read_run(tmp_path / "r.trec")

    pairs = [(queries[0], passages[n]) for n in (1, 3, 2)]
    scores = Encoder(CrossEncoder(tiny_reranker), longest=256).scores(
        pairs, max_length=256, query_max_length=256
    )
    names = ["p01", "p03", "p02"]
    by_score = sorted(zip(-scores, names, strict=True))
    assert ranked() == {"q0": [name for _, name in by_score], "q1": ["p05"]}
    # Scored before: the teacher's cache has them.
    monkeypatch.setattr(
        "arkiv.encode.cross_encoder.CrossEncoderLayers.__init__",
        lambda *words: pytest.fail("the model was loaded"),
    )
    head = [name for _, name in by_score if name != "p02"]
    assert ranked("--depth", 2)["q0"] == [*head, "p02"]
    runs[0].write_text("q0 Q0 p77 1 3 x\n")
    with pytest.raises(InputError, match="names the passage p77, which the corpus"):
        ranked()


def test_an_embedder_ranks_by_its_own_vectors(collection, tiny_embedder, tmp_path):
    from arkiv.encode.dense import Dense
    from arkiv.encode.encoder import Encoder
    from retrieve import main

    folder, passages, queries = collection
    for similarity in ("cosine", "dot"):
        words = ["embedder", "--corpus", folder / "corpus"]
        words += ["--queries", folder / "queries"]
        words += ["--model", tiny_embedder, "--similarity", similarity]
        words += ["--query-prompt", "fråga: ", "--output", tmp_path / "e.trec"]
        main(list(map(str, words)))
        kind = Dense(tiny_embedder, prompts=("fråga: ", ""))
        encoder = Encoder(kind, longest=8192)
        sides = [
            encoder.embed(*texts, max_length=length).astype(np.float64)
            for *texts, length in ((queries, "query", 256), (passages, "passage", 8192))
        ]
        if similarity == "cosine":
            sides = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in sides]
        assert_ranked(read_run(tmp_path / "e.trec"), sides[0] @ sides[1].T, 30, 1e-4)


@pytest.mark.parametrize("words", [[], *([name] for name in TYPES)])
def test_help_explains(words):
    done = program("retrieve", *words, "--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in TYPES if not words)
    assert "depth" in done.stdout or not words


@pytest.mark.parametrize("words", [("bm25",), ("m3", "dense"), ("m3", "multi_vector")])
def test_a_query_that_is_a_passage_does_not_find_itself(
    collection, tiny_embedder, tmp_path, words
):
    """By its text; and all else is found as before, as deep as before."""
    from encode_collection import main as encode
    from retrieve import main

    folder, passages, _ = collection
    queries = [
        {"id": "qa", "query": f" {passages[3]}  "},
        {"id": "qb~1-old", "query": "kvarnen", "of": "p07"},
        {"id": "qc", "query": "tvisten om arvet"},
    ]
    others = [query | {"query": f"{query['query']} .", "of": ""} for query in queries]
    found = []
    for asked, name in ((queries, "asked"), (others, "others")):
        write(tmp_path / name, asked)
        files = ["--corpus", folder / "corpus", "--queries", tmp_path / name]
        files += ["--model", tiny_embedder]
        given = [words[0], *files, "--output", tmp_path / f"{name}.trec"]
        if words[0] == "m3":
            encodings = tmp_path / f"{name}.encodings"
            more = ["--sparse", "--multi-vector"]
            encode(list(map(str, [*files, *more, "--output", encodings])))
            given[-4:-2] = ["--encodings", encodings, "--mode", words[1]]
        for depth in (5, 100):
            main(list(map(str, [*given, "--depth", depth])))
            found.append(read_run(tmp_path / f"{name}.trec"))
    few, every, _, with_all = found
    assert "p03" not in every["qa"]
    assert "p07" not in every["qb~1-old"]
    if words[-1] == "multi_vector":
        assert {len(ranked) for ranked in few.values()} == {5}
    else:  # which ranks as many as are asked for
        assert few == {key: ranked[:5] for key, ranked in every.items()}
    if words[0] == "m3":
        assert [len(every[key]) for key in sorted(every)] == [29, 29, 30]
    assert "p03" in with_all["qa"]
