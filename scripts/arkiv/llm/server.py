"""Any server that speaks OpenAI's chat protocol: OpenAI, vLLM, Ollama, transformers.

Requests run at the same time up to a limit. What may pass (too many requests, a fault
of the server, a time-out, a cut connection, an answer that is none) is tried again,
after the time that the server asks for or one that doubles with each try.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING

from arkiv.base.errors import InputError
from arkiv.base.progress import Progress
from arkiv.base.secrets import concealed
from arkiv.llm.journal import Journal
from arkiv.llm.protocol import Answer, Request, Sampling, estimated_tokens
from arkiv.llm.secret import Secret
from arkiv.llm.settings import Connection

if TYPE_CHECKING:
    import openai

log = logging.getLogger("arkiv.llm.server")

FIRST_DELAY, LONGEST_DELAY = 0.5, 60.0  # seconds
LONGEST_ASKED_FOR = 600.0
SAID = 300  # characters of a server's error that are passed on
# Nothing but another configuration helps against these.
HOPELESS = (401, 402, 403, 404)
# Of a server that lists no models.
NO_LIST = 404
PASSING = (408, 409, 425, 429)


class GarbageError(Exception):
    """An answer with status 200 that is none."""


class StoppedError(Exception):
    """Another request of the job has failed for good."""


class Server:
    """Answers requests by a server (see `arkiv.llm.asking.Backend`).

    Raises:
        InputError: there is no key, or no connection of this kind.
    """

    def __init__(self, connection: Connection, sampling: Sampling) -> None:
        self._connection = connection
        self._secret = Secret.for_server(connection)
        self._stop = threading.Event()
        self._client = self._made()
        self._options = {"model": sampling.model, "extra_body": dict(sampling.extra)}
        if "max_completion_tokens" not in sampling.extra:
            self._options["max_tokens"] = sampling.max_tokens
        if sampling.temperature is not None:
            self._options["temperature"] = sampling.temperature

    def _made(self) -> openai.OpenAI:
        """The client.

        Raises:
            InputError: it takes no such address, of the server or of a proxy that the
                environment names.
        """
        import openai

        # At their chattier levels they tell of headers.
        for name in ("openai", "httpx", "httpx2", "httpcore", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        try:
            # It would try again by itself, unseen by the budget.
            return openai.OpenAI(
                api_key=self._secret.revealed(),
                base_url=self._connection.base_url,
                timeout=self._connection.timeout,
                max_retries=0,
            )
        # Every exception: those of an address are the HTTP library's.
        except Exception as error:
            raise self._unusable(f"cannot be asked: {self._said(error)}") from None

    def ask(self, requests: Iterable[Request], journal: Journal) -> dict[str, str]:
        """See `arkiv.llm.asking.Backend`."""
        refused: dict[str, str] = {}
        with ThreadPoolExecutor(self._connection.concurrency) as pool:
            try:
                progress = Progress(None, "answers", said_by=log)
                ended = self._all(iter(requests), journal, pool)
                for key, reason in ended:
                    if reason is not None:
                        refused[key] = reason
                    progress.more(beside=f"{journal.spent} spent")
            except BaseException:
                # Those that wait for another try are not to keep the pool open.
                self._stop.set()
                raise
        return refused

    def _all(
        self, requests: Iterator[Request], journal: Journal, pool: ThreadPoolExecutor
    ) -> Iterator[tuple[str, str | None]]:
        """The keys of requests as they end, with the reason where there is no answer.

        After one has failed for good no other is begun, and those under way end.
        """
        running: dict[Future, Request] = {}
        failure: BaseException | None = None
        while True:
            if failure is None:
                free = self._connection.concurrency - len(running)
                for request in islice(requests, free):
                    running[pool.submit(self._answered, request, journal)] = request
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                request, error = running.pop(future), future.exception()
                if error is None:
                    yield request.key, future.result()
                elif not isinstance(error, StoppedError):
                    failure = failure or error
                    self._stop.set()
        if failure is not None:
            raise failure

    def models(self) -> list[str]:
        """The names of the models that the server lists, for which nothing is billed.

        None where it keeps no list.

        Raises:
            InputError: it does not answer, or not with this key.
        """
        import openai

        try:
            return [one.id for one in self._client.models.list()]
        except openai.APIStatusError as error:
            if error.status_code not in HOPELESS or error.status_code == NO_LIST:
                return []
            said, do = self._said(error), "see whether the key is the server's"
        except (openai.APIConnectionError, ValueError) as error:
            said, do = self._said(error), "see whether the server runs, at this address"
        address = self._secret.masked(self._connection.base_url)
        raise InputError(f"{said}; {do}", file=address) from None

    def _answered(self, request: Request, journal: Journal) -> str | None:
        """Ask until there is an answer in the journal; or say why there will be none.

        Raises:
            InputError: no answer after all tries, or none to be had at all.
            StoppedError: another request failed meanwhile.
        """
        import openai

        for tried in range(self._connection.retries + 1):
            if self._stop.is_set():
                raise StoppedError
            journal.ask(request)
            try:
                answer = self._answer(request)
            except openai.APIStatusError as error:
                said = self._said(error)
                journal.refuse(request, said)
                if error.status_code in HOPELESS or "insufficient_quota" in said:
                    raise self._unusable(said) from None
                if error.status_code < 500 and error.status_code not in PASSING:
                    return said
                asked_for = retry_after(error.response.headers, time.time())
            except (openai.APIConnectionError, GarbageError) as error:
                said, asked_for = self._said(error), None
                # One that was never made costs nothing; any other may be billed.
                unmade = "ConnectError" in type(error.__cause__).__name__
                (journal.refuse if unmade else journal.lose)(request, said)
            except BaseException:
                journal.lose(request, "the job was ended")
                raise
            else:
                journal.settle(request, answer)
                return None
            log.warning("try %d of request %s: %s", tried + 1, request.key, said)
            if tried < self._connection.retries:
                self._stop.wait(delay(tried, asked_for, random.random))
        raise self._unusable(
            f"request {request.key} has no answer after {tried + 1} tries, the last "
            f"one: {said}"
        )

    def _answer(self, request: Request) -> Answer:
        """Ask once."""
        raw = self._client.chat.completions.with_raw_response.create(
            messages=[{"role": "user", "content": request.prompt}], **self._options
        )
        return parsed(raw.http_response.content, request, self._secret)

    def _said(self, error: Exception) -> str:
        """An error in one line, without the key and other secrets."""
        said = error
        status = getattr(error, "status_code", None)
        if status is not None:
            body = error.response.text
            said = f"status {status}: {body.strip() or 'no reason given'}"
        elif error.__cause__ is not None:
            said = f"{error} ({error.__cause__!r})"
        # A proxy's address may hold a password too.
        said = concealed(self._secret.masked(str(said)))
        return " ".join(said.split())[:SAID].rstrip(".")

    def _unusable(self, said: str) -> InputError:
        return InputError(
            f"{said}; run again when that is mended, what was answered is kept",
            file=self._secret.masked(self._connection.base_url),
        )


def parsed(body: bytes, request: Request, secret: Secret) -> Answer:
    """The answer that the body of a response holds.

    Raises:
        GarbageError: it is not JSON, or has no answer in it.
    """
    try:
        value = json.loads(body)
        choice = value["choices"][0]
        text = choice["message"].get("content") or ""
        usage = value.get("usage") or {}
        tokens = usage.get("prompt_tokens"), usage.get("completion_tokens")
        text = secret.masked(str(text)).encode("utf-8", "replace").decode()
    except (ValueError, LookupError, TypeError, AttributeError):
        said = secret.masked(body.decode("utf-8", "replace"))[:SAID]
        raise GarbageError(f"the answer is no chat completion: {said!r}") from None
    cut = choice.get("finish_reason") == "length"
    if all(isinstance(count, int) and count >= 0 for count in tokens):
        return Answer(text, *tokens, cut=cut)
    counts = estimated_tokens(request.prompt), estimated_tokens(text)
    return Answer(text, *counts, cut=cut, estimated=True)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that a response asks to wait: a number or a date of HTTP."""
    given = headers.get("retry-after", "")
    try:
        seconds = float(given)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(given).timestamp() - now
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds)


def delay(tried: int, asked_for: float | None, draw: Callable[[], float]) -> float:
    """Seconds to wait after a try, from 0: what was asked for, or twice as long each.

    A random part keeps requests that failed together from coming back together.
    """
    grown = min(LONGEST_DELAY, FIRST_DELAY * 2**tried)
    if asked_for is not None:
        return min(asked_for, LONGEST_ASKED_FOR) + FIRST_DELAY * draw()
    return grown * (0.5 + draw() / 2)
