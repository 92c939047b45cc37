"""serve_search.py: the server and its flags."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from served import DEFAULT, get
from waitress import wasyncore

from arkiv.base.errors import InputError
from arkiv.base.files import read_records, write_records
from arkiv.serve import connections
from arkiv.serve.access import Access, is_loopback
from arkiv.serve.app import create_app
from arkiv.serve.judgements import Verdicts
from arkiv.settings.config import read_config

SCRIPT = Path(__file__).parents[2] / "scripts" / "serve_search.py"


def test_only_the_machine_itself_is_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "node7")))


def test_a_run_that_has_not_finished_is_one_sentence(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("run: none\ndatasets: {a: {example: {cases: 1, volumes: 1}}}\n")
    done = subprocess.run(
        [sys.executable, SCRIPT, "--configfile", path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "error: results/none: the run has not finished, for "
        "results/none/collection/corpus.jsonl is missing: "
        f"run `snakemake evaluate --configfile {path}`\n"
    )


def test_a_port_that_is_taken_is_one_sentence(served_run, monkeypatch):
    from serve_search import main

    monkeypatch.chdir(served_run)
    with pytest.raises(InputError, match=r"`--port`: is 99999, expected"):
        main(["--configfile", "served.yaml", "--port", "99999"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port}: cannot be listened on"):
            main(["--configfile", "served.yaml", "--port", str(port)])


def test_judges_are_those_named_or_whoever_is_alone_here(monkeypatch):
    from serve_search import judges_of

    monkeypatch.setenv("LOGNAME", "anna")
    assert judges_of([], True) == ["anna"]
    assert judges_of([], False) == []
    assert judges_of(["bo", "eva", "bo"], False) == ["bo", "eva"]
    assert judges_of(["A\u030asa", "\u00c5sa"], False) == ["\u00c5sa"]
    with pytest.raises(InputError, match="empty name"):
        judges_of(["bo", " "], True)
    with pytest.raises(InputError, match=r"is a\\nb, expected a name in letters"):
        judges_of(["bo", "a\nb"], True)
    for name in ("a\nb", "\udcff", " "):
        monkeypatch.setenv("LOGNAME", name)
        assert judges_of([], True) == ["judge"]


class ByFile(http.client.HTTPConnection):
    """A connection to a socket file."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def asked(connection):
    """The status of a search over a connection, and whether words are marked in it."""
    connection.request("GET", "/?q=kvarnen", headers={"Host": "localhost:8000"})
    answer = connection.getresponse()
    assert "Server" not in answer.headers
    return answer.status, b"<mark>kvarnen</mark>" in answer.read()


def test_a_real_server_answers_and_ends_in_good_order(served_run):
    server = subprocess.Popen(
        [sys.executable, SCRIPT, "--configfile", "served.yaml", "--port", "0"],
        cwd=served_run,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = server.stdout.readline()
        port = int(re.match(r"Search served at http://127\.0\.0\.1:(\d+)/ ", said)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port)
        assert asked(connection) == (200, True)
        # More than a server reads of a head.
        with contextlib.suppress(ConnectionError):
            connection.request("GET", "/?q=" + "x" * 400_000)
            assert connection.getresponse().status == 431
        connection.close()
        assert asked(connection) == (200, True)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0


def test_a_socket_file_is_for_its_owner_alone(site, sheet, tmp_path):
    from serve_search import listening

    path = f"{tmp_path}/s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)  # left by a server that was killed
    app = create_app(site, sheet, [], DEFAULT)
    where = SimpleNamespace(socket=path)
    server = listening(app, where)
    threading.Thread(target=server.run, daemon=True).start()
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert asked(ByFile(path)) == (200, True)
    with pytest.raises(InputError, match="another server listens on it"):
        listening(app, where)


# What clients send that ask for nothing: silence, half a head, bodies that never come.
POST = b"POST /judge HTTP/1.1\r\nHost: localhost\r\n"
SILENT = [
    b"",
    b"GET /?q=kvarnen HTTP/1.1\r\nHost: localhost\r\n",
    POST + b"Content-Length: 60000\r\n\r\nq=",
    POST + b"Content-Length: 60000\r\nExpect: 100-continue\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nq=\r\n",
]


@contextlib.contextmanager
def served_at(application, host="127.0.0.2"):
    """A server in a thread; yields its address."""
    from serve_search import listening

    server = listening(application, SimpleNamespace(socket=None, host=host, port=0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server.effective_host, server.effective_port
    finally:
        server.task_dispatcher.shutdown()
        server.pull_trigger()
        wasyncore.close_all(server._map)
        thread.join(20)


def kept_open(address, count):
    """So many connections that ask for nothing."""
    found = []
    for number in range(count):
        found.append(socket.create_connection(address))
        found[-1].sendall(SILENT[number % len(SILENT)])
    return found


def is_closed(client):
    """Whether the server has closed a connection, after "100 Continue" at most."""
    client.settimeout(0.01)
    try:
        return client.recv(99) == b"" or client.recv(99) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("idle", [150, connections.MOST_CONNECTIONS + 60])
def test_connections_that_ask_for_nothing_keep_nobody_out(site, sheet, idle):
    app = create_app(site, sheet, [], DEFAULT, access=Access(loopback=False))
    with served_at(app) as address, contextlib.ExitStack() as open_ones:
        silent = [open_ones.enter_context(one) for one in kept_open(address, idle)]
        for _ in range(3):
            client = http.client.HTTPConnection(*address, timeout=20)
            assert asked(client) == (200, True)
            assert asked(client) == (200, True)
            client.close()
        # Those that have waited longest are the ones that went.
        closed = [is_closed(one) for one in silent]
        assert sum(closed) <= max(0, idle + 3 - connections.MOST_CONNECTIONS)
        assert closed == sorted(closed, reverse=True)
        assert closed[0] == (idle > connections.MOST_CONNECTIONS)


def test_who_keeps_the_server_waiting_is_left(site, sheet, monkeypatch):
    monkeypatch.setattr(connections, "PATIENCE", 2)
    app = create_app(site, sheet, [], DEFAULT, access=Access(loopback=False))
    with served_at(app) as address, contextlib.ExitStack() as open_ones:
        silent = [open_ones.enter_context(one) for one in kept_open(address, 10)]
        asking = http.client.HTTPConnection(*address, timeout=20)
        until = time.monotonic() + 20
        while not all(map(is_closed, silent)) and time.monotonic() < until:
            assert asked(asking) == (200, True)  # goes on all the while
            with contextlib.suppress(ConnectionError):
                silent[1].sendall(b"X")  # a byte from time to time
            time.sleep(0.2)
        assert all(map(is_closed, silent))
        assert asked(asking) == (200, True)
        asking.close()


def test_a_slow_answer_is_waited_for(site, sheet, monkeypatch):
    monkeypatch.setattr(connections, "PATIENCE", 1)
    ranks = site.index.ranks
    monkeypatch.setattr(
        site.index, "ranks", lambda *given: time.sleep(2.5) or ranks(*given)
    )
    app = create_app(site, sheet, [], ["bm25"], access=Access(loopback=False))
    with served_at(app) as address:
        client = http.client.HTTPConnection(*address, timeout=20)
        assert asked(client) == (200, True)
        client.close()


def test_a_configuration_is_laid_over_as_snakemake_does(tmp_path):
    import yaml
    from snakemake.utils import update_config

    defaults = yaml.safe_load((SCRIPT.parents[1] / "config/config.yaml").read_text())
    overlays = [
        {"run": "a", "datasets": {"x": {"example": {"cases": 1, "volumes": 1}}}},
        {"split": {"edges": [0, 9]}, "train": {"args": {"fp16": True}}},
        {"run": "b", "evaluate": {"systems": {"bm25": None}}},
        {"evaluate": {"compare": {"tuned_dense": "base_dense"}}},
        {"report": {"systems": ["base_dense"]}},
        {"evaluate": {"spelling": {"systems": ["base_dense"]}}},
    ]
    paths = []
    for number, overlay in enumerate(overlays):
        paths.append(tmp_path / f"{number}.yaml")
        paths[-1].write_text(yaml.safe_dump(overlay))
        update_config(defaults, overlay)
    del defaults["evaluate"]["systems"]["bm25"]
    assert read_config(paths) == defaults


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no such file"),
        ("a: [", "is not a YAML file"),
        ("- a", "is not a map of keys"),
        ("serve: {image_link: ftp://x}", "`serve.image_link`: is ftp://x"),
        ("serve: {image: x}", "`serve.image`: is not a configuration key"),
    ],
)
def test_a_configuration_that_will_not_do_is_named(tmp_path, text, reason):
    path = tmp_path / "my.yaml"
    source = tmp_path / "source.yaml"
    source.write_text("datasets: {a: {example: {cases: 1, volumes: 1}}}")
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_config([source, path])
    assert reason in str(caught.value)


def test_a_server_starts_with_bad_lines_in_its_sheet(index, tmp_path, caplog):
    from serve_search import verdicts_on

    passage = min(index.ids)
    row = {"query": "kvarnen", "query_id": "x", "verdict": "relevant", "judge": "anna"}
    lines = [json.dumps(row | {"passage_id": key}) for key in (passage, "gone")]
    path = tmp_path / "judgements.jsonl"
    path.write_text("\n".join([*lines, lines[0][:30]]))
    verdicts = verdicts_on(index, tmp_path)
    assert [one["passage_id"] for one in verdicts.latest()] == [passage]
    assert f"{path}, line 2, `passage_id`: is gone, expected a passage" in caplog.text
    assert f"{path}, line 3: the line is not JSON" in caplog.text
    bad = read_records(tmp_path / "judgements.rejected.jsonl")
    assert [record["raw"] for _, record in bad] == [lines[1], lines[0][:30]]


def test_the_sheet_of_an_earlier_server_is_gone_on_with(
    served_run, site, tmp_path, index
):
    passage = next(iter(index.ranks("bm25", "kvarnen")))
    row = {"query": "kvarnen", "query_id": "x", "passage_id": passage}
    path = tmp_path / "sheet"
    write_records(path, [row | {"verdict": "not_relevant", "judge": "anna"}])
    client = create_app(site, Verdicts(path), ["anna"], DEFAULT).test_client()
    _, page = get(client, q="kvarnen")
    assert page.all("li", id=f"bm25-{passage}", class_="rejected")
