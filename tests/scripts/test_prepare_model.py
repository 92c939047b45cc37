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
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
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


def test_a_model_without_heads_is_no_embedder(hub, tmp_path):
    (hub.folder / "sparse_linear.pt").unlink()
    output = tmp_path / "out" / "m"
    words = ("--source", "some/model", "--output", str(output))
    done = prepare(tmp_path, *words, port=hub.server_port)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: some/model: the model directory lacks sparse_linear.pt"
    )
    assert list(output.parent.iterdir()) == []


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
