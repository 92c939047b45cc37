"""The command line of split_pairs.py."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "split_pairs.py"
OUTPUTS = ("train", "dev", "test", "corpus", "mining", "rejected", "stats")


def split_pairs(folder, *flags):
    outputs = [
        word
        for name in OUTPUTS
        for word in (
            f"--{name}",
            folder / f"{name}.json{'' if name == 'stats' else 'l'}",
        )
    ]
    command = [sys.executable, SCRIPT, *flags, *outputs]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(
        "".join(
            json.dumps({"query": f"q{n}", "pos": [f"p{n}"], "neg": [f"n{n % 3}"]})
            + "\n"
            for n in range(20)
        )
    )
    return path


def test_a_source_of_test_queries_alone(tmp_path, pairs):
    """All its pairs and passages are test; others hold out what it asks of."""
    asked = [{"query": f"people {n}?", "pos": [f"p{n}", f"more {n}"]} for n in range(5)]
    asked[0]["split"] = "train"
    people = tmp_path / "people.jsonl"
    people.write_text("".join(f"{json.dumps(row)}\n" for row in asked))
    done = split_pairs(tmp_path, "--input", people, "--role", "test")
    assert done.returncode == 0, done.stderr
    assert "1 rows say by `split` that they are not for test" in done.stderr
    assert len(rows(tmp_path / "test.jsonl")) == 5
    assert {row["split"] for row in rows(tmp_path / "corpus.jsonl")} == {"test"}
    for name in ("train", "dev", "mining", "rejected"):
        assert not rows(tmp_path / f"{name}.jsonl")
    assert "shares" not in json.loads((tmp_path / "stats.json").read_text())

    done = split_pairs(tmp_path, "--input", pairs, "--held-out", people)
    assert done.returncode == 0, done.stderr
    assert "5 pairs share a text with one of 5 test queries of other" in done.stderr
    tested = {row["query"] for row in rows(tmp_path / "test.jsonl")}
    assert tested == {f"q{n}" for n in range(5)}
    mining = {row["text"] for row in rows(tmp_path / "mining.jsonl")}
    assert not mining & {text for row in asked for text in row["pos"]}


def test_sides_corpus_and_mining(tmp_path, pairs):
    done = split_pairs(tmp_path, "--input", pairs)
    assert done.returncode == 0, done.stderr
    sides = {
        name: rows(tmp_path / f"{name}.jsonl") for name in ("train", "dev", "test")
    }
    assert {name: len(side) for name, side in sides.items()} == {
        "train": 16,
        "dev": 2,
        "test": 2,
    }
    corpus = {row["id"]: row for row in rows(tmp_path / "corpus.jsonl")}
    assert len(corpus) == 23
    mining = {row["text"] for row in rows(tmp_path / "mining.jsonl")}
    held_out = {
        p for name in ("dev", "test") for row in sides[name] for p in row["pos"]
    }
    assert not mining & held_out
    assert mining | held_out == {row["text"] for row in corpus.values()}


@pytest.mark.parametrize("seed", range(4))
def test_of_a_query_that_rows_share_the_pages_of_each_count(tmp_path, seed):
    """Whatever passages they name: no block of pages is on two sides."""
    draw = random.Random(seed)
    given = []
    for n in range(60):
        first = draw.randrange(60)
        given.append(
            {
                "query": f"q{draw.randrange(45)}",
                "pos": [f"p{n}"],
                "volume": f"v{draw.randrange(8)}",
                "first_page": first,
                "last_page": first + draw.choice((0, 0, 3)),
            }
        )
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in given))
    flags = "--group-by", "pages", "--block-pages", 10, "--seed", seed
    done = split_pairs(tmp_path, "--input", path, *flags)
    assert done.returncode == 0, done.stderr
    side_of = {
        row["query"]: name
        for name in ("train", "dev", "test")
        for row in rows(tmp_path / f"{name}.jsonl")
    }
    aside = {row["query"] for row in rows(tmp_path / "rejected.jsonl")}
    assert side_of.keys() | aside == {row["query"] for row in given}
    seen = {}
    for row in given:
        for page in range(row["first_page"], row["last_page"] + 1):
            if row["query"] not in aside:
                side = side_of[row["query"]]
                assert seen.setdefault((row["volume"], page // 10), side) == side


def test_shares_that_are_not_met_are_told_and_counted(tmp_path):
    path = tmp_path / "pairs.jsonl"
    given = ({"query": f"q{n}", "pos": [f"p{n}"], "volume": n % 3} for n in range(12))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in given))
    done = split_pairs(tmp_path, "--input", path)
    assert done.returncode == 0, done.stderr
    said = "test has 4 of 12 pairs, 33.3 %, and `pairs.shares` asks for 10 %: 3 volumes"
    assert said in done.stderr
    shares = json.loads((tmp_path / "stats.json").read_text())["shares"]
    assert shares["asked"] == {"train": 0.8, "dev": 0.1, "test": 0.1}
    assert [one["side"] for one in shares["off"]] == ["train", "dev", "test"]


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.2), (1.2, -0.1, -0.1), (8, 1, 1)])
def test_shares_of_no_whole_are_refused(tmp_path, pairs, shares):
    done = split_pairs(tmp_path, "--input", pairs, "--shares", *shares)
    assert done.returncode == 1
    assert "error: `pairs.shares`: add up to " in done.stderr
    assert "Traceback" not in done.stderr


def test_running_again_gives_the_same_bytes(tmp_path, pairs):
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        assert split_pairs(folder, "--input", pairs).returncode == 0
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"query": "q", "pos": [', "not JSON"),
        ('{"pos": ["p"]}', "`query`: is missing"),
        ('{"query": "q", "pos": []}', "`pos`: holds 0 texts"),
    ],
)
def test_a_bad_line_stops_with_one_sentence_or_is_set_aside(
    tmp_path, pairs, line, said
):
    lines = pairs.read_text().splitlines()
    pairs.write_text("\n".join([*lines[:4], line, *lines[4:]]) + "\n")
    stopped = split_pairs(tmp_path / "stop", "--input", pairs)
    assert stopped.returncode == 1
    sentence = stopped.stderr.splitlines()[-1]
    assert sentence.startswith(f"error: {pairs}, line 5")
    assert said in sentence
    assert "Traceback" not in stopped.stderr
    assert not (tmp_path / "stop").exists()
    skipped = split_pairs(tmp_path / "skip", "--input", pairs, "--on-bad-input", "skip")
    assert skipped.returncode == 0
    assert [row["line"] for row in rows(tmp_path / "skip" / "rejected.jsonl")] == [5]
    assert json.loads((tmp_path / "skip" / "stats.json").read_text())["bad_lines"] == 1


def test_an_empty_file_is_refused(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    done = split_pairs(tmp_path / "out", "--input", empty)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"error: {empty}: holds no usable pair"
    empty.write_text('{"query": "q", "pos": ["p"], "volume": ["v"]}\n')
    done = split_pairs(tmp_path, "--input", empty, "--on-bad-input", "skip")
    assert done.stderr.splitlines()[-1] == (
        f"error: {empty}: holds no usable pair; line 1: `volume`: is of type list, "
        "expected a text or a number"
    )


def test_documents_without_a_query_are_searched_and_mined(tmp_path):
    documents = [
        {"id": "x", "text": f"p{n}", "volume": f"v{n // 10}", "first_page": n % 10}
        for n in range(60)
    ]
    queries = [
        {"query": f"q{n}", "pos": [f"p{n}"], "volume": f"v{n // 10}"}
        for n in range(0, 60, 2)
    ]
    for name, records in (("documents", documents), ("queries", queries)):
        text = "".join(json.dumps(record) + "\n" for record in records)
        (tmp_path / f"{name}.jsonl").write_text(text)
    done = split_pairs(
        tmp_path / "out",
        "--input",
        tmp_path / "queries.jsonl",
        "--documents",
        tmp_path / "documents.jsonl",
    )
    assert done.returncode == 0, done.stderr
    corpus = rows(tmp_path / "out" / "corpus.jsonl")
    assert len(corpus) == 60
    side_of_volume = {}
    for row in corpus:
        assert side_of_volume.setdefault(row["volume"], row["split"]) == row["split"]
    mining = rows(tmp_path / "out" / "mining.jsonl")
    assert {row["volume"] for row in mining} == {
        volume for volume, side in side_of_volume.items() if side == "train"
    }


def test_by_year_the_held_out_years_are_test_and_what_conflicts_is_counted(tmp_path):
    pairs = [
        {"query": f"q{n}", "pos": [f"p{n}"], "volume": f"v{n}", "year": f"{1850 + n}"}
        for n in range(50)
    ]
    pairs += [{"query": f"undated {n}", "pos": [f"u{n}"]} for n in range(3)]
    # Of a volume of both sides; a text of a train pair, among the test years.
    pairs.append({"query": "across", "pos": ["a"], "year": "1875-1885"})
    pairs.append({"query": "again", "pos": ["P0 "], "volume": "w", "year": 1899})
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    years = ("--group-by", "year", "--test-years", "[1880, null]")
    done = split_pairs(tmp_path / "out", "--input", path, *years)
    assert done.returncode == 0, done.stderr
    sides = {
        name: rows(tmp_path / "out" / f"{name}.jsonl")
        for name in ("train", "dev", "test")
    }
    assert [row["year"] for row in sides["test"]] == list(range(1880, 1900))
    assert all(row["year"] < 1880 for row in sides["dev"])
    train = {row["query"] for row in sides["train"]}
    assert {"undated 0", "undated 1", "undated 2"} < train
    stats = json.loads((tmp_path / "out" / "stats.json").read_text())
    assert (stats["undated"], stats["test"]) == (3, 20)
    assert sum(stats["set_aside"].values()) == 3
    assert any("years of its volume" in why for why in stats["set_aside"])
    mined = {row["text"] for row in rows(tmp_path / "out" / "mining.jsonl")}
    assert not mined & {"p0", "P0 ", "a", *(f"p{n}" for n in range(30, 50))}
    first = next(iter(rows(tmp_path / "out" / "corpus.jsonl")))
    assert (first["year"], first["year_to"]) == (1850, 1850)


def test_years_of_test_without_their_grouping_are_refused(tmp_path, pairs):
    done = split_pairs(tmp_path, "--input", pairs, "--test-years", "[1880, null]")
    assert done.returncode == 1
    assert "error: `pairs.test_years`: is [1880, None], which needs" in done.stderr


def test_a_dataset_without_years_is_train_with_a_warning(tmp_path, pairs):
    years = ("--group-by", "year", "--test-years", "[1880, null]")
    done = split_pairs(tmp_path, "--input", pairs, *years)
    assert done.returncode == 0, done.stderr
    assert "no pair is of the years of test" in done.stderr
    assert len(rows(tmp_path / "train.jsonl")) == 20
