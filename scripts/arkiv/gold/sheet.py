"""The sheet for human judges: CSV that goes out with pairs and comes back with grades.

Spreadsheets change what they open. So what one would take for a formula, or an id that
it would take for a number, has an apostrophe before it, which is taken off again; no
cell is longer than they take; and what comes back may have other separators, another
encoding, columns in another order and more of them.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from arkiv.base.cells import FORMULA, guarded, unguarded
from arkiv.base.errors import InputError
from arkiv.base.files import Record, open_input
from arkiv.base.hashing import content_id, nfc
from arkiv.base.html import page_names
from arkiv.gold.standard import HIGHEST

COLUMNS = (
    "query_id",
    "passage_id",
    "query",
    "passage",
    "volume",
    "pages",
    "relevance",
    "judge",
    "note",
)
NEEDED = ("query_id", "passage_id", "relevance")
SEPARATORS = (",", ";", "\t")
# A cell of Excel's has 32,767 characters; what is longer would spill into the next row.
MOST_CHARACTERS = 32_000
CUT = " […]"
GRADE = re.compile(rf"([0-{HIGHEST}])(?:[.,]0+)?")


@dataclass(frozen=True)
class Place:
    """Where something stands.

    Attributes:
        file: its path.
        line: from 1; None where lines have no meaning.
        row: from 1, as a spreadsheet counts: a cell may have several lines.
    """

    file: str
    line: int | None = None
    row: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}, line {self.line}"

    def fault(self, reason: str, key: str | None = None) -> InputError:
        """What is wrong here, to be raised."""
        if self.row != self.line:
            reason = f"{reason} (row {self.row} of the table)"
        return InputError(reason, file=self.file, line=self.line, key=key)


@dataclass(frozen=True)
class Judgement:
    """What a judge said of a passage for a query.

    Attributes:
        grade: None: the judge has left it open.
        query: its text; empty if the file lacks it.
        place: where it stands.
        graded: False: 1 says relevant, and not how much.
    """

    query_id: str
    passage_id: str
    grade: int | None
    judge: str
    query: str
    place: Place
    graded: bool = True

    def contradicts(self, other: Judgement) -> bool:
        """Whether it cannot be true together with another of the same pair."""
        if self.graded and other.graded:
            return self.grade != other.grade
        return bool(self.grade) != bool(other.grade)


def sheet_row(
    query_id: str,
    query: str,
    passage: Record,
    *,
    grade: int | None = None,
    judge: str = "",
) -> list[str]:
    """A line of the sheet, see `COLUMNS`; without a grade it is yet to be given."""
    first, last = page_names(passage)
    pages = first if last is None else f"{first}–{last}"
    text = passage["text"]
    if len(text) > MOST_CHARACTERS:
        text = text[:MOST_CHARACTERS] + CUT
    # Numbers of volumes and pages may be taken for numbers.
    about = ["" if x is None else str(x) for x in (passage.get("volume"), pages)]
    return [
        *map(guarded, (query_id, passage["id"], query, text)),
        *(guarded(one, FORMULA) for one in about),
        "" if grade is None else str(grade),
        guarded(judge),
        "",
    ]


def sheet_csv(rows: Iterable[Sequence[str]], separator: str = ",") -> str:
    """The sheet as CSV, with the mark by which Excel knows UTF-8."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator).writerow(COLUMNS)
    # All in quotes, for other separators may stand in them.
    table = csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL)
    table.writerows(rows)
    return codecs.BOM_UTF8.decode() + out.getvalue()


def read_sheet(path: str | Path) -> list[Judgement]:
    """The pairs of a sheet that came back, those left open among them.

    Where no judge is named, it is the only one that the file names elsewhere, or else
    the file's own name.

    Raises:
        InputError: it is no such sheet, or a line of it cannot be understood.
    """
    found = list(_judgements(path))
    named = sorted({one.judge for one in found} - {""})
    if len(named) < 2:
        only = named[0] if named else Path(path).stem
        return [replace(one, judge=one.judge or only) for one in found]
    for one in found:
        if not one.judge and one.grade is not None:
            reason = "is empty, expected one of the judges that the file names: "
            raise one.place.fault(reason + ", ".join(named), "judge")
    return found


def _judgements(path: str | Path) -> Iterator[Judgement]:
    file = str(path)
    text = _decoded(path)
    separator, names = _columns(text, file)
    records = _records(text, separator, file)
    next(records)  # the names
    for place, cells in records:
        if any(map(str.strip, cells[len(names) :])):
            raise place.fault(
                f"has {len(cells)} cells, but there are {len(names)} columns"
            )
        given = zip(names, (unguarded(cell.strip()) for cell in cells), strict=False)
        row = dict.fromkeys(COLUMNS, "") | dict(given)
        if not any(row[name] for name in NEEDED):
            continue
        for name in ("query_id", "passage_id"):
            if not row[name]:
                raise place.fault("is empty", name)
        grade = GRADE.fullmatch(row["relevance"])
        if row["relevance"] and not grade:
            expected = f"expected a whole number from 0 to {HIGHEST}, or nothing"
            raise place.fault(f"is {row['relevance']!r}, {expected}", "relevance")
        yield Judgement(
            row["query_id"],
            row["passage_id"],
            int(grade[1]) if grade else None,
            " ".join(row["judge"].split()),
            row["query"],
            place,
        )


def _decoded(path: str | Path) -> str:
    """The text of a file, in one of the encodings that spreadsheets save in, as NFC."""
    with open_input(path) as file:
        data = file.read()
    if data.startswith(b"PK"):
        raise InputError(
            "is a workbook, expected CSV: save it as CSV in the spreadsheet", file=path
        )
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "cp1252"):
        try:
            return nfc(data.decode(encoding))
        except UnicodeDecodeError:
            continue
    raise InputError("is no text in UTF-8 or Windows-1252", file=path)


def _columns(text: str, file: str) -> tuple[str, list[str]]:
    """The separator between cells, and the names of the columns.

    Raises:
        InputError: no separator finds the columns that are needed.
    """
    headers = {one: _header(text, one) for one in SEPARATORS}
    separator = max(headers, key=lambda one: len({*NEEDED} & {*headers[one]}))
    names = headers[separator]
    for name in COLUMNS:
        count = names.count(name)
        if count > 1 or (name in NEEDED and not count):
            fault = "has twice" if count else "lacks"
            raise InputError(
                f"{fault} the column {name}, expected {', '.join(COLUMNS)}", file=file
            )
    return separator, names


def _header(text: str, separator: str) -> list[str]:
    """The names of the columns, as this separator finds them."""
    try:
        _, cells = next(_records(text, separator), (None, []))
    except InputError:
        return []
    return [cell.strip().casefold() for cell in cells]


def _records(
    text: str, separator: str, file: str = ""
) -> Iterator[tuple[Place, list[str]]]:
    """Place and cells of each record that is not blank.

    A first line `sep=;`, which Excel goes by, is passed over.
    """
    # Strict: a quotation that does not end would take in all that follows.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = whole = 1
    try:
        for row, cells in enumerate(reader, start=1):
            said = row == 1 and cells and cells[0].casefold().startswith("sep=")
            if any(map(str.strip, cells)) and not said:
                whole = line
                yield Place(file, line, row), cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"is no CSV after line {whole} ({error})", file=file) from None


@dataclass
class Judged:
    """What came back, of all files together.

    Attributes:
        grades: by query and passage, and by judge.
        open: pairs that a file holds and nobody has judged.
        elsewhere: query, passage and judge of judgements on queries that are not the
            collection's, which readers of the search page may ask.
    """

    grades: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    open: set[tuple[str, str]] = field(default_factory=set)
    elsewhere: set[tuple[str, str, str]] = field(default_factory=set)


def gathered(
    judgements: Iterable[Judgement], queries: Container[str], passages: Container[str]
) -> Judged:
    """Put the judgements of all files together.

    Args:
        judgements: of all files.
        queries: ids of the collection's, likewise the passages.

    Raises:
        InputError: one is on a query or passage that is not there, or the same judge
            says two things of a pair.
    """
    judged = Judged()
    first: dict[tuple[str, str, str], Judgement] = {}
    for one in judgements:
        if one.query_id not in queries and one.query_id == content_id(one.query):
            judged.elsewhere.add((one.query_id, one.passage_id, one.judge))
            continue
        for name, known in (("query", queries), ("passage", passages)):
            if (key := getattr(one, f"{name}_id")) not in known:
                raise one.place.fault(
                    f"is {key}, which is no {name} of this run", f"{name}_id"
                )
        pair = one.query_id, one.passage_id
        if one.grade is None:
            judged.open.add(pair)
            continue
        before = first.setdefault((*pair, one.judge), one)
        if one.contradicts(before):
            raise one.place.fault(
                f"is {one.grade}, but {one.judge} says {before.grade} of the same pair "
                f"in {before.place}",
                "relevance",
            )
        if one.graded and not before.graded:
            first[*pair, one.judge] = before = one
        judged.grades.setdefault(pair, {})[one.judge] = before.grade
    judged.open -= judged.grades.keys()
    return judged
