"""Each filter on candidates for negatives against a naive loop."""

import re
from functools import partial

import numpy as np
import pytest

from arkiv.base.errors import InputError
from arkiv.base.files import Part, write_records
from arkiv.base.hashing import content_id, text_key
from arkiv.mining.corpus import Candidates, Corpus
from arkiv.mining.embeddings import CorpusEmbeddings
from arkiv.mining.filtering import check_positives, first_to_drop
from arkiv.mining.filters import filters_by, grouped
from arkiv.mining.settings import Mining
from arkiv.pairs.passages import Passages
from arkiv.text.shingles import Shingles, shingles

COUNT, DIM = 120, 12
WORDS = ("kvarn", "å", "skog", "arv", "bot", "häst", "Ed")


def unit(vectors):
    vectors = np.asarray(vectors, np.float64)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


class Planted:
    """Random texts, places and vectors, and a query with two positives."""

    def __init__(self, folder, parts=3, seed=0):
        draw = np.random.default_rng(seed)
        self.texts = [
            " ".join(draw.choice(WORDS, size=draw.integers(1, 9))) + f" {n}."
            for n in range(COUNT)
        ]
        # Copies of the positives with a word or two changed.
        for row in range(10, 30):
            words = (self.texts[row % 2] + " som är lång nog för flera ord").split()
            words[row % len(words)] = f"annat{row}"
            self.texts[row] = " ".join(words)
        for row in (0, 1):
            self.texts[row] += " som är lång nog för flera ord"
        self.passages = [
            {
                "id": content_id(text),
                "text": text,
                "volume": f"v{draw.integers(4)}",
                "first_page": int(page := draw.integers(1, 60)),
                "last_page": int(page + draw.integers(0, 3)),
            }
            for text in self.texts
        ]
        self.vectors = unit(draw.normal(size=(COUNT, DIM)) + 0.5)
        self.vectors[40:50] = unit(
            self.vectors[0].astype(float) + draw.normal(size=(10, DIM)) * 0.05
        )
        self.queries = unit(draw.normal(size=(1, DIM)) + 0.5)
        self.pair = {
            "id": "q",
            "query": "fråga",
            "pos": self.texts[:2],
            "pos_ids": [passage["id"] for passage in self.passages[:2]],
        }
        self.folder, self.parts = folder, parts
        write_records(folder / "corpus.jsonl", self.passages)
        np.save(folder / "queries.npy", self.queries)
        self.save()

    def save(self):
        """Write the vectors, part by part."""
        for index in range(self.parts):
            rows = Part(index + 1, self.parts).bounds(COUNT)
            part = self.vectors[rows.start : rows.stop]
            np.save(self.folder / f"{index}.npy", part)

    def naive_scores(self):
        query = self.queries[0].tolist()
        return [
            float(np.float32(sum(a * b for a, b in zip(query, row, strict=True))))
            for row in self.vectors.tolist()
        ]

    def dropped(self, pair=None, block_pages=20, **settings):
        """Rows that the filters drop, by filter."""
        settings = Mining(**{"duplicate_jaccard": None} | settings)
        filters = [one for one in filters_by(vars(settings)) if one.key]
        pair = pair or self.pair
        paths = [self.folder / f"{index}.npy" for index in range(self.parts)]
        groups = partial(grouped, filters, block_pages=block_pages)
        with Passages(self.folder / "corpus.jsonl", groups) as passages:
            vectors = CorpusEmbeddings(paths, self.folder / "queries.npy", COUNT, 1)
            corpus = Corpus(passages, vectors, block_pages, self.folder)
            keys = map(text_key, pair["pos"])
            positives = dict(zip(pair["pos_ids"], keys, strict=True))
            query = corpus.query(pair, self.queries[0], positives)
            check_positives(query, filters)
            rows = np.arange(COUNT)
            scores = corpus.similarities(query.embedding, rows)
            verdicts = first_to_drop(
                filters, corpus, query, Candidates(passages, rows, scores.astype(float))
            )
        found = {}
        for row, name in enumerate(verdicts):
            if name is not None:
                found.setdefault(name, set()).add(row)
        return found, query, scores


@pytest.fixture
def corpus(tmp_path):
    return Planted(tmp_path)


def test_without_limits_nothing_is_dropped(corpus):
    found, query, scores = corpus.dropped()
    assert found == {}
    assert scores.tolist() == corpus.naive_scores()
    assert query.own_similarities == corpus.naive_scores()[:2]


@pytest.mark.parametrize("parts", [1, 3, 16])
@pytest.mark.parametrize(
    ("rule", "value", "drops"),
    [
        ("relative_margin", 0.05, lambda score, p: score > p - 0.05 * abs(p)),
        ("relative_margin", 0.0, lambda score, p: score > p),
        ("absolute_margin", 0.1, lambda score, p: score > p - 0.1),
        ("max_score", 0.6, lambda score, _: score > 0.6),
        ("min_score", 0.2, lambda score, _: score < 0.2),
    ],
)
def test_limits_on_the_score(tmp_path, parts, rule, value, drops):
    corpus = Planted(tmp_path, parts)
    scores = corpus.naive_scores()
    # Measured from the positive that scores lowest.
    expected = {row for row in range(COUNT) if drops(scores[row], min(scores[:2]))}
    assert 0 < len(expected) < COUNT
    assert corpus.dropped(**{rule: value})[0] == {rule: expected}


def test_a_margin_below_zero_is_taken_from_the_size_of_the_score(corpus):
    corpus.queries[:] = -corpus.queries
    np.save(corpus.folder / "queries.npy", corpus.queries)
    scores = corpus.naive_scores()
    lowest = min(scores[:2])
    assert lowest < 0
    expected = {row for row in range(COUNT) if scores[row] > 1.2 * lowest}
    assert corpus.dropped(relative_margin=0.2)[0] == {"relative_margin": expected}


def words(text):
    return re.findall(r"\w+", text.casefold())


def naive_jaccard(one, other):
    def runs(text):
        size = min(3, len(words(text)))
        return {
            tuple(words(text)[n : n + size]) for n in range(len(words(text)) - size + 1)
        }

    return len(runs(one) & runs(other)) / len(runs(one) | runs(other))


@pytest.mark.parametrize("limit", [0.2, 0.5, 1.0])
def test_near_duplicates_by_words(corpus, limit):
    expected = {
        row
        for row, text in enumerate(corpus.texts)
        if max(naive_jaccard(text, positive) for positive in corpus.texts[:2]) >= limit
    }
    found = corpus.dropped(duplicate_jaccard=limit)[0]
    assert found == {"near_duplicate": expected}
    assert {0, 1} <= expected
    assert (len(expected) > 2) == (limit < 1)


def test_near_duplicates_by_vector(corpus):
    def cosine(one, other):
        one, other = one.astype(float), other.astype(float)
        return one @ other / np.linalg.norm(one) / np.linalg.norm(other)

    # Rounding takes from the length; the cosine does not see it.
    corpus.vectors[:2] *= np.float16(0.985)
    corpus.save()
    expected = {
        row
        for row in range(COUNT)
        if max(cosine(corpus.vectors[row], corpus.vectors[n]) for n in (0, 1)) >= 0.9
    }
    assert expected >= {0, 1, *range(40, 50)}
    assert corpus.dropped(duplicate_cosine=0.9)[0] == {"near_vector": expected}
    assert corpus.dropped(duplicate_cosine=1.0)[0]["near_vector"] >= {0, 1}


@pytest.mark.parametrize("block", ["pages", "volume"])
def test_the_block_or_volume_of_a_positive(corpus, block):
    def touched(passage):
        if block == "volume":
            return {passage["volume"]}
        pages = passage["first_page"] // 10, passage["last_page"] // 10
        return {(passage["volume"], page) for page in range(pages[0], pages[1] + 1)}

    own = touched(corpus.passages[0]) | touched(corpus.passages[1])
    expected = {n for n, one in enumerate(corpus.passages) if own & touched(one)}
    assert 2 < len(expected) < COUNT
    found = corpus.dropped(same_block=block, block_pages=10)[0]
    assert found == {"same_block": expected}


def test_passages_without_provenance_have_nothing_in_common(corpus):
    write_records(
        corpus.folder / "corpus.jsonl",
        [{"id": one["id"], "text": one["text"]} for one in corpus.passages],
    )
    assert corpus.dropped(same_block="volume")[0] == {}
    write_records(
        corpus.folder / "corpus.jsonl",
        [
            {"id": one["id"], "text": one["text"], "group": f"g{row % 30}"}
            for row, one in enumerate(corpus.passages)
        ],
    )
    expected = {row for row in range(COUNT) if row % 30 in (0, 1)}
    assert corpus.dropped(same_block="volume")[0] == {"same_block": expected}


def test_the_first_rule_that_holds_is_the_one_that_counts(corpus):
    alone = {
        rule: corpus.dropped(**{limit: value})[0][rule]
        for rule, limit, value in (
            ("near_duplicate", "duplicate_jaccard", 0.4),
            ("max_score", "max_score", 0.3),
        )
    }
    both = corpus.dropped(duplicate_jaccard=0.4, max_score=0.3)[0]
    assert both["near_duplicate"] == alone["near_duplicate"]
    assert both["max_score"] == alone["max_score"] - alone["near_duplicate"]
    assert alone["max_score"] & alone["near_duplicate"]


def elsewhere(pair, text):
    return pair | {"pos": [text], "pos_ids": ["given-by-hand"]}


def test_a_positive_under_another_id_is_found_by_its_text(corpus):
    other = elsewhere(corpus.pair, corpus.texts[7].upper())
    assert corpus.dropped(other)[1].own_similarities == [corpus.naive_scores()[7]]


def test_of_a_positive_that_the_corpus_lacks_only_the_words_are_known(corpus):
    other = elsewhere(corpus.pair, corpus.texts[7] + " till")
    found, query, _ = corpus.dropped(other, duplicate_jaccard=0.6)
    assert query.own_similarities == [None]
    expected = {
        row
        for row, text in enumerate(corpus.texts)
        if naive_jaccard(text, other["pos"][0]) >= 0.6
    }
    assert found == {"near_duplicate": expected}
    assert 7 in expected
    for limit in ("relative_margin", "absolute_margin", "duplicate_cosine"):
        with pytest.raises(
            InputError, match=rf"holds given-by-hand, which is .*, so `{limit}` cannot"
        ):
            corpus.dropped(other, **{limit: 0.1})


@pytest.mark.parametrize("text", ["", "...", "ett", "ett två", "ett två tre fyra"])
def test_shingles_of_few_words(text):
    assert len(shingles(text)) == max(len(words(text)) - 2, min(1, len(words(text))))
    assert shingles(text).tolist() == shingles(f" {text.upper()}! ").tolist()


def test_texts_without_a_word_have_nothing_in_common(tmp_path):
    wordings = Shingles(["!", "?"], tmp_path)
    assert wordings.overlaps(shingles("!"), np.array([0, 1])).tolist() == [0, 0]
    assert wordings.overlaps(shingles("ord"), np.array([1])).tolist() == [0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("nan", r"1\.npy: row 3 holds NaN"),
        ("truncated", r"1\.npy: is truncated or damaged"),
        ("dimension", rf"1\.npy: has vectors of {DIM - 1} dimensions, but the queries"),
        ("rows", r"1\.npy: has 39 rows, but part 2 of 3 of the corpus has 40 passages"),
        ("queries", r"queries\.npy: is not a \.npy file"),
    ],
)
def test_damaged_embeddings_are_named(corpus, fault, said):
    path, part = corpus.folder / "1.npy", np.load(corpus.folder / "1.npy")
    if fault == "nan":
        part[3, 2] = np.nan
        np.save(path, part)
    elif fault == "truncated":
        path.write_bytes(path.read_bytes()[:-5])
    elif fault == "dimension":
        np.save(path, unit(part[:, :-1]))
    elif fault == "rows":
        np.save(path, part[:-1])
    else:
        (corpus.folder / "queries.npy").write_text("no")
    with pytest.raises(InputError, match=said):
        corpus.dropped()
