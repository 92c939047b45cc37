"""The sheet for human judges: what goes out harmless comes back as it was."""

import csv
import io

import pytest

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id
from arkiv.gold.sheet import (
    COLUMNS,
    MOST_CHARACTERS,
    Judgement,
    Place,
    gathered,
    read_sheet,
    sheet_csv,
    sheet_row,
)


def written(path, rows, separator=",", encoding="utf-8", **changes):
    """Fill in a sheet by hand: dictionaries by column."""
    out = io.StringIO(newline="")
    names = changes.get("names", COLUMNS)
    table = csv.DictWriter(out, names, delimiter=separator, extrasaction="ignore")
    table.writeheader()
    table.writerows(rows)
    path.write_bytes(out.getvalue().encode(encoding))
    return path


def row(query_id="q1", passage="p1", relevance="", judge="", **more):
    ids = {"query_id": query_id, "passage_id": passage}
    return ids | {"relevance": relevance, "judge": judge} | more


def told(found):
    return [(one.query_id, one.passage_id, one.grade, one.judge) for one in found]


def test_what_is_written_is_read(tmp_path):
    passages = [
        {"id": "1" * 16, "text": '=cmd()\n"x"; y', "volume": "30003368"},
        {"id": "p", "text": "x" * 40_000, "volume": 7, "first_page": 3, "last_page": 5},
        {"id": "r", "text": "t", "first_page": 3, "last_page": 3, "first_label": "2r"},
    ]
    rows = [
        sheet_row("q", "-vem?", passages[0]),
        sheet_row("q", "-vem?", passages[1], grade=1, judge="Åsa"),
        sheet_row("q", "-vem?", passages[2], grade=0, judge="Åsa"),
    ]
    text = sheet_csv(rows, ";")
    (tmp_path / "s.csv").write_text(text, encoding="utf-8", newline="")
    # The mark by which Excel knows UTF-8.
    assert (tmp_path / "s.csv").read_bytes().startswith(b"\xef\xbb\xbfquery_id;")
    cells = list(csv.DictReader(io.StringIO(text[1:], newline=""), delimiter=";"))
    assert [one["volume"] for one in cells] == ["30003368", "7", ""]
    assert [one["pages"] for one in cells] == ["", "3–5", "2r"]
    assert cells[0]["passage"] == '\'=cmd()\n"x"; y'
    assert cells[0]["passage_id"] == "'" + "1" * 16
    assert len(cells[1]["passage"]) < 32_767
    assert cells[1]["passage"] == "x" * MOST_CHARACTERS + " […]"
    found = read_sheet(tmp_path / "s.csv")
    assert told(found) == [
        ("q", "1" * 16, None, "Åsa"),
        ("q", "p", 1, "Åsa"),
        ("q", "r", 0, "Åsa"),
    ]
    assert {one.query for one in found} == {"-vem?"}
    # The second pair begins after the lines of the first one's text.
    places = [(one.place.line, one.place.row) for one in found]
    assert places == [(2, 2), (4, 3), (5, 4)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_spreadsheets_may_save_as_they_like(tmp_path, encoding, separator):
    names = ["note", "relevance", "extra", "judge", "passage_id", "query_id"]
    rows = [
        row(relevance="3", judge=" Åsa  Öberg ", note='å;,\t\n"', extra="x"),
        {},
        row(passage="p2", relevance="2,0", judge="Åsa Öberg"),
        row(passage="p3", relevance="1.0", judge="Åsa Öberg"),
        row(passage="p4"),
        {"note": "below the table"},
    ]
    path = written(tmp_path / "s.csv", rows, separator, encoding, names=names)
    text = path.read_bytes()
    if encoding == "utf-8":
        path.write_bytes(b"sep=" + separator.encode() + b"\r\n" + text)
    assert told(read_sheet(path)) == [
        ("q1", "p1", 3, "Åsa Öberg"),
        ("q1", "p2", 2, "Åsa Öberg"),
        ("q1", "p3", 1, "Åsa Öberg"),
        ("q1", "p4", None, "Åsa Öberg"),
    ]


def test_texts_are_read_composed(tmp_path):
    row = {"query_id": "q", "passage_id": "p", "query": "a\u030an?", "relevance": "1"}
    path = tmp_path / "s.csv"
    written(path, [row | {"judge": "A\u030asa"}])
    (found,) = read_sheet(path)
    assert (found.query, found.judge) == ("ån?", "Åsa")


def test_a_header_may_be_written_otherwise(tmp_path):
    (tmp_path / "s.csv").write_text(
        '\n"Query_ID ";"PASSAGE_ID";" Relevance"\nq;p;1\n', encoding="utf-8"
    )
    assert told(read_sheet(tmp_path / "s.csv")) == [("q", "p", 1, "s")]


def test_a_judge_without_a_name_is_the_one_named_or_the_file(tmp_path):
    rows = [row(relevance="1", judge="anna"), row(passage="p2", relevance="0")]
    found = read_sheet(written(tmp_path / "a.csv", rows))
    assert {one.judge for one in found} == {"anna"}
    rows = [row(relevance="1"), row(passage="p2", relevance="0")]
    found = read_sheet(written(tmp_path / "bo.csv", rows))
    assert {one.judge for one in found} == {"bo"}
    rows = [row(relevance="1", judge=name) for name in ("anna", "bo", "")]
    with pytest.raises(InputError) as caught:
        read_sheet(written(tmp_path / "c.csv", rows))
    assert str(caught.value) == (
        f"{tmp_path / 'c.csv'}, line 4, `judge`: is empty, expected one of the judges "
        "that the file names: anna, bo"
    )
    # An open pair needs none.
    rows[2]["relevance"] = ""
    assert len(read_sheet(written(tmp_path / "c.csv", rows))) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ": lacks the column query_id, expected query_id, passage_id, query,"),
        ("query_id,relevance\n", ": lacks the column passage_id, expected"),
        ("query_id,passage_id,judgement\n", ": lacks the column relevance, expected"),
        (
            "query_id,passage_id,relevance,Relevance\n",
            ": has twice the column relevance, expected",
        ),
        ("query_id,passage_id,relevance,judge,judge\n", ": has twice the column judge"),
        (
            'query_id,passage_id,relevance\n"q\n\n",p,1\nq,p,x\n',
            ", line 5, `relevance`: is 'x', expected a whole number from 0 to 3, or "
            "nothing (row 3 of the table)",
        ),
        (
            "query_id,passage_id,relevance\nq,p,yes\n",
            ", line 2, `relevance`: is 'yes', expected a whole number from 0 to 3, or",
        ),
        ("query_id;passage_id;relevance\n\nq;p;4\n", ", line 3, `relevance`: is '4',"),
        ("query_id,passage_id,relevance\nq,p,1.5\n", ", line 2, `relevance`: is '1.5'"),
        ("query_id,passage_id,relevance\nq,p,-1\n", ", line 2, `relevance`: is '-1'"),
        ("query_id,passage_id,relevance\nq,,1\n", ", line 2, `passage_id`: is empty"),
        (
            "query_id,passage_id,relevance\nq,p,1,,x\n",
            ", line 2: has 5 cells, but there are 3 columns",
        ),
        (
            'query_id,passage_id,relevance\nq,p,1\nq,"p2,1\nq,p3,1\n',
            ": is no CSV after line 2 (unexpected end of data)",
        ),
    ],
)
def test_a_sheet_at_fault_is_one_sentence(tmp_path, text, said):
    path = tmp_path / "s.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_sheet(path)
    assert str(caught.value).startswith(f"{path}{said}")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04...", "is a workbook, expected CSV"),
        (b"\x81\x8d\xff", "is no text in UTF-8 or Windows-1252"),
        (None, "no such file"),
    ],
)
def test_a_file_that_is_no_sheet_is_one_sentence(tmp_path, data, said):
    path = tmp_path / "s.csv"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=said):
        read_sheet(path)


QUERIES = {"q1": "vem?", "q2": "var?"}
PASSAGES = {"p1", "p2", "p3"}


def test_files_are_put_together(tmp_path):
    one = [row(relevance="1", judge="anna"), row("q2", "p2", "0", "bo"), row("q2")]
    other = [row(relevance="1", judge="anna"), row(relevance="0", judge="bo")]
    other += [row("q2", "p2"), row("q1", "p3")]
    free = content_id("fritt frågat")
    other.append(row(free, "p1", "1", "bo", query="fritt frågat"))
    found = [
        *read_sheet(written(tmp_path / "a.csv", one)),
        *read_sheet(written(tmp_path / "b.csv", other)),
    ]
    judged = gathered(found, QUERIES, PASSAGES)
    assert judged.grades == {
        ("q1", "p1"): {"anna": 1, "bo": 0},
        ("q2", "p2"): {"bo": 0},
    }
    assert judged.open == {("q2", "p1"), ("q1", "p3")}
    assert len(judged.elsewhere) == 1


@pytest.mark.parametrize("clicked_first", [True, False])
def test_a_click_says_no_more_than_a_grade_of_the_same_judge(clicked_first):
    place = Place("s.csv", 2, 2)

    def said(grade, graded):
        return Judgement("q1", "p1", grade, "anna", "vem?", place, graded)

    def together(*both):
        both = both if clicked_first else both[::-1]
        return gathered(both, QUERIES, PASSAGES).grades["q1", "p1"]

    assert together(said(1, False), said(3, True)) == {"anna": 3}
    assert together(said(0, False), said(0, True)) == {"anna": 0}
    for other in (said(0, True), said(0, False)):
        with pytest.raises(InputError, match="but anna says"):
            together(said(1, False), other)
    with pytest.raises(InputError, match="but anna says"):
        gathered([said(1, False), said(3, True), said(2, True)], QUERIES, PASSAGES)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row("q9")], ", line 2, `query_id`: is q9, which is no query of this run"),
        ([row("q1", "p9")], ", line 2, `passage_id`: is p9, which is no passage of"),
        (
            [row(relevance="1", judge="bo"), row(), row(relevance="0", judge="bo")],
            ", line 4, `relevance`: is 0, but bo says 1 of the same pair in {path}, "
            "line 2",
        ),
    ],
)
def test_judgements_that_cannot_be_are_one_sentence(tmp_path, rows, said):
    path = written(tmp_path / "s.csv", rows)
    with pytest.raises(InputError) as caught:
        gathered(read_sheet(path), QUERIES, PASSAGES)
    assert str(caught.value).startswith(f"{path}{said.format(path=path)}")
