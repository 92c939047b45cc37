"""What of a language model's answers becomes a query, and which queries are refused."""

import pytest

from arkiv.base.errors import InputError
from arkiv.queries.quality import (
    COPIED,
    EMPTY,
    FORBIDDEN,
    LONG,
    check_forbidden,
    cleaned,
    copied_share,
    longest_run,
    mark,
    normal_form,
    refusal,
    words,
)
from arkiv.queries.settings import QueryLimits


@pytest.mark.parametrize(
    ("answer", "query"),
    [
        ("Vem stal hästen?", "Vem stal hästen?"),
        ("Vem stal ha\u0308sten?", "Vem stal hästen?"),
        ('  "Vem stal hästen?"\n', "Vem stal hästen?"),
        ("”Vem stal hästen?”", "Vem stal hästen?"),
        ("«Vem stal hästen?»", "Vem stal hästen?"),
        ("Fråga: Vem stal hästen?", "Vem stal hästen?"),
        ("**Sökfråga:** Vem stal hästen?", "Vem stal hästen?"),
        ('Question 1: "Vem stal hästen?"', "Vem stal hästen?"),
        ("1. Vem stal hästen?\n2. Vem köpte den?", "Vem stal hästen?"),
        ("- Vem stal\thästen?", "Vem stal hästen?"),
        ("Här är en fråga:\n\nVem stal hästen?\n", "Vem stal hästen?"),
        ("Here is the question:\n1) Fråga: ”Vem stal hästen?”", "Vem stal hästen?"),
        ("<think>En häst…\nVem?</think>\nVem stal hästen?", "Vem stal hästen?"),
        ("<think>En häst…", ""),
        ('Vad menas med "dråp"?', 'Vad menas med "dråp"?'),
        ('"Dråp" eller "mord"', '"Dråp" eller "mord"'),
        ("1734 års lag om dråp", "1734 års lag om dråp"),
        ("Svarade Nils: ja?", "Svarade Nils: ja?"),
        ("Frågan om: hästar", "Frågan om: hästar"),
        ("\n \n", ""),
        ("Fråga:", ""),
        ('""', ""),
    ],
)
def test_an_answer_is_cleaned(answer, query):
    assert cleaned(answer) == query
    assert cleaned(cleaned(answer)) == query


PASSAGE = (
    "Nämndemannen Per Olsson i Hult angaf att drängen Sven den 3 maj hade stulit en "
    "häst från änkan Karin, hvarföre rätten dömde honom till böter"
)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("Vem stal änkan Karins häst i Hult?", None),
        ("Per Olsson i Hult", None),
        ("", EMPTY),
        ("?!", EMPTY),
        ("vem " * 13, LONG),
        ("Vad säger texten om hästen?", FORBIDDEN),
        ("Vad står i THE PASSAGE?", FORBIDDEN),
        ("Kontexten till stölden?", None),
        ("Hade drängen SVEN, den 3 maj, hade stulit en häst?", COPIED),
        ("drängen Sven hade stulit en häst från änkan", None),
    ],
)
def test_queries_are_refused_by_what_they_say(query, reason):
    limits = QueryLimits(12, 8, None, (r"\btexten\b", "the passage"))
    assert refusal(query, ["annat", PASSAGE], limits) == reason


def test_what_is_forbidden_may_be_written_with_letters_and_marks_apart():
    limits = QueryLimits(forbidden=("ha\u0308st",))
    assert refusal("Vem stal hästen?", [], limits) == FORBIDDEN


def test_copies_are_told_by_their_triples():
    query = words("att drängen Sven hade stulit en häst från änkan")
    # att drängen sven; hade stulit en; stulit en häst; en häst från; häst från änkan
    assert copied_share(query, words(PASSAGE)) == 5 / 7
    limits, more = QueryLimits(40, None, 0.7), QueryLimits(40, None, 0.72)
    assert refusal(" ".join(query), [PASSAGE], limits) == COPIED
    assert refusal(" ".join(query), [PASSAGE], more) is None
    assert copied_share(words("Per Olsson i Hult"), words(PASSAGE)) == 0


@pytest.mark.parametrize(
    ("first", "second", "longest"),
    [("", "abc", 0), ("xbcdy", "abcde", 3), ("abab", "ab" * 300, 4), ("ab", "ba", 1)],
)
def test_the_longest_run_of_words_that_both_have(first, second, longest):
    assert longest_run(first, second) == longest


def test_queries_are_the_same_up_to_case_and_signs():
    assert normal_form("Vem stal  HÄSTEN?") == normal_form("vem stal hästen")
    assert normal_form("Vem stal hästen?") != normal_form("Vem stal hästar?")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("4", 4),
        ("Mark: 5.", 5),
        ("**3**", 3),
        ("4/5", 4),
        ("<think>2 or 3</think>1", 1),
        ("7", None),
        ("10", None),
        ("3.5", None),
        ("good", None),
        ("", None),
    ],
)
def test_a_judges_mark(answer, expected):
    assert mark(answer) == expected


def test_what_is_no_regular_expression_is_named():
    with pytest.raises(InputError, match=r"queries\.forbidden.*'\(', which is no"):
        check_forbidden(["a", "("])
