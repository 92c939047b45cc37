"""What a file of an archive is, told by how it begins."""

from __future__ import annotations

import codecs
import importlib
import pkgutil
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from arkiv.pages import formats
from arkiv.pages.page import Format

# Bytes of a file that tell what it is.
HEAD = 4096
FORMATS: dict[str, Format] = {
    module.name: importlib.import_module(f"{formats.__name__}.{module.name}").FORMAT
    for module in pkgutil.iter_modules(formats.__path__)
}
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    # Without a mark, the way they write `<` or `{`.
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
    (b"{\0", "utf-16-le"),
    (b"\0{", "utf-16-be"),
)
IMAGES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".jp2", ".gif", ".webp", ".bmp"}
# The first element, behind declaration, comments and document type.
ROOT = re.compile(
    r"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>)*"
    r"<(?:[\w.-]+:)?(?P<name>[\w.-]+)[\s/>]",
    re.DOTALL,
)
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?|[\[\]{}]')


class Role(Enum):
    """What a file is to its volume."""

    PAGE = "page"
    METS = "METS"
    OTHER = "other"
    BROKEN = "broken"  # empty, or not what its name says


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is."""

    role: Role
    title: str
    """What people call it: `PAGE XML`, `an image`."""
    format: str | None = None
    """The module of a page's format."""


def kind(name: str, head: bytes) -> Kind:
    """What a file is, given its name and its first bytes, HEAD of them or all."""
    text = _decoded(head)
    start = text.lstrip()
    if start[:1] == "<" and (root := ROOT.match(start)):
        return _of_xml(root["name"])
    if start[:1] == "{":
        return _of_json(keys(start))
    ending = PurePosixPath(name).suffix.lower()
    if ending in IMAGES:
        return Kind(Role.OTHER, "an image")
    if not start:
        return Kind(Role.BROKEN, "an empty file")
    for module, format in FORMATS.items():
        if not format.marked and name.lower().endswith(format.endings):
            return Kind(Role.PAGE, format.title, module)
    if start[:1] == "[":
        return Kind(Role.OTHER, "a list in JSON")
    if ending in (".xml", ".json"):
        return Kind(Role.BROKEN, f"no {ending[1:].upper()}")
    return Kind(Role.OTHER, f"a {ending[1:]} file" if ending[1:] else "a file")


def keys(text: str) -> list[str]:
    """The keys of a JSON object's outermost level, as far as its text goes."""
    depth, found = 0, []
    for token in TOKEN.finditer(text):
        sign = token[0]
        if sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
        elif depth == 1 and token[2]:
            found.append(token[1])
    return found


def _decoded(head: bytes) -> str:
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return head.decode(encoding, "ignore").removeprefix("\ufeff")
    return head.decode("utf-8", "ignore")


def _of_xml(root: str) -> Kind:
    if root == "mets":
        return Kind(Role.METS, "METS")
    for module, format in FORMATS.items():
        if format.root == root:
            return Kind(Role.PAGE, format.title, module)
    return Kind(Role.OTHER, f"XML of <{root}>")


def _of_json(found: list[str]) -> Kind:
    for module, format in FORMATS.items():
        if format.keys.intersection(found):
            return Kind(Role.PAGE, format.title, module)
    return Kind(Role.OTHER, "JSON of " + (", ".join(found[:3]) or "no keys"))
