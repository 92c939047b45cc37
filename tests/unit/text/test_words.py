"""Words and runs of characters as numbers."""

import random

import pytest

from arkiv.text.words import Grams, Words


def terms(numbered, texts):
    """The terms themselves, by the numbers that they have got."""
    ids = numbered.ids(texts)
    known = {number: term for term, number in numbered._numbers.items()}
    return [[known[number] for number in of.tolist()] for of in ids]


def test_runs_go_across_words_and_begin_at_each_character():
    found = terms(Grams(4), ["Ån, rann", "å", "", "—", "ån rann"])
    whole = [" ån ", "ån r", "n ra", " ran", "rann", "ann "]
    assert found == [whole, [" å "], [], [], whole]


@pytest.mark.parametrize("length", [1, 2, 4, 7])
def test_a_misread_letter_spoils_no_more_runs_than_it_is_in(length):
    generator = random.Random(length)
    grams = Grams(length)
    for _ in range(200):
        words = ["".join(generator.choices("abcå", k=5)) for _ in range(6)]
        text = " ".join(words)
        place = generator.choice([n for n, one in enumerate(text) if one != " "])
        misread = text[:place] + "z" + text[place + 1 :]
        one, other = grams.ids([text, misread])
        assert len(one) == len(other) == max(len(text) + 3 - length, 1)
        assert (one != other).sum() <= length


def test_numbers_are_those_of_before_whatever_is_asked_in_between():
    for numbered in (Words(), Grams(3)):
        first = [ids.tolist() for ids in numbered.ids(["torp och kvarn"])]
        numbered.ids(["något annat"])
        assert [ids.tolist() for ids in numbered.ids(["Torp, och kvarn"])] == first
