"""The split keeps volumes, blocks, passages and query texts on one side."""

import random

import pytest
from same_text import plain, written_otherwise

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_id
from arkiv.pairs.division import (
    SPLITS,
    check_pair,
    divide,
    groups_of,
    merged,
    text_keys,
    with_ids,
)
from arkiv.pairs.drawing import too_few

SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}


def keyed(row):
    row = with_ids(row)
    return row | {"text_keys": text_keys(row)}


def pair(query, passage, **provenance):
    return keyed({"query": query, "pos": [passage], **provenance})


def random_pairs(seed, count=400):
    """Pairs over 30 volumes, some passages and some queries met twice."""
    draw = random.Random(seed)
    pairs = []
    for n in range(count):
        first = draw.randrange(200)
        pairs.append(
            pair(
                f"query {draw.randrange(380) if draw.random() < 0.05 else n}",
                f"passage {draw.randrange(380) if draw.random() < 0.05 else n}",
                volume=f"v{draw.randrange(30)}",
                first_page=first,
                last_page=first + draw.randrange(3),
            )
        )
    return pairs


@pytest.mark.parametrize("by", ["volume", "pages", "passage"])
@pytest.mark.parametrize("seed", range(5))
def test_nothing_stands_on_two_sides(by, seed):
    pairs = random_pairs(seed)
    division = divide(pairs, SHARES, by=by, block_pages=10, seed=seed)
    seen = {}
    for item in pairs:
        side = division.pair_side(item)
        if side is None:
            assert by == "pages"
            continue
        marks = [("query", item["id"]), ("passage", item["pos_ids"][0])]
        if by == "volume":
            marks.append(("volume", item["volume"]))
        if by == "pages":
            marks += [
                ("block", item["volume"], page // 10)
                for page in range(item["first_page"], item["last_page"] + 1)
            ]
        for mark in marks:
            assert seen.setdefault(mark, side) == side


@pytest.mark.parametrize("by", ["volume", "pages", "passage"])
@pytest.mark.parametrize("seed", range(5))
def test_one_text_stands_on_one_side_however_it_is_written(by, seed):
    draw = random.Random(seed)
    pairs = []
    for n in range(300):
        # Twice and three times: sixes hang together.
        query = f"Vad säger rätten om ärende {n // 2}?"
        passage = f"Häradsrätten pröfvade målet n:o {n // 3} å nyo"
        pairs.append(
            pair(
                written_otherwise(query, draw),
                written_otherwise(passage, draw),
                volume=f"v{n}",
                first_page=0,
                last_page=0,
            )
        )
    division = divide(pairs, SHARES, by=by, block_pages=3, seed=seed)
    assert division.groups == 50
    seen, ways = {}, {}
    for item in pairs:
        side = division.pair_side(item)
        assert side in SPLITS
        for text in (item["query"], item["pos"][0]):
            assert seen.setdefault(plain(text), side) == side
            ways.setdefault(plain(text), set()).add(text)
        # A document of its text and no pair of its own.
        copy = {"text": written_otherwise(item["pos"][0], draw)}
        found = division.side(copy, content_id(copy["text"]))
        assert found in (side, None)
    assert sum(len(texts) > 1 for texts in ways.values()) > 50


@pytest.mark.parametrize("by", ["volume", "pages", "passage"])
def test_a_query_and_a_passage_of_one_text_stand_on_one_side(by):
    """As where every text is asked for what is like it."""
    draw = random.Random(7)
    pairs = []
    for n in range(120):
        texts = [f"§ {n // 3}: Åke hörde målet {step}" for step in (n % 3, n % 3 + 1)]
        query, passage = (written_otherwise(text, draw) for text in texts)
        place = {"volume": f"v{n}", "first_page": 0, "last_page": 0}
        pairs.append(pair(query, passage, **place))
    division = divide(pairs, SHARES, by=by, block_pages=3, seed=1)
    assert division.groups == 40
    seen = {}
    for item in pairs:
        side = division.pair_side(item)
        for text in (item["query"], item["pos"][0]):
            assert seen.setdefault(plain(text), side) == side
        # A passage from nowhere goes where the query is that it is the text of.
        copy = written_otherwise(item["query"], draw)
        assert division.side({"text": copy}, content_id(copy)) == side


def test_of_one_text_in_a_row_the_first_is_kept():
    draw = random.Random(5)
    row = {
        "query": " Vem a\u0308gde kvarnen?",
        "pos": ["Åke ägde  den", "Per a\u030aterga\u030ar"],
        "pos_scores": [4, 3],
        "neg": ["ingen", "Eva hörde om målet", "åke A\u0308GDE den", "INGEN\n"],
        "neg_scores": [0, 1, 4, 0],
    }
    for _ in range(20):
        row["pos"].append(written_otherwise(draw.choice(row["pos"]), draw))
        row["pos_scores"].append(9)
    made = with_ids(row)
    assert made["query"] == " Vem ägde kvarnen?"
    assert made["pos"] == ["Åke ägde  den", "Per återgår"]
    assert made["pos_scores"] == [4, 3]
    assert made["neg"] == ["ingen", "Eva hörde om målet"]
    assert made["neg_scores"] == [0, 1]
    assert made["neg_ids"] == [content_id(text) for text in made["neg"]]


def test_shares_are_met_closely_when_groups_are_small():
    pairs = [pair(f"q{n}", f"p{n}", volume=f"v{n % 50}") for n in range(500)]
    division = divide(pairs, SHARES)
    sides = [division.pair_side(item) for item in pairs]
    assert {side: sides.count(side) for side in SPLITS} == {
        "train": 400,
        "dev": 50,
        "test": 50,
    }


def test_the_split_does_not_depend_on_the_order_of_the_pairs():
    pairs = random_pairs(1)
    shuffled = random.Random(2).sample(pairs, len(pairs))
    first, second = divide(pairs, SHARES), divide(shuffled, SHARES)
    assert [first.pair_side(p) for p in pairs] == [second.pair_side(p) for p in pairs]


def test_another_seed_is_another_split():
    pairs = [pair(f"q{n}", f"p{n}", volume=f"v{n % 50}") for n in range(500)]
    first, second = divide(pairs, SHARES), divide(pairs, SHARES, seed=1)
    assert [first.pair_side(p) for p in pairs] != [second.pair_side(p) for p in pairs]


def test_every_side_with_a_share_gets_a_group():
    pairs = [pair(f"q{n}", f"p{n}", volume=f"v{min(n, 2)}") for n in range(100)]
    division = divide(pairs, SHARES)
    assert {division.pair_side(item) for item in pairs} == set(SPLITS)
    only = divide(pairs, {"train": 0.8, "dev": 0, "test": 0.2})
    assert {only.pair_side(item) for item in pairs} == {"train", "test"}


def test_too_few_groups_are_refused_by_name():
    pairs = [pair(f"q{n}", f"p{n}", volume="v1") for n in range(100)]
    with pytest.raises(InputError, match=r"pairs\.group_by.*1 group"):
        divide(pairs, SHARES)


def test_a_document_over_the_end_of_a_block_touches_both():
    record = {"volume": "v", "first_page": 19, "last_page": 20}
    assert groups_of(record, "x", "pages", 20) == [("pages", "v", 0), ("pages", "v", 1)]
    assert groups_of({"group": "g"}, "x", "volume", 20) == [("group", "g")]
    assert groups_of({}, "x", "volume", 20) == [("passage", "x")]


def test_rows_of_one_query_become_one_with_all_positives():
    first = {"query": "q", "pos": ["a"], "neg": ["b", "c"], "neg_scores": [1.0, 2.0]}
    second = {"query": "q", "pos": ["c"], "neg": ["d", "b"], "neg_scores": [3.0, 4.0]}
    row = merged([with_ids(first), with_ids(second)])
    assert row["pos"] == ["a", "c"]
    assert row["neg"] == ["b", "d"]
    assert row["neg_scores"] == [1.0, 3.0]
    assert row["neg_ids"] == [content_id("b"), content_id("d")]


def test_texts_become_composed_and_ids_are_of_these():
    texts = ["Ha\u0308radsra\u0308tten", "H\u00e4r"]
    given = {"query": "ra\u0308tt", "pos": [texts[0]], "neg": [texts[1]] * 2}
    row = with_ids(given | {"neg_scores": [1, 2]})
    assert row["query"] == "r\u00e4tt"
    assert row["pos"] == ["H\u00e4radsr\u00e4tten"]
    assert row["pos_ids"] == [content_id("H\u00e4radsr\u00e4tten")]
    assert (row["neg"], row["neg_scores"]) == (["H\u00e4r"], [1])


def test_repeats_and_positives_among_the_negatives_go_with_their_scores():
    row = with_ids(
        {
            "query": "q",
            "pos": ["a", "a"],
            "neg": ["b", "a", "b", "c"],
            "pos_scores": [9, 9],
            "neg_scores": [1, 2, 3, 4],
        }
    )
    assert (row["pos"], row["pos_scores"]) == (["a"], [9])
    assert (row["neg"], row["neg_scores"]) == (["b", "c"], [1, 4])


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ({"pos": ["a"]}, "query"),
        ({"query": " ", "pos": ["a"]}, "query"),
        ({"query": 3, "pos": ["a"]}, "query"),
        ({"query": "q"}, "pos"),
        ({"query": "q", "pos": []}, "pos"),
        ({"query": "q", "pos": "a"}, "pos"),
        ({"query": "q", "pos": ["a"], "neg": [""]}, "neg"),
        ({"query": "q", "pos": ["a"], "pos_scores": [1, 2]}, "pos_scores"),
        ({"query": "q", "pos": ["a"], "pos_scores": [float("nan")]}, "pos_scores"),
        ({"query": "q", "pos": ["a"], "neg": ["b"], "neg_scores": ["1"]}, "neg_scores"),
    ],
)
def test_a_bad_pair_is_refused_by_key(record, key):
    with pytest.raises(InputError) as caught:
        check_pair(record)
    assert caught.value.key == key


def test_what_mining_said_stays_beside_its_negative():
    mined = {
        "query": "q",
        "pos": ["a"],
        "neg": ["b", "b", "a", "c"],
        "neg_sources": ["dense", "dense", "bm25", "random"],
        "neg_ranks": [3, 4, 5, None],
        "neg_similarities": [0.5, 0.4, 0.3, 0.2],
        "pos_similarities": [None],
    }
    check_pair(mined)
    one = with_ids(mined)
    assert one["neg"] == ["b", "c"]
    assert one["neg_sources"] == ["dense", "random"]
    assert one["neg_ranks"] == [3, None]
    assert one["neg_similarities"] == [0.5, 0.2]
    other = with_ids(
        mined
        | {"pos": ["d"], "neg": ["e"], "neg_ranks": [9]}
        | {"neg_sources": ["bm25"], "neg_similarities": [0.9]}
    )
    both = merged([one, other])
    assert both["neg"] == ["b", "c", "e"]
    assert both["neg_ranks"] == [3, None, 9]
    assert both["pos_similarities"] == [None, None]
    assert "neg_ranks" not in merged(
        [one, with_ids({"query": "q", "pos": ["d"], "neg": ["e"]})]
    )


@pytest.mark.parametrize(
    ("key", "values", "said"),
    [
        ("neg_ranks", [1], "holds 1 ranks for 2 texts of `neg`"),
        ("neg_ranks", [1, "2"], "is not a list of finite numbers and nulls"),
        ("neg_sources", ["dense", 3], "is not a list of texts"),
        ("pos_similarities", [float("nan")], "is not a list of finite numbers and"),
    ],
)
def test_what_mining_said_of_other_texts_is_refused(key, values, said):
    row = {"query": "q", "pos": ["a"], "neg": ["b", "c"], key: values}
    with pytest.raises(InputError, match=f"`{key}`: {said}"):
        check_pair(row)


def documents_in_order(count=600, volumes=12):
    """Documents of one or two pages that follow on, and pairs of each and of groups."""
    draw = random.Random(3)
    documents, page = [], 0
    for n in range(count):
        page = 0 if n % (count // volumes) == 0 else page
        last = page + (draw.random() < 0.3)
        provenance = {"volume": f"v{n * volumes // count}", "first_page": page}
        documents.append(pair(f"q{n}", f"p{n}", **provenance, last_page=last))
        page = last + (draw.random() < 0.7)
    groups = []
    for start in range(0, count - 4, 5):
        members = documents[start : start + 4]
        if members[0]["volume"] == members[-1]["volume"]:
            texts = {"query": f"group {start}", "pos": [m["pos"][0] for m in members]}
            ends = {"first_page": members[0]["first_page"]}
            ends["last_page"] = members[-1]["last_page"]
            groups.append(keyed(texts | {"volume": members[0]["volume"]} | ends))
    return documents, groups


@pytest.mark.parametrize("by", ["volume", "pages", "passage"])
def test_all_positives_of_a_query_stand_on_its_side(by):
    documents, groups = documents_in_order()
    origins = {one["pos_ids"][0]: one for one in documents}
    pairs = [*documents, *groups]
    division = divide(pairs, SHARES, by=by, block_pages=8, origins=origins)
    seen = {}
    aside = 0
    for item in pairs:
        side = division.pair_side(item)
        if side is None:
            aside += item in groups
            assert by == "pages"
            continue
        for passage in item["pos_ids"]:
            origin = origins[passage]
            marks = [("passage", passage)]
            if by == "volume":
                marks.append(origin["volume"])
            if by == "pages":
                blocks = range(origin["first_page"] // 8, origin["last_page"] // 8 + 1)
                marks += [(origin["volume"], block) for block in blocks]
            for mark in marks:
                assert seen.setdefault(mark, side) == side
    assert set(seen.values()) == set(SPLITS)
    if by == "pages":
        # Blocks do not all hang together; few groups lie over the end of one.
        blocks = {groups_of(one, "", by, 8)[0] for one in documents}
        assert division.groups == len(blocks)
        assert 0 < aside < len(groups) / 2


@pytest.mark.parametrize("by", ["volume", "passage"])
def test_too_few_groups_say_what_helps_and_what_does_not(by):
    said = too_few(by, 1, ("train", "dev"), None).reason
    assert ("or by passage" in said) == (by == "volume")
    assert "with a query or a passage in common are one group" in said
