"""HTML of the report."""

import re
import time
from html.parser import HTMLParser

import pytest

from arkiv.base.html import (
    VOID,
    Html,
    element,
    excerpt,
    joined,
    marked,
    provenance,
    table,
    volume_facts,
)


class Outline(HTMLParser):
    """Collects the tags, and fails on one that is not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_what_comes_from_outside_is_escaped_once():
    made = element("p", "<b>", element("i", "a & b"), title='"x"', class_="c", id=None)
    assert made == ('<p title="&quot;x&quot;" class="c">&lt;b&gt;<i>a &amp; b</i></p>')
    assert isinstance(made, Html)
    assert joined("<", made[:0], element("b")) == "&lt;<b></b>"


def test_an_element_without_content_has_no_end():
    assert element("input", value="a", checked="") == '<input value="a" checked="">'


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, "passage x"),
        ({"volume": 7}, "volume 7"),
        ({"volume": 7, "first_page": 3}, "volume 7, page 3"),
        ({"volume": 7, "first_page": 3, "last_page": 5}, "volume 7, pages 3–5"),
        ({"volume": 7, "first_page": "r", "first_line": 2}, "volume 7, page r, line 2"),
        # What the archive calls a page, rather than its number.
        ({"volume": 7, "first_page": 3, "first_label": "2r"}, "volume 7, page 2r"),
        (
            {"volume": 7, "first_page": 3, "last_page": 3, "first_line": 2}
            | {"last_line": 9, "first_label": "2r", "last_label": "2r"},
            "volume 7, page 2r, lines 2–9",
        ),
        (
            {"volume": 7, "first_page": 3, "last_page": 4, "first_label": None}
            | {"last_label": "[iv]"},
            "volume 7, pages 3–[iv]",
        ),
        # Two pages may have one label.
        (
            {"volume": 7, "first_page": 3, "last_page": 4, "first_line": 22}
            | {"last_line": 9, "first_label": "[1]", "last_label": "[1]"},
            "volume 7, page [1], line 22 – page [1], line 9",
        ),
        (
            {"volume": 7, "first_label": "2r", "last_label": "2v"},
            "volume 7, pages 2r–2v",
        ),
        ({"volume": 7, "first_page": 0, "first_label": ""}, "volume 7, page 0"),
        (
            {"volume": 7, "first_page": 3, "last_page": 3, "first_line": 2}
            | {"last_line": 2},
            "volume 7, page 3, line 2",
        ),
        (
            {"volume": 7, "first_page": 3, "last_page": 3, "first_line": 2}
            | {"last_line": 9},
            "volume 7, page 3, lines 2–9",
        ),
        (
            {"volume": 7, "first_page": 3, "last_page": 4, "first_line": 22}
            | {"last_line": 9},
            "volume 7, page 3, line 22 – page 4, line 9",
        ),
    ],
)
def test_provenance_says_what_is_known(known, words):
    assert provenance({"id": "x", "text": "t"} | known) == words


def test_a_table_names_its_rows_and_columns():
    made = table(["", "a<b"], [["one", 1], ["two", 2]], "Cap")
    outline = Outline()
    outline.feed(made)
    assert not outline.open
    scopes = [found.get("scope") for tag, found in outline.seen if tag == "th"]
    assert scopes == ["col", "col", "row", "row"]
    assert "a&lt;b" in made
    assert 'aria-label="Cap"' in made


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("Vem ägde kvarn?", ["Kvarnen", "kvarn"]),  # other case, other ending
        ("kvarnens", ["Kvarnen", "kvarn"]),
        ("år 1667", ["1667"]),
        ("i en by", []),  # too short
        ("<b>", []),
    ],
)
def test_words_of_the_query_are_marked(query, marked):
    text = "Kvarnen i byn <b> år 1667; en kvarn, ett kvarter & en å."
    made = excerpt(text, query)
    assert re.findall("<mark>(.*?)</mark>", made) == marked
    plain = re.sub("</?mark>", "", made)
    assert plain == text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def test_a_whole_text_is_marked_and_kept():
    text = "Kvarnen <i>" + "lorem ipsum " * 200 + "kvarn"
    made = marked(text, "kvarn")
    assert re.findall("<mark>(.*?)</mark>", made) == ["Kvarnen", "kvarn"]
    assert re.sub("</?mark>", "", made) == str(joined(text))


def test_a_long_query_and_a_long_passage_take_no_time():
    words = [f"word{number}" for number in range(6000)]
    began = time.process_time()
    assert "<mark>" in excerpt(" ".join(words), " ".join(words))
    assert time.process_time() - began < 2


def test_the_excerpt_is_where_most_words_match():
    filler = "lorem ipsum dolor sit amet " * 30
    text = f"alpha {filler}beta gamma delta {filler}alpha gamma {filler}"
    made = excerpt(text, "alpha beta gamma delta", width=120)
    assert re.findall("<mark>(.*?)</mark>", made) == ["beta", "gamma", "delta"]
    assert made.startswith("… ")
    assert made.endswith(" …")
    inside = re.sub("</?mark>", "", made)[2:-2]
    assert len(inside) <= 120
    assert inside in text
    assert {inside.split()[0], inside.split()[-1]} <= set(text.split())


def test_without_a_match_the_excerpt_is_the_beginning():
    text = "one two three " * 40
    made = excerpt(text, "nothing", width=50)
    assert text.startswith(made.removesuffix(" …"))
    assert len(made) <= 52
    assert excerpt("short", "nothing") == "short"
    assert excerpt("x" * 100, "nothing", width=10) == "x" * 10 + " …"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "volume A, page 3"),
        ({"first_line": 4, "last_line": 9}, "volume A, page 3, lines 4–9"),
        ({"first_image": "3.jpg", "last_image": "3.jpg"}, "volume A, page 3, 3.jpg"),
        (
            {"last_page": 4, "first_line": 4, "last_line": 2}
            | {"first_image": "3.jpg", "last_image": "4.jpg"},
            "volume A, page 3, line 4 – page 4, line 2, 3.jpg to 4.jpg",
        ),
    ],
)
def test_a_passage_leads_back_to_its_lines_and_images(more, words):
    passage = {"id": "p", "volume": "A", "first_page": 3, "last_page": 3} | more
    assert provenance(passage) == words


def test_of_a_volume_all_that_is_known_is_said():
    known = {"title": "Dombok", "year": 1880, "year_to": 1885, "type": "court"}
    assert volume_facts(known | {"reference": "A 1"}) == [
        *("Dombok", "1880–1885", "court", "A 1")
    ]
    assert volume_facts({"year": 1880, "year_to": 1880, "title": None}) == ["1880"]
    assert volume_facts({"id": "x"}) == []
