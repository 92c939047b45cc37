"""How much text there may be in files, by their names and sizes."""

import os

import pytest

from arkiv.doctor.estimate import bytes_below
from arkiv.example.archive import write_archive
from arkiv.pages.reading import PLAIN, STRUCTURED, read_pages
from arkiv.settings.amounts import SHARES, input_of
from arkiv.volumes.packed import ENDINGS


def filled(folder, **files):
    for name, size in files.items():
        path = folder / name.replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a" * size)
    return str(folder)


def test_pages_count_by_their_text_and_pictures_not(tmp_path):
    pages = filled(tmp_path / "v1", a_txt=1000, b_XML=1000, c_jpg=1000)
    given = input_of({"pages": pages})
    assert (given.whole, given.pages) == (3000, 3000)
    assert given.text == pytest.approx(1000 + 1000 * SHARES[".xml"])


def test_rows_are_text_whatever_their_file_is_called(tmp_path):
    folder = filled(tmp_path, a_jsonl=1000, b_json=1000)
    alone = input_of({"pairs": f"{folder}/a.jsonl"})
    assert 500 < alone.text < alone.whole == 1000
    assert alone == input_of({"pairs": f"{folder}/b.json"})
    both = input_of({"pairs": f"{folder}/a.jsonl", "pool": f"{folder}/b.json"})
    assert (both.whole, both.text, both.pages) == (2000, 2 * alone.text, 0)


def test_of_a_folder_of_rows_what_is_read_counts_also_where_links_lead(tmp_path):
    filled(tmp_path / "far", a_jsonl=1000, b_txt=1000)
    (rows := tmp_path / "rows").mkdir()
    (rows / "near").symlink_to(tmp_path / "far")
    (rows / "b.jsonl").symlink_to("gone.jsonl")
    found = input_of({"pairs": str(rows), "pool": str(rows)})
    alone = input_of({"pairs": str(tmp_path / "far/a.jsonl")})
    assert found == alone + alone


def test_what_links_lead_to_does_not_lie_in_the_run(tmp_path):
    filled(tmp_path / "far", a_npy=100_000)
    run = filled(tmp_path / "run", b_npy=1000)
    for name in ("far", "far/a.npy"):
        (tmp_path / "run" / f"to {name[-1]}").symlink_to(tmp_path / name)
    assert 1000 <= bytes_below(run) < 2000


def test_of_a_folder_as_many_files_are_looked_at_as_the_time_takes(tmp_path):
    folder = filled(tmp_path, a_txt=1000)
    assert input_of({"pages": folder}, seconds=-1).whole == 0


def test_every_ending_that_is_read_has_a_share():
    endings = {os.path.splitext(f"a{ending}")[1] for ending in ENDINGS}
    assert {*STRUCTURED, *PLAIN, *endings} <= SHARES.keys()


def text_in(folder):
    """Bytes of the lines of all pages below a folder, and of their files."""
    files = [path.read_bytes() for path in folder.rglob("*.json")]
    pages = [page for data in files for page in read_pages("1.json", data)]
    lines = [line.text for page in pages for line in page.lines]
    return len("\n".join(lines).encode()), sum(map(len, files))


def test_the_example_archive_is_as_large_as_it_is_taken_for(tmp_path):
    write_archive(tmp_path, 60, 6, 42)
    text, whole = text_in(tmp_path)
    given = input_of({"example": {"cases": 60, "volumes": 6}})
    assert (given.text, given.whole) == pytest.approx((text, whole), rel=0.1)
    assert given.pages == given.whole


def test_real_pages_are_text_to_half_or_twice_the_share_of_theirs(svea):
    text, _ = text_in(svea / "pages")
    assert 0.4 < text / input_of({"pages": str(svea / "pages")}).text < 2.5
