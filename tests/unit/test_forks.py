"""The stand-in for `python`, by what its callers see."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import forks
import pytest

WAITING = "print('begun', flush=True)\ninput()\n"
ASLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(60)\n"


@pytest.fixture(scope="module")
def shared():
    return forks.Forks()


def script(folder, text):
    path = folder / "script.py"
    path.write_text(text, encoding="utf-8")
    return path


def begun(python, folder):
    """A program that waits for its input, once it does."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    running = subprocess.Popen([python, script(folder, WAITING)], **pipes, text=True)
    assert running.stdout.readline() == "begun\n"
    return running


def test_a_program_sees_what_its_caller_gives_and_the_caller_its_output(
    shared, tmp_path
):
    path = script(
        tmp_path,
        "import json, os, sys\n"
        "print(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ), input()]))\n"
        "print('said', file=sys.stderr)\n",
    )
    environment = {"PATH": os.environ["PATH"], "GIVEN": "ä\n", "HOME": str(tmp_path)}
    done = subprocess.run(
        [shared.python, path, "one", "two words"],
        cwd=tmp_path,
        env=environment,
        input="a line\n",
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "said\n")
    words, folder, environ, line = json.loads(done.stdout)
    assert (words, folder, line) == (["one", "two words"], str(tmp_path), "a line")
    assert environ.items() >= environment.items()


@pytest.mark.parametrize(
    "text",
    [
        "raise SystemExit(3)",
        "raise SystemExit('said')",
        "raise SystemExit(-1)",
        "1 / 0",
        "raise KeyboardInterrupt",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
        "import atexit\natexit.register(print, 'at exit')",
        "import threading\nthreading.Timer(0.1, print, ['from a thread']).start()",
    ],
)
def test_it_ends_as_python_does(shared, tmp_path, text):
    path = script(tmp_path, text)
    ours, pythons = (
        subprocess.run([python, path], capture_output=True, text=True)
        for python in (shared.python, sys.executable)
    )
    assert (ours.returncode, ours.stdout) == (pythons.returncode, pythons.stdout)
    assert ours.stderr.splitlines()[-1:] == pythons.stderr.splitlines()[-1:]


@pytest.mark.parametrize("flags", [["-c", "print(1)"], ["-s", "-c", "print(1)"]])
def test_what_is_no_program_is_pythons(shared, flags):
    done = subprocess.run([shared.python, *flags], capture_output=True, text=True)
    assert done.stdout == "1\n"


def test_what_python_imports_by_itself_is_imported_once_in_each_fork(
    tmp_path, monkeypatch
):
    (tmp_path / "sitecustomize.py").write_text("print('by itself', flush=True)")
    path = script(tmp_path, "print('here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    own = forks.Forks()
    done = subprocess.run([own.python, path], capture_output=True, text=True)
    assert done.stdout == "by itself\nhere\n"


def test_a_signal_to_the_caller_is_the_programs(shared, tmp_path):
    running = begun(shared.python, tmp_path)
    with running:
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == -signal.SIGTERM


def test_a_killed_caller_ends_its_program(shared, tmp_path):
    running = begun(shared.python, tmp_path)
    with running:
        running.kill()
        assert running.stdout.read() == ""  # until the program has let go of it


@pytest.mark.parametrize("sent", [0, 8, None])
def test_a_caller_that_is_gone_already_harms_no_other(tmp_path, sent):
    path = script(tmp_path, ASLEEP)
    own = forks.Forks()
    asked = repr((str(own.python), [str(path)], str(tmp_path), {})).encode()
    whole = len(asked).to_bytes(8, "big") + asked
    reading, writing = os.pipe()
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(own.python.parent / "socket"))
        if sent != 0:
            socket.send_fds(caller, [whole[:8]], [writing] * 3)
        caller.sendall(whole[8:] if sent is None else b"")
    os.close(writing)
    other = script(tmp_path, "print('here')")
    done = subprocess.run([own.python, other], capture_output=True, text=True)
    assert done.stdout == "here\n", done.stderr
    # Nobody holds the caller's files any more.
    os.set_blocking(reading, False)
    until, held = time.monotonic() + 10, True
    while held and time.monotonic() < until:
        try:
            held = bool(os.read(reading, 100))
        except BlockingIOError:
            time.sleep(0.05)
    os.close(reading)
    assert not held


def test_a_program_whose_end_nobody_tells_has_failed(tmp_path):
    own = forks.Forks()
    running = begun(own.python, tmp_path)
    with running:
        own._process.kill()
        assert running.wait(10) == 1
        running.stdin.close()  # which ends the program as well
        assert "the process to fork has ended" in running.stderr.read()


def test_many_programs_run_at_once(shared, tmp_path):
    path = script(
        tmp_path, "import sys, time\ntime.sleep(1)\nsys.exit(int(sys.argv[1]))"
    )
    began = time.monotonic()
    running = [subprocess.Popen([shared.python, path, str(n)]) for n in range(16)]
    assert [process.wait(20) for process in running] == list(range(16))
    assert time.monotonic() - began < 10
