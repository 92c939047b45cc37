"""A directory of files of rows."""

import gzip
import os

import pytest

from arkiv.base.errors import InputError
from arkiv.base.files import LONGEST_LINE, count_lines, read_records
from arkiv.base.row_files import row_files


def test_a_file_is_itself_whatever_its_name(tmp_path):
    assert row_files(tmp_path / "gone.txt") == [str(tmp_path / "gone.txt")]


def test_a_directory_is_its_files_of_rows_in_the_order_of_their_names(tmp_path):
    names = [
        "part-1.jsonl",
        "part-2.jsonl.gz",
        "Part-10.jsonl",
        "x/part-3.jsonl",
        "y 2/Å.JSONL",
    ]
    others = ["README.md", ".hidden.jsonl", ".cache/a.jsonl", "rows.json", "a.gz"]
    for name in reversed(names + others):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert row_files(tmp_path) == [str(tmp_path / name) for name in names]


def test_a_directory_without_any_is_one_sentence(tmp_path):
    (tmp_path / "rows.json").touch()
    with pytest.raises(InputError, match=r"holds no file that ends in \.jsonl"):
        row_files(tmp_path)


@pytest.mark.parametrize("name", ["b.jsonl.zst", "x/b.ndjson", "B.JSONL.ZIP"])
def test_rows_that_would_be_left_out_in_silence_are_refused(tmp_path, name):
    for one in ("a.jsonl", name):
        (tmp_path / one).parent.mkdir(exist_ok=True)
        (tmp_path / one).touch()
    with pytest.raises(InputError, match=rf"holds .*{name}, which is not read"):
        row_files(tmp_path)


def test_a_linked_folder_is_read_once(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far/a.jsonl").touch()
    rows = tmp_path / "rows"
    rows.mkdir()
    (rows / "near").symlink_to(tmp_path / "far")
    assert row_files(rows) == [str(rows / "near/a.jsonl")]
    (tmp_path / "far/round").symlink_to(rows)
    (rows / "again").symlink_to("near")
    assert row_files(rows) == [str(rows / "again/a.jsonl")]


def test_a_folder_that_cannot_be_read_is_no_empty_one(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").touch()
    closed = tmp_path / "closed"
    closed.mkdir()
    entries = os.scandir

    def scandir(path):
        if os.path.samefile(path, closed):
            raise PermissionError(13, "Permission denied", str(path))
        return entries(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match="closed, which cannot be read"):
        row_files(tmp_path)


def test_packed_lines_are_read_and_counted_as_others_are(tmp_path):
    data = b'{"n": 0}\n{"n": 1}\n{"n": 2}'
    for path, written in (
        (tmp_path / "plain", data),
        (tmp_path / "packed", gzip.compress(data[:12]) + gzip.compress(data[12:])),
    ):
        path.write_bytes(written)
        assert count_lines(path) == 3
        assert list(read_records(path)) == [(n + 1, {"n": n}) for n in range(3)]


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(b"{}\n")
        for _ in range((LONGEST_LINE >> 20) + 1):
            out.write(bytes(1 << 20))
    with pytest.raises(InputError, match="line 2: is longer than 256 MiB"):
        list(read_records(path))
