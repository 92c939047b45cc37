"""What ready rows bring along: their side, negatives, scores, a pool of candidates."""

import gzip
import json
import random

import pytest
from same_text import written_otherwise

import split_pairs
from arkiv.base.errors import InputError
from arkiv.base.files import read_json
from arkiv.base.hashing import text_key

SIDES = ("train", "dev", "test")
JSONL = (*SIDES, "corpus", "mining", "rejected")


@pytest.fixture
def divided(tmp_path):
    """Runs split_pairs.py on rows or paths; returns what each file has, and stats."""

    def divided(given, *flags):
        if isinstance(given, list):
            path = tmp_path / "mine.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in given))
            given = [path]
        outputs = {name: tmp_path / f"out/{name}.jsonl" for name in JSONL}
        outputs["stats"] = tmp_path / "out/stats.json"
        words = [word for item in outputs.items() for word in (f"--{item[0]}", item[1])]
        split_pairs.main(list(map(str, ["--input", *given, *words, *flags])))
        found = {
            name: [json.loads(line) for line in outputs[name].read_text().splitlines()]
            for name in JSONL
        }
        return found | {"stats": read_json(outputs["stats"])}

    return divided


def texts_of(row):
    return {text_key(text) for text in (row["query"], *row["pos"])}


def rows_of(count, **more):
    return [{"query": f"q{n}", "pos": [f"p{n}"], **more} for n in range(count)]


# The side that rows give themselves.


def test_a_given_side_is_followed_and_dev_is_drawn_from_train(divided):
    given = [
        row | {"split": ("train", "test")[n % 2]} for n, row in enumerate(rows_of(60))
    ]
    found = divided(given)
    assert {row["query"] for row in found["test"]} == {f"q{n}" for n in range(1, 60, 2)}
    assert len(found["train"]) + len(found["dev"]) == 30
    assert 1 <= len(found["dev"]) <= 5
    assert not found["rejected"]


def test_rows_without_a_side_are_divided_among_those_that_none_is_given(divided):
    given = [row | {"split": "test"} for row in rows_of(10)]
    given += [{"query": f"a{n}", "pos": [f"b{n}"]} for n in range(90)]
    found = divided(given)
    assert {row["query"] for row in found["test"]} == {f"q{n}" for n in range(10)}
    assert len(found["dev"]) == 10
    assert len(found["train"]) == 80


def test_all_may_be_given_to_train_but_not_to_test(divided):
    """A dataset to train on whose test queries are another's."""
    found = divided([row | {"split": "train"} for row in rows_of(20)])
    assert [len(found[side]) for side in SIDES] == [18, 2, 0]
    with pytest.raises(InputError, match=r"mine\.jsonl, `split`: leaves no pair for"):
        divided([row | {"split": "test"} for row in rows_of(20)])


def test_a_volume_given_to_two_sides_is_followed_and_said(divided, caplog):
    rows = [
        row | {"volume": "v", "split": ("train", "test")[n % 2]}
        for n, row in enumerate(rows_of(20))
    ]
    rows.append({"query": "a", "pos": ["b"], "volume": "v"})
    found = divided(rows, "--shares", "0.8", "0", "0.2")
    assert [len(found[side]) for side in SIDES] == [10, 0, 10]
    (aside,) = found["rejected"]
    assert aside["query"] == "a"
    assert "more than one side" in aside["reason"]
    assert "1 group(s) (volumes" in caplog.text
    assert {row["text"] for row in found["mining"]} == {
        f"p{n}" for n in range(0, 20, 2)
    }


def test_of_volumes_on_several_sides_dev_is_drawn_by_passages(divided):
    rows = [
        {"query": f"q{n}", "pos": [f"p{n // 2}"], "volume": f"v{n % 3}"}
        | {"split": "test" if n % 5 < 2 else "train"}
        for n in range(100)
    ]
    found = divided(rows)
    assert len(found["test"]) == 40
    assert 3 <= len(found["dev"]) <= 8
    texts = [set().union(*map(texts_of, found[side])) for side in SIDES]
    assert not texts[0] & texts[1]
    assert not (texts[0] | texts[1]) & texts[2]
    mined = {text_key(row["text"]) for row in found["mining"]}
    assert mined == {key for row in found["train"] for key in map(text_key, row["pos"])}


def random_rows(draw):
    """Rows that share texts, however written, and volumes, some with a side."""
    texts = [f"Text nummer {n} på en sida" for n in range(80)]

    def text():
        one = draw.choice(texts)
        return written_otherwise(one, draw) if draw.random() < 0.3 else one

    rows = []
    for n in range(120):
        row = {
            "query": text() if draw.random() < 0.1 else f"fråga {draw.randrange(100)}",
            "pos": [text() for _ in range(draw.choice((1, 1, 2)))],
        }
        if draw.random() < 0.7:
            row["volume"] = f"v{draw.randrange(40)}"
            row["first_page"] = draw.randrange(30)
        side = draw.choice((None, None, *SIDES))
        if side:
            row["split"] = side
        rows.append(row | {"row": n})
    return rows


@pytest.mark.parametrize("by", ["volume", "pages", "passage"])
@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_trained_on_that_is_given_to_be_tested(divided, seed, by):
    rows = random_rows(random.Random(seed))
    found = divided(rows, "--group-by", by, "--seed", seed)
    texts = {
        side: set().union(set(), *map(texts_of, found[side]))
        for side in ("train", "dev", "test")
    }
    assert not texts["train"] & (texts["test"] | texts["dev"])
    assert not texts["dev"] & texts["test"]
    for side in SIDES:
        assert {row.get("split", side) for row in found[side]} <= {side}
    # All that is given to test is there, whatever else has its texts.
    asked = {text_key(row["query"]) for row in rows if row.get("split") == "test"}
    assert asked <= {text_key(row["query"]) for row in found["test"]}
    # What says nothing of itself does not come into a volume that is given to test.
    if by == "volume":
        held = {row.get("volume") for row in rows if row.get("split") == "test"} - {
            None
        }
        given = {text_key(row["query"]) for row in rows if "split" in row}
        assert not any(
            row.get("volume") in held
            for row in found["train"]
            if text_key(row["query"]) not in given
        )
    mined = {text_key(row["text"]) for row in found["mining"]}
    assert not mined & {
        key
        for side in ("dev", "test")
        for row in found[side]
        for key in map(text_key, row["pos"])
    }
    ids = [row["id"] for side in SIDES for row in found[side]]
    assert len(ids) == len(set(ids))
    stats = found["stats"]
    assert sum(stats["set_aside"].values()) == len(found["rejected"])
    assert all(row["reason"] for row in found["rejected"])


@pytest.mark.parametrize("side", ["validation", "Test", 1, ["test"], True, ""])
def test_a_side_that_is_none_is_one_sentence(divided, side):
    rows = [*rows_of(3), {"query": "q", "pos": ["p"], "split": side}]
    with pytest.raises(InputError, match="expected train, dev or test") as caught:
        divided(rows)
    assert (caught.value.line, caught.value.key) == (4, "split")
    with pytest.raises(InputError, match="by `split`"):
        divided(
            [row | {"split": "train"} for row in rows_of(3)],
            *("--group-by", "year", "--test-years", "[1880, null]"),
        )


# Negatives and scores.


def test_rows_without_a_negative_are_left_out_of_train_and_counted(divided, caplog):
    rows = [row | {"neg": [f"n{n}"]} for n, row in enumerate(rows_of(40))]
    rows[3]["neg"], rows[4]["neg"], rows[5]["neg"] = [], None, ["p5"]
    del rows[6]["neg"]
    for row in rows:
        row["split"] = "train"
    found = divided(rows, "--negatives", "--shares", "0.8", "0", "0.2")
    assert {row["query"] for row in found["rejected"]} == {"q3", "q4", "q5", "q6"}
    assert len(found["train"]) == 36
    (reason,) = found["stats"]["set_aside"]
    assert found["stats"]["set_aside"][reason] == 4
    assert "mine.jsonl, line 4" in caplog.text
    with pytest.raises(InputError, match=r"mine\.jsonl, `neg`: gives no negative"):
        divided(rows_of(40), "--negatives")
    # Elsewhere they are not needed.
    assert len(divided(rows_of(40))["train"]) == 32


def test_scores_that_are_missing_are_said_of_the_users_file(divided, caplog):
    rows = [
        row | {"neg": ["n"], "pos_scores": [1.0], "neg_scores": [0.5]}
        for row in rows_of(20)
    ]
    found = divided(rows, "--negatives", "--scores")
    assert all(row["pos_scores"] == [1.0] for row in found["train"])
    del rows[7]["neg_scores"]
    with pytest.raises(InputError, match=r"mine\.jsonl, line 8, `neg_scores`"):
        divided(rows, "--negatives", "--scores")
    # Where the teacher makes them, those of some rows are none.
    found = divided(rows, "--negatives")
    assert not any("pos_scores" in row for row in found["train"])
    assert "19 of 20 rows have the teacher's scores" in caplog.text


# A pool of candidates.


def test_a_pool_is_searched_and_mined_but_not_where_it_is_held_out(divided, tmp_path):
    rows = [row | {"volume": f"v{n}"} for n, row in enumerate(rows_of(20))]
    pool = tmp_path / "pool.jsonl"
    candidates = [
        *({"text": f"other {n}", "id": n, "volume": f"v{n}"} for n in range(20)),
        {"passage": "from nowhere", "type": "letter"},
        {"text": " P3 ", "id": "the same text otherwise"},
        {"text": "p4", "year": "1850"},
    ]
    pool.write_text("".join(json.dumps(one) + "\n" for one in candidates))
    found = divided(rows, "--pool", pool)
    corpus = {row["text"]: row for row in found["corpus"]}
    assert len(corpus) == 20 + 20 + 2
    assert corpus["from nowhere"]["type"] == "letter"
    assert corpus["other 7"]["pool_id"] == "7"
    assert (corpus["p4"]["volume"], corpus["p4"]["year"]) == ("v4", 1850)
    held = {row["volume"] for side in ("dev", "test") for row in found[side]}
    mined = {row["text"]: row for row in found["mining"]}
    assert held
    assert not held & {row.get("volume") for row in mined.values()}
    assert "from nowhere" in mined
    assert (" P3 " in mined) == ("v3" not in held)
    assert {len(found[side]) for side in SIDES} == {16, 2}


def test_a_pool_says_of_which_volume_a_positive_is(divided, tmp_path):
    pool = tmp_path / "pool.jsonl"
    pool.write_text(
        "".join(
            json.dumps({"text": f"p{n}", "volume": f"v{n % 4}"}) + "\n"
            for n in range(40)
        )
    )
    found = divided(rows_of(40), "--pool", pool)
    volumes = [{int(row["query"][1:]) % 4 for row in found[side]} for side in SIDES]
    assert sum(map(len, volumes)) == 4


@pytest.mark.parametrize(
    ("candidate", "key"),
    [
        ({"title": "no text"}, "text"),
        ({"text": ["a"]}, "text"),
        ({"passage": " "}, "passage"),
        ({"text": "t", "id": ["x"]}, "id"),
        ({"text": "t", "volume": {}}, "volume"),
        ({"text": "t", "first_page": 4, "last_page": 2}, "last_page"),
    ],
)
def test_a_bad_candidate_is_one_sentence_or_set_aside(
    divided, tmp_path, candidate, key
):
    pool = tmp_path / "pool.jsonl"
    pool.write_text(json.dumps({"text": "good"}) + "\n" + json.dumps(candidate) + "\n")
    with pytest.raises(InputError) as caught:
        divided(rows_of(20), "--pool", pool)
    assert (caught.value.file, caught.value.line) == (str(pool), 2)
    assert caught.value.key == key
    found = divided(rows_of(20), "--pool", pool, "--on-bad-input", "skip")
    (bad,) = found["rejected"]
    assert (bad["file"], bad["line"]) == (str(pool), 2)
    assert found["stats"]["bad_lines"] == 1


# Packed files.


def test_rows_and_pool_may_be_packed(divided, tmp_path):
    path = tmp_path / "mine.jsonl.gz"
    lines = [json.dumps(row) + "\n" for row in rows_of(20)]
    path.write_bytes(gzip.compress("".join(lines).encode()))
    found = divided(
        (path,), "--pool", path.with_name("mine.jsonl.gz"), "--on-bad-input", "skip"
    )
    assert sum(len(found[side]) for side in SIDES) == 20
    # Rows are no passages of a pool.
    assert found["stats"]["bad_lines"] == 20
    lines[4] = '{"query": "q", "pos": []}\n'
    path.write_bytes(gzip.compress("".join(lines).encode()))
    with pytest.raises(InputError, match=r"mine\.jsonl\.gz, line 5, `pos`"):
        divided((path,))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"mine\.jsonl\.gz: is damaged"):
        divided((path,), "--on-bad-input", "skip")
