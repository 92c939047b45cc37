"""XML and HTML read safely, and what formats of XML have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator
from html.entities import html5

from lxml import etree

from arkiv.pages.encodings import encoding_of, text_of
from arkiv.pages.gzipped import LARGEST
from arkiv.pages.page import not_a_page

Element = etree._Element
# A byte order mark may come first.
START = rb"(?:\xef\xbb\xbf)?\s*"
# A comment ends at its first `-->`: tried at others too, many take for ever.
BEFORE = START + rb"(?:(?><\?.*?\?>|<!--.*?-->)\s*)*+"
DOCTYPE = re.compile(
    BEFORE + rb"<!DOCTYPE(?P<outside>(?:[^\[>\"']|\"[^\"]*\"|'[^']*')*)"
    rb"(?P<subset>\[(?!\s*\]))?",
    re.DOTALL | re.IGNORECASE,
)
HTML = re.compile(
    BEFORE + rb"(?:<!DOCTYPE\s+html\b|<(?:html|head|body|div)\b)",
    re.DOTALL | re.IGNORECASE,
)
DECLARATION = re.compile(
    START + rb"<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([\w.:-]+)[\"']"
)
CHARSET = re.compile(rb"\bcharset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
REFERENCE = re.compile(rb"&([A-Za-z][\w.-]*);")
# Those that XML has itself.
OWN = {b"amp", b"lt", b"gt", b"quot", b"apos"}
# Bytes in which HTML says its encoding.
PRESCANNED = 4096
# Bytes of the name of an entity.
LONGEST_NAME = 100
SAFE = {
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
STRICT = SAFE | {"resolve_entities": False, "load_dtd": False, "dtd_validation": False}


def parse(data: bytes) -> Element:
    """The root of a document, in the encoding that it declares.

    Nothing outside the file is read, and no entity is put in for another text, but for
    the characters that HTML and ISO 8879 have names for (`&nbsp;`, `&auml;`). HTML that
    is not XML is read as browsers do. libxml2 itself refuses nesting of more than 256
    levels and single texts of over 10 MB.

    Raises:
        InputError: it is not well-formed, or its document type has a part of its own
            (`<!DOCTYPE … [`), where entities can be defined.
    """
    encoding, _ = encoding_of(data)
    declared = DECLARATION.match(data)
    if encoding != "utf-8":
        data, encoding = text_of(data).encode(), "utf-8"
    elif declared is None or not declared[1].lower().startswith(b"utf-16"):
        # Programs of Windows call UTF-8 so, where they write to a string first.
        encoding = None
    doctype = DOCTYPE.match(data)
    if doctype:
        _refuse_subset(doctype)
        data = REFERENCE.sub(_character, data)
    parser = etree.XMLParser(
        encoding=encoding,
        # Not looked up, two identifiers of one name, or `xml:id="1.2"`, do no harm.
        # With a document type libxml2 would then ask for its file.
        collect_ids=doctype is not None,
        **STRICT,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if HTML.match(data):
            return _parse_html(data)
        if declared and (known := _transcoded(data, declared)):
            return parse(known)
        raise not_a_page(f"not well-formed XML ({_said(error, data)})") from None
    if doctype:
        _refuse_unknown_entities(data)
    return root


def pages_of(
    parts: Iterable[bytes],
    tag: str,
    is_page: Callable[[Element], bool] = lambda each: True,
) -> Iterator[Element]:
    """The pages of a document that is given in parts, each to be read at once.

    Nothing of a page is kept when the next is asked for. As with `parse`, no entity is
    read, and none is left out.

    Raises:
        InputError: it is not well-formed, its document type defines entities, or a page
            has more than LARGEST bytes.
    """
    parser = etree.XMLPullParser(("end",), tag=f"{{*}}{tag}", **STRICT)
    since, before = 0, b""
    try:
        for part in parts:
            if not before and (doctype := DOCTYPE.match(part)):
                _refuse_subset(doctype)
            # A reference may lie between two parts.
            _refuse_unknown_entities(before[-LONGEST_NAME:] + part)
            before = part
            parser.feed(part)
            since += len(part)
            for _, element in parser.read_events():
                if is_page(element):
                    yield element
                    element.clear(keep_tail=True)
                    since = 0
            if since > LARGEST:
                raise not_a_page(f"has a page of more than {LARGEST:,} bytes")
        parser.close()
    except (etree.XMLSyntaxError, ValueError) as error:
        raise not_a_page(f"not well-formed XML ({_said(error, b'')})") from None


def _said(error: Exception, data: bytes) -> str:
    """What is wrong with a document, in a few words."""
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        if "encoding" in str(error):
            return (
                f"byte {wrong.start + 1:,} is 0x{data[wrong.start]:02x}, which is not "
                'UTF-8: declare its encoding, <?xml version="1.0" encoding="…"?>'
            )
    said = getattr(error, "msg", None) or str(error) or "no element"
    # Of several lines, some with the text at fault, the first says it.
    return said.splitlines()[0]


def _character(reference: re.Match[bytes]) -> bytes:
    """A named character by its numbers, which are the same in all encodings."""
    known = "" if reference[1] in OWN else html5.get(f"{reference[1].decode()};", "")
    return "".join(f"&#{ord(each)};" for each in known).encode() or reference[0]


def _refuse_subset(doctype: re.Match[bytes]) -> None:
    if doctype["subset"]:
        raise not_a_page(
            "XML whose document type defines entities, which are not read: take the "
            "part in brackets out of <!DOCTYPE … [ … ]>"
        )


def _refuse_unknown_entities(data: bytes) -> None:
    """Refuse what would be left out in silence: beside a DTD libxml2 lets it pass."""
    for reference in REFERENCE.finditer(data):
        if reference[1] not in OWN:
            raise not_a_page(
                f"XML with the entity {reference[0].decode()}, which another file "
                "defines"
            )


def _transcoded(data: bytes, declared: re.Match[bytes]) -> bytes | None:
    """The document in UTF-8, if Python knows an encoding that libxml2 does not."""
    if declared[1].lower() == b"utf-8":
        return None
    start, end = declared.span(1)
    try:
        rest = data[end:].decode(declared[1].decode())
    except (LookupError, ValueError):
        return None
    return data[:start] + b"utf-8" + rest.encode()


def _parse_html(data: bytes) -> Element:
    """The root of HTML: in UTF-8 if it can be, else as it says, else as on Windows."""
    said = DECLARATION.match(data) or CHARSET.search(data[:PRESCANNED])
    try:
        text = text_of(data, said[1].decode() if said else "windows-1252")
    except LookupError:
        raise not_a_page(f"HTML in the unknown encoding {said[1].decode()}") from None
    # The HTML parser would take it for an element.
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    parser = etree.HTMLParser(encoding="utf-8", **SAFE)
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise not_a_page("HTML without an element")
    return root


def name(element: Element) -> str:
    """The element's name without its namespace."""
    # In broken HTML a name may be none that XML has, which lxml's own would refuse.
    return element.tag.rpartition("}")[2]


def children(element: Element, *names: str) -> list[Element]:
    """The children of these names, or all, in the order of the file."""
    # An entity that is not read is a child without a name.
    found = (child for child in element if isinstance(child.tag, str))
    return [child for child in found if not names or name(child) in names]


def descendants(element: Element, *names: str) -> Iterator[Element]:
    """What lies below the element and has one of these names."""
    return element.iterdescendants(*(f"{{*}}{each}" for each in names))


def within(
    element: Element, page: Element, classes_of: Callable[[Element], tuple[str, ...]]
) -> tuple[str, ...]:
    """The classes of a part of a page and of all it lies in, outermost first."""
    found: tuple[str, ...] = ()
    while element is not page:
        found = classes_of(element) + found
        element = element.getparent()
    return tuple(dict.fromkeys(found))


def named(
    page: Element,
    references: Iterable[str],
    parts: Callable[[Element], list[Element]],
    id: str,
) -> list[Element]:
    """The lines and regions of a page that references name, each once, in their order.

    A word stands for the line that it is in. References to nothing are passed over.

    Args:
        page: whose parts they are.
        references: ids.
        parts: the regions and lines directly within one, in the order of the file.
        id: the attribute that names an element.
    """
    wanted = list(references)
    if not wanted:
        return []
    by_id: dict[str, Element] = {}
    known = set()
    for part in below(page, parts):
        known.add(part)
        if (key := part.get(id)) is not None:
            by_id.setdefault(key, part)
    if not by_id.keys() >= set(wanted):
        for element in page.iterdescendants():
            if (key := element.get(id)) is not None and key not in by_id:
                while element is not page and element not in known:
                    element = element.getparent()
                if element is not page:
                    by_id[key] = element
    return list(dict.fromkeys(by_id[key] for key in wanted if key in by_id))


def in_reading_order(
    page: Element,
    order: Iterable[Element],
    parts: Callable[[Element], list[Element]],
) -> Iterator[Element]:
    """The lines and regions of a page, each once: those in order, then the others.

    A region is followed by what lies within it, but for what has a place of its own in
    the order: that comes in its turn.

    Args:
        page: whose parts are to be ordered.
        order: regions or lines in reading order, none twice.
        parts: the regions and lines directly within one, in the order of the file.
    """
    placed = dict.fromkeys(order)
    for element in placed:
        yield element
        yield from below(element, parts, placed)
    yield from below(page, parts, placed)


def below(
    element: Element,
    parts: Callable[[Element], list[Element]],
    but: Container[Element] = (),
) -> Iterator[Element]:
    """The lines and regions within an element, each before what lies within it."""
    for part in parts(element):
        if part not in but:
            yield part
            yield from below(part, parts, but)
