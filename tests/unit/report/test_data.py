"""What the report counts of the files that are not read."""

from arkiv.base.html import joined
from arkiv.report.data import sides_of, stage_counts
from arkiv.report.funnel import set_aside
from arkiv.report.summary import of_shares

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


def test_what_was_altered_is_counted_where_something_was():
    stages = {"augmented": {"queries_altered": 30}}
    _, rows = stage_counts({"court": stages}, ["court"])
    assert ["train queries respelled or misread", "30"] in rows
    assert not any("passages respelled" in row[0] for row in rows)


def test_sides_that_are_not_as_asked_for_are_told():
    one = {"side": "test", "pairs": 4, "of": 12, "asked": 0.1, "why": "<3> volumes"}
    asked = {"train": 0.8, "dev": 0.1, "test": 0.1}
    pairs = {"train": 7, "dev": 1, "test": 4, "shares": {"asked": asked, "off": [one]}}
    told = joined(*sides_of({"court": {"pairs": pairs}}))
    assert '<td class="words">4 of 12 pairs, 33.3 %</td>' in told
    assert "&lt;3&gt; volumes" in told
    assert of_shares({"court": {"pairs": pairs}}) == (
        "The division is not as asked for: test of court has 4 of 12 pairs, 33.3 %, "
        "instead of 10 % (see What went in, and what was dropped)."
    )
    both = {"court": {"pairs": pairs}, "letters": {"pairs": pairs}}
    assert "test of all datasets has 8 of 24 pairs, 33.3 %" in of_shares(both)
    assert "instead of 10 %, and 2 sides more (see" in of_shares(both)
    met = pairs | {"shares": {"asked": asked, "off": []}}
    assert not list(sides_of({"court": {"pairs": met}, "old": {"pairs": {}}}))
    assert of_shares({"court": {"pairs": met}}) == ""
