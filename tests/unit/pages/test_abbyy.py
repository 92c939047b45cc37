"""What ABBYY FineReader XML has of its own: characters, tables, styles."""

import pytest

from arkiv.base.errors import InputError
from arkiv.pages.reading import read_pages

SCHEMA = "http://www.abbyy.com/FineReader_xml/FineReader{}.xml"


def read(*pages, schema="10-schema-v1", before=""):
    body = "".join(
        f'<page width="900" height="1200" resolution="300">{page}</page>'
        for page in pages
    )
    document = f'<document xmlns="{SCHEMA.format(schema)}">{before}{body}</document>'
    return read_pages("bok_abbyy", document.encode())


def text(*lines, style=""):
    return f'<text><par style="{style}">{"".join(lines)}</par></text>'


def block(body, kind="Text"):
    return f'<block blockType="{kind}" l="0" t="0" r="9" b="9">{body}</block>'


def line(*runs, box='l="10" t="20" r="300" b="50"'):
    runs = "".join(f'<formatting lang="x">{run}</formatting>' for run in runs)
    return f"<line {box}>{runs}</line>"


def letters(word, confidence=50):
    """Characters beside each other, with what else they may be."""
    return "\n".join(
        f'<charParams l="{10 * at}" t="5" r="{10 * at + 8}" b="15" '
        f'charConfidence="{confidence}">'
        "<charRecVariants><charRecVariant charConfidence='1'>?</charRecVariant>"
        f"</charRecVariants>{letter}</charParams>"
        for at, letter in enumerate(word, 1)
    )


def texts(found):
    return [each.text for each in found.lines]


def test_a_page_may_be_a_file_of_its_own():
    content = f'<page width="900" height="1200">{block(text(line("en rad")))}</page>'
    (found,) = read_pages("bok_page_7.xml", content.encode())
    assert (texts(found), found.size) == (["en rad"], (900, 1200))
    with pytest.raises(InputError, match="XML of <page>"):
        read_pages("1.xml", b"<page><title>no text of a page</title></page>")


@pytest.mark.parametrize("schema", ["6-schema-v1", "8-schema-v2", "10-schema-v1"])
def test_characters_make_lines_with_box_and_confidence(schema):
    blank = '<charParams l="1" t="1" r="2" b="2">\n  </charParams>'
    first, second = read(
        block(text(line(letters("en", 90) + blank, letters("bok¬", -1)), line())),
        block(text(line("hel rad"))),
        schema=schema,
    )
    assert texts(first) == ["en bok¬"]
    (only,) = first.lines
    assert (only.box, only.confidence) == ((10, 20, 300, 50), pytest.approx(0.9))
    assert (first.size, first.number) == ((900, 1200), 1)
    assert texts(second) == ["hel rad"]


def test_a_line_without_a_box_stands_where_its_characters_do():
    (found,) = read(block(text(line(letters("ab"), box=""))))
    assert found.lines[0].box == (10, 5, 28, 15)


def test_what_a_word_may_be_besides_is_not_read():
    variants = (
        "<wordRecVariants><wordRecVariant><variantText>"
        f"{letters('nej')}</variantText></wordRecVariant></wordRecVariants>"
    )
    (found,) = read(block(text(line(variants + letters("ja")))))
    assert texts(found) == ["ja"]


def test_a_blank_may_stand_with_a_letter_and_a_letter_in_a_line_of_its_own():
    runs = "<charParams>a</charParams>", "<charParams> b</charParams>"
    apart = "<charParams>\n<charRecVariants/>\n c\n</charParams>"
    (found,) = read(block(text(line(*runs, apart, "<charParams/>", apart))))
    assert texts(found) == ["a bc c"]


def test_tables_are_read_row_by_row():
    rows = "".join(
        "<row>" + "".join(f"<cell>{text(line(each))}</cell>" for each in row) + "</row>"
        for row in (("Namn", "Belopp"), ("Anders", "12"))
    )
    (found,) = read(block(rows, "Table") + block("", "Picture") + block(text()))
    assert texts(found) == ["Namn", "Belopp", "Anders", "12"]
    assert {each.regions for each in found.lines} == {("table",)}
    assert found.regions_without_text == 1


def test_styles_tell_what_a_paragraph_is():
    roles = ("text", "rt", "footnote", "heading", "pictureCaption")
    styles = "".join(f'<paragraphStyle id="{{{x}}}" role="{x}"/>' for x in roles)
    (found,) = read(
        block("".join(text(line(each), style=f"{{{each}}}") for each in roles)),
        before=f"<documentData><paragraphStyles>{styles}</paragraphStyles></documentData>",
    )
    assert [each.regions for each in found.lines] == [
        (),
        ("header",),
        ("footnote",),
        ("heading",),
        ("caption",),
    ]


def test_another_document_is_none_of_abbyys():
    with pytest.raises(InputError, match="XML of <document>"):
        read_pages("1.xml", b"<document><page/></document>")
    with pytest.raises(InputError, match="holds no page"):
        read()
