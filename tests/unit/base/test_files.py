"""Whole-or-nothing files, parts, JSON Lines and their faults."""

import json

import pytest

from arkiv.base.errors import InputError
from arkiv.base.files import (
    Part,
    check_text,
    check_texts,
    count_lines,
    read_records,
    write_json,
    write_records,
    written_whole,
)


@pytest.mark.parametrize("total", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_parts_cover_every_row_once_in_order(total, count):
    rows = [row for i in range(count) for row in Part(i + 1, count).bounds(total)]
    assert rows == list(range(total))


@pytest.mark.parametrize("text", ["0-of-2", "3-of-2", "1", "a-of-b", "1-of-0"])
def test_a_part_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        Part.parse(text)


def test_reading_by_parts_gives_every_record_with_its_line(tmp_path):
    path = tmp_path / "in.jsonl"
    write_records(path, ({"n": n} for n in range(10)))
    whole = list(read_records(path))
    assert whole == [(n + 1, {"n": n}) for n in range(10)]
    parts = [r for i in (1, 2, 3) for r in read_records(path, part=Part(i, 3))]
    assert parts == whole


def test_lines_are_counted_with_and_without_a_last_line_feed(tmp_path):
    path = tmp_path / "lines"
    for text, lines in ((b"", 0), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2)):
        path.write_bytes(text)
        assert count_lines(path) == lines


def test_a_whole_surrogate_pair_is_one_character(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"text": "\\ud83d\\ude00"}\n')
    assert [record for _, record in read_records(path)] == [{"text": "\U0001f600"}]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('{"text": "ha\u0308rad"}', "härad"),
        (r'{"text": "ha\u0308rad"}', "härad"),
        (r'{"text": "h\u0061\u0308rad"}', "härad"),
        # A mark that stands after an escape is not of its letter.
        ('{"text": "one\\n\u0301two ö"}', "one\n\u0301two ö"),
        ('{"text": ["ö", {"o\u0308": "a\u030a"}]}', ["ö", {"ö": "å"}]),
        ('\ufeff{"text": "a\u030a"}', "å"),
        ('{"text": "\ufb01r \u212b"}', "\ufb01r Å"),
    ],
)
def test_letters_are_composed(tmp_path, line, text):
    path = tmp_path / "in.jsonl"
    path.write_text(f"{line}\n", encoding="utf-8")
    assert [record for _, record in read_records(path)] == [{"text": text}]


def test_unicode_line_separators_do_not_end_a_record(tmp_path):
    path = tmp_path / "in.jsonl"
    write_records(path, [{"text": "one\u2028two\x85three\x0bfour"}])
    assert [record for _, record in read_records(path)] == [
        {"text": "one\u2028two\x85three\x0bfour"}
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": 1', "not JSON"),
        (b"[1, 2]", "a JSON list, expected an object"),
        (b"", "is empty"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": ["\\ud83d"]}', "half a surrogate pair"),
        (b'{"\\uDE00": 1}', "half a surrogate pair"),
        (b'{"a": [0, NaN]}', r"not JSON \(NaN is no number\)"),
        (b'{"a": -Infinity}', r"not JSON \(-Infinity is no"),
        (b'{"a": [1.5, -1e999]}', r"not JSON \(the number -1e999 is too large"),
    ],
)
def test_a_bad_line_is_named_or_set_aside(tmp_path, line, reason):
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"a": 0}\n' + line + b'\n{"a": 2}\n')
    with pytest.raises(InputError, match=reason) as caught:
        list(read_records(path))
    assert f"{path}, line 2" in str(caught.value)
    rejected = []
    kept = [record for _, record in read_records(path, rejected=rejected)]
    assert kept == [{"a": 0}, {"a": 2}]
    assert [(row["line"], row["raw"]) for row in rejected] == [
        (2, line.decode("utf-8", "replace"))
    ]


@pytest.mark.parametrize("text", ["", " \t", "\u200b", " \ufeff \u00ad\u3000"])
def test_a_text_of_which_nothing_is_seen_is_empty(text):
    for record in ({"query": text}, {"query": [text, "a"]}):
        check = check_text if record["query"] == text else check_texts
        with pytest.raises(InputError, match="empty"):
            check(record, "query")
    check_text({"query": f"{text}a{text}"}, "query")


def test_a_failed_writing_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("before\n")

    def records():
        yield {"n": 1}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_records(path, records())
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"n": float("nan")})
    assert path.read_text() == "before\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_directory_replaces_a_directory_whole(tmp_path):
    path = tmp_path / "model"
    for text in ("old", "new"):
        with written_whole(path) as beside:
            beside.mkdir()
            (beside / f"{text}.txt").write_text(text)
    assert [entry.name for entry in path.iterdir()] == ["new.txt"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_text_is_written_readable(tmp_path):
    write_records(tmp_path / "out.jsonl", [{"text": "rätt"}])
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == '{"text": "rätt"}\n'
    assert json.loads((tmp_path / "out.jsonl").read_text()) == {"text": "rätt"}
