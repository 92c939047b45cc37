"""Pages of annotation lists: IIIF's of version 2, W3C's pages and plain lists.

An annotation has a text (`resource.chars`, or the `value` of a body) and stands on a
canvas, or on a part of it (`#xywh=`, or a polygon). Canvases are pages, in the order in
which they come. Of a canvas with texts of several granularities (lines, and each of
their words) the lines are read. Tags and links are no texts.

Source: IIIF Presentation API 2.1 and 3.0, its Text Granularity Extension, the W3C's Web
Annotation Data Model, the Shared Canvas lists of Mirador and the Wellcome Collection.
"""

from __future__ import annotations

import html
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from arkiv.pages.boxes import Edges, around, number
from arkiv.pages.page import Format, Sheet, not_a_page

LISTS = ("resources", "items", "annotations")
# Of several granularities the first that is there is read.
GRANULARITIES = ("line", "paragraph", "block", "page", "word", "glyph")
# What a body is for that is no text.
BESIDE = {"tagging", "linking", "classifying", "identifying", "bookmarking"}
TEXTS = {"transcribing", "supplementing", "painting"}
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
# Those that end a line.
BREAK = re.compile(r"<br\b[^<>]*>|</(?:p|div|li|h\d|tr)\s*>", re.IGNORECASE)
PLACE = re.compile(r"\bxywh=(?:pixel:)?([\d.]+),([\d.]+),([\d.]+),([\d.]+)")
POLYGON = re.compile(r"""\bpoints=\\?["']([\d.,\s]+)""")


@dataclass(frozen=True)
class _Text:
    text: str
    id: str | None
    granularity: str | None
    box: Edges | None


def read(data: bytes) -> list[Sheet]:
    """The pages of a list: one where it has no text.

    Raises:
        InputError: it is no list of annotations.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise not_a_page(f"not JSON ({error})") from None
    canvases: dict[str | None, list[_Text]] = defaultdict(list)
    for annotation in _annotations(content):
        canvas, text = _read(annotation)
        if text.text.strip():
            canvases[canvas].append(text)
    return [_sheet(*each) for each in (canvases or {None: []}).items()]


def _sheet(canvas: str | None, found: list[_Text]) -> Sheet:
    known = {each.granularity for each in found}
    best = next((each for each in GRANULARITIES if each in known), None)
    sheet = Sheet(image=canvas)
    for each in found:
        if each.granularity in (None, best):
            lines = each.text.splitlines()
            for line in lines:
                # Of several lines no one knows which stands where.
                sheet.add(line, id=each.id, box=each.box if len(lines) == 1 else None)
    return sheet


def _annotations(content: Any) -> Iterator[dict]:
    if isinstance(content, dict):
        single = "on" in content or "target" in content
        found = (content[key] for key in LISTS if key in content)
        content = [content] if single else next(found, None)
    if not isinstance(content, list):
        raise not_a_page("expected an annotation list with `resources` or `items`")
    for each in content:
        if isinstance(each, dict) and isinstance(each.get("items"), list):
            # A collection of annotation pages.
            yield from _annotations(each)
        elif isinstance(each, dict):
            yield each


def _read(annotation: dict) -> tuple[str | None, _Text]:
    """The canvas of an annotation, and its text."""
    target = annotation.get("on", annotation.get("target"))
    granularity = _string(annotation, "textGranularity")
    text = "\n".join(_texts(annotation))
    id = _string(annotation, "@id", "id")
    return _canvas(target), _Text(text, id, granularity, _box(target))


def _texts(annotation: dict) -> Iterator[str]:
    """What its bodies say; where some are transcriptions, what these say."""
    given = (annotation.get(key) for key in ("resource", "body", "bodyValue"))
    bodies = [each for value in given for each in _listed(value)]
    of_all = _purposes(annotation)
    purposes = [
        (_purposes(body) if isinstance(body, dict) else set()) or of_all
        for body in bodies
    ]
    transcribed = any(TEXTS & each for each in purposes)
    for body, purpose in zip(bodies, purposes, strict=True):
        if TEXTS & purpose if transcribed else not BESIDE & purpose:
            yield _text(body)


def _text(body: Any) -> str:
    if isinstance(body, str):
        return body
    if not isinstance(body, dict) or "Tag" in (_string(body, "@type", "type") or ""):
        return ""
    choices = [*_listed(body.get("default")), *_listed(body.get("items"))]
    if choices:
        return _text(choices[0])
    text = _string(body, "chars", "value", "cnt:chars") or ""
    kind = _string(body, "format") or "text/html"
    if kind != "text/html" or not TAG.search(text):
        return text
    return html.unescape(TAG.sub("", BREAK.sub("\n", text)))


def _purposes(thing: dict) -> set[str]:
    given = _listed(thing.get("purpose", thing.get("motivation")))
    return {re.split("[:#/]", each)[-1] for each in given if isinstance(each, str)}


def _canvas(target: Any) -> str | None:
    """The address of the canvas, without the part of it."""
    if isinstance(target, str):
        return target.partition("#")[0] or None
    if isinstance(target, list):
        return next(filter(None, map(_canvas, target)), None)
    if isinstance(target, dict):
        return _canvas([target.get(key) for key in ("full", "source", "@id", "id")])
    return None


def _box(target: Any) -> Edges | None:
    said = [target] if isinstance(target, str) else list(_strings(target))
    for each in said:
        if place := PLACE.search(each):
            left, top, width, height = map(number, place.groups())
            if None not in (left, top, width, height):
                return left, top, left + width, top + height
    polygons = (POLYGON.search(each) for each in said)
    return next((around(each[1]) for each in polygons if each), None)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    parts = value.values() if isinstance(value, dict) else value
    for part in parts if isinstance(value, dict | list) else ():
        yield from _strings(part)


def _listed(value: Any) -> list:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _string(thing: dict, *keys: str) -> str | None:
    found = (thing.get(key) for key in keys)
    return next((value for value in found if isinstance(value, str)), None)


FORMAT = Format(
    "an annotation list",
    (".json", ".jsonld"),
    read,
    types=frozenset(
        (
            *("sc:AnnotationList", "oa:Annotation", "AnnotationPage", "Annotation"),
            *("AnnotationCollection", "http://www.w3.org/ns/anno.jsonld"),
        )
    ),
)
