"""The order of lines by what PAGE and ALTO refer to, and each of them once."""

import random

import pytest
from sheets import ALTO, PAGE

from arkiv.pages.reading import read_pages


def read(data):
    (page,) = read_pages("p_1.xml", data.encode())
    return " ".join(line.text for line in page.lines)


def alto(body, references=()):
    refs = "".join(f'<ElementRef REF="{each}"/>' for each in references)
    order = f"<ReadingOrder><OrderedGroup>{refs}</OrderedGroup></ReadingOrder>"
    return (
        f'<alto xmlns="{ALTO}4#">{order if refs else ""}<Layout><Page><PrintSpace>'
        f"{body}</PrintSpace></Page></Layout></alto>"
    )


def alto_line(text):
    return f'<TextLine ID="L{text}"><String ID="S{text}" CONTENT="{text}"/></TextLine>'


def block(name, *inner, following="", kind="TextBlock"):
    given = f' IDNEXT="{following}"' if following else ""
    return f'<{kind} ID="{name}"{given}>{"".join(inner)}</{kind}>'


def composed(name, *inner, following=""):
    return block(name, *inner, following=following, kind="ComposedBlock")


def page_xml(body, before=""):
    return f'<PcGts xmlns="{PAGE}/2019-07-15"><Page>{before}{body}</Page></PcGts>'


def line(text, index=None):
    return (
        f'<TextLine id="l{text}"{custom(index)}><TextEquiv><Unicode>{text}</Unicode>'
        "</TextEquiv></TextLine>"
    )


def custom(index):
    return "" if index is None else f' custom="readingOrder {{index:{index};}}"'


def region(name, *inner, index=None, kind="TextRegion", more=""):
    return f'<{kind} id="{name}"{custom(index)}{more}>{"".join(inner)}</{kind}>'


ABC = block("B", *map(alto_line, "abc"))


@pytest.mark.parametrize(
    ("references", "text"),
    [
        (["Lc La"], "c a b"),
        (["Lc", "Lb La"], "c b a"),
        # A word stands for its line, which comes once.
        (["Sc", "Sa Sc Lb"], "c a b"),
        (["Lc", "nowhere", "B"], "c a b"),
        (["nowhere"], "a b c"),
    ],
)
def test_altos_references_name_several_at_once_lines_and_words(references, text):
    assert read(alto(ABC, references)) == text


@pytest.mark.parametrize(
    ("blocks", "text"),
    [
        # What another names comes behind it.
        ((("2", ""), ("1", "2")), "1 2"),
        ((("3", ""), ("2", "3"), ("1", "2")), "1 2 3"),
        ((("x", ""), ("2", ""), ("1", "2"), ("y", "")), "x 1 2 y"),
        # References to nothing, to itself, in circles, two to one.
        ((("a", "nowhere"), ("b", "b"), ("c", "")), "a b c"),
        ((("a", "b"), ("b", "a"), ("c", "")), "c a b"),
        ((("a", "c"), ("b", "c"), ("c", "")), "a c b"),
    ],
)
def test_altos_blocks_come_by_what_follows(blocks, text):
    made = (block(name, alto_line(name), following=next_) for name, next_ in blocks)
    assert read(alto("".join(made))) == text


def test_altos_blocks_follow_across_others_and_pictures():
    body = (
        composed(
            "C2", block("4", alto_line("4")), block("3", alto_line("3"), following="4")
        )
        + composed(
            "C1", block("2", alto_line("2"), following="I"), block("5", alto_line("5"))
        )
        + block("I", kind="Illustration", following="C2")
    )
    assert read(alto(body)) == "2 3 4 5"
    # A reading order is worth more.
    assert read(alto(body, ["C1", "C2"])) == "2 5 4 3"


def test_regions_and_lines_of_page_come_by_custom_where_there_is_no_reading_order():
    body = (
        region("r1", line("c", 1), line("b", 0), line("d"), index=10)
        + region("r3", line("f"))
        + region("r2", line("a"), index=2)
    )
    assert read(page_xml(body)) == "a b c d f"
    nowhere = (
        '<ReadingOrder><OrderedGroup id="o"><RegionRefIndexed index="0" '
        'regionRef="gone"/></OrderedGroup></ReadingOrder>'
    )
    assert read(page_xml(body, nowhere)) == "a b c d f"
    assert read(page_xml(body, nowhere.replace("gone", "r3"))) == "f c b d a"


def test_cells_come_by_row_and_column():
    def cell(row, column):
        more = f' row="{row}" col="{column}"'
        text = line(f"{row}.{column}")
        return region(f"c{row}{column}", text, kind="TableCell", more=more)

    cells = [cell(row, column) for row, column in ((0, 0), (10, 1), (0, 1), (2, 0))]
    assert read(page_xml(region("t", *cells, kind="TableRegion"))) == "0.0 0.1 2.0 10.1"


def test_cells_of_the_schema_of_2019_come_by_their_roles():
    def cell(row, column):
        role = (
            f'<Roles><TableCellRole rowIndex="{row}" columnIndex="{column}"/></Roles>'
        )
        return region(f"c{row}{column}", role, line(f"{row}.{column}"))

    cells = [cell(row, column) for row, column in ((1, 0), (0, 1), (0, 0))]
    assert read(page_xml(region("t", *cells, kind="TableRegion"))) == "0.0 0.1 1.0"


def some_alto(draw):
    """Blocks in blocks that follow on each other, and references, at random."""
    names = [f"N{n}" for n in range(12)]
    texts = iter(f"w{n}" for n in range(99))

    def any_name():
        return draw.choice([*names, "nowhere"])

    def made(depth):
        following = any_name() if draw.random() < 0.6 else ""
        name = draw.choice(names)
        if depth and draw.random() < 0.4:
            inner = [made(depth - 1) for _ in range(draw.randrange(4))]
            return composed(name, *inner, following=following)
        lines = [alto_line(next(texts)) for _ in range(draw.randrange(3))]
        return block(name, *lines, following=following)

    body = "".join(made(3) for _ in range(draw.randrange(1, 5)))
    references = [
        f"{any_name()} {draw.choice('LS')}w{draw.randrange(9)}"
        for _ in range(draw.choice((0, 0, 5)))
    ]
    return alto(body, references), body.count("<String")


def some_page(draw):
    """Regions in regions with places in groups or in custom, at random."""
    texts = iter(f"w{n}" for n in range(99))
    names = [f"n{n}" for n in range(9)]

    def index():
        return draw.choice((None, draw.randrange(5)))

    def made(depth):
        lines = [line(next(texts), index()) for _ in range(draw.randrange(3))]
        inner = [made(depth - 1) for _ in range(draw.randrange(3) if depth else 0)]
        kind = draw.choice(("TextRegion", "TableRegion", "TableCell"))
        more = f' row="{draw.randrange(3)}" col="{draw.choice("01x")}"'
        return region(
            draw.choice(names), *lines, *inner, index=index(), kind=kind, more=more
        )

    body = "".join(made(2) for _ in range(4))
    references = "".join(
        f'<RegionRefIndexed index="{draw.randrange(4)}" regionRef="{name}"/>'
        for name in draw.choices(
            [*names, "lw1", "lw2", "nowhere"], k=draw.choice((0, 6))
        )
    )
    order = f"<ReadingOrder><OrderedGroup>{references}</OrderedGroup></ReadingOrder>"
    return page_xml(body, order if references else ""), body.count("<TextLine")


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("made", [some_alto, some_page])
def test_whatever_the_references_each_line_comes_once(made, seed):
    data, count = made(random.Random(seed))
    words = read(data).split()
    assert sorted(words) == sorted(f"w{n}" for n in range(count))
