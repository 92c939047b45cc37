"""The web application: addresses, judging, and what keeps hostile requests harmless."""

from __future__ import annotations

import datetime
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id
from arkiv.base.html import STYLE
from arkiv.gold.sheet import sheet_csv
from arkiv.serve.buttons import Judging
from arkiv.serve.judgements import VERDICTS, WITHDRAWN, Sheet, sheet_rows
from arkiv.serve.rendering import Site
from arkiv.serve.view import View

if TYPE_CHECKING:
    from flask import Flask, Response

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


def create_app(
    site: Site,
    sheet: Sheet,
    judges: Sequence[str],
    default: Sequence[str],
    *,
    loopback: bool = True,
    separator: str = ",",
) -> Flask:
    """The application, for any WSGI server.

    Args:
        site: what is shown.
        sheet: where verdicts go.
        judges: who may judge, the first unless another is chosen; none: nobody.
        default: systems that are asked where an address names none.
        loopback: answer only who asks for this machine by one of its own names.
        separator: of the cells of a sheet.
    """
    from flask import Flask, abort, redirect, request, session
    from werkzeug.exceptions import HTTPException

    app = Flask("arkiv", static_folder=None)
    app.config.update(
        # Of this process: forms of an earlier one are refused.
        SECRET_KEY=secrets.token_bytes(32),
        SESSION_COOKIE_NAME="arkiv",
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_HTTPONLY=True,
        MAX_CONTENT_LENGTH=MOST_BODY,
    )
    index = site.index

    def view_of(values) -> View:
        return View.of(values.get, values.getlist("system"), index, default)

    def judging(query: str) -> Judging | None:
        if not judges:
            return None
        token = session.setdefault("token", secrets.token_urlsafe(16))
        judge = session.get("judge")
        judge = judge if judge in judges else judges[0]
        verdicts = sheet.verdicts(judge, query)
        return Judging(judge, judges, token, verdicts, len(sheet.latest(judge)))

    @app.before_request
    def from_here() -> None:
        # Flask's own TRUSTED_HOSTS takes no IPv6 address.
        if loopback and not LOOPBACK.fullmatch(request.headers.get("Host", "")):
            abort(400, "This server goes by the name localhost")

    @app.get("/")
    def search() -> str:
        view = view_of(request.args)
        if not view.query:
            return site.start(view)
        return site.results(view, judging(view.query))

    @app.get("/passage/<passage_id>")
    def passage(passage_id: str) -> str:
        found = index.passage(passage_id)
        if found is None:
            abort(404)
        view = view_of(request.args)
        return site.passage(found, view, judging(view.query))

    @app.post("/judge")
    def judge() -> Response:
        if not judges:
            abort(403, "Nobody judges here: the server was started without a judge")
        form = request.form
        token = session.get("token", "")
        if not token or not hmac.compare_digest(
            form.get("token", "").encode(), token.encode()
        ):
            abort(403, "The form is older than the server: search again, then judge")
        if form.get("judge") in judges:
            session["judge"] = form["judge"]
        view = view_of(form)
        kind = next((kind for kind in VERDICTS if kind in form), None)
        passage_id, _, place = form.get(kind, "").partition(" ")
        back = form.get("back", "/")
        if back != "/" and index.passage(back.removeprefix("/passage/")) is None:
            back = "/"
        if kind is None:
            return redirect(view.address(back), 303)
        if index.passage(passage_id) is None or not view.query:
            abort(400, "A verdict is on a passage of this archive, for a query")
        who = judging(view.query)
        if kind != WITHDRAWN or passage_id in who.verdicts:
            sheet.add(verdict_of(view, passage_id, kind, who.judge))
        anchor = f"{place}-{passage_id}" if place in view.systems else "main"
        return redirect(f"{view.address(back)}#{anchor}", 303)

    def verdict_of(view: View, passage_id: str, kind: str, judge: str) -> dict:
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

    @app.get("/judgements.csv")
    def judgements() -> Response:
        if not judges:
            abort(404)
        who = judging("").judge
        passages = {row["id"]: row for row in index.passages}
        rows = sheet_rows(sheet.latest(who), passages)
        answer = app.response_class(sheet_csv(rows, separator), mimetype="text/csv")
        answer.headers["Content-Disposition"] = 'attachment; filename="judgements.csv"'
        return answer

    @app.get("/style.css")
    def style() -> Response:
        return kept(STYLE_SHEET, "text/css")

    @app.get("/icon.svg")
    def icon() -> Response:
        return kept(ICON, "image/svg+xml")

    def kept(text: str, kind: str) -> Response:
        answer = app.response_class(text, mimetype=kind)
        answer.headers["Cache-Control"] = "max-age=86400"
        return answer

    @app.errorhandler(InputError)
    def refused(error: InputError) -> tuple[str, int]:
        return site.fault("That cannot be searched", f"{error.reason}."), 400

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> tuple[str, int]:
        title, sentence = FAULTS.get(error.code, (error.name, "{said}"))
        said = (error.description or error.name).rstrip(".")
        return site.fault(title, f"{sentence.format(said=said)}."), error.code or 500

    @app.after_request
    def secured(answer: Response) -> Response:
        for name, value in HEADERS.items():
            answer.headers[name] = value
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

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
