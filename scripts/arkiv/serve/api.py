"""What programs are answered: searches and passages as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from flask import abort, request

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.html import place
from arkiv.pairs.provenance import PROVENANCE
from arkiv.serve.filters import READ, shown
from arkiv.serve.hits import Hit, found
from arkiv.serve.index import DEPTH
from arkiv.serve.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from arkiv.serve.pictures import Region
    from arkiv.serve.rendering import Site

# What is said of a passage, null where it is not known.
SAID = ("dataset", *PROVENANCE, "first_line", "last_line")


# What a search takes: several times, and once.
SYSTEMS = ("systems", "system")
ONCE = ("q", *READ, "group", "hits", "page")


def check_parameters(given: Mapping[str, Sequence[str]]) -> None:
    """Refuse what a search would not heed: a filter by another name, a second value.

    Args:
        given: from each parameter to its values.

    Raises:
        InputError: naming the parameter.
    """
    for name, values in given.items():
        if name not in (*SYSTEMS, *ONCE):
            known = ", ".join((*ONCE, SYSTEMS[0]))
            near = get_close_matches(name, (*ONCE, *SYSTEMS), n=1)
            hint = f"did you mean “{near[0]}”" if near else f"known are {known}"
            raise InputError(f"“{shown(name)}” is no parameter of a search; {hint}")
        if name in ONCE and len(values) > 1:
            raise InputError(f"“{name}” is given {len(values)} times, expected once")


def page_of(given: str | None, most: int = DEPTH) -> int:
    """Which page of the results is asked for, from 1.

    Args:
        given: its number as it was typed.
        most: pages that there can be.

    Raises:
        InputError: no such number.
    """
    if not (given or "1").isascii() or not (given or "1").isdecimal():
        raise InputError(f"The page is “{shown(given or '')}”, expected one from 1")
    # Python reads no number of thousands of digits.
    number = int((given or "1")[:9])
    if not 1 <= number <= most:
        raise InputError(f"The page is {number}, expected one from 1 to {most}")
    return number


@dataclass(frozen=True)
class Api:
    """Searches and passages of a site as JSON.

    Attributes:
        site: what is searched.
        default: systems that are asked where an address names none.
    """

    site: Site
    default: Sequence[str]

    def search(self) -> dict[str, Any]:
        """What systems find for a query, a page of it."""
        check_parameters(request.args.to_dict(flat=False))
        named = [
            name
            for given in request.args.getlist("systems")
            for name in given.split(",")
            if name
        ]
        systems = [*named, *request.args.getlist("system")]
        index = self.site.index
        view = View.of(request.args.get, systems, index, self.default)
        if not view.query:
            raise InputError("Nothing is searched for: `q` is empty or missing")
        page = page_of(request.args.get("page"))
        first = (page - 1) * view.hits
        columns = found(index, view, first, lines=True)
        more = any(column.count > first + view.hits for column in columns)
        return {
            "query": view.query,
            "query_id": index.query_id(view.query),
            "filters": dict(view.filters.fields()),
            "group": view.group,
            "page": page,
            "hits": view.hits,
            "previous": self._page(view, page - 1) if page > 1 else None,
            "next": self._page(view, page + 1) if more else None,
            "systems": [
                {
                    "name": column.system.name,
                    "title": column.system.title,
                    "found": column.count,
                    "hits": [
                        self._hit(best) | {"folded": [self._hit(one) for one in rest]}
                        for best, *rest in column.groups
                    ],
                }
                for column in columns
            ],
        }

    def passage(self, passage_id: str) -> dict[str, Any]:
        """One passage, and the ids of those before and after it in its volume."""
        passage = self.site.index.passage(passage_id)
        if passage is None:
            abort(404)
        around = self.site.index.around(passage)
        return self._passage(passage) | {
            "previous": around.previous and around.previous["id"],
            "next": around.next and around.next["id"],
            "page": [one["id"] for one in around.page],
        }

    def _page(self, view: View, page: int) -> str:
        query = view.search.removeprefix("?")
        return self.site.absolute(f"/api/search?{query}&page={page}")

    def _hit(self, hit: Hit) -> dict[str, Any]:
        return {
            "rank": hit.rank,
            "score": hit.score,
            "ranks_elsewhere": dict(hit.others),
            "in_pieces": hit.in_pieces,
            **self._passage(hit.passage),
        }

    def _passage(self, passage: Record) -> dict[str, Any]:
        links = self.site.images.of(passage)
        return {
            "id": passage["id"],
            "text": passage["text"],
            "place": place(passage),
            **{key: passage.get(key) for key in SAID},
            "url": self.site.absolute(f"/passage/{passage['id']}"),
            "images": [{"page": name, "url": address} for name, address in links],
            "regions": [
                self._region(region) for region in self.site.index.regions(passage)
            ],
        }

    def _region(self, region: Region) -> dict[str, Any]:
        pictures = self.site.pictures
        picture = pictures and pictures.lines_of(region)
        return {
            **{key: region.place[key] for key in ("page", "label", "image")},
            "size": region.size,
            "box": region.box,
            "lines": region.boxes,
            "picture": picture and picture.address,
            "canvas": self.site.target(region),
        }


def as_fault(title: str, sentence: str, status: int) -> Mapping[str, Any]:
    """What programs are told of a fault."""
    return {"error": {"status": status, "title": title, "sentence": sentence}}
