"""Files of rows: what their pages are, where they stand, and which rows are none."""

import csv
import io
import json
import random

import pytest

from arkiv.base.errors import InputError
from arkiv.pages.formats.rows import sheet, spans
from arkiv.pages.kinds import HEAD, Role, kind
from arkiv.pages.reading import read_pages

TEXTS = ("ett", 'a "b" c', "å, ö; é\tx", "två\nrader", '"', "{", "]", "", "  ")


def table(records, delimiter=",", end="\n"):
    out = io.StringIO()
    names = list(dict.fromkeys(key for record in records for key in record))
    writer = csv.DictWriter(out, names, delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


def json_lines(records, end="\n"):
    return "".join(json.dumps(x, ensure_ascii=False) + end for x in records)


FORMS = {
    "lines.jsonl": json_lines,
    "windows.ndjson": lambda records: json_lines(records, "\r\n"),
    "lines.json": json_lines,
    "list.json": json.dumps,
    "wide.json": lambda records: json.dumps(records, indent=1, ensure_ascii=False),
    "apart.json": lambda records: "\n".join(json.dumps(x, indent=2) for x in records),
    "commas.csv": table,
    "semicolons.csv": lambda records: table(records, ";", "\r\n"),
    "tabs.tsv": lambda records: table(records, "\t"),
    "marked.csv": lambda records: "\ufeff" + table(records),
    "marked.jsonl": lambda records: "\ufeff" + json_lines(records),
}


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        assert kind(name, path.read_bytes()[:HEAD]).role is Role.ROWS
        return path

    return write


def rows(path, encoding=None):
    with open(path, "rb") as file:
        yield from spans(file, encoding)


def read(path, row, encoding=None):
    with open(path, "rb") as file:
        try:
            return [sheet(file, row, encoding)]
        except InputError as error:
            raise error.at("FILE", row.line) from None


def pages(path, encoding=None):
    """Volume, page and texts of each."""
    return [
        (row.volume, row.page, [line.text for line in sheet.lines])
        for row in rows(path, encoding)
        if row.fault is None
        for sheet in read(path, row, encoding)
    ]


def faults(path):
    found = []
    for row in rows(path):
        if row.fault is not None:
            with pytest.raises(InputError) as caught:
                read(path, row)
            found.append(str(caught.value).replace(str(path), "FILE"))
    return found


@pytest.mark.parametrize("form", FORMS)
def test_pages_are_read_where_they_stand(form, write):
    source = random.Random(form)
    for _ in range(40):
        records = [
            {"volume": volume, "page": f"{page}r", "text": source.choice(TEXTS)}
            for volume in ("A", "B")
            for page in range(source.randrange(1, 5))
        ]
        path = write(form, FORMS[form](records))
        expected = [
            (x["volume"], x["page"], [y for y in x["text"].splitlines() if y.strip()])
            for x in records
        ]
        assert pages(path) == expected
        # In any order.
        backwards = [read(path, row)[0].label for row in reversed(list(rows(path)))]
        assert backwards == [x["page"] for x in reversed(records)]


@pytest.mark.parametrize("form", FORMS)
def test_consecutive_rows_of_a_page_are_its_lines(form, write):
    records = [
        {"doc": d, "page_no": p, "line": n, "text": f"{d}{p}{n}", "confidence": 0.5}
        for d in "ab"
        for p in (1, 2)
        for n in (1, 2, 3)
    ]
    path = write(form, FORMS[form](records))
    assert [found for *_, found in pages(path)] == [
        [f"{d}{p}{n}" for n in (1, 2, 3)] for d in "ab" for p in (1, 2)
    ]
    (sheet,) = read(path, next(rows(path)))
    assert [(line.id, line.confidence) for line in sheet.lines] == [
        (str(n), 0.5) for n in (1, 2, 3)
    ]


def test_rows_without_a_page_are_pages_unless_they_are_lines(write):
    path = write("a.jsonl", json_lines([{"text": "ett"}, {"text": "två"}]))
    assert pages(path) == [(None, None, ["ett"]), (None, None, ["två"])]
    lined = [{"text": "ett", "line": 1}, {"text": "två", "line": 2}]
    path = write("a.jsonl", json_lines(lined))
    assert pages(path) == [(None, None, ["ett", "två"])]


def test_labels_and_images_are_kept_and_anything_else_is_not(write):
    record = {"Text": "ett", "page": 3.0, "label": "iv", "image": "1.jpg", "x": [1]}
    path = write("a.jsonl", json_lines([record]))
    (row,) = rows(path)
    (sheet,) = read(path, row)
    assert (row.page, sheet.label, sheet.image) == (3, "iv", "1.jpg")


def test_a_broken_row_is_said_and_the_others_are_read(write):
    good = [{"page": n, "text": f"rad {n}"} for n in (1, 2, 3)]
    path = write(
        "a.jsonl",
        json_lines(good[:1])
        + '{"page": 2, "text": \n\n["no object"]\n{"page": 2}\n'
        + '{"page": [1], "text": ""}\n'
        + '{"page": 1, "text": 5}\n'
        + json_lines(good[1:]),
    )
    assert [page for _, page, _ in pages(path)] == [1, 2, 3]
    assert [said.partition(" (")[0] for said in faults(path)] == [
        "FILE, line 2: is not JSON",
        "FILE, line 4: is a JSON list, expected an object",
        "FILE, line 5: `text`: is missing, expected a text",
        "FILE, line 6: `page`: is [1], expected a number or a name",
        "FILE, line 7: `text`: is of type int, expected a text",
    ]
    path = write("b.jsonl", '{"text": "x", \n' + json_lines(good))
    assert ([len(faults(path))], [page for _, page, _ in pages(path)]) == (
        [1],
        [1, 2, 3],
    )


def test_a_broken_row_between_lines_of_a_page_divides_it_not(write):
    path = write("a.jsonl", '{"page":1,"text":"a"}\nx\n{"page":1,"text":"b"}\n')
    assert pages(path) == [(None, 1, ["a", "b"])]
    assert len(faults(path)) == 1


def test_a_quote_that_is_never_closed_takes_no_other_row_with_it(write):
    path = write("a.csv", 'page,text\n1,"a\n2,b\n3,"c"d\n4,e, f\n5,"g, h",\n6,i\n')
    assert [page for _, page, _ in pages(path)] == ["2", "5", "6"]
    assert [said.partition(" (")[0] for said in faults(path)] == [
        "FILE, line 2: is no row of a table",
        "FILE, line 4: is no row of a table",
        "FILE, line 5: has 3 columns, expected 2: texts with ',' in them stand in "
        "quotes",
    ]


def test_a_table_may_be_in_another_encoding(write):
    path = write("a.csv", "page;text\n1;på Öland\n".encode("cp1252"))
    assert len(faults(path)) == 1
    assert pages(path, "windows-1252") == [(None, "1", ["på Öland"])]
    with pytest.raises(InputError, match="rows in UTF-16; save the file in UTF-8"):
        list(rows(write("b.csv", "page;text\n1;på\n".encode("utf-16"))))


def test_as_files_of_a_volume_rows_are_its_pages():
    records = [{"page": "1r", "text": "ett"}, {"page": "1v", "text": "två"}]
    for name, form in FORMS.items():
        found = read_pages(name, form(records).encode())
        assert [page.label for page in found] == ["1r", "1v"]
        assert [page.lines[0].text for page in found] == ["ett", "två"]
    several = [record | {"volume": record["page"]} for record in records]
    with pytest.raises(InputError, match="rows of several volumes"):
        read_pages("a.jsonl", json_lines(several).encode())
