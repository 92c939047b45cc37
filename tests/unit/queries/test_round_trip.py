"""Whether a query leads back to its passage, against what the words say."""

import random
import re

import numpy as np
import pytest

from arkiv.base.files import write_records
from arkiv.base.hashing import content_id
from arkiv.pairs.passages import Passages
from arkiv.queries.round_trip import Asked, by_id, depth_for, found_at


def passages_of(folder, texts):
    rows = [{"id": content_id(text), "text": text} for text in texts]
    write_records(folder / "corpus.jsonl", rows)
    return Passages(folder / "corpus.jsonl")


def plain(text):
    return " ".join(text.split()).casefold()


def triples(text):
    words = re.findall(r"\w+", text.casefold())
    size = min(3, len(words))
    places = range(len(words) - size + 1) if words else ()
    return {tuple(words[place : place + size]) for place in places}


def alike(one, other):
    """Whether two texts are one: by their letters, or by 0.4 of their word triples."""
    both = triples(one) | triples(other)
    shared = len(triples(one) & triples(other))
    return plain(one) == plain(other) or (bool(shared) and shared / len(both) >= 0.4)


def expected(asked, ranked, top, itself):
    """At which rank, by lists of texts in the order of a ranking."""
    for one, texts in zip(asked, ranked, strict=True):
        if not itself and plain(one.query) not in map(plain, one.passages):
            texts = [text for text in texts if plain(text) != plain(one.query)]
        yield next(
            (
                rank
                for rank, text in enumerate(texts[:top])
                if any(alike(text, own) for own in one.passages)
            ),
            None,
        )


def texts_of(draw):
    """Texts of which some are others in other letters, some nearly others."""
    words = [f"ord{n}" for n in range(30)]
    texts = [" ".join(draw.choices(words, k=draw.randint(1, 12))) for _ in range(24)]
    for text in draw.sample(texts, 6):
        texts.append(f"  {text.upper()} ")
        changed = text.split()
        changed[draw.randrange(len(changed))] = draw.choice(words)
        texts.append(" ".join(changed))
    return list(dict.fromkeys(texts))


@pytest.mark.parametrize("seed", range(12))
def test_found_is_what_has_the_words_of_a_positive(tmp_path, seed):
    draw = random.Random(seed)
    texts = texts_of(draw)
    passages = passages_of(tmp_path, texts)
    asked = [
        Asked(
            # Some queries are passages too, and some of these their own answer.
            draw.choice([*texts[:3], "vem", "hvad"]),
            draw.sample([*texts, "står ej i arkivet"], draw.randint(1, 3)),
        )
        for _ in range(40)
    ]
    for top in (1, 3, 10, 100):
        depth = depth_for(asked, passages, top)
        ranked = [
            np.array(draw.sample(range(len(texts)), len(texts))[:depth], np.int64)
            for _ in asked
        ]
        for itself in (False, True):
            found = list(found_at(asked, passages, ranked, top, itself=itself))
            shown = [[texts[row] for row in rows] for rows in ranked]
            assert found == list(expected(asked, shown, top, itself))
            assert None in found or top > 10
            assert set(found) != {None}


def test_nothing_that_was_ranked_is_nothing_found(tmp_path):
    passages = passages_of(tmp_path, ["ett", "två"])
    none = np.zeros(0, np.int64)
    assert list(found_at([Asked("q", ["ett"])], passages, [none], 5)) == [None]


def test_ties_go_by_id_wherever_passages_stand(tmp_path):
    texts = [f"stycke {n}" for n in range(9)]
    for seed in range(3):
        random.Random(seed).shuffle(texts)
        passages = passages_of(tmp_path, texts)
        ids = [passages.ids[row] for row in by_id(passages)]
        assert ids == sorted(map(content_id, texts))
