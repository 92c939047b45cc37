"""MODS: what a METS file says of the volume that it describes.

Source: the MODS schema of the Library of Congress, version 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.base.years import FIRST, LAST, years
from arkiv.pages.xml import Element
from arkiv.volumes.about import about

# Of MODS, the surest first: a manuscript is created, a print issued.
DATES = ("dateCreated", "dateIssued", "date", "dateOther", "copyrightDate")
# Origins that are those of the images.
COPIES = ("digitization", "reproduction")
YEAR = re.compile(r"(?<!\d)\d{4}(?=\d{4}(?!\d)|(?!\d))")


def about_of_mods(element: Element) -> Record:
    """What MODS says of a volume: title, years of its origin, genre, shelf mark.

    Of dates that are written in another way than a table's, such as `[ca. 1880]`, what
    has four digits is a year. Of titles and dates those of the volume itself count, not
    those of what it is related to, nor when it was digitised.

    Args:
        element: METS, or whatever holds `mods`. Of several the one of the outermost
            part that is not in another file counts, else the first.
    """
    parts = (
        part
        for part in element.iter("{*}div")
        if part.get("DMDID") and part.find("{*}mptr") is None
    )
    ids = next((part.get("DMDID").split() for part in parts), ())
    sections = [one for one in element.iter("{*}dmdSec") if one.get("ID") in ids]
    found = (mods for one in (*sections, element) for mods in one.iter("{*}mods"))
    mods = next(found, element)
    texts = {
        "type": next(_texts(mods, "genre"), None),
        "title": _title(mods),
        "reference": next(_texts(mods, "location/shelfLocator"), None)
        or next(_texts(mods, "location//shelfLocator"), None)
        or next(_texts(mods, "identifier"), None),
    }
    return about(_years_of_mods(mods), texts)


def _texts(element: Element, path: str) -> Iterator[str]:
    """The texts, not empty, at a path whose names have any namespace."""
    steps = re.sub(r"\w+", r"{*}\g<0>", path)
    for found in element.iterfind(steps):
        if text := " ".join("".join(found.itertext()).split()):
            yield text


def _title(mods: Element) -> str | None:
    """The title with its article, subtitle and part: `Der Bote: Beilage, 12`."""
    # An abbreviated, translated or uniform title says which it is.
    titles = list(mods.iterfind("{*}titleInfo"))
    own = [one for one in titles if not one.get("type")] or titles
    if not own:
        return None
    article, title, subtitle, number, name = (
        " ".join(_texts(own[0], key))
        for key in ("nonSort", "title", "subTitle", "partNumber", "partName")
    )
    whole = ": ".join(filter(None, (f"{article} {title}".strip(), subtitle)))
    return ", ".join(filter(None, (whole, number, name))) or None


def _years_of_mods(mods: Element) -> tuple[int, int] | None:
    origins = [
        one
        for name in ("originInfo", "part")
        for one in mods.iterfind(f"{{*}}{name}")
        if one.get("eventType") not in COPIES and one.get("displayLabel") not in COPIES
        if not any("electronic" in text.lower() for text in _texts(one, "edition"))
    ]
    for key in DATES:
        found = [
            year
            for origin in origins
            for text in _texts(origin, key)
            for year in _years(text)
        ]
        if found:
            return min(found), max(found)
    return None


def _years(date: str) -> list[int]:
    try:
        return list(years(date, "date") or ())
    except InputError:
        found = map(int, YEAR.findall(date))
        return [year for year in found if FIRST <= year <= LAST]
