"""Searches of one volume for viewers, by the IIIF Content Search API.

Version 2.0 (https://iiif.io/api/search/2.0/) answers a page of annotations on canvases,
with the words of the query quoted beside it. Viewers of today (Mirador 4.0, Universal
Viewer 4.4) still ask as version 1.0 (https://iiif.io/api/search/1.0/) has it, so that
there is an answer of that form too.

Each passage is an annotation for each of its pages: its text, on the region that holds
its lines there. Viewers put annotations in the order of the pages of the volume, so
that a page of the answer has few, the best, and version 1.0 tells the rank of each. In
their narrow column version 1.0 has the part of the text with the query's words.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from flask import abort, request

from arkiv.base.hashing import nfc
from arkiv.base.html import WORD, asked_for, element, excerpt
from arkiv.serve.api import page_of
from arkiv.serve.filters import Filters
from arkiv.serve.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from arkiv.base.files import Record
    from arkiv.serve.rendering import Site

SEARCH_2 = "http://iiif.io/api/search/2/context.json"
SEARCH_1 = [
    "http://iiif.io/api/presentation/2/context.json",
    "http://iiif.io/api/search/1/context.json",
]
# Transcriptions supplement a canvas (Presentation API 3.0, values for motivation).
MOTIVATION = "supplementing"
# Parameters of the specification that are not made use of.
IGNORED = ("date", "user")
# Passages that are found: a dense search ranks all, and viewers that ask for every page
# of the answer would mark the whole volume.
MOST_FOUND = 20
# Annotations of a page, pages that can be asked for (a passage may be of many), words
# quoted of each annotation, and characters around one.
PAGE = 10
MOST_PAGES = 100_000
MOST_QUOTED = 20
AROUND = 30


@dataclass(frozen=True)
class Annotation:
    """A passage on one of its pages.

    Attributes:
        address: its own.
        text: of the passage.
        target: the canvas, with the region on it where that is known.
        rank: of the passage, from 1.
    """

    address: str
    text: str
    target: str
    rank: int


@dataclass(frozen=True)
class Answer:
    """A page of the annotations that a search finds.

    Attributes:
        address: of a page by its number.
        query: what was searched for.
        system: what searched, as people call it.
        page: which it is, from 1.
        every: the annotations of all pages, best first.
        ignored: parameters that were given and not made use of.
    """

    address: Callable[[int], str]
    query: str
    system: str
    page: int
    every: Sequence[Annotation]
    ignored: Sequence[str]

    @property
    def first(self) -> int:
        """The place of the page's first annotation among all."""
        return (self.page - 1) * PAGE

    @property
    def last_page(self) -> int:
        """The number of the last page."""
        return max(1, -(-len(self.every) // PAGE))

    @property
    def items(self) -> Sequence[Annotation]:
        """The annotations of the page."""
        return self.every[self.first : self.first + PAGE]


class ContentSearch:
    """Searches of one volume, for viewers.

    Args:
        site: what is searched, with canvases.
        default: systems that are asked where an address names none, of which a viewer
            is given one: the tuned model's first, or else the last.
    """

    def __init__(self, site: Site, default: Sequence[str]) -> None:
        self._site = site
        columns = [site.index.systems[name] for name in default]
        tuned = [one.name for one in columns if one.group == "Tuned model"]
        self._default = tuned[:1] or list(default)[-1:]

    def version_2(self, volume: str) -> dict[str, Any]:
        """An annotation page of version 2.0."""
        return page_2(self._answer(volume, "search"))

    def version_1(self, volume: str) -> dict[str, Any]:
        """An annotation list of version 1.0."""
        return page_1(self._answer(volume, "search1"))

    def _answer(self, volume: str, service: str) -> Answer:
        index, args = self._site.index, request.args
        if self._site.canvas is None:
            abort(404, "There are no canvases: the setting `serve.canvas` names them")
        volume = nfc(volume)  # as names are that were read
        if volume not in index.volumes:
            abort(404)
        view = View.of(args.get, args.getlist("system")[:1], index, self._default)
        wanted = (args.get("motivation") or MOTIVATION).split()
        path = self._site.absolute(f"/iiif/{quote(volume, safe='')}")
        given = [("q", view.query)]
        given += [("system", name) for name in args.getlist("system")[:1]]

        def address(page: int) -> str:
            return f"{path}/{service}?{urlencode([*given, ('page', page)])}"

        (system,) = view.systems
        found: list[Annotation] = []
        if view.query and MOTIVATION in wanted:
            ranks = index.ranks(system, view.query, Filters(volume=volume))
            best = dict(islice(ranks.items(), MOST_FOUND))
            passages = index.passages(best, lines=True)
            found = [
                one
                for key, (rank, _) in best.items()
                for one in self._annotations(path, passages[key], rank)
            ]
        page = page_of(args.get("page"), MOST_PAGES)
        ignored = [name for name in IGNORED if args.get(name)]
        title = index.systems[system].title
        return Answer(address, view.query, title, page, found, ignored)

    def _annotations(
        self, path: str, passage: Record, rank: int
    ) -> Iterator[Annotation]:
        """A passage on each of its pages; on its first where no line is known."""
        targets = [
            self._site.target(region) for region in self._site.index.regions(passage)
        ]
        if not targets:
            targets = [self._site.canvas.of(first_page(passage))]
        for number, target in enumerate(targets, start=1):
            if target is not None:
                address = f"{path}/annotation/{passage['id']}/{number}"
                yield Annotation(address, passage["text"], target, rank)


def first_page(passage: Record) -> Record:
    """The place of a passage's first page."""
    places = {key: passage.get(f"first_{key}") for key in ("page", "label", "image")}
    return {key: passage.get(key) for key in ("dataset", "volume")} | places


def page_2(answer: Answer) -> dict[str, Any]:
    """A page of annotations as version 2.0 has it."""

    def refer(page: int) -> dict[str, str]:
        return {"id": answer.address(page), "type": "AnnotationPage"}

    result: dict[str, Any] = {
        "@context": SEARCH_2,
        **refer(answer.page),
        "partOf": {
            "id": answer.address(1).partition("&page=")[0],
            "type": "AnnotationCollection",
            "total": len(answer.every),
            "first": refer(1),
            "last": refer(answer.last_page),
        },
        "startIndex": answer.first,
        "items": [
            {
                "id": one.address,
                "type": "Annotation",
                "motivation": MOTIVATION,
                "body": {
                    "type": "TextualBody",
                    "value": one.text,
                    "format": "text/plain",
                },
                "target": one.target,
            }
            for one in answer.items
        ],
    }
    if answer.page < answer.last_page:
        result["next"] = refer(answer.page + 1)
    if answer.page > 1:
        result["prev"] = refer(answer.page - 1)
    if answer.ignored:
        result["ignored"] = answer.ignored
    if quoted := [one for item in answer.items for one in quotes(item, answer.query)]:
        result["annotations"] = [{"type": "AnnotationPage", "items": quoted}]
    return result


def quotes(item: Annotation, query: str) -> Iterator[dict[str, Any]]:
    """The words of a query that stand in an annotation, each an annotation on it."""
    asked, count = asked_for(query), 0
    for word in WORD.finditer(item.text):
        if not asked(word.group()) or count == MOST_QUOTED:
            continue
        count += 1
        begin, end = word.span()
        selector = {
            "type": "TextQuoteSelector",
            "prefix": item.text[max(0, begin - AROUND) : begin],
            "exact": word.group(),
            "suffix": item.text[end : end + AROUND],
        }
        yield {
            "id": f"{item.address}/word/{count}",
            "type": "Annotation",
            "motivation": "highlighting",
            "target": {
                "type": "SpecificResource",
                "source": item.address,
                "selector": [selector],
            },
        }


def page_1(answer: Answer) -> dict[str, Any]:
    """A list of annotations as version 1.0 has it."""
    result: dict[str, Any] = {
        "@context": SEARCH_1,
        "@id": answer.address(answer.page),
        "@type": "sc:AnnotationList",
        "within": {
            "@type": "sc:Layer",
            "total": len(answer.every),
            "first": answer.address(1),
            "last": answer.address(answer.last_page),
        },
        "startIndex": answer.first,
        "resources": [
            {
                "@id": one.address,
                "@type": "oa:Annotation",
                "motivation": "sc:painting",
                "label": f"#{one.rank} in {answer.system}",
                "resource": {
                    "@type": "cnt:ContentAsText",
                    # Viewers take it for HTML, whatever is said, and know few elements.
                    "format": "text/html",
                    "chars": element("p", excerpt(one.text, answer.query, tag="b")),
                },
                "on": one.target,
            }
            for one in answer.items
        ],
    }
    if answer.page < answer.last_page:
        result["next"] = answer.address(answer.page + 1)
    if answer.page > 1:
        result["prev"] = answer.address(answer.page - 1)
    if answer.ignored:
        result["within"]["ignored"] = answer.ignored
    return result
