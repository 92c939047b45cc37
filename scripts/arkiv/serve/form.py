"""The search form on top of every page."""

from __future__ import annotations

from arkiv.base.html import Html, element
from arkiv.serve.index import Index
from arkiv.serve.view import HITS, MOST_CHARACTERS, View


def search_form(index: Index, view: View, language: str | None) -> Html:
    """The query box, and what is searched how; sent by GET, for it is an address."""
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
            lang=language,
            autofocus=None if view.query else "",
        ),
        element("button", "Search", class_="go"),
        class_="box",
    )
    titles = [index.systems[name].title for name in view.systems]
    where = f"volume {view.volume}" if view.volume else "all volumes"
    chosen = ", ".join(titles)
    if index.volumes:
        chosen += f" · {where}"
    options = element(
        "details",
        element(
            "summary", "Systems and volume ", element("span", chosen, class_="now")
        ),
        element(
            "div",
            *(_choices(index, group, view) for group in _groups(index)),
            _volumes(index, view),
            class_="options",
        ),
    )
    kept = ""
    if view.hits != HITS[0]:
        kept = element("input", type="hidden", name="hits", value=view.hits)
    return element("form", box, options, kept, action="/", method="get", role="search")


def _groups(index: Index) -> list[str]:
    return list(dict.fromkeys(one.group for one in index.systems.values()))


def _choices(index: Index, group: str, view: View) -> Html:
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
        for system in index.systems.values()
        if system.group == group
    ]
    return element("fieldset", element("legend", group), *boxes)


def _volumes(index: Index, view: View) -> Html:
    if not index.volumes:
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
            for volume in index.volumes
        ),
    ]
    return element(
        "p",
        element("label", "Volume", for_="volume"),
        element("select", *options, id="volume", name="volume"),
        class_="volume",
    )
