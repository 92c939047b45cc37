"""What every file of an archive is, page or not."""

import gzip
import json
import random

import pytest
from sheets import ALTO, FORMATS, PAGE

from arkiv.pages.kinds import HEAD, Kind, Role, kind, outline

REGIONS = [("paragraph", [("ett två", 0.5)])]
WORD = b"PK\x03\x04\x14\0"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_a_page_is_one_in_any_encoding_packed_or_not(form, encoding):
    ending, write = FORMATS[form]
    data = write(REGIONS).decode().encode(encoding)
    for name, content in (
        (f"1{ending}", data),
        (f"1{ending.upper()}.GZ", gzip.compress(data)),
    ):
        found = kind(name, content[:HEAD])
        assert found.role is Role.PAGE
        assert found.format is not None


def test_a_page_is_told_by_its_content_before_its_name():
    assert kind("1.txt", f'<PcGts xmlns="{PAGE}"/>'.encode()).title == "PAGE XML"
    assert kind("1", f'<a:alto xmlns:a="{ALTO}4#"/>'.encode()).title == "ALTO XML"
    assert kind("1.xml", b'{"contains": []}').title == "HTRflow JSON"


@pytest.mark.parametrize(
    ("name", "head", "title"),
    [
        ("x.jpg", b"\xff\xd8\xff\xe0", "an image"),
        ("x", b"\x89PNG\r\n\x1a\n", "an image"),
        ("x.tif", b"", "an image"),
        ("x.pdf", b"%PDF-1.4\n", "a PDF"),
        ("x.txt", b"%PDF-1.4\n", "a PDF"),
        ("x.docx", WORD, "a Word document"),
        ("x.odt", WORD, "an OpenDocument text"),
        ("x.zip", WORD, "a zip file"),
        ("x.doc", b"\xd0\xcf\x11\xe0", "a Word document"),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0", "a thumbnail database"),
        ("x.rtf", b"{\\rtf1", "an RTF document"),
        ("x.djvu", b"AT&TFORM", "a DjVu file"),
        ("x.xml", b"<!DOCTYPE DjVuXML><DjVuXML><BODY/></DjVuXML>", "DjVu XML"),
        ("metadata.xml", b"<trpDocMetadata/>", "Transkribus metadata"),
        ("x.xml", b'<mods:mods xmlns:mods="m"/>', "MODS"),
        ("x.html", b"<!doctype html>\n<HTML><body>x", "a web page without hOCR"),
        ("x.xml", b"<a><b/></a>", "XML of <a>"),
        ("x.json", b'{"responses": [{"a": 1}]}', "Google Vision JSON"),
        ("x.json", b'{"@context": "c", "@type": "sc:Manifest"}', "a IIIF manifest"),
        ("x.json", b'{"id": "i", "type": "Manifest"}', "a IIIF manifest"),
        ("x.json", b'{"a": {"contains": 1}, "b": 2}', "JSON of a, b"),
        ("x.json", b"[[1, 2], [3]]", "a list in JSON"),
        ("x.json", b"{}", "JSON of no keys"),
        (
            "x.json",
            b'{"a\n b": 1, "' + b"c" * 50 + b'": 2}',
            f"JSON of a b, {'c' * 40}…",
        ),
        ("bagit.txt", b"BagIt-Version: 1.0\n", "BagIt's bagit.txt"),
        ("bag-info.txt", b"Source-Organization: x\n", "BagIt's bag-info.txt"),
        ("manifest-sha256.txt", b"0a data/1.xml\n", "a manifest of BagIt"),
        ("tagmanifest-md5.txt", b"0a bagit.txt\n", "a manifest of BagIt"),
        ("README.txt", b"read me", "a README"),
        ("README", b"read me", "a README"),
        ("Read-me_sv.txt", b"read me", "a README"),
        ("LICENSE.cc-by.txt", b"x", "a note on the data"),
        ("about.md", b"# x", "Markdown"),
        ("x.csv", b"a,b\n1,2\n", "a table without a column text"),
        ("x.abc", b"abc", "a abc file"),
        ("x.tar.gz", gzip.compress(b"abc", mtime=0), "a gzip file"),
    ],
)
def test_what_is_no_page_is_called_what_it_is(name, head, title):
    found = kind(name, head)
    assert (found.role, found.title, found.format) == (Role.OTHER, title, None)


def test_a_mets_is_one():
    found = kind("x.xml", b'<?xml version="1.0"?><m:mets xmlns:m="x"/>')
    assert found == Kind(Role.METS, "METS")


@pytest.mark.parametrize(
    ("name", "head", "title"),
    [
        ("1.xml", b"", "an empty file"),
        ("1.txt", b"", "an empty file"),
        ("1.xml", b"\0\0\0", "named .xml, but holds neither XML nor JSON"),
        ("1.xml", b"<?xml version='1.0'?>", "XML without an element"),
        ("1.xml.gz", b"\x1f\x8b\x08\0", "a damaged gzip file"),
    ],
)
def test_what_should_be_a_page_is_broken_and_no_other_file(name, head, title):
    assert kind(name, head) == Kind(Role.BROKEN, title)


def test_text_is_text_whatever_it_begins_with():
    for head in (b"ett", b"<1880> \xc3\xa5r", b"<unclear> x", b"[2]", b"{x}"):
        assert kind("1.txt", head).title == "plain text"


def test_an_outline_is_that_of_the_first_object_however_it_is_cut_off():
    source = random.Random(2)
    for _ in range(200):
        inner = {"x": '"}{[', "y": [1, {"z": "\\"}]}
        values = [inner, [inner], 'a "quoted": }', None, 12, "ett"]
        record = {f"k{n}": source.choice(values) for n in range(5)}
        text = json.dumps(record, indent=source.choice([None, 1]))
        expected = {
            key: json.dumps(value)[1:-1] if isinstance(value, str) else None
            for key, value in record.items()
        }
        assert dict(outline(text)) == expected
        assert dict(outline(text + '\n{"another": 1}')) == expected
        assert dict(outline(f"[{text}, {text}]")) == expected
        cut = dict(outline(text[: source.randrange(1, len(text))]))
        for key, value in cut.items():
            assert expected[key] == value or (expected[key] or "").startswith(
                value or ""
            )
    for text in ('[["a", "b"]]', '["a"]', "[två]"):
        assert not dict(outline(text))
