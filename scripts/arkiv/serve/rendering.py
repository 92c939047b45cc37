"""The pages of the search application, as HTML that needs no script."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
from arkiv.serve.index import Index
from arkiv.serve.judgements import NOT_RELEVANT, RELEVANT, WITHDRAWN
from arkiv.serve.judges import Judging
from arkiv.serve.view import HITS, MOST_CHARACTERS, View
from arkiv.settings.image_links import ImageLinks


def volumes_asked(index: Index, view: View) -> str:
    """In which volumes is searched, in words."""
    if view.volume is None:
        return "all volumes"
    count = len(index.within(view.volume))
    if count == 1:
        return f"volume {view.volume}"
    return f"{number(count)} volumes “{view.volume}…”"


TEMPLATES = templates(Path(__file__).parent / "templates")
TEMPLATES.globals.update(
    excerpt=excerpt,
    image_names=image_names,
    marked=marked,
    number=number,
    place=place,
    volume_facts=volume_facts,
    volumes_asked=volumes_asked,
    HITS=HITS,
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
        language: of the passages, as a code; None: not said.
        style: address of the style sheet.
    """

    index: Index
    images: ImageLinks
    language: str | None
    style: str

    def start(self, view: View) -> str:
        """The page before anything is searched for."""
        return self._page("start.html", f"Search {self.index.name}", view=view)

    def results(self, view: View, judging: Judging | None) -> str:
        """What each system finds for a query."""
        found = {
            name: self.index.ranks(name, view.query, view.volume)
            for name in view.systems
        }
        title = f"{view.query} – {self.index.name}"
        return self._page(
            "results.html", title, view=view, judging=judging, found=found
        )

    def passage(self, passage: Record, view: View, judging: Judging | None) -> str:
        """One passage in full; it is judged for a query alone."""
        return self._page(
            "passage.html",
            f"{place(passage)} – {self.index.name}",
            view=view,
            judging=judging if view.query else None,
            passage=passage,
        )

    def fault(self, fault: Fault) -> str:
        """A page that says what is wrong, with what was asked."""
        title = f"{fault.title} – {self.index.name}"
        return self._page("fault.html", title, view=fault.view, fault=fault)

    def _page(self, template: str, title: str, **shown: object) -> str:
        return TEMPLATES.get_template(template).render(
            title=title,
            index=self.index,
            image_links=self.images,
            language=self.language,
            style=self.style,
            **{"fault": None} | shown,
        )
