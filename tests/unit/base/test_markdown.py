"""What is written as Markdown is read as what was meant."""

import pytest
from markdown_it import MarkdownIt

from arkiv.base.markdown import (
    blocks,
    code,
    coded,
    counted,
    escaped,
    items,
    table,
)


def read(text):
    return MarkdownIt("commonmark").enable("table").render(text)


@pytest.mark.parametrize(
    "text",
    ["*a* `b` <c> [d](e) | \\f", "<!-- x -->", "snake_case **bold**", "![i](u)"],
)
def test_a_text_from_outside_is_read_as_it_stands(text):
    plain = text.replace("<", "&lt;").replace(">", "&gt;")
    assert read(escaped(text)) == f"<p>{plain}</p>\n"
    assert f"<td>{plain}</td>" in read(table(["head"], [[escaped(text)]]))


def test_line_breaks_from_outside_end_no_line():
    assert escaped("a\n\n# b\n| c") == r"a # b \| c"


def test_code_in_a_cell_does_not_end_it():
    assert "<td><code>a|b'c</code></td>" in read(table(["x"], [[coded("a|b`c")]]))


def test_columns_are_aligned_as_text_and_as_read():
    text = table(["name", "n"], [["a", "1,000"], ["longer name", "7"]])
    assert text.splitlines() == [
        "| name        |     n |",
        "| ----------- | ----: |",
        "| a           | 1,000 |",
        "| longer name |     7 |",
    ]
    assert '<td style="text-align:right">7</td>' in read(text)
    assert "<td>longer name</td>" in read(text)


def test_words_keep_to_the_width_and_lists_to_their_dot():
    text = blocks("# T", "word " * 40, items(["entry " * 30, "b"]), code("x" * 90))
    lines = text.splitlines()
    assert max(len(line) for line in lines if "xxx" not in line) <= 80
    assert read(text).count("<li>") == 2
    assert read(text).count("<p>") == 1
    assert "x" * 90 in lines


def test_one_is_not_many():
    assert counted(1, "row") == "1 row"
    assert counted(1234567, "row") == "1,234,567 rows"
    assert counted(0, "query", "queries") == "0 queries"
    assert counted(1.5, "epoch") == "1.5 epochs"
