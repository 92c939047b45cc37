"""Pages that need nothing but themselves."""

import re

import pytest

from arkiv.base.html import Html, element
from arkiv.base.page import Section, glossary, render, text_of, write, zeros_folded
from arkiv.text.terms import TERMS, used_in


def test_the_page_escapes_all_but_html():
    sections = [Section("a", "<A>", Html("<i></i>"))]
    page = render("<title>", "about & so", ["<li>", element("b", "<")], sections)
    assert "<title>&lt;title&gt;</title>" in page
    assert "<li>&lt;li&gt;</li>" in page
    assert "<li><b>&lt;</b></li>" in page
    assert '<a href="#a">&lt;A&gt;</a>' in page
    assert "<i></i>" in page
    assert "default-src 'none'" in page
    assert 'id="next"' not in page
    assert 'class="box"' in render("t", "a", [], sections, Section("next", "N", "c"))


def test_a_page_stands_alone(tmp_path):
    write(tmp_path / "x.html", render("A", "b", ["c"], []))
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"https?:|src=|@import|<script", text)
    for mark in ("<header>", "<nav ", "<main>", 'class="skip"'):
        assert text.count(mark) == 1


@pytest.mark.parametrize(
    ("rows", "shown", "folded"),
    [
        ([["a", "1"], ["b", "0"], ["c", "–", "0"]], ["a"], ["b", "c"]),
        ([["a", "1"], ["b", "0", "2"]], ["a", "b"], []),
        # Where nothing counts anything, that is what there is to show.
        ([["a", "0"], ["b", "–"]], ["a", "b"], []),
    ],
)
def test_rows_that_count_nothing_are_folded(rows, shown, folded):
    made = zeros_folded(["", "n"], rows, "Counts")
    open_ones, _, closed = made.partition("<details>")
    named = [re.findall('<th scope="row">(.)</th>', one) for one in (open_ones, closed)]
    assert named == [shown, folded]


def test_the_words_of_a_page_are_explained_and_no_others():
    assert [one.word for one in used_in("MRR@10 of bm25")] == ["MRR@10", "BM25"]
    assert used_in("a map of errors") == []
    assert [one.word for one in used_in("map, mRR, MAP")] == ["MAP"]
    assert text_of("<p class='dense'>a &lt;b&gt; p &lt; 0.05</p>") == " a <b> p < 0.05 "
    section = glossary([("p", "1 < 2")])
    assert section.content == "<dl><dt>p</dt><dd>1 &lt; 2</dd></dl>"
    # What explains a word says it in others.
    for one in TERMS:
        assert len(one.meaning.split()) < 50
        assert one.meaning[0].isupper()
        assert one.meaning.endswith(".")
