"""How often a text passes through a model in a run: once for each thing asked of it.

Counted where batches reach the model, of every program that runs it in turn.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from examples import case_pairs
from scipy.sparse import load_npz

import embed_corpus
import encode_collection
from arkiv.base.files import write_records
from arkiv.encode.cache import Cache
from arkiv.encode.dense import Dense
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.forward import Forward
from arkiv.encode.kind import token_ids
from arkiv.encode.m3 import M3
from arkiv.encode.options import Options

PASSAGES, QUERIES, RERANKED = 40, 9, 7
RESCORED = ("--multi-vector", "--rerank-depth", RERANKED)
LATE = "queries.multi_vector.npz"
BOTH, TOKENS = frozenset({"dense", "sparse"}), frozenset({"multi_vector"})


class Passes:
    """What passed through a model: of each text by its token ids what was asked."""

    def __init__(self, model: Path) -> None:
        self._tokenizer = M3(model).tokenizer
        self.batches = 0
        self.killed_after: int | None = None
        self._asked: dict[bytes, list[frozenset[str]]] = {}

    def see(self, ids: list[np.ndarray], asked: frozenset[str]) -> None:
        if self.batches == self.killed_after:
            raise KeyboardInterrupt
        self.batches += 1
        for one in ids:
            self._asked.setdefault(one.tobytes(), []).append(asked)

    def of(self, texts: list[str]) -> Counter:
        """How many of the texts have passed for what, in that order."""
        ids = token_ids(self._tokenizer, texts, 8192)
        assert len({one.tobytes() for one in ids}) == len(texts)
        return Counter(tuple(self._asked.get(one.tobytes(), ())) for one in ids)


@pytest.fixture
def passes(tiny_embedder, monkeypatch):
    seen = Passes(tiny_embedder)
    compute = Forward.__call__

    def counted(self, batch):
        seen.see(batch.ids, batch.asked)
        return compute(self, batch)

    monkeypatch.setattr(Forward, "__call__", counted)
    return seen


class Run:
    """The programs of a run, on an archive of its own."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model
        pairs = sorted(case_pairs(PASSAGES, seed=11))
        self.passages = [text for _, text in pairs]
        self.queries = [query for query, _ in pairs[:QUERIES]]
        # Two of them as they are.
        self.respelled = [
            query if row < 2 else query.replace("v", "fv") + " thet"
            for row, query in enumerate(self.queries)
        ]
        rows = [{"id": f"p{n:02}", "text": t} for n, t in enumerate(self.passages)]
        write_records(folder / "corpus", rows)
        # Held-out passages are in the collection and not mined.
        write_records(folder / "mining", rows[:-5])
        for name in ("queries", "respelled"):
            texts = enumerate(getattr(self, name))
            write_records(
                folder / name, ({"id": f"q{n}", "query": text} for n, text in texts)
            )

    def program(self, main, *words: object, output: str, cache: str | None = "cache"):
        kept = ["--cache", self.folder / cache] if cache else []
        given = (*words, "--model", self.model, "--output", self.folder / output, *kept)
        main(list(map(str, given)))

    def mine(self, *more: object, parts: int = 2) -> list[np.ndarray]:
        """Dense vectors of what is mined, part by part."""
        found = []
        for part in range(1, parts + 1):
            words = ["--corpus", self.folder / "mining", "--part", f"{part}-of-{parts}"]
            self.program(embed_corpus.main, *words, *more, output=f"mined{part}.npy")
            found.append(np.load(self.folder / f"mined{part}.npy"))
        return found

    def encode(
        self, *more: object, output="e", queries="queries", before=None, **given
    ) -> None:
        words = ["--queries", self.folder / queries, "--sparse"]
        words += ["--corpus", self.folder / "corpus", "--batch-tokens", 400]
        words += ["--encodings", self.folder / before] if before else []
        self.program(encode_collection.main, *words, *more, output=output, **given)

    def encoded(self, output="e") -> dict[str, bytes]:
        """What was encoded, by name of file; of matrices their numbers."""
        found = {}
        for path in sorted((self.folder / output).iterdir()):
            if path.suffix == ".npz":
                matrix = load_npz(path)
                parts = matrix.data, matrix.indices, matrix.indptr
                found[path.name] = b"".join(part.tobytes() for part in parts)
            else:
                found[path.name] = path.read_bytes()
        return found


@pytest.fixture
def run(tiny_embedder, tmp_path):
    return Run(tmp_path, tiny_embedder)


def rescored(run: Run, output: str) -> int:
    """How many passages are a candidate of some query."""
    return len(set(load_npz(run.folder / output / LATE).indices))


def test_a_run_passes_each_text_once_for_its_vectors_and_once_for_its_tokens(
    run, passes
):
    mined = run.mine("--keep-weights")
    assert passes.of(run.passages) == {(BOTH,): PASSAGES - 5, (): 5}
    run.encode()
    assert passes.of(run.passages) == {(BOTH,): PASSAGES}
    assert passes.of(run.queries) == {(BOTH,): QUERIES}
    dense = np.load(run.folder / "e/corpus.dense.npy")
    np.testing.assert_array_equal(dense[:-5], np.concatenate(mined))

    run.encode(*RESCORED)
    heads = rescored(run, "e")
    assert RERANKED < heads < PASSAGES
    assert passes.of(run.passages) == {
        (BOTH, TOKENS): heads,
        (BOTH,): PASSAGES - heads,
    }
    assert passes.of(run.queries) == {(BOTH, TOKENS): QUERIES}

    # Without what the cache holds the same bytes are made.
    run.encode(*RESCORED, output="alone", before="e", cache=None)
    kept = run.encoded("e")
    assert run.encoded("alone") == {name: kept[name] for name in run.encoded("alone")}


def test_respelled_queries_pass_once_and_not_at_all_where_nothing_changed(run, passes):
    run.encode(*RESCORED)
    run.encode(*RESCORED, output="s", queries="respelled", before="e")
    assert passes.of(run.respelled) == {(BOTH, TOKENS): QUERIES}
    counts = passes.of(run.passages)
    # Those that changed queries find are encoded once more.
    again = counts[(BOTH, TOKENS, TOKENS)]
    assert 0 < again <= rescored(run, "s")


def test_what_mining_kept_without_weights_stays(run, passes):
    """Then a pass is needed, but vectors that are known do not move by it."""
    mined = run.mine()
    run.encode()
    counts = passes.of(run.passages)
    assert counts == {
        (frozenset({"dense"}), BOTH): PASSAGES - 5,
        (BOTH,): 5,
    }
    dense = np.load(run.folder / "e/corpus.dense.npy")
    np.testing.assert_array_equal(dense[:-5], np.concatenate(mined))
    whole = run.encoded()
    run.encode(output="again")
    assert run.encoded("again") == whole
    assert passes.of(run.passages) == counts


def test_only_what_is_missing_is_asked_of_a_pass(run, passes):
    write_records(
        run.folder / "mining",
        ({"id": str(n), "text": text} for n, text in enumerate(run.passages)),
    )
    run.mine()
    run.encode()
    assert passes.of(run.passages) == {
        (frozenset({"dense"}), frozenset({"sparse"})): PASSAGES
    }


def test_kept_or_not_the_bits_are_those_of_one_pass(run):
    run.encode(output="plain", cache=None)
    run.encode(output="kept")
    assert run.encoded("kept") == run.encoded("plain")
    encoder = Encoder(M3(run.model, Options(batch_tokens=400)), longest=8192)
    for name, texts, side, length in (
        ("corpus", run.passages, "passage", 8192),
        ("queries", run.queries, "query", 256),
    ):
        wanted = encoder.encode(texts, side, max_length=length, sparse=True)
        found = load_npz(run.folder / f"kept/{name}.sparse.npz")
        assert (found != wanted.sparse).nnz == 0
        assert found.dtype == wanted.sparse.dtype
        np.testing.assert_array_equal(
            np.load(run.folder / f"kept/{name}.dense.npy"),
            wanted.dense.astype(np.float16),
        )


@pytest.mark.parametrize("batches", [1, 4, 9])
def test_a_killed_job_goes_on_with_the_batch_that_it_lacks(run, passes, batches):
    run.encode(output="whole", cache=None)
    passes._asked.clear()
    passes.batches, passes.killed_after = 0, batches
    with pytest.raises(KeyboardInterrupt):
        run.encode()
    assert not (run.folder / "e").exists()
    passes.killed_after = None
    run.encode()
    assert run.encoded() == run.encoded("whole")
    assert passes.of(run.passages) == {(BOTH,): PASSAGES}


def test_what_is_killed_while_it_closes_its_caches_goes_on(run, passes, monkeypatch):
    def killed(cache):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Cache, "_close_segment", killed)  # of dense vectors
        with pytest.raises(KeyboardInterrupt):
            run.mine("--keep-weights", parts=1)
    done = passes.batches
    run.mine("--keep-weights", parts=1)
    assert passes.batches == done > 0


def test_without_a_cache_mining_keeps_nothing(run, passes):
    words = ["--corpus", run.folder / "mining", "--keep-weights"]
    run.program(embed_corpus.main, *words, output="v.npy", cache=None)
    assert passes.of(run.passages[:-5]) == {(frozenset({"dense"}),): PASSAGES - 5}


def test_of_a_model_that_gives_no_weights_none_are_kept(run, tmp_path):
    encoder = Encoder(Dense(run.model), longest=64)
    given = {"max_length": 64, "cache": tmp_path / "cache", "job": "j"}
    found = encoder.embed(run.passages, "passage", also=("sparse",), **given)
    assert len(found) == PASSAGES
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_vectors_of_length_1_and_others_are_not_taken_for_each_other(run, tmp_path):
    """A system of type embedder may have the pooling of the model that mines."""
    given = {"max_length": 64, "cache": tmp_path / "cache", "job": "j"}
    described = Description(pooling="mean")
    any_kind = Encoder(Dense(run.model, pooling="mean"), longest=64)
    any_kind.embed(run.passages, "passage", **given)
    m3 = Encoder(M3(run.model, description=described), longest=64)
    found = m3.embed(run.passages, "passage", **given).astype(np.float32)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-2)
