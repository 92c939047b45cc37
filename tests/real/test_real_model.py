"""A real encoder as the model to tune, from pairs to the search page.

What is measured against is sentence-transformers, which made the model.
"""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
import yaml
from project import Project, records
from served import Document, found_in

from arkiv.base.files import read_json
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.encode.models import HEADS
from arkiv.encode.options import Options
from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.encode.vocabulary import PROBES, make_tokenizer
from arkiv.export.usage import PLACE
from arkiv.retrieve.trec import read_scores
from real.conftest import NAME, PAIRS, STEPS

pytestmark = pytest.mark.real

LONGEST = 256
# Vectors are kept in half precision.
CLOSE = 5e-4
OTHERS = ("sparse", "multi_vector", "combined")


@cache
def reference(model: Path):
    """A directory's model as sentence-transformers loads it."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(model), device="cpu")


@cache
def vectors(model: Path, texts: tuple[str, ...]) -> np.ndarray:
    """(n, dim) vectors of length 1, as sentence-transformers makes them."""
    return reference(model).encode(list(texts))


@pytest.fixture(scope="module")
def asked(run) -> dict[str, str]:
    """The test queries by id."""
    rows = records(run.results / "collection/queries.jsonl")
    return {row["id"]: row["query"] for row in rows}


@pytest.fixture(scope="module")
def passages(run) -> dict[str, str]:
    """All passages by id."""
    rows = records(run.results / "collection/corpus.jsonl")
    return {row["id"]: row["text"] for row in rows}


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n,): of each row with the other's."""
    a, b = (np.asarray(one, np.float64) for one in (a, b))
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def differences(run, system, model, asked, passages) -> np.ndarray:
    """How far a system's scores are from the cosines of sentence-transformers.

    Raises:
        AssertionError: it ranks two passages otherwise than these say.
    """
    found = read_scores(run.results / f"runs/{system}.trec")
    assert found.keys() == asked.keys()
    of_queries = vectors(model, tuple(asked.values()))
    of_passages = vectors(model, tuple(passages.values()))
    rows = {passage: row for row, passage in enumerate(passages)}
    off = []
    for vector, query in zip(of_queries, asked, strict=True):
        assert found[query].keys() == passages.keys()
        scores = of_passages[[rows[passage] for passage in found[query]]] @ vector
        assert np.diff(scores).max() < CLOSE
        off.append(np.abs(scores - list(found[query].values())))
    return np.array(off)


def test_the_base_model_scores_as_sentence_transformers_has_it(
    run, minilm, asked, passages
):
    off = differences(run, "base_dense", minilm, asked, passages)
    print(f"{off.size} scores of the base model, at most {off.max():.1e} away")
    assert off.max() < CLOSE
    # And it is the model that it is said to be: what answers is mostly found first.
    found = read_json(run.results / "metrics/metrics.json")["systems"]["base_dense"]
    assert found["RR@10"]["mean"] > 0.7


def test_of_its_vocabulary_alone_the_models_own_tokenizer_is_made(minilm, tmp_path):
    older = shutil.copytree(minilm, tmp_path / "older", symlinks=True)
    (older / "tokenizer.json").unlink()
    make_tokenizer(older, Options())
    texts = [*PROBES, *(row["pos"][0] for row in records(PAIRS))]
    made, own = (fast_tokenizer(one).encode_batch(texts) for one in (older, minilm))
    assert [one.ids for one in made] == [one.ids for one in own]


def test_mining_reads_texts_as_sentence_transformers_does(run, minilm):
    folder = run.results / "mining/village"
    rows = records(run.results / "pairs/village/mining.jsonl")
    mined = np.load(folder / "embeddings/1-of-1.npy")
    same = cosines(mined, vectors(minilm, tuple(row["text"] for row in rows)))
    assert same.min() > 0.9999


def test_a_long_passage_is_cut_where_the_model_says(run, minilm, passages):
    model = reference(minilm)
    lengths = [len(model.tokenizer(text)["input_ids"]) for text in passages.values()]
    assert sum(length > LONGEST for length in lengths) == 1
    assert model.max_seq_length == LONGEST


def test_the_exported_model_is_the_trained_one(run, minilm, asked, passages):
    texts = (*asked.values(), *passages.values())
    exported = vectors(run.results / "export", texts)
    assert Description.of(run.results / "model") == Description("mean")
    assert Description.of(run.results / "model").longest == LONGEST
    for folder in ("model", "export"):
        with Encoder(M3(run.results / folder), longest=LONGEST) as encoder:
            ours = encoder.embed(texts, "passage", max_length=LONGEST)
        same = cosines(ours, exported)
        print(f"{len(texts)} vectors of {folder}: cosine at least {same.min():.7f}")
        assert same.min() >= 0.9999
    assert reference(run.results / "export").max_seq_length == LONGEST
    off = differences(run, "tuned_dense", run.results / "export", asked, passages)
    assert off.max() < CLOSE
    # Training has moved it.
    assert cosines(vectors(minilm, texts), exported).max() < 0.99999
    history = read_json(run.results / "training/history.json")
    assert (history["steps"], history["heads"]) == (STEPS, "new")


def test_the_card_says_what_the_model_is(run):
    card = (run.results / "export/README.md").read_text(encoding="utf-8")
    _, front, text = card.split("---\n", 2)
    said = yaml.safe_load(front)
    assert (said["license"], said["language"]) == ("apache-2.0", ["en"])
    text = " ".join(text.split())
    assert f"It started from the local model `{NAME}` and was trained on" in text
    assert "A model with new heads like those of BGE-M3" in text
    assert "A dense vector is the mean of the last states of all tokens" in text
    assert f"cut at {LONGEST} tokens" in text
    assert "without an instruction before them" in text
    assert 'pooling_method="mean"' in text
    assert "prompt_name" not in text
    assert str(run.folder) not in card


def test_the_code_on_the_card_searches_alike_in_all_libraries(run):
    card = (run.results / "export/README.md").read_text(encoding="utf-8")
    ran: list[dict] = []
    for block in re.findall(r"^```python\n(.*?)^```", card, flags=re.M | re.S):
        ran.append({})
        exec(block.replace(PLACE, str(run.results / "export")), ran[-1])
    flag, ours, late = ran
    similar = ours["vectors"] @ ours["model"].encode(ours["query"])
    assert flag["scores"]["dense"] == pytest.approx(similar.tolist(), abs=CLOSE)
    assert similar[0] > 0.5 > 0.2 > similar[1]
    tokens = late["model"].encode_query([late["query"]])
    scores = late["model"].similarity(tokens, late["vectors"])[0].tolist()
    assert flag["scores"]["colbert"] == pytest.approx(scores, abs=CLOSE)


def test_the_tuned_model_is_compared_with_what_the_base_model_has(run):
    metrics = read_json(run.results / "metrics/metrics.json")
    pairs = [(one["system"], one["base"]) for one in metrics["comparisons"]]
    others = [(f"tuned_{mode}", "base_dense") for mode in OTHERS]
    dense = [("tuned_dense", "base_dense"), ("tuned_dense", "bm25")]
    assert pairs == [*dense, *others]
    report = (run.results / "report.html").read_text(encoding="utf-8")
    assert "The base model has no heads for sparse and multi-vector search" in report


def test_the_search_page_finds_what_the_tuned_model_found(run, asked):
    found = read_scores(run.results / "runs/tuned_dense.trec")
    command = [sys.executable, "scripts/serve_search.py", "--configfile", run.config]
    with subprocess.Popen(
        [*map(str, command), "--port", "0"],
        cwd=run.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            port = int(re.search(r"127\.0\.0\.1:(\d+)/", server.stdout.readline())[1])
            for query, text in list(asked.items())[:3]:
                words = urlencode({"q": text, "system": "tuned_dense"})
                page = got(port, f"/?{words}")
                first = list(found[query])[:10]
                assert found_in(page)["tuned_dense"] == first
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0


def test_it_is_tuned_for_dense_vectors_alone_too(run, minilm, asked, tmp_path):
    """In a copy of the run, of which training and what follows are made anew."""
    folder = tmp_path / "alone"
    without = shutil.ignore_patterns("checkpoints", "cache")
    shutil.copytree(run.folder, folder, symlinks=True, ignore=without)
    project = Project.bare(folder)
    results = folder / run.results.relative_to(run.folder)
    heads = {"embedder": {"heads": "none"}}
    alone = project.configure("alone.yaml", models=heads)
    words = ("--configfile", "test.yaml", alone)
    assert "embed_corpus" not in project.planned(*words)
    done = project.snakemake(*words)
    assert done.returncode == 0, done.stdout[-5000:]
    metrics = read_json(results / "metrics/metrics.json")
    assert metrics["systems"].keys() == {"bm25", "base_dense", "tuned_dense"}
    assert not [file for file in HEADS if (results / "export" / file).exists()]
    texts = tuple(asked.values())
    with Encoder(M3(results / "model"), longest=LONGEST) as encoder:
        ours = encoder.embed(texts, "query", max_length=LONGEST)
    exported = vectors(results / "export", texts)
    assert cosines(ours, exported).min() >= 0.9999
    assert cosines(vectors(minilm, texts), exported).max() < 0.99999
    card = (results / "export/README.md").read_text(encoding="utf-8")
    assert "A model of dense vectors, fine-tuned by arkiv" in card
    assert "FlagEmbedding" not in card.split("## Size")[0]
    report = (results / "report.html").read_text(encoding="utf-8")
    assert "The model is tuned for dense search alone" in report


def got(port: int, address: str) -> Document:
    """A page of this machine's server."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", address, headers={"Host": "localhost"})
    answer = connection.getresponse()
    assert answer.status == 200
    return Document(answer.read().decode())
