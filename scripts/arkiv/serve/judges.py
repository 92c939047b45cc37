"""Who judges in a browser, and what proves that a form is one of ours.

Cookies do not go by port: those of two servers on one machine, or of two runs, have
names of their own. A choice of judge outlives the server, a token does not.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask, abort, request, session
from flask.sessions import SecureCookieSessionInterface

from arkiv.base.hashing import content_id

if TYPE_CHECKING:
    from flask import Response

# Seconds that a browser remembers who judges: a year.
REMEMBERED = 365 * 24 * 3600
PORT = re.compile(r":(\d{1,5})\Z")
NOBODY = "Nobody judges here: the server was started without a judge"
NO_COOKIE = "The browser has sent no cookie, without which nobody can judge here"
RESTARTED = "The server has been started anew since this page was made"


def cookie(purpose: str, *of: str) -> str:
    """The name of a cookie of a run, on the port that the browser knows."""
    port = PORT.search(request.headers.get("Host", ""))
    return f"arkiv-{purpose}-{port[1] if port else 'default'}-{content_id(*of)}"


class Sessions(SecureCookieSessionInterface):
    """Sessions in a cookie that is named for the run and the server.

    Behind a web server the browser may know another port than this server listens on.
    """

    def __init__(self, run: str) -> None:
        self.run = run

    def get_cookie_name(self, app: Flask | None = None) -> str:
        return cookie("session", self.run, request.environ.get("SERVER_PORT", ""))


@dataclass(frozen=True)
class Judging:
    """Who judges, and what is known of that.

    Attributes:
        judge: whose verdicts are shown and made; None: nobody has been chosen.
        judges: who may be chosen.
        token: what a form must carry.
        verdicts: of the judge on the query shown, by passage id.
        count: verdicts of the judge that count, on all queries.
    """

    judge: str | None
    judges: Sequence[str]
    token: str
    verdicts: Mapping[str, str]
    count: int


@dataclass(frozen=True)
class Judges:
    """Who may judge a run; no names: nobody."""

    names: Sequence[str]
    run: str

    def chosen(self) -> str | None:
        """Who judges in this browser: the only one, or who was chosen by a form."""
        if len(self.names) == 1:
            return self.names[0]
        if (given := request.form.get("judge")) in self.names:
            return given
        kept = request.cookies.get(cookie("judge", self.run))
        return next((name for name in self.names if content_id(name) == kept), None)

    def remember(self, answer: Response, judge: str | None) -> None:
        """Have the browser remember who was chosen.

        By a hash, for names have all letters.
        """
        if judge is not None and len(self.names) > 1:
            answer.set_cookie(
                cookie("judge", self.run),
                content_id(judge),
                max_age=REMEMBERED,
                httponly=True,
                samesite="Lax",
            )

    def token(self) -> str:
        """What the forms of this browser carry until the server ends."""
        return session.setdefault("token", secrets.token_urlsafe(16))

    def check_form(self) -> None:
        """Refuse a form that is not of a page made for this browser by this server."""
        if not self.names:
            abort(403, NOBODY)
        known = session.get("token", "")
        given = request.form.get("token", "")
        if not known or not hmac.compare_digest(given.encode(), known.encode()):
            sent = Sessions(self.run).get_cookie_name() in request.cookies
            abort(403, RESTARTED if sent else NO_COOKIE)
