"""One text in several spellings, from the division of pairs to the gold standard.

In NFC and NFD a whole archive must come to the same; in other case and white space a
text stays on one side, and what makes sure of that sees where it does not.
"""

import json
import random
import unicodedata
from itertools import combinations

import pytest
from project import program, records
from same_text import plain, written_otherwise

from arkiv.retrieve.trec import read_qrels

SIDES = ("train", "dev", "test")
SPLIT = (*SIDES, "corpus", "mining", "rejected", "stats")
NOUNS = "kvarnen ån häradsrätten åkern öfverheten hästen bäcken Åke Östen".split()
VERBS = "sålde ägde pröfvade återgaf åverkade hörde".split()


def write(path, rows, form="NFC", *, escaped=False):
    """Records as JSON Lines in a form of Unicode, perhaps in ASCII alone."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    text = unicodedata.normalize(form, text)
    if escaped:
        lines = text.splitlines()
        text = "".join(json.dumps(json.loads(line)) + "\n" for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def run(name, *words):
    done = program(name, *words)
    assert done.returncode == 0, done.stderr
    return done.stderr


def split(folder, pairs, *more):
    words = [w for name in SPLIT for w in (f"--{name}", folder / f"{name}.jsonl")]
    return run("split_pairs", "--input", pairs, *words, *more)


def collect(folder, datasets, *more):
    words = ["--datasets", *(one.name for one in datasets)]
    words += ["--corpora", *(one / "corpus.jsonl" for one in datasets)]
    words += ["--tests", *(one / "test.jsonl" for one in datasets)]
    words += ["--corpus", folder / "passages", "--queries", folder / "queries"]
    return run("build_collection", *words, "--known-items", folder / "known", *more)


def build_gold(folder, trained, *more):
    words = ["--corpus", folder / "passages", "--queries", folder / "queries"]
    words += ["--known-items", folder / "known", "--trained", *trained]
    words += ["--qrels", folder / "qrels", "--stats", folder / "gold_stats"]
    run("build_gold", *words, "--rejected", folder / "gold_rejected", *more)
    return json.loads((folder / "gold_stats").read_text())


def wording(draw, words):
    return " ".join(draw.choice((NOUNS, VERBS)[n % 2]) for n in range(words))


def archive(seed, count=60):
    """Pairs over ten volumes with ready negatives, all of them different texts."""
    draw = random.Random(seed)
    return [
        {
            "query": f"Vem {wording(draw, 3)} {n}?",
            "pos": [f"{wording(draw, 12)} år {1800 + n}"],
            "neg": [f"{wording(draw, 12)} mål {n}"],
            "volume": f"Härad {n % 10}",
            "first_page": n,
        }
        for n in range(count)
    ]


def test_an_archive_in_nfd_comes_to_the_same_as_in_nfc(tmp_path):
    """Ids, division, BM25 and a gold standard from a file, byte by byte."""
    pairs = archive(1)
    ranking = {"query": "Hvem ägde ån?", "documents": pairs[3]["pos"] + pairs[4]["pos"]}
    spellings = {"c": ("NFC", False), "d": ("NFD", False), "e": ("NFD", True)}
    for name, (form, escaped) in spellings.items():
        folder = tmp_path / name
        given = write(folder / "given", pairs, form, escaped=escaped)
        judged = write(folder / "judged", [ranking], form, escaped=escaped)
        split(folder / "court", given)
        collect(folder, [folder / "court"], "--judged", judged)
        words = ["--corpus", folder / "passages", "--queries", folder / "queries"]
        words += ["--tokens", "words", "--output", folder / "bm25"]
        run("retrieve", "bm25", *words)
        trained = [folder / "court" / "train.jsonl"]
        build_gold(folder, trained, "--method", "file", "--file", judged)
    made = [p for p in (tmp_path / "c").rglob("*") if p.is_file()]
    made = [p.relative_to(tmp_path / "c") for p in made]
    assert {"bm25", "qrels", "corpus.jsonl"} < {path.name for path in made}
    for path in made:
        if path.name in ("given", "judged"):
            continue
        for other in "de":
            one, two = tmp_path / "c" / path, tmp_path / other / path
            assert one.read_bytes() == two.read_bytes(), path
    assert (tmp_path / "c/bm25").read_text()
    (grades,) = read_qrels(tmp_path / "c/qrels").values()
    assert sorted(grades.values()) == [1, 2]


def test_pages_in_nfd_make_the_documents_that_they_make_in_nfc(tmp_path, tokenizer):
    """Names of volumes and pages, words that hyphens divide, headings of a setting."""
    draw = random.Random(1)
    pages = {}
    for volume in ("Häradsrätt", "Åby", "Zå"):
        for name in ("ö", "z", "å"):
            text = "\n".join(f"§ Ärende\n{wording(draw, 9)} hä-" for _ in range(3))
            pages[f"{volume}/{name}.txt"] = f"{text}\nradet"
    made = {}
    for form in ("NFC", "NFD"):
        folder = tmp_path / form
        for name, text in pages.items():
            path = folder / "pages" / unicodedata.normalize(form, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = unicodedata.normalize(form, text)
            path.write_text(text, encoding="utf-8")
        words = ["--volumes", folder / "volumes", "--stats", folder / "found"]
        run("find_volumes", "--pages", folder / "pages", *words)
        heading = unicodedata.normalize(form, "^§ Ä")
        words = ["--pages", folder / "pages", "--volumes", folder / "volumes"]
        words += ["--tokenizer", tokenizer, "--method", "headings", "--heading"]
        words += [heading, "--output", folder / "d", "--stats", folder / "s"]
        run("build_documents", *words, "--rejected", folder / "r")
        made[form] = (folder / "d").read_bytes()
        assert (folder / "r").read_bytes() == b""
    assert made["NFC"] == made["NFD"]
    documents = records(tmp_path / "NFC" / "d")
    assert len(documents) == 27
    assert sum("häradet" in row["text"] for row in documents) == 9
    assert [*dict.fromkeys(row["volume"] for row in documents)] == [
        *("Häradsrätt", "Zå", "Åby")
    ]


@pytest.mark.parametrize("by", ["volume", "pages", "passage"])
@pytest.mark.parametrize("seed", range(2))
def test_no_text_stands_on_two_sides_however_it_is_written(tmp_path, seed, by):
    draw = random.Random(seed)
    texts = archive(seed)
    rows = []
    for n in range(150):
        one, other = draw.choice(texts), draw.choice(texts)
        # Now and then what is asked is the text of another passage.
        asked = other["pos"][0] if draw.random() < 0.05 else one["query"]
        wrong = draw.choice([one["pos"], other["neg"], other["neg"]])
        rows.append(
            {
                "query": written_otherwise(asked, draw),
                "pos": [written_otherwise(one["pos"][0], draw)],
                "neg": [written_otherwise(wrong[0], draw), f"nej {n}"],
                "volume": f"v{n}",
                "first_page": 1,
            }
        )
    given = write(tmp_path / "given", rows, draw.choice(("NFC", "NFD")))
    said = split(tmp_path, given, "--group-by", by)
    found = {side: records(tmp_path / f"{side}.jsonl") for side in SIDES}
    assert all(found.values())
    stand = {
        side: {plain(text) for row in rows for text in (row["query"], *row["pos"])}
        for side, rows in found.items()
    }
    for one, other in combinations(SIDES, 2):
        assert not stand[one] & stand[other]
    # Mining sees no text of the other sides, a row has no positive among its negatives.
    mining = {plain(row["text"]) for row in records(tmp_path / "mining.jsonl")}
    assert not mining & (stand["dev"] | stand["test"])
    stats = json.loads((tmp_path / "stats.jsonl").read_text())
    for rows_of_side in found.values():
        for row in rows_of_side:
            assert not set(map(plain, row["pos"])) & set(map(plain, row["neg"]))
    assert stats["positives_as_negatives"] > 10
    assert f"{stats['positives_as_negatives']} given negatives are positives" in said
    # A passage is of the volume of its own row.
    corpus = {row["text"]: row for row in records(tmp_path / "corpus.jsonl")}
    for row in rows:
        text = unicodedata.normalize("NFC", row["pos"][0])
        if text in corpus:
            volumes = {
                one["volume"]
                for one in rows
                if unicodedata.normalize("NFC", one["pos"][0]) == text
            }
            assert corpus[text]["volume"] in volumes
    # Rows that ask the same are one, and what they say is all there.
    united = {plain(row["query"]) for row in rows}
    assert (stats["pairs"], stats["queries"]) == (150, len(united))
    asked = [plain(row["query"]) for side in found.values() for row in side]
    assert sorted(asked) == sorted(united)
    answers = {(plain(row["query"]), plain(row["pos"][0])) for row in rows}
    kept = [row for side in found.values() for row in side]
    assert answers == {
        (plain(row["query"]), plain(text)) for row in kept for text in row["pos"]
    }


@pytest.mark.parametrize("seed", range(3))
def test_no_text_stands_on_two_sides_of_a_year(tmp_path, seed):
    draw = random.Random(seed)
    texts = archive(seed)
    rows = []
    for _ in range(200):
        one = draw.choice(texts)
        # Some texts are of one time, some come again at another.
        year = 1840 + one["first_page"] if draw.random() < 0.8 else 1900
        rows.append(
            {
                "query": written_otherwise(one["query"], draw),
                "pos": [written_otherwise(one["pos"][0], draw)],
                "volume": f"v{year}",
                "year": year,
            }
        )
    given = write(tmp_path / "given", rows)
    split(tmp_path, given, "--group-by", "year", "--test-years", "[1880, null]")
    found = {side: records(tmp_path / f"{side}.jsonl") for side in SIDES}
    stand = {
        side: {plain(text) for row in rows for text in (row["query"], *row["pos"])}
        for side, rows in found.items()
    }
    assert all(stand.values())
    for one, other in combinations(SIDES, 2):
        assert not stand[one] & stand[other]
    mining = {plain(row["text"]) for row in records(tmp_path / "mining.jsonl")}
    assert not mining & (stand["dev"] | stand["test"])
    aside = records(tmp_path / "rejected.jsonl")
    kept = [row for side in found.values() for row in side]
    assert sorted(plain(row["query"]) for row in (*kept, *aside)) == sorted(
        {plain(row["query"]) for row in rows}
    )
    assert aside


def test_given_negatives_that_are_held_out_in_another_spelling_are_counted(tmp_path):
    draw = random.Random(4)
    rows = archive(4)
    given = write(tmp_path / "given", rows)
    split(tmp_path, given)
    held_out = records(tmp_path / "test.jsonl")[0]["pos"][0]
    for row in rows:
        row["neg"] = [written_otherwise(held_out, draw)]
    said = split(tmp_path, write(tmp_path / "given", rows))
    train = records(tmp_path / "train.jsonl")
    stats = json.loads((tmp_path / "stats.jsonl").read_text())
    assert stats["held_out_negatives"] == len(train) > 40
    assert f"{len(train)} given negatives of train pairs are positives of dev" in said
    mining = {plain(row["text"]) for row in records(tmp_path / "mining.jsonl")}
    assert plain(held_out) not in mining


def on_two_sides(tmp_path, draw):
    """Two datasets of which one trains on what the other is tested on."""
    texts = archive(2, 8)
    tested = [
        {"id": f"q{n}", "query": row["query"], "pos": row["pos"], "pos_ids": [f"p{n}"]}
        for n, row in enumerate(texts[:5])
    ]
    taught = [
        {
            "id": f"t{n}",
            "query": written_otherwise(row["query"], draw),
            "pos": [written_otherwise(row["pos"][0], draw)],
            "pos_ids": [f"o{n}"],
        }
        for n, row in enumerate(texts[2:])
    ]
    for name, pairs, side in (("court", tested, "test"), ("letters", taught, "train")):
        corpus = [
            {"id": row["pos_ids"][0], "text": row["pos"][0], "split": side}
            for row in pairs
        ]
        write(tmp_path / name / "corpus.jsonl", corpus)
        for other in SIDES:
            rows = pairs if other == side else []
            write(tmp_path / name / f"{other}.jsonl", rows, "NFD")
    return [tmp_path / "court", tmp_path / "letters"]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_trained_on_in_another_spelling_is_seen(tmp_path, seed):
    draw = random.Random(seed)
    datasets = on_two_sides(tmp_path, draw)
    said = collect(tmp_path, datasets)
    assert "3 relevant passages are trained on by another dataset" in said
    trained = [one / "train.jsonl" for one in datasets]
    method = ("--method", "known_item", "--duplicate-jaccard", "null")
    told = build_gold(tmp_path, trained, *method)
    assert told["queries_trained_on"] == 3
    # Each of the three passages under both its ids: one text is as good as the other.
    assert told["relevant_trained_on"] == 6
    assert told["near_duplicates"] == 3
    qrels = read_qrels(tmp_path / "qrels")
    assert qrels["q0"] == {"p0": 1}
    assert qrels["q2"] == {"p2": 1, "o0": 1}


def test_a_query_that_two_datasets_have_in_two_spellings_is_one(tmp_path):
    draw = random.Random(3)
    row = archive(3, 1)[0]
    datasets = []
    for name in ("a", "b"):
        datasets.append(tmp_path / name)
        passage = {"id": f"p{name}", "text": f"{row['pos'][0]} {name}", "split": "test"}
        write(datasets[-1] / "corpus.jsonl", [passage])
        query = row["query"] if name == "a" else written_otherwise(row["query"], draw)
        pair = {"id": f"q{name}", "query": query, "pos_ids": [passage["id"]]}
        write(datasets[-1] / "test.jsonl", [pair])
    collect(tmp_path, datasets)
    (query,) = records(tmp_path / "queries")
    assert (query["id"], query["dataset"]) == ("qa", "a")
    assert read_qrels(tmp_path / "known") == {"qa": {"pa": 1, "pb": 1}}
