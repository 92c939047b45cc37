"""A server on loopback that speaks OpenAI's chat protocol and errs on demand.

It answers by a function, or stands before a real server as a proxy, and counts what it
answered whole.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Fault = str | int | tuple[int, str]

# How many seconds a slow answer takes, and one that is too late.
SLOW, LATE = 0.2, 2.0


def answers(out: Path) -> int:
    """How many answers the journal of a job has that writes there; 0 without one."""
    file = out / "cache/journal.jsonl"
    return file.read_bytes().count(b'"event": "answer"') if file.exists() else 0


def completion(text: str, **more: Any) -> dict[str, Any]:
    """The body of an answer."""
    choice = {"index": 0, "finish_reason": "stop"}
    choice["message"] = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    return {"object": "chat.completion", "choices": [choice], "usage": usage} | more


def forwarded(base_url: str) -> Callable[[dict], dict]:
    """Answers by another server."""

    def answer(request: dict) -> dict:
        asked = urllib.request.Request(
            f"{base_url}/chat/completions",
            json.dumps(request).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=30) as response:
            return json.load(response)

    return answer


class Held:
    """Answers so many requests, and holds the others until who asked was killed."""

    def __init__(self, count: int, answer: Callable[[dict], dict]) -> None:
        self.count = count
        self.answer = answer
        self._left = threading.Semaphore(count)
        self._killed = threading.Event()
        self._over = False

    def __call__(self, request: dict) -> dict:
        if not self._over and not self._left.acquire(blocking=False):
            self._killed.wait(60)
            raise ConnectionError
        return self.answer(request)

    def kill_when_full(
        self, command: list[str], chat: Chat, kept: Callable[[], int], **given: Any
    ) -> None:
        """Start a program and kill it, and all that it started, by SIGKILL.

        That is when all answers are given and kept, and some requests are held.

        Args:
            command: of the program.
            chat: the server that it asks.
            kept: how many answers the program has made its own.
            given: to `subprocess.Popen`.
        """
        full = chat.answered.total() + self.count
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **given,
        )
        try:
            end = time.monotonic() + 120
            while min(chat.answered.total(), kept()) < full or chat.at_once < 3:
                assert process.poll() is None, process.stdout.read().decode()
                assert time.monotonic() < end
                time.sleep(0.02)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
        self._killed.set()
        while chat.at_once:
            time.sleep(0.02)
        self._over = True


class Chat:
    """The server, as a context manager.

    Args:
        answer: the body of the answer to a request.
        fault: what goes wrong with the n-th try (from 0) of a prompt: None, a status,
            a status with what the body says, or `cut`, `dropped`, `garbage`, `hollow`,
            `slow`, `late`.
    """

    def __init__(
        self,
        answer: Callable[[dict], dict],
        fault: Callable[[str, int], Fault | None] = lambda prompt, tried: None,
    ) -> None:
        self.answer = answer
        self.fault = fault
        self.tried: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.faults: Counter[Fault] = Counter()
        self.keys: set[str] = set()
        self.at_once = self.most_at_once = 0
        self.waited: list[float] = []
        self._lock = threading.Lock()
        self._refused: dict[str, float] = {}

    def __enter__(self) -> Chat:
        chat = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                request = json.loads(self.rfile.read(size))
                chat.keys.add(self.headers.get("Authorization", ""))
                with chat._lock:
                    chat.at_once += 1
                    chat.most_at_once = max(chat.most_at_once, chat.at_once)
                try:
                    chat._handle(self, request)
                except OSError:
                    self.close_connection = True
                finally:
                    with chat._lock:
                        chat.at_once -= 1

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handle(self, handler: BaseHTTPRequestHandler, request: dict) -> None:
        prompt = request["messages"][0]["content"]
        with self._lock:
            tried = self.tried[prompt]
            self.tried[prompt] += 1
            if (before := self._refused.pop(prompt, None)) is not None:
                self.waited.append(time.monotonic() - before)
        kind = self.fault(prompt, tried)
        if kind is not None:
            with self._lock:
                self.faults[kind] += 1
        if kind == "slow":
            time.sleep(SLOW)
        elif kind == "late":
            time.sleep(LATE)
            handler.close_connection = True
            return
        elif kind == "dropped":
            handler.close_connection = True
            return
        elif kind == "garbage":
            self._send(handler, 200, b"<html>busy</html>")
            return
        elif kind == "hollow":
            self._send(handler, 200, b'{"choices": []}')
            return
        elif isinstance(kind, tuple):
            status, said = kind
            self._send(handler, status, said.encode())
            return
        elif isinstance(kind, int):
            key = handler.headers.get("Authorization", "")
            body = json.dumps({"error": {"message": f"no, {key}", "code": kind}})
            if kind == 429:
                with self._lock:
                    self._refused[prompt] = time.monotonic()
            self._send(handler, kind, body.encode())
            return
        elif kind == "cut":
            body = json.dumps(completion("cut")).encode()
            self._send(handler, 200, body, length=len(body) + 10)
            handler.close_connection = True
            return
        body = json.dumps(self.answer(request)).encode()
        self._send(handler, 200, body)
        with self._lock:
            self.answered[prompt] += 1

    @staticmethod
    def _send(
        handler: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        length: int | None = None,
    ) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(length or len(body)))
        if status == 429:
            handler.send_header("Retry-After", "0.3")
        handler.end_headers()
        handler.wfile.write(body)
        handler.wfile.flush()
