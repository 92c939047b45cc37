"""Annotation lists of IIIF and the W3C."""

import json

import pytest

from arkiv.base.errors import InputError
from arkiv.pages.kinds import Role, kind
from arkiv.pages.reading import read_pages


def read(content):
    return read_pages("1.json", json.dumps(content).encode())


def texts(found):
    return [each.text for each in found.lines]


def shared(chars, on, **more):
    """An annotation as IIIF 2 has it."""
    resource = {"@type": "cnt:ContentAsText", "chars": chars, "format": "text/plain"}
    return {"@type": "oa:Annotation", "resource": resource | more, "on": on}


def web(value, target, **more):
    """An annotation of the W3C's."""
    return {
        "type": "Annotation",
        "body": {"type": "TextualBody", "value": value} | more,
        "target": target,
    }


@pytest.mark.parametrize(
    ("on", "box"),
    [
        ("https://a.example/c1#xywh=1,2,30,40", (1, 2, 31, 42)),
        ("https://a.example/c1#xywh=pixel:1.5,2,30,40", (1, 2, 32, 42)),
        ("https://a.example/c1#xywh=percent:1,2,30,40", None),
        ("https://a.example/c1", None),
        (
            {
                "@type": "oa:SpecificResource",
                "full": "https://a.example/c1",
                "selector": {
                    "@type": "oa:Choice",
                    "default": {"value": "xywh=1,2,30,40"},
                    "item": {"@type": "oa:SvgSelector", "value": "<svg/>"},
                },
            },
            (1, 2, 31, 42),
        ),
        (
            [
                {
                    "source": {"id": "https://a.example/c1"},
                    "selector": {
                        "type": "SvgSelector",
                        "value": '<svg><polygon points="1,2 31,2 31,42"/></svg>',
                    },
                }
            ],
            (1, 2, 31, 42),
        ),
    ],
)
def test_an_annotation_stands_on_its_canvas(on, box):
    for content in (
        {"@type": "sc:AnnotationList", "resources": [shared("å", on)]},
        {"type": "AnnotationPage", "items": [web("å", on)]},
        [web("å", on)],
        {"@context": "http://www.w3.org/ns/anno.jsonld", "items": [web("å", on)]},
    ):
        (found,) = read(content)
        assert [(each.text, each.box) for each in found.lines] == [("å", box)]
        assert found.image == "https://a.example/c1"


def test_canvases_are_pages_in_their_order():
    first, second = read(
        {
            "type": "AnnotationPage",
            "items": [web("ett", "c1"), web("två", "c2"), web("tre\nfyra", "c1#a")],
        }
    )
    assert (first.image, texts(first)) == ("c1", ["ett", "tre", "fyra"])
    assert (second.image, texts(second)) == ("c2", ["två"])


def test_tags_of_html_are_taken_out():
    chars = "<p>a &amp; <b>b</b><br/>c</p><p>d &lt; e</p>"
    resources = [shared(chars, "c", format="text/html")]
    (found,) = read({"@type": "sc:AnnotationList", "resources": resources})
    assert texts(found) == ["a & b", "c", "d < e"]
    (found,) = read({"@type": "sc:AnnotationList", "resources": [shared("<p>a", "c")]})
    assert texts(found) == ["<p>a"]


def test_of_several_granularities_the_lines_are_read():
    def of(granularity, text):
        return web(text, "c") | {"textGranularity": granularity}

    items = [of("page", "ett två"), of("line", "ett"), of("word", "e")]
    items.append(of("line", "två"))
    (found,) = read({"type": "AnnotationPage", "items": items})
    assert texts(found) == ["ett", "två"]
    (found,) = read({"type": "AnnotationPage", "items": [items[0], items[2]]})
    assert texts(found) == ["ett två"]


def test_tags_links_and_comments_beside_a_transcription_are_no_text():
    bodies = [
        {"type": "TextualBody", "value": "text", "purpose": "transcribing"},
        {"type": "TextualBody", "value": "well said", "purpose": "commenting"},
        {"type": "TextualBody", "value": "person", "purpose": "tagging"},
    ]
    items = [
        {"type": "Annotation", "body": bodies, "target": "c"},
        {"type": "Annotation", "body": bodies[1], "target": "c"},
        web("tag", "c") | {"motivation": "tagging"},
        web("", "c", type="Image", id="1.jpg"),
        shared("x", "c", **{"@type": "oa:Tag"}),
        {"type": "Annotation", "bodyValue": "value", "target": "c"},
    ]
    (found,) = read({"type": "AnnotationPage", "items": items})
    assert texts(found) == ["text", "well said", "value"]


def test_an_empty_list_is_a_page_without_text_and_a_manifest_is_none():
    (found,) = read({"@type": "sc:AnnotationList", "resources": []})
    assert found.lines == ()
    manifest = {"@type": "sc:Manifest", "sequences": []}
    assert kind("1.json", json.dumps(manifest).encode()).role is Role.OTHER
    with pytest.raises(InputError, match=r"a IIIF manifest$"):
        read(manifest)
    with pytest.raises(InputError, match="expected an annotation list"):
        read({"@type": "sc:AnnotationList", "resources": {}})
    with pytest.raises(InputError, match="not JSON"):
        read_pages("1.json", b'{"@type": "sc:AnnotationList", "resources": [')
