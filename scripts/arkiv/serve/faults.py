"""What went wrong, as a page says it, and how what was asked is gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from werkzeug.exceptions import HTTPException

from arkiv.base.errors import NO_SPACE
from arkiv.base.files import Record
from arkiv.serve.judges import Judging
from arkiv.serve.view import View

MOST_BODY = 1 << 16  # bytes of a form

# Title and sentence by status; `{said}` is what the application says.
FAULTS = {
    400: ("That was not understood", "{said}"),
    403: ("Not judged", "{said}"),
    404: ("Nothing here", "There is no such page or passage in this archive"),
    405: ("Nothing here", "This address does not answer to that"),
    413: ("Too long", f"A form has at most {MOST_BODY:,} bytes"),
    500: ("Something went wrong", "The server's log says what it was"),
    503: ("Not now", "The server cannot answer now; try again in a moment"),
}


class NoJudge(HTTPException):
    """What is asked for is one judge's, and none has been chosen."""

    code = 400
    title = "Who judges?"


class NotKept(HTTPException):
    """A verdict could not be written: no room (507), or another reason (500)."""

    title = "Not kept"

    def __init__(self, error: OSError) -> None:
        full = error.errno in NO_SPACE
        self.code = 507 if full else 500
        super().__init__(
            "The verdict was not kept, for the server's disk is full: make room, then "
            "give it again"
            if full
            else f"The verdict was not kept, for its file cannot be written "
            f"({error.strerror}): the server's log names it"
        )


def told(error: HTTPException) -> tuple[str, str]:
    """Title and sentence of a fault."""
    said = (error.description or error.name).rstrip(".")
    if isinstance(error, NoJudge | NotKept):
        return error.title, f"{said}."
    title, sentence = FAULTS.get(error.code or 500, (error.name, "{said}"))
    return title, f"{sentence.format(said=said)}."


@dataclass(frozen=True)
class Again:
    """A verdict that was to be given, for a form that gives it by one click.

    Attributes:
        kind: of verdict.
        passage: on what.
        column: system in whose column it stood, or another name.
        judging: by whom, and the token that is good now.
    """

    kind: str
    passage: Record
    column: str
    judging: Judging


@dataclass(frozen=True)
class Fault:
    """A page about what went wrong.

    Attributes:
        title: in a few words.
        sentence: what it was.
        view: the search as far as it can be kept; None: the page is for nobody of ours.
        back: address of the page that was asked from, or of what it would have shown.
        path: of that page, without the search.
        again: the verdict that was to be given, if any.
        typed: the volume that was asked for and is not there, if any.
        nearest: volumes whose names are near that.
    """

    title: str
    sentence: str
    view: View | None = None
    back: str = "/"
    path: str = "/"
    again: Again | None = None
    typed: str | None = None
    nearest: Sequence[str] = ()
