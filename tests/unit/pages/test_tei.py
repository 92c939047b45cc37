"""What TEI has of its own: pages and lines as milestones, editors, furniture."""

import itertools
import random

import pytest

from arkiv.base.errors import InputError
from arkiv.documents.cutting import words
from arkiv.pages.reading import read_pages

NAMESPACE = 'xmlns="http://www.tei-c.org/ns/1.0"'


def read(body, before="<teiHeader><title>no text</title></teiHeader>"):
    content = f"<TEI {NAMESPACE}>{before}<text><body>{body}</body></text></TEI>"
    return read_pages("v.xml", content.encode())


def texts(found):
    return [each.text for each in found.lines]


def lines(found):
    return [(each.text, *each.regions) for each in found.lines]


def joined(pages):
    return " ".join(word.text for word in words(pages))


def test_pages_have_labels_and_images():
    first, second, third = read(
        "före <pb n='[1]' facs='in/1.jpg'/><p>ett<pb n='2' facs='#f0002'/>två</p>"
    )
    assert list(map(texts, (first, second, third))) == [["före"], ["ett"], ["två"]]
    assert [found.label for found in (first, second, third)] == [None, "[1]", "2"]
    assert [found.image for found in (first, second, third)] == [
        None,
        "in/1.jpg",
        "f0002",
    ]
    # Nothing before the first page is no page, an empty page is one.
    assert list(map(texts, read("<pb/>ett<pb/><pb/>två"))) == [["ett"], [], ["två"]]


@pytest.mark.parametrize("ids", [("a", "a"), ("1.2", "xi:3"), ("", "a b")])
def test_identifiers_that_are_none_do_no_harm(ids):
    one, two = ids
    (found,) = read(f"<p xml:id='{one}'>ett</p><p xml:id='{two}'>två</p>")
    assert texts(found) == ["ett", "två"]


def test_lines_stand_where_their_zones_are():
    facsimile = (
        "<facsimile><surface xml:id='f1' ulx='0' uly='0' lrx='100' lry='200'>"
        "<graphic url='1.jpg'/><zone xml:id='z1' ulx='1' uly='2' lrx='30' lry='40'/>"
        "<zone xml:id='z2' points='5,6 70,80.5 5,80'/></surface></facsimile>"
    )
    (found,) = read(
        "<pb facs='#f1'/><p facs='#z1'>a<lb facs='#z2' xml:id='l2'/>b<lb/>c</p>"
        "<p facs='#z1'>d</p>",
        facsimile,
    )
    assert (found.image, found.size) == ("1.jpg", (100, 200))
    assert [(each.text, each.id, each.box) for each in found.lines] == [
        ("a", None, None),
        ("b", "l2", (5, 6, 70, 81)),
        ("c", None, None),
        ("d", None, (1, 2, 30, 40)),
    ]


def test_what_stands_on_the_page_is_read_and_no_editors_words():
    (found,) = read(
        "<p>Ein <choice>\n<corr>mihi</corr>\n<sic>mohi</sic></choice> "
        "<choice><orig>vnd</orig><reg>und</reg></choice> "
        "<choice><abbr>d<am>n</am>s</abbr><expan>dominus</expan></choice> "
        "<app><lem>lem</lem><rdg>rdg</rdg></app> <reg>allein</reg> "
        "w<hi>or</hi>d <del>del</del> <supplied>sup</supplied><gap><desc>x</desc></gap>"
        "<figure><figDesc>picture</figDesc></figure></p>"
    )
    assert texts(found) == ["Ein mohi vnd dns lem allein word del sup"]


def test_blocks_are_lines_of_their_own():
    (found,) = read(
        "<head>H <lb/>i</head><lg><l>v1</l><l>v2</l></lg><list><item>a</item>\n"
        "<item>b</item></list><table><row><cell>c</cell><cell>d</cell></row></table>"
    )
    assert lines(found) == [
        ("H", "heading"),
        ("i", "heading"),
        *(("v1",), ("v2",), ("a",), ("b",)),
        ("c d", "table"),
    ]


def test_in_a_sentence_a_title_or_a_date_is_a_part_of_it():
    (found,) = read(
        "<p>Siehe <bibl>Haller <docDate>1757</docDate></bibl>.</p>"
        "<listBibl><bibl>a</bibl><bibl>b</bibl></listBibl>"
        "<closer><dateline>Stockholm</dateline><signed>X</signed></closer>"
    )
    assert texts(found) == ["Siehe Haller 1757.", "a", "b", "Stockholm", "X"]


@pytest.mark.parametrize(
    ("half", "rest", "whole"),
    [
        ("Häu<lb break='no'/>", "ser", "Häuser"),
        ("Häu\n<lb break='no'/>", "ser", "Häuser"),
        ("Häu-<lb break='no'/>", "ser", "Häuser"),
        ("Häu-<lb/>", "ser", "Häuser"),
        ("Häu⸗<pb/>", "ser", "Häuser"),
        ("Häu<pb break='no'/>", "ser", "Häuser"),
        ("Karl-<lb break='no'/>", "Johan", "Karl-Johan"),
        ("Häu<lb/>", "ser", "Häu ser"),
    ],
)
def test_the_halves_of_a_word_are_joined(half, rest, whole):
    assert joined(read(f"<pb/><p>ett {half}{rest} två</p>")) == f"ett {whole} två"


def test_notes_and_furniture_never_stand_between_the_halves_of_a_word():
    source = random.Random(3)
    asides = (
        "<note place='foot'>fot<lb/>not</note>",
        "<note place='left'>rand</note>",
        "<fw type='catch' place='bottom'>kust</fw>",
        "<fw type='sig'>A2</fw>",
    )
    breaks = ("-<lb/>", "<lb break='no'/>", "-<pb/>", "<pb break='no'/>")
    for _ in range(100):
        body = "".join(
            "".join(source.choice([*asides, "", "", ""]) for _ in range(2))
            + f"ord{source.choice(asides)} "
            + f"häl{source.choice([*asides, ''])}{source.choice(breaks)}"
            + f"{source.choice([*asides, '', ''])}ften"
            + source.choice((" ", "<lb/>", "<pb/>"))
            for _ in range(4)
        )
        pages = read(f"<pb/><p>{body}</p>")
        found = joined(pages).split()
        assert found.count("hälften") == found.count("ord") == 4
        assert "häl" not in found
        for word in ("fot", "not", "rand", "kust", "A2"):
            assert found.count(word) == body.count(f"{word}<")
        for page in pages:
            assert [x.number for x in page.lines] == [*range(1, len(page.lines) + 1)]


def test_furniture_and_notes_say_what_they_are():
    (found,) = read(
        "<pb/><fw place='top' type='header'>Rubrik</fw><fw type='pageNum'>12</fw>"
        "<p>text<note place='margin'>rand</note> mera <note>not</note></p>"
        "<fw type='sig' place='bottom'>A</fw>"
    )
    assert lines(found) == [
        ("Rubrik", "header"),
        ("12", "page-number"),
        ("text mera",),
        ("rand", "note", "marginalia"),
        ("not", "note"),
        ("A", "footer", "signature-mark"),
    ]


def test_texts_of_a_corpus_and_older_editions():
    corpus = "".join(f"<TEI><text><p>{n}</p></text></TEI>" for n in "ab")
    pages = read_pages("v.xml", f"<teiCorpus {NAMESPACE}>{corpus}</teiCorpus>".encode())
    assert list(map(texts, pages)) == [["a"], ["b"]]
    # TEI P4 has no namespace, and often a document type.
    doctype = '<!DOCTYPE TEI.2 SYSTEM "teixlite.dtd">'
    older = (
        f'{doctype}<TEI.2><teiHeader/><text><pb n="3" id="p3"/>&auml;</text></TEI.2>'
    )
    (found,) = read_pages("v.xml", older.encode())
    assert (texts(found), found.label) == (["ä"], "3")


def test_a_transcription_of_sheets_is_read_where_there_is_no_text():
    content = (
        f"<TEI {NAMESPACE}><teiHeader/><sourceDoc>"
        "<surface n='1r' lrx='100' lry='200'><graphic url='1.jpg'/>"
        "<zone type='MainZone'><zone points='1,2 30,2 30,40'><line>ett</line></zone>"
        "<zone points='1,50 30,50 30,90'><line>två</line></zone></zone></surface>"
        "<surface n='1v'><line>tre</line></surface></sourceDoc></TEI>"
    )
    first, second = read_pages("v.xml", content.encode())
    assert [(each.text, each.box) for each in first.lines] == [
        ("ett", (1, 2, 30, 40)),
        ("två", (1, 50, 30, 90)),
    ]
    assert first.lines[0].regions == ("mainzone",)
    assert (first.label, first.image, first.size) == ("1r", "1.jpg", (100, 200))
    assert (texts(second), second.label) == (["tre"], "1v")


def test_a_header_alone_is_no_page():
    with pytest.raises(InputError, match="holds no page"):
        read_pages("v.xml", f"<TEI {NAMESPACE}><teiHeader/><text/></TEI>".encode())


def test_no_word_is_lost_whatever_is_nested():
    source = random.Random(4)
    number = itertools.count()

    def some(depth):
        kind = source.choice(
            ("p", "hi", "note", "fw", "div", "cell", "unknown", "head")
        )
        inner = "".join(some(depth - 1) for _ in range(2)) if depth else ""
        milestone = source.choice(("", "<lb/>", "<pb/>", "<cb/>"))
        return (
            f"<{kind}> w{next(number)}x {inner}{milestone} w{next(number)}x </{kind}>"
        )

    for _ in range(30):
        first = next(number)
        pages = read(some(4))
        found = [
            word for page in pages for line in texts(page) for word in line.split()
        ]
        assert sorted(found) == sorted(f"w{n}x" for n in range(first + 1, next(number)))
