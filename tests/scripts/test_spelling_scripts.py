"""respell_queries.py and measure_spelling.py, and the search in between."""

import json
from itertools import pairwise

import ir_measures
import numpy as np
import pytest

from arkiv.base.errors import InputError

RULES = """
variants:
  old: [{replace: {'^v': hv, 'av$': af}}]
  never: []
confusions: {a: [o], o: [a], n: [u], u: [n]}
"""
TEXTS = ["vad om kvarnen", "om skogen och om ån", "vem var av byn", "Lars på torget"]


def lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def folder(tmp_path):
    """Six queries: passage n is relevant of q0 to q3, none of q4; q5 is unjudged."""
    texts = [*TEXTS, "vad som helst", "vem som helst"]
    queries = [{"id": f"q{n}", "query": text} for n, text in enumerate(texts)]
    lines(tmp_path / "queries", queries)
    judged = [f"q{n} 0 p{n} {1 + n % 3}\n" for n in range(4)]
    (tmp_path / "qrels").write_text("".join([*judged, "q4 0 p4 0\n"]))
    (tmp_path / "rules").write_text(RULES)
    return tmp_path


def respell(folder, *more):
    from respell_queries import main

    words = ["--queries", folder / "queries", "--qrels", folder / "qrels"]
    words += ["--rules", folder / "rules", "--output", folder / "respelled"]
    words += ["--noise", *more]
    main(list(map(str, words)))
    return read(folder / "respelled")


def test_all_variants_of_the_queries_that_have_something_to_find(folder):
    found = respell(folder, 0.1)
    assert [(one["of"], one["variant"]) for one in found] == [
        (f"q{n}", name) for n in range(4) for name in ("old", "never", "noise 10%")
    ]
    old = [one for one in found if one["variant"] == "old"]
    assert [(one["query"], one["edits"]) for one in old] == [
        ("hvad om kvarnen", 1),
        (TEXTS[1], 0),
        ("hvem hvar af byn", 3),
        (TEXTS[3], 0),
    ]
    assert found == respell(folder, 0.1)
    assert found != respell(folder, 0.1, "--seed", 1)


def test_a_sample_is_part_of_a_larger_one_and_as_large_as_asked_for(folder):
    samples = [
        {one["of"] for one in respell(folder, "--count", count)}
        for count in (1, 2, 3, 9)
    ]
    assert list(map(len, samples)) == [1, 2, 3, 4]
    assert all(one < other for one, other in pairwise(samples))


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("rules", "variants: {old: []}", "rules: has no confusions, which noise needs"),
        ("qrels", "q1 0 p1 0\n", "qrels: has no relevant passage for any query of"),
        ("rules", "x: 1", "rules, `x`: is not a key of the table"),
    ],
)
def test_what_cannot_be_respelled_is_said_in_one_sentence(folder, file, text, said):
    (folder / file).write_text(text)
    with pytest.raises(InputError, match=said):
        respell(folder, 0.1)
    assert not (folder / "respelled").exists()


def test_nothing_to_respell_by_is_refused(folder):
    (folder / "rules").write_text("confusions: {a: [o]}")
    with pytest.raises(InputError, match="`--rules`: has no variants, and no noise"):
        respell(folder)


def write_run(path, found):
    path.write_text(
        "".join(
            f"{query} Q0 {passage} {rank} {9 - rank} x\n"
            for query, passages in found.items()
            for rank, passage in enumerate(passages, start=1)
        )
    )


def measure(folder, *more):
    from measure_spelling import main

    words = ["--qrels", folder / "qrels", "--queries", folder / "queries"]
    words += ["--respelled", folder / "respelled", "--bootstrap", 400]
    words += ["--runs", f"a={folder / 'a'}", f"b={folder / 'b'}"]
    words += ["--output", folder / "m.json", "--measures", "RR@10", "nDCG@10"]
    words += more or [
        *("--respelled-runs", f"a={folder / 'a2'}", f"b={folder / 'b2'}"),
    ]
    main(list(map(str, words)))
    return json.loads((folder / "m.json").read_text())


@pytest.fixture
def searched(folder):
    """Respelled, a loses a rank wherever it is asked for; b finds nothing any more."""
    respelled = respell(folder)
    plain = {f"q{n}": [f"p{n}", "x"] for n in range(6)}
    for system in "ab":
        write_run(folder / system, plain)
    write_run(
        folder / "a2", {one["id"]: ["x", f"p{one['of'][1]}"] for one in respelled}
    )
    write_run(folder / "b2", {})
    return folder


def test_each_variant_is_compared_query_by_query_with_the_original(searched):
    found = measure(searched)
    assert found["queries"] == 4
    assert found["systems"] == ["a", "b"]
    assert found["measures"] == ["RR@10", "nDCG@10"]
    # Four queries are too few for an interval.
    none = {"low": None, "high": None}
    assert found["original"]["a"]["RR@10"] == {"mean": 1} | none
    assert found["bootstrap"]["randomisations"] == 8000
    old, never = found["variants"]
    assert (old["name"], never["name"]) == ("old", "never")
    assert (old["changed"], never["changed"]) == (0.5, 0)
    characters = sum(map(len, TEXTS))
    assert old["cer"] == pytest.approx(4 / characters, abs=1e-6)
    # Two of four queries are changed; the others keep what they had.
    assert old["systems"]["a"]["RR@10"]["mean"] == 0.75
    assert old["systems"]["b"]["RR@10"]["mean"] == 0.5
    change = old["difference"]["b"]["RR@10"]
    assert change["mean"] == -0.5
    # Two differences, both down: half of the signs are as far from 0. Four pairs.
    assert change["p"] == pytest.approx(0.5, abs=0.1)
    assert change["p_holm"] == 1
    same = never["difference"]["a"]["nDCG@10"]
    assert same == {"mean": 0, "p": 1, "p_holm": 1, "at_most": False} | none


def test_measures_are_those_of_another_reading_of_the_same_runs(searched):
    found = measure(searched)
    respelled = read(searched / "respelled")
    qrels = list(ir_measures.read_trec_qrels(str(searched / "qrels")))
    of = {one["id"]: one["of"] for one in respelled if one["variant"] == "old"}
    changed = {
        one["of"] for one in respelled if one["variant"] == "old" and one["edits"]
    }
    run = [
        doc._replace(query_id=of[doc.query_id])
        for doc in ir_measures.read_trec_run(str(searched / "a2"))
        if doc.query_id in of
    ]
    scores = {
        one.query_id: one.value
        for one in ir_measures.iter_calc([ir_measures.nDCG @ 10], qrels, run)
    }
    mean = np.mean([scores[f"q{n}"] if f"q{n}" in changed else 1 for n in range(4)])
    assert found["variants"][0]["systems"]["a"]["nDCG@10"]["mean"] == pytest.approx(
        mean, abs=1e-6
    )


def test_examples_show_every_variant(searched):
    found = measure(searched)
    assert len(found["examples"]) == 4
    assert {one["original"] for one in found["examples"]} == set(TEXTS)
    assert {"original": TEXTS[0], "old": "hvad om kvarnen", "never": TEXTS[0]} in found[
        "examples"
    ]
    first = (searched / "m.json").read_bytes()
    measure(searched)
    assert (searched / "m.json").read_bytes() == first


def test_files_that_do_not_belong_together_are_named(searched):
    runs = ["--respelled-runs", f"b={searched / 'b2'}", f"a={searched / 'a2'}"]
    with pytest.raises(InputError, match="names b, a, expected the systems of --runs"):
        measure(searched, *runs)
    kept = read(searched / "respelled")
    for records, said in (
        (kept[:-1], "lacks some variants of some queries"),
        ([{**kept[0], "of": "z"}], "has the query q0~0-old, which is no variant"),
        ([{"id": "q0", "query": "?"}], "has the query q0, which is no variant"),
    ):
        lines(searched / "respelled", records)
        with pytest.raises(InputError, match=said):
            measure(searched)


@pytest.mark.parametrize("mode", ["dense", "sparse", "combined"])
def test_other_queries_are_searched_for_in_what_is_encoded(
    tmp_path, tiny_embedder, mode
):
    """With the same result as a collection that has them in the place of its own."""
    import encode_collection
    import retrieve

    lines(
        tmp_path / "corpus", [{"id": f"p{n}", "text": t} for n, t in enumerate(TEXTS)]
    )
    lines(tmp_path / "queries", [{"id": "q", "query": "vad om byn"}])
    lines(tmp_path / "more", [{"id": "q", "query": "hvad"}, {"id": "r", "query": "ån"}])

    def run(program, *words):
        program.main(list(map(str, words)))

    corpus = ["--corpus", tmp_path / "corpus"]
    given = [*corpus, "--sparse", "--multi-vector", "--model", tiny_embedder]
    for queries, before, output in (
        ("queries", [], "e"),
        ("more", [], "whole"),
        ("more", ["--encodings", tmp_path / "e"], "asked"),
    ):
        words = ["--queries", tmp_path / queries, *given, *before]
        run(encode_collection, *words, "--output", tmp_path / output)
    asked = [path.name for path in (tmp_path / "asked").iterdir()]
    made = ["queries.dense.npy", "queries.multi_vector.npz", "queries.sparse.npz"]
    assert sorted(asked) == made
    for name, encodings in (
        ("x.trec", ["e", "--query-encodings", tmp_path / "asked"]),
        ("y.trec", ["whole"]),
    ):
        words = ["m3", *corpus, "--queries", tmp_path / "more", "--mode", mode]
        words += ["--encodings", tmp_path / encodings[0], *encodings[1:]]
        run(retrieve, *words, "--output", tmp_path / name)
    one, other = ((tmp_path / name).read_text() for name in ("x.trec", "y.trec"))
    assert one.replace(" x\n", " y\n") == other != ""
