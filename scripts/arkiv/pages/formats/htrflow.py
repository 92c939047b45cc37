"""Pages of HTRflow JSON, both generations.

Up to 0.2.6 a page is nested by `contains`: page > region > line, and a line's text and
confidence are in `text_result.texts` and `text_result.scores`, side by side. Since the
document model of its main branch (read at ef0ed37 of 9 April 2026, which still calls
itself 0.2.6) a page is nested by `regions`, and a line has a `transcription`, a list of
`{"text", "confidence"}`; empty attributes are left out. Of words below a line only the
confidence is read, where the line has none.

Where a part stands is said in three ways. Up to 0.2.5 `segment` has its `bbox` within
what it lies in, and as `orig_shape` the height and width of that; 0.2.6 has a `bbox` in
the page, and the page's `height` and `width`. The document model has a `polygon`,
within the box of what it lies in; that of the page is the whole image.

Source: `Json` in src/htrflow/serialization/serialization.py of AI-Riksarkivet/htrflow,
and `SegmentNode` in src/htrflow/volume/volume.py of its 0.2.5 and 0.2.6.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from arkiv.base.numbers import share
from arkiv.pages.boxes import Edges, around, image_size, pixels
from arkiv.pages.page import Format, Sheet, classes, mean, not_a_page

# What a page has beside its content; a page without text has only these.
NESTED_KEYS = frozenset({"image_name", "image_path", "file_name", "page_id", "label"})
DOCUMENT_KEYS = frozenset({"_image_path", "regions"})


def read(data: bytes) -> list[Sheet]:
    """The pages of a file: one, or those of a collection in one file.

    Raises:
        InputError: it is not HTRflow JSON.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise not_a_page(f"not JSON ({error})") from None
    if isinstance(content, dict) and isinstance(content.get("pages"), list):
        return [_sheet(page) for page in content["pages"]]
    return [_sheet(content)]


def _sheet(page: Any) -> Sheet:
    below, read_node = "contains", _nested_node
    if isinstance(page, dict) and DOCUMENT_KEYS & page.keys():
        below, read_node = "regions", _document_node
    if not _is_page(page, below):
        raise not_a_page("expected an object of HTRflow with `contains` or `regions`")
    sheet = Sheet(image=_image(page), size=_size(page, below))

    def add_lines(
        node: dict, above: tuple[str, ...], corner: tuple[float, float] | None
    ) -> None:
        """The lines of a region, whatever regions lie within it.

        Its own region's corner is at this place of the page.
        """
        names, line = read_node(node)
        regions = above + classes(*map(_text, names))
        edges = _edges(node, corner)
        if line is not None:
            if line["confidence"] is None:
                words = (read_node(part)[1] for part in _parts(node, below))
                line["confidence"] = _of_words(filter(None, words))
            sheet.add(**line, regions=regions, box=edges)
            return
        for part in _parts(node, below):
            add_lines(part, regions, edges and edges[:2])

    for region in _parts(page, below):
        before = len(sheet.lines)
        add_lines(region, (), (0, 0))
        sheet.regions_without_text += len(sheet.lines) == before
    return sheet


def _is_page(page: Any, below: str) -> bool:
    if not isinstance(page, dict):
        return False
    if page.get(below) is None:
        return bool((NESTED_KEYS | DOCUMENT_KEYS) & page.keys())
    return isinstance(page[below], list)


def _image(page: dict) -> str | None:
    names = (page.get(key) for key in ("file_name", "_image_path", "image_name"))
    known = (PurePosixPath(name).name for name in names if isinstance(name, str))
    return next(filter(None, known), None)


def _size(page: dict, below: str) -> tuple[object, object] | None:
    """The image's width and height, as far as the page says it."""
    if page.get("width") is not None:
        return page["width"], page.get("height")
    if whole := around(page.get("polygon")):
        return whole[2:]
    size = None
    for region in _parts(page, below):
        shape = _within(region.get("segment"), "orig_shape")
        edges = _edges(region, (0, 0))
        if edges is None or not isinstance(shape, list) or len(shape) < 2:
            continue
        size = shape[1], shape[0]
        # Its step `Resize` puts boxes back to the size of the image, and not the shape.
        if pixels(edges, image_size(*size)) != pixels(edges):
            return None
    return size


def _edges(node: dict, corner: tuple[float, float] | None) -> Edges | None:
    """Where a part stands on the page, given the corner of what it lies in."""
    if corner is None and "bbox" not in node:
        return None
    try:
        if "bbox" in node:
            return _sides(node["bbox"])
        segment = node.get("segment")
        edges = _sides(segment["bbox"]) if segment else around(node.get("polygon"))
        (left, top, right, bottom), (x, y) = edges, corner
        return left + x, top + y, right + x, bottom + y
    except (KeyError, TypeError, OverflowError):  # missing, or no number
        return None


def _sides(bbox: dict) -> Edges:
    return bbox["xmin"], bbox["ymin"], bbox["xmax"], bbox["ymax"]


def _parts(node: dict, below: str) -> list[dict]:
    parts = node.get(below)
    if not isinstance(parts, list):
        return []
    return [part for part in parts if isinstance(part, dict)]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _within(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _nested_node(node: dict) -> tuple[list[object], dict | None]:
    """The classes of a node up to 0.2.6, and what is read if it is a line."""
    given = _within(node.get("segment"), "class_label")
    names, result = [given, node.get("segmentation_label")], node.get("text_result")
    if not isinstance(result, dict):
        return names, None
    text, score = _surest(result.get("texts"), result.get("scores"))
    return names, {"text": text, "confidence": score, "id": _text(node.get("label"))}


def _surest(texts: object, scores: object) -> tuple[str, float | None]:
    """The text of the highest score, as in HTRflow's own exports; else the first."""
    texts, scores = (each if isinstance(each, list) else [] for each in (texts, scores))
    known = [
        (text, None if isinstance(score, str) else share(score))
        for text, score in itertools.zip_longest(texts, scores[: len(texts)])
        if isinstance(text, str)
    ]
    return max(known, key=lambda reading: reading[1] or 0.0, default=("", None))


def alternatives(data: bytes) -> Iterator[tuple[str, str]]:
    """The surest reading of each line with every other that the recogniser gives."""
    waiting = [json.loads(data)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        if not isinstance(node, dict):
            continue
        waiting += map(node.get, ("pages", "contains", "regions"))
        result = node.get("text_result")
        texts = _within(result, "texts")
        main = _surest(texts, _within(result, "scores"))[0]
        if (line := _document_node(node)[1]) is not None:
            main = line["text"]
            texts = [each.get("text") for each in _parts(node, "transcription")]
        for other in texts if isinstance(texts, list) else []:
            if main and isinstance(other, str) and other:
                yield main, other


def _document_node(node: dict) -> tuple[list[object], dict | None]:
    """Likewise of a node of the document model."""
    names = [_within(node.get("annotations"), "segmentation_label")]
    readings = _parts(node, "transcription")
    known = [item for item in readings if isinstance(item.get("text"), str)]
    if not known:
        return names, None
    best = max(known, key=lambda item: share(item.get("confidence")) or 0.0)
    return names, {"text": best["text"], "confidence": best.get("confidence")}


def _of_words(words: Iterable[dict]) -> float | None:
    """The confidence of a line that has none of its own."""
    return mean(share(word["confidence"]) for word in words if word["text"].strip())


# What a collection in one file begins with: `pages` alone others have too.
COLLECTION_KEYS = frozenset({"collection_label", "volume_label"})
# `label` alone is in a IIIF manifest too.
MARKS = (NESTED_KEYS | DOCUMENT_KEYS | COLLECTION_KEYS | {"contains"}) - {"label"}
FORMAT = Format("HTRflow JSON", (".json",), read, keys=MARKS, alternatives=alternatives)
