"""measure_compressed.py, on vectors and runs made for it."""

import json

import numpy as np
import pytest

from arkiv.base.errors import InputError
from arkiv.retrieve.compressed import RESCORED
from arkiv.retrieve.rankings import search_dense

QUERIES, PASSAGES, DIMENSIONS = 24, 90, 16


def lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A collection of which query n wants passage n; the last query is no query to it,
    for it is a passage too, and the one before is not judged."""
    folder = tmp_path_factory.mktemp("compressed")
    generator = np.random.default_rng(1)
    passages = generator.normal(size=(PASSAGES, DIMENSIONS)).astype(np.float16)
    queries = passages[:QUERIES] + generator.normal(size=(QUERIES, DIMENSIONS))
    (folder / "m").mkdir()
    np.save(folder / "m/corpus.dense.npy", passages)
    np.save(folder / "m/queries.dense.npy", queries.astype(np.float16))
    lines(
        folder / "corpus",
        [{"id": f"p{n:02}", "text": f"text {n}"} for n in range(PASSAGES)],
    )
    texts = [f"query {n}" for n in range(QUERIES - 1)] + [f"text {QUERIES - 1}"]
    lines(
        folder / "queries",
        [{"id": f"q{n:02}", "query": text} for n, text in enumerate(texts)],
    )
    wanted = {n: n for n in range(QUERIES - 2)} | {QUERIES - 1: 3}
    (folder / "qrels").write_text(
        "".join(f"q{q:02} 0 p{p:02} 1\n" for q, p in wanted.items())
    )
    with open(folder / "run", "w") as out:
        for n, ranking in enumerate(
            search_dense(queries.astype(np.float16), passages, PASSAGES)
        ):
            for rank, row in enumerate(ranking.rows):
                if not (n == row == QUERIES - 1):
                    out.write(f"q{n:02} Q0 p{row:02} {rank} {-rank} x\n")
    return folder


def measure(folder, *compress, run="s=run", encodings="s=m"):
    from measure_compressed import main

    def within(word):
        name, _, path = word.partition("=")
        return f"{name}={folder / path}"

    words = ["--qrels", folder / "qrels", "--queries", folder / "queries"]
    words += ["--corpus", folder / "corpus", "--bootstrap", 200]
    words += ["--measures", "nDCG@10", "R@100", "--runs", within(run)]
    words += ["--encodings", within(encodings), "--compress", *compress]
    main(list(map(str, [*words, "--output", folder / "c.json"])))
    return json.loads((folder / "c.json").read_text())


def test_each_form_is_measured_against_the_whole_vectors(made):
    found = measure(made, "int8", "binary", 16, 4)
    assert (found["queries"], found["passages"]) == (QUERIES - 1, PASSAGES)
    assert found["rescored"] == RESCORED
    of = found["systems"]["s"]
    assert (of["dimensions"], of["whole"]["bytes"]) == (16, 32)
    assert of["whole"]["collection"] == 32 * PASSAGES
    forms = {form["form"]: form for form in of["forms"]}
    sizes = {
        name: (form["bytes"], form["searched"], form["collection"])
        for name, form in forms.items()
    }
    assert sizes == {
        "int8": (16, 16, 1440),
        "binary": (2, 2, 180),
        "binary rescored": (18, 2, 1620),
        "16": (32, 32, 2880),
        "4": (8, 8, 720),
    }
    # Nothing is cut off: nothing changes, of the query that is a passage neither.
    same = forms["16"]["difference"]["nDCG@10"]
    assert (same["mean"], same["low"], same["high"]) == (0, 0, 0)
    whole = of["whole"]["measures"]["nDCG@10"]["mean"]
    lost = forms["4"]["difference"]["nDCG@10"]
    assert lost["mean"] < -0.2
    assert lost["low"] < lost["mean"] < lost["high"] < 0
    assert lost["p_holm"] < 0.05
    mean = forms["4"]["measures"]["nDCG@10"]["mean"]
    assert mean - whole == pytest.approx(lost["mean"], abs=2e-6)
    # All passages are ranked anew, so by int8 vectors and the whole query.
    assert abs(forms["binary rescored"]["difference"]["nDCG@10"]["mean"]) < 0.02
    assert forms["binary"]["difference"]["nDCG@10"]["mean"] < -0.02


def test_measures_are_those_of_ranking_by_brute_force(made):
    found = measure(made, "5-int8")
    passages, queries = (
        np.load(made / f"m/{name}.dense.npy")[:, :5].astype(float)
        for name in ("corpus", "queries")
    )
    codes = np.rint(passages / np.abs(passages).max(axis=1, keepdims=True) * 127)
    asked = np.rint(queries / np.abs(queries).max(axis=1, keepdims=True) * 127)
    scores = asked @ (codes / np.linalg.norm(codes, axis=1, keepdims=True)).T
    scores[QUERIES - 1, QUERIES - 1] = -np.inf
    gains = []
    for n in [*range(QUERIES - 2), QUERIES - 1]:
        wanted = 3 if n == QUERIES - 1 else n
        rank = np.argsort(-scores[n], kind="stable").tolist().index(wanted) + 1
        gains.append(1 / np.log2(rank + 1) if rank <= 10 else 0)
    (form,) = found["systems"]["s"]["forms"]
    mean = form["measures"]["nDCG@10"]["mean"]
    assert mean == pytest.approx(np.mean(gains), abs=1e-6)


def test_what_cannot_be_measured_is_one_sentence(made):
    said = r"`evaluate.compress`: has 17-int8, but the vectors in .*m have 16 dimens"
    with pytest.raises(InputError, match=said):
        measure(made, "17-int8")
    with pytest.raises(InputError, match=r"compress`: has int4, expected"):
        measure(made, "int4")
    with pytest.raises(InputError, match="names t, expected the systems of --runs"):
        measure(made, "int8", encodings="t=m")
    with pytest.raises(InputError, match=r"no such file; encode_collection.py makes"):
        measure(made, "int8", encodings="s=none")
