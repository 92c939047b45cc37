"""The same page in every format, and what each format has of its own."""

import pytest
from sheets import ALTO, FORMATS, PAGE

from arkiv.documents import words
from arkiv.errors import InputError
from arkiv.ingest.formats import page_number, read_pages

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


def page(body, attributes=""):
    return (
        f'<PcGts xmlns="{PAGE}/2019-07-15"><Page imageFilename="i.jpg" {attributes}>'
        f"{body}</Page></PcGts>"
    )


def line(text, **attributes):
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<TextLine{given}>{equiv(text)}</TextLine>"


def equiv(text, conf=None):
    given = "" if conf is None else f' conf="{conf}"'
    return f"<TextEquiv{given}><Unicode>{text}</Unicode></TextEquiv>"


def texts(found):
    return [line.text for line in found.lines]


def region(name, *parts, more=""):
    return f'<TextRegion id="{name}" {more}>{"".join(parts)}</TextRegion>'


def test_nested_groups_are_ordered_by_index_and_unordered_ones_as_they_stand():
    order = """<ReadingOrder><OrderedGroup id="o">
      <RegionRefIndexed index="2" regionRef="a"/>
      <UnorderedGroupIndexed id="u" index="1">
        <RegionRef regionRef="d"/><RegionRef regionRef="c"/>
      </UnorderedGroupIndexed>
      <OrderedGroupIndexed id="g" index="10">
        <RegionRefIndexed index="1" regionRef="f"/>
        <RegionRefIndexed index="0" regionRef="e"/>
        <RegionRefIndexed index="2" regionRef="nowhere"/>
      </OrderedGroupIndexed>
    </OrderedGroup></ReadingOrder>"""
    regions = "".join(region(name, line(name)) for name in "abcdef")
    # b is in no group: it comes last.
    assert texts(read(page(order + regions))) == [*"dcaefb"]


def test_a_group_of_a_region_orders_what_lies_within_it():
    order = """<ReadingOrder><OrderedGroup id="o">
      <OrderedGroupIndexed id="g" index="0" regionRef="table">
        <RegionRefIndexed index="0" regionRef="two"/>
        <RegionRefIndexed index="1" regionRef="one"/>
      </OrderedGroupIndexed>
    </OrderedGroup></ReadingOrder>"""
    table = (
        '<TableRegion id="table">'
        + region("one", line("1"))
        + region("two", line("2"))
        + region("loose", line("3"))
        + "</TableRegion>"
    )
    found = read(page(order + region("first", line("0")) + table))
    assert texts(found) == ["3", "2", "1", "0"]
    assert found.lines[0].regions == ("tableregion",)


def test_lines_that_the_order_names_as_htrflow_does_come_in_it():
    order = """<ReadingOrder><OrderedGroup id="ro">
      <OrderedGroupIndexed id="ro_region0" index="0">
        <RegionRefIndexed regionRef="region0_line1" index="0"/>
        <RegionRefIndexed regionRef="region0_line0" index="1"/>
      </OrderedGroupIndexed></OrderedGroup></ReadingOrder>"""
    lines = line("a", id="region0_line0") + line("b", id="region0_line1")
    assert texts(read(page(order + region("region0", lines)))) == ["b", "a"]


def test_lines_with_an_index_come_by_it():
    lines = line("b", index=2) + line("a", index=1) + line("c")
    assert texts(read(page(region("r", lines)))) == ["a", "b", "c"]


def test_without_a_text_of_its_own_a_line_is_its_words_and_a_word_its_glyphs():
    words = "".join(
        f"<Word>{content}</Word>"
        for content in (
            equiv("ett", 0.5),
            f"<Glyph>{equiv('t')}</Glyph><Glyph>{equiv('v')}</Glyph>",
            equiv("", 0),
            equiv("tre", 1),
        )
    )
    (found,) = read(page(region("r", f"<TextLine>{words}</TextLine>"))).lines
    assert (found.text, found.confidence) == ("ett tv tre", 0.75)


def test_a_region_transcribed_as_a_whole_is_its_lines():
    found = read(
        page(
            region("r", "<TextLine/>", equiv("ett\ntvå\n\ntre", 0.5))
            + region("empty", "<TextLine/>")
            + region("outer", region("inner", line("fyra")), equiv("fyra"))
        )
    )
    assert texts(found) == ["ett", "två", "tre", "fyra"]
    assert {(one.id, one.confidence) for one in found.lines[:3]} == {("r", 0.5)}
    assert found.regions_without_text == 1


def test_classes_of_page_are_types_kinds_and_transkribus_structures():
    found = read(
        page(
            region("a", line("1"), more='type="Header"')
            + region(
                "b",
                line(
                    "2", custom="readingOrder {index:0;} structure {type:page-number;}"
                ),
                more='custom="structure {score:1; type:marginalia;}"',
            )
            + f'<AdvertRegion id="c">{region("d", line("3"))}</AdvertRegion>'
        )
    )
    assert [one.regions for one in found.lines] == [
        ("header",),
        ("marginalia", "page-number"),
        ("advertregion",),
    ]


@pytest.mark.parametrize("value", ["NaN", "-1", "2", "much", ""])
def test_a_confidence_that_is_no_share_is_unknown(value):
    content = f"<TextLine>{equiv('a', value)}</TextLine>"
    assert read(page(region("r", content))).lines[0].confidence is None


def alto(body, before=""):
    return f'<alto xmlns="{ALTO}4#">{before}<Layout><Page>{body}</Page></Layout></alto>'


def block(*lines, more=""):
    return f"<TextBlock {more}>{''.join(f'<TextLine>{x}</TextLine>' for x in lines)}"


def joined(*found):
    return " ".join(word.text for word in words(found))


def test_altos_whole_word_decides_whether_its_hyphen_stays():
    halves = (
        '<String CONTENT="och"/><SP/><String CONTENT="svart" SUBS_TYPE="HypPart1" '
        'SUBS_CONTENT="svart-vit"/><HYP CONTENT="-"/>',
        '<String CONTENT="vit" SUBS_TYPE="HypPart2" SUBS_CONTENT="svart-vit"/><SP/>'
        '<String CONTENT="Karl-" SUBS_TYPE="HypPart1" SUBS_CONTENT="KarlJohan"/>',
        '<String CONTENT="Johan" SUBS_TYPE="HypPart2" SUBS_CONTENT="KarlJohan"/><SP/>'
        '<String CONTENT="Lars"/><HYP CONTENT="-"/>',
        '<String CONTENT="Erik"/><SP/><String CONTENT="k:r" SUBS_TYPE="Abbreviation" '
        'SUBS_CONTENT="kronor"/>',
    )
    found = read(alto(f"<PrintSpace>{block(*halves)}</TextBlock></PrintSpace>"))
    assert joined(found) == "och svart-vit KarlJohan LarsErik k:r"


def test_a_word_that_alto_divides_goes_on_on_the_next_page():
    first, second = (
        read(alto(f"<PrintSpace>{block(content)}</TextBlock></PrintSpace>"), name)
        for name, content in (
            ("1.xml", '<String CONTENT="Härads"/><HYP CONTENT="-"/>'),
            ("2.xml", '<String CONTENT="Rätt"/>'),
        )
    )
    assert joined(first, second) == "HäradsRätt"


def test_words_stand_apart_with_and_without_spaces_written():
    apart = '<String CONTENT="ett"/><String CONTENT="två"/>'
    close = '<String CONTENT="ett"/><String CONTENT=","/><SP/><String CONTENT="två"/>'
    found = read(alto(f"<PrintSpace>{block(apart, close)}</TextBlock></PrintSpace>"))
    assert texts(found) == ["ett två", "ett, två"]


def test_margins_are_furniture_and_come_where_they_are_read():
    def area(name):
        text = f'<String CONTENT="{name}"/>'
        return f"<{name}>{block(text)}</TextBlock></{name}>"

    names = ("TopMargin", "LeftMargin", "RightMargin", "BottomMargin", "PrintSpace")
    found = read(alto("".join(map(area, names))))
    assert [(one.text, *one.regions) for one in found.lines] == [
        ("TopMargin", "header"),
        ("PrintSpace",),
        ("LeftMargin", "marginalia"),
        ("RightMargin", "marginalia"),
        ("BottomMargin", "footer"),
    ]


def test_blocks_in_blocks_with_types_and_tags_and_none_lost_outside_an_area():
    tags = (
        '<Tags><OtherTag ID="x" LABEL="Note"/><NamedEntityTag ID="y" LABEL="A"/></Tags>'
    )
    one = block(
        '<String CONTENT="1" WC="0.5"/><String CONTENT="2"/>', more='TAGREFS="x y"'
    )
    body = (
        f'<PrintSpace><ComposedBlock TYPE="Table">{one}</TextBlock></ComposedBlock>'
        + block('<String CONTENT=""/>')
        + "</TextBlock></PrintSpace>"
        + block('<String CONTENT="3"/>')
        + "</TextBlock>"
    )
    found = read(alto(body, tags))
    assert texts(found) == ["1 2", "3"]
    assert found.lines[0].regions == ("table", "note")
    assert found.lines[0].confidence == 0.5
    assert found.regions_without_text == 1


def test_an_encoding_that_xml_declares_is_honoured():
    content = '<?xml version="1.0" encoding="ISO-8859-1"?>' + page(
        region("r", line("Häradsrätten"))
    )
    assert texts(read(content.encode("latin-1"))) == ["Häradsrätten"]
    wide = page(region("r", line("Häradsrätten"))).encode("utf-16")
    assert texts(read(wide)) == ["Häradsrätten"]
    marked = page(region("r", line("Häradsrätten"))).encode("utf-8-sig")
    assert texts(read(marked)) == ["Häradsrätten"]


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMB = f'<!DOCTYPE PcGts [<!ENTITY l0 "ha">{LAUGHS}]>'
OUTSIDE = '<!DOCTYPE PcGts [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB + page(region("r", line("&l9;"))), "entity amplification"),
        (BOMB + page(region("r", line("&l1;"))), "document type"),
        (BOMB + alto("<PrintSpace><String CONTENT='&l9;'/></PrintSpace>"), "XML"),
        (OUTSIDE + page(region("r", line("&x;"))), "document type"),
        ('<!DOCTYPE PcGts SYSTEM "http://127.0.0.1:9/x.dtd">' + page(""), "type"),
        (page(region("r", line("&x;"))), "not well-formed XML"),
        (page(region("r", line("a")))[:-20], "not well-formed XML"),
        (page(region("r", line("å"))).encode("latin-1"), "not well-formed XML"),
        ("<mets/>", "XML of <mets>, expected <PcGts> or <alto>"),
        ("<PcGts/>", "holds no page"),
        ("<alto><Layout/></alto>", "holds no page"),
        ("<" + "a><" * 300, "not well-formed XML"),
        (page(region("r", line("x" * 1_000_001))), "1,000,001 characters"),
        (page(region("r", line("x" * 10_000_001))), "not well-formed XML"),
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
        (b"\x89PNG\r\n", "1.png", "neither JSON nor XML"),
        (b"# README", "README.md", "neither JSON nor XML"),
    ],
)
def test_what_is_no_plain_text_is_refused(data, name, said):
    with pytest.raises(InputError, match=said):
        read_pages(name, data)


def test_plain_text_beside_other_formats_is_refused():
    with pytest.raises(InputError, match="beside pages of another format"):
        read_pages("readme.txt", b"read me", plain_text=False)


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
