"""What counts as a grade, and what is asked again."""

import pytest

from arkiv.gold.grades import REMINDER, Grading, grade_in
from arkiv.gold.pool import Pair
from arkiv.llm.prompts import Prompt
from arkiv.llm.protocol import Sampling


@pytest.mark.parametrize(
    ("answer", "grade"),
    [
        ("2", 2),
        (" **3**\n", 3),
        ("0.", 0),
        ("1) något", 1),
        ("3 – utdraget från 1718 nämner 2 personer", 3),
        ("Betyg: 2", 2),
        ("Siffran är 1.", 1),
        ("2/3", 2),
        ("Jag ger 2 av 3", 2),
        ("<think>kanske 1, nej 3</think>\n2", 2),
        ("2\n\nFör att det nämns 3 gånger", 2),
        ('{"score": 2}', 2),
        # Not certain, or none at all.
        ("", None),
        ("nej", None),
        ("4", None),
        ("-1", None),
        ("2.5", None),
        ("2,5", None),
        ("10", None),
        ("0-3", None),
        ("0 – 3: 2", None),
        ("På skalan 0–3 är det en 2", None),
        ("Antingen 1 eller 2", None),
        ("<think>2", None),
        ("B2", None),
        ("år 1718", None),
    ],
)
def test_the_grade_of_an_answer(answer, grade):
    assert grade_in(answer) == grade


def test_a_pair_is_asked_in_the_words_of_the_prompt_and_reminded_after():
    prompt = Prompt("p", "{language} {query} in {text} of {volume}")
    grading = Grading(prompt, "Swedish", Sampling("m", 8, 0.0), 3)
    pair = Pair("q", "{text}?", {"id": "p", "text": "{query} 0", "volume": "v"})
    first, again = (grading.request(pair, tried) for tried in (0, 1))
    assert first.prompt == "Swedish {text}? in {query} 0 of v"
    assert again.prompt == f"{first.prompt}\n\n{REMINDER}"
    assert len({first.key, again.key, grading.request(pair, 2).key}) == 3


def test_the_prompt_for_swedish_records_names_each_grade():
    from project import ROOT

    path = ROOT / "config/prompts/sv-relevance.txt"
    prompt = Prompt.read(path, needed=("text", "query"))
    text = prompt.filled({"query": "vem?", "text": "t"})
    assert [line[0] for line in text.splitlines() if line[1:3] == "  "] == list("0123")
    assert grade_in(text) is None
