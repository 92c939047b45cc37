"""Questions in other words than the minutes'."""

import random
import re
from itertools import chain

import pytest

from arkiv.example.archive import CONFUSIONS, cases
from arkiv.example.questions import KEPT, NAMES, TEMPLATES, WORDS, asker
from arkiv.example.tiny import SPACE, build_tokenizer

MINUTES = list(cases(300, seed=5))
TODAY = set(chain(*WORDS.values()))


def words(text):
    return re.findall(r"\w+", text)


def test_every_word_of_the_table_stands_in_the_minutes():
    text = set(words(" ".join(cases(3000, seed=1))))
    assert WORDS.keys() <= text


def test_no_word_of_today_stands_in_the_minutes():
    """Else the table would call one thing by another's name."""
    in_both = TODAY & set(words(" ".join(cases(3000, seed=1))))
    assert not in_both
    assert len(TODAY) == sum(map(len, WORDS.values()))


def test_questions_are_of_matters_and_people_of_their_passage():
    asked = " ".join(template.format(who="", what="") for template in TEMPLATES)
    frame = {*words(asked), "och"}
    for n, text in enumerate(MINUTES):
        passage = set(words(text))
        ask = asker(text)
        for seed in range(3):
            for word in set(words(ask(random.Random(f"{n} {seed}")))) - frame:
                called = {old for old, new in WORDS.items() if word in new} or {word}
                assert called & passage, (word, text)


def test_most_words_are_others_than_the_passages():
    kept = other = 0
    for n, text in enumerate(MINUTES):
        for word in words(asker(text)(random.Random(n))):
            kept += word in WORDS.keys() - NAMES.keys()
            other += word in TODAY
    assert kept / (kept + other) == pytest.approx(KEPT, abs=0.05)


@pytest.mark.parametrize("text", ["", "§ 3.", "smeden Anders", "lön i spannmål"])
def test_a_passage_of_nothing_or_nobody_is_not_asked_for(text):
    assert asker(text) is None


def test_a_misread_passage_is_asked_for_by_what_is_legible():
    draw = random.Random(0)
    for text in MINUTES[:50]:
        misread = "".join(
            CONFUSIONS.get(letter, letter) if draw.random() < 0.03 else letter
            for letter in text
        )
        ask = asker(misread)
        assert ask is None or ask(draw)


def test_the_tokenizer_has_every_word_whole():
    tokenizer = build_tokenizer(6000, seed=0)
    for word in (*WORDS, *TODAY):
        assert tokenizer.tokenize(word) == [f"{SPACE}{word}"]
