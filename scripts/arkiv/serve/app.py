"""The web application: addresses, judging, and what keeps hostile requests harmless."""

from __future__ import annotations

import datetime
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, abort, redirect, request, session

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id
from arkiv.base.html import STYLE
from arkiv.gold.sheet import sheet_csv
from arkiv.serve.judgements import KINDS, WITHDRAWN, Verdicts, sheet_rows
from arkiv.serve.rendering import Judging, Site
from arkiv.serve.view import View

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict
    from werkzeug.exceptions import HTTPException

HERE = Path(__file__).parent
STYLE_SHEET = STYLE + (HERE / "search.css").read_text(encoding="utf-8")
STYLE_ADDRESS = f"/style.css?{content_id(STYLE_SHEET)}"
ICON = (HERE / "icon.svg").read_text(encoding="utf-8")

HEADERS = {
    # Nothing but our own style and icon; no script, and no page that frames ours.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MOST_BODY = 1 << 16  # bytes of a form
# Names by which this machine alone is reached: a page from elsewhere that has its own
# name point here is refused.
LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?")


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Handlers:
    """What answers requests; see `create_app`."""

    site: Site
    verdicts: Verdicts
    judges: Sequence[str]
    default: Sequence[str]
    loopback: bool
    separator: str

    def from_here(self) -> None:
        """Refuse who asks for another name."""
        # Flask's own TRUSTED_HOSTS takes no IPv6 address.
        if self.loopback and not LOOPBACK.fullmatch(request.headers.get("Host", "")):
            abort(400, "This server goes by the name localhost")

    def search(self) -> str:
        """The form, or what is found."""
        view = self._view(request.args)
        if not view.query:
            return self.site.start(view)
        return self.site.results(view, self._judging(view.query))

    def passage(self, passage_id: str) -> str:
        """One passage by itself."""
        found = self.site.index.passage(passage_id)
        if found is None:
            abort(404)
        view = self._view(request.args)
        return self.site.passage(found, view, self._judging(view.query))

    def judge(self) -> Response:
        """Take a verdict or another judge, and go back to where that was."""
        self._check_form()
        form, index = request.form, self.site.index
        if form.get("judge") in self.judges:
            session["judge"] = form["judge"]
        view = self._view(form)
        kind = next((kind for kind in KINDS if kind in form), None)
        passage_id, _, place = form.get(kind, "").partition(" ")
        back = form.get("back", "/")
        if back != "/" and index.passage(back.removeprefix("/passage/")) is None:
            back = "/"
        if kind is None:
            return redirect(view.address(back), 303)
        if index.passage(passage_id) is None or not view.query:
            abort(400, "A verdict is on a passage of this archive, for a query")
        who = self._judging(view.query)
        if kind != WITHDRAWN or passage_id in who.verdicts:
            self.verdicts.add(self._verdict(view, passage_id, kind, who.judge))
        anchor = f"{place}-{passage_id}" if place in view.systems else "main"
        return redirect(f"{view.address(back)}#{anchor}", 303)

    def judgements(self) -> Response:
        """The verdicts of the judge as a sheet."""
        if not self.judges:
            abort(404)
        who = self._judging("").judge
        passages = {row["id"]: row for row in self.site.index.passages}
        rows = sheet_rows(self.verdicts.latest(who), passages)
        answer = Response(sheet_csv(rows, self.separator), mimetype="text/csv")
        answer.headers["Content-Disposition"] = 'attachment; filename="judgements.csv"'
        return answer

    def refused(self, error: InputError) -> tuple[str, int]:
        """The page of what cannot be searched."""
        return self.site.fault("That cannot be searched", f"{error.reason}."), 400

    def failed(self, error: HTTPException) -> tuple[str, int]:
        """The page of another fault."""
        title, sentence = FAULTS.get(error.code, (error.name, "{said}"))
        said = (error.description or error.name).rstrip(".")
        page = self.site.fault(title, f"{sentence.format(said=said)}.")
        return page, error.code or 500

    def _view(self, values: MultiDict) -> View:
        systems = values.getlist("system")
        return View.of(values.get, systems, self.site.index, self.default)

    def _judging(self, query: str) -> Judging | None:
        if not self.judges:
            return None
        token = session.setdefault("token", secrets.token_urlsafe(16))
        judge = session.get("judge")
        judge = judge if judge in self.judges else self.judges[0]
        verdicts = self.verdicts.of(judge, query)
        count = len(self.verdicts.latest(judge))
        return Judging(judge, self.judges, token, verdicts, count)

    def _check_form(self) -> None:
        if not self.judges:
            abort(403, "Nobody judges here: the server was started without a judge")
        token = session.get("token", "")
        if not token or not hmac.compare_digest(
            request.form.get("token", "").encode(), token.encode()
        ):
            abort(403, "The form is older than the server: search again, then judge")

    def _verdict(self, view: View, passage_id: str, kind: str, judge: str) -> dict:
        index = self.site.index
        ranks = {
            name: index.ranks(name, view.query, view.volume).get(passage_id)
            for name in view.systems
        }
        return {
            "query": view.query,
            "query_id": index.query_id(view.query),
            "passage_id": passage_id,
            "within": view.volume,
            "ranks": {name: found and found[0] for name, found in ranks.items()},
            "verdict": kind,
            "judge": judge,
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }


def kept(text: str, kind: str) -> Response:
    """What a browser may keep for a day."""
    answer = Response(text, mimetype=kind)
    answer.headers["Cache-Control"] = "max-age=86400"
    return answer


def secured(answer: Response) -> Response:
    """An answer that hostile pages cannot use."""
    answer.headers.update(HEADERS)
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def create_app(
    site: Site,
    verdicts: Verdicts,
    judges: Sequence[str],
    default: Sequence[str],
    *,
    loopback: bool = True,
    separator: str = ",",
) -> Flask:
    """The application, for any WSGI server.

    Args:
        site: what is shown.
        verdicts: where they go.
        judges: who may judge, the first unless another is chosen; none: nobody.
        default: systems that are asked where an address names none.
        loopback: answer only who asks for this machine by one of its own names.
        separator: of the cells of a sheet.
    """
    from werkzeug.exceptions import HTTPException

    handlers = Handlers(site, verdicts, judges, default, loopback, separator)
    app = Flask("arkiv", static_folder=None)
    app.config.update(
        # Of this process: forms of an earlier one are refused.
        SECRET_KEY=secrets.token_bytes(32),
        SESSION_COOKIE_NAME="arkiv",
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_HTTPONLY=True,
        MAX_CONTENT_LENGTH=MOST_BODY,
    )
    app.before_request(handlers.from_here)
    app.get("/")(handlers.search)
    app.get("/passage/<passage_id>")(handlers.passage)
    app.post("/judge")(handlers.judge)
    app.get("/judgements.csv")(handlers.judgements)
    app.get("/style.css", endpoint="style")(lambda: kept(STYLE_SHEET, "text/css"))
    app.get("/icon.svg", endpoint="icon")(lambda: kept(ICON, "image/svg+xml"))
    app.register_error_handler(InputError, handlers.refused)
    app.register_error_handler(HTTPException, handlers.failed)
    app.after_request(secured)
    return app


# Title and sentence by status; `{said}` is what the application says.
FAULTS = {
    400: ("That was not understood", "{said}"),
    403: ("Not judged", "{said}"),
    404: ("Nothing here", "There is no such page or passage in this archive"),
    405: ("Nothing here", "This address does not answer to that"),
    413: ("Too long", f"A form has at most {MOST_BODY:,} bytes"),
    500: ("Something went wrong", "The server's log says what it was"),
}
