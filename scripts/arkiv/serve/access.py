"""Who may ask, and what a browser may do with the answers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import request

if TYPE_CHECKING:
    from flask import Response

# Nothing but our own style and icon, and pictures from where they are said to be; no
# script, and no page that frames ours.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src {images}; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Names by which this machine alone is reached: a page from elsewhere that has its own
# name point here is refused.
LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?")
# What answers programs, and viewers.
FOR_PROGRAMS = ("/api/", "/iiif/")


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        loopback: only who asks for this machine by one of its own names, or by that of
            the web server in front.
        cors: origins whose pages may read what programs are answered; `*`: all.
        address: of the web server in front, if any.
    """

    loopback: bool = True
    cors: Sequence[str] = ()
    address: str | None = None

    def elsewhere(self) -> bool:
        """Whether a page from elsewhere may ask, whose name points to this machine."""
        # Flask's own TRUSTED_HOSTS takes no IPv6 address.
        host = request.headers.get("Host", "")
        known = self.address and host == urlsplit(self.address).netloc
        return self.loopback and not known and not LOOPBACK.fullmatch(host)

    def is_for_programs(self) -> bool:
        """Whether the answer is one for programs."""
        return request.path.startswith(FOR_PROGRAMS)

    def secured(self, answer: Response, images: Sequence[str]) -> Response:
        """An answer that hostile pages cannot use.

        Args:
            answer: to the request.
            images: origins of pictures, beside this one.
        """
        answer.headers.update(HEADERS)
        policy = POLICY.format(images=" ".join(["'self'", *images]))
        answer.headers["Content-Security-Policy"] = policy
        answer.headers.setdefault("Cache-Control", "no-store")
        if self.cors and self.is_for_programs():
            self._let_in(answer)
        return answer

    def _let_in(self, answer: Response) -> None:
        """Let pages of the origins that may read an answer do so."""
        origin = request.headers.get("Origin")
        answer.headers["Vary"] = "Origin"
        if "*" in self.cors:
            answer.headers["Access-Control-Allow-Origin"] = "*"
        elif origin in self.cors:
            answer.headers["Access-Control-Allow-Origin"] = origin
        else:
            return
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"


# This machine alone, and none of its other pages.
HERE_ALONE = Access()
