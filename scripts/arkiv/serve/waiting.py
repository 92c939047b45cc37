"""What several threads wait for, done at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Found = TypeVar("Found")


class Together(Generic[Asked, Found]):
    """A function of many, asked for one at a time by several threads.

    One thread at a time calls it: for its own, and for all that wait by then.

    Args:
        of_many: gives as many as it is given, in their order.
    """

    def __init__(self, of_many: Callable[[Sequence[Asked]], Sequence[Found]]) -> None:
        self._of_many = of_many
        self._waiting: list[tuple[Asked, Future[Found]]] = []
        self._adding, self._calling = threading.Lock(), threading.Lock()

    def __call__(self, asked: Asked) -> Found:
        """What the function gives for one; raises what it raises for all at once."""
        own: Future[Found] = Future()
        with self._adding:
            self._waiting.append((asked, own))
        with self._calling:
            # Who was called for meanwhile has nothing to do.
            if not own.done():
                with self._adding:
                    taken, self._waiting = self._waiting, []
                self._call(taken)
        return own.result()

    def _call(self, taken: Sequence[tuple[Asked, Future[Found]]]) -> None:
        try:
            found = list(self._of_many([asked for asked, _ in taken]))
            if len(found) != len(taken):
                raise ValueError(f"{len(found)} found for {len(taken)} that were asked")
        except BaseException as error:
            for _, future in taken:
                future.set_exception(error)
        else:
            for (_, future), one in zip(taken, found, strict=True):
                future.set_result(one)
