"""Addresses elsewhere of pages and their images, by templates of the configuration."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

from arkiv.base.errors import InputError
from arkiv.base.files import Record

FIELDS = ("volume", "page", "label")
# Of a line, whose image is known by its name; `stem` is that without its ending.
FIELDS_OF_LINE = (*FIELDS, "image", "stem", "dataset")
# What a policy of contents takes as it is: no user, and no sign that would end it.
ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(?=/|\Z)")


class Template:
    """An address on the web in which fields are filled in.

    Args:
        text: such as `https://images.example/{volume}/{page:05}`.
        key: of the configuration that has it.
        fields: that it may have; `page` may be given digits.

    Raises:
        InputError: it is no address on the web, or has other fields.
    """

    def __init__(self, text: str, key: str, fields: Sequence[str]) -> None:
        self.text = text
        if not text.startswith(("https://", "http://")):
            raise InputError(
                f"is {text}, expected an address that begins with https:// or http://",
                key=key,
            )
        try:
            parts = list(string.Formatter().parse(text))
            plain = all(
                name is None or (name in fields and not conversion)
                for _, name, _, conversion in parts
            )
            text.format(**dict.fromkeys(fields, "v") | {"page": 1, "label": 1})
        except (ValueError, KeyError, IndexError, AttributeError):
            plain = False
        if not plain:
            named = [
                f"{{{name}}}" + " (or {page:05})" * (name == "page") for name in fields
            ]
            raise InputError(
                f"is {text}, expected {', '.join(named[:-1])}, {named[-1]} and no "
                "other fields",
                key=key,
            )
        self.fields = {name for _, name, _, _ in parts if name}

    def filled(self, **values: object) -> str:
        """The address, its fields quoted."""
        return self.text.format(**{key: _value(one) for key, one in values.items()})


class ImageLinks:
    """From passages to the addresses of their pages' images.

    Args:
        template: such as `https://images.example/{volume}/{page:05}`; None: no links.

    Raises:
        InputError: as of `Template`.
    """

    def __init__(self, template: str | None) -> None:
        key = "serve.image_link"
        self._template = None if template is None else Template(template, key, FIELDS)

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
                address = self._template.filled(
                    volume=str(passage["volume"]), page=number, label=name
                )
                found.setdefault(number, (name, address))
        return [(str(name), address) for name, address in found.values()]


class LineLinks:
    """From lines to an address of their page or of its image, such as a canvas.

    Args:
        template: with the fields of `FIELDS_OF_LINE`.
        key: of the configuration that has it.

    Raises:
        InputError: as of `Template`; or its origin is none that can be allowed.
    """

    def __init__(self, template: str, key: str) -> None:
        self._template = Template(template, key, FIELDS_OF_LINE)
        found = ORIGIN.match(template)
        if found is None:
            raise InputError(
                f"is {template}, expected a host without fields, such as "
                "https://images.example/…",
                key=key,
            )
        self.origin = found[0]

    def of(self, place: Record) -> str | None:
        """The address for a line, or for what else has its keys; None: one is unknown.

        `place` has `dataset`, `volume`, `page`, `label` and `image`, as
        `arkiv.documents.places` writes them.
        """
        page, image = place.get("page"), place.get("image") or None
        values = {
            "dataset": place.get("dataset"),
            "volume": place.get("volume"),
            "page": page,
            "label": place.get("label") or page,
            "image": image,
            "stem": image and _stem(image),
        }
        if any(values[name] is None for name in self._template.fields):
            return None
        return self._template.filled(**values)


class ManifestLinks:
    """From passages to the IIIF manifests of their volumes.

    Args:
        template: such as `https://iiif.example/{volume}/manifest.json`; None: no links.

    Raises:
        InputError: as of `Template`.
    """

    def __init__(self, template: str | None) -> None:
        key, fields = "index.manifest_link", ("volume", "dataset")
        self._template = None if template is None else Template(template, key, fields)

    def of(self, passage: Record) -> str | None:
        """The address; None: there is none, or a field of it is unknown."""
        if self._template is None:
            return None
        values = {name: passage.get(name) for name in ("volume", "dataset")}
        if any(values[name] is None for name in self._template.fields):
            return None
        return self._template.filled(**{key: str(one) for key, one in values.items()})


def _stem(image: str) -> str | None:
    """A name without its ending; None: there is none, as in `.` or `/`."""
    path = PurePosixPath(image)
    return str(path.with_suffix("")) if path.name else None


def _value(value: object) -> object:
    # What is no number is a name, which digits cannot fill up.
    if isinstance(value, int):
        return value
    return _Name(quote(str(value), safe=""))


class _Name(str):
    def __format__(self, form: str) -> str:
        return str(self)
