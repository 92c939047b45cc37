"""What a file of an archive is, by how it begins; where that is mute, by its name."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from arkiv.pages import encodings, formats, gzipped, others
from arkiv.pages.page import Format
from arkiv.pages.tables import header

# Bytes of a file that tell what it is.
HEAD = 4096
FORMATS: dict[str, Format] = {
    module.name: importlib.import_module(f"{formats.__name__}.{module.name}").FORMAT
    for module in pkgutil.iter_modules(formats.__path__)
}
# Characters of a name in a message.
LONGEST_NAME = 40
TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# The first element, behind declaration, comments and document type, and its attributes.
ROOT = re.compile(
    r"(?>\s|<\?.*?\?>|<!--.*?-->"
    r"|(?i:<!DOCTYPE)(?:[^\[>\"']|\"[^\"]*\"|'[^']*')*(?:\[.*?\]\s*)?>)*+"
    r"<(?:[\w.-]+:)?(?P<name>[A-Za-z_][\w.-]*)[\s/>]",
    re.DOTALL,
)
DECLARED = re.compile(r"\s*<(?:\?xml|!doctype)\b", re.IGNORECASE)
# A string that the head cuts off has no end.
TOKEN = re.compile(r'"(?P<string>(?:[^"\\]|\\.)*+)(?:"|\\?\Z)|[\[\]{}:,]', re.DOTALL)
# What marks the root of HTML, of which the first elements may be left out.
HTML = {"html", "head", "body", "div"}
TABLES = (".csv", ".tsv")
# Keys of JSON-LD that say what it is.
TYPED = ("@type", "type", "@context")


class Role(Enum):
    """What a file is to its volume."""

    PAGE = "page"
    ROWS = "rows"
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
    """The module of the format of a page or of rows of pages."""
    advice: str = ""
    """What to do with what may hold text and is not read."""


def kind(name: str, head: bytes) -> Kind:
    """What a file is, given its name and its first bytes, HEAD of them or all.

    A file compressed by gzip is what is within.
    """
    if gzipped.is_gzipped(head) and not name.lower().endswith(TARS):
        within = gzipped.start_of(head)
        if not within:
            return Kind(Role.BROKEN, "a damaged gzip file")
        return kind(gzipped.inner_name(name), within)
    ending = PurePosixPath(name).suffix.lower()
    for signature, other in others.SIGNATURES:
        if head.startswith(signature):
            return _other(other)
    if head.startswith(others.ZIP):
        return _other(others.ZIPPED.get(ending, others.ENDINGS[".zip"]))
    start = encodings.start_of(head).lstrip()
    told = None
    if start[:1] == "<":
        told = _of_xml(name, start, whole=len(head) < HEAD)
    elif start[:1] in ("{", "["):
        told = _of_json(name, start)
    elif ending in TABLES:
        told = _of_table(start)
    return told or _by_name(name, ending, empty=not start)


def outline(text: str) -> Iterator[tuple[str, str | None]]:
    """The outermost keys of a JSON object, or of the first in a list, as they come.

    With the value of each that is a string, which may be cut off; None for all others.
    """
    depth, sign, key = 0 if text[:1] == "{" else -1, "", ""
    for token in TOKEN.finditer(text):
        string = token["string"]
        if depth == 1 and sign == ":":
            yield key, string
        sign = token[0] if string is None else ""
        if string is not None:
            key = string
        elif sign in "[{":
            depth += 1
            if depth == 1 and sign == "[":
                return
        elif sign in "]}":
            depth -= 1
            if depth <= 0:
                return
    if depth == 1 and sign == ":":
        yield key, None


def _short(name: str) -> str:
    """A name of a damaged file as it fits into a sentence."""
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"


def _other(other: others.Other) -> Kind:
    return Kind(Role.OTHER, other[0], advice=other[1])


def _of_xml(name: str, start: str, *, whole: bool) -> Kind | None:
    found = ROOT.match(start)
    declared = DECLARED.match(start) is not None
    if found is None:
        return Kind(Role.BROKEN, "XML without an element") if declared else None
    root = "html" if found["name"].lower() in HTML else found["name"]
    if root == "mets":
        return Kind(Role.METS, "METS")
    for module, format in FORMATS.items():
        if root in format.roots and _has_sign(format, name, start, whole):
            return Kind(Role.PAGE, format.title, module)
    if other := others.ROOTS.get(root):
        return _other(other)
    # A text may begin with `<`.
    if not declared and name.lower().endswith(".txt"):
        return None
    known = sorted(root for each in FORMATS.values() for root in each.roots)
    expected = ", ".join(f"<{root}>" for root in known)
    return Kind(
        Role.OTHER, f"XML of <{_short(root)}>", advice=f"expected one of {expected}"
    )


def _has_sign(format: Format, name: str, start: str, whole: bool) -> bool:
    if format.sign is None or format.sign.search(start):
        return True
    # Nothing but this format has that name; and of HTML the head can be long.
    cut_off = "<head" in start.lower() and "<body" not in start.lower() and not whole
    return cut_off or name.lower().endswith(format.endings[:1])


def _of_json(name: str, start: str) -> Kind | None:
    found: dict[str, str | None] = {}
    # The first mark will do: what comes behind it is long.
    for key, value in outline(start):
        found.setdefault(key, value)
        for module, format in FORMATS.items():
            typed = key in TYPED and value in format.types
            if typed or key in format.keys:
                return Kind(Role.PAGE, format.title, module)
    texts = {key.lower() for key, value in found.items() if value is not None}
    for module, format in FORMATS.items():
        if format.columns & texts:
            return Kind(Role.ROWS, format.title, module)
    for type in (found.get(key) or "" for key in TYPED):
        if other := others.TYPES.get(type):
            return _other(other)
    for key in found:
        if other := others.KEYS.get(key):
            return _other(other)
    # A text may begin with a bracket.
    if not found and name.lower().endswith(".txt"):
        return None
    title = "a list in JSON" if start[0] == "[" else "JSON of no keys"
    if found:
        title = "JSON of " + ", ".join(map(_short, list(found)[:3]))
    known = (each for each in FORMATS.values() if not each.roots and each.marked)
    titles = [each.title for each in known]
    return Kind(Role.OTHER, title, advice=f"expected {' or '.join(titles)}")


def _of_table(start: str) -> Kind | None:
    _, names = header(start)
    for module, format in FORMATS.items():
        if format.columns.intersection(names):
            return Kind(Role.ROWS, format.title, module)
    wanted = sorted(name for each in FORMATS.values() for name in each.columns)
    # Beside pages it is about them, most likely.
    title = f"a table without a column {' or '.join(wanted)}"
    return Kind(Role.OTHER, title) if start else None


def _by_name(name: str, ending: str, *, empty: bool) -> Kind:
    for pattern, other in others.NAMES:
        if pattern.fullmatch(name.lower()):
            return _other(other)
    named = {
        module: format for module, format in FORMATS.items() if ending in format.endings
    }
    if named and empty:
        return Kind(Role.BROKEN, "an empty file")
    for module, format in named.items():
        if not format.marked:
            return Kind(Role.PAGE, format.title, module)
    if named:
        # A page would begin otherwise.
        called = f"named {ending}, but holds neither XML nor JSON"
        return Kind(Role.BROKEN, called)
    if other := others.ENDINGS.get(ending):
        return _other(other)
    return Kind(Role.OTHER, f"a {ending[1:]} file" if ending[1:] else "a file")
