"""What ALTO XML has of its own: words, hyphens, margins, tags."""

import pytest
from sheets import ALTO

from arkiv.documents.cutting import words
from arkiv.pages.reading import read_pages


def read(data, name="p_1.xml"):
    (page,) = read_pages(name, data.encode())
    return page


def texts(found):
    return [line.text for line in found.lines]


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
    assert joined(found) == "och svart-vit KarlJohan Lars-Erik k:r"


def test_a_word_that_alto_divides_goes_on_on_the_next_page():
    first, second = (
        read(alto(f"<PrintSpace>{block(content)}</TextBlock></PrintSpace>"), name)
        for name, content in (
            ("1.xml", '<String CONTENT="Härads"/><HYP CONTENT="-"/>'),
            ("2.xml", '<String CONTENT="Rätt"/>'),
        )
    )
    assert joined(first, second) == "Härads-Rätt"


def half(part, content, whole=None, more=""):
    given = "" if whole is None else f' SUBS_CONTENT="{whole}"'
    return f'<String CONTENT="{content}" SUBS_TYPE="HypPart{part}"{given}/>{more}'


def of_lines(*lines, name="p_1.xml"):
    return read(alto(f"<PrintSpace>{block(*lines)}</TextBlock></PrintSpace>"), name)


HYP = '<HYP CONTENT="-"/>'


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        # The halves as they are written, the whole word as it is given.
        ((half(1, "Reformer", "Reformer-26", HYP), half(2, "-26", "Reformer-26")),
         "Reformer-26"),
        ((half(1, "Hufvud-", "Hufvudstaden", HYP), half(2, "staden,", "Hufvudstaden")),
         "Hufvudstaden,"),
        # One half without the other.
        ((half(1, "Hufvud", "Hufvudstaden", HYP), '<String CONTENT="staden"/>'),
         "Hufvud- staden"),
        (('<String CONTENT="i"/>', half(2, "staden", "Hufvudstaden")), "i staden"),
        # The hyphen alone is judged as any other.
        (('<String CONTENT="Karl"/><HYP CONTENT="-"/>', '<String CONTENT="Johan"/>'),
         "Karl-Johan"),
        (('<String CONTENT="1880"/><HYP CONTENT="-"/>', '<String CONTENT="1881"/>'),
         "1880-1881"),
        (('<String CONTENT="härads"/><HYP CONTENT="¬"/>',
          '<String CONTENT="Rätten"/>'), "häradsRätten"),
        (('<String CONTENT="klar."/><SP/><String CONTENT="-"/><HYP CONTENT="-"/>',
          '<String CONTENT="Sedan"/>'), "klar. - Sedan"),
        (('<String CONTENT="härads"/><HYP/>', '<String CONTENT="(rätten"/>'),
         "härads- (rätten"),
        # Letters close to a half are not lost for the whole word.
        (('<String CONTENT="stor"/>' + half(1, "hufvud", "hufvudstad", HYP) + "<SP/>",
          half(2, "stad", "hufvudstad")), "storhufvudstad"),
        (('<String CONTENT="("/>' + half(1, "hufvud", "hufvudstad", HYP) + "<SP/>",
          half(2, "stad", "hufvudstad") + '<String CONTENT=")"/><SP/>'),
         "(hufvudstad)"),
        ((half(1, "exem", more=HYP), half(2, "pel")), "exempel"),
        ((half(1, "Karl", more=HYP), half(2, "Johan")), "Karl-Johan"),
    ],
)  # fmt: skip
def test_halves_and_hyphens(lines, text):
    assert joined(of_lines(*lines)) == text


def test_a_lines_confidence_is_that_of_its_words_or_their_glyphs():
    line = (
        '<String CONTENT="ab"><Glyph CONTENT="a" GC="0.5"/><Glyph CONTENT="b" GC="1"/>'
        '</String><String CONTENT="c" WC="0.25"><Glyph CONTENT="c" GC="1"/></String>'
    )
    assert of_lines(line).lines[0].confidence == 0.5


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
