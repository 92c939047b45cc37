"""Ids and seeded choices depend on content alone."""

import random

from same_text import plain, written_otherwise

from arkiv.base.hashing import content_id, rng, text_key, uniform


def test_ids_tell_contents_apart():
    assert content_id("a", "b") == content_id("a", "b")
    assert len({content_id("ab", "c"), content_id("a", "bc"), content_id("abc")}) == 3
    assert len({content_id(n) for n in range(10_000)}) == 10_000


def test_choices_are_uniform_and_differ_by_seed():
    values = [uniform(1, n) for n in range(10_000)]
    assert all(0 <= value < 1 for value in values)
    assert abs(sum(values) / len(values) - 0.5) < 0.02
    assert uniform(1, "x") != uniform(2, "x")
    assert rng(1, "x").random() == rng(1, "x").random() != rng(2, "x").random()


def test_one_text_has_one_key_however_it_is_written():
    draw = random.Random(1)
    letters = "abåäöÅÄÖéüßſøŁçñ.,-1§"
    texts = [
        " ".join(
            "".join(draw.choices(letters, k=draw.randint(1, 4)))
            for _ in range(draw.randint(1, 3))
        )
        for _ in range(2000)
    ]
    texts += [written_otherwise(text, draw) for text in texts for _ in range(3)]
    keys = {}
    for text in texts:
        assert keys.setdefault(plain(text), text_key(text)) == text_key(text)
    assert len(set(keys.values())) == len(keys) > 1500
    assert 3 * len(keys) < len(set(texts))


def test_ids_stay_what_they_are():
    # Files of earlier runs hold these: a change of the hash orphans them.
    assert content_id("Hofrätten") == "53ffa59eecafa107"
