"""Links to the images of pages, by a template that the configuration gives."""

from __future__ import annotations

import string
from urllib.parse import quote

from arkiv.base.errors import InputError
from arkiv.base.files import Record

FIELDS = ("volume", "page")


class ImageLinks:
    """From passages to the addresses of their pages' images.

    Args:
        template: such as `https://images.example/{volume}/{page:05}`; None: no links.

    Raises:
        InputError: it is no address on the web, or has other fields than `volume` and
            `page`.
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
            template.format(volume="v", page=1)
        except (ValueError, KeyError, IndexError, AttributeError):
            plain = False
        if not plain:
            raise InputError(
                f"is {template}, expected {{volume}} and {{page}} (or {{page:05}}) and "
                "no other fields",
                key="serve.image_link",
            )

    def of(self, passage: Record) -> list[tuple[str, str]]:
        """Page and address of the first and the last page of a passage."""
        pages = [passage.get("first_page"), passage.get("last_page")]
        known = dict.fromkeys(page for page in pages if page is not None)
        if self._template is None or passage.get("volume") is None:
            return []
        return [(str(page), self._address(passage["volume"], page)) for page in known]

    def _address(self, volume: object, page: object) -> str:
        # A page without a number goes by its name, which digits cannot fill up.
        whole = isinstance(page, int)
        value = page if whole else _Name(quote(str(page), safe=""))
        return self._template.format(volume=quote(str(volume), safe=""), page=value)


class _Name(str):
    def __format__(self, form: str) -> str:
        return str(self)
