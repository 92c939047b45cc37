"""The pages of the search application, as HTML that needs no script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arkiv.base.files import Record
from arkiv.base.html import (
    Html,
    element,
    excerpt,
    image_names,
    joined,
    marked,
    number,
    place,
)
from arkiv.serve.buttons import CLASSES, Judging, judging_form, verdict_buttons
from arkiv.serve.form import search_form
from arkiv.serve.index import Index
from arkiv.serve.view import HITS, View
from arkiv.settings.image_links import ImageLinks


def _in_parts(words: str) -> list[object]:
    """Words that a line breaks after their commas alone: `page 3,` `lines 12–18`."""
    first, *others = words.split(", ")
    parts: list[object] = [element("span", first, class_="part")]
    for part in others:
        parts += [", ", element("span", part, class_="part")]
    return parts


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

    def page(self, title: str, *body: object, view: View | None = None) -> str:
        """A whole document with the search form on top."""
        count, volumes = len(self.index.passages), len(self.index.volumes)
        holds = f"{number(count)} passages"
        if volumes:
            holds += f" in {number(volumes)} volume{'s' if volumes > 1 else ''}"
        head = element(
            "head",
            element("meta", charset="utf-8"),
            element(
                "meta",
                name="viewport",
                content="width=device-width, initial-scale=1",
            ),
            element("meta", name="color-scheme", content="light dark"),
            element("meta", name="robots", content="noindex"),
            element("title", title),
            element("link", rel="icon", type="image/svg+xml", href="/icon.svg"),
            element("link", rel="stylesheet", href=self.style),
        )
        top = element(
            "header",
            element("a", "Skip to the results", href="#main", class_="skip"),
            element(
                "p",
                element("a", self.index.name, href="/", class_="name"),
                " ",
                element("span", holds, class_="faint"),
                class_="brand",
            ),
            search_form(self.index, view, self.language) if view else "",
        )
        main = element("main", *body, id="main", tabindex="-1")
        return (
            f"<!DOCTYPE html>\n"
            f"{element('html', head, element('body', top, main), lang='en')}\n"
        )

    def start(self, view: View) -> str:
        """The page before anything is searched for."""
        samples = [
            element(
                "li",
                element("a", query, href=view.address(query=query), lang=self.language),
            )
            for query in self.index.samples()
        ]
        return self.page(
            f"Search {self.index.name}",
            element("h1", "What are you looking for?"),
            element(
                "p",
                "A question or a few words. Several systems search the same passages, "
                "and what they find stands side by side.",
            ),
            element("h2", "Test queries of this run"),
            element("ul", *samples, class_="samples"),
            view=view,
        )

    def results(self, view: View, judging: Judging | None) -> str:
        """What each system finds for a query."""
        found = {
            name: self.index.ranks(name, view.query, view.volume)
            for name in view.systems
        }
        columns = [self._column(name, found, view, judging) for name in view.systems]
        return self.page(
            f"{view.query} – {self.index.name}",
            element("h1", "Results for “", view.query, "”", class_="hidden"),
            judging_form(judging, view, "/") if judging else "",
            self._jump(view) if len(columns) > 1 else "",
            element("div", *columns, class_=f"columns of-{len(columns)}"),
            view=view,
        )

    def _jump(self, view: View) -> Html:
        """Links to the columns, for screens on which they stand below each other."""
        links = [
            element("a", self.index.systems[name].title, href=f"#{name}")
            for name in view.systems
        ]
        return element("nav", *links, class_="jump", aria_label="Systems")

    def _column(
        self,
        name: str,
        found: Mapping[str, Mapping[str, tuple[int, float]]],
        view: View,
        judging: Judging | None,
    ) -> Html:
        passages = list(found[name])
        items = [
            self._hit(passage_id, name, found, view, judging)
            for passage_id in passages[: view.hits]
        ]
        if not items:
            where = f"of volume {view.volume} " if view.volume else ""
            content = element(
                "p", f"No passage {where}shares a word with the query.", class_="none"
            )
        else:
            content = element("ol", *items, class_="hits")
        more = next((count for count in HITS if count > view.hits), None)
        following = ""
        if more and len(passages) > view.hits:
            following = element(
                "p",
                element(
                    "a",
                    f"Show the first {more}",
                    element(
                        "span", f" of {self.index.systems[name].title}", class_="hidden"
                    ),
                    href=view.address(hits=more) + f"#{name}",
                ),
            )
        return element(
            "section",
            element("h2", self.index.systems[name].title, id=f"{name}-title"),
            content,
            following,
            id=name,
            aria_labelledby=f"{name}-title",
        )

    def _hit(
        self,
        passage_id: str,
        name: str,
        found: Mapping[str, Mapping[str, tuple[int, float]]],
        view: View,
        judging: Judging | None,
    ) -> Html:
        passage = self.index.passage(passage_id)
        rank, score = found[name][passage_id]
        others = [
            f"#{ranks[passage_id][0]} in {self.index.systems[other].title}"
            for other, ranks in found.items()
            if other != name and passage_id in ranks
        ]
        verdict = judging.verdicts.get(passage_id) if judging else None
        beside = [f"score {f'{score:#.3g}'.rstrip('.')}"]
        if others:
            beside.append(f"also {', '.join(others)}")
        return element(
            "li",
            element(
                "p",
                element("span", f"{rank}. ", class_="rank"),
                element(
                    "a",
                    *_in_parts(place(passage)),
                    href=view.address(f"/passage/{passage_id}"),
                ),
                self._images(passage),
                class_="where",
            ),
            element(
                "p",
                excerpt(passage["text"], view.query),
                class_="excerpt",
                lang=self.language,
            ),
            element("p", " · ".join(beside), class_="beside"),
            verdict_buttons(passage_id, name, verdict) if judging else "",
            id=f"{name}-{passage_id}",
            class_=CLASSES.get(verdict),
        )

    def _images(self, passage: Record) -> Html:
        links = self.images.of(passage)
        words = [
            ("Image" if len(links) == 1 else f"Image of page {page}", address)
            for page, address in links
        ]
        return joined(
            *(
                joined(" ", element("a", word, href=address, rel="noreferrer external"))
                for word, address in words
            )
        )

    def passage(self, passage: Record, view: View, judging: Judging | None) -> str:
        """One passage in full."""
        verdict = judging.verdicts.get(passage["id"]) if judging else None
        back = f"/passage/{passage['id']}"
        where = place(passage)
        facts = [where[0].upper() + where[1:]]
        if names := image_names(passage):
            facts.append(names)
        if passage.get("confidence") is not None:
            facts.append(f"recognised with confidence {passage['confidence']:.2f}")
        facts.append(f"passage {passage['id']}")
        return self.page(
            f"{where} – {self.index.name}",
            judging_form(judging, view, back) if judging and view.query else "",
            element(
                "article",
                element("h1", facts[0]),
                element("p", " · ".join(facts[1:]), self._images(passage)),
                element(
                    "p",
                    marked(passage["text"], view.query),
                    class_="excerpt whole",
                    lang=self.language,
                ),
                verdict_buttons(passage["id"], "main", verdict)
                if judging and view.query
                else "",
                element(
                    "p",
                    element("a", "Back to the results", href=view.address()),
                    class_="back",
                )
                if view.query
                else "",
                class_=" ".join(filter(None, ("passage", CLASSES.get(verdict)))),
            ),
            view=view,
        )

    def fault(self, title: str, sentence: str) -> str:
        """A page that says what is wrong."""
        return self.page(
            f"{title} – {self.index.name}",
            element("h1", title),
            element("p", sentence),
            element("p", element("a", "Back to the search", href="/")),
        )
