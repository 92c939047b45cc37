"""Cells: no spreadsheet finds a formula in one, and each comes back as it was."""

import csv
import io
import random

import pytest

from arkiv.base.cells import guarded, unguarded
from arkiv.gold.sheet import sheet_csv, sheet_row

ODD = [
    "=1+1",
    "+46",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1",
    "'=1",
    "''-1",
    "'tis",
    "'",
    'plain; text, with "quotes"\nand lines',
    "1234567890123456",
    "12345e7890123456",
    "12345e789012345f",
    "'1718",
    "",
]


@pytest.mark.parametrize("text", ODD)
def test_a_cell_is_no_formula_and_comes_back(text):
    cell = guarded(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
    # A spreadsheet would write 1.23457E+15.
    assert not cell.isdigit()
    assert unguarded(cell) == text


# What a spreadsheet may divide lines by, whatever was meant.
SEPARATORS = ",;\t|"
SIGNS = tuple("=+-@＝＋－＠")


def drawn(seed):
    """A text of what makes cells, lines and formulas."""
    rng = random.Random(seed)
    letters = [*SEPARATORS, *SIGNS, "'", '"', "\n", "\r\n", "a", "1", " ", "hej;=1+1"]
    return "".join(rng.choices(letters, k=rng.randrange(12)))


@pytest.mark.parametrize("separator", ",;\t")
def test_no_separator_finds_a_formula_in_a_sheet(separator):
    texts = ["hej;=1+1", "hej\t=1+1", *map(drawn, range(2000))]
    rows = [sheet_row("q", text, {"id": "p", "text": text}) for text in texts]
    sheet = sheet_csv(rows, separator)
    for other in SEPARATORS:
        lines = io.StringIO(sheet, newline="")
        found = [cell for row in csv.reader(lines, delimiter=other) for cell in row]
        assert not [cell for cell in found if cell.startswith(SIGNS)]


def test_any_text_comes_back():
    for seed in range(5000):
        assert unguarded(guarded(drawn(seed))) == drawn(seed)
