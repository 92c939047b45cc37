"""Searching a part and picking negatives, from the command line."""

import numpy as np
import pytest
from project import records

import pick_negatives
import search_corpus
from arkiv.errors import InputError
from arkiv.files import read_json, write_records
from arkiv.hashing import content_id


class Mining:
    """A corpus, its train pairs and random vectors in a folder."""

    def __init__(self, folder, texts, pairs, seed=0):
        self.folder = folder
        self.texts, self.pairs = texts, pairs
        draw = np.random.default_rng(seed)
        self.vectors = self._unit(draw, len(texts))
        self.queries = self._unit(draw, len(pairs))
        write_records(
            folder / "corpus.jsonl",
            ({"id": content_id(text), "text": text} for text in texts),
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
    def _unit(draw, count):
        vectors = draw.normal(size=(count, 16))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
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
