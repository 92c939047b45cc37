"""Words divided at the end of a line: joined, left apart, or a compound that stays."""

import pytest

from arkiv.documents.cutting import words
from arkiv.pages.page import Line, Page
from arkiv.text.hyphens import Hyphens, spelled


def text_of(*lines, hyphens=None):
    page = Page(1, tuple(Line(text, None, n) for n, text in enumerate(lines)), 0)
    return " ".join(word.text for word in words([page], hyphens))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("till Härads¬", "rätten gick"), "till Häradsrätten gick"),
        (("till Härads¬", "Rätten"), "till HäradsRätten"),
        (("Härads\u00ad", "rät\u00adten"), "Häradsrätten"),
        (("till härads-", "rätten gick"), "till häradsrätten gick"),
        (("till härads=", "rätten"), "till häradsrätten"),
        (("HÄRADS-", "RÄTTEN"), "HÄRADSRÄTTEN"),
        (("en A-", "ktie"), "en Aktie"),
        # A compound of its own.
        (("af Karl-", "Johan Bern-", "adotte"), "af Karl-Johan Bernadotte"),
        (("Karl-Johans-", "gatan"), "Karl-Johansgatan"),
        (("åren 1880-", "81"), "åren 1880-81"),
        (("en 20-", "årig"), "en 20-årig"),
        (("kap-", "5"), "kap-5"),
        (("Karl=", "Johan"), "Karl=Johan"),
        # No hyphens.
        (("gick -", "och kom"), "gick - och kom"),
        (("gick --", "och kom"), "gick -- och kom"),
        (("gick-", "(så)"), "gick- (så)"),
        (("summa =", "5"), "summa = 5"),
        (("2-3 och", "e=mc"), "2-3 och e=mc"),
        (("slut-",), "slut-"),
        (("slut¬",), "slut¬"),
        # In scripts without capitals, and in others.
        (("שלו-", "ום"), "שלוום"),
        (("архи-", "ва Нью-", "Йорк"), "архива Нью-Йорк"),
        # Through several lines, and over a sign alone.
        (("för-", "sam-", "ling"), "församling"),
        (("hälf¬", "¬", "ten"), "hälften"),
        # An empty line stands for one that was set aside.
        (("härads-", "", "och"), "härads- och"),
        (("härads¬", "", "och"), "härads¬ och"),
    ],
)
def test_by_the_default_signs(lines, expected):
    assert text_of(*lines) == expected


def test_signs_that_are_not_named_stay():
    hyphens = Hyphens("⸗")
    lines = ("a¬", "b-", "c⸗", "d\u00ad", "e=", "f")
    assert text_of(*lines, hyphens=hyphens) == "a¬ b- cd\u00ad e= f"


def test_no_sign_at_all():
    assert text_of("a¬", "b-", "c", hyphens=Hyphens("")) == "a¬ b- c"


@pytest.mark.parametrize(
    ("half", "rest", "whole", "expected"),
    [
        ("Hufvud", "staden", "Hufvudstaden", "Hufvudstaden"),
        ("svart", "vit", "svart-vit", "svart-vit"),
        ("Reformer", "-26", "Reformer-26", "Reformer-26"),
        # What stands around the halves is no matter of the spelling.
        ("»Hufvud", "staden,", "Hufvudstaden", "»Hufvudstaden,"),
        ("»Hufvud", "staden,", "»Hufvudstaden,", "»Hufvudstaden,"),
        ("(", ")", "x", "x"),
    ],
)
def test_a_whole_word_that_a_file_gives_decides_the_spelling(
    half, rest, whole, expected
):
    assert spelled(half, rest, whole) == expected


@pytest.mark.parametrize("sign", ["¬", "\u00ad", "-", "="])
def test_words_are_joined_over_regions_and_pages(sign):
    pages = [
        Page(1, (Line("a", None, 1), Line(f"hä{sign}", None, 2)), 0),
        Page(2, (), 0),
        Page(3, (Line(f"rads{sign}", None, 1, regions=("x",)),), 0),
        Page(4, (Line("rätt", None, 1, regions=("y",)),), 0),
    ]
    found = list(words(pages))
    assert [word.text for word in found] == ["a", "häradsrätt"]
    assert (found[1].page.number, found[1].line.number) == (1, 2)
