"""The web application: addresses, judging, and what keeps hostile requests harmless."""

from __future__ import annotations

import datetime
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, abort, redirect, request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id, nfc
from arkiv.base.html import STYLE
from arkiv.gold.sheet import sheet_csv
from arkiv.serve.access import HERE_ALONE, Access
from arkiv.serve.api import SAID, Api, as_fault
from arkiv.serve.content_search import ContentSearch
from arkiv.serve.faults import MOST_BODY, Again, Fault, NoJudge, NotKept, told
from arkiv.serve.filters import shown
from arkiv.serve.judgements import KINDS, WITHDRAWN, Verdicts, sheet_rows
from arkiv.serve.judges import Judges, Judging, Sessions
from arkiv.serve.rendering import Site
from arkiv.serve.view import View
from arkiv.serve.volumes import named, nearest

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
OPENSEARCH = "application/opensearchdescription+xml"
# What answers a fault: a page or JSON, and the status.
Answered = tuple[str | Mapping[str, Any], int]
STYLE_SHEET = STYLE + (HERE / "search.css").read_text(encoding="utf-8")
STYLE_ADDRESS = f"/style.css?{content_id(STYLE_SHEET)}"
ICON = (HERE / "icon.svg").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Handlers:
    """What answers requests; see `create_app`."""

    site: Site
    verdicts: Verdicts
    judges: Judges
    default: Sequence[str]
    access: Access
    separator: str

    def from_here(self) -> None:
        """Refuse who asks for another name."""
        if self.access.elsewhere():
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
        self.judges.check_form()
        view, judge = self._view(request.form), self.judges.chosen()
        kind, passage_id, _ = self._asked_verdict()
        if kind is not None:
            if self.site.index.passage(passage_id) is None or not view.query:
                abort(400, "A verdict is on a passage of this archive, for a query")
            if judge is None:
                raise NoJudge("Say first who judges")
            self._give(view, passage_id, kind, judge)
        answer = redirect(self._back(request.form, view), 303)
        self.judges.remember(answer, judge)
        return answer

    def judgements(self) -> Response:
        """The verdicts of the judge as a sheet."""
        if not self.judges.names:
            abort(404)
        judge = self.judges.chosen()
        if judge is None:
            raise NoJudge("Say first who judges: a sheet has the verdicts of one")
        latest = self.verdicts.latest(judge)
        passages = self.site.index.passages(row["passage_id"] for row in latest)
        rows = sheet_rows(latest, passages)
        answer = Response(sheet_csv(rows, self.separator), mimetype="text/csv")
        answer.headers["Content-Disposition"] = 'attachment; filename="judgements.csv"'
        return answer

    def api(self) -> str:
        """What programs can ask."""
        return self.site.api(self._view(request.args), self.access.cors, SAID)

    def refused(self, error: InputError) -> Answered:
        """The page of what cannot be searched."""
        return self._answered("That cannot be searched", f"{error.reason}.", 400)

    def failed(self, error: HTTPException) -> Answered:
        """The page of another fault."""
        return self._answered(*told(error), error.code or 500)

    def _answered(self, title: str, sentence: str, status: int) -> Answered:
        if self.access.is_for_programs():
            return as_fault(title, sentence, status), status
        return self._fault(title, sentence), status

    def _fault(self, title: str, sentence: str) -> str:
        """A page with what was asked, as far as it can be kept, and ways on."""
        if self.access.elsewhere():
            return self.site.fault(Fault(title, sentence))
        given, index = asked(), self.site.index
        systems = given.getlist("system")
        view = View.kept(given.get, systems, index, self.default)
        typed = nfc(given.get("volume") or "").strip()
        unknown = bool(typed) and not named(index.volumes, typed)
        fault = Fault(
            title,
            sentence,
            view,
            self._back(given, view),
            self._page(given),
            self._again(given),
            typed=shown(typed) if unknown else None,
            nearest=nearest(index.volumes, typed) if unknown else (),
        )
        return self.site.fault(fault)

    def _view(self, values: MultiDict) -> View:
        systems = values.getlist("system")
        return View.of(values.get, systems, self.site.index, self.default)

    def _judging(self, query: str) -> Judging | None:
        if not self.judges.names:
            return None
        judge, token = self.judges.chosen(), self.judges.token()
        if judge is None:
            return Judging(None, self.judges.names, token, {}, 0)
        verdicts = self.verdicts.of(judge, query)
        count = len(self.verdicts.latest(judge))
        return Judging(judge, self.judges.names, token, verdicts, count)

    def _asked_verdict(self) -> tuple[str | None, str, str]:
        """The kind of verdict that a form gives, the passage's id, and its column."""
        given = sent()
        kind = next((kind for kind in KINDS if kind in given), None)
        passage_id, _, column = given.get(kind or "", "").partition(" ")
        return kind, passage_id, column

    def _page(self, given: MultiDict) -> str:
        """The path of the page that a form is on."""
        path = given.get("back", "/")
        known = self.site.index.passage(path.removeprefix("/passage/")) is not None
        return path if known and path.startswith("/passage/") else "/"

    def _back(self, given: MultiDict, view: View) -> str:
        """The address of the page that a form is on, at the passage of its verdict."""
        address = view.address(self._page(given))
        kind, passage_id, column = self._asked_verdict()
        if kind is None or self.site.index.passage(passage_id) is None:
            return address
        anchor = f"{column}-{passage_id}" if column in view.systems else "main"
        return f"{address}#{anchor}"

    def _again(self, given: MultiDict) -> Again | None:
        """The verdict that a form of ours was to give and that has come to nothing."""
        # A page from elsewhere is not to have a click prepared.
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if request.endpoint != "judge" or site not in ("same-origin", "none"):
            return None
        try:
            view = self._view(given)
        except InputError:
            return None
        kind, passage_id, column = self._asked_verdict()
        passage = self.site.index.passage(passage_id)
        if kind is None or passage is None or not view.query or not self.judges.names:
            return None
        judge, token = self.judges.chosen(), self.judges.token()
        judging = Judging(judge, self.judges.names, token, {}, 0)
        return Again(kind, passage, column, judging)

    def _give(self, view: View, passage_id: str, kind: str, judge: str) -> None:
        """Keep a verdict; what was not given need not be withdrawn."""
        if kind == WITHDRAWN and passage_id not in self.verdicts.of(judge, view.query):
            return
        index = self.site.index
        ranks = {
            name: index.ranks(name, view.query, view.filters).get(passage_id)
            for name in view.systems
        }
        verdict = {
            "query": view.query,
            "query_id": index.query_id(view.query),
            "passage_id": passage_id,
            "within": view.filters.volume,
            "filters": dict(view.filters.fields()),
            "ranks": {name: found and found[0] for name, found in ranks.items()},
            "verdict": kind,
            "judge": judge,
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        try:
            self.verdicts.add(verdict)
        except OSError as error:
            log.warning(
                "%s: a verdict could not be kept (%s)", self.verdicts.path, error
            )
            raise NotKept(error) from None


def asked() -> MultiDict:
    """What an address asks for, and a form if it can be read."""
    try:
        return request.values
    except HTTPException:
        return request.args


def sent() -> MultiDict:
    """A form, empty if it cannot be read."""
    try:
        return request.form
    except HTTPException:
        return ImmutableMultiDict()


def kept(text: str, kind: str) -> Response:
    """What a browser may keep for a day."""
    answer = Response(text, mimetype=kind)
    answer.headers["Cache-Control"] = "max-age=86400"
    return answer


def create_app(
    site: Site,
    verdicts: Verdicts,
    judges: Sequence[str],
    default: Sequence[str],
    *,
    access: Access = HERE_ALONE,
    separator: str = ",",
) -> Flask:
    """The application, for any WSGI server.

    Args:
        site: what is shown.
        verdicts: where they go.
        judges: who may judge, of several who is chosen; none: nobody.
        default: systems that are asked where an address names none.
        access: who may ask.
        separator: of the cells of a sheet.
    """
    chosen_of = Judges(judges, site.index.name)
    handlers = Handlers(site, verdicts, chosen_of, default, access, separator)
    app = Flask("arkiv", static_folder=None)
    app.config.update(
        # Of this process: forms of an earlier one are refused.
        SECRET_KEY=secrets.token_bytes(32),
        # Sent where a link from elsewhere leads here: else that page would be given
        # another token, and the forms of all other pages be refused.
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        MAX_CONTENT_LENGTH=MOST_BODY,
    )
    app.session_interface = Sessions(site.index.name)
    app.before_request(handlers.from_here)
    app.get("/")(handlers.search)
    app.get("/passage/<passage_id>")(handlers.passage)
    app.post("/judge")(handlers.judge)
    app.get("/judgements.csv")(handlers.judgements)
    api, viewers = Api(site, default), ContentSearch(site, default)
    app.get("/api")(handlers.api)
    app.get("/api/search", endpoint="search_api")(api.search)
    app.get("/api/passage/<passage_id>", endpoint="passage_api")(api.passage)
    app.get("/iiif/<path:volume>/search")(viewers.version_2)
    app.get("/iiif/<path:volume>/search1")(viewers.version_1)
    app.get("/opensearch.xml", endpoint="opensearch")(
        lambda: Response(site.opensearch(), mimetype=OPENSEARCH)
    )
    app.get("/style.css", endpoint="style")(lambda: kept(STYLE_SHEET, "text/css"))
    app.get("/icon.svg", endpoint="icon")(lambda: kept(ICON, "image/svg+xml"))
    app.register_error_handler(InputError, handlers.refused)
    app.register_error_handler(HTTPException, handlers.failed)
    images = [site.pictures.origin] if site.pictures else []
    app.after_request(partial(access.secured, images=images))
    return app
