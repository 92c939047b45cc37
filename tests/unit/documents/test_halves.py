"""Which line has the other half of a divided word."""

import random
from collections import Counter

import pytest

from arkiv.documents.cutting import words
from arkiv.documents.halves import LOOKED_PAST, furniture
from arkiv.pages.page import Line, Page


def page(number, *lines, follows=True):
    """Of lines, each a text or a text with its class and what it is half of."""
    made = []
    for place, line in enumerate(lines, start=1):
        text, regions, marks = (line, (), {}) if isinstance(line, str) else line
        made.append(Line(text, None, place, regions=regions, **marks))
    return Page(number, tuple(made), 0, follows=follows)


def beside(text, *regions):
    return text, regions or ("page-number",), {}


def first(text, whole):
    return text, (), {"whole": whole}


def rest(text, whole):
    return text, (), {"rest_of": whole}


def text_of(*pages):
    return " ".join(word.text for word in words(pages))


@pytest.mark.parametrize(
    "region",
    [
        *("page-number", "header", "footer", "marginalia", "signature-mark"),
        *("catch-word", "signature", "footnote", "numberingzone", "runningtitlezone"),
        *("margintextzone#1", "margintextzone:note", "quiremarkszone:catchword#2"),
        "margintextzone-notes",
    ],
)
def test_words_go_on_behind_furniture_of_the_same_page_and_the_next(region):
    aside = beside("12", "textregion", region)
    assert text_of(page(1, "inför härads-", aside, "rätten kom")) == (
        "inför häradsrätten 12 kom"
    )
    pages = page(1, "inför härads¬", aside), page(2), page(3, aside, "rätten kom")
    assert text_of(*pages) == "inför häradsrätten 12 12 kom"


@pytest.mark.parametrize("region", ["paragraph", "heading", "mainzone#1", "textregion"])
def test_the_text_itself_is_no_furniture(region):
    assert furniture((region,)) is None


def test_a_word_of_furniture_goes_on_in_furniture_of_its_kind_alone():
    margin, body = beside("an-", "marginalia"), "sagt vid härads-"
    pages = page(1, body, margin, beside("teckning", "marginalia"), "rätten")
    assert text_of(pages) == "sagt vid häradsrätten anteckning"
    assert text_of(page(1, body, margin, "rätten")) == "sagt vid häradsrätten an-"
    parts = margin, beside("12"), beside("teckning", "marginalia"), "rätten"
    assert text_of(page(1, *parts)) == "anteckning 12 rätten"
    parts = margin, "rätten", beside("teckning", "marginalia")
    assert text_of(page(1, *parts)) == "an- rätten teckning"


def test_no_word_goes_on_behind_a_missing_page():
    pages = page(1, "inför härads-"), page(3, "rätten kom", follows=False)
    assert text_of(*pages) == "inför härads- rätten kom"
    empty = page(1, "härads¬"), page(3, follows=False), page(4, "rätten")
    assert text_of(*empty) == "härads¬ rätten"
    marked = (
        page(1, first("Hufvud-", "Hufvudstaden")),
        page(3, rest("staden", "Hufvudstaden"), follows=False),
    )
    assert text_of(*marked) == "Hufvud- staden"


def test_not_more_than_some_lines_are_looked_past():
    for count, expected in (
        (LOOKED_PAST - 1, "häradsrätten"),
        (LOOKED_PAST, "härads-"),
    ):
        pages = [page(n, beside("12")) for n in range(2, count + 2)]
        found = words([page(1, "härads-"), *pages, page(count + 2, "rätten")])
        assert next(found).text == expected


def test_pages_are_read_ahead_as_far_as_a_word_needs_it():
    read = []

    def pages():
        for number in range(1, 1000):
            read.append(number)
            yield page(number, "ett två", first("tre-", "x"), "fyra fem-")

    found = words(pages())
    for _ in range(30):
        next(found)
        assert len(read) <= 7 + 2


def test_halves_of_one_word_by_the_file_belong_together_wherever_they_stand():
    between = page(
        1,
        first("instel-", "instellingen"),
        "Utrecht",
        rest("lingen", "instellingen"),
    )
    assert text_of(between) == "instellingen Utrecht"
    header = page(
        2, beside("Protokoll 1896", "header"), rest("staden kom", "Hufvudstaden")
    )
    across = (
        page(1, first("till Hufvud-", "Hufvudstaden"), beside("1", "footer")),
        header,
    )
    assert text_of(*across) == "till Hufvudstaden 1 Protokoll 1896 kom"


def test_halves_that_are_marked_and_alone_stay_as_they_are():
    alone = page(1, first("till Hufvud-", "Hufvudstaden"), "staden kom")
    assert text_of(alone) == "till Hufvud- staden kom"
    assert text_of(page(1, "till", rest("staden kom", "Hufvudstaden"))) == (
        "till staden kom"
    )
    # Another word's half is not taken.
    other = page(1, first("Stock-", "Stockholm"), rest("borg", "Göteborg"))
    assert text_of(other) == "Stock- borg"
    far = (
        page(1, first("Stock-", "Stockholm")),
        page(2, "x"),
        page(3, rest("holm", "Stockholm")),
    )
    assert text_of(*far) == "Stock- x holm"


def test_of_halves_of_the_same_word_the_nearest_belong_together():
    lost = page(
        1,
        first("Stock-", "Stockholm"),
        "ett",
        first("STOCK-", "Stockholm"),
        rest("HOLM", "Stockholm"),
    )
    assert text_of(lost) == "Stock- ett Stockholm"


def test_halves_that_do_not_say_of_which_word_belong_to_the_line_beside():
    assert text_of(page(1, first("est-", "est-il"), rest("il clair", ""))) == (
        "est-il clair"
    )
    assert text_of(page(1, first("exem", ""), rest("pel", ""))) == "exempel"
    # A sign is judged as everywhere.
    assert text_of(page(1, first("Karl-", ""), "Johan")) == "Karl-Johan"
    assert text_of(page(1, first("exem", ""), "pel x")) == "exempel x"


def test_a_half_that_does_not_say_so_is_none_of_a_word_before_a_line_set_aside():
    pages = page(1, first("Stock-", "Stockholm"), "", rest("borg kom", ""))
    assert text_of(pages) == "Stock- borg kom"


def test_a_line_of_one_half_alone_goes_on():
    both = ("sam-", (), {"rest_of": "försam-", "whole": "församling"})
    pages = page(1, first("för-", "försam-"), both, rest("ling kom", "församling"))
    assert text_of(pages) == "församling kom"
    # A whole word needs no more.
    pages = page(1, first("exa-", "example"), rest("mp-", "example"), "le x")
    assert text_of(pages) == "example le x"


@pytest.mark.parametrize(
    ("whole", "text"),
    [("Schiffahrt", "Schiffahrt"), ("Schiff", "Schifffahrt"), ("-", "Schifffahrt")],
)
def test_a_whole_word_that_would_lose_a_half_is_not_taken(whole, text):
    assert text_of(page(1, first("Schiff-", whole), rest("fahrt", whole))) == text


def test_marks_in_furniture_are_looked_past():
    header = "ten", ("header",), {"rest_of": "Kanten"}
    pages = page(1, first("Kan-", "Kanten"), "härads-", header, "rätten")
    assert text_of(pages) == "Kanten häradsrätten"


def test_a_whole_word_of_two_is_two():
    made = page(1, first("New", "New York"), rest("York x", "New York"))
    assert [word.text for word in words([made])] == ["New", "York", "x"]


def made_up(seed):
    """Pages of body and furniture with halves of all sorts, some without the other."""
    draw = random.Random(seed)
    marks = [f"m{n}n{n}" for n in range(4)]

    def line():
        text = " ".join(f"w{draw.randrange(99)}" for _ in range(draw.randrange(4)))
        regions = draw.choice(((), (), ("header",), ("marginalia",)))
        whole, other = draw.choice((None, None, *marks)), draw.choice((None, *marks))
        given = {}
        if other:
            text, given["rest_of"] = f"n{other[-1]} {text}", other
        if whole:
            text, given["whole"] = f"{text} {whole[:2]}{draw.choice(('-', ''))}", whole
        else:
            text += draw.choice(("", "", "-", "¬", " -"))
        return text, regions, given

    return [
        page(
            n, *(line() for _ in range(draw.randrange(6))), follows=draw.random() < 0.9
        )
        for n in range(12)
    ]


@pytest.mark.parametrize("seed", range(60))
def test_no_letter_is_lost_or_doubled_and_words_keep_their_lines(seed):
    pages = made_up(seed)
    found = list(words(pages))
    letters = Counter(c for p in pages for x in p.lines for c in x.text if c.isalnum())
    assert Counter(c for w in found for c in w.text if c.isalnum()) == letters
    places = [(word.page.number, word.line.number) for word in found]
    assert places == sorted(places)
    for word in found:
        begins = "".join(filter(str.isalnum, word.text))
        own = ["".join(filter(str.isalnum, x)) for x in word.line.text.split()]
        assert any(begins.startswith(each) for each in own)
