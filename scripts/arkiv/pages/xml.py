"""XML read safely, and what PAGE and ALTO have in common."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator

from lxml import etree

from arkiv.pages.page import not_a_page

Element = etree._Element


def parse(data: bytes) -> Element:
    """The root of a document, in the encoding that it declares.

    Nothing outside the file is read, and no entity is put in for another text. libxml2
    itself refuses nesting of more than 256 levels and single texts of over 10 MB.

    Raises:
        InputError: it is not well-formed, or declares a document type, which neither
            PAGE nor ALTO has: only there entities can be defined.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        said = getattr(error, "msg", None) or str(error) or "no element"
        # Of several lines, some with the text at fault, the first says it.
        raise not_a_page(f"not well-formed XML ({said.splitlines()[0]})") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise not_a_page("XML with a document type, whose entities are not read")
    return root


def name(element: Element) -> str:
    """The element's name without its namespace."""
    return etree.QName(element).localname


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


def in_reading_order(
    page: Element,
    references: Iterable[str],
    parts: Callable[[Element], list[Element]],
    id: str,
) -> Iterator[Element]:
    """The lines and regions of a page, each once: those referred to, then the others.

    A region is followed by what lies within it, but for what has a reference of its
    own: that comes in its turn. References to nothing are passed over.

    Args:
        page: whose parts are to be ordered.
        references: ids of regions or lines in reading order.
        parts: the regions and lines directly within one, in the order of the file.
        id: the attribute that names an element.
    """

    def below(element: Element, but: Container[Element]) -> Iterator[Element]:
        for part in parts(element):
            if part not in but:
                yield part
                yield from below(part, but)

    by_id: dict[str, Element] = {}
    for part in below(page, ()):
        if (key := part.get(id)) is not None:
            by_id.setdefault(key, part)
    order = {by_id[key]: None for key in references if key in by_id}
    for element in order:
        yield element
        yield from below(element, order)
    yield from below(page, order)
