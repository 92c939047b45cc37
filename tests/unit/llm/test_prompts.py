"""Prompts are filled once and drawn by their shares."""

from collections import Counter

import pytest
from project import ROOT

from arkiv.base.errors import InputError
from arkiv.llm.prompts import Prompt, drawn, read_prompts


def prompt(tmp_path, text, name="p.txt", **more):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return Prompt.read(path, **more)


def test_fields_are_filled_and_everything_else_stays(tmp_path):
    made = prompt(tmp_path, 'In {language}, as {"q": 1} or { x }:\n{text}\n')
    text = "{language} {text} {} {{0}} %s \\1 $HOME"
    filled = made.filled({"language": "Swedish", "text": text})
    assert filled == f'In Swedish, as {{"q": 1}} or {{ x }}:\n{text}'


def test_what_is_unknown_of_a_document_is_a_dash(tmp_path):
    made = prompt(tmp_path, "{volume}, {first_page}-{last_page}: {text}")
    values = {"text": "t", "volume": None, "first_page": 0}
    assert made.filled(values) == "–, 0-–: t"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ask", r"p\.txt: lacks the field \{text\}"),
        ("a\n{text} {tekst}", r"p\.txt, line 2: has the unknown field \{tekst\}"),
        ("{text} {query}", r"line 1: has the unknown field \{query\}"),
    ],
)
def test_a_faulty_prompt_is_named(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        prompt(tmp_path, text)


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff{text}")
    for path, sentence in (("x", "UTF-8"), ("y", "no such file"), (".", "UTF-8")):
        with pytest.raises(InputError, match=sentence):
            Prompt.read(tmp_path / path)


def test_prompts_are_drawn_by_their_shares_and_by_the_document_alone():
    prompts = [Prompt("a", "{text}", 3), Prompt("b", "{text}", 1)]
    draws = [drawn(prompts, 0, f"document {n}", 0).name for n in range(4000)]
    assert 0.72 < Counter(draws)["a"] / 4000 < 0.78
    assert draws == [drawn(prompts, 0, f"document {n}", 0).name for n in range(4000)]
    assert draws != [drawn(prompts, 1, f"document {n}", 0).name for n in range(4000)]


def test_shares_and_names_of_files(tmp_path):
    for name in ("a.txt", "b=1.txt"):
        (tmp_path / name).write_text("{text}")
    made = read_prompts([f"{tmp_path}/a.txt=2.5", f"{tmp_path}/b=1.txt=1"])
    assert [(one.name, one.share) for one in made] == [("a", 2.5), ("b=1", 1.0)]
    with pytest.raises(InputError, match="a number above 0"):
        read_prompts([f"{tmp_path}/a.txt=0"])
    with pytest.raises(InputError, match="as another prompt has"):
        read_prompts([f"{tmp_path}/a.txt=1", f"{tmp_path}/a.txt=2"])


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/prompts/*.txt")), ids=str)
def test_the_prompts_that_come_along_can_be_read(path):
    judge = path.stem in ("judge", "sv-relevance")
    needed = ("text", "query") if judge else ("text",)
    assert Prompt.read(path, needed=needed).template.count("{text}") == 1
