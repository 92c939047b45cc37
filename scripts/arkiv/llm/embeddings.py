"""Vectors of texts by a server of OpenAI's embeddings protocol.

Asked as language models are (`arkiv.llm.server`): several requests at the same time,
what may pass tried again, every answer in a journal. An answer is there as the bytes of
its vectors, float32.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id
from arkiv.llm.asking import Asking
from arkiv.llm.journal import Journal
from arkiv.llm.protocol import Answer, Request, Sampling, estimated_tokens
from arkiv.llm.server import SAID, GarbageError, Server
from arkiv.llm.settings import Connection

log = logging.getLogger("arkiv.llm.embeddings")


class EmbeddingServer(Server):
    """Answers requests of texts by their vectors (see `arkiv.llm.asking.Backend`).

    Args:
        connection: where it is.
        model: as it names it; empty: the only one that it has.

    Raises:
        InputError: there is no key, no connection of this kind, or no such model.
    """

    def __init__(self, connection: Connection, model: str = "") -> None:
        super().__init__(connection, Sampling(model, 1, None))
        self.model = model or self._only_model()

    def _only_model(self) -> str:
        """The model of a server that has one.

        Raises:
            InputError: it cannot be asked, or has another number of them.
        """
        import openai

        try:
            names = [one.id for one in self._client.models.list().data]
        except openai.APIError as error:
            said = f"does not name its model ({self._said(error)})"
            raise self._unusable(said) from None
        except (TypeError, AttributeError):
            names = []
        if len(names) != 1:
            said = ", ".join(map(self._secret.masked, map(str, names))) or "none"
            raise InputError(f"is not given, and the server has {said}", key="--model")
        return names[0]

    def _answer(self, request: Request) -> Answer:
        """Ask once."""
        texts = json.loads(request.prompt)
        raw = self._client.embeddings.with_raw_response.create(
            model=self.model, input=texts, encoding_format="float"
        )
        body = raw.http_response.content
        try:
            vectors = vectors_in(body, len(texts))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            said = self._secret.masked(body.decode("utf-8", "replace"))[:SAID]
            raise GarbageError(
                f"the answer is no list of {len(texts)} vectors ({error}): {said!r}"
            ) from None
        text = base64.b64encode(vectors.tobytes()).decode()
        return Answer(text, sum(map(estimated_tokens, texts)), 0, estimated=True)


def vectors_in(body: bytes, count: int) -> np.ndarray:
    """The vectors in the body of a response, (count, dim) float32, in their order.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it is no such answer.
    """
    rows = sorted(json.loads(body)["data"], key=lambda row: row["index"])
    vectors = np.array([row["embedding"] for row in rows], np.float32)
    if vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1]:
        raise ValueError(f"it has {len(vectors)} of one length")
    if not np.isfinite(vectors).all():
        raise ValueError("some numbers are not finite")
    return vectors


def asked(
    server: EmbeddingServer,
    url: str,
    texts: Sequence[str],
    journal: Journal,
    batch: int,
) -> tuple[np.ndarray, dict[int, str]]:
    """The vectors of texts, and why some have none.

    Where a request is refused, its texts are asked for one by one.

    Args:
        url: of the server, for the names of requests.
        batch: texts in a request.

    Returns:
        (n, dim) float32, and by row the server's reason; such a row is of zeros.

    Raises:
        InputError: the server cannot be asked, refuses every text, or gives vectors of
            several lengths.
    """
    asking = Asking(lambda: server, journal)
    found: dict[int, np.ndarray] = {}
    wanted: list[tuple[int, ...]] = [
        tuple(range(start, min(start + batch, len(texts))))
        for start in range(0, len(texts), batch)
    ]
    for _ in range(2):
        requests = {
            rows: _request(url, server.model, [texts[row] for row in rows])
            for rows in wanted
        }
        asking.ask(requests.values())
        found.update(_answers(asking, requests))
        wanted = [(row,) for rows in requests for row in rows if row not in found]
        if not wanted or all(len(rows) == 1 for rows in requests):
            break
    refused = {
        row: asking.unanswered[requests[(row,)].key]
        for (row,) in wanted
        if (row,) in requests
    }
    return _joined(found, len(texts), url, refused), refused


def _request(url: str, model: str, texts: Sequence[str]) -> Request:
    prompt = json.dumps(texts, ensure_ascii=False)
    return Request(content_id("embeddings", url, model, prompt), prompt, 0)


def _answers(
    asking: Asking, requests: dict[tuple[int, ...], Request]
) -> Iterator[tuple[int, np.ndarray]]:
    """Row and vector of each text in the requests that were answered."""
    for rows, request in requests.items():
        if request.key in asking.unanswered:
            continue
        content = base64.b64decode(asking.answer(request).text)
        yield from zip(
            rows, np.frombuffer(content, "<f4").reshape(len(rows), -1), strict=True
        )


def _joined(
    found: dict[int, np.ndarray], count: int, url: str, refused: dict[int, str]
) -> np.ndarray:
    """The vectors as rows.

    Raises:
        InputError: there is none, or they are of several lengths.
    """
    lengths: Iterable[int] = sorted({len(vector) for vector in found.values()})
    if not found:
        reason = next(iter(refused.values()), "no reason given")
        raise InputError(f"refused every text, the first one with: {reason}", file=url)
    if len(lengths) > 1:
        several = " and ".join(map(str, lengths))
        raise InputError(f"gave vectors of {several} dimensions", file=url)
    vectors = np.zeros((count, *lengths), np.float32)
    for row, vector in found.items():
        vectors[row] = vector
    return vectors
