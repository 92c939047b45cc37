"""Searching a part and picking negatives, from the command line."""

import random
import re
import sys

import numpy as np
import pytest
from project import records
from same_text import plain, written_otherwise

import pick_negatives
import plot_negatives
import search_bm25
import search_corpus
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_records
from arkiv.base.hashing import content_id, text_key
from arkiv.mining import ivf
from arkiv.mining.nearest import NEIGHBOUR, NO_NEIGHBOUR


class Mining:
    """A corpus, its train pairs and random vectors in a folder."""

    def __init__(self, folder, texts, pairs, seed=0, volumes=None):
        self.folder = folder
        self.texts, self.pairs = texts, pairs
        draw = np.random.default_rng(seed)
        self.vectors = self.unit(draw.normal(size=(len(texts), 16)))
        self.queries = self.unit(draw.normal(size=(len(pairs), 16)))
        write_records(
            folder / "corpus.jsonl",
            (
                {"id": content_id(text), "text": text}
                | ({"volume": volumes[row]} if volumes else {})
                for row, text in enumerate(texts)
            ),
        )
        write_records(
            folder / "pairs.jsonl",
            (
                {
                    "id": f"q{n}",
                    "query": query,
                    "pos": pos,
                    "pos_ids": [content_id(text) for text in pos],
                }
                for n, (query, pos) in enumerate(pairs)
            ),
        )

    @staticmethod
    def unit(vectors):
        """float16 vectors of length 1, as far as float16 goes."""
        vectors = np.asarray(vectors, np.float64)
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors.astype(np.float16)

    def search(self, parts, depth, *more):
        np.save(self.folder / "queries.npy", self.queries)
        found = []
        for index in range(1, parts + 1):
            start, stop = (len(self.texts) * i // parts for i in (index - 1, index))
            np.save(self.folder / "part.npy", self.vectors[start:stop])
            np.save(
                self.folder / f"embeddings-{index}-of-{parts}.npy",
                self.vectors[start:stop],
            )
            found.append(self.folder / f"{index}-of-{parts}.npy")
            search_corpus.main(
                [
                    *("--queries", str(self.folder / "queries.npy")),
                    *("--embeddings", str(self.folder / "part.npy")),
                    *("--corpus", str(self.folder / "corpus.jsonl")),
                    *("--part", f"{index}-of-{parts}"),
                    *("--depth", str(depth)),
                    *("--output", str(found[-1])),
                    *more,
                ]
            )
        return found

    def pick(self, found, window, embeddings=None, **options):
        beside = [path.parent / f"embeddings-{path.name}" for path in found]
        words = [
            *("--pairs", str(self.folder / "pairs.jsonl")),
            *("--corpus", str(self.folder / "corpus.jsonl")),
            *("--neighbours", *map(str, found)),
            *("--queries", str(self.folder / "queries.npy")),
            *("--embeddings", *map(str, embeddings or beside)),
            *("--window", *map(str, window)),
            *("--output", str(self.folder / "negatives.jsonl")),
            *("--stats", str(self.folder / "stats.json")),
        ]
        for name, value in options.items():
            values = value if isinstance(value, list) else [value]
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
        pick_negatives.main(words)
        return records(self.folder / "negatives.jsonl")

    def mine(self, parts=1, window=(2, 20), **options):
        return self.pick(self.search(parts, window[1]), window, **options)

    def ranking(self, query):
        """Texts by descending exact score."""
        scores = self.vectors.astype(float) @ self.queries[query].astype(float)
        return [self.texts[row] for row in np.argsort(-scores, kind="stable")]


@pytest.fixture
def mining(tmp_path):
    texts = [f"passage {n}" for n in range(60)]
    return Mining(tmp_path, texts, [(f"query {n}", [texts[n]]) for n in range(10)])


def test_top_takes_the_first_of_the_window(mining):
    for n, row in enumerate(mining.mine(sampling="top", negatives_per_query=3)):
        window = [t for t in mining.ranking(n)[2:20] if t not in row["pos"]]
        assert row["neg"] == window[:3]
        assert row["neg_ids"] == [content_id(text) for text in row["neg"]]


def test_random_takes_from_the_whole_window_and_nothing_else(mining):
    rows = mining.mine(sampling="random", negatives_per_query=5)
    ranks = set()
    for n, row in enumerate(rows):
        assert set(row["neg"]) <= set(mining.ranking(n)[2:20]) - set(row["pos"])
        assert len(set(row["neg"])) == 5
        assert row["neg_ranks"] == [mining.ranking(n).index(t) for t in row["neg"]]
        ranks.update(row["neg_ranks"])
    assert min(ranks) < 6
    assert max(ranks) > 15


def test_the_seed_decides(mining):
    one, same, other = (mining.mine(seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


@pytest.mark.parametrize("parts", [3, 16])
def test_parts_do_not_show(mining, parts):
    mining.mine(parts=1)
    whole = (mining.folder / "negatives.jsonl").read_bytes()
    mining.mine(parts=parts)
    assert (mining.folder / "negatives.jsonl").read_bytes() == whole


def test_positives_of_the_same_query_and_copies_are_no_negatives(tmp_path):
    """Planted: siblings, the query itself, and copies that differ in case or space."""
    texts = [
        "the ruling",
        "The  Ruling",
        "sibling",
        "who sued?",
        "copy",
        "COPY",
        "copy ",
        *(f"other {n}" for n in range(4)),
    ]
    pairs = [("who sued?", ["the ruling"]), ("Who  sued?", ["sibling"])]
    mining = Mining(tmp_path, texts, pairs)
    rows = mining.mine(window=(0, len(texts)), negatives_per_query=7)
    for row in rows:
        keys = [" ".join(text.split()).casefold() for text in row["neg"]]
        assert sorted(keys) == ["copy", "other 0", "other 1", "other 2", "other 3"]
    stats = read_json(tmp_path / "stats.json")
    assert stats["short"] == 2
    assert {rule: n for rule, n in stats["dropped"]["dense"].items() if n} == {
        "positive": 2,
        "sibling": 2,
        "same_text": 2,
        "query": 2,
        "repeat": 4,
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bm25_share", [0, 0.5])
def test_no_spelling_of_a_positive_is_a_negative(
    tiny_embedder, tmp_path, seed, bm25_share
):
    draw = random.Random(seed)
    wordings = [f"Åke hörde målet om ån {n} på häradstinget" for n in range(20)]
    texts = [written_otherwise(text, draw) for text in wordings for _ in range(3)]
    pairs = [
        (
            written_otherwise(f"Vem ägde ån {n // 2}?", draw),
            [written_otherwise(wordings[n], draw)],
        )
        for n in range(8)
    ]
    texts += [pos for _, (pos,) in pairs]
    mining = Mining(tmp_path, list(dict.fromkeys(texts)), pairs)
    options = {"negatives_per_query": 9, "shortfall": ["wider", "random"]}
    if bm25_share:
        bm25 = tmp_path / "bm25.npy"
        words = ["--pairs", tmp_path / "pairs.jsonl", "--depth", 30, "--output", bm25]
        words += ["--corpus", tmp_path / "corpus.jsonl"]
        words += ["--tokenizer", tiny_embedder]
        search_bm25.main(list(map(str, words)))
        options |= {"bm25": str(bm25), "bm25_share": bm25_share}
    rows = mining.pick(mining.search(2, 60), (0, 30), **options)
    positives = {}
    for query, pos in pairs:
        positives.setdefault(plain(query), set()).update(map(plain, pos))
    for row in rows:
        own = positives[plain(row["query"])]
        found = list(map(plain, row["neg"]))
        assert len(found) == len(set(found)) == 9
        assert not own.intersection(found)
    dropped = read_json(tmp_path / "stats.json")["dropped"]["dense"]
    assert dropped["same_text"] > 8
    assert dropped["repeat"] > 8


def test_too_small_a_window_is_filled_up_without_repeats(mining):
    for n, row in enumerate(mining.mine(window=(2, 4), negatives_per_query=7)):
        assert len(set(row["neg"])) == 7
        assert not set(row["neg"]) & set(row["pos"])
        # What ranks before the window may well be relevant: it stays out.
        assert not set(row["neg"]) & set(mining.ranking(n)[:2])
    stats = read_json(mining.folder / "stats.json")
    assert stats["short_of_window"] == stats["filled"]["random"] == 10
    assert stats["sources"]["random"] == 70 - stats["sources"]["dense"]


def with_negatives(mining, given):
    """Give pairs negatives of their own."""
    pairs = records(mining.folder / "pairs.jsonl")
    for row, texts in zip(pairs, given, strict=False):
        row |= {"neg": texts, "neg_ids": [content_id(text) for text in texts]}
    write_records(mining.folder / "pairs.jsonl", pairs)


def kept_negatives(mining, **options):
    """What is picked where the negatives that pairs have are kept, in its order."""
    found = mining.search(1, 20)
    return mining.pick(found, (2, 20), keep_given=[], sampling="top", **options)


def test_negatives_that_are_given_are_kept_and_filled_up(mining):
    """Be they positives' neighbours or twice there, but for positives themselves."""
    first = [text for text in mining.ranking(0) if text != mining.texts[0]]
    many = [mining.texts[n] for n in range(20, 30)]
    given = [[first[0], mining.texts[0], first[0], first[4]], many, []]
    with_negatives(mining, given)
    rows = kept_negatives(mining, negatives_per_query=5, max_score=0.0)
    own = [first[0], first[4]]
    assert rows[0]["neg"][:2] == own
    assert rows[0]["neg_sources"][:2] == ["given"] * 2
    assert len(rows[0]["neg"]) == len(set(rows[0]["neg"])) == 5
    assert rows[1]["neg"] == many
    ranks = {text: rank for rank, text in enumerate(mining.ranking(0))}
    assert rows[0]["neg_ranks"][:2] == [ranks[text] for text in own]
    stats = read_json(mining.folder / "stats.json")
    assert stats["sources"]["given"] == 12
    rows = kept_negatives(mining, negatives_per_query=5)
    window = [text for text in mining.ranking(0)[2:20] if text != mining.texts[0]]
    assert rows[0]["neg"][2:] == [text for text in window if text not in own][:3]
    assert rows[2]["neg_sources"] == ["dense"] * 5


def test_the_audit_counts_what_was_given_beside_what_was_mined(mining):
    files = {}
    for name in ("mined", "kept"):
        if name == "kept":
            with_negatives(mining, [["passage 20"], ["passage 21"]])
            kept_negatives(mining)
        else:
            mining.mine()
        for file in ("negatives.jsonl", "stats.json"):
            files[name, file] = mining.folder / f"{name}.{file}"
            (mining.folder / file).rename(files[name, file])
    folder, words = mining.folder, {}
    for flag, file in (("--rows", "negatives.jsonl"), ("--stats", "stats.json")):
        words[flag] = [f"{name}={files[name, file]}" for name in ("mined", "kept")]
    plot_negatives.main(
        [
            *("--rows", *words["--rows"], "--stats", *words["--stats"]),
            *("--page", str(folder / "audit.html")),
            *("--chart", str(folder / "audit.svg")),
            *("--numbers", str(folder / "audit.json")),
        ]
    )
    numbers = read_json(folder / "audit.json")
    lines = {name: dict(numbers[name]["lines"]) for name in ("mined", "kept")}
    assert lines["mined"].keys() == lines["kept"].keys()
    counts = [lines[name]["negatives: given"] for name in ("mined", "kept")]
    assert counts == ["–", "2"]


def test_a_given_negative_that_the_corpus_lacks_is_named(mining):
    with_negatives(mining, [["passage elsewhere"]])
    with pytest.raises(InputError, match=r"line 1, `neg_ids`: holds .* not in"):
        kept_negatives(mining)


def test_a_corpus_smaller_than_the_window_is_used_up(tmp_path, caplog):
    texts = [f"passage {n}" for n in range(5)]
    mining = Mining(tmp_path, texts, [("query", [texts[0]])])
    (row,) = mining.mine(window=(2, 200), negatives_per_query=7)
    assert sorted(row["neg"]) == texts[1:]
    assert "the corpus has 5 passages: clipped" in caplog.text
    assert "1 pairs have fewer than 7 negatives" in caplog.text


def test_a_window_beyond_the_corpus_is_refused(tmp_path):
    mining = Mining(tmp_path, ["a", "b"], [("query", ["a"])])
    with pytest.raises(
        InputError, match="`window`: begins at rank 2, but the corpus has 2 passage"
    ):
        mining.mine(window=(2, 200))
    assert not (tmp_path / "negatives.jsonl").exists()


def test_a_corpus_of_positives_alone_is_refused(tmp_path):
    mining = Mining(tmp_path, ["a", "b"], [("query", ["a", "b"])])
    with pytest.raises(InputError, match="holds nothing but positives"):
        mining.mine(window=(0, 2))


def test_a_missing_part_is_noticed(mining):
    found = mining.search(3, 30)
    whole = [mining.folder / f"embeddings-{n}-of-3.npy" for n in (1, 2, 3)]
    with pytest.raises(InputError, match="is a part missing"):
        mining.pick(found[:1], (2, 30), embeddings=whole)


def test_what_the_window_lacks_comes_from_beyond_it_then_from_anywhere(mining):
    options = {"window": (2, 6), "negatives_per_query": 12, "sampling": "top"}
    found = mining.search(3, 9)
    for n, row in enumerate(
        mining.pick(found, shortfall=["wider", "random"], **options)
    ):
        ranking, own = mining.ranking(n), row["pos"]
        window, wider = (
            [text for text in ranking[slice(*ranks)] if text not in own]
            for ranks in ((2, 6), (6, 9))
        )
        sources = ["dense"] * len(window) + ["wider"] * len(wider)
        assert row["neg_sources"] == sources + ["random"] * (12 - len(sources))
        assert row["neg"][: len(sources)] == window + wider
        assert len(set(row["neg"])) == 12
    stats = read_json(mining.folder / "stats.json")
    assert stats["filled"] == {"wider": 10, "random": 10}
    assert sum(stats["sources"].values()) == 120
    assert stats["short"] == 0

    rows = mining.pick(found, shortfall=["fewer"], **options)
    assert {source for row in rows for source in row["neg_sources"]} == {"dense"}
    stats = read_json(mining.folder / "stats.json")
    assert stats["filled"] == {"wider": 0, "random": 0}
    assert stats["short"] == stats["short_of_window"] == 10


def test_what_fills_up_repeats_no_text_of_the_window(tmp_path):
    texts = [f"passage {n}" for n in range(30)]
    texts += [text.upper() for text in texts]
    mining = Mining(tmp_path, texts, [(f"query {n}", [texts[n]]) for n in range(5)])
    found = mining.search(2, 60)
    for row in mining.pick(found, (0, 20), negatives_per_query=40, shortfall=["wider"]):
        assert set(row["neg_sources"]) == {"dense", "wider"}
        assert len(set(map(text_key, row["neg"]))) == len(row["neg"]) == 29


def test_limits_hold_for_what_fills_up_too(mining):
    options = {"window": (0, 3), "max_score": 0.0, "negatives_per_query": 30}
    rows = mining.pick(mining.search(1, 8), shortfall=["wider", "random"], **options)
    assert {source for row in rows for source in row["neg_sources"]} == {"random"}
    assert all(max(row["neg_similarities"]) <= 0 for row in rows)
    stats = read_json(mining.folder / "stats.json")
    assert stats["dropped"]["random"]["max_score"]
    # A random passage is easy by design: it need not reach the lowest score.
    rows = mining.mine(window=(0, 3), min_score=2.0, negatives_per_query=4)
    assert [row["neg_sources"] for row in rows] == [["random"] * 4] * 10
    assert read_json(mining.folder / "stats.json")["dropped"]["dense"]["min_score"]


def test_filters_that_leave_nothing_are_named(mining):
    with pytest.raises(InputError, match="nothing but positives and what the filters"):
        mining.mine(window=(0, 60), max_score=-2)
    assert not (mining.folder / "negatives.jsonl").exists()


def test_a_positive_beyond_the_searched_depth_has_its_exact_score(mining):
    rows = mining.mine(window=(0, 3), relative_margin=0.05, negatives_per_query=3)
    scores = mining.queries.astype(float) @ mining.vectors.T.astype(float)
    deep = 0
    for n, row in enumerate(rows):
        assert row["pos_similarities"] == [float(np.float32(scores[n, n]))]
        assert max(row["neg_similarities"]) <= 0.95 * scores[n, n] or scores[n, n] < 0
        deep += mining.ranking(n).index(row["pos"][0]) >= 3
    assert deep > 5


def test_a_positive_that_the_corpus_lacks_is_named_with_its_line(tmp_path):
    texts = [f"passage {n}" for n in range(9)]
    mining = Mining(tmp_path, texts, [("one", [texts[0]]), ("two", ["elsewhere"])])
    with pytest.raises(
        InputError, match=r"pairs\.jsonl, line 2, `pos_ids`: holds .* `relative_margin`"
    ):
        mining.mine(relative_margin=0.1)
    rows = mining.mine()
    assert rows[1]["pos_similarities"] == [None]
    assert read_json(tmp_path / "stats.json")["positives_outside"] == 1


def test_parts_out_of_order_are_noticed(mining):
    found = mining.search(3, 20)
    swapped = [mining.folder / f"embeddings-{n}-of-3.npy" for n in (2, 1, 3)]
    with pytest.raises(InputError, match=r"`embeddings`: give passage .* out of order"):
        mining.pick(found, (2, 20), embeddings=swapped)


class Planted(Mining):
    """A dozen queries, each with passages that answer it though its row lacks them.

    Beside query n's positive: the same text in capitals (copy), with a word read
    otherwise (near), a passage of its volume in other words (volume), and the positive
    of another row with the same query (sibling). Also a passage that is the query.
    All are nearer to the query than any honest passage, but for one near-duplicate
    whose embedding is far off (deep).
    """

    KINDS = ("positive", "copy", "near", "volume", "sibling", "query", "deep")
    HONEST = 25

    def __init__(self, folder):
        draw = np.random.default_rng(3)
        dozen = range(12)

        def wording(name):
            return " ".join(f"{name}{word}" for word in range(30))

        texts, volumes, scores, self.planted, pairs = [], [], [], {}, []
        for n in dozen:
            text = wording(f"p{n}x")
            found = {
                "positive": text,
                "copy": text.upper(),
                "near": text.replace("x9 ", "xnine "),
                "volume": wording(f"v{n}x"),
                "sibling": wording(f"s{n}x"),
                "query": f"Who did  {n}?",
                "deep": text.replace("x20 ", "xtwenty "),
            }
            self.planted[n] = found
            for kind in self.KINDS:
                texts.append(found[kind])
                near = kind in ("positive", "copy", "near", "volume", "deep")
                volumes.append(f"volume {n}" if near else f"{kind} {n}")
                scores.append((n, -0.5 if kind == "deep" else draw.uniform(0.7, 0.9)))
            pairs.append((f"who did {n}?", [text]))
        pairs += [(f"Who did {n}? ", [self.planted[n]["sibling"]]) for n in dozen]
        for n in range(self.HONEST):
            texts.append(wording(f"h{n}x"))
            volumes.append(f"honest {n}")
            scores.append((n % 12, draw.uniform(0.3, 0.6)))
        super().__init__(folder, texts, pairs, volumes=volumes)
        self.queries = np.concatenate([np.eye(12, 16, dtype=np.float16)] * 2)
        rest = np.zeros((len(texts), 16))
        rest[:, 12:] = draw.normal(size=(len(texts), 4))
        rest /= np.linalg.norm(rest, axis=1, keepdims=True)
        towards = np.zeros((len(texts), 16))
        for row, (n, score) in enumerate(scores):
            towards[row, n] = score
            rest[row] *= np.sqrt(1 - score**2)
        self.vectors = self.unit(towards + rest)

    def of(self, number):
        """What is planted for a pair, by kind."""
        return self.planted[number % 12]

    def audit(self):
        """The cells of the audit's tables, by the title of their line."""
        page = self.folder / "audit.html"
        plot_negatives.main(
            [
                *("--rows", f"planted={self.folder / 'negatives.jsonl'}"),
                *("--stats", f"planted={self.folder / 'stats.json'}"),
                *("--page", str(page)),
                *("--chart", str(self.folder / "audit.svg")),
                *("--numbers", str(self.folder / "audit.json")),
            ]
        )
        lines = re.findall(r'<th scope="row">(.*?)</th>(.*)', page.read_text())
        return {title: re.findall("<td[^>]*>(.*?)</td>", rest) for title, rest in lines}

    def by_reference(self, window, negatives):
        """What hn_mine's rule lets in, from the same rankings."""
        for number, (query, pos) in enumerate(self.pairs):
            found = self.ranking(number)[slice(*window)]
            found = [text for text in found if text not in pos and text != query]
            yield found[:negatives]


STRICT = {
    "duplicate_jaccard": 0.4,
    "same_block": "volume",
    "shortfall": ["wider", "random"],
}


@pytest.mark.parametrize("parts", [1, 3, 16])
def test_no_planted_passage_becomes_a_negative(tmp_path, parts):
    planted = Planted(tmp_path)
    for number, negatives in enumerate(planted.by_reference((0, 6), 7)):
        kinds = {kind for kind, text in planted.of(number).items() if text in negatives}
        # hn_mine knows its own positive, as written, and nothing else.
        own = "positive" if number < 12 else "sibling"
        assert kinds == set(planted.KINDS) - {own, "deep"}

    everything = set(map(text_key, planted.texts))
    # As many as are in the whole corpus: what fills up must leave them out as well.
    found = planted.search(parts, 20)
    rows = planted.pick(found, (0, 6), negatives_per_query=len(planted.texts), **STRICT)
    assert len(rows) == 24
    for number, row in enumerate(rows):
        barred = set(map(text_key, planted.of(number).values()))
        # None of them, and nothing else lacking.
        assert set(map(text_key, row["neg"])) == everything - barred
        assert len(row["neg"]) == len(everything - barred)
        assert set(row["neg_sources"]) == {"wider", "random"}
    stats = read_json(tmp_path / "stats.json")
    assert {rule: n for rule, n in stats["dropped"]["dense"].items() if n} == {
        "positive": 24,
        "sibling": 24,
        "query": 24,
        "same_text": 24,
        "same_block": 48,
    }
    assert stats["short_of_window"] == 24
    assert stats["filled"] == {"wider": 24, "random": 24}
    # The audit says so: of 6 ranks of 24 queries.
    page = planted.audit()
    assert page["candidates looked at"][1] == "144"
    assert page["positive of another row with the query"][1] == "24 (16.7%)"
    assert page["text of a positive under another id"][1] == "24 (16.7%)"
    assert page["same block or volume as a positive"][1] == "48 (33.3%)"
    assert page["pairs: the window left too few"] == ["24"]
    assert page["negatives: embeddings"] == ["0"]
    written = (tmp_path / "negatives.jsonl").read_bytes()

    planted.pick(
        planted.search(1, 20), (0, 6), negatives_per_query=len(planted.texts), **STRICT
    )
    assert (tmp_path / "negatives.jsonl").read_bytes() == written


def test_each_planted_kind_is_kept_out_by_a_rule_of_its_own(tmp_path):
    planted = Planted(tmp_path)
    found = planted.search(2, 20)

    def let_in(duplicate_jaccard="null", **options):
        options |= {"duplicate_jaccard": duplicate_jaccard, "shortfall": "fewer"}
        rows = planted.pick(found, (0, 6), **options)
        kinds = set()
        for number, row in enumerate(rows):
            texts = planted.of(number)
            kinds |= {kind for kind in texts if texts[kind] in row["neg"]}
        return kinds

    # Copies and siblings are known without any filter.
    assert let_in() == {"near", "volume"}
    assert let_in(duplicate_jaccard=0.4) == {"volume"}
    with pytest.raises(InputError, match="leaves no negative"):
        let_in(same_block="volume", duplicate_jaccard=0.4)


def test_pairs_without_lines_are_refused(mining):
    found = mining.search(1, 20)
    (mining.folder / "pairs.jsonl").write_text("")
    with pytest.raises(InputError, match=r"pairs\.jsonl: holds no training pairs"):
        mining.pick(found, (2, 20))


def lexical(mining, rankings, depth=30):
    """Write neighbours by BM25: rows of the corpus by rank for each query."""
    found = np.full((len(rankings), depth), NO_NEIGHBOUR, NEIGHBOUR)
    for neighbours, ranking in zip(found, rankings, strict=True):
        rows = ranking[:depth]
        neighbours["row"][: len(rows)] = rows
        neighbours["score"][: len(rows)] = -np.arange(len(rows), dtype=float)
    path = mining.folder / "bm25.npy"
    np.save(path, found)
    return path


@pytest.mark.parametrize("sampling", ["top", "random"])
@pytest.mark.parametrize(
    ("share", "from_bm25"), [(0.01, 1), (0.3, 2), (0.5, 3), (1.0, 6)]
)
def test_a_share_of_the_negatives_comes_from_bm25(mining, share, from_bm25, sampling):
    # Far from what the embeddings find, so that the two have little in common.
    orders = [
        [mining.texts.index(text) for text in reversed(mining.ranking(n))]
        for n in range(10)
    ]
    rows = mining.mine(
        window=(2, 20),
        negatives_per_query=6,
        sampling=sampling,
        bm25=lexical(mining, orders),
        bm25_share=share,
    )
    scores = mining.queries.astype(float) @ mining.vectors.T.astype(float)
    for n, row in enumerate(rows):
        assert row["neg_sources"] == ["dense"] * (6 - from_bm25) + ["bm25"] * from_bm25
        for text, source, rank, similarity in zip(
            *(row[key] for key in ("neg", "neg_sources", "neg_ranks")),
            row["neg_similarities"],
            strict=True,
        ):
            order = {"dense": mining.ranking(n), "bm25": mining.ranking(n)[::-1]}
            assert order[source][rank] == text
            assert 2 <= rank < 20
            # The score is that of the embeddings, whichever miner found it.
            expected = scores[n, mining.texts.index(text)]
            assert similarity == pytest.approx(expected, abs=1e-6)
        assert len(set(row["neg"])) == 6
        if sampling == "top":
            window = [t for t in mining.ranking(n)[::-1][2:20] if t not in row["pos"]]
            assert row["neg"][6 - from_bm25 :] == window[:from_bm25]
    stats = read_json(mining.folder / "stats.json")
    assert stats["sources"]["bm25"] == 10 * from_bm25


def test_what_one_miner_lacks_the_other_makes_up_for(mining):
    # BM25 found three passages for the first query, and none for the others.
    few = [mining.texts.index(text) for text in mining.ranking(0)[-3:]]
    bm25 = lexical(mining, [few] + [[]] * 9)
    rows = mining.mine(window=(2, 20), negatives_per_query=6, bm25=bm25, bm25_share=0.5)
    assert [row["neg_sources"].count("bm25") for row in rows] == [1] + [0] * 9
    assert [row["neg_sources"].count("dense") for row in rows] == [5] + [6] * 9
    assert read_json(mining.folder / "stats.json")["short_of_window"] == 0


def test_what_one_miner_ranks_before_the_window_is_no_candidate_of_the_other(mining):
    orders = [
        [mining.texts.index(text) for text in mining.ranking(n)] for n in range(10)
    ]
    # Swap the first two ranks with the next two.
    orders = [[*rows[2:4], *rows[:2], *rows[4:]] for rows in orders]
    options = {"window": (2, 6), "negatives_per_query": 8, "shortfall": "fewer"}
    bm25 = lexical(mining, orders)
    for n, row in enumerate(mining.mine(bm25=bm25, bm25_share=0.5, **options)):
        assert set(row["neg"]) <= set(mining.ranking(n)[4:6])
    dropped = read_json(mining.folder / "stats.json")["dropped"]
    assert dropped["dense"]["before_window"] + dropped["dense"]["positive"] >= 20
    assert dropped["bm25"]["before_window"] + dropped["bm25"]["positive"] >= 20


def test_a_share_without_neighbours_and_the_reverse_are_refused(mining):
    found = mining.search(1, 20)
    with pytest.raises(InputError, match="`bm25_share`: goes together with --bm25"):
        mining.pick(found, (2, 20), bm25_share=0.5)
    with pytest.raises(InputError, match="`bm25_share`: goes together with --bm25"):
        mining.pick(found, (2, 20), bm25=lexical(mining, [[]] * 10))
    bm25 = lexical(mining, [[]] * 9)
    with pytest.raises(InputError, match=r"bm25\.npy: has 9 rows, but there are 10"):
        mining.pick(found, (2, 20), bm25=bm25, bm25_share=0.5)


def test_bm25_ranks_the_corpus_with_ties_by_id_in_whatever_order(
    tmp_path, tiny_embedder
):
    texts = [f"kvarnen vid ån {word}" for word in "ett två tre fyra fem".split()]
    texts += ["hus", "kvarnen vid ån såldes", "Zzz"]
    mining = Mining(tmp_path, texts, [("kvarnen vid ån såldes", texts[:1])] * 2)

    def found(depth=9):
        search_bm25.main(
            [
                *("--pairs", str(tmp_path / "pairs.jsonl")),
                *("--corpus", str(tmp_path / "corpus.jsonl")),
                *("--tokenizer", str(tiny_embedder)),
                *("--depth", str(depth)),
                *("--output", str(tmp_path / "bm25.npy")),
            ]
        )
        found = np.load(tmp_path / "bm25.npy")
        assert (found.dtype, found.shape) == (NEIGHBOUR, (2, depth))
        ids = [row["id"] for row in records(tmp_path / "corpus.jsonl")]
        return [(ids[row], score) for row, score in found[0].tolist() if row >= 0]

    ranked = found()
    assert ranked[0][0] == content_id("kvarnen vid ån såldes")
    assert ranked == sorted(ranked, key=lambda one: (-one[1], one[0]))
    assert len({score for _, score in ranked}) < len(ranked)  # there are ties
    assert content_id("hus") not in dict(ranked)
    assert found(3) == ranked[:3]
    write_records(
        tmp_path / "corpus.jsonl",
        ({"id": content_id(text), "text": text} for text in reversed(mining.texts)),
    )
    assert found() == ranked


def test_vectors_of_another_part_are_refused(mining):
    mining.search(2, 5)
    with pytest.raises(InputError, match=r"part\.npy: has 30 rows, but part 1-of-1"):
        search_corpus.main(
            [
                *("--queries", str(mining.folder / "queries.npy")),
                *("--embeddings", str(mining.folder / "part.npy")),
                *("--corpus", str(mining.folder / "corpus.jsonl")),
                *("--part", "1-of-1"),
                *("--output", str(mining.folder / "out.npy")),
            ]
        )
    assert not (mining.folder / "out.npy").exists()


def test_approximate_search_measures_what_it_misses(mining, monkeypatch):
    monkeypatch.setattr(ivf, "LEAST_PASSAGES", 20)
    recall = mining.folder / "recall.json"
    words = ("--index", "ivf", "--recall", str(recall), "--probes")
    exact = np.load(mining.search(1, 20)[0])
    found = np.load(mining.search(1, 20, *words, "1000")[0])
    assert (found == exact).all()
    assert read_json(recall)["recall"] == 1.0
    found = np.load(mining.search(1, 20, *words, "3")[0])
    shares = [
        len(set(one[one >= 0]) & set(other)) / 20
        for one, other in zip(found["row"], exact["row"], strict=True)
    ]
    said = read_json(recall)
    assert said["recall"] == pytest.approx(np.mean(shares))
    assert said["lowest"] == min(shares) < 1
    assert (said["queries"], said["depth"], said["probes"]) == (10, 20, 3)


@pytest.mark.parametrize("parts", [1, 3, 16])
def test_torch_finds_what_faiss_finds(mining, parts, caplog):
    caplog.set_level("INFO")
    files = []
    for way in ("faiss", "torch"):
        found = mining.search(parts, 20, "--search", way)
        files.append([path.read_bytes() for path in found])
        assert f"by {way} on the CPU in" in caplog.text
    assert files[0] == files[1]


def test_without_faiss_torch_searches_and_lists_are_refused(mining, monkeypatch):
    (found,) = mining.search(1, 20)
    exact = found.read_bytes()
    found.unlink()
    monkeypatch.setitem(sys.modules, "faiss", None)
    (found,) = mining.search(1, 20)
    assert found.read_bytes() == exact
    with pytest.raises(InputError, match="`index`: is ivf, which needs faiss"):
        mining.search(1, 20, "--index", "ivf", "--recall", "recall.json")
    with pytest.raises(InputError, match="`search`: is faiss, but faiss is not"):
        mining.search(1, 20, "--search", "faiss")


def test_recall_without_lists_is_refused(mining):
    with pytest.raises(InputError, match="`recall`: goes together with --index ivf"):
        mining.search(1, 20, "--index", "ivf")
