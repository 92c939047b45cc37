"""The command lines of build_documents.py and merge_documents.py."""

import subprocess
import sys
from pathlib import Path

import pytest
from archives import OUTPUTS, build, flags, write_page

import build_documents
import find_volumes
from arkiv.base.errors import InputError

SCRIPT = Path(__file__).parents[2] / "scripts" / "build_documents.py"
# Of 12 words on each of 30 pages in two volumes. Ten pages of a volume end with half a
# word; the half at the volume's end stays a word.
WORDS = 2 * (30 * 12 - 9)


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "pages"
    for volume in ("a", "b"):
        for page in range(1, 31):
            words = [f"{volume}{page}o{n}" for n in range(12)]
            write_page(
                folder / volume / f"{volume}_{page}.json",
                " ".join(words[:6]),
                " ".join(words[6:]) + "¬" * (page % 3 == 0),
            )
    return folder


def refused(pages, tokenizer, out, *more):
    """Run as a program that must fail; return its one sentence."""
    command = [sys.executable, SCRIPT, *flags(pages, tokenizer, out, *more)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not any((out / name).exists() for name in OUTPUTS.values())
    errors = [x for x in done.stderr.splitlines() if x.startswith("error: ")]
    assert len(errors) == 1
    return errors[0]


def test_all_words_are_in_documents_with_their_provenance(pages, tokenizer, tmp_path):
    documents, rejected, stats = build(
        pages, tokenizer, tmp_path, "--length-shares", "5-9:1,20-40:1"
    )
    assert rejected == []
    assert stats["volumes"] == 2
    assert (stats["pages"], stats["lines"]) == (60, 120)
    assert stats["words"] == stats["words_in_documents"] == WORDS
    assert stats["words_set_aside"] == 0
    assert stats["documents"] == len(documents) == len({d["id"] for d in documents})
    for document in documents:
        assert len(document["text"].split()) == document["words"]
        assert document["tokens"] == document["words"] + 2
        first, last = document["text"].split()[0], document["text"].split()[-1]
        assert first.startswith(f"{document['volume']}{document['first_page']}o")
        assert last.startswith(f"{document['volume']}{document['last_page']}o")
        assert document["confidence"] == 0.5
    assert stats["word_quantiles"]["1"] == max(d["words"] for d in documents)
    assert stats["token_quantiles"]["0"] == min(d["tokens"] for d in documents)
    whole = "".join(d["text"] for d in documents if d["volume"] == "a")
    assert "a3o11a4o0" in whole


def test_the_documented_defaults_cut_lengths_from_10(pages, tokenizer, tmp_path):
    documents, _, _ = build(pages, tokenizer, tmp_path)
    last_of = {document["volume"]: document["id"] for document in documents}
    inner = [d["words"] for d in documents if d["id"] != last_of[d["volume"]]]
    assert all(words >= 10 for words in inner)


def test_again_and_listed_otherwise_gives_the_same_bytes(
    pages, tokenizer, tmp_path, monkeypatch
):
    (pages / "a" / "notes.txt").write_text("no page")
    (pages / "b" / "a_0.json").write_text("{")
    options = ["--on-bad-input", "skip", "--length-shares", "5-60:1"]
    results = []
    iterdir = Path.iterdir
    for reverse in (False, True, True):
        monkeypatch.setattr(
            Path, "iterdir", lambda p, r=reverse: iter(sorted(iterdir(p), reverse=r))
        )
        out = tmp_path / f"out{len(results)}"
        build(pages, tokenizer, out, *options)
        results.append([(out / name).read_bytes() for name in OUTPUTS.values()])
    assert results[0] == results[1] == results[2]


def test_a_volumes_documents_do_not_depend_on_other_volumes(pages, tokenizer, tmp_path):
    options = ["--length-shares", "5-60:1"]
    together, _, _ = build(pages, tokenizer, tmp_path, *options)
    alone, _, _ = build(pages / "b", tokenizer, tmp_path, *options)
    assert alone == [d for d in together if d["volume"] == "b"]


def test_one_document_a_page(pages, tokenizer, tmp_path):
    documents, _, stats = build(pages, tokenizer, tmp_path, "--method", "page")
    assert len(documents) == 60
    assert [d["first_page"] for d in documents] == [*range(1, 31)] * 2
    assert all(d["first_page"] == d["last_page"] for d in documents)
    assert stats["words_in_documents"] == WORDS


def test_long_and_repeated_documents_are_set_aside_whole(tokenizer, tmp_path):
    pages = tmp_path / "pages"
    write_page(pages / "a" / "1.json", "ett två")
    write_page(pages / "a" / "2.json", "ett två tre fyra fem")
    write_page(pages / "b" / "7.json", "ett", "två")
    write_page(pages / "b" / "8.json", "ett två tre fyra")
    documents, rejected, stats = build(
        pages, tokenizer, tmp_path, "--method", "page", "--max-tokens", "6"
    )
    assert [d["text"] for d in documents] == ["ett två", "ett två tre fyra"]
    assert [(r["text"], r["reason"]) for r in rejected] == [
        ("ett två tre fyra fem", "has 7 tokens, more than 6"),
        ("ett två", "has the same text as volume a, page 1"),
    ]
    assert rejected[1]["volume"] == "b"
    assert rejected[1]["lines"] == 2
    assert (stats["words"], stats["words_in_documents"]) == (13, 6)
    assert stats["words_set_aside"] == 7
    assert sum(stats["rejected"].values()) == 2


@pytest.fixture
def broken(pages):
    """Where each fault lies."""
    (pages / "a" / "a_15.json").write_text('{"contains": [')
    (pages / "a" / "a_99.json").write_bytes(b'{"contains": "\xe5"}')
    (pages / "b" / "readme.txt").write_text("no page")
    (pages / "b" / "b_3.json").write_text('{"query": "q"}')
    (pages / "b" / "b_77.json").write_text('{"page_id": "77", "label": "b_77"}')
    (pages / "b" / ".DS_Store").write_bytes(b"\0")
    return ["a/a_15.json", "a/a_99.json"]


def test_a_page_that_cannot_be_read_is_set_aside_and_what_is_none_is_told(
    pages, broken, tokenizer, tmp_path, capsys
):
    documents, rejected, stats = build(
        pages, tokenizer, tmp_path, "--on-bad-input", "skip", "--method", "page"
    )
    assert [str(Path(r["file"]).relative_to(pages)) for r in rejected] == broken
    assert all(r["reason"].startswith("is not a page: ") for r in rejected)
    assert (stats["not_pages"], stats["pages"], stats["empty_pages"]) == (2, 59, 1)
    assert len(documents) == 58
    assert stats["words"] == sum(len(d["text"].split()) for d in documents)
    find_volumes.main(["--pages", str(pages)])
    told = capsys.readouterr().out
    assert "1 × JSON of query: b/b_3.json" in told
    assert "1 × a README" in told


def test_what_is_not_a_page_stops_with_its_name(pages, broken, tokenizer, tmp_path):
    sentence = refused(pages, tokenizer, tmp_path, "--on-bad-input", "stop")
    assert sentence.startswith(f"error: {pages / broken[0]}: is not a page: not JSON")


def test_an_archive_without_text_is_refused(tokenizer, tmp_path):
    pages = tmp_path / "pages"
    write_page(pages / "a" / "1.json")
    with pytest.raises(InputError, match="1 pages of 1 volumes hold no text"):
        build(pages, tokenizer, tmp_path)
    assert not any((tmp_path / name).exists() for name in OUTPUTS.values())


def test_an_empty_directory_and_no_tokenizer_are_refused(pages, tokenizer, tmp_path):
    (tmp_path / "empty").mkdir()
    sentence = refused(tmp_path / "empty", tokenizer, tmp_path)
    assert sentence.endswith("holds no page that is read here, but no file")
    assert "lacks tokenizer.json" in refused(pages, tmp_path / "empty", tmp_path)


@pytest.mark.parametrize("other", ['{"id": "x", "text": "y"}', '{"folder": 1}'])
def test_another_file_than_that_of_volumes_is_named(pages, tokenizer, tmp_path, other):
    path = tmp_path / "v.jsonl"
    path.write_text(f"{other}\n")
    sentence = f"error: {path}, line 1: is no volume as find_volumes.py writes it"
    assert refused(pages, tokenizer, tmp_path, "--volumes", path) == sentence


def test_a_bad_distribution_is_a_fault_of_usage(pages, tokenizer, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        build(pages, tokenizer, tmp_path, "--length-shares", "9-1:1")
    assert caught.value.code == 2
    assert "--length-shares" in capsys.readouterr().err


def test_help(capsys):
    with pytest.raises(SystemExit) as caught:
        build_documents.main(["--help"])
    assert caught.value.code == 0
    assert "--on-bad-input" in capsys.readouterr().out


@pytest.mark.parametrize("method", ["sampled", "page"])
def test_real_pages(svea, tokenizer, tmp_path, method):
    documents, rejected, stats = build(
        svea / "pages", tokenizer, tmp_path, "--method", method
    )
    assert rejected == []
    assert (stats["pages"], stats["empty_pages"]) == (9, 1)
    assert stats["words"] == stats["words_in_documents"]
    assert stats["words"] == sum(len(d["text"].split()) for d in documents)
    assert documents[0]["text"].startswith("1880 den 20 December.")
    assert documents[0]["first_page"] == 1100
    assert {d["volume"] for d in documents} == {"30003368"}


def test_what_a_table_says_of_volumes_stands_in_their_documents(
    pages, tokenizer, tmp_path
):
    table = tmp_path / "volumes.csv"
    table.write_text("volume;year;to;type;parish\na;1880;1885;court;Ekeby\nb;;;;\n")
    found = tmp_path / "volumes.jsonl"
    find_volumes.main(
        ["--pages", str(pages), "--table", str(table), "--volumes", str(found)]
    )
    documents, _, _ = build(
        pages, tokenizer, tmp_path, "--method", "page", "--volumes", found
    )
    keys = ("year", "year_to", "type", "title", "reference", "about")
    said = {
        document["volume"]: [document[key] for key in keys] for document in documents
    }
    parish = {"name": "parish", "value": "Ekeby"}
    assert said["a"] == [1880, 1885, "court", None, None, [parish]]
    assert said["b"] == [None, None, None, None, None, []]
    again, _, _ = build(
        pages, tokenizer, tmp_path, "--method", "page", "--table", table
    )
    assert again == documents
    # Without a table the same documents, and no word of it.
    bare, _, _ = build(pages, tokenizer, tmp_path, "--method", "page")
    assert bare == [
        {key: value for key, value in document.items() if key not in keys}
        for document in documents
    ]


def test_a_table_of_other_volumes_is_refused_with_their_names(
    pages, tokenizer, tmp_path
):
    table = tmp_path / "volumes.csv"
    table.write_text("volume\na\n")
    sentence = refused(pages, tokenizer, tmp_path, "--table", table)
    assert "volumes.csv: has no line for 1 volume (b) of the archive; add" in sentence
    table.write_text("volume\na\nb\nc\n")
    sentence = refused(pages, tokenizer, tmp_path, "--table", table)
    assert "tells of 1 volume (c) not in the archive; leave out" in sentence
