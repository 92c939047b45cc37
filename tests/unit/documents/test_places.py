"""The file of where documents' lines stand, and documents found in it."""

import json
import random
from dataclasses import replace

import pytest

from arkiv.base.errors import InputError
from arkiv.base.files import put_together
from arkiv.documents.cutting import (
    LengthShares,
    cut_pages,
    cut_sampled,
    cut_windows,
    record,
    words,
)
from arkiv.documents.lines import LineFilter
from arkiv.documents.places import Places, line_records, open_places
from arkiv.pages.page import Line, Page


def lines_of(text):
    return [json.loads(line) for line in text.split("\n") if line]


PAGE = Page(
    7,
    (
        Line("ett", 0.98765432, 1, id='r"1\u00e5', box=(1, 2, 30, 40)),
        Line("två", None, 2, box=(5, 6, 70, 80)),
        Line("utan plats", 0.5, 3, id="r3"),
        Line("", 0.1, 4, id="r4", box=(1, 2, 3, 4)),
    ),
    0,
    image="7.jpg",
    size=(100, 200),
    label="3v",
)


def test_a_line_has_a_record_if_its_place_is_known_and_it_is_in_a_document():
    common = {"volume": "v", "page": 7, "label": "3v"}
    image = {"image": "7.jpg", "width": 100, "height": 200}
    assert lines_of(line_records(PAGE, "v")) == [
        {"id": 'r"1\u00e5', **common, "line": 1, "box": [1, 2, 30, 40]}
        | {"confidence": 0.987654, **image},
        {"id": "2", **common, "line": 2, "box": [5, 6, 70, 80]}
        | {"confidence": None, **image},
    ]


def test_columns_keep_their_types_where_nothing_is_known():
    bare = replace(PAGE, number="omslag", image=None, size=None, label=None)
    (first, _) = lines_of(line_records(bare, "v"))
    assert (first["page"], first["label"], first["image"]) == ("omslag", "", "")
    assert (first["width"], first["height"]) == (0, 0)


def test_without_a_path_nothing_is_written(tmp_path):
    with open_places(None) as place:
        place(PAGE, "v")
    assert list(tmp_path.iterdir()) == []


def made_up(draw):
    """A volume of pages of lines, many divided, each word another and each in a box.

    Some pages are empty, some numbers are left out.
    """
    pages, number_of_page = [], 0
    for _ in range(draw.randrange(1, 9)):
        lines = []
        for number in range(1, draw.randrange(1, 7)):
            count = draw.choice((1, 1, 2, 4))
            text = " ".join(f"w{draw.randrange(10**9):09}x" for _ in range(count))
            text += draw.choice(("", "¬", "-"))
            corner = draw.randrange(100), draw.randrange(100)
            box = (*corner, corner[0] + 50, corner[1] + 9)
            furniture = draw.random() < 0.15
            lines.append(
                Line(
                    text,
                    draw.choice((None, 0.2, 0.9)),
                    number,
                    regions=("header",) if furniture else (),
                    box=box,
                )
            )
        number_of_page += draw.choice((1, 1, 10**15))
        pages.append(Page(number_of_page, tuple(lines), 0))
    return pages


@pytest.mark.parametrize("seed", range(60))
def test_every_word_of_a_document_lies_in_a_line_that_is_found(seed, tmp_path):
    draw = random.Random(seed)
    aside = LineFilter(0.5, {"header"}) if seed % 2 else LineFilter()
    documents, boxes = [], {}
    with open_places(tmp_path / "l.jsonl") as place:
        for volume in ("b", "a", "c"):
            pages = [aside.divide(page, volume)[0] for page in made_up(draw)]
            for page in pages:
                place(page, volume)
                for line in page.lines:
                    for word in line.text.split():
                        boxes[word.rstrip("¬-")] = [*line.box]
            for cut in (
                cut_pages(words(pages)),
                cut_windows(words(pages), 5, 3),
                cut_sampled(words(pages), LengthShares.parse("1-9:1"), seed, volume),
            ):
                documents += [record(document, volume) for document in cut]
    places = Places(tmp_path / "l.jsonl")
    draw.shuffle(documents)
    for document in documents:
        found = places.of(document)
        known = [line["box"] for line in found]
        assert {line["volume"] for line in found} == {document["volume"]}
        for word in document["text"].split():
            # A word that was joined begins with its first half.
            assert boxes[word[:11]] in known
        # No line before its first word's, none after its last word's.
        text = document["text"].split()
        assert known[0] == boxes[text[0][:11]]
        assert known[-1] == boxes[text[-1][:11]]


def test_lines_without_a_place_and_documents_without_pages_have_none(tmp_path):
    with open_places(tmp_path / "l.jsonl") as place:
        place(PAGE, "v")
    places = Places(tmp_path / "l.jsonl")
    document = record(list(words([PAGE])), "v")
    assert [line["line"] for line in places.of(document)] == [1, 2]
    assert places.of({**document, "volume": "other"}) == []
    assert places.of({**document, "first_page": 8, "last_page": 10**18}) == []
    assert places.of({"id": "p", "text": "t", "first_page": 7, "last_page": 7}) == []


def test_the_files_of_blocks_are_put_together_in_their_order(tmp_path):
    for name in ("a", "b"):
        with open_places(tmp_path / name) as place:
            place(PAGE, name)
    put_together([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    whole = (tmp_path / "all").read_text("utf-8")
    assert [line["volume"] for line in lines_of(whole)] == [*"aabb"]
    with pytest.raises(InputError, match="no such file"):
        put_together([tmp_path / "none"], tmp_path / "all")
    assert (tmp_path / "all").read_text("utf-8") == whole


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("", "is empty"),
        ('{"volume": "v"}', "`page`: is missing"),
        ('{"volume": "v", "page": 6}', "line 3, `page`: is 6, after page 7"),
    ],
)
def test_a_file_of_something_else_is_refused(line, said, tmp_path):
    path = tmp_path / "l.jsonl"
    path.write_text(f"{line_records(PAGE, 'v')}{line}\n", "utf-8")
    with pytest.raises(InputError, match=said):
        Places(path)
