"""Programs read a model as it is described, by flags or by its own files, and alike."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from examples import case_pairs
from project import ROOT
from training import dev_measures, train, watched, words

import embed_corpus
import embed_queries
import encode_collection
import retrieve
from arkiv.base.files import read_json, write_json, write_records
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.encode.options import Options
from arkiv.encode.settings import MODES, TRAINED_POOLINGS
from arkiv.example.archive import cases
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.systems.m3 import M3System
from arkiv.retrieve.systems.system import FinishedRun
from arkiv.retrieve.trec import read_run, read_scores
from arkiv.settings.config import read_config

DESCRIPTION = Description("mean", "- fråga {}: ", "stycke:\n")
FLAGS = [
    "--pooling=mean",
    f"--query-prompt={DESCRIPTION.query_prompt}",
    f"--passage-prompt={DESCRIPTION.passage_prompt}",
]


@pytest.fixture(scope="module")
def described(tiny_embedder, tmp_path_factory) -> Path:
    """The tiny model in a directory that says how it is read."""
    path = tmp_path_factory.mktemp("described") / "model"
    shutil.copytree(tiny_embedder, path)
    DESCRIPTION.write(path, 128)
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """Passages and queries, as mining and as evaluation read them."""
    folder = tmp_path_factory.mktemp("archive")
    pairs = list(case_pairs(9, seed=1))
    write_records(
        folder / "corpus.jsonl",
        ({"id": f"p{n}", "text": text} for n, (_, text) in enumerate(pairs)),
    )
    queries = [{"id": f"q{n}", "query": query} for n, (query, _) in enumerate(pairs)]
    write_records(folder / "queries.jsonl", queries)
    return folder


def asked(archive) -> list[str]:
    """The texts of the queries."""
    rows = read_ordered(archive / "queries.jsonl", queries=True)
    return [row["query"] for row in rows]


def ways(tiny_embedder, described):
    """The words that name the model to a program: by flags, by its own files."""
    return {
        "flags": ["--model", str(tiny_embedder), *FLAGS],
        "files": ["--model", str(described)],
    }


def test_mining_embeds_as_described(archive, tiny_embedder, described, tmp_path):
    corpus, queries = archive / "corpus.jsonl", archive / "queries.jsonl"
    encoder = Encoder(M3(tiny_embedder, description=DESCRIPTION), longest=8192)
    expected = {
        "corpus": encoder.embed(
            [row["text"] for row in read_ordered(corpus)], "passage", max_length=8192
        ),
        "queries": encoder.embed(asked(archive), "query", max_length=256),
    }
    for way, model in ways(tiny_embedder, described).items():
        out = {name: str(tmp_path / f"{way}.{name}.npy") for name in expected}
        embed_corpus.main(["--corpus", str(corpus), "--output", out["corpus"], *model])
        embed_queries.main(
            ["--pairs", str(queries), "--output", out["queries"], *model]
        )
        for name, vectors in expected.items():
            np.testing.assert_array_equal(np.load(out[name]), vectors)


@pytest.mark.parametrize("pooling", [None, *TRAINED_POOLINGS])
def test_as_an_embedder_a_model_of_the_run_is_read_as_it_is_trained(
    archive, tiny_embedder, tmp_path, pooling
):
    """Its scores are those of M3's dense search; a bare directory is pooled by CLS."""
    bare, whole = tmp_path / "bare", tmp_path / "whole"
    shutil.copytree(tiny_embedder, bare)
    for gone in ("modules.json", "config_sentence_transformers.json", "1_Pooling"):
        path = bare / gone
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.copytree(bare, whole)
    description = replace(DESCRIPTION, pooling=pooling or "cls")
    description.write(whole, 128)
    flags = [f"--pooling={pooling}"] if pooling else []
    given = [
        "--corpus",
        archive / "corpus.jsonl",
        "--queries",
        archive / "queries.jsonl",
    ]
    runs = {}
    for way, model in {
        "flags": ["--model", bare, *flags, *FLAGS[1:]],
        "files": ["--model", whole],
    }.items():
        out = tmp_path / f"{way}.trec"
        command = ["embedder", *given, *model, "--trained-here", "--output", out]
        retrieve.main(list(map(str, command)))
        runs[way] = read_scores(out)
    assert runs["flags"] == runs["files"]
    encoder = Encoder(M3(bare, description=description), longest=8192)
    texts = [row["text"] for row in read_ordered(archive / "corpus.jsonl")]
    ids = [row["id"] for row in read_ordered(archive / "corpus.jsonl")]
    vectors = encoder.embed(texts, "passage", max_length=8192).astype(np.float32)
    queries = read_ordered(archive / "queries.jsonl", queries=True)
    wanted = encoder.embed(asked(archive), "query", max_length=256).astype(np.float32)
    for query, scores in zip(queries, wanted @ vectors.T, strict=True):
        expected = dict(zip(ids, scores.tolist(), strict=True))
        assert runs["flags"][query["id"]] == pytest.approx(expected, abs=2e-3)


def test_as_an_embedder_a_model_of_the_run_is_that_of_dense_search(
    archive, tiny_embedder, tmp_path
):
    """Texts are cut where those of the run are, and vectors are those that it keeps."""
    model = tmp_path / "model"
    shutil.copytree(tiny_embedder, model)
    write_json(model / "sentence_bert_config.json", {"max_seq_length": 12})
    texts = [f"--{name}={archive / name}.jsonl" for name in ("corpus", "queries")]
    given = [*texts, f"--model={model}"]
    encode_collection.main([*given, f"--output={tmp_path / 'e'}"])
    runs = []
    for system in (
        ["m3", "--mode=dense", f"--encodings={tmp_path / 'e'}"],
        ["embedder", "--trained-here", f"--model={model}"],
    ):
        runs.append(tmp_path / f"{system[0]}.trec")
        retrieve.main([*system, *texts, f"--output={runs[-1]}"])
    assert read_scores(runs[0]) == read_scores(runs[1])


@pytest.mark.parametrize("mode", MODES)
def test_evaluation_and_the_search_page_search_as_described(
    archive, tiny_embedder, described, tmp_path, mode
):
    corpus, queries = archive / "corpus.jsonl", archive / "queries.jsonl"
    texts = ["--corpus", corpus, "--queries", queries]
    found = {}
    for way, model in ways(tiny_embedder, described).items():
        encodings = ["--encodings", tmp_path / f"{way}.encodings"]
        given = [*texts, *model, "--sparse", "--multi-vector"]
        encode_collection.main(list(map(str, [*given, "--output", encodings[1]])))
        given = ["m3", *texts, "--mode", mode, *encodings]
        retrieve.main(list(map(str, [*given, "--output", tmp_path / f"{way}.trec"])))
        found[way] = read_run(tmp_path / f"{way}.trec")
    assert found["flags"] == found["files"]

    config = read_config([ROOT / "config/demo.yaml"])
    config["models"]["embedder"] |= DESCRIPTION.told()
    run = FinishedRun(
        config,
        read_ordered(corpus),
        model=lambda name: str(tiny_embedder),
        encodings=lambda name: str(tmp_path / "flags.encodings"),
        weights=lambda name: pytest.fail("no weights are learnt"),
        options=Options(),
    )
    rank = M3System("base", mode).loaded(run)
    for query in read_ordered(queries, queries=True):
        ranked = [f"p{row}" for row in rank(query["query"], None, 9).rows]
        assert ranked == list(found["flags"].get(query["id"], ()))


def test_the_round_trip_searches_as_described(archive, tiny_embedder, tmp_path):
    from arkiv.pairs.passages import Passages
    from arkiv.queries.round_trip import looked_up
    from filter_queries import command_line

    queries = [
        row["query"] for row in read_ordered(archive / "queries.jsonl", queries=True)
    ]
    passages = Passages(archive / "corpus.jsonl")
    encoder = Encoder(M3(tiny_embedder, description=DESCRIPTION), longest=8192)
    texts = [row["text"] for row in read_ordered(archive / "corpus.jsonl")]
    sought = encoder.embed(queries, "query", max_length=256).astype(np.float32)
    vectors = encoder.embed(texts, "passage", max_length=8192).astype(np.float32)
    expected = (sought @ vectors.T).argsort(axis=1)[:, ::-1][:, :3]
    arguments = command_line(
        [
            *("--queries", "q", "--part-stats", "s", "--documents", "d"),
            *("--output", str(tmp_path / "out"), "--rejected", "r", "--stats", "s"),
            *("--round-trip-by", "dense", "--round-trip-top", "3"),
            *("--model", str(tiny_embedder), *FLAGS),
        ]
    )
    found = looked_up(queries, passages, arguments)
    assert [rows.tolist() for rows in found] == expected.tolist()


@pytest.fixture(scope="module", params=TRAINED_POOLINGS)
def trained(request, material, tmp_path_factory):
    """A run that was measured meanwhile, and how its model is described."""
    description = Description(request.param, "- fråga {}: ", "stycke:\n")
    to = tmp_path_factory.mktemp("trained")
    given = words(material, to, 1, num_train_epochs=1)
    flags = [f"--pooling={description.pooling}", *FLAGS[1:]]
    train([*given, *watched(material, steps=2), *flags])
    return material, to, description


def test_a_trained_model_says_how_it_is_read_and_is_measured_so(trained):
    material, to, description = trained
    assert Description.of(to / "model") == description
    told = read_json(to / "history.json")["description"]
    assert Description(**told) == description
    assert told["longest"] == 8192
    measured = read_json(to / "history.json")["evaluation"]
    by_step = {entry["step"]: entry["scores"]["dev"] for entry in measured["entries"]}
    for path, given, step in (
        (material / "base", description, 0),
        (to / "model", None, measured["best_step"]),
    ):
        encoder = Encoder(M3(path, description=given), longest=64)
        assert dev_measures(material, encoder) == by_step[step]


def test_a_trained_model_is_read_alike_by_sentence_transformers(trained):
    from sentence_transformers import SentenceTransformer

    _, to, description = trained
    texts = [*cases(5, seed=3), "kort"]
    ours = Encoder(M3(to / "model"), longest=48)
    theirs = SentenceTransformer(str(to / "model"), device="cpu")
    theirs.max_seq_length = 48
    assert theirs.prompts["query"] == description.query_prompt
    for side, encode in (
        ("query", theirs.encode_query),
        ("passage", theirs.encode_document),
    ):
        found = ours.encode(texts, side, max_length=48).dense
        np.testing.assert_allclose(encode(texts), found, atol=1e-5)
