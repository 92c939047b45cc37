"""Links to the images of pages, by a template that the configuration gives."""

from __future__ import annotations

import string
from urllib.parse import quote

from arkiv.base.errors import InputError
from arkiv.base.files import Record

FIELDS = ("volume", "page", "label")


class ImageLinks:
    """From passages to the addresses of their pages' images.

    Args:
        template: such as `https://images.example/{volume}/{page:05}`; None: no links.

    Raises:
        InputError: it is no address on the web, or has other fields than `volume`,
            `page` and `label`.
    """

    def __init__(self, template: str | None) -> None:
        self._template = template
        if template is None:
            return
        if not template.startswith(("https://", "http://")):
            raise InputError(
                f"is {template}, expected an address that begins with https:// or "
                "http://",
                key="serve.image_link",
            )
        try:
            parts = list(string.Formatter().parse(template))
            plain = all(
                name is None or (name in FIELDS and not conversion)
                for _, name, _, conversion in parts
            )
            template.format(volume="v", page=1, label=1)
        except (ValueError, KeyError, IndexError, AttributeError):
            plain = False
        if not plain:
            raise InputError(
                f"is {template}, expected {{volume}}, {{page}} (or {{page:05}}), "
                "{label} and no other fields",
                key="serve.image_link",
            )

    def of(self, passage: Record) -> list[tuple[str, str]]:
        """What the first and the last page of a passage are called, and their address.

        A page without a label goes by its number in its place, and the other way round.
        """
        if self._template is None or passage.get("volume") is None:
            return []
        found = {}
        for end in ("first", "last"):
            page, label = passage.get(f"{end}_page"), passage.get(f"{end}_label")
            number = page if page is not None else label or None
            name = label or page
            if number is not None:
                found.setdefault(number, (name, self._address(passage, number, name)))
        return [(str(name), address) for name, address in found.values()]

    def _address(self, passage: Record, page: object, label: object) -> str:
        return self._template.format(
            volume=quote(str(passage["volume"]), safe=""),
            page=_value(page),
            label=_value(label),
        )


def _value(page: object) -> object:
    # What is no number is a name, which digits cannot fill up.
    return page if isinstance(page, int) else _Name(quote(str(page), safe=""))


class _Name(str):
    def __format__(self, form: str) -> str:
        return str(self)
