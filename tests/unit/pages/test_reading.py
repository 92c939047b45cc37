"""The same page in every format, and what each format has of its own."""

import gzip
import random
import time

import pytest
from sheets import ALTO, FORMATS, PAGE, WITHOUT

from arkiv.base.errors import InputError
from arkiv.documents.cutting import words
from arkiv.pages import gzipped, xml
from arkiv.pages.kinds import HEAD, Role, kind
from arkiv.pages.page import classes
from arkiv.pages.reading import read_pages

REGIONS = [
    ("marginalia", [("1880 & <år>", 0.5)]),
    (
        "paragraph",
        [
            ("S. D. Föredrogs och lästes en till Härads¬", 0.875),
            ("rätten inlemnad skrift af Karl", 0.75),
            ("om kronor jemte ränta, som ska-", 1.0),
        ],
    ),
    ("paragraph", [("lades af   rättegångs=", 0.25), ("ombudet.", 0.625)]),
]
TEXT = (
    "1880 & <år> S. D. Föredrogs och lästes en till Häradsrätten inlemnad skrift af "
    "Karl om kronor jemte ränta, som skalades af rättegångsombudet."
)


def read(data, name="p_1.xml"):
    (page,) = read_pages(name, data.encode() if isinstance(data, str) else data)
    return page


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_page_gives_the_same_text(form):
    ending, write = FORMATS[form]
    page = read(write(REGIONS), f"p_1{ending}")
    assert " ".join(word.text for word in words([page])) == TEXT
    assert page.number == 1
    assert [line.number for line in page.lines] == [1, 2, 3, 4, 5, 6]
    without = WITHOUT.get(form, ())
    if "confidences" not in without:
        confidences = [line.confidence for line in page.lines]
        assert confidences == pytest.approx([0.5, 0.875, 0.75, 1.0, 0.25, 0.625])
    if "regions" not in without:
        assert [line.regions[0] for line in page.lines] == [
            "marginalia",
            *["paragraph"] * 5,
        ]
    if "image" not in without:
        assert page.image == "p_1.jpg"
    if "ids" not in without:
        assert [line.id[-1] for line in page.lines] == ["0", *"012", *"01"]


def page(text):
    """PAGE of one line."""
    return (
        f'<PcGts xmlns="{PAGE}/2019-07-15"><Page><TextRegion><TextLine><TextEquiv>'
        f"<Unicode>{text}</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>"
    )


def alto(text):
    """ALTO of one word."""
    return (
        f'<alto xmlns="{ALTO}4#"><Layout><Page><PrintSpace><TextBlock><TextLine>'
        f'<String CONTENT="{text}"/></TextLine></TextBlock></PrintSpace></Page>'
        "</Layout></alto>"
    )


def texts(found):
    return [line.text for line in found.lines]


@pytest.mark.parametrize("write", [page, alto])
@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("ISO-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("IBM437", "cp437"),  # which libxml2 does not know
        ("UTF-16", "utf-16"),
        ("UTF-16", "utf-16-le"),
        ("UTF-16", "utf-16-be"),
        ("UTF-32", "utf-32"),
        ("utf-16", "utf-8"),  # as programs of Windows have it
        ("UTF-8", "utf-8-sig"),
        (None, "utf-8"),
        (None, "utf-8-sig"),
        (None, "utf-16"),
        (None, "utf-16-le"),
        (None, "utf-16-be"),
    ],
)
def test_xml_is_read_in_the_encoding_that_it_is_in(write, declared, encoding):
    before = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    assert texts(read((before + write("Häradsrätten på Öland")).encode(encoding))) == [
        "Häradsrätten på Öland"
    ]


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE PcGts>",
        "<!DOCTYPE PcGts [ ]>",
        '<!DOCTYPE PcGts PUBLIC "-//a//b" "http://127.0.0.1:9/[x].dtd">',
    ],
)
@pytest.mark.parametrize("write", [page, alto])
def test_a_document_type_without_a_part_of_its_own_is_harmless(doctype, write):
    content = f'<?xml version="1.0"?><!-- > -->{doctype}' + write("a&nbsp;&auml; &amp;")
    assert texts(read(content)) == ["a\xa0ä &"]
    for encoding in ("utf-8-sig", "utf-16", "utf-16-be"):
        assert texts(read(content.encode(encoding))) == ["a\xa0ä &"]


def test_many_comments_take_no_time():
    comments = "<!-- ett --><?zwei?>" * 2000
    started = time.monotonic()
    with pytest.raises(InputError):
        read(comments)
    assert kind("1.xml", comments.encode()[:HEAD]).role is Role.BROKEN
    content = page("a").replace("</PcGts>", comments + "</PcGts>")
    assert texts(read("<?xml version='1.0'?><!-- > -->" + content)) == ["a"]
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("write", [page, alto])
def test_a_single_file_may_be_compressed(write):
    (found,) = read_pages("v_12.xml.gz", gzip.compress(write("å").encode()))
    assert texts(found) == ["å"]


def test_what_is_compressed_is_bounded_and_whole(monkeypatch):
    packed = gzip.compress(page("x" * 1000).encode())
    with pytest.raises(InputError, match="a damaged gzip file"):
        read_pages("1.xml.gz", packed[:-9])
    monkeypatch.setattr(gzipped, "LARGEST", 900)
    # No book of many pages.
    with pytest.raises(InputError, match="unpacks to more than 900 bytes"):
        read_pages("1.xml.gz", packed)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMB = f'<!DOCTYPE PcGts [<!ENTITY l0 "ha">{LAUGHS}]>'
ELSEWHERE = '<!DOCTYPE PcGts SYSTEM "http://127.0.0.1:9/x.dtd">'
OUTSIDE = '<!DOCTYPE PcGts [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB + page("&l9;"), "document type defines entities"),
        (BOMB + page("&l1;"), "document type defines entities"),
        (BOMB + alto("&l9;"), "document type defines entities"),
        (OUTSIDE + page("&x;"), "document type defines entities"),
        (ELSEWHERE + page("&x;"), "the entity &x;, which another file defines"),
        (ELSEWHERE + alto("&x;"), "the entity &x;, which another file defines"),
        (page("&x;"), "not well-formed XML"),
        (page("a")[:-20], "not well-formed XML"),
        ("\ufeff" + BOMB + page("&l1;"), "document type defines entities"),
        (page("å").encode("latin-1"), "is 0xe5, which is not UTF-8: declare its"),
        ("<mets/>", "METS"),
        ("<a/>", "XML of <a>; expected one of <"),
        ("<PcGts/>", "holds no page"),
        ("<alto><Layout/></alto>", "holds no page"),
        ("<PcGts><" + "a><" * 300, "not well-formed XML"),
        (page("x" * 1_000_001), "1,000,001 characters"),
        (page("x" * 10_000_001), "not well-formed XML"),
        ("", "is empty"),
        (" \n\t", "white space"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_what_is_hostile_or_broken_is_refused_in_a_sentence(content, said):
    with pytest.raises(InputError, match=r"^is not a page: ") as caught:
        read(content)
    assert said in caught.value.reason
    assert "\n" not in caught.value.reason
    assert len(caught.value.reason) < 200


def test_plain_text_has_the_lines_of_the_file():
    found = read("\ufeffEtt\r\n\r\n[två]\n<tre>", "v_07.txt")
    assert [(one.text, one.number, one.id) for one in found.lines] == [
        ("Ett", 1, "1"),
        ("[två]", 2, "3"),
        ("<tre>", 3, "4"),
    ]
    assert found.image is None


def test_classes_of_regions_are_compared_composed_and_in_small_letters():
    assert classes("Fra\u030aga ", None, " ", "BILD") == ("fråga", "bild")


def test_form_feeds_divide_a_text_into_pages():
    source = random.Random(1)
    for _ in range(100):
        parts = [source.choice(["", "\n", "ett\ntvå\n", "x"]) for _ in range(4)]
        pages = read_pages("bok.txt", "\x0c".join([*parts, "y"]).encode())
        assert [texts(found) for found in pages] == [
            each.split() for each in [*parts, "y"]
        ]
        assert [found.number for found in pages] == [1, 2, 3, 4, 5]
        # One that ends the text begins no page.
        ended = read_pages("bok.txt", ("\x0c".join([*parts, "y"]) + "\x0c\n").encode())
        assert ended == pages
    (alone,) = read_pages("12.txt", b"ett\x0c")
    assert texts(alone) == ["ett"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_text_of_wide_characters_is_recognised(encoding):
    (found,) = read_pages("1.txt", "Häradsrätten på Öland\n".encode(encoding))
    assert texts(found) == ["Häradsrätten på Öland"]


def test_text_in_another_encoding_is_read_if_that_is_said():
    data = "Häradsrätten – på Öland".encode("cp1252")
    with pytest.raises(InputError, match=r"byte 2 is 0xe4.*documents\.encoding"):
        read_pages("1.txt", data)
    (found,) = read_pages("1.txt", data, encoding="windows-1252")
    assert texts(found) == ["Häradsrätten – på Öland"]
    # What is UTF-8 is read as such.
    (found,) = read_pages("1.txt", "på".encode(), encoding="windows-1252")
    assert texts(found) == ["på"]
    with pytest.raises(InputError, match=r"nor, as documents.encoding says, ascii"):
        read_pages("1.txt", data, encoding="ascii")


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"a\0b" + b"abcdef" * 9, "1.txt", "control character"),
        (b"\x89PNG\r\n\x1a\n", "1.txt", "an image"),
        (b"# Heading", "about.md", "Markdown"),
    ],
)
def test_what_is_no_plain_text_is_refused(data, name, said):
    with pytest.raises(InputError, match=said):
        read_pages(name, data)


@pytest.mark.parametrize("form", ["ABBYY", "hOCR"])
def test_a_large_book_is_read_page_by_page(form, monkeypatch):
    ending, write = FORMATS[form]
    content = write([("x", [("å en rad", 0.5)] * 60)])
    tag = b"page" if form == "ABBYY" else b"div"
    start = content.index(b"<page" if form == "ABBYY" else b"<div class='ocr_page")
    end = content.rindex(b"</" + tag) + len(tag) + 3
    inner = content.index(b">", start) + 1
    book = content[:start] + content[start:end] * 5 + content[end:]
    packed = gzip.compress(book)
    whole = read_pages(f"bok{ending}.gz", packed)
    assert len(whole) == 5
    monkeypatch.setattr(gzipped, "LARGEST", len(book) - 1)
    monkeypatch.setattr(gzipped.parts, "__defaults__", (1000,))
    assert read_pages(f"bok{ending}.gz", packed) == whole
    for fault, said in (
        (packed[:-20], "a damaged gzip file"),
        (gzip.compress(book[:-30] + b"<" + b" " * 30), "not well-formed XML"),
        (gzip.compress(book[:inner] + b"&x;" + book[inner:]), "the entity &x;"),
        (gzip.compress((BOMB + "<PcGts/>").encode() + b" " * len(book)), "unpacks to"),
    ):
        with pytest.raises(InputError, match=said):
            read_pages(f"bok{ending}.gz", fault)
    monkeypatch.setattr(xml, "LARGEST", (end - start) // 2)
    with pytest.raises(InputError, match="has a page of more than"):
        read_pages(f"bok{ending}.gz", packed)
    monkeypatch.setattr(gzipped, "LARGEST_BOOK", len(book) - 1)
    with pytest.raises(InputError, match="unpacks to more than"):
        read_pages(f"bok{ending}.gz", packed)
