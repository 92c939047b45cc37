"""The pages of the search application, as HTML that needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import request

from arkiv.base.files import Record
from arkiv.base.html import (
    excerpt,
    image_names,
    marked,
    number,
    place,
    templates,
    volume_facts,
)
from arkiv.serve.faults import Fault
from arkiv.serve.filters import UNITS, span
from arkiv.serve.hits import found
from arkiv.serve.index import DEPTH, Index
from arkiv.serve.judgements import NOT_RELEVANT, RELEVANT, WITHDRAWN
from arkiv.serve.judges import Judging
from arkiv.serve.pictures import Picture, Pictures, Region
from arkiv.serve.view import HITS, MOST_CHARACTERS, View
from arkiv.serve.volumes import SUGGESTED
from arkiv.settings.image_links import ImageLinks, LineLinks

# Characters of a passage beside another one that are shown; of longer ones an excerpt.
LONGEST_AROUND = 1500
# Pages of a passage of which there is a picture; a long one has many.
MOST_PAGES = 6
TEMPLATES = templates(Path(__file__).parent / "templates")
TEMPLATES.globals.update(
    excerpt=excerpt,
    image_names=image_names,
    marked=marked,
    number=number,
    place=place,
    volume_facts=volume_facts,
    span=span,
    DEPTH=DEPTH,
    HITS=HITS,
    LONGEST_AROUND=LONGEST_AROUND,
    SUGGESTED=SUGGESTED,
    MOST_PAGES=MOST_PAGES,
    UNITS=UNITS,
    MOST_CHARACTERS=MOST_CHARACTERS,
    WITHDRAWN=WITHDRAWN,
    # What the buttons say, what stands there once they have been pressed, and the class
    # of what was judged so.
    BUTTONS={RELEVANT: "Relevant", NOT_RELEVANT: "Not relevant"},
    SIGNS={RELEVANT: "✓", NOT_RELEVANT: "✗"},
    CLASSES={RELEVANT: "relevant", NOT_RELEVANT: "rejected"},
)


@dataclass(frozen=True)
class Site:
    """What all pages share.

    Attributes:
        index: what is searched.
        images: links to images of pages.
        pictures: of passages on them; None: they are not shown.
        language: of the passages, as a code; None: not said.
        style: address of the style sheet.
        canvas: addresses of pages' canvases; None: nothing is said to viewers.
        address: under which the site is reached; None: under the one asked.
    """

    index: Index
    images: ImageLinks
    pictures: Pictures | None
    language: str | None
    style: str
    canvas: LineLinks | None = None
    address: str | None = None

    def absolute(self, path: str) -> str:
        """The whole address of a path of this site."""
        return (self.address or request.url_root).rstrip("/") + path

    def target(self, region: Region) -> str | None:
        """The canvas of a region's page with the region on it; None: not known."""
        canvas = self.canvas and self.canvas.of(region.place)
        if not canvas:
            return None
        left, top, right, bottom = region.box
        return f"{canvas}#xywh={left},{top},{right - left},{bottom - top}"

    def start(self, view: View) -> str:
        """The page before anything is searched for."""
        return self._page("start.html", f"Search {self.index.name}", view=view)

    def results(self, view: View, judging: Judging | None) -> str:
        """What each system finds for a query."""
        title = f"{view.query} – {self.index.name}"
        return self._page(
            "results.html",
            title,
            view=view,
            judging=judging,
            columns=found(self.index, view, lines=self.pictures is not None),
        )

    def passage(self, passage: Record, view: View, judging: Judging | None) -> str:
        """One passage in full; it is judged for a query alone."""
        return self._page(
            "passage.html",
            f"{place(passage)} – {self.index.name}",
            view=view,
            judging=judging if view.query else None,
            passage=passage,
            around=self.index.around(passage),
            pages=self.pages_of(passage),
        )

    def lines_of(self, passage: Record) -> list[Picture]:
        """Pictures of a passage's lines, one for each page."""
        if self.pictures is None:
            return []
        found = map(self.pictures.lines_of, self.index.regions(passage))
        return [picture for picture in found if picture is not None]

    def pages_of(self, passage: Record) -> list[Picture]:
        """Pictures of a passage's pages; where a size is unknown, of its lines."""
        if self.pictures is None:
            return []
        shown = self.pictures
        found = (
            shown.page_of(region) or shown.lines_of(region)
            for region in self.index.regions(passage)
        )
        return [picture for picture in found if picture is not None]

    def fault(self, fault: Fault) -> str:
        """A page that says what is wrong, with what was asked."""
        title = f"{fault.title} – {self.index.name}"
        return self._page("fault.html", title, view=fault.view, fault=fault)

    def api(self, view: View, cors: Sequence[str], said: Sequence[str]) -> str:
        """What programs can ask: from which origins, and what is said of passages."""
        title = f"For programs – {self.index.name}"
        shown = {"cors": cors, "said": said, "default": view.systems}
        return self._page("api.html", title, view=view, **shown)

    def opensearch(self) -> str:
        """The site described to browsers (OpenSearch 1.1)."""
        return self._page("opensearch.xml", "")

    def _page(self, template: str, title: str, **shown: object) -> str:
        return TEMPLATES.get_template(template).render(
            title=title,
            index=self.index,
            image_links=self.images,
            lines_of=self.lines_of,
            absolute=self.absolute,
            canvas=self.canvas,
            language=self.language,
            style=self.style,
            **{"fault": None} | shown,
        )
