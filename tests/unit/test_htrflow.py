"""Reading pages of HTRflow JSON, in order, and refusing what is none."""

import json
from pathlib import Path

import pytest

from arkiv.errors import InputError
from arkiv.htrflow import Line, page_files, read_page, volumes


def line(text, *scores):
    return {"text_result": {"texts": [text], "scores": list(scores)}}


def region(*parts):
    return {"contains": list(parts)}


@pytest.fixture
def write(tmp_path):
    def write(content, name="v_00012.json"):
        path = tmp_path / name
        path.write_text(
            content if isinstance(content, str) else json.dumps(content), "utf-8"
        )
        return path

    return write


def test_lines_of_nested_regions_in_order_and_no_words(write):
    first = line("ett två", 0.5) | {"contains": [line("ett", 0.5), line("två", 0.5)]}
    page = read_page(
        write(region(region(first, region(line("tre", 1))), region(line("fyra"))))
    )
    assert page.number == 12
    assert page.name == "v_00012.json"
    assert page.lines == (
        Line("ett två", 0.5, 1),
        Line("tre", 1, 2),
        Line("fyra", None, 3),
    )
    assert page.regions_without_text == 0


def test_regions_without_text_are_counted(write):
    page = read_page(
        write(region(region(), region(line("ord", 0.9)), region(line(" "))))
    )
    assert page.regions_without_text == 2
    assert [found.text for found in page.lines] == ["ord"]


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-1", '"0.5"', "null", "1e400"])
def test_a_score_that_is_no_share_is_unknown(write, score):
    page = read_page(
        write(
            '{"contains": [{"text_result": {"texts": ["a"], "scores": ['
            + score
            + "]}}]}"
        )
    )
    assert page.lines == (Line("a", None, 1),)


@pytest.mark.parametrize(
    "content",
    [
        {"page_id": "01125", "label": "x"},
        {"contains": []},
        {"label": "x", "contains": None},
    ],
)
def test_a_page_without_text_is_empty(write, content):
    page = read_page(write(content))
    assert (page.lines, page.regions_without_text) == ((), 0)


@pytest.mark.parametrize(
    "content",
    [
        "plain text",
        "",
        "[1, 2]",
        '"text"',
        "null",
        '{"query": "q"}',
        '{"label": "x", "contains": 3}',
        '{"contains": [',
        '{"contains": [{"text_result": {"texts": ["\\ud800"], "scores": [1]}}]}',
        "[" * 100_000,
    ],
    ids=lambda content: content[:20] or "empty",
)
def test_what_is_not_a_page_is_refused(write, content):
    path = write(content)
    with pytest.raises(InputError, match="not a page") as caught:
        read_page(path)
    assert caught.value.file == str(path)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "1.json"
    path.write_bytes('{"label": "å"}'.encode("latin-1"))
    with pytest.raises(InputError, match="not JSON"):
        read_page(path)


def test_folders_and_dangling_links_in_a_volume_are_refused_not_passed_over(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "2.json").symlink_to(tmp_path / "nowhere")
    found = page_files(tmp_path)
    assert [path.name for path in found] == ["1", "2.json"]
    for path in found:
        with pytest.raises(InputError, match="cannot be read"):
            read_page(path)


ORDERED = ["b_2.json", "a_9.json", "a_10.json", "v2_10.json", "v10_10.json"]
ORDERED += ["x2a.json", "x10a.json"]


@pytest.mark.parametrize("reverse", [False, True])
def test_pages_are_ordered_by_number_then_naturally(tmp_path, monkeypatch, reverse):
    for name in [*ORDERED, ".DS_Store"]:
        (tmp_path / name).touch()
    listed = sorted(tmp_path.iterdir(), reverse=reverse)
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(listed))
    assert [path.name for path in page_files(tmp_path)] == ORDERED


def test_a_page_without_a_number_has_its_name_for_one(write):
    assert read_page(write({"label": "x"}, "omslag.json")).number == "omslag"


@pytest.mark.parametrize("reverse", [False, True])
def test_volumes_are_ordered_by_name(tmp_path, monkeypatch, reverse):
    for name in ("b", "a", "c", ".cache"):
        (tmp_path / name).mkdir()
    (tmp_path / "README.md").touch()
    listed = sorted(tmp_path.iterdir(), reverse=reverse)
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(listed))
    assert [path.name for path in volumes(tmp_path)] == ["a", "b", "c"]


def test_a_directory_of_pages_is_one_volume(tmp_path, monkeypatch):
    folder = tmp_path / "30003368"
    folder.mkdir()
    (folder / "1.json").touch()
    assert volumes(folder) == [folder]
    monkeypatch.chdir(folder)
    assert [path.name for path in volumes(".")] == ["30003368"]


def test_a_directory_without_volumes_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="holds no volume of page files"):
        volumes(tmp_path)
    with pytest.raises(InputError, match="is not a directory"):
        volumes(tmp_path / "nothing")


def lines_by_label(node):
    """Reference reading: HTRflow names lines `…_lineN`, words below `…_wordN`."""
    for part in node.get("contains", ()):
        if part["label"].rpartition("_")[2].startswith("line"):
            yield part["text_result"]["texts"][0], part["text_result"]["scores"][0]
        else:
            yield from lines_by_label(part)


def test_real_pages(svea):
    (volume,) = volumes(svea / "pages")
    files = page_files(volume)
    assert [path.name for path in files] == sorted(path.name for path in files)
    for path in files:
        page = read_page(path)
        assert page.number == int(path.stem[-5:])
        expected = [
            found
            for found in lines_by_label(json.loads(path.read_text("utf-8")))
            if found[0].strip()
        ]
        assert [(found.text, found.confidence) for found in page.lines] == expected
    assert read_page(volume / "30003368_01125.json").lines == ()
