"""Lines set aside by their confidence or by the class of their region."""

from dataclasses import replace

import pytest

from arkiv.documents.cutting import words
from arkiv.documents.lines import LOW, SKIPPED, UNHELD, LineFilter
from arkiv.pages.page import Line, Page


def page(*lines):
    return Page(7, lines, 0, "7.jpg")


def text_of(found):
    return " ".join(word.text for word in words([found]))


PLAIN = page(
    Line("ett hälf¬", 0.9, 1, regions=("textregion",)),
    Line("II", 0.8, 2, id="n", regions=("textregion", "page-number")),
    Line("ten två", None, 3),
    Line("tre härads¬", 0.9, 4),
    Line("oläslig rad", 0.1, 5, id="low"),
    Line("fyra", 0.5, 6),
)


def test_nothing_is_set_aside_unless_asked_for():
    assert LineFilter().divide(PLAIN, "v") == (PLAIN, [])


def test_words_go_on_behind_furniture_but_not_over_a_gap_in_the_text():
    lines = LineFilter(0.5, {"page-number", "marginalia"})
    kept, aside = lines.divide(PLAIN, "v")
    assert text_of(kept) == "ett hälften två tre härads¬ fyra"
    assert [(kind, item["text"]) for kind, item in aside] == [
        (SKIPPED, "II"),
        (LOW, "oläslig rad"),
    ]
    assert aside[1][1] == {
        "reason": "has the confidence 0.1, less than 0.5",
        "volume": "v",
        "page": 7,
        "image": "7.jpg",
        "line": 5,
        "line_id": "low",
        "regions": [],
        "confidence": 0.1,
        "words": 2,
        "text": "oläslig rad",
    }
    assert aside[0][1]["reason"] == "lies in a region of class page-number"


@pytest.mark.parametrize(
    ("limit", "kept"), [(0.0, 6), (0.5, 5), (0.8000001, 3), (1.0, 1)]
)
def test_a_line_of_just_the_confidence_or_of_none_stays(limit, kept):
    found, aside = LineFilter(limit).divide(PLAIN, "v")
    assert sum(bool(line.text) for line in found.lines) == kept == 6 - len(aside)


@pytest.mark.parametrize(
    ("skipped", "count"),
    [
        ("margintextzone", 3),
        ("margintextzone:note", 2),
        ("margintextzone:note#1", 1),
        ("margintext", 0),
    ],
)
def test_zones_of_segmonto_are_named_with_and_without_kind_and_number(skipped, count):
    names = (
        "margintextzone#1",
        "margintextzone:note",
        "margintextzone:note#1",
        "mainzone",
    )
    lines = (Line("x", None, n, regions=(name,)) for n, name in enumerate(names))
    _, aside = LineFilter(None, {skipped}).divide(page(*lines), "v")
    assert len(aside) == count


def test_text_of_a_region_that_no_line_holds_is_set_aside():
    held, lost = Line("ett", None, 1), Line("två tre", 0.5, 1, id="r")
    kept, aside = LineFilter().divide(replace(page(held), unheld=(lost,)), "v")
    assert text_of(kept) == "ett"
    ((kind, record),) = aside
    assert (kind, record["text"], record["words"]) == (UNHELD, "två tre", 2)
    assert record["line_id"] == "r"


def test_a_line_lies_in_every_region_around_it():
    _, aside = LineFilter(None, {"textregion"}).divide(PLAIN, "v")
    assert [item["line"] for _, item in aside] == [1, 2]
