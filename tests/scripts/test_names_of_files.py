"""Files of an archive whose names would write lines of their own."""

import pytest
from archives import flags
from project import program
from sheets import htrflow_nested

FORGED = "v\nerror: forged\x1b[31m\u202e"
GOOD = [("paragraph", [("en god rad", 0.5)])]


@pytest.fixture
def archive(tmp_path):
    """Two volumes, one named as no terminal should see it, as are files of it."""
    root = tmp_path / "archive"
    for folder in (FORGED, "w"):
        (root / folder).mkdir(parents=True)
        (root / folder / "1.json").write_bytes(htrflow_nested(GOOD))
    (root / FORGED / "2\nerror: \x1b[2J.json").write_bytes(b'{"contains": [')
    no_text = b"3\xff.pdf".decode("utf-8", "surrogateescape")
    (root / FORGED / no_text).write_bytes(b"%PDF")
    return root


def test_what_is_found_and_what_is_at_fault_is_told_in_lines_of_ours(
    archive, tokenizer, tmp_path
):
    stats = tmp_path / "found.json"
    found = program("find_volumes", "--pages", archive, "--stats", stats)
    built = program("build_documents", *flags(archive, tokenizer, tmp_path))
    stopped = program(
        "build_documents",
        *flags(archive, tokenizer, tmp_path),
        "--on-bad-input",
        "stop",
    )
    assert [found.returncode, built.returncode, stopped.returncode] == [0, 0, 1]
    assert r"error: forged\x1b[31m\u202e" in stopped.stderr
    for said in (found.stdout, found.stderr, built.stderr, stopped.stderr):
        assert not {"\x1b", "\u202e", "\udcff"} & set(said)
        own = [line for line in said.splitlines() if line.startswith("error:")]
        assert len(own) == (said is stopped.stderr)
