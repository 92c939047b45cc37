"""Searching a part and picking negatives, from the command line."""

import numpy as np
import pytest
from project import records

import pick_negatives
import search_corpus
from arkiv.errors import InputError
from arkiv.files import read_json, write_records
from arkiv.hashing import content_id
from arkiv.lookup import text_key


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

    def search(self, parts, depth):
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
    for n, row in enumerate(mining.mine(sampling="top", negatives=3)):
        window = [t for t in mining.ranking(n)[2:20] if t not in row["pos"]]
        assert row["neg"] == window[:3]
        assert row["neg_ids"] == [content_id(text) for text in row["neg"]]


def test_random_takes_from_the_whole_window_and_nothing_else(mining):
    rows = mining.mine(sampling="random", negatives=5)
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
    rows = mining.mine(window=(0, len(texts)), negatives=7)
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


def test_too_small_a_window_is_filled_up_without_repeats(mining):
    for n, row in enumerate(mining.mine(window=(2, 4), negatives=7)):
        assert len(set(row["neg"])) == 7
        assert not set(row["neg"]) & set(row["pos"])
        # What ranks before the window may well be relevant: it stays out.
        assert not set(row["neg"]) & set(mining.ranking(n)[:2])
    stats = read_json(mining.folder / "stats.json")
    assert stats["short_of_window"] == stats["filled"]["random"] == 10
    assert stats["sources"]["random"] == 70 - stats["sources"]["dense"]


def test_a_corpus_smaller_than_the_window_is_used_up(tmp_path, caplog):
    texts = [f"passage {n}" for n in range(5)]
    mining = Mining(tmp_path, texts, [("query", [texts[0]])])
    (row,) = mining.mine(window=(2, 200), negatives=7)
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
    options = {"window": (2, 6), "negatives": 12, "sampling": "top"}
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


def test_limits_hold_for_what_fills_up_too(mining):
    options = {"window": (0, 3), "max_score": 0.0, "negatives": 30}
    rows = mining.pick(mining.search(1, 8), shortfall=["wider", "random"], **options)
    assert {source for row in rows for source in row["neg_sources"]} == {"random"}
    assert all(max(row["neg_similarities"]) <= 0 for row in rows)
    stats = read_json(mining.folder / "stats.json")
    assert stats["dropped"]["random"]["max_score"]
    # A random passage is easy by design: it need not reach the lowest score.
    rows = mining.mine(window=(0, 3), min_score=2.0, negatives=4)
    assert [row["neg_sources"] for row in rows] == [["random"] * 4] * 10
    assert read_json(mining.folder / "stats.json")["dropped"]["dense"]["min_score"]


def test_filters_that_leave_nothing_are_named(mining):
    with pytest.raises(InputError, match="nothing but positives and what the filters"):
        mining.mine(window=(0, 60), max_score=-2)
    assert not (mining.folder / "negatives.jsonl").exists()


def test_a_positive_beyond_the_searched_depth_has_its_exact_score(mining):
    rows = mining.mine(window=(0, 3), relative_margin=0.05, negatives=3)
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
    rows = planted.pick(found, (0, 6), negatives=len(planted.texts), **STRICT)
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
    written = (tmp_path / "negatives.jsonl").read_bytes()

    planted.pick(planted.search(1, 20), (0, 6), negatives=len(planted.texts), **STRICT)
    assert (tmp_path / "negatives.jsonl").read_bytes() == written


def test_each_planted_kind_is_kept_out_by_a_rule_of_its_own(tmp_path):
    planted = Planted(tmp_path)
    found = planted.search(2, 20)

    def let_in(**options):
        rows = planted.pick(found, (0, 6), negatives=7, shortfall="fewer", **options)
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
