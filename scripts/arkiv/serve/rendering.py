"""The pages of the search application, as HTML that needs no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arkiv.files import Record
from arkiv.pages import Html, element, excerpt, joined, marked, number, provenance
from arkiv.serve.images import ImageLinks
from arkiv.serve.index import Index
from arkiv.serve.judgements import NOT_RELEVANT, RELEVANT, WITHDRAWN
from arkiv.serve.view import HITS, MOST_CHARACTERS, View

# What the buttons say, and what stands there once they have been pressed.
BUTTONS = {RELEVANT: "Relevant", NOT_RELEVANT: "Not relevant"}
SIGNS = {RELEVANT: "✓", NOT_RELEVANT: "✗"}
CLASSES = {RELEVANT: "relevant", NOT_RELEVANT: "rejected"}


def _in_parts(words: str) -> list[object]:
    """Words that a line breaks after their commas alone: `page 3,` `lines 12–18`."""
    first, *others = words.split(", ")
    parts: list[object] = [element("span", first, class_="part")]
    for part in others:
        parts += [", ", element("span", part, class_="part")]
    return parts


@dataclass(frozen=True)
class Judging:
    """Who judges, and how a form proves that it is one of ours.

    Attributes:
        judge: whose verdicts are shown and made.
        judges: who may be chosen.
        token: what a form must carry.
        verdicts: of the judge on the query shown, by passage id.
        count: verdicts of the judge that count, on all queries.
    """

    judge: str
    judges: Sequence[str]
    token: str
    verdicts: Mapping[str, str] = field(default_factory=dict)
    count: int = 0


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
            self._form(view) if view else "",
        )
        main = element("main", *body, id="main", tabindex="-1")
        return (
            f"<!DOCTYPE html>\n"
            f"{element('html', head, element('body', top, main), lang='en')}\n"
        )

    def _form(self, view: View) -> Html:
        box = element(
            "div",
            element("label", "Search the archive", for_="q", class_="hidden"),
            element(
                "input",
                id="q",
                name="q",
                type="search",
                value=view.query,
                maxlength=MOST_CHARACTERS,
                placeholder="Search the archive",
                autocomplete="off",
                lang=self.language,
                autofocus=None if view.query else "",
            ),
            element("button", "Search", class_="go"),
            class_="box",
        )
        titles = [self.index.systems[name].title for name in view.systems]
        where = f"volume {view.volume}" if view.volume else "all volumes"
        chosen = ", ".join(titles)
        if self.index.volumes:
            chosen += f" · {where}"
        options = element(
            "details",
            element(
                "summary", "Systems and volume ", element("span", chosen, class_="now")
            ),
            element(
                "div",
                *(self._choices(group, view) for group in self._groups()),
                self._volumes(view),
                class_="options",
            ),
        )
        kept = ""
        if view.hits != HITS[0]:
            kept = element("input", type="hidden", name="hits", value=view.hits)
        return element(
            "form", box, options, kept, action="/", method="get", role="search"
        )

    def _groups(self) -> list[str]:
        return list(dict.fromkeys(one.group for one in self.index.systems.values()))

    def _choices(self, group: str, view: View) -> Html:
        boxes = [
            element(
                "label",
                element(
                    "input",
                    type="checkbox",
                    name="system",
                    value=system.name,
                    checked="" if system.name in view.systems else None,
                ),
                " ",
                system.choice,
            )
            for system in self.index.systems.values()
            if system.group == group
        ]
        return element("fieldset", element("legend", group), *boxes)

    def _volumes(self, view: View) -> Html:
        if not self.index.volumes:
            return Html()
        options = [
            element("option", "all volumes", value=""),
            *(
                element(
                    "option",
                    volume,
                    value=volume,
                    selected="" if volume == view.volume else None,
                )
                for volume in self.index.volumes
            ),
        ]
        return element(
            "p",
            element("label", "Volume", for_="volume"),
            element("select", *options, id="volume", name="volume"),
            class_="volume",
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
            self._judging(judging, view, "/") if judging else "",
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
                    *_in_parts(provenance(passage)),
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
            self._buttons(passage_id, name, verdict) if judging else "",
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

    def _buttons(self, passage_id: str, place: str, verdict: str | None) -> Html:
        buttons = [
            element(
                "button",
                f"{SIGNS[kind]} {words}" if verdict == kind else words,
                form="judging",
                name=kind,
                value=f"{passage_id} {place}",
                aria_pressed="true" if verdict == kind else "false",
                class_=CLASSES[kind],
            )
            for kind, words in BUTTONS.items()
        ]
        if verdict in BUTTONS:
            buttons.append(
                element(
                    "button",
                    "Withdraw",
                    form="judging",
                    name=WITHDRAWN,
                    value=f"{passage_id} {place}",
                    class_="withdraw",
                )
            )
        return element(
            "div", *buttons, class_="verdict", role="group", aria_label="Your verdict"
        )

    def _judging(self, judging: Judging, view: View, back: str) -> Html:
        """The form that all buttons belong to, and who it is that judges."""
        hidden = [
            element("input", type="hidden", name=name, value=value)
            for name, value in [
                *view.fields(),
                ("token", judging.token),
                ("back", back),
            ]
        ]
        if len(judging.judges) > 1:
            who = element(
                "label",
                "Judging as ",
                element(
                    "select",
                    *(
                        element(
                            "option",
                            name,
                            selected="" if name == judging.judge else None,
                        )
                        for name in judging.judges
                    ),
                    name="judge",
                ),
            )
            change = element("button", "Change", name="change", value="1")
        else:
            who, change = joined("Judging as ", element("b", judging.judge)), ""
        done = f"{number(judging.count)} verdict{'' if judging.count == 1 else 's'}"
        return element(
            "form",
            *hidden,
            element("p", who, " ", change),
            element("p", f"{done} so far"),
            element("p", element("a", "Download as CSV", href="/judgements.csv")),
            id="judging",
            class_="judging",
            action="/judge",
            method="post",
            aria_label="Judging",
        )

    def passage(self, passage: Record, view: View, judging: Judging | None) -> str:
        """One passage in full."""
        verdict = judging.verdicts.get(passage["id"]) if judging else None
        back = f"/passage/{passage['id']}"
        facts = [provenance(passage).capitalize()]
        if passage.get("confidence") is not None:
            facts.append(f"recognised with confidence {passage['confidence']:.2f}")
        facts.append(f"passage {passage['id']}")
        return self.page(
            f"{provenance(passage)} – {self.index.name}",
            self._judging(judging, view, back) if judging and view.query else "",
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
                self._buttons(passage["id"], "main", verdict)
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
