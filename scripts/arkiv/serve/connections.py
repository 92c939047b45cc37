"""Connections that ask for nothing make way for those that ask.

A thread works on a request only when all of it has come in. Who opens a connection and
is silent, sends half a head, or a byte from time to time, holds a connection alone:
there are many, each for a short time, and when they run out the one goes that has kept
the server waiting longest.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from waitress import create_server
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

if TYPE_CHECKING:
    from flask import Flask

# Connections at a time, each a file descriptor; systems allow a process 1024.
MOST_CONNECTIONS = 256
# Seconds for a request to come in whole, since the connection was opened or the answer
# before was ready; likewise for a client to take anything of an answer.
PATIENCE = 30
# Bytes of a request's body. Those below that are still too much for the application are
# read, so that it can say so.
MOST_RECEIVED = 1 << 20


class Connection(HTTPChannel):
    """A connection of a client; its server has no more than `MOST_CONNECTIONS`.

    The main thread accepts, reads and writes; another calls `service` for a request.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.waiting_since = time.monotonic()
        super().__init__(*arguments, **named)
        self._make_room()

    def readable(self) -> bool:
        """Whether to read from it; asked at least once a second."""
        late = time.monotonic() - self.waiting_since > PATIENCE
        if late and self._waits() and not self.total_outbufs_len:
            self.will_close = True
        return super().readable()

    def service(self) -> None:
        """Answer a request. It is the client's turn again only when that has ended."""
        self.waiting_since = math.inf
        try:
            super().service()
        finally:
            self.waiting_since = time.monotonic()

    def _waits(self) -> bool:
        """Whether it is the client's turn."""
        return not self.requests and not self.will_close

    def _make_room(self) -> None:
        """Close who has kept us waiting longest, if there are too many."""
        others = self.server.active_channels.values()
        waiting = [one for one in others if one is not self and one._waits()]
        closing = sum(one.will_close for one in others)
        if len(others) - closing > MOST_CONNECTIONS and waiting:
            # The main loop closes it in its next round; here its number could be given
            # to another connection, which would then get its events.
            min(waiting, key=lambda one: one.waiting_since).will_close = True


def served(application: Flask, threads: int, **where: Any) -> Any:
    """A server of waitress that listens and does not answer yet.

    Args:
        application: what answers.
        threads: requests worked on at a time; more wait in a queue.
        where: to listen, as for `waitress.create_server`.

    Raises:
        OSError, ValueError: the address cannot be had.
    """
    listeners: dict[int, Any] = {}
    server = create_server(
        application,
        map=listeners,
        threads=threads,
        ident="",
        # Never reached, or the server would accept nobody.
        connection_limit=4 * MOST_CONNECTIONS,
        channel_timeout=PATIENCE,
        max_request_body_size=MOST_RECEIVED,
        # `select` knows no file descriptor beyond 1023.
        asyncore_use_poll=True,
        **where,
    )
    # A name with several addresses has a listener for each.
    for listener in listeners.values():
        if isinstance(listener, BaseWSGIServer):
            listener.channel_class = Connection
    return server
