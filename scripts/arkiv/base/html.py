"""Self-contained HTML for the report: one style, everything from outside escaped."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from arkiv.base.files import Record

if TYPE_CHECKING:
    from jinja2 import Environment

# Contrast at least 4.5 : 1 for text in both colour schemes.
STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1a1a1a; --faint: #595959; --rule: #d0d0d0;
  --band: #f4f4f4; --mark: #ffe08a; --mark-ink: #1a1a1a; --good: #006b4f;
  --bad: #a33a00; --accent: #1f5f8b;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #16181b; --ink: #e8e8e8; --faint: #a8a8a8; --rule: #44484e;
    --band: #202328; --mark: #6b5300; --mark-ink: #ffffff; --good: #5fd3ae;
    --bad: #ff9e6b; --accent: #8cc4ea;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 76rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
a { color: var(--accent); text-underline-offset: .15em;
  text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; background: var(--paper);
  padding: .5rem 1rem; }
.skip:focus { left: 1rem; top: .5rem; z-index: 1; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 2.25rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .35rem; }
p { margin: 0 0 .75rem; max-width: 46rem; }
.faint { color: var(--faint); font-size: .875rem; }
/* A shadow at each side behind which there is more. */
.wide { overflow-x: auto; margin: 0 0 1rem;
  background:
    linear-gradient(to right, var(--paper) 1rem, transparent) left / 3rem 100% local,
    linear-gradient(to left, var(--paper) 1rem, transparent) right / 3rem 100% local,
    linear-gradient(to right, var(--rule), transparent) left / .75rem 100% scroll,
    linear-gradient(to left, var(--rule), transparent) right / .75rem 100% scroll;
  background-repeat: no-repeat; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); font-size: .875rem;
  padding: 0 0 .4rem; max-width: calc(100vw - 2.5rem); }
th, td { padding: .35rem .6rem; text-align: right; vertical-align: baseline;
  border-bottom: 1px solid var(--rule); white-space: nowrap; }
th[scope=row], thead th:first-child { text-align: left; padding-left: .25rem; }
th[scope=row] { white-space: normal; min-width: 9rem; position: sticky; left: 0;
  background: var(--paper); }
thead th { border-bottom: 2px solid var(--ink); white-space: normal;
  vertical-align: bottom; }
tbody tr:hover, tbody tr:hover th { background: var(--band); }
td small { display: block; color: var(--faint); font-size: .75rem; }
td sup { display: inline-block; width: 0; font-size: .7rem; line-height: 0; }
td.words, th.words { text-align: left; white-space: normal; min-width: 10rem;
  overflow-wrap: anywhere; }
td:last-child { padding-right: 1.1rem; }
.systems { display: grid; gap: 1.25rem;
  grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); }
ol.hits { list-style: none; margin: 0; padding: 0; }
ol.hits > li { border-left: 3px solid var(--rule); padding: .1rem 0 .1rem .75rem;
  margin: 0 0 1rem; overflow-wrap: anywhere; }
ol.hits > li.relevant { border-left: 6px double var(--good); }
.excerpt { margin: .15rem 0 0; font-family: Georgia, "Times New Roman", serif; }
ol.hits > li.suspect { border-left: 6px double var(--bad); }
.example { border-top: 1px solid var(--rule); padding: .75rem 0 0; }
.badge { color: var(--good); font-weight: 600; }
.suspect .badge { color: var(--bad); }
mark { background: var(--mark); color: var(--mark-ink); padding: 0 .1em;
  text-decoration: underline; text-underline-offset: .15em; }
details { margin: 0 0 1rem; max-width: 46rem; }
summary { cursor: pointer; }
@media screen and (max-width: 40rem) {
  caption[data-columns]::after { display: block; color: var(--accent);
    content: "Scroll sideways: " attr(data-columns) " columns →"; }
  th[scope=row] { min-width: 7rem; }
  table:has(td.words) th[scope=row] { overflow-wrap: anywhere; }
  td.words, th.words { min-width: 5.5rem; }
  table:has(caption:not([data-columns])) td { white-space: normal; }
}
@media print { body { max-width: none; } section { break-inside: avoid; } }
"""

WORD = re.compile(r"\w+")
# Shorter words are mostly function words, which would be marked everywhere.
SHORTEST = 4
# Of a table on a narrow screen: that more are beside them, it says.
MOST_COLUMNS = 3
# Elements without content or end.
VOID = frozenset({"img", "input", "link", "meta"})


class Html(str):
    """Text that is HTML already and is not escaped again, in a template either."""

    __slots__ = ()

    def __html__(self) -> Html:
        return self


def html(value: object) -> Html:
    """The value as HTML: escaped, unless it is HTML already."""
    return value if isinstance(value, Html) else Html(escape(str(value)))


def joined(*content: object) -> Html:
    """Several things as one piece of HTML, each escaped if it must be."""
    return Html("".join(map(html, content)))


def element(name: str, /, *content: object, **attributes: object) -> Html:
    """An element with escaped content and attributes.

    `class_` stands for the attribute `class`, `aria_label` for `aria-label`. An
    attribute that is None is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{joined(*content)}</{name}>")


def table(
    header: Sequence[object],
    rows: Iterable[Sequence[object]],
    caption: str,
    *,
    words: int = 1,
) -> Html:
    """A table whose first column names the rows; it scrolls by itself if too wide.

    The first columns, as many as `words` says, hold words; the others hold numbers and
    are aligned right.
    """

    def cell(name: str, column: int, value: object, **more: str) -> Html:
        kind = "words" if 0 < column < words else None
        return element(name, value, **more, class_=kind)

    columns = len(header) if len(header) > MOST_COLUMNS else None
    head = [cell("th", place, value, scope="col") for place, value in enumerate(header)]
    body = [
        element(
            "tr",
            element("th", first, scope="row"),
            *(cell("td", place, value) for place, value in enumerate(rest, 1)),
            "\n",
        )
        for first, *rest in rows
    ]
    whole = element(
        "table",
        element("caption", caption, data_columns=columns),
        element("thead", element("tr", *head)),
        "\n",
        element("tbody", *body),
    )
    return element(
        "div", whole, class_="wide", role="region", tabindex=0, aria_label=caption
    )


def listed(
    about: Sequence[object], text: Html, kind: str | None, language: str | None = None
) -> Html:
    """A passage in a list, below what is said of it; the style has the kinds."""
    return element(
        "li",
        element("div", *about, class_="faint"),
        element("p", text, class_="excerpt", lang=language),
        class_=kind,
    )


def templates(folder: Path) -> Environment:
    """The templates of a folder; what is not `Html` is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def number(value: float | None) -> str:
    """A whole number with its thousands apart, or a dash for nothing."""
    return "–" if value is None else f"{value:,}"


def decimals(value: float | None, digits: int = 3) -> str:
    """A number with a true minus sign, or a dash for nothing."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def provenance(passage: Record) -> str:
    """Volume, pages, lines and images of a passage, as far as they are known."""
    names = image_names(passage)
    return f"{place(passage)}, {names}" if names else place(passage)


def image_names(passage: Record) -> str:
    """The images of a passage's first and last page; nothing if they are not known."""
    first, last = passage.get("first_image"), passage.get("last_image")
    if first is None:
        return ""
    return first if last in (None, first) else f"{first} to {last}"


def volume_facts(passage: Record) -> list[str]:
    """What is known of a passage's volume: its title, years, type and reference."""
    first, last = passage.get("year"), passage.get("year_to")
    years = first if last in (None, first) else f"{first}–{last}"
    facts = passage.get("title"), years, passage.get("type"), passage.get("reference")
    return [str(fact) for fact in facts if fact is not None]


def page_names(passage: Record) -> tuple[object, object]:
    """What the archive calls a passage's first and last page: a label, else a number.

    None where it is not known; the last one too where there is one page alone.
    """
    numbers = passage.get("first_page"), passage.get("last_page")
    labels = passage.get("first_label"), passage.get("last_label")
    first, last = (
        label or number for label, number in zip(labels, numbers, strict=True)
    )
    alone = last is None or first == last
    if None not in numbers:
        alone = numbers[0] == numbers[1]
    return first, None if alone else last


def place(passage: Record) -> str:
    """Volume, pages and lines of a passage, as far as they are known."""
    if passage.get("volume") is None:
        return f"passage {passage['id']}"
    volume = f"volume {passage['volume']}"
    page, last_page = page_names(passage)
    line, last_line = passage.get("first_line"), passage.get("last_line")
    if page is None:
        return volume
    if last_page is None:
        if line is None:
            return f"{volume}, page {page}"
        if last_line in (None, line):
            return f"{volume}, page {page}, line {line}"
        return f"{volume}, page {page}, lines {line}–{last_line}"
    if None in (line, last_line):
        return f"{volume}, pages {page}–{last_page}"
    return f"{volume}, page {page}, line {line} – page {last_page}, line {last_line}"


@lru_cache(64)  # a page has many passages for one query
def asked_for(query: str) -> Callable[[str], bool]:
    """Whether a word is one of a query's, up to case and ending.

    Those of at least four letters count, or with a digit. One word must begin with the
    other: Swedish `kvarn` finds `kvarnen`.
    """
    words = {
        word.casefold()
        for word in WORD.findall(query)
        if len(word) >= SHORTEST or any(map(str.isdigit, word))
    }
    beginnings = {
        word[:end] for word in words for end in range(SHORTEST, len(word) + 1)
    }

    @cache
    def is_asked_for(word: str) -> bool:
        word = word.casefold()
        if word in words:
            return True
        return len(word) >= SHORTEST and (
            word in beginnings
            or any(word[:end] in words for end in range(SHORTEST, len(word)))
        )

    return is_asked_for


def shares_word(query: str) -> Callable[[str], bool]:
    """Whether a text has a word of a query's, by `asked_for` or any short one."""
    asked = asked_for(query)
    words = {word.casefold() for word in WORD.findall(query)}

    def shares(text: str) -> bool:
        found = WORD.findall(text)
        return any(word.casefold() in words or asked(word) for word in found)

    return shares


def _marked(
    text: str, hits: Iterable[tuple[int, int]], begin: int, end: int, tag: str = "mark"
) -> list[object]:
    parts: list[object] = []
    at = begin
    for start, stop in hits:
        if start >= at and stop <= end:
            parts += [text[at:start], element(tag, text[start:stop])]
            at = stop
    return [*parts, text[at:end]]


def marked(text: str, query: str) -> Html:
    """A whole text with the words of a query marked."""
    asked = asked_for(query)
    hits = (match.span() for match in WORD.finditer(text) if asked(match.group()))
    return joined(*_marked(text, hits, 0, len(text)))


def excerpt(text: str, query: str, width: int = 320, *, tag: str = "mark") -> Html:
    """The stretch of a text that has most of the query's words, those marked.

    It has whole words, and at most `width` characters.

    Args:
        text: to choose from.
        query: what was searched for.
        width: see above.
        tag: of the elements that mark words.
    """
    asked = asked_for(query)
    spans = [match.span() for match in WORD.finditer(text)]
    hits = [span for span in spans if asked(text[slice(*span)])]
    starts, stops = zip(*hits, strict=True) if hits else ((), ())
    words = [text[slice(*span)].casefold() for span in hits]

    def worth(start: int) -> int:
        first, last = bisect_left(starts, start), bisect_right(stops, start + width)
        return len(set(words[first:last]))

    # Begin a little before a match, so that it has its surroundings.
    begin = max((max(0, span[0] - width // 6) for span in hits), key=worth, default=0)
    if begin:
        begin = next((start for start, _ in spans if start >= begin), begin)
    end = len(text)
    if end > begin + width:
        within = [
            stop for start, stop in spans if begin <= start and stop <= begin + width
        ]
        end = max(within, default=begin + width)
    return joined(
        "… " if begin else "",
        *_marked(text, hits, begin, end, tag),
        " …" if end < len(text) else "",
    )
