"""What hOCR has of its own, as its many writers have it."""

import pytest

from arkiv.base.errors import InputError
from arkiv.pages.kinds import HEAD, Role, kind
from arkiv.pages.reading import read_pages

XHTML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC '
    '"-//W3C//DTD XHTML 1.0 Transitional//EN" "http://127.0.0.1:9/xhtml1-transitional.dtd">\n'
    '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>not text</title>'
    "<meta name='ocr-system' content='tesseract 5.3.0'/></head><body>{}</body></html>"
)


def read(body, around=XHTML, name="p_1.hocr"):
    return read_pages(name, around.replace("{}", body).encode())


def word(text, title="bbox 1 2 3 4; x_wconf 90"):
    return f"<span class='ocrx_word' title='{title}'>{text}</span>"


def page(body, title="bbox 0 0 100 200"):
    return f"<div class='ocr_page' title='{title}'>{body}</div>"


def line(body, title="", kind="ocr_line"):
    return f"<span class='{kind}' title='{title}'>{body}</span>"


def texts(found):
    return [each.text for each in found.lines]


def test_tesseracts_page():
    body = page(
        "<div class='ocr_carea' title='bbox 1 2 90 30'><p class='ocr_par' lang='swe'>\n"
        + line(
            f"\n {word('Härads&nbsp;')}\n {word('<strong><em>rätten</em></strong>')}\n",
            "bbox 10 20 60 30; baseline 0.01 -9; x_size 25",
        )
        + line(word("Sida", "bbox 1 1 9 9; x_wconf 70"), kind="ocr_header")
        + "</p></div><div class='ocr_carea'><p class='ocr_par'>"
        + line(word(" ", "bbox 0 0 9 9; x_wconf 95"), "bbox 0 0 9 9")
        + "</p></div><div class='ocr_photo' title='bbox 0 0 9 9'></div>",
        'image "/in/a;b.png"; bbox 0 0 100 200; ppageno 3; lpageno 12r; scan_res 3 3',
    )
    (found,) = read(body)
    assert texts(found) == ["Härads rätten", "Sida"]
    first, second = found.lines
    assert (first.confidence, first.box, first.regions) == (
        pytest.approx(0.9),
        (10, 20, 60, 30),
        (),
    )
    # Without a box of its own a line stands where its words do.
    assert (second.confidence, second.box) == (pytest.approx(0.7), (1, 1, 9, 9))
    assert second.regions == ("heading",)
    assert (found.image, found.size, found.label) == ("/in/a;b.png", (100, 200), "12r")
    assert found.regions_without_text == 1


def test_krakens_page_which_is_no_xml():
    html = (
        "<!DOCTYPE html><html><head><meta charset='utf-8'>"
        "<meta name='ocr-system' content='kraken'></head><body>{}</body></html>"
    )
    body = (
        '<div class="ocr_page" title="bbox 0 0 100 200; image in/1.jpg">'
        '<div class="ocrx_block" data-region-type="MarginTextZone:note">'
        '<span class="ocr_line" id="l1" title="bbox 1 2 30 40; x_bboxes 1 1 2 2">\n'
        + "\n".join(
            word(text, f"bbox 1 2 3 4; x_confs {confs}")
            for text, confs in (("på", "0.5 0.7"), (" ", "0.9"), ("Öland", "1.0"))
        )
        + "</span>\n<br></div></div>"
    )
    (found,) = read(body, html, "p_1.html")
    assert texts(found) == ["på Öland"]
    (only,) = found.lines
    assert (only.box, only.id) == ((1, 2, 30, 40), "l1")
    assert only.confidence == pytest.approx(0.8)
    assert only.regions == ("margintextzone:note",)
    assert (found.image, found.size) == ("in/1.jpg", (100, 200))


def test_lines_without_words_and_pages_of_several_columns():
    body = "".join(
        page(
            "<div class='ocr_column'><p class='ocr_par'>"
            f"<span class='ocr_line'>En <b>fet</b> rad {n} med bind&shy;</span>\n"
            f"<span class='ocrx_line' title='x_wconf 50'>streck</span></p></div>",
            f"image 0000000{n}.jpg;bbox 0 0 10 20",
        )
        for n in (1, 2)
    )
    first, second = read(body)
    assert texts(first) == ["En fet rad 1 med bind\xad", "streck"]
    assert [each.confidence for each in first.lines] == [None, 0.5]
    assert (first.number, first.image, second.image) == (
        1,
        "00000001.jpg",
        "00000002.jpg",
    )


def test_characters_make_a_word_and_other_readings_do_not():
    characters = "\n".join(
        f"<span class='ocrx_cinfo' title='x_bboxes 1 1 2 2; x_conf {conf}'>"
        f"{letter}</span>"
        for letter, conf in (("å", 80), ("r", 90))
    )
    choices = (
        "Hus<span class='ocrx_cinfo' id='lstm_choices_1'>"
        "<span class='ocrx_cinfo' title='x_confs 60'>H</span>"
        "<span class='ocrx_cinfo' title='x_confs 40'>B</span></span>"
    )
    other = "<ins class='alt'>vit</ins><del class='alt'>wit</del>"
    body = page(line(" ".join(map(word, (characters, choices, other)))))
    (found,) = read(body.replace("bbox 1 2 3 4; x_wconf 90", "bbox 1 2 3 4"))
    assert texts(found) == ["år Hus vit"]
    assert found.lines[0].confidence == pytest.approx((0.85 + 0.5) / 2)


def test_words_are_apart_where_no_space_is_written():
    apart, close = (
        line(word("ett") + word("två")),
        line(word("ett") + word(",") + " " + word("två")),
    )
    (found,) = read(page(apart + close))
    assert texts(found) == ["ett två", "ett, två"]


def test_text_outside_of_lines_is_not_lost():
    body = page(
        "<h1>Rubrik</h1><p class='ocr_par'>ett <i>två</i><br/>tre</p>"
        + f"<div class='ocr_header'>{line('titel')}</div><div class='ocr_footer'>"
        + line("i en rad")
        + " fyra</div>"
        + word("fem")
        + word("sex")
        + "<div class='ocr_table'>"
        + line("sju")
        + "</div>"
    )
    (found,) = read(body)
    assert [(each.text, *each.regions) for each in found.lines] == [
        ("Rubrik",),
        ("ett två",),
        ("tre",),
        ("titel", "header"),
        ("i en rad", "footer"),
        ("fyra", "footer"),
        ("fem sex",),
        ("sju", "table"),
    ]


def test_a_part_of_a_document_is_read():
    (found,) = read(page(line(word("ett"))), "\n {}", "1.hocr")
    assert texts(found) == ["ett"]
    # Without a page that says so all is one.
    (found,) = read(line(word("två")), "<html><body>{}</body></html>", "1.hocr")
    assert texts(found) == ["två"]


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_html_is_read_in_the_encoding_that_it_is_in(encoding):
    html = (
        "<html><head><meta http-equiv=Content-Type "
        f"content='text/html; charset={encoding}'><body>{page(line('Häradsrätten'))}"
    )
    (found,) = read_pages("1.html", html.encode(encoding))
    assert texts(found) == ["Häradsrätten"]


def test_a_web_page_is_none_and_a_long_head_hides_none():
    plain = b"<!DOCTYPE html><html><body><p>Hello</p></body></html>"
    assert kind("index.html", plain).title == "a web page without hOCR"
    with pytest.raises(InputError, match="a web page without hOCR"):
        read_pages("index.html", plain)
    style = "<style>" + "p {}\n" * 2000 + "</style>"
    html = f"<html><head>{style}</head><body>{page(line('ett'))}</body></html>".encode()
    assert kind("1.html", html[:HEAD]).role is Role.PAGE
    (found,) = read_pages("1.html", html)
    assert texts(found) == ["ett"]


def test_broken_html_is_read_as_browsers_do():
    body = page(line("ett < två <a<b>tre") + line("fyra & fem")).replace("</div>", "")
    (found,) = read(body, "<html><body>{}")
    assert " ".join(texts(found)).split()[:2] == ["ett", "<"]
    assert texts(found)[-1] == "fyra & fem"
