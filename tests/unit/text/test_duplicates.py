"""Near-duplicates found by MinHash, against comparing all pairs."""

import random

import pytest

from arkiv.text import duplicates
from arkiv.text.duplicates import band_width, near_duplicates


def triples(text):
    words = text.lower().split()
    return {tuple(words[n : n + 3]) for n in range(max(1, len(words) - 2))}


def share(one, other):
    a, b = triples(one), triples(other)
    return len(a & b) / len(a | b)


def by_all_pairs(texts, jaccard):
    """Reference: the rows that are near-duplicates of an earlier one that is none."""
    kept, found = [], {}
    for row, text in enumerate(texts):
        near = [(share(text, texts[other]), -other) for other in kept]
        best, place = max(near, default=(0, 0))
        if best >= jaccard:
            found[row] = (-place, best)
        else:
            kept.append(row)
    return found


def transcriptions(seed, count=150):
    """Texts of which half are other transcriptions of earlier ones, by degrees."""
    draw = random.Random(seed)
    texts = []
    for _ in range(count):
        if texts and draw.random() < 0.5:
            rate = draw.choice((0.0, 0.01, 0.03, 0.1))
            text = draw.choice(texts).split()
            texts.append(" ".join(f"x{w}" if draw.random() < rate else w for w in text))
        else:
            words = (f"o{draw.randrange(400)}" for _ in range(draw.randrange(60, 200)))
            texts.append(" ".join(words))
    return texts


@pytest.mark.parametrize("jaccard", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("seed", range(2))
def test_as_by_comparing_all_pairs(tmp_path, seed, jaccard):
    texts = transcriptions(seed)
    expected = by_all_pairs(texts, jaccard)
    assert len(expected) > 20
    found = near_duplicates(texts, jaccard, tmp_path)
    assert found == {
        row: (other, pytest.approx(value)) for row, (other, value) in expected.items()
    }
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("jaccard", "width"), [(0.1, 1), (0.5, 3), (0.8, 6), (0.95, 14), (1.0, 128)]
)
def test_wider_bands_where_pairs_must_share_more(jaccard, width):
    assert band_width(jaccard) == width


def test_it_does_not_depend_on_the_run(tmp_path):
    texts = transcriptions(9)
    assert near_duplicates(texts, 0.7, tmp_path) == near_duplicates(
        texts, 0.7, tmp_path
    )


def test_few_words_none_and_no_text(tmp_path):
    assert near_duplicates([], 0.8, tmp_path) == {}
    texts = ["§", "ett två", "§ §", "ett två", "- -", "två ett"]
    assert near_duplicates(texts, 0.8, tmp_path) == {3: (1, 1.0)}


def test_only_pairs_that_signatures_bring_together_are_compared(tmp_path, monkeypatch):
    compared = []
    overlaps = duplicates.Shingles.overlaps
    monkeypatch.setattr(
        duplicates.Shingles,
        "overlaps",
        lambda self, of, rows: compared.extend(rows) or overlaps(self, of, rows),
    )
    texts = transcriptions(3, 300)
    near_duplicates(texts, 0.8, tmp_path)
    assert len(compared) < len(texts) * 3
