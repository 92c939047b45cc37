"""A server on loopback that speaks OpenAI's embeddings protocol and errs on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np


class Embeddings:
    """The server, as a context manager.

    Args:
        vectors: (n, dim) of n texts.
        fault: of the n-th request, from 0, and its texts a status and what is said;
            None: nothing goes wrong.
        models: that it names.

    Attributes:
        base_url: as clients take it.
        asked: the texts of each request that was answered.
        keys: what requests had for their authorization.
    """

    def __init__(
        self,
        vectors: Callable[[list[str]], np.ndarray],
        fault: Callable[[int, list[str]], tuple[int, str] | None] = lambda n, t: None,
        models: Sequence[str] = ("m",),
    ) -> None:
        self.vectors, self.fault, self.models = vectors, fault, models
        self.asked: list[list[str]] = []
        self.requests = 0
        self.keys: set[str] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Embeddings:
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(200, {"data": [{"id": name} for name in served.models]})

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                request = json.loads(self.rfile.read(size))
                served.keys.add(self.headers.get("Authorization", ""))
                self._send(*served._answer(request))

            def _send(self, status: int, body: object) -> None:
                raw = (
                    body.encode()
                    if isinstance(body, str)
                    else json.dumps(body).encode()
                )
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: dict) -> tuple[int, object]:
        texts = request["input"]
        with self._lock:
            number, self.requests = self.requests, self.requests + 1
            if (wrong := self.fault(number, texts)) is not None:
                return wrong
            self.asked.append(texts)
            vectors = self.vectors(texts)
        rows = [
            {"object": "embedding", "index": index, "embedding": vector.tolist()}
            for index, vector in enumerate(np.asarray(vectors, np.float32))
        ]
        # In any order: the index says which is which.
        return 200, {"object": "list", "model": request["model"], "data": rows[::-1]}
