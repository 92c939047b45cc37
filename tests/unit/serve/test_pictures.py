"""Pictures of passages: addresses that a IIIF image server understands."""

import re

import pytest

from arkiv.base.errors import InputError
from arkiv.documents.places import Places
from arkiv.serve.pictures import HIGHEST, WIDEST, Pictures, regions
from arkiv.settings.image_links import LineLinks

BASE = "https://images.example/iiif"
# https://iiif.io/api/image/3.0/#4-image-requests, as far as it is made use of.
REQUEST = re.compile(
    r"(?P<base>.+)/(?P<region>full|\d+,\d+,\d+,\d+)/(?P<size>max|full|\d+,)"
    r"/0/default\.jpg"
)
PASSAGE = {"id": "p", "dataset": "court", "volume": "a b/c"}


def line(box, page=1, image="v_1.jpg", label="", size=(2600, 4700)):
    width, height = size
    return {
        "page": page,
        "label": label,
        "image": image,
        "box": list(box),
        "width": width,
        "height": height,
    }


def asked(picture):
    """Base, region and size of an address, as a server reads them."""
    found = REQUEST.fullmatch(picture.address)
    region = found["region"]
    return (
        found["base"],
        region if region == "full" else tuple(map(int, region.split(","))),
        found["size"],
    )


@pytest.mark.parametrize(("version", "whole"), [(2, "full"), (3, "max")])
def test_a_region_holds_its_lines_with_a_margin_within_the_image(version, whole):
    pictures = Pictures(BASE + "/{image}", version)
    boxes = [(10, 100, 500, 150), (30, 160, 620, 210)]
    (region,) = regions(PASSAGE, map(line, boxes))
    assert region.box == (10, 100, 620, 210)
    base, cut, size = asked(pictures.lines_of(region))
    assert base == f"{BASE}/v_1.jpg"
    assert cut == (0, 80, 640, 150)
    # Nothing is made larger than it is: version 3 forbids it.
    assert size == whole
    (region,) = regions(PASSAGE, [line((10, 10, 2590, 60))])
    picture = pictures.lines_of(region)
    assert asked(picture)[1:] == ((0, 0, 2600, 80), f"{WIDEST},")
    assert (picture.width, picture.height) == (1000, 31)
    tall = regions(PASSAGE, [line((0, y, 2000, y + 100)) for y in range(0, 4000, 100)])
    picture = pictures.lines_of(tall[0])
    assert picture.height <= HIGHEST + 1
    assert asked(picture)[2] == f"{picture.width},"


def test_a_page_is_whole_where_the_size_of_its_image_is_known():
    pictures = Pictures(BASE + "/{stem}", 3)
    (region,) = regions(PASSAGE, [line((0, 0, 9, 9))])
    assert asked(pictures.page_of(region)) == (f"{BASE}/v_1", "full", "1200,")
    (unknown,) = regions(PASSAGE, [line((0, 0, 9, 9), size=(0, 0))])
    assert pictures.page_of(unknown) is None
    assert asked(pictures.lines_of(unknown))[1] == (0, 0, 13, 13)


def test_regions_are_a_page_each_and_boxes_without_extent_are_none():
    lines = [line((0, 0, 9, 9)), line((5, 5, 5, 9)), line((1, 1, 8, 8), 2, "v_2.jpg")]
    found = regions(PASSAGE, lines)
    assert [(one.place["page"], one.box) for one in found] == [
        (1, (0, 0, 9, 9)),
        (2, (1, 1, 8, 8)),
    ]
    assert regions(PASSAGE, []) == []


@pytest.mark.parametrize(
    ("box", "there"),
    [
        ((150, 10, 200, 20), None),
        # A margin ends where the image does, which once left nothing to divide by.
        ((104, 10, 200, 20), None),
        ((10, 200, 20, 220), None),
        ((-50, 10, -20, 20), None),
        ((90, -5, 200, 20), (90, 0, 100, 20)),
    ],
)
def test_what_lies_beyond_the_image_is_not_asked_for(box, there):
    found = regions(PASSAGE, [line(box, size=(100, 100))])
    assert [one.box for one in found] == ([there] if there else [])
    for region in found:
        left, top, width, height = asked(
            Pictures(BASE + "/{stem}", 3).lines_of(region)
        )[1]
        assert min(left, top) >= 0
        assert min(width, height) > 0
        assert left + width <= 100


@pytest.mark.parametrize("image", [".", "/"])
def test_an_image_without_a_name_has_no_stem(image):
    place = PASSAGE | line((0, 0, 1, 1), image=image)
    assert LineLinks(BASE + "/{stem}", "serve.iiif").of(place) is None


def test_the_address_of_an_image_is_made_of_what_is_known_of_its_line():
    place = PASSAGE | line((0, 0, 1, 1), page=7, label="4r/å", image="s/v 7.tif")

    def of(template, **changed):
        return LineLinks(template, "serve.iiif").of(place | changed)

    assert of(BASE + "/{image}") == f"{BASE}/s%2Fv%207.tif"
    assert of(BASE + "/x!{stem}") == f"{BASE}/x!s%2Fv%207"
    assert of(BASE + "/{dataset}/{volume}/{page:05}") == f"{BASE}/court/a%20b%2Fc/00007"
    assert of(BASE + "/{label}") == f"{BASE}/4r%2F%C3%A5"
    assert of(BASE + "/{label}", label="") == f"{BASE}/7"
    assert of(BASE + "/{image}", image="") is None
    assert of(BASE + "/{page}", image="") == f"{BASE}/7"
    pictures = Pictures(BASE + "/{image}", 3)
    (nameless,) = regions(PASSAGE, [line((0, 0, 9, 9), image="")])
    assert pictures.lines_of(nameless) is None


@pytest.mark.parametrize(
    "template",
    [
        "images.example/{image}",
        "https://{volume}.example/{image}",
        "https://images.example; script-src */{image}",
        "https://me@images.example/{image}",
        "https://images.example/{line}",
        "https://images.example/{image!r}",
        "https://",
    ],
)
def test_a_template_that_no_policy_can_allow_is_refused(template):
    with pytest.raises(InputError, match=r"^`serve.iiif`: is .*expected"):
        Pictures(template, 3)


def test_boxes_come_from_the_file_that_documents_have(tmp_path):
    path = tmp_path / "court.lines.jsonl"
    record = (
        '{"id":"l%d","volume":"v","page":%d,"label":"","line":%d,"box":[0,%d,9,%d],'
        '"confidence":1.0,"image":"i%d.jpg","width":10,"height":99}\n'
    )
    rows = [(n, p, n, n * 10, n * 10 + 9, p) for p in (1, 2) for n in (1, 2, 3)]
    path.write_text("".join(record % row for row in rows))
    document = {"id": "d", "volume": "v", "first_page": 1, "first_line": 2}
    document |= {"last_page": 2, "last_line": 1}
    found = regions(document, Places(path).of(document))
    assert [one.box for one in found] == [(0, 20, 9, 39), (0, 10, 9, 19)]
    assert [one.place["image"] for one in found] == ["i1.jpg", "i2.jpg"]
