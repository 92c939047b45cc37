"""What an archive tells of how its letters are misread."""

import random

import layouts
import pytest

from arkiv.text.spelling import Table, misread
from arkiv.volumes import readings
from arkiv.volumes.finding import find

WORDS = """
tinget hölls i häradet och nämnden satt om kvarnen samt skogen inför rätten
""".split()
TABLE = Table({}, {"n": ["u"], "e": ["c"], "t": ["l"]}, 0)


def texts(count):
    draw = random.Random(1)
    return [" ".join(draw.choice(WORDS) for _ in range(60)) for _ in range(count)]


def counted(root, **options):
    found = find(root, **options)
    return readings.confusions_in(found, str(root), encoding=None, seed=1)


@pytest.mark.parametrize(
    ("right", "read", "known"),
    [
        ("groundtruth", "htr", True),
        ("ground_truth", "htr", True),
        ("Ground Truth", "raw", True),
        ("page", "alto", False),
        ("gt", "page", True),
    ],
)
def test_two_folders_of_the_same_pages_are_read_against_each_other(
    tmp_path, right, read, known
):
    pages = texts(12)
    files = {}
    for n, text in enumerate(pages):
        files[f"v1/{right}/{n:04}.xml"] = layouts.page(text)
        files[f"v1/{read}/{n:04}.xml"] = layouts.alto(misread(text, 0.05, TABLE, 1, n))
    found, told = counted(layouts.lay_out(tmp_path, files))
    assert (told["transcribed_twice"], told["alike"]) == (12, 0)
    assert told["corrected"] == (12 if known else 0)
    planted = {("n", "u"), ("e", "c"), ("t", "l")}
    both = planted | {(b, a) for a, b in planted}
    met = {pair for pair, times in found.read.items() if times > 2}
    assert met == (planted if known else both)
    assert found.edits / found.characters == pytest.approx(0.05, abs=0.01)


def test_the_same_transcription_in_another_format_tells_nothing(tmp_path):
    files = {}
    for n, text in enumerate(texts(5)):
        files[f"v1/page/{n:04}.xml"] = layouts.page(text)
        files[f"v1/alto/{n:04}.xml"] = layouts.alto(text)
    found, told = counted(layouts.lay_out(tmp_path, files))
    assert (told["transcribed_twice"], told["alike"]) == (0, 5)
    assert found.characters == 0


def test_two_files_of_a_page_in_one_folder_are_two_transcriptions(tmp_path):
    files = {}
    for n, text in enumerate(texts(12)):
        files[f"v1/{n:04}.gt.txt"] = text
        files[f"v1/{n:04}.xml"] = layouts.page(misread(text, 0.05, TABLE, 1, n))
    _, told = counted(layouts.lay_out(tmp_path, files))
    assert told["transcribed_twice"] == told["corrected"] == 12


def test_alternatives_are_read_of_packed_pages_too(tmp_path):
    page = layouts.alto("kvarnen").replace(
        "/>", "><ALTERNATIVE>kvarncn</ALTERNATIVE></String>"
    )
    files = {"v1.zip": layouts.zipped({"0001.xml": page, "0002.xml": page})}
    found, told = counted(layouts.lay_out(tmp_path, files))
    assert told["alternatives"] == told["pages_with_alternatives"] == 2
    assert dict(found.read) == {("e", "c"): 2, ("c", "e"): 2}
    assert (found.edits, found.characters) == (0, 0)


def test_of_many_pages_some_are_read_whatever_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(readings, "MOST_PAGES", 7)
    every = [(f"a{n}", "b") for n in range(40)]
    some = readings._drawn(every, 1, lambda one: one)
    assert len(some) == 7
    assert sorted(readings._drawn(every[::-1], 1, lambda one: one)) == sorted(some)
    assert readings._drawn(every[:7], 1, lambda one: one) == every[:7]
