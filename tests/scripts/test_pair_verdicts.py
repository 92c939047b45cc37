"""pair_verdicts.py: what people said of another run, without what is held out here."""

import json
import random

import pytest
from project import records
from same_text import written_otherwise

import pair_verdicts
import split_pairs
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_records
from arkiv.base.hashing import content_id, text_key

SIDES = ("train", "dev", "test")


def verdict(query, text, relevant=True, judge="anna", **more):
    return {
        "query": query,
        "query_id": content_id(query),
        "passage_id": content_id(text),
        "verdict": "relevant" if relevant else "not_relevant",
        "judge": judge,
    } | more


def judge_run(folder, passages, verdicts, tested=()):
    """A run that has been judged: its passages, test queries and verdicts."""
    corpus = [{"id": content_id(one["text"])} | one for one in passages]
    queries = [{"id": content_id(query), "query": query} for query in tested]
    write_records(folder / "collection/corpus.jsonl", corpus)
    write_records(folder / "collection/queries.jsonl", queries)
    write_records(folder / "judgements.jsonl", verdicts)


def pair(folder, *words):
    """The pairs, what was set aside, and the counts."""
    pair_verdicts.main(
        [
            *("--judgements", str(folder / "judgements.jsonl")),
            *("--corpus", str(folder / "collection/corpus.jsonl")),
            *("--queries", str(folder / "collection/queries.jsonl")),
            *("--output", str(folder / "pairs.jsonl")),
            *("--rejected", str(folder / "rejected.jsonl")),
            *("--stats", str(folder / "stats.json")),
            *map(str, words),
        ]
    )
    found = (records(folder / f"{name}.jsonl") for name in ("pairs", "rejected"))
    return *found, read_json(folder / "stats.json")


def split(folder, rows, *words):
    """Another dataset of the run, divided; the flags that name what came of it."""
    write_records(folder / "rows.jsonl", rows)
    names = (*SIDES, "corpus", "mining", "rejected")
    outputs = [(f"--{name}", folder / f"{name}.jsonl") for name in names]
    flags = [word for pair in outputs for word in pair]
    given = ("--input", folder / "rows.jsonl", "--stats", folder / "split.json")
    split_pairs.main(list(map(str, (*given, *flags, *words))))
    held_out = (folder / "dev.jsonl", folder / "test.jsonl")
    return "--corpora", folder / "corpus.jsonl", "--held-out", *held_out


def archive(draw):
    """Passages of volumes, groups and years, each with a query."""
    for number in range(240):
        place = {"volume": f"v{draw.randrange(24)}"} if number % 8 else {}
        page = draw.randrange(80)
        place |= {"first_page": page, "last_page": page + draw.randrange(2)}
        if not number % 8:
            place["group"] = f"g{number % 5}"
        if "volume" in place and int(place["volume"][1:]) < 20:
            place["year"] = 1800 + int(place["volume"][1:])
        yield {"query": f"fråga {number}", "pos": [f"stycke {number}"], **place}


def judged_by_people(draw, rows):
    """Passages of before, some cut otherwise, and verdicts on them."""
    passages, verdicts = [], []
    for number, row in enumerate(rows):
        text = row["pos"][0]
        if draw.random() < 0.3:
            text = f"{text} med mera"
        elif draw.random() < 0.3:
            text = written_otherwise(text, draw)
        place = {key: row[key] for key in row if key not in ("query", "pos", "split")}
        if draw.random() < 0.1:
            place["volume"] = f"other {number % 7}"
        passages.append({"text": text, "type": "dombok", **place})
    for number in range(150):
        query = f"folket frågar {number}"
        if draw.random() < 0.2:
            query = written_otherwise(draw.choice(rows)["query"], draw)
        for one in draw.sample(passages, draw.randrange(1, 6)):
            verdicts.append(verdict(query, one["text"], draw.random() < 0.6))
    return passages, verdicts


@pytest.mark.parametrize("by", ["volume", "pages", "passage", "year", "split"])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_is_held_out_is_learnt_from(tmp_path, by, seed):
    """Whatever decides the sides: no text and no group of dev or test is in a row."""
    draw = random.Random(f"{by}{seed}")
    rows = list(archive(draw))
    flags = ["--group-by", by if by != "split" else "volume", "--block-pages", "10"]
    if by == "year":
        flags += ["--test-years", "[1815, null]", "--dev-years", "[1812, 1814]"]
    if by == "split":
        rows = [row | {"split": draw.choice(("train", *SIDES))} for row in rows]
    passages, verdicts = judged_by_people(draw, rows)
    tested = [row["query"] for row in verdicts[::20]]
    judge_run(tmp_path, passages, verdicts, tested)
    words = split(tmp_path, rows, *flags)
    pairs, aside, stats = pair(tmp_path, *words, *flags)

    held = [row for side in SIDES[1:] for row in records(tmp_path / f"{side}.jsonl")]
    texts = {text_key(t) for row in held for t in (row["query"], *row["pos"])}
    corpus = records(tmp_path / "corpus.jsonl")
    texts |= {text_key(one["text"]) for one in corpus if one["split"] != "train"}
    texts |= {text_key(query) for query in tested}
    trained = {text_key(one["text"]) for one in corpus if one["split"] == "train"}
    place_of = {text_key(one["text"]): one for one in passages}
    volumes = {row.get("volume") for row in held} - {None}
    blocks = {(row.get("volume"), row["first_page"] // 10) for row in held}
    assert pairs
    for row in pairs:
        for text in (row["query"], *row["pos"], *row["neg"]):
            assert text_key(text) not in texts
        for text in (*row["pos"], *row["neg"]):
            one = place_of[text_key(text)]
            volume, first, last = map(one.get, ("volume", "first_page", "last_page"))
            if by in ("volume", "year") or (
                by == "split" and text_key(text) not in trained
            ):
                assert volume not in volumes
            elif by == "pages" and volume:
                assert not blocks & {(volume, page // 10) for page in (first, last)}
            if by == "year":
                assert not one.get("year", 0) >= 1812
        one = place_of[text_key(row["pos"][0])]
        assert row.get("volume") == one.get("volume")
        assert "type" not in row
    # Each verdict is somewhere.
    said = {(text_key(one["query"]), one["passage_id"]) for one in verdicts}
    assert len(said) == stats["relevant"] + stats["not_relevant"] + len(aside)
    assert sum(stats["set_aside"].values()) == len(aside)
    assert set(stats["set_aside"]) >= {pair_verdicts.TESTED, pair_verdicts.PASSAGE}


def test_without_others_the_test_queries_of_the_judged_run_alone_are_left_out(tmp_path):
    passages = [{"text": f"p{n}"} for n in range(4)]
    verdicts = [
        verdict("a", "p0"),
        verdict("a", "p1", relevant=False),
        verdict("A ", "p2"),
        verdict("tested", "p0"),
        # An id of its own, by which the page knows the query.
        verdict("renamed", "p3", query_id="q7"),
        verdict("alone", "p3", relevant=False),
    ]
    judge_run(tmp_path, passages, verdicts, ["tested"])
    with open(tmp_path / "collection/queries.jsonl", "a") as file:
        file.write(json.dumps({"id": "q7", "query": "as it was called"}) + "\n")
    pairs, _, stats = pair(tmp_path)
    assert [(row["query"], row["pos"], row["neg"]) for row in pairs] == [
        ("a", ["p0"], ["p1"]),
        ("a", ["p2"], ["p1"]),
    ]
    aside = {pair_verdicts.TESTED: 2, pair_verdicts.LONELY: 1}
    assert stats["set_aside"] == dict(sorted(aside.items()))
    # Queries to test with may be those of before.
    pairs, _, stats = pair(tmp_path, "--role", "test")
    assert {row["query"] for row in pairs} == {"a", "tested", "renamed"}
    assert set(stats["set_aside"]) == {pair_verdicts.LONELY}


def test_of_several_judges_the_last_word_of_each_counts(tmp_path):
    verdicts = [
        verdict("q", "p0", judge="anna", relevant=False),
        verdict("q", "p0", judge="bo"),
        verdict("q", "p1", judge="anna"),
        verdict("q", "p1", judge="bo", relevant=False),
        verdict("q", "p2", judge="bo"),
        verdict("q", "p0", judge="anna"),
        verdict("q", "p2", judge="bo", verdict="withdrawn"),
    ]
    judge_run(tmp_path, [{"text": f"p{n}"} for n in range(3)], verdicts)
    pairs, (tie,), stats = pair(tmp_path)
    assert [row["pos"] for row in pairs] == [["p0"]]
    assert (tie["reason"], tie["passage_id"]) == (pair_verdicts.TIE, content_id("p1"))
    assert (stats["verdicts"], stats["disputed"], stats["judges"]) == (4, 1, 2)


@pytest.mark.parametrize("bad", ["{", '{"query": "q"}'])
def test_lines_that_are_no_verdicts_stop_it_or_are_counted(tmp_path, bad):
    judge_run(tmp_path, [{"text": "p"}], [verdict("q", "p")])
    with open(tmp_path / "judgements.jsonl", "a") as file:
        file.write(f"{bad}\n")
    with pytest.raises(InputError, match=r"line 2: .*pairs\.on_bad_input: skip"):
        pair(tmp_path)
    pairs, aside, stats = pair(tmp_path, "--on-bad-input", "skip")
    assert len(pairs) == len(aside) == stats["bad_lines"] == 1


def test_passages_that_are_gone_are_named_or_counted(tmp_path):
    verdicts = [verdict("q", "p"), verdict("q", "gone"), verdict("r", "gone")]
    judge_run(tmp_path, [{"text": "p"}], verdicts)
    with pytest.raises(InputError, match=r"judges 1 passages that .* no longer has"):
        pair(tmp_path)
    pairs, _, stats = pair(tmp_path, "--on-bad-input", "skip")
    assert [row["pos"] for row in pairs] == [["p"]]
    assert stats["set_aside"] == {pair_verdicts.GONE: 2}


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("corpus", '{"id": "a"}', r"corpus\.jsonl, line 2, `text`"),
        ("corpus", '{"text": "a"}', r"corpus\.jsonl, line 2, `id`"),
        ("queries", '{"id": "a"}', r"queries\.jsonl, line 1, `query`"),
        ("other", '{"text": "a"}', r"other\.jsonl, line 1, `split`: is no side"),
    ],
)
def test_files_of_another_kind_are_named(tmp_path, name, line, said):
    judge_run(tmp_path, [{"text": "p"}], [verdict("q", "p")])
    with open(tmp_path / f"collection/{name}.jsonl", "a") as file:
        file.write(f"{line}\n")
    others = tmp_path / "collection/other.jsonl"
    with pytest.raises(InputError, match=said):
        pair(tmp_path, *(("--corpora", others) if name == "other" else ()))


def test_verdicts_of_which_nothing_is_left_are_refused(tmp_path):
    judge_run(tmp_path, [{"text": "p"}], [verdict("q", "p")], ["q"])
    with pytest.raises(InputError, match="leaves no pair of its 1 verdicts"):
        pair(tmp_path)
    write_records(tmp_path / "judgements.jsonl", [])
    with pytest.raises(InputError, match="holds no verdict that counts"):
        pair(tmp_path)
