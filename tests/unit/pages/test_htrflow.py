"""Reading pages of HTRflow JSON of both generations, and refusing what is none."""

import json

import pytest

from arkiv.base.errors import InputError
from arkiv.pages.kinds import Role, kind
from arkiv.pages.page import Line
from arkiv.pages.reading import read_pages
from arkiv.volumes.finding import find
from arkiv.volumes.opened import Opened
from arkiv.volumes.volume import page_files


def line(text, *scores):
    return {"text_result": {"texts": [text], "scores": list(scores)}}


def read_page(path):
    (page,) = read_pages(path.name, path.read_bytes())
    return page


def region(*parts):
    return {"contains": list(parts)}


@pytest.fixture
def write(tmp_path):
    def write(content, name="v_00012.json"):
        path = tmp_path / name
        path.write_text(
            content if isinstance(content, str) else json.dumps(content), "utf-8"
        )
        return path

    return write


def test_lines_of_nested_regions_in_order_and_no_words(write):
    first = line("ett två", 0.5) | {"contains": [line("ett", 0.5), line("två", 0.5)]}
    page = read_page(
        write(region(region(first, region(line("tre", 1))), region(line("fyra"))))
    )
    assert page.lines == (
        Line("ett två", 0.5, 1),
        Line("tre", 1, 2),
        Line("fyra", None, 3),
    )
    assert page.regions_without_text == 0


@pytest.mark.parametrize(
    ("texts", "scores", "text", "confidence"),
    [
        (["a", "b", "c"], [0.5, 0.75, 0.75], "b", 0.75),
        (["a", "b"], [], "a", None),
        (["a", "b"], [0.5], "a", 0.5),
        ([3, "b"], [0.9, "0.5"], "b", None),
        (["a"], "x", "a", None),
    ],
)
def test_of_several_readings_the_surest_is_taken(
    write, texts, scores, text, confidence
):
    result = {"text_result": {"texts": texts, "scores": scores}}
    assert read_page(write(region(result))).lines == (Line(text, confidence, 1),)


def test_regions_without_text_are_counted(write):
    page = read_page(
        write(region(region(), region(line("ord", 0.9)), region(line(" "))))
    )
    assert page.regions_without_text == 2
    assert [found.text for found in page.lines] == ["ord"]


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-1", '"0.5"', "null", "1e400"])
def test_a_score_that_is_no_share_is_unknown(write, score):
    page = read_page(
        write(
            '{"contains": [{"text_result": {"texts": ["a"], "scores": ['
            + score
            + "]}}]}"
        )
    )
    assert page.lines == (Line("a", None, 1),)


def test_a_line_without_a_score_has_that_of_its_words(write):
    words = [("a", 0.5), ("b", 1.0), (" ", 0.0), ("c", None)]
    nested = {
        "text_result": {"texts": ["a b c"]},
        "contains": [{"text_result": {"texts": [t], "scores": [s]}} for t, s in words],
    }
    (found,) = read_page(write(region(nested))).lines
    assert (found.text, found.confidence) == ("a b c", 0.75)
    document = {
        "transcription": [{"text": "a b c"}],
        "regions": [
            {"transcription": [{"text": t, "confidence": s}]} for t, s in words
        ],
    }
    page = {"image_name": "p", "regions": [{"regions": [document]}]}
    assert read_page(write(page)).lines[0].confidence == 0.75


@pytest.mark.parametrize(
    "content",
    [
        {"page_id": "01125", "label": "x"},
        {"contains": []},
        {"label": "x", "contains": None},
    ],
)
def test_a_page_without_text_is_empty(write, content):
    page = read_page(write(content))
    assert (page.lines, page.regions_without_text) == ((), 0)


@pytest.mark.parametrize(
    "content",
    [
        "plain text",
        "",
        "[1, 2]",
        '"text"',
        "null",
        '{"query": "q"}',
        '{"label": "x", "contains": 3}',
        '{"contains": [',
        '{"contains": [{"text_result": {"texts": ["\\ud800"], "scores": [1]}}]}',
        '{"contains": [{"text_result": {"texts": ["a"]}, "label": "\\ud800"}]}',
        '{"regions": [{"transcription": [{"text": "a"}], '
        '"annotations": {"segmentation_label": "\\ud800"}}]}',
        '{"contains": [], "file_name": "\\ud800.jpg"}',
        "[" * 100_000,
    ],
    ids=lambda content: content[:20] or "empty",
)
def test_what_is_not_a_page_is_refused(write, content):
    with pytest.raises(InputError, match="not a page"):
        read_page(write(content))


def test_a_file_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "1.json"
    path.write_bytes('{"image_name": "å"}'.encode("latin-1"))
    with pytest.raises(InputError, match="not JSON"):
        read_page(path)


def text(value, confidence=None):
    """As the serialiser writes it, which leaves out what is nothing."""
    return {"text": value} | ({"confidence": confidence} if confidence else {})


DOCUMENT = {
    "_image_path": "input/vol/A0068699_00021.jpg",
    "image_name": "A0068699_00021",
    "polygon": "0,0 100,0 100,100 0,100",
}


def test_the_document_model_nests_by_regions_and_takes_the_surest_reading(write):
    page = read_page(
        write(
            DOCUMENT
            | {
                "regions": [
                    {
                        "annotations": {
                            "segmentation_confidence": 0.9,
                            "segmentation_label": "Marginalia",
                        },
                        "polygon": "1,1 2,2",
                        "regions": [
                            {"transcription": [text("ett två", 0.75), text("etttva")]},
                            {
                                "transcription": [
                                    text("tre", 0.5),
                                    text("fyra", 0.625),
                                ],
                                "regions": [{"transcription": [text("tre")]}],
                            },
                        ],
                    },
                    {"polygon": "1,1 2,2"},
                    {"regions": [{"transcription": [text("slut")]}]},
                ]
            },
            "A0068699_00021.json",
        )
    )
    assert page.lines == (
        Line("ett två", 0.75, 1, regions=("marginalia",)),
        Line("fyra", 0.625, 2, regions=("marginalia",)),
        Line("slut", None, 3),
    )
    assert page.image == "A0068699_00021.jpg"
    assert page.regions_without_text == 1


def test_an_empty_page_of_the_document_model_has_no_lines(write):
    assert read_page(write(DOCUMENT)).lines == ()


def test_a_collection_in_one_file_has_its_pages_in_order(write):
    """HTRflow's option `one_file`, up to 0.2.6."""
    collection = {
        "collection_label": "v",
        "pages": [region(region(line("ett", 0.5))), region(region(line("två", 0.5)))],
    }
    path = write(collection, "collection.json")
    pages = read_pages(path.name, path.read_bytes())
    assert [page.number for page in pages] == [1, 2]
    assert [found.text for page in pages for found in page.lines] == ["ett", "två"]


def test_pages_alone_make_no_collection():
    """The Internet Archive keeps the numbers of an item's pages so."""
    numbers = {"identifier": "x", "pages": [{"leafNum": 1, "pageNumber": "12"}]}
    assert kind("x_page_numbers.json", json.dumps(numbers).encode()).role is Role.OTHER


def lines_by_label(node):
    """Reference reading: HTRflow names lines `…_lineN`, words below `…_wordN`."""
    for part in node.get("contains", ()):
        if part["label"].rpartition("_")[2].startswith("line"):
            yield part["text_result"]["texts"][0], part["text_result"]["scores"][0]
        else:
            yield from lines_by_label(part)


def test_real_pages(svea):
    (volume,) = find(svea / "pages").volumes
    with Opened(svea / "pages") as opened, page_files(volume, opened) as files:
        names = [file.path.rpartition("/")[2] for file in files]
        pages = [file.pages(None)[0] for file in files]
    assert names == sorted(names)
    for name, page in zip(names, pages, strict=True):
        content = json.loads((svea / "pages" / volume.name / name).read_text("utf-8"))
        assert page.image == content["file_name"]
        expected = [found for found in lines_by_label(content) if found[0].strip()]
        assert [(found.text, found.confidence) for found in page.lines] == expected
    assert pages[names.index("30003368_01125.json")].lines == ()
