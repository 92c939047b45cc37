"""The same page in every format, and what each format has of its own."""

import pytest
from sheets import ALTO, FORMATS, PAGE

from arkiv.base.errors import InputError
from arkiv.documents.cutting import words
from arkiv.pages.reading import page_number, read_pages

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
    if form != "plain text":
        confidences = [line.confidence for line in page.lines]
        assert confidences == pytest.approx([0.5, 0.875, 0.75, 1.0, 0.25, 0.625])
        assert [line.regions[0] for line in page.lines] == [
            "marginalia",
            *["paragraph"] * 5,
        ]
        assert page.image == "p_1.jpg"
    if form not in ("plain text", "HTRflow main"):
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


def test_an_encoding_that_xml_declares_is_honoured():
    content = '<?xml version="1.0" encoding="ISO-8859-1"?>' + page("Häradsrätten")
    assert texts(read(content.encode("latin-1"))) == ["Häradsrätten"]
    wide = page("Häradsrätten").encode("utf-16")
    assert texts(read(wide)) == ["Häradsrätten"]
    marked = page("Häradsrätten").encode("utf-8-sig")
    assert texts(read(marked)) == ["Häradsrätten"]


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMB = f'<!DOCTYPE PcGts [<!ENTITY l0 "ha">{LAUGHS}]>'
OUTSIDE = '<!DOCTYPE PcGts [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB + page("&l9;"), "entity amplification"),
        (BOMB + page("&l1;"), "document type"),
        (BOMB + alto("&l9;"), "entity amplification"),
        (OUTSIDE + page("&x;"), "document type"),
        ('<!DOCTYPE PcGts SYSTEM "http://127.0.0.1:9/x.dtd">' + page(""), "type"),
        (page("&x;"), "not well-formed XML"),
        (page("a")[:-20], "not well-formed XML"),
        (page("å").encode("latin-1"), "not well-formed XML"),
        ("<mets/>", "XML of <mets>, expected <PcGts> or <"),
        ("<PcGts/>", "holds no page"),
        ("<alto><Layout/></alto>", "holds no page"),
        ("<" + "a><" * 300, "not well-formed XML"),
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
    found = read("\ufeffEtt\r\n\r\n[två]\x0ctre", "v_07.txt")
    assert [(one.text, one.number, one.id) for one in found.lines] == [
        ("Ett", 1, "1"),
        ("[två]", 2, "3"),
        ("tre", 3, "4"),
    ]
    assert (found.number, found.image) == (7, None)


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        ("blåst".encode("latin-1"), "1.txt", r"not UTF-8 \(byte 3 is 0xe5\)"),
        (b"a\0b", "1.txt", "control character"),
        (b"\x89PNG\r\n", "1.png", "neither JSON nor .*XML, and its name does not"),
        (b"# README", "README.md", "neither JSON nor .*XML, and its name does not"),
    ],
)
def test_what_is_no_plain_text_is_refused(data, name, said):
    with pytest.raises(InputError, match=said):
        read_pages(name, data)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("v_00012.json", 12),
        ("omslag.xml", "omslag"),
        ("12", 12),
        ("p" + "9" * 5000 + ".xml", "p" + "9" * 5000),
    ],
)
def test_a_page_has_the_number_that_ends_its_name(name, number):
    assert page_number(name) == number
