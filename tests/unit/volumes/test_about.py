"""What is known of volumes: tables in every form, and MODS."""

import csv
import io
import json
import random

import pytest
from layouts import lay_out, mets, page, words
from lxml import etree

from arkiv.base.errors import InputError
from arkiv.volumes.about import described, read_table
from arkiv.volumes.finding import find
from arkiv.volumes.mods import about_of_mods
from arkiv.volumes.overview import summary, told
from arkiv.volumes.volume import from_record, to_record

NOTHING = {
    "year": None,
    "year_to": None,
    "type": None,
    "title": None,
    "reference": None,
    "about": [],
}


def table(tmp_path, text, name="volumes.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


HEAD = ["Volume", "Year", "Type", "Title", "Reference", "Parish"]
ROWS = [
    ["A1", "1880-1885", "court", "Dombok; “A”", "SE/VALA/1", "Ekeby"],
    ["å/2", "", "", "", "", ""],
]
READ = {
    "A1": {
        "year": 1880,
        "year_to": 1885,
        "type": "court",
        "title": "Dombok; “A”",
        "reference": "SE/VALA/1",
        "about": [{"name": "Parish", "value": "Ekeby"}],
    },
    "å/2": NOTHING,
}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_of_any_delimiter_is_read(tmp_path, delimiter, mark, end):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([HEAD, *ROWS])
    # Empty lines and cells, as spreadsheets leave them.
    text = f"{out.getvalue()}{delimiter * 8}{end}{end}"
    assert read_table(table(tmp_path, mark + text.encode())) == READ


def test_json_lines_are_read(tmp_path):
    rows = [dict(zip(HEAD, row, strict=True)) for row in ROWS]
    rows.append({"volume": 30003368, "year": 1880, "pages": 12.0, "seen": True})
    text = "".join(json.dumps(row) + "\n" for row in rows)
    read = read_table(table(tmp_path, text, "volumes.jsonl"))
    other = [{"name": "pages", "value": "12"}, {"name": "seen", "value": "true"}]
    of_number = NOTHING | {"year": 1880, "year_to": 1880, "about": other}
    assert read == READ | {"30003368": of_number}


@pytest.mark.parametrize(
    ("columns", "cells", "span"),
    [
        ("year", "1880", (1880, 1880)),
        ("year", "1880.0", (1880, 1880)),
        ("year", "1880–85", (1880, 1885)),
        ("year", "1880 to 1885", (1880, 1885)),
        ("date", "1880-05-03", (1880, 1880)),
        ("date", "1901-05", (1901, 1901)),
        ("date", "1880-05-03/1881-01-01", (1880, 1881)),
        ("from,to", "1880,1885", (1880, 1885)),
        ("from,to", "1880-12-31,1885-01-01", (1880, 1885)),
        ("from,to", "1880,", (1880, 1880)),
        ("from,to", ",1885", (1885, 1885)),
        ("year,year_to", "1880,1885", (1880, 1885)),
        ("year,to", "1880-1885,1885", (1880, 1885)),
        ("year,date", "1880,1880-05-03", (1880, 1880)),
        ("from,to", ",", (None, None)),
    ],
)
def test_years_are_written_in_many_ways(tmp_path, columns, cells, span):
    (read,) = read_table(table(tmp_path, f"volume,{columns}\nv,{cells}\n")).values()
    assert (read["year"], read["year_to"]) == span


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("volume,year\nv,1880\nw,18x0\n", "line 3, `year`: is '18x0', expected a year"),
        ("volume,year\nv,18801\n", "line 2, `year`: is '18801'"),
        ("volume,year\nv,1885-1880\n", "line 2, `year`: is '1885-1880', a span that"),
        ("volume,year\nv,1901-05\n", "a month or the span 1901-1905; write 1901 or"),
        ("volume,from,to\nv,1885,1880\n", "`to`: is 1880, before the first year, 1885"),
        ("volume,year,from\nv,1880,1881\n", "`year`: is '1880', but `from` is '1881'"),
        ("volume,year,to\nv,1880-81,1885\n", "`year`: is '1880-81', but `to` is"),
        ("volume,year\nv,1880\n\nv,1881\n", "line 4, `volume`: is v, which line 2"),
        ("volume,year\n,1880\n", "line 2, `volume`: is empty"),
        ("volume,year\n", "is empty, expected a line for each volume"),
        ("", "`volume`: is missing from the head, ''"),
        ("name;year\nv;1880\n", "`volume`: is missing from the head, 'name;year'"),
        ("volume,year,Year\nv,1,2\n", "line 1, `year`: is the name of two columns"),
        ("volume,year\nv\n", "line 2: the line has 1 cells, expected 2"),
        ("volume,year\nv,1880,x\n", "line 2: the line has 3 cells, expected 2"),
        ("volume,year,\nv,1880,x\n", "line 2: holds 'x' in a column without a name"),
        ('volume,year\n"v"x,1880\n', "line 2: is no row of CSV"),
        (b"volume,year\nv,1880\n\xe5,1880\n", "line 3: the line is not UTF-8"),
    ],
)
def test_a_fault_is_one_sentence_with_its_line(tmp_path, text, said):
    path = table(tmp_path, text)
    with pytest.raises(InputError) as fault:
        read_table(path)
    assert str(fault.value).startswith(str(path))
    assert said in str(fault.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "line 1: the line is a JSON list"),
        ("{", "line 1: the line is not JSON"),
        ('{"year": 1880}', "line 1, `volume`: is missing"),
        ('{"volume": ["v"]}', "line 1, `volume`: is a list, expected a text"),
        ('{"volume": "v", "year": true}', "line 1, `year`: is True, expected a year"),
        ('{"volume": "v", "more": {}}', "line 1, `more`: is a map"),
    ],
)
def test_a_fault_of_json_lines_is_one_sentence(tmp_path, line, said):
    with pytest.raises(InputError) as fault:
        read_table(table(tmp_path, line, "volumes.jsonl"))
    assert said in str(fault.value)


PIECES = ("volume", "year", ",", ";", "\n", '"', "1880", "v", "-", "é", "\x00", " ")


def test_whatever_is_in_a_table_is_read_or_refused_in_a_sentence(tmp_path):
    draw = random.Random(3)
    read, said = 0, []
    for _ in range(2000):
        rest = "".join(draw.choices(PIECES, k=draw.randrange(12)))
        try:
            found = read_table(table(tmp_path, f"volume,year\n{rest}"))
        except InputError as fault:
            said.append(str(fault))
            continue
        assert all(record.keys() == NOTHING.keys() for record in found.values())
        read += 1
    assert 20 < read < 1900
    assert not [sentence for sentence in said if len(sentence.splitlines()) > 1]


def test_volumes_are_found_whatever_the_unicode_form_of_their_names():
    known = {"\u00e5": READ["A1"], "b": NOTHING}
    assert described(["b", "a\u030a"], known, "t.csv") == {
        "b": NOTHING,
        "a\u030a": READ["A1"],
    }


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("abx", None),
        (
            "abxcdefgh",
            "has no line for 6 volumes (c, d, e, f, g …) of the archive; add",
        ),
        ("ab", "tells of 1 volume (x) not in the archive; leave out"),
        (
            "A",
            "1 volume (A) of the archive, but tells of 3 volumes (a, b, x) not in it",
        ),
    ],
)
def test_volumes_that_table_or_archive_lack_are_named(names, said):
    known = dict.fromkeys(["a", "b", "x"], NOTHING)
    if said is None:
        assert described(names, known, "t.csv") == known
        return
    with pytest.raises(InputError) as fault:
        described(names, known, "t.csv")
    assert str(fault.value).startswith("t.csv: ")
    assert said in str(fault.value)


MODS = """
<mets xmlns="http://www.loc.gov/METS/" xmlns:m="http://www.loc.gov/mods/v3"><m:mods>
  <m:relatedItem type="host">
    <m:titleInfo><m:title>Another</m:title></m:titleInfo>
    <m:originInfo><m:dateIssued>1700</m:dateIssued></m:originInfo>
  </m:relatedItem>
  <m:titleInfo type="abbreviated"><m:title>DB</m:title></m:titleInfo>
  <m:titleInfo>
    <m:nonSort>Der</m:nonSort><m:title>Bote</m:title><m:partNumber>12</m:partNumber>
  </m:titleInfo>
  <m:originInfo eventType="digitization">
    <m:dateIssued>2010</m:dateIssued>
  </m:originInfo>
  <m:originInfo>{dates}</m:originInfo>
  <m:genre>newspaper</m:genre>
  <m:identifier type="urn">urn:nbn:1</m:identifier>
  <m:location><m:shelfLocator>Ms. 12</m:shelfLocator></m:location>
</m:mods></mets>
"""


@pytest.mark.parametrize(
    ("dates", "span"),
    [
        ("<m:dateIssued>1880-05-03</m:dateIssued>", (1880, 1880)),
        ("<m:dateIssued>18800503</m:dateIssued>", (1880, 1880)),
        ("<m:dateIssued>[ca. 1880]</m:dateIssued>", (1880, 1880)),
        ("<m:dateIssued>1880-85</m:dateIssued>", (1880, 1885)),
        (
            '<m:dateIssued point="end">1885</m:dateIssued>'
            '<m:dateIssued point="start">1880?</m:dateIssued>',
            (1880, 1885),
        ),
        (
            "<m:dateIssued>1990</m:dateIssued><m:dateCreated>1780</m:dateCreated>",
            (1780, 1780),
        ),
        ("<m:dateIssued>s.a.</m:dateIssued>", (None, None)),
    ],
)
def test_mods_tells_of_the_volume_itself(dates, span):
    assert about_of_mods(etree.fromstring(MODS.format(dates=dates))) == {
        "year": span[0],
        "year_to": span[1],
        "type": "newspaper",
        "title": "Der Bote, 12",
        "reference": "Ms. 12",
        "about": [],
    }


def test_what_holds_no_mods_tells_nothing():
    assert about_of_mods(etree.fromstring("<mets><a/></mets>")) == NOTHING


SECTION = (
    '<dmdSec ID="{id}"><mdWrap><xmlData>'
    '<m:mods xmlns:m="http://www.loc.gov/mods/v3"><m:titleInfo><m:title>{title}'
    "</m:title></m:titleInfo></m:mods></xmlData></mdWrap></dmdSec>"
)


def test_of_several_mods_that_of_the_outermost_part_in_the_file_counts():
    parts = """
    <structMap TYPE="LOGICAL"><div DMDID="s"><mptr/><div DMDID="v"><div DMDID="a"/>
    </div></div></structMap>"""
    sections = "".join(SECTION.format(id=each, title=each) for each in "asv")
    root = etree.fromstring(f"<mets>{sections}{parts}</mets>")
    assert about_of_mods(root)["title"] == "v"


def archive(tmp_path):
    """Two volumes, one of which has METS with MODS."""
    section = MODS.format(dates="<m:dateIssued>1880</m:dateIssued>")
    listing = mets({"X": ["page/1.xml"]})
    listing = listing.replace("<fileSec>", f"<dmdSec>{section}</dmdSec><fileSec>")
    files = {"a/mets.xml": listing, "a/page/1.xml": page(words("a"))}
    return lay_out(tmp_path / "pages", files | {"b/page/1.xml": page(words("b"))})


def test_volumes_have_what_their_mets_says_and_the_others_the_same_keys(tmp_path):
    found = find(archive(tmp_path))
    known = {volume.name: volume.about for volume in found.volumes}
    assert known["a"]["title"] == "Der Bote, 12"
    assert known["b"] == NOTHING
    assert all(from_record(to_record(volume)) == volume for volume in found.volumes)
    lines = list(told(summary(found)))
    assert "Their years: 1880 to 1880; none of 1 volume" in lines


def test_mets_that_lists_images_alone_tells_of_the_document_beside_it(tmp_path):
    section = MODS.format(dates="<m:dateIssued>1880</m:dateIssued>")
    listing = mets({"IMG": ["https://images.example/1.jpg"]})
    listing = listing.replace("<fileSec>", f"<dmdSec>{section}</dmdSec><fileSec>")
    files = {"a/mets.xml": listing, "a/alto/1.xml": page(words("a"))}
    files |= {"c/d/1.xml": page(words("d")), "c/e/1.xml": page(words("e"))}
    # Of a collection, or of whom is not clear.
    files |= {"c/mets.xml": listing, "mets.xml": listing}
    known = {each.name: each.about for each in find(lay_out(tmp_path, files)).volumes}
    assert known["a"]["year"] == 1880
    assert known["c/d"] == known["c/e"] == NOTHING


def test_a_table_may_lie_in_the_archive(tmp_path):
    pages = lay_out(tmp_path, {f"{name}/1.xml": page(words(name)) for name in "ab"})
    rows = "".join(f'{{"volume": "{name}", "title": "text"}}\n' for name in "ab")
    found = find(pages, table=table(pages, rows, "volumes.jsonl"))
    assert [each.name for each in found.volumes] == ["a", "b"]
    assert (found.aside, found.unread) == ({}, {})


def test_a_table_counts_before_mets(tmp_path):
    rows = "volume,year,type\na,1700,court\nb,,letters\n"
    found = find(archive(tmp_path), table=table(tmp_path, rows))
    assert [(each.about["year"], each.about["title"]) for each in found.volumes] == [
        (1700, None),
        (None, None),
    ]


def test_where_nothing_is_known_nothing_is_said(tmp_path):
    files = {f"{name}/page/1.xml": page(words(name)) for name in "ab"}
    found = find(lay_out(tmp_path / "pages", files))
    assert [volume.about for volume in found.volumes] == [{}, {}]


def test_a_volume_that_cannot_be_read_may_be_in_the_table_or_not(tmp_path):
    pages = archive(tmp_path)
    (pages / "c.zip").write_bytes(b"PK\x03\x04 broken")
    for rows in ("volume\na\nb\n", "volume\na\nb\nc.zip\n"):
        assert len(find(pages, table=table(tmp_path, rows)).volumes) == 3
