"""From a collection to an index that is searched, through the programs."""

import json
import shutil
import unicodedata

import numpy as np
import pytest
from tuned import another

import commit_index
import index_passages
import search_index
from arkiv.base.errors import InputError
from arkiv.base.files import write_records
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.index.expected import FIRST
from arkiv.index.reading import Table
from arkiv.index.rows import Origin, described
from arkiv.retrieve.rankings import search_dense

WORDS = "tinget kvarnen hästarna skogen arvet tvisten gården eden böter åkern".split()


def passages():
    """Of two volumes, in the order of ids, and one of which nothing is known."""
    draw = np.random.default_rng(0)
    found = [
        {
            "id": f"p{number:02}",
            "text": " ".join(draw.choice(WORDS, 12)) + f" nr {number}",
            "dataset": "court",
            "volume": f"V{number % 2}",
            "first_page": number,
            "last_page": number,
            "first_line": 1,
            "last_line": 2,
            "first_label": f"{number}r",
            "last_label": f"{number}r",
            "first_image": f"i{number}.jpg",
            "last_image": f"i{number}.jpg",
            "year": 1840,
            "year_to": 1845,
            "type": "häradsrätt",
            "title": None,
            "reference": "SE/1",
            "group": f"§ {number // 3}",
            "about": [{"name": "härad", "value": "Bräkne"}],
            "confidence": 0.9,
        }
        for number in range(30)
    ]
    return [*found, {"id": "q", "text": "en lös lapp", "dataset": "notes"}]


def lines(rows):
    """Where their lines stand."""
    return [
        {
            "id": f"l{line}",
            "volume": row["volume"],
            "page": row["first_page"],
            "label": "",
            "line": line,
            "box": [10, 20 * line, 300, 20 * line + 15],
            "confidence": None,
            "image": row["first_image"],
            "width": 900,
            "height": 1200,
        }
        for row in sorted(rows, key=lambda row: (row["volume"], row["first_page"]))
        for line in (1, 2, 3)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_embedder):
    folder = tmp_path_factory.mktemp("index")
    rows = passages()
    write_records(folder / "corpus.jsonl", rows)
    write_records(folder / "lines.jsonl", lines(rows[:-1]))
    queries = [
        {"id": f"q{n:02}", "query": f"{WORDS[n % 10]} {WORDS[n // 10]}"}
        for n in range(60)
    ]
    write_records(folder / "queries.jsonl", queries)
    build(folder, tiny_embedder)
    return folder


def build(folder, model, *more):
    """The index, as the rules make it."""
    index = str(folder / "index")
    shared = ["--model", str(model), "--index", index]
    shared += ["--cache", str(folder / "cache"), *more]
    parts = [str(folder / f"index/parts/{n}-of-2.json") for n in (1, 2)]
    for number, part in enumerate(parts, start=1):
        words = ["--corpus", str(folder / "corpus.jsonl"), "--output", part]
        words += ["--part", f"{number}-of-2"]
        words += ["--lines", f"court={folder}/lines.jsonl"]
        words += ["--image-link", "https://images.example/{volume}/{page:03}"]
        words += ["--manifest-link", "https://iiif.example/{volume}/manifest.json"]
        index_passages.main([*shared, *words])
    words = ["--parts", *parts, "--queries", str(folder / "queries.jsonl")]
    words += ["--run-name", "court", "--name", "tuned"]
    for flag, name in (("about", "index.json"), ("expected", "expected.jsonl")):
        words += [f"--{flag}", str(folder / "index" / name)]
    commit_index.main([*shared, *words, "--readme", f"{index}/README.md"])


def searched(folder, *words):
    search_index.main([str(folder / "index"), *words])


def test_rows_have_places_links_and_what_is_known(folder):
    rows = Table(folder / "index").rows(["p03", "q"])
    assert rows[0]["lines"] == [
        {
            "page": 3,
            "label": None,
            "line": f"l{line}",
            "image": "i3.jpg",
            "box": [10, 20 * line, 300, 20 * line + 15],
            "width": 900,
            "height": 1200,
        }
        for line in (1, 2)
    ]
    assert json.loads(rows[0]["about"]) == {"härad": "Bräkne"}
    assert (rows[0]["group"], rows[1]["group"]) == ("§ 1", None)
    assert rows[0]["images"] == ["i3.jpg"]
    assert rows[0]["image_link"] == "https://images.example/V1/003"
    assert rows[0]["manifest"] == "https://iiif.example/V1/manifest.json"
    assert (rows[0]["year"], rows[0]["year_to"]) == (1840, 1845)
    assert rows[1]["lines"] == rows[1]["images"] == []
    assert rows[1]["volume"] is rows[1]["manifest"] is rows[1]["year"] is None


def test_images_are_those_of_pages_without_boxes_too():
    class Places:
        """Of three pages the second has boxes."""

        def of(self, passage):
            return lines([passages()[1] | {"volume": "V1"}])

    def none(passage):
        return None

    of_three = passages()[0] | {"last_page": 2, "last_image": "i2.jpg"}
    row = described(of_three, Origin({"court": Places()}, none, none, "recipe"))
    assert row["images"] == ["i0.jpg", "i1.jpg", "i2.jpg"]
    assert {one["image"] for one in row["lines"]} == {"i1.jpg"}


def test_dense_hits_are_those_of_the_run(folder, tiny_embedder):
    rows = passages()
    expected = [
        json.loads(line)
        for line in (folder / "index/expected.jsonl").read_text().splitlines()
    ]
    assert len(expected) == 50
    kind = M3(tiny_embedder)
    with Encoder(kind, longest=256) as encoder:
        found, asked = (
            encoder.embed(texts, side, max_length=256, cache=folder / "cache")
            for texts, side in (
                ([row["text"] for row in rows], "passage"),
                ([one["query"] for one in expected], "query"),
            )
        )
    for one, ranking in zip(expected, search_dense(asked, found, FIRST), strict=True):
        assert one["hits"]["dense"] == [rows[row]["id"] for row in ranking.rows]


def test_a_query_is_answered_in_eighty_columns_or_as_json(folder, capsys):
    kind = ("--type", unicodedata.normalize("NFD", "häradsrätt"))
    words = ("--mode", "full_text", "--volume", "V1", *kind, "--json")
    searched(folder, "häst", *words)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows
    assert all("hästarna" in row["text"] and row["volume"] == "V1" for row in rows)
    searched(folder, unicodedata.normalize("NFD", "häst"), *words)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows
    searched(folder, "hästen i skogen", "--year", "1845-1850", "--depth", "3")
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "V0, page" in out or "V1, page" in out
    searched(folder, "hästen", "--year", "1900", "--mode", "sparse")
    assert capsys.readouterr().out == "Nothing is found\n"


def test_the_expected_hits_come_out_and_of_another_model_it_is_told(
    folder, tmp_path, tiny_embedder, capsys
):
    searched(folder, "--check")
    told = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in told] == [
        *("dense", "sparse", "full_text", "hybrid")
    ]
    other = another(tiny_embedder, tmp_path / "other", spread=1.0)
    with pytest.raises(InputError, match="other files than the model"):
        searched(folder, "--check", "--model", str(other))
    shutil.copytree(folder, tmp_path / "run")
    path = tmp_path / "run/index/expected.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["hits"]["dense"][:2] = ["q", "p00"]
    write_records(path, rows)
    about = ["--model", str(tiny_embedder)]
    with pytest.raises(InputError, match=r"others than expected for 1 of 50 queries"):
        searched(tmp_path / "run", "--check", *about)


def test_int8_and_multi_vectors(folder, tmp_path, tiny_embedder, capsys):
    for name in ("corpus", "lines", "queries"):
        shutil.copy(folder / f"{name}.jsonl", tmp_path)
    shutil.copytree(folder / "cache", tmp_path / "cache")
    shutil.copytree(folder / "index", tmp_path / "index")
    # In the place of another: of other columns are all rows.
    build(tmp_path, tiny_embedder, "--vectors", "int8", "--multi-vectors")
    table = Table(tmp_path / "index")
    assert table.is_int8
    assert table.has_multi
    assert len(table) == 31
    capsys.readouterr()
    searched(tmp_path, "--check")
    assert "hybrid" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give either a query or --check"),
        (("a", "--check"), "give either"),
        (("a", "--year", "medeltid"), "`--year`"),
        (("a", "--confidence", "2"), "`--confidence`: is 2"),
        (("a", "--depth", "0"), "`--depth`: is 0"),
        (("a", "--volume", "V0", "V9"), "`--volume`: is V9, which no passage of"),
        (("a", "--dataset", "O'Brien"), "`--dataset`: is O'Brien, which no passage"),
        (("a", "--type", "Dombok"), "`--type`: is Dombok, which no passage"),
        ((" \u200b",), "`query`: is empty"),
        (("a", "--model", "/"), "/: the model directory lacks"),
        (("a", "--model", "nowhere"), "give its directory with --model"),
    ],
)
def test_what_cannot_be_asked_is_told(folder, words, said):
    with pytest.raises(InputError, match=said):
        searched(folder, *words)
