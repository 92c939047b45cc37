"""A model comes from a hub (a small one of our own, on this machine) or is built."""

import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import prepare_model
from arkiv.base.errors import InputError
from arkiv.encode.description import Description
from arkiv.encode.models import HEADS, check_model, has_heads

SCRIPT = Path(prepare_model.__file__)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOT_NEEDED = ("README.md", "onnx/model.onnx", "onnx/model.safetensors", "flax.msgpack")


class Hub(BaseHTTPRequestHandler):
    """The few addresses of the hub that a download asks for."""

    def do_GET(self):
        self.server.asked.append(self.path)
        path = self.path.partition("?")[0]
        if "/some/gated" in path:
            self._answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
        elif "/some/model" not in path:
            self._answer(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif COMMIT not in path and "/main" not in path:
            self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        elif "/tree/" in path:
            self._json([self._entry(file) for file in self._files()])
        elif path.startswith("/api/"):
            names = [{"rfilename": self._name(file)} for file in self._files()]
            self._json({"id": "some/model", "sha": COMMIT, "siblings": names})
        else:
            file = self.server.folder / path.split("/", 5)[-1]
            headers = {"ETag": f'"{file.name}"', "X-Repo-Commit": COMMIT}
            self._answer(200, file.read_bytes(), headers)

    do_HEAD = do_GET

    def _files(self):
        return sorted(p for p in self.server.folder.rglob("*") if p.is_file())

    def _name(self, file):
        return file.relative_to(self.server.folder).as_posix()

    def _entry(self, file):
        size = file.stat().st_size
        name = self._name(file)
        return {"type": "file", "path": name, "size": size, "oid": file.name}

    def _json(self, value):
        self._answer(200, json.dumps(value).encode(), {"X-Repo-Commit": COMMIT})

    def _answer(self, status, body, headers):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.fixture
def hub(tiny_embedder, tmp_path):
    """A hub with one model, `some/model`, in the files of `hub.folder`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.folder = shutil.copytree(tiny_embedder, tmp_path / "hub")
    server.asked = []
    for name in NOT_NEEDED:
        (server.folder / name).parent.mkdir(exist_ok=True)
        (server.folder / name).write_text("not needed")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def prepare(tmp_path, *words, port):
    """The command line in a process of its own, for the hub's address is read once."""
    command = [sys.executable, SCRIPT, "--kind", "m3", *words]
    # A program that a test ran in this process may have left them.
    theirs = ("HF_", "TRANSFORMERS_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(theirs)}
    environment |= {
        "HF_ENDPOINT": f"http://127.0.0.1:{port}",
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_fetched_model_holds_what_is_needed_and_nothing_else(
    hub, tiny_embedder, tmp_path
):
    words = f"--source some/model --revision {COMMIT} --output {tmp_path}/m".split()
    done = prepare(tmp_path, *words, port=hub.server_port)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "m") == contents(tiny_embedder)
    assert not [path for path in hub.asked if "onnx/" in path.partition("?")[0]]


def test_pickled_weights_are_fetched_where_there_are_no_others(hub, tmp_path):
    """As of BAAI/bge-m3; the safetensors of an export in a folder do not count."""
    weights = load_file(hub.folder / "model.safetensors")
    (hub.folder / "model.safetensors").unlink()
    torch.save(weights, hub.folder / "pytorch_model.bin")
    words = f"--source some/model --output {tmp_path}/m".split()
    done = prepare(tmp_path, *words, port=hub.server_port)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m/pytorch_model.bin").is_file()
    assert not (tmp_path / "m/onnx").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--source", "some/other"), "check the name, and HF_TOKEN"),
        (("--source", "some/gated"), "accept its terms on the hub and set HF_TOKEN"),
        (("--source", "some/model", "--revision", "v9"), "check the revision"),
        (("--source", "no//name"), "check the name"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(hub, tmp_path, words, said):
    output = tmp_path / "out" / "m"
    done = prepare(tmp_path, *words, "--output", str(output), port=hub.server_port)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: `source`: cannot fetch ")
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert list(output.parent.iterdir()) == []


def test_a_network_that_is_down_is_one_sentence(tmp_path, monkeypatch):
    """In the words of the HTTP library; the hub's client retries for 20 s before."""
    from httpx2 import ConnectError

    def refused(*names, **options):
        raise ConnectError("[Errno 111] Connection refused\nmore")

    monkeypatch.setattr("huggingface_hub.list_repo_files", refused)
    with pytest.raises(InputError, match=r"refused\); check the network, or") as caught:
        prepare_model.main(
            f"--source some/model --kind m3 --output {tmp_path}/m".split()
        )
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_no_token_stands_in_what_the_hub_says(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise ValueError(
            "Illegal header value b'Bearer token-0123456789' for https://me:pa9@hub/a"
        )

    monkeypatch.setenv("HF_TOKEN", "token-0123456789")
    monkeypatch.setattr("huggingface_hub.list_repo_files", refuse)
    with pytest.raises(InputError, match=r"cannot fetch some/mod.*\[key\]") as caught:
        prepare_model.fetch("some/model", None, tmp_path, "m3")
    assert "0123" not in str(caught.value)
    assert "pa9" not in str(caught.value)


@pytest.mark.parametrize(
    ("gone", "words", "said"),
    [
        (HEADS[1:], (), "lacks sparse_linear.pt, but has colbert_linear.pt"),
        (HEADS, ("--headed",), "lacks colbert_linear.pt and sparse_linear.pt, without"),
    ],
)
def test_a_model_without_heads_that_are_counted_on_is_refused(
    hub, tmp_path, gone, words, said
):
    for name in gone:
        (hub.folder / name).unlink()
    output = tmp_path / "out" / "m"
    words = ("--source", "some/model", "--output", str(output), *words)
    done = prepare(tmp_path, *words, port=hub.server_port)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"error: some/model: the model directory {said}")
    assert list(output.parent.iterdir()) == []


def test_a_model_without_heads_is_fetched(hub, tmp_path):
    for name in HEADS:
        (hub.folder / name).unlink()
    output = tmp_path / "out" / "m"
    words = ("--source", "some/model", "--output", str(output))
    assert prepare(tmp_path, *words, port=hub.server_port).returncode == 0
    assert not has_heads(output)


@pytest.mark.parametrize("kind", ["m3", "cross_encoder"])
def test_a_tiny_model_is_built(kind, tiny_embedder, tiny_reranker, tmp_path):
    prepare_model.main(f"--source tiny --kind {kind} --output {tmp_path}/m".split())
    built = {"m3": tiny_embedder, "cross_encoder": tiny_reranker}[kind]
    assert contents(tmp_path / "m") == contents(built)


def test_a_failed_build_leaves_the_model_that_was_there(tmp_path, monkeypatch):
    def half(path):
        path.mkdir()
        (path / "config.json").touch()

    monkeypatch.setattr("arkiv.example.tiny.build_reranker", half)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "before").touch()
    with pytest.raises(InputError, match=r"tiny: the model directory lacks tokenizer"):
        prepare_model.main(
            f"--source tiny --kind cross_encoder --output {tmp_path}/m".split()
        )
    assert [path.name for path in tmp_path.rglob("*")] == ["m", "before"]


@pytest.mark.parametrize(
    "name", ["prepare_model", "embed_corpus", "embed_queries", "score_pairs"]
)
def test_help_is_there_without_the_pipeline(name):
    command = [sys.executable, SCRIPT.with_name(f"{name}.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert "--output" in done.stdout


# The hub's cache.


def in_cache(tmp_path, model, commit=COMMIT, **refs):
    """Lay `some/model` into the hub's cache; return the directory of the commit."""
    repository = tmp_path / "home" / "hub" / "models--some--model"
    snapshot = repository / "snapshots" / commit
    shutil.copytree(model, snapshot)
    # As the hub's client: a link to a blob, and files that nobody wants.
    (repository / "blobs").mkdir()
    shutil.move(snapshot / "config.json", repository / "blobs" / "abc")
    (snapshot / "config.json").symlink_to("../../blobs/abc")
    (snapshot / "flax.msgpack").write_text("not needed")
    for name, to in refs.items():
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / name).write_text(to)
    return snapshot


@pytest.fixture
def described(tiny_embedder, tmp_path):
    """A model with sentence-transformers' files."""
    path = shutil.copytree(tiny_embedder, tmp_path / "described")
    Description("mean", "query: ", "").write(path, 128, 512)
    return path


def test_lengths_that_a_fetched_model_does_not_take_name_their_key(
    described, tmp_path, monkeypatch
):
    in_cache(tmp_path, described)
    given = ["--revision", COMMIT, "--lengths", "mining.query_max_length=600"]
    with pytest.raises(InputError) as caught:
        offline(tmp_path, monkeypatch, *given, "train.args.passage_max_len=8193")
    assert caught.value.key == "train.args.passage_max_len"
    assert "is 8193, but some/model takes 8192 tokens" in caught.value.reason
    assert not (tmp_path / "m").exists()
    offline(tmp_path, monkeypatch, *given, "teacher.max_length=8192")
    assert (tmp_path / "m").is_dir()


def offline(tmp_path, monkeypatch, *words):
    """Run with a network that is down, and whose client does not retry for long."""
    from httpx2 import ConnectError

    asked = []

    def refused(*names, **options):
        asked.append(names)
        raise ConnectError("[Errno 111] Connection refused")

    for name in ("list_repo_files", "snapshot_download"):
        monkeypatch.setattr(f"huggingface_hub.{name}", refused)
    cache = tmp_path / "home" / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    given = ["--source", "some/model", "--kind", "m3", *words]
    prepare_model.main([*given, "--output", str(tmp_path / "m")])
    return asked


def test_a_pinned_commit_in_the_cache_needs_no_network(described, tmp_path):
    """In a process of its own, with an address at which nobody answers."""
    in_cache(tmp_path, described)
    words = f"--source some/model --revision {COMMIT} --output {tmp_path}/m".split()
    done = prepare(tmp_path, *words, port=1)
    assert done.returncode == 0, done.stderr
    assert "is taken from the hub's cache" in done.stderr
    assert contents(tmp_path / "m") == contents(described)
    assert not any(path.is_symlink() for path in (tmp_path / "m").rglob("*"))


def test_a_commit_known_to_have_no_modules_is_whole_without(
    tiny_embedder, tmp_path, monkeypatch
):
    in_cache(tmp_path, tiny_embedder)
    known = tmp_path / "home/hub/models--some--model/.no_exist" / COMMIT
    known.mkdir(parents=True)
    (known / "modules.json").touch()
    assert offline(tmp_path, monkeypatch, "--revision", COMMIT) == []
    assert contents(tmp_path / "m") == contents(tiny_embedder)


@pytest.mark.parametrize("revision", [COMMIT, "v1"])
def test_what_may_be_a_part_is_asked_for_and_taken_if_the_network_is_down(
    tiny_embedder, tmp_path, monkeypatch, caplog, revision
):
    """A program that needs no modules.json leaves a cache without it; tags move."""
    in_cache(tmp_path, tiny_embedder, v1=COMMIT)
    assert offline(tmp_path, monkeypatch, "--revision", revision)
    assert contents(tmp_path / "m") == contents(tiny_embedder)
    assert "optional files that are not there" in caplog.text


def test_a_hub_that_answers_completes_what_the_cache_has_in_part(
    hub, described, tmp_path
):
    in_cache(tmp_path, hub.folder)
    for name in ("modules.json", "1_Pooling", "config_sentence_transformers.json"):
        copy = shutil.copytree if (described / name).is_dir() else shutil.copyfile
        copy(described / name, hub.folder / name)
    words = f"--source some/model --revision {COMMIT} --output {tmp_path}/m".split()
    done = prepare(tmp_path, *words, port=hub.server_port)
    assert done.returncode == 0, done.stderr
    assert Description.of(tmp_path / "m") == Description("mean", "query: ", "")


@pytest.mark.parametrize(
    "words", [(), ("--revision", "v1"), ("--revision", COMMIT[::-1])]
)
def test_what_the_cache_lacks_or_nothing_pins_is_not_taken_from_it(
    described, tmp_path, monkeypatch, words
):
    in_cache(tmp_path, described, main=COMMIT)
    with pytest.raises(InputError, match="check the network"):
        offline(tmp_path, monkeypatch, *words)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "sparse_linear.pt"]
)
def test_a_commit_of_which_the_cache_has_half_is_not_taken(
    described, tmp_path, monkeypatch, name
):
    (in_cache(tmp_path, described) / name).unlink()
    with pytest.raises(InputError, match="check the network"):
        offline(tmp_path, monkeypatch, "--revision", COMMIT)


def test_weights_in_several_files_are_all_wanted(tiny_embedder, tmp_path):
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    (model / "model.safetensors").rename(model / names[0])
    index = {"weight_map": {"a": names[0], "b": names[1]}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=f"lacks {names[1]}"):
        check_model(model, "m3")
