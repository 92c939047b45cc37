"""The command line of generate_queries.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import generate_queries
from arkiv.base.hashing import content_id

SCRIPT = Path(__file__).parents[2] / "scripts" / "generate_queries.py"


def document(text):
    return {
        "id": content_id(text),
        "text": text,
        "volume": "v",
        "first_page": 1,
        "last_page": 2,
    }


def write(path, documents):
    path.write_text("".join(json.dumps(row) + "\n" for row in documents), "utf-8")
    return path


@pytest.fixture
def documents(tmp_path):
    texts = [
        f"Inför rätten kom Anders Pehrsson i Ort{chr(97 + n)}by och klagade öfver "
        f"grannens qvarn samt stängsel{chr(97 + n)}."
        for n in range(11)
    ]
    texts.insert(4, "1880 den 20 § 1.")
    return write(tmp_path / "documents.jsonl", map(document, texts))


def generate(documents, out, *more):
    given = ["--documents", documents, "--output", out / "q.jsonl"]
    given += ["--rejected", out / "r.jsonl", "--stats", out / "s.json", *more]
    generate_queries.main(list(map(str, given)))
    return (out / "q.jsonl").read_bytes(), (out / "r.jsonl").read_bytes()


def rows(data):
    return [json.loads(line) for line in data.decode().splitlines()]


def test_queries_know_their_document(documents, tmp_path):
    made, rejected = map(rows, generate(documents, tmp_path, "--per-document", 2))
    sources = {row["id"]: row for row in rows(documents.read_bytes())}
    assert len(made) == 22
    for row in made:
        (source,) = row["pos_ids"]
        assert row["pos"] == [sources[source]["text"]]
        assert row["id"] == content_id(row["query"])
        assert (row["volume"], row["first_page"], row["last_page"]) == ("v", 1, 2)
    assert [row["text"] for row in rejected] == ["1880 den 20 § 1."]
    assert rejected[0]["reason"] == "holds no word that a query could be made of"


@pytest.mark.parametrize("count", [1, 3, 5, 17])
def test_parts_together_are_the_whole(documents, tmp_path, count):
    whole = generate(documents, tmp_path)
    parts = [
        generate(documents, tmp_path, "--part", f"{index}-of-{count}")
        for index in range(1, count + 1)
    ]
    assert tuple(map(b"".join, zip(*parts, strict=True))) == whole
    assert count < 12 or any(part == (b"", b"") for part in parts)


def test_again_gives_the_same_bytes_and_another_seed_others(documents, tmp_path):
    first = generate(documents, tmp_path)
    assert generate(documents, tmp_path) == first
    assert generate(documents, tmp_path, "--seed", 1) != first


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "holds no documents"),
        ('{"id": "1", "text": "a"}\n{"id": "2"}\n', "line 2, `text`: is missing"),
        ('{"id": "1", "text": "a"}\nno\n', "line 2: the line is not JSON"),
    ],
)
def test_bad_documents_stop_with_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "documents.jsonl"
    path.write_text(content)
    command = [sys.executable, SCRIPT, "--documents", path]
    command += ["--output", tmp_path / "q.jsonl", "--rejected", tmp_path / "r.jsonl"]
    command += ["--stats", tmp_path / "s.json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"error: {path}" in done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["documents.jsonl"]


def test_help(capsys):
    with pytest.raises(SystemExit) as caught:
        generate_queries.main(["--help"])
    assert caught.value.code == 0
    assert "--per-document" in capsys.readouterr().out
