"""Near-duplicates of some passages among all, against comparing every pair."""

import numpy as np
import pytest

from arkiv.text.duplicates_of import duplicates_of
from arkiv.text.shingles import shingles


def compared(wanted, texts, jaccard):
    """Every pair, by Python's sets."""
    sets = [set(shingles(text).tolist()) for text in texts]
    found = []
    for text in wanted:
        own = set(shingles(text).tolist())
        found.append(
            [
                row
                for row, other in enumerate(sets)
                if own and len(own & other) / len(own | other) >= jaccard
            ]
        )
    return found


def misread(words, share, generator):
    """The words with a share of them read otherwise."""
    return [w if generator.random() > share else f"{w}x" for w in words]


@pytest.fixture(scope="module")
def texts():
    """Passages of few common words, copies of some with any share of errors."""
    generator = np.random.default_rng(3)
    vocabulary = [f"ord{n}" for n in range(60)]
    plain = [
        list(generator.choice(vocabulary, generator.integers(1, 60)))
        for _ in range(150)
    ]
    copied = [
        misread(words, share, generator)
        for words in plain[:40]
        for share in (0, 0.05, 0.1, 0.2, 0.3)
    ]
    # A copy that lost its end, one that is part of something longer, and no words.
    cut = [words[: len(words) * 2 // 3] for words in plain[:40]]
    longer = [words + plain[-1] for words in plain[:20]]
    made = [" ".join(words) for words in plain + copied + cut + longer]
    made += ["", "…", "ord1", "Ord1!"]
    return [made[place] for place in generator.permutation(len(made))]


@pytest.mark.parametrize("jaccard", [0.05, 0.3, 0.4, 0.5, 2 / 3, 0.8, 1.0])
def test_every_near_duplicate_is_found_and_nothing_else(texts, jaccard, tmp_path):
    wanted = texts[::3]
    found = duplicates_of(wanted, iter(texts), jaccard, tmp_path)
    assert found == compared(wanted, texts, jaccard)
    assert any(len(rows) > 1 for rows in found)


def test_a_pair_that_shares_just_enough_is_found(tmp_path):
    # 2 of 5 triples: 0.4 is no binary fraction.
    one, other = "a b c d x y", "a b c d u"
    share = len(set(shingles(one)) & set(shingles(other))) / 5
    assert share == 0.4
    assert duplicates_of([one], [other], 0.4, tmp_path) == [[0]]
    assert duplicates_of([one], [other], 0.41, tmp_path) == [[]]


def test_nothing_wanted_or_nothing_there(tmp_path):
    assert duplicates_of([], ["a b c"], 0.4, tmp_path) == []
    assert duplicates_of(["a b c"], [], 0.4, tmp_path) == [[]]
    assert duplicates_of([""], ["", "a"], 0.4, tmp_path) == [[]]
