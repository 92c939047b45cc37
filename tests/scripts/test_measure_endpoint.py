"""measure_endpoint.py, against servers that are right and wrong in many ways."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import time
import urllib.request
from functools import cache, partial
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from embedded import Embeddings
from project import ROOT

import measure_endpoint
from arkiv.base.errors import InputError
from arkiv.base.files import write_json
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.example.archive import cases
from arkiv.example.tiny import build_embedder
from arkiv.export import diagnosis
from arkiv.export.directory import copy_model
from arkiv.export.usage import WITH_INFINITY
from arkiv.llm import server

KEY = "sk-very-secret-0123456789"
LENGTHS = {"query": 24, "passage": 160}
# Of a few words, and of more than 128 tokens.
TEXTS = [*(f"text {n} om {n * 7} åkrar" for n in range(8)), *cases(3, seed=3)]
LONG = [" ".join(cases(4, seed=seed)) for seed in range(4, 8)]
QUERIES = [f"vem ägde kvarnen {n}?" for n in range(12)]


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("ARKIV_TEST_KEY", KEY)
    monkeypatch.setattr(server, "FIRST_DELAY", 0.01)


def lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")


@cache
def encoder_of(model, pooling):
    how = pooling and Description(pooling)
    return Encoder(M3(model, description=how), longest=600)


def encoded(model, texts, side="passage", length=160, pooling=None):
    """Vectors as a server would make them of texts that come as they are."""
    encoder = encoder_of(model, pooling)
    return encoder.encode(texts, side, max_length=length, quietly=True).dense


@pytest.fixture(scope="module")
def base(tiny_embedder):
    return tiny_embedder


@pytest.fixture(scope="module")
def plain(tmp_path_factory, base):
    """A finished run whose model has no prompts."""
    return finished(tmp_path_factory.mktemp("plain"), base, Description())


@pytest.fixture(scope="module")
def prompted(tmp_path_factory, base):
    """One whose model reads them before texts."""
    how = Description("mean", "fråga: ", "stycke: ")
    return finished(tmp_path_factory.mktemp("prompted"), base, how)


def finished(folder, base, how):
    build_embedder(folder / "model", seed=1)
    how.write(folder / "model", 128)
    (folder / "collection").mkdir()
    passages = [{"id": f"p{n:02}", "text": text} for n, text in enumerate(TEXTS + LONG)]
    queries = [{"id": f"q{n:02}", "query": text} for n, text in enumerate(QUERIES)]
    lines(folder / "collection/corpus.jsonl", passages)
    lines(folder / "collection/queries.jsonl", queries)
    judged = "".join(f"q{n:02} 0 p{n:02} 1\n" for n in range(len(QUERIES)))
    (folder / "collection/qrels.txt").write_text(judged)
    (folder / "encodings/tuned").mkdir(parents=True)
    for name, side, texts in (
        ("corpus", "passage", TEXTS + LONG),
        ("queries", "query", QUERIES),
    ):
        vectors = encoded(folder / "model", texts, side, LENGTHS[side])
        path = folder / f"encodings/tuned/{name}.dense.npy"
        np.save(path, vectors.astype(np.float16))
    settings = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    settings["run"] = "named-otherwise"
    settings["datasets"] = {"d": {"pairs": "p.jsonl"}}
    settings["models"]["embedder"] |= {"source": str(base), "revision": None}
    # As of a version that did not know of it.
    del settings["evaluate"]["compress"]
    settings["mining"] |= {"query_max_length": 24, "passage_max_length": 160}
    write_json(folder / "configuration.json", {"files": [], "settings": settings})
    return folder


def measure(run, served, *more):
    words = ["--url", served.base_url, "--run", run, "--batch", 5, "--retries", 3]
    words += ["--key-variable", "ARKIV_TEST_KEY", "--concurrency", 2, *more]
    measure_endpoint.main(list(map(str, words)))


def refused(run, vectors, *more, **server):
    """What is said of a server that is not right."""
    with Embeddings(vectors, **server) as served:
        with pytest.raises(InputError) as error:
            measure(run, served, *more)
        said = str(error.value)
        assert said.startswith(f"{served.base_url}: ")
        return said.removeprefix(f"{served.base_url}: ")


def wrong(run, vectors, *more, **server):
    said = refused(run, vectors, *more, **server)
    before = f"does not give the vectors of {run / 'model'}: "
    assert said.startswith(before)
    return said.removeprefix(before)


def test_a_server_that_is_right_passes_and_nothing_is_left(plain, tmp_path, capsys):
    whole = tmp_path / "whole.json"
    with Embeddings(partial(encoded, plain / "model")) as served:
        measure(plain, served, "--json", whole)
        # What an earlier measurement was told says nothing of the server as it is.
        asked = len(served.asked)
        measure(plain, served)
        assert len(served.asked) == 2 * asked
    assert served.keys == {f"Bearer {KEY}"}
    out = capsys.readouterr().out
    least = r"cosine to the checkpoint's vectors least (\S+), median 1\.000000"
    found = list(map(float, re.findall(least, out)))
    assert len(found) == 4
    assert min(found) > 0.99999
    one, other = re.search(
        r"nDCG@10: (\S+) by the server's vectors, (\S+) by", out
    ).groups()
    assert one == other
    assert f"{served.base_url} gives the vectors of {plain / 'model'}\n" in out
    told = json.loads(whole.read_text())
    assert told["faults"] == []
    assert told["passages"]["texts"] == len(TEXTS + LONG)
    assert not list((plain / "cache").rglob("*.jsonl"))


def test_the_measure_is_that_of_brute_force(plain, tmp_path):
    """Of vectors of a server that has its own."""
    whole = tmp_path / "whole.json"

    def vectors(texts):
        found = [np.random.default_rng(len(t) + sum(map(ord, t))) for t in texts]
        return np.stack([generator.normal(size=128) for generator in found])

    said = wrong(plain, vectors, "--json", whole)
    assert said.startswith(
        "it serves another model, or reads this one in a way that was"
    )
    assert "it does not normalise vectors" in said
    asked, found = vectors(QUERIES), vectors(TEXTS + LONG)
    scores = asked @ (found / np.linalg.norm(found, axis=1, keepdims=True)).T
    ranks = (scores > scores[np.arange(12), np.arange(12)][:, None]).sum(axis=1)
    mean = np.where(ranks < 10, 1 / np.log2(ranks + 2), 0).mean()
    told = json.loads(whole.read_text())
    assert told["nDCG@10"]["server"] == pytest.approx(mean, abs=1e-6)
    assert told["queries"]["least_cosine"] < 0.5


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"pooling": "mean"}, "it pools by mean, not by cls"),
        ({"pooling": "last"}, "it pools by last, not by cls"),
        (
            {"length": 128},
            "it cuts texts at 128 tokens, not at 160 (of passages alone)",
        ),
        (
            {"length": 130},
            "it cuts texts at 130 tokens, not at 160 (of passages alone)",
        ),
        (
            {"length": 16},
            "it cuts texts at 16 tokens, not at 160 (of passages alone)",
        ),
        (
            {"length": 300},
            "it cuts texts at 300 tokens, not at 160 (of passages alone)",
        ),
        ({"length": 600}, "it does not cut texts at 160 tokens (of passages alone)"),
        (
            {"length": 100, "pooling": "mean"},
            "it pools by mean, not by cls (of queries alone); it pools by mean, not by "
            "cls and it cuts texts at 100 tokens, not at 160 (of passages alone)",
        ),
    ],
)
def test_how_texts_are_read_otherwise_is_told(plain, how, said):
    assert wrong(plain, partial(encoded, plain / "model", **how)) == said


def test_the_model_before_training_is_recognised(plain, base):
    said = wrong(plain, partial(encoded, base))
    assert said == f"it serves the model that training started from ({base})"


def test_what_is_put_before_texts_is_told(plain):
    def vectors(texts):
        return encoded(plain / "model", ["query: " + text for text in texts])

    assert wrong(plain, vectors) == "it puts 'query: ' before texts"


def test_prompts_are_sent_or_left_to_the_server(prompted, capsys):
    model = prompted / "model"

    def of_its_own(texts, before=("fråga: ", "stycke: ")):
        """As a server that puts the prompt of the side, which it knows of."""
        query = texts[0] in QUERIES
        return as_they_are([before[not query] + text for text in texts])

    def as_they_are(texts):
        return encoded(model, texts, pooling="mean")

    with Embeddings(as_they_are) as served:
        measure(prompted, served)
    assert {text.split()[0] for texts in served.asked for text in texts} == {
        "fråga:",
        "stycke:",
    }
    with Embeddings(of_its_own) as served:
        measure(prompted, served, "--bare")
    said = wrong(prompted, as_they_are, "--bare")
    assert said == (
        "it lacks the prompt 'fråga: ' (of queries alone); it lacks the prompt "
        "'stycke: ' (of passages alone)"
    )
    said = wrong(
        prompted, lambda texts: as_they_are(["fråga: " + text for text in texts])
    )
    assert said == "it puts 'fråga: ' before texts"
    said = wrong(prompted, partial(of_its_own, before=("fråga: ", "fråga: ")), "--bare")
    assert said == "it puts 'fråga: ' before texts (of passages alone)"


def test_lengths_other_than_1_are_told(plain):
    said = wrong(plain, lambda texts: 3.5 * encoded(plain / "model", texts))
    assert said == (
        "it does not normalise vectors, whose lengths are 3.5 to 3.5, not 1"
    )


def test_half_precision_is_told_where_it_moves_vectors(plain, monkeypatch):
    def half(texts):
        import torch

        found = torch.from_numpy(encoded(plain / "model", texts))
        return found.bfloat16().float().numpy()

    with Embeddings(half) as served:
        measure(plain, served)
    # As of a deep model, of which half precision leaves less.
    monkeypatch.setattr(diagnosis, "AGREES", 0.999999)
    monkeypatch.setattr("arkiv.export.served.AGREES", 0.999999)
    assert wrong(plain, half) == "it computes in half precision, such as bfloat16"


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (lambda found: found[:, :64], "it gives the first 64 of 128 dimensions alone"),
        (
            lambda found: np.repeat(found, 2, axis=1),
            "it serves another model, of 256 dimensions instead of 128",
        ),
    ],
)
def test_vectors_of_other_dimensions_are_told(plain, vectors, said):
    assert wrong(plain, lambda t: vectors(encoded(plain / "model", t))) == said


def test_a_server_that_fails_at_times_is_asked_again(plain, capsys):
    def fault(number, texts):
        faults = {1: (503, "busy"), 3: (429, "slow down"), 4: (200, "<html>")}
        faults |= {6: (200, '{"data": []}'), 8: (200, '{"data": [{"index": 0}]}')}
        return faults.get(number)

    with Embeddings(partial(encoded, plain / "model"), fault=fault) as served:
        measure(plain, served)
    assert served.requests == len(served.asked) + 5
    assert "gives the vectors" in capsys.readouterr().out


def test_what_was_answered_before_a_fault_is_not_asked_again(plain):
    def fault(number, texts):
        return (401, f"bad key {KEY}") if number == 3 else None

    with Embeddings(partial(encoded, plain / "model"), fault=fault) as served:
        with pytest.raises(InputError) as error:
            measure(plain, served, "--concurrency", 1)
        assert "status 401: bad key" in str(error.value)
        assert KEY not in str(error.value)
        before = sum(map(len, served.asked))
        # Three requests of five queries at most; the fourth was the first of passages.
        assert before == len(QUERIES)
        measure(plain, served)
    assert sum(map(len, served.asked)) == len(QUERIES + TEXTS + LONG)


def test_texts_that_are_refused_are_counted_and_the_others_compared(plain):
    def fault(number, texts):
        long = any(len(text) > 1500 for text in texts)
        return (400, "too many tokens") if long else None

    long = sum(len(text) > 1500 for text in TEXTS + LONG)
    assert long
    said = wrong(plain, partial(encoded, plain / "model"), fault=fault)
    assert said == (
        f"it refuses {long} of {len(TEXTS + LONG)} passages, one with: status 400: too "
        "many tokens"
    )
    said = refused(
        plain, partial(encoded, plain / "model"), fault=lambda n, t: (400, "no")
    )
    assert said == "refused every text, the first one with: status 400: no"


def test_some_passages_are_enough_to_measure_queries(plain, capsys):
    with Embeddings(partial(encoded, plain / "model")) as served:
        measure(plain, served, "--sample", 5)
    assert sum(map(len, served.asked)) == len(QUERIES) + 5
    assert "by the server's vectors, in the checkpoint's passages," in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--checkpoint", "other"], "`--checkpoint`: is other, expected tuned"),
        (["--checkpoint", "round_2"], "`--checkpoint`: is round_2, but the run has 1"),
        (["--checkpoint", "base"], "no such file; encode_collection.py makes it"),
        (["--sample", "0"], "`--sample`: is 0, expected at least 1"),
        (
            ["--url", "http://127.0.0.1:1/v1", "--retries", "0"],
            "does not name its model",
        ),
        (["--url", "ftp://x"], "`--url`: is ftp://x, expected an address"),
        (["--url", f"http://a:{KEY}@127.0.0.1/v1"], "`--url`: holds "),
        (["--run", "nowhere"], "nowhere/configuration.json: no such file"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(plain, more, said):
    with (
        Embeddings(partial(encoded, plain / "model")) as served,
        pytest.raises(InputError, match=re.escape(said)) as error,
    ):
        measure(plain, served, *more)
    assert KEY not in str(error.value)


def test_a_run_of_something_else_is_one_sentence(plain, tmp_path):
    run = shutil.copytree(plain, tmp_path / "run")
    with Embeddings(partial(encoded, plain / "model")) as served:
        for kept, said in (
            ({"files": []}, "`settings`: is not there, expected what snakemake writes"),
            ({"settings": []}, "has a value of another kind"),
        ):
            write_json(run / "configuration.json", kept)
            with pytest.raises(InputError, match=said):
                measure(run, served)


def test_of_several_models_one_must_be_named(plain):
    vectors = partial(encoded, plain / "model")
    with Embeddings(vectors, models=("a", "b")) as served:
        with pytest.raises(InputError, match="`--model`: is not given, and the server"):
            measure(plain, served)
        measure(plain, served, "--model", "b")


def test_encodings_of_another_model_are_told_apart_from_a_wrong_server(plain, tmp_path):
    run = shutil.copytree(plain, tmp_path / "run")
    build_embedder(run / "model", seed=7)
    Description().write(run / "model", 128)
    said = wrong(run, partial(encoded, run / "model"))
    assert said.startswith(
        "so does the model itself, for what the run has encoded is of"
    )


@pytest.fixture
def infinity(plain, tmp_path):
    """Where Infinity serves the exported model, by the command of its card."""
    program = os.environ.get("ARKIV_INFINITY") or shutil.which("infinity_emb")
    if program is None:
        pytest.skip(
            "Infinity is absent, which wants an environment of its own (pip install "
            "infinity-emb[torch,server]); ARKIV_INFINITY names its infinity_emb"
        )
    export = tmp_path / "export"
    copy_model(plain / "model", export)
    Description().write(export, 128, LENGTHS["passage"])
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    told = WITH_INFINITY.format(place=export).replace("\\\n", " ")
    _, *words = shlex.split(told)
    words += ["--host", "127.0.0.1", "--port", str(port), "--no-model-warmup"]
    offline = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            [program, *words, "--device", "cpu"],
            env=os.environ | offline,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}/v1"
        end = time.monotonic() + 120
        while not _answers(f"{url}/models"):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def test_infinity_serves_the_export_as_it_was_measured(plain, infinity, capsys):
    measure(plain, SimpleNamespace(base_url=infinity))
    assert f"{infinity} gives the vectors of" in capsys.readouterr().out
