"""Hostile and broken files through the programs: refused one by one, the rest read."""

import os
import re

import pytest
from archives import OUTPUTS, build, flags
from sheets import htrflow_nested, page_xml

import build_documents
from arkiv.base.errors import InputError

GOOD = [("paragraph", [("en god rad", 0.5)])]
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = {
    "2.json": (b'{"contains": [', "is not a page: not JSON"),
    "3.xml": (
        f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><PcGts>&l9;</PcGts>'.encode(),
        "is not a page: XML whose document type defines entities, which are not",
    ),
    "4.xml": (
        b'<!DOCTYPE x [<!ENTITY s SYSTEM "file:///etc/hostname">]><alto>&s;</alto>',
        "is not a page: XML whose document type defines entities, which are not",
    ),
    "5.json": (
        '{"contains": "å"}'.encode("latin-1"),
        "is not a page: not JSON ('utf-8'",
    ),
    "6.xml": (
        '<?xml version="1.0" encoding="UTF-8"?><PcGts>å</PcGts>'.encode("latin-1"),
        "is not a page: not well-formed XML (",
    ),
    "7.json": (None, "is not a page: has 200,000,000 bytes, expected at most"),
    "8.json": (b"", "is not a page: is empty"),
    "10.json": ("../../outside.json", "is not a page: a link out of the archive"),
    "11.json": ("11.json", "is not a page: cannot be read (Too many levels of"),
    "a $(touch pwned) 'b'.json": (b'{"contains": 1}', "is not a page: expected an"),
}


@pytest.fixture
def hostile(tmp_path):
    """An archive with a space and `$()` in its name, and every fault in one volume."""
    root = tmp_path / "my $(touch pwned) archive"
    (tmp_path / "outside.json").write_bytes(htrflow_nested(GOOD))
    for name in ("v", "w"):
        (root / name).mkdir(parents=True)
        (root / name / "1.json").write_bytes(htrflow_nested(GOOD))
    for name, (content, _) in HOSTILE.items():
        path = root / "v" / name
        if content is None:
            with open(path, "wb") as file:
                file.write(b'{"contains": "')
                file.truncate(200_000_000)
        elif isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)
    (root / "v.zip").write_bytes(b"anything")
    (root / "x.tar.gz").write_bytes(b"no archive")
    (root / "out").symlink_to(tmp_path)
    (root / "w" / "2.xml").write_bytes(page_xml(GOOD, "2013-07-15"))
    return root


def test_hostile_files_are_refused_one_by_one_and_the_rest_is_unharmed(
    hostile, tokenizer, tmp_path, caplog
):
    documents, rejected, stats = build(
        hostile, tokenizer, tmp_path, "--method", "page", "--on-bad-input", "skip"
    )
    assert [(d["volume"], d["first_page"], d["text"]) for d in documents] == [
        ("v", 1, "en god rad")
    ]
    files = {os.path.relpath(r["file"], hostile): r["reason"] for r in rejected[:-2]}
    expected = {f"v/{name}": said for name, (_, said) in HOSTILE.items()} | {
        "out": "is a link out of the archive",
        "v.zip": "is a volume that cannot be read (",
        "x.tar.gz": "is a volume that cannot be read (",
    }
    assert set(files) == set(expected)
    for name, said in expected.items():
        assert files[name].startswith(said)
        assert "\n" not in files[name]
    # The other two good pages have the text of the first.
    assert [r["reason"] for r in rejected[-2:]] == [
        "has the same text as volume v, page 1"
    ] * 2
    assert (stats["pages"], stats["not_pages"]) == (3, len(HOSTILE))
    assert (stats["volumes"], stats["volumes_not_read"]) == (5, 3)
    assert len(caplog.records) >= len(expected)
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("name", [*HOSTILE, "v.zip", "x.tar.gz", "out"])
def test_each_of_them_stops_a_run_that_is_to_stop(hostile, tokenizer, tmp_path, name):
    kept = {"v", "v.zip"} if name == "v.zip" else {name}
    for path in [*hostile.iterdir(), *(hostile / "v").iterdir()]:
        if path.name not in {*kept, "v", "1.json"}:
            if path.is_dir() and not path.is_symlink():
                for file in path.iterdir():
                    file.unlink()
                path.rmdir()
            else:
                path.unlink()
    given = flags(hostile, tokenizer, tmp_path, "--on-bad-input", "stop")
    with pytest.raises(InputError, match=re.escape(name)) as caught:
        build_documents.main(given)
    assert "\n" not in str(caught.value)
    assert not any((tmp_path / file).exists() for file in OUTPUTS.values())
