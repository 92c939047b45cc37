"""From an archive to the boxes of documents' lines, through the programs."""

import json
import random

import pytest
from archives import build, rows
from sheets import ALTO, PAGE

from arkiv.documents.places import Places

# Of the words and lines that are made up.
LENGTH = 11
METHODS = [
    ("--method", "page"),
    ("--method", "sampled", "--length-shares", "1-12:1"),
    ("--method", "windows", "--window-words", "9", "--window-overlap", "5"),
]


def htrflow(lines):
    """Lines within a region whose corner is at 40, 30."""
    parts = [
        {
            "text_result": {"texts": [text], "scores": [confidence]},
            "segment": {
                "bbox": {
                    "xmin": left - 40,
                    "ymin": top - 30,
                    "xmax": right - 40,
                    "ymax": bottom - 30,
                }
            },
        }
        for text, confidence, (left, top, right, bottom) in lines
    ]
    region = {
        "segment": {
            "bbox": {"xmin": 40, "ymin": 30, "xmax": 990, "ymax": 990},
            "orig_shape": [1000, 1000],
        },
        "contains": parts,
    }
    return json.dumps({"file_name": "i.jpg", "contains": [region]})


def page_xml(lines):
    body = "".join(
        f'<TextLine id="l{n}"><Coords points="{left},{top} {right},{top} '
        f'{right},{bottom} {left},{bottom}"/><TextEquiv conf="{confidence}">'
        f"<Unicode>{text}</Unicode></TextEquiv></TextLine>"
        for n, (text, confidence, (left, top, right, bottom)) in enumerate(lines)
    )
    return (
        f'<PcGts xmlns="{PAGE}/2019-07-15"><Page imageFilename="i.jpg" '
        f'imageWidth="1000" imageHeight="1000"><TextRegion>{body}</TextRegion></Page>'
        "</PcGts>"
    )


def alto(lines):
    """In twelve hundredths of an inch, four of which are a pixel."""
    body = "".join(
        f'<TextLine ID="l{n}" HPOS="{4 * left}" VPOS="{4 * top}" '
        f'WIDTH="{4 * (right - left)}" HEIGHT="{4 * (bottom - top)}">'
        + "".join(
            f'<String CONTENT="{word}" WC="{confidence}"/>' for word in text.split()
        )
        + "</TextLine>"
        for n, (text, confidence, (left, top, right, bottom)) in enumerate(lines)
    )
    return (
        f'<alto xmlns="{ALTO}2#"><Description><MeasurementUnit>inch1200'
        "</MeasurementUnit><sourceImageInformation><fileName>i.jpg</fileName>"
        "</sourceImageInformation><OCRProcessing><ocrProcessingStep>"
        "<processingStepSettings>xdpi:300 ydpi:300</processingStepSettings>"
        '</ocrProcessingStep></OCRProcessing></Description><Layout><Page WIDTH="4000" '
        f'HEIGHT="4000"><PrintSpace><TextBlock>{body}</TextBlock></PrintSpace></Page>'
        "</Layout></alto>"
    )


WRITERS = {"json": htrflow, "page.xml": page_xml, "alto.xml": alto}


@pytest.fixture
def archive(request, tmp_path):
    """Volumes of a format each, some of their pages with one number; and where each
    word, or its first half, stands."""
    draw = random.Random(request.param)
    boxes = {}
    for form, write in WRITERS.items():
        folder = tmp_path / "archive" / form.replace(".", "_")
        folder.mkdir(parents=True)
        for number in range(1, draw.randrange(4, 9)):
            for side in draw.choice((("",), ("_left", "_right"))):
                lines = []
                for place in range(draw.randrange(6)):
                    left, top = 40 + draw.randrange(500), 30 + 100 * place
                    box = (left, top, left + 200, top + 80)
                    words = [
                        f"w{draw.randrange(10**9):09}x"
                        for _ in range(draw.choice((1, 1, 3)))
                    ]
                    boxes |= dict.fromkeys(words, (folder.name, *box))
                    text = " ".join(words) + draw.choice(("", "¬", "-"))
                    lines.append((text, draw.choice((0.25, 0.75, 1.0)), box))
                path = folder / f"{number:04}{side}.{form.rpartition('.')[2]}"
                path.write_text(write(lines), "utf-8")
    return tmp_path / "archive", boxes


@pytest.mark.parametrize("archive", range(6), indirect=True)
def test_every_word_of_every_document_is_found_on_the_image(
    archive, tokenizer, tmp_path
):
    root, boxes = archive
    aside = ("--min-confidence", "0.5")
    for method in METHODS:
        documents, rejected, stats = build(
            root, tokenizer, tmp_path, *method, *aside, parts=2
        )
        places = Places(tmp_path / "l.jsonl")
        found = rows(tmp_path / "l.jsonl")
        assert stats["lines_set_aside"] == len(rejected) > 0
        assert len(found) == stats["lines"] - len(rejected)
        assert {(each["image"], each["width"], each["height"]) for each in found} == {
            ("i.jpg", 1000, 1000)
        }
        for document in documents:
            lines = places.of(document)
            known = [(line["volume"], *line["box"]) for line in lines]
            words = document["text"].split()
            assert all(boxes[word[:LENGTH]] in known for word in words)
            assert known[0] == boxes[words[0][:LENGTH]]
            assert known[-1] == boxes[words[-1][:LENGTH]]
            sure = [line["confidence"] for line in lines]
            assert min(sure) <= document["confidence"] <= max(sure)


@pytest.mark.parametrize("archive", [0], indirect=True)
def test_pages_with_one_number_keep_their_lines_and_labels(
    archive, tokenizer, tmp_path
):
    root, _ = archive
    documents, _, _ = build(root, tokenizer, tmp_path, "--method", "page")
    labels = {
        (line["volume"], line["page"]): line["label"]
        for line in rows(tmp_path / "l.jsonl")
    }
    assert {label[4:] for label in labels.values()} == {"", "_left", "_right"}
    for document in documents:
        assert document["first_label"] == document["last_label"]
        place = document["volume"], document["first_page"]
        assert labels[place] == (document["first_label"] or "")


@pytest.mark.parametrize("archive", [0], indirect=True)
def test_any_program_loads_where_lines_stand(archive, tokenizer, tmp_path):
    import datasets

    root, _ = archive
    build(root, tokenizer, tmp_path, "--method", "page")
    path = tmp_path / "l.jsonl"
    loaded = datasets.load_dataset(
        "json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert list(loaded) == rows(path)
    assert {"id", "page", "box", "confidence"} <= set(loaded.column_names)
