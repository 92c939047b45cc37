"""What PAGE XML has of its own: reading orders, readings, classes of regions."""

import random

import pytest
from sheets import PAGE

from arkiv.pages.reading import read_pages


def read(data):
    (page,) = read_pages("p_1.xml", data.encode())
    return page


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


def test_a_line_has_the_confidence_of_its_words_if_it_has_none():
    words = f"<Word>{equiv('alpha', 0.2)}</Word><Word>{equiv('beta', 0.6)}</Word>"
    glyphs = f"<Word><Glyph>{equiv('a', 0.5)}</Glyph>{equiv('alpha')}</Word>"
    lines = "".join(
        f"<TextLine>{below}{own}</TextLine>"
        for below, own in (
            (words, equiv("alpha beta")),
            (words, equiv("alpha beta", 0.9)),
            (glyphs, equiv("alpha")),
            ("", equiv("alpha")),
        )
    )
    found = read(page(region("r", lines)))
    assert [one.confidence for one in found.lines] == [0.4, 0.9, 0.5, None]


def test_a_line_without_text_takes_its_own_of_the_region():
    lines = line("alpha  beta", id="a") + '<TextLine id="b"/>'
    found = read(page(region("r", lines, equiv("alpha beta\n\ngamma", 0.5))))
    assert [(one.id, one.text, one.confidence) for one in found.lines] == [
        ("a", "alpha  beta", None),
        ("b", "gamma", 0.5),
    ]
    assert found.unheld == ()


@pytest.mark.parametrize(
    ("lines", "whole", "unheld"),
    [
        (("alpha beta",), "alpha beta\ngamma delta", ["gamma delta"]),
        (("alpha", ""), "beta\ngamma", ["beta", "gamma"]),
        (("alpha", ""), "alpha\nbeta\nalpha", ["beta", "alpha"]),
        # In another order, or with words rejoined, it is the same.
        (("alpha beta", "gamma"), "gamma alpha beta", []),
        (("inför härads-", "rätten kom"), "inför häradsrätten kom", []),
        (("1812",), "1812\n12", ["12"]),
    ],
)
def test_text_of_a_region_that_no_line_holds_is_told(lines, whole, unheld):
    found = read(page(region("r", *map(line, lines), equiv(whole), more='type="x"')))
    assert texts(found) == list(filter(None, lines))
    assert [(one.text, one.id, one.regions) for one in found.unheld] == [
        (text, "r", ("x",)) for text in unheld
    ]


@pytest.mark.parametrize("seed", range(50))
def test_every_word_of_a_region_is_in_its_lines_or_told_once(seed):
    """Of lines that lost their text, were left out or put together."""
    draw = random.Random(seed)
    whole = [
        " ".join(draw.choice("abcdefgh") for _ in range(draw.randrange(1, 5)))
        for _ in range(draw.randrange(1, 7))
    ]
    lines = [line(text) for text in whole if draw.random() < 0.7]
    lines += ["<TextLine/>"] * draw.randrange(3)
    draw.shuffle(lines)
    found = read(page(region("r", *lines, equiv(draw.choice(" \n").join(whole)))))
    kept = [one.text for one in (*found.lines, *found.unheld)]
    assert sorted(" ".join(kept).split()) == sorted(" ".join(whole).split())


def test_text_of_inner_regions_is_told_once():
    inner = region("inner", line("alpha"), equiv("alpha beta"))
    found = read(page(region("outer", inner, equiv("alpha beta gamma"))))
    assert [(one.text, one.id) for one in found.unheld] == [
        ("gamma", "outer"),
        ("beta", "inner"),
    ]


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
