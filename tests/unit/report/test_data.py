"""What the report counts of the files that are not read."""

from arkiv.report.data import stage_counts
from arkiv.report.funnel import set_aside

FOUND = {
    "page_files": 12,
    "not_read": {
        "a PDF": {"files": 2, "first": "a/x.pdf", "advice": ""},
        "a Word document": {"files": 1, "first": "b/y.docx", "advice": ""},
    },
    "same_page": [{"file": "a/1.txt", "as": "a/1.xml"}],
    "missing": ["a/page/9.xml"],
}


def test_files_that_are_not_read_are_counted_with_what_they_are():
    assert [each for each in set_aside({"found": FOUND}) if each[1]] == [
        ("files not read: a PDF", 2),
        ("files not read: a Word document", 1),
        ("files not read: the same page as another", 1),
        ("files that METS lists: not there", 1),
    ]
    header, rows = stage_counts({"court": {"found": FOUND}}, ["court"])
    assert header == ["count", "court"]
    assert [row for row in rows if row[0].startswith(("files of pages", "other"))] == [
        ["files of pages", "12"],
        ["other files that may hold text", "3"],
    ]
