"""Where lines stand, by every format that says it, and what is no place."""

import json
import math
import random

import pytest
from sheets import ALTO, PAGE

from arkiv.pages.boxes import around, image_size, pixels
from arkiv.pages.reading import read_pages

NAN = math.nan


@pytest.mark.parametrize(
    ("edges", "size", "found"),
    [
        ((1, 2, 30, 40), None, (1, 2, 30, 40)),
        ((1.2, 2.9, 30.1, 40.0), (100, 100), (1, 2, 31, 40)),
        # What sticks out a little is cut off; what mostly lies outside is of another
        # image, or of another scale.
        ((-5, -3, 30, 40), (100, 100), (0, 0, 30, 40)),
        ((50, 10, 103, 40), (100, 100), (50, 10, 100, 40)),
        ((90, 10, 400, 40), (100, 100), None),
        ((0, 0, 1000, 1000), (100, 100), None),
        ((-50, 0, -10, 10), None, None),
        ((0, 0, 10**9, 10), None, None),
        ((0, -5, 10**400, 10), (100, 100), None),
        # It encloses nothing.
        ((5, 5, 5, 9), None, None),
        ((9, 5, 3, 9), None, None),
        ((NAN, 0, 1, 1), None, None),
        ((0, 0, math.inf, 1), None, None),
        ((0, None, 1, 1), None, None),
        (None, (100, 100), None),
    ],
)
def test_edges_become_whole_pixels_of_the_image_or_no_box(edges, size, found):
    assert pixels(edges, size) == found


def test_a_box_lies_within_its_image_and_encloses_something():
    draw = random.Random(0)
    for _ in range(2000):
        size = draw.randrange(1, 50), draw.randrange(1, 50)
        edges = tuple(draw.uniform(-20, 70) for _ in range(4))
        if found := pixels(edges, size):
            left, top, right, bottom = found
            assert 0 <= left < right <= size[0]
            assert 0 <= top < bottom <= size[1]


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (10, 20, (10, 20)),
        ("10", "20.0", (10, 20)),
        (0, 20, None),
        (-1, 20, None),
        ("", "", None),
        (None, 20, None),
        (NAN, 20, None),
        (True, 20, None),
        (10**400, 20, None),
        ([1], 2, None),
    ],
)
def test_a_size_is_two_numbers_of_pixels(width, height, size):
    assert image_size(width, height) == size


@pytest.mark.parametrize(
    ("points", "edges"),
    [
        ("1,2 30,4 5,60", (1, 2, 30, 60)),
        ("1.5,2  30,4\n5,60 ", (1.5, 2, 30, 60)),
        ("1,2 3", None),
        ("1,x", None),
        ("1,nan 2,3", None),
        ("", None),
        (None, None),
        ([[1, 2]], None),
    ],
)
def test_a_polygon_is_what_it_encloses(points, edges):
    assert around(points) == edges


def read(content, name="p_1.xml"):
    data = content if isinstance(content, str) else json.dumps(content)
    (page,) = read_pages(name, data.encode())
    return page


def places(page):
    return {line.text: line.box for line in page.lines}


def page_xml(body, size='imageWidth="1000" imageHeight="2000"'):
    return read(
        f'<PcGts xmlns="{PAGE}/2019-07-15"><Page imageFilename="i.jpg" {size}>{body}'
        "</Page></PcGts>"
    )


def coords(points):
    return f'<Coords points="{points}"/>'


def said(text):
    return f"<TextEquiv><Unicode>{text}</Unicode></TextEquiv>"


def test_a_line_of_page_stands_where_its_outline_is_or_its_words():
    word = "<Word>{}<TextEquiv><Unicode>ord</Unicode></TextEquiv></Word>"
    words = word.format(coords("10,50 90,80")) + word.format(coords("100,48 200,79"))
    found = page_xml(
        f"<TextRegion>{coords('0,0 900,900')}"
        f"<TextLine>{coords('12,30 210,34 205,66 14,60')}{words}{said('ett')}"
        "</TextLine>"
        f"<TextLine>{words}{said('två')}</TextLine>"
        f"<TextLine>{coords('0,0 0,0')}{words}{said('tre')}</TextLine>"
        f"<TextLine>{said('fyra')}</TextLine>"
        f"<TextLine>{coords('one,two')}{said('fem')}</TextLine>"
        '<TextLine><Coords><Point x="5" y="6"/><Point x="50" y="60"/></Coords>'
        f"{said('sex')}</TextLine>"
        "</TextRegion>"
    )
    assert places(found) == {
        "ett": (12, 30, 210, 66),
        "två": (10, 48, 200, 80),
        "tre": (10, 48, 200, 80),
        "fyra": None,
        "fem": None,
        "sex": (5, 6, 50, 60),
    }
    assert found.size == (1000, 2000)


def test_a_region_of_page_alone_gives_the_place_of_a_single_line():
    region = f"<TextRegion>{coords('10,20 300,400')}"
    several = said("en\nav två")
    found = page_xml(
        f"{region}{said('ensam')}</TextRegion>{region}{several}</TextRegion>",
        size='imageWidth="0" imageHeight=""',
    )
    assert places(found) == {"ensam": (10, 20, 300, 400), "en": None, "av två": None}
    assert found.size is None


def alto(description, attributes, *lines):
    return read(
        f'<alto xmlns="{ALTO}4#"><Description>{description}</Description><Layout>'
        f"<Page {attributes}><PrintSpace><TextBlock>{''.join(lines)}</TextBlock>"
        "</PrintSpace></Page></Layout></alto>"
    )


def unit(name, settings=""):
    return (
        f"<MeasurementUnit>{name}</MeasurementUnit>"
        "<OCRProcessing><ocrProcessingStep><processingStepSettings>"
        f"{settings}</processingStepSettings></ocrProcessingStep></OCRProcessing>"
    )


def stands(left, top, width, height):
    return f'HPOS="{left}" VPOS="{top}" WIDTH="{width}" HEIGHT="{height}"'


ONE = f'<TextLine {stands(240, 480, 1200, 60)}><String CONTENT="ett"/></TextLine>'
WHOLE = 'WIDTH="2400" HEIGHT="3600"'


def test_a_line_of_alto_stands_where_it_says_or_where_its_words_do():
    found = alto(
        unit("pixel"),
        WHOLE,
        ONE,
        f'<TextLine><String CONTENT="två" {stands(10.4, 20, 30, 9)}/><SP/>'
        f'<String CONTENT="ord" {stands(50, 18, 30, 9)}/></TextLine>',
        f'<TextLine {stands(0, 0, 0, 0)}><String CONTENT="tre" {stands(1, 2, 3, 4)}/>'
        "</TextLine>",
        f'<TextLine {stands(1, 2, "1e", 4)}><String CONTENT="fyra"/></TextLine>',
    )
    assert places(found) == {
        "ett": (240, 480, 1440, 540),
        "två ord": (10, 18, 80, 29),
        "tre": (1, 2, 4, 6),
        "fyra": None,
    }
    assert found.size == (2400, 3600)


@pytest.mark.parametrize(
    ("description", "page", "box", "size"),
    [
        ("", WHOLE, (240, 480, 1440, 540), (2400, 3600)),
        (unit("pixel"), "", (240, 480, 1440, 540), None),
        # As the Library of Congress has it.
        (
            unit("inch1200", "width:600\nheight:900\nxdpi:300\nydpi:300"),
            WHOLE,
            (60, 120, 360, 135),
            (600, 900),
        ),
        (unit("inch1200", "dpi=300"), WHOLE, (60, 120, 360, 135), (600, 900)),
        (unit("inch1200", "dpi=300"), "", (60, 120, 360, 135), None),
        (
            unit("inch1200", "width:1200 height:1800"),
            WHOLE,
            (120, 240, 720, 270),
            (1200, 1800),
        ),
        (
            unit("mm10", "Resolution: 508 dpi"),
            WHOLE,
            (480, 960, 2880, 1080),
            (4800, 7200),
        ),
        # How many pixels, nothing says, or two say otherwise.
        (unit("mm10"), WHOLE, None, None),
        (unit("inch1200", "version:9"), WHOLE, None, None),
        (unit("inch1200", "dpi:300 dpi:400"), WHOLE, None, None),
        (unit("inch1200", "dpi:300 width:9 height:9"), WHOLE, None, None),
        (unit("furlong", "dpi:300"), WHOLE, None, None),
    ],
)
def test_units_of_alto_are_pixels_where_the_file_says_how_many(
    description, page, box, size
):
    found = alto(description, page, ONE)
    assert (places(found), found.size) == ({"ett": box}, size)


def bbox(left, top, right, bottom):
    return {"xmin": left, "ymin": top, "xmax": right, "ymax": bottom}


def line(text, **more):
    return {"text_result": {"texts": [text], "scores": [0.5]}, **more}


def segment(*sides, **more):
    return {"segment": {"bbox": bbox(*sides), **more}}


def test_boxes_of_htrflow_up_to_0_2_5_add_up_through_the_nesting():
    column = {
        **segment(20, 30, 600, 700, orig_shape=[800, 700]),
        "contains": [line("djup", **segment(5, 6, 300, 60, orig_shape=[670, 580]))],
    }
    nowhere = {"contains": [line("utan", **segment(1, 2, 30, 40))]}
    region = {
        **segment(100, 200, 800, 1000, orig_shape=[2000, 1500]),
        "contains": [
            line("ett", **segment(10, 20, 500, 70, orig_shape=[800, 700])),
            column,
        ],
    }
    odd = line("skev", **segment(10**400, 0.5, "x", None))
    found = read(
        {"contains": [region, nowhere, {**region, "contains": [odd]}]}, "1.json"
    )
    assert places(found) == {
        "ett": (110, 220, 600, 270),
        "djup": (125, 236, 420, 290),
        "utan": None,
        "skev": None,
    }
    assert found.size == (1500, 2000)


def test_a_page_that_htrflow_had_made_smaller_has_boxes_and_no_size():
    region = {
        **segment(1000, 2000, 8000, 9000, orig_shape=[1000, 900]),
        "contains": [line("ett", **segment(10, 20, 500, 70, orig_shape=[700, 700]))],
    }
    found = read({"contains": [region]}, "1.json")
    assert places(found) == {"ett": (1010, 2020, 1500, 2070)}
    assert found.size is None


def test_boxes_of_htrflow_0_2_6_are_of_the_page():
    region = {
        "bbox": bbox(100, 200, 800, 1000),
        "polygon": "100,200 800,1000",
        "contains": [line("ett", bbox=bbox(110, 220, 600, 270), polygon="1,2 3,4")],
    }
    page = {"label": "1", "height": 2000, "width": 1500, "contains": [region]}
    found = read(page, "1.json")
    assert places(found) == {"ett": (110, 220, 600, 270)}
    assert found.size == (1500, 2000)


def test_polygons_of_htrflows_document_model_are_of_what_they_lie_in():
    page = {
        "_image_path": "1.jpg",
        "polygon": "0,0 1500,0 1500,2000 0,2000",
        "regions": [
            {
                "polygon": "100,210 800,200 790,1000 105,990",
                "regions": [
                    {
                        "polygon": "10,20 500,25 490,70",
                        "transcription": [{"text": "ett"}],
                    },
                    {"transcription": [{"text": "utan"}]},
                ],
            },
            {"polygon": "7,8 90,80", "transcription": [{"text": "ytterst"}]},
        ],
    }
    found = read(page, "1.json")
    assert places(found) == {
        "ett": (110, 220, 600, 270),
        "utan": None,
        "ytterst": (7, 8, 90, 80),
    }
    assert found.size == (1500, 2000)


def test_lines_of_real_pages_stand_in_their_regions(svea):
    for file in sorted(svea.glob("pages/*/*.json")):
        page = read(file.read_text("utf-8"), file.name)
        content = json.loads(file.read_text("utf-8"))
        named = {
            part["label"]: (region["segment"], part["segment"])
            for region in content.get("contains", ())
            for part in region.get("contains", ())
        }
        for one in page.lines:
            outer, inner = named[one.id]
            assert page.size == tuple(reversed(outer["orig_shape"]))
            around_it, own = outer["bbox"], inner["bbox"]
            left, top, right, bottom = one.box
            assert around_it["xmin"] <= left < right <= around_it["xmax"]
            assert around_it["ymin"] <= top < bottom <= around_it["ymax"]
            assert (right - left, bottom - top) == (
                own["xmax"] - own["xmin"],
                own["ymax"] - own["ymin"],
            )


def test_a_known_line_of_a_real_page(svea):
    """`1880 den 20 December.`, the first line of its page."""
    file = svea / "pages/30003368/30003368_01100.json"
    first = read(file.read_text("utf-8"), file.name).lines[0]
    assert first.text == "1880 den 20 December."
    assert first.box == (572 + 534, 308 + 4, 572 + 1523, 308 + 184)
