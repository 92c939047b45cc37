"""What the IIIF Content Search APIs ask of an answer: required fields and their types.

Version 2.0: https://iiif.io/api/search/2.0/, with annotations as the Presentation API
3.0 and the Web Annotation Data Model have them. Version 1.0:
https://iiif.io/api/search/1.0/.
"""

import re
from urllib.parse import urlsplit

CONTEXT_2 = "http://iiif.io/api/search/2/context.json"
CONTEXT_1 = "http://iiif.io/api/search/1/context.json"
REGION = re.compile(r"xywh=\d+,\d+,[1-9]\d*,[1-9]\d*")


def check_uri(value):
    parts = urlsplit(value)
    assert isinstance(value, str)
    assert parts.scheme in ("http", "https"), value
    assert parts.netloc
    assert not re.search(r'[\s<>"{}|\\^`]', value), value


def check_target(value):
    """A canvas, or a region of one in whole pixels."""
    check_uri(value)
    assert urlsplit(value).fragment == "" or REGION.fullmatch(urlsplit(value).fragment)


def check_count(value):
    assert isinstance(value, int)
    assert not isinstance(value, bool)
    assert value >= 0


def check_reference(value, kind):
    assert value["type"] == kind
    check_uri(value["id"])


def check_annotation_page(page):
    """An answer of version 2.0."""
    known = {"@context", "id", "type", "items", "partOf", "next", "prev", "startIndex"}
    assert set(page) <= known | {"ignored", "annotations"}
    contexts = page["@context"]
    contexts = contexts if isinstance(contexts, list) else [contexts]
    assert contexts[-1] == CONTEXT_2
    check_reference(page, "AnnotationPage")
    whole = page["partOf"]
    check_reference(whole, "AnnotationCollection")
    check_reference(whole["first"], "AnnotationPage")
    check_reference(whole["last"], "AnnotationPage")
    check_count(whole["total"])
    check_count(page["startIndex"])
    for key in ("next", "prev"):
        if key in page:
            check_reference(page[key], "AnnotationPage")
    assert isinstance(page["items"], list)
    for item in page["items"]:
        check_reference(item, "Annotation")
        assert item["motivation"] in ("painting", "supplementing", "commenting")
        assert item["body"]["type"] == "TextualBody"
        assert isinstance(item["body"]["value"], str)
        assert item["body"]["format"] == "text/plain"
        check_target(item["target"])
    if "ignored" in page:
        assert page["ignored"]
        assert set(page["ignored"]) <= {"q", "motivation", "date", "user"}
    sources = {item["id"] for item in page["items"]}
    for part in page.get("annotations", []):
        assert part["type"] == "AnnotationPage"
        for one in part["items"]:
            check_reference(one, "Annotation")
            assert one["motivation"] in ("contextualizing", "highlighting")
            target = one["target"]
            assert target["type"] == "SpecificResource"
            assert target["source"] in sources
            for selector in target["selector"]:
                assert selector["type"] == "TextQuoteSelector"
                assert selector["exact"]
                for key in ("prefix", "suffix"):
                    assert isinstance(selector.get(key, ""), str)


def check_annotation_list(page):
    """An answer of version 1.0."""
    assert CONTEXT_1 in page["@context"]
    check_uri(page["@id"])
    assert page["@type"] == "sc:AnnotationList"
    layer = page["within"]
    assert layer["@type"] == "sc:Layer"
    check_count(layer["total"])
    check_count(page["startIndex"])
    for address in (layer["first"], layer["last"], page.get("next"), page.get("prev")):
        assert address is None or check_uri(address) is None
    for one in page["resources"]:
        check_uri(one["@id"])
        assert one["@type"] == "oa:Annotation"
        assert one["motivation"] == "sc:painting"
        assert one["resource"]["@type"] == "cnt:ContentAsText"
        assert isinstance(one["resource"]["chars"], str)
        check_target(one["on"])
