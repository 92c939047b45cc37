"""The example archive: distinct, reproducible, in HTRflow's shape."""

import json
from itertools import pairwise

from examples import case_pairs

from arkiv.example.archive import (
    IMAGE,
    LETTER_WIDTH,
    LINE_HEIGHT,
    cases,
    write_archive,
)
from arkiv.pages.reading import read_pages


def test_cases_are_distinct_and_reproducible():
    texts = list(cases(3000, seed=1))
    assert len(set(texts)) == 3000
    assert texts == list(cases(3000, seed=1))
    assert not set(texts) & set(cases(3000, seed=2))
    lengths = [len(text.split()) for text in texts]
    assert min(lengths) >= 30
    assert max(lengths) <= 250


def test_a_question_names_what_its_case_holds():
    pairs = list(case_pairs(500, seed=3))
    shared = 0
    for question, text in pairs:
        names = [word.strip("?") for word in question.split()[1:] if word[0].isupper()]
        shared += any(name in text for name in names)
    assert shared / len(pairs) > 0.9


def test_the_same_seed_writes_the_same_pages(tmp_path):
    for name in ("a", "b"):
        write_archive(tmp_path / name, 60, 3, seed=5)
    files = sorted((tmp_path / "a").glob("*/*.json"))
    assert len({path.parent for path in files}) == 3
    for path in files:
        twin = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.read_bytes() == twin.read_bytes()


def test_pages_look_like_scans_of_minutes(tmp_path):
    """Every feature that ingest must cope with occurs."""
    write_archive(tmp_path / "a", 1500, 10, seed=5)
    pages = [json.loads(p.read_text()) for p in (tmp_path / "a").glob("*/*.json")]
    empty = [page for page in pages if "contains" not in page]
    regions = [region for page in pages for region in page.get("contains", ())]
    lines = [line for region in regions for line in region.get("contains", ())]
    texts = [line["text_result"]["texts"][0] for line in lines]
    scores = [line["text_result"]["scores"][0] for line in lines]
    assert 0 < len(empty) < len(pages) / 10
    assert any("contains" not in region for region in regions)
    assert sum(text.endswith("¬") for text in texts) > len(texts) / 20
    assert min(scores) < 0.9 < max(scores) <= 1
    assert max(len(text) for text in texts) < 60


def test_every_line_stands_on_its_page_and_none_on_another(tmp_path):
    write_archive(tmp_path / "a", 100, 2, seed=5)
    for path in (tmp_path / "a").glob("*/*.json"):
        (page,) = read_pages(path.name, path.read_bytes())
        assert page.size == (IMAGE if page.lines else page.size)
        boxes = [line.box for line in page.lines]
        for line, (left, top, right, bottom) in zip(page.lines, boxes, strict=True):
            assert right - left == LETTER_WIDTH * len(line.text)
            assert bottom - top == LINE_HEIGHT
            assert right <= IMAGE[0]
            assert bottom <= IMAGE[1]
        assert all(above[3] <= below[1] for above, below in pairwise(boxes))


def test_a_known_line_of_the_example(tmp_path):
    write_archive(tmp_path / "a", 40, 1, seed=5)
    path = tmp_path / "a" / "30000000" / "30000000_00002.json"
    content = json.loads(path.read_text("utf-8"))
    (page,) = read_pages(path.name, path.read_bytes())
    assert content["contains"][0]["label"] == "30000000_00002_region0"
    assert len(content["contains"][0]["contains"]) > 3
    # The first region has its corner at 500, 300.
    assert page.lines[3].box[:2] == (500, 300 + 3 * 130)
