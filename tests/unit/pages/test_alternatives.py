"""What pages say that lines, words or letters may be read as besides."""

import gzip
import json

import pytest
from sheets import ALTO

from arkiv.pages.reading import read_alternatives, read_pages

PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"


def readings(*texts):
    return "".join(
        f'<TextEquiv index="{place}"><Unicode>{text}</Unicode></TextEquiv>'
        for place, text in texts
    )


def page(line):
    return (
        f'<PcGts xmlns="{PAGE}"><Page imageFilename="1.jpg"><TextRegion id="r">'
        f'<TextLine id="l">{line}</TextLine></TextRegion></Page></PcGts>'
    )


def alto(*strings):
    return (
        f'<alto xmlns="{ALTO}4#"><Layout><Page><PrintSpace><TextBlock><TextLine>'
        f"{''.join(strings)}</TextLine></TextBlock></PrintSpace></Page></Layout></alto>"
    )


def abbyy(*characters):
    inner = "".join(characters)
    return (
        '<document xmlns="http://www.abbyy.com/FineReader_xml/FineReader10-schema-v1'
        '.xml"><page width="9" height="9"><block blockType="Text"><text><par><line>'
        f"<formatting>{inner}</formatting></line></par></text></block></page></document>"
    )


def variants(own, *others):
    each = "".join(f"<charRecVariant>{one}</charRecVariant>" for one in (own, *others))
    return f"<charParams>\n<charRecVariants>{each}</charRecVariants>{own}</charParams>"


def hocr(word):
    return (
        '<html><head><meta name="ocr-system" content="tesseract"/></head><body><div '
        f'class="ocr_page"><span class="ocr_line"><span class="ocrx_word">{word}</span>'
        "</span></div></body></html>"
    )


def choices(name, *texts):
    each = "".join(
        f"<span class='ocrx_cinfo' id='choice_{n}' title='x_confs {sure}'>{text}</span>"
        for n, (text, sure) in enumerate(texts)
    )
    return f"<span class='ocrx_cinfo' id='{name}_1_1'>\n{each}</span>"


CASES = {
    "PAGE, by index": (
        page(readings((2, "tinget höls"), (0, "tinget hölls"), (1, "finget hölls"))),
        [("tinget hölls", "finget hölls"), ("tinget hölls", "tinget höls")],
        ["tinget hölls"],
    ),
    "PAGE, of words and glyphs": (
        page(
            f'<Word id="w"><Glyph id="g">{readings((0, "n"), (1, "u"))}</Glyph>'
            f"{readings((0, 'nu'), (1, 'uu'))}</Word>"
        ),
        [("nu", "uu"), ("n", "u")],
        ["nu"],
    ),
    "PAGE, one reading": (page(readings((0, "tinget"))), [], ["tinget"]),
    "ALTO": (
        alto(
            '<String CONTENT="qvarn"><ALTERNATIVE>qvaru</ALTERNATIVE><ALTERNATIVE>'
            'quarn</ALTERNATIVE></String><SP/><String CONTENT="och"/>'
        ),
        [("qvarn", "qvaru"), ("qvarn", "quarn")],
        ["qvarn och"],
    ),
    "ABBYY": (
        abbyy(variants("e", "c", "o"), variants("n")),
        [("e", "c"), ("e", "o")],
        ["en"],
    ),
    "hOCR, by the specification": (
        hocr(
            '<span class="alternatives"><ins class="alt">hello</ins><del class="alt">'
            'hallo</del><del class="alt" title="x_cost 2"> hullo</del></span>'
        ),
        [("hello", "hallo"), ("hello", "hullo")],
        ["hello"],
    ),
    "hOCR, as Tesseract writes it": (
        hocr(
            "Ek"
            + choices("lstm_choices", ("B", 9), ("E", 90.5), ("", 0.1), ("F", 0.4))
            + choices("lstm_choices", ("k", 99))
            + choices("timestep", ("k", 60), ("h", 40))
        ),
        [("E", "B"), ("E", "F")],
        ["Ek"],
    ),
    "HTRflow": (
        json.dumps(
            {
                "file_name": "x.jpg",
                "contains": [
                    {
                        "contains": [
                            {
                                "text_result": {
                                    "texts": ["heu", "hen", "hem"],
                                    "scores": [0.2, 0.3, 0.9],
                                }
                            }
                        ]
                    }
                ],
            }
        ),
        [("hem", "heu"), ("hem", "hen")],
        ["hem"],
    ),
    "HTRflow, document model": (
        json.dumps(
            {
                "_image_path": "x.jpg",
                "regions": [
                    {
                        "transcription": [
                            {"text": "bok", "confidence": 0.9},
                            {"text": "bck", "confidence": 0.1},
                        ]
                    }
                ],
            }
        ),
        [("bok", "bck")],
        ["bok"],
    ),
}


@pytest.mark.parametrize(("data", "pairs", "lines"), CASES.values(), ids=CASES)
def test_the_main_reading_comes_with_each_other_one(data, pairs, lines):
    name = "1.json" if data[0] == "{" else "1.xml"
    assert sorted(read_alternatives(name, data.encode())) == sorted(pairs)
    packed = gzip.compress(data.encode())
    assert sorted(read_alternatives(f"{name}.gz", packed)) == sorted(pairs)
    # They are no text of the page.
    (found,) = read_pages(name, data.encode())
    assert [line.text for line in found.lines] == lines


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("1.txt", b"tinget"),
        ("1.xml", b"<PcGts><Page>"),
        ("1.json", b'{"contains": [{'),
        ("1.json", b'{"contains": [1, [null], {"text_result": {"texts": 3}}]}'),
        ("1.xml", b""),
        ("1.jpg", b"\xff\xd8\xff"),
    ],
)
def test_a_file_that_gives_none_gives_none(name, data):
    assert read_alternatives(name, data) == []
