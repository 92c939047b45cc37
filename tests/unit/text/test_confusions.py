"""What letters are read for, counted where two readings differ."""

import random
import string

import pytest
from project import ROOT

from arkiv.base.errors import InputError
from arkiv.base.files import write_json
from arkiv.text.confusions import FEWEST_IN_ALL, Confusions, read_learnt
from arkiv.text.spelling import Table, edits, misread

# Of one letter each for another, so that a loop over the letters counts the same.
PLANTED = {"a": ["o"], "n": ["u", "r"], "t": ["l"]}


def texts(count, seed=1, letters="antesrik"):
    """Lines of words that are no words."""
    draw = random.Random(seed)

    def word():
        return "".join(draw.choice(letters) for _ in range(draw.randint(4, 9)))

    return [" ".join(word() for _ in range(30)) for _ in range(count)]


def planted(text, draw, rate=0.1):
    """The text with letters replaced one by one, none beside another."""
    found = list(text)
    for place in range(1, len(text) - 1):
        others = PLANTED.get(text[place])
        untouched = found[place - 1] == text[place - 1]
        if others and untouched and draw.random() < rate:
            found[place] = draw.choice(others)
    return "".join(found)


def counted(pairs, *, known=True, whole=True):
    found = Confusions()
    for one, other in pairs:
        found.add(one, other, known=known, whole=whole)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_a_loop_over_the_letters(seed):
    draw = random.Random(seed)
    pairs = [(text, planted(text, draw)) for text in texts(60, seed)]
    found = counted(pairs)
    expected: dict[tuple[str, str], int] = {}
    for one, other in pairs:
        for a, b in zip(one, other, strict=True):
            if a != b:
                expected[a, b] = expected.get((a, b), 0) + 1
    # The fewest edits may say it otherwise: `an` for `oan`, not n for a twice.
    assert sum(found.read.values()) == pytest.approx(sum(expected.values()), rel=0.04)
    for pair, times in expected.items():
        assert found.read[pair] == pytest.approx(times, rel=0.08)
    whole = "".join(one for one, _ in pairs)
    assert all(found.letters[letter] == whole.count(letter) for letter in "ant")


def test_where_it_is_not_known_which_is_right_each_is_read_for_the_other():
    draw = random.Random(0)
    pairs = [(text, planted(text, draw)) for text in texts(40)]
    found = counted(pairs, known=False)
    assert found.read
    assert all(found.read[b, a] == times for (a, b), times in found.read.items())
    assert found.differing == counted(pairs).differing


@pytest.mark.parametrize(
    ("one", "other", "read"),
    [
        ("en sommar dag", "en sominar dag", {("m", "in"): 1}),
        ("tinget hölls i maj", "tinget höls i maj", {("ll", "l"): 1}),
        ("höls i maj", "hölls i maj", {("l", "ll"): 1}),
        # At the beginning of a word, with the letter behind.
        ("uti bäcken der", "uti äcken der", {("bä", "ä"): 1}),
        ("Lars Persson", "lars Persson", {("L", "l"): 1}),
        ("utan alla fel", "utan alla fel", {}),
        # What no word of the other stands for is left out, however long.
        ("i kvarnen om dagen", "i kvarnen helt annat här om dagen", {}),
        ("qwertz om dagen", "bbbbbb om dagen", {}),
    ],
)
def test_letters_that_one_lacks_come_with_one_beside_them(one, other, read):
    assert dict(counted([(one, other)]).read) == read


@pytest.mark.parametrize(
    ("one", "other"), [("i går kväll", "igår kväll"), ("igår kväll", "i går kväll")]
)
def test_spaces_are_counted_by_themselves(one, other):
    found = counted([(one, other)])
    assert (found.spaces, found.differing, dict(found.read)) == (1, 1, {})


def test_a_line_more_and_another_order_do_not_spoil_the_table():
    lines = texts(120)
    draw = random.Random(3)
    pairs = []
    for start in range(0, 120, 12):
        some = lines[start : start + 12]
        others = [planted(line, draw) for line in some]
        # One line is lacking, and the second half stands first.
        others = others[7:] + others[:6]
        pairs.append((" ".join(some), " ".join(others)))
    found = counted(pairs).table()["confusions"]
    learnt = {(a, b) for a, others in found.items() for b in others}
    assert learnt == {(a, b) for a, others in PLANTED.items() for b in others}


def test_rates_are_those_of_the_noise_that_was_put_in(tmp_path):
    table = Table({}, PLANTED, 0.2)
    pairs = [
        (text, misread(text, 0.06, table, 5, n)) for n, text in enumerate(texts(150))
    ]
    made = counted(pairs).table()
    differing = sum(edits(*pair) for pair in pairs)
    assert made["rate"] == pytest.approx(
        differing / sum(len(one) for one, _ in pairs), rel=0.03
    )
    assert made["spaces"] == pytest.approx(0.2, abs=0.03)
    write_json(tmp_path / "learnt.json", made)
    learnt, rate = read_learnt(str(tmp_path / "learnt.json"))
    assert rate == made["rate"]
    assert {a: set(others) for a, others in learnt.confusions.items()} == {
        a: set(others) for a, others in PLANTED.items()
    }


def test_a_handful_of_pages_makes_no_table():
    draw = random.Random(2)
    pairs = [(text, planted(text, draw)) for text in texts(3)]
    with pytest.raises(InputError, match=f"confusions .* expected {FEWEST_IN_ALL} at"):
        counted(pairs).table()
    # Met on both sides, each is one all the same.
    with pytest.raises(InputError):
        counted(pairs * 2, known=False).table()


def test_what_is_rare_is_left_out_and_a_rare_letter_weighs_little():
    found = Confusions()
    found.read.update({("e", "c"): 200, ("q", "g"): 3, ("z", "x"): 2})
    found.letters.update({"e": 4000, "q": 3, "z": 2})
    found.differing = 205
    made = found.table()
    assert made["confusions"].keys() == {"e", "q"}
    assert made["left_out"] == 1
    assert made["confusions"]["q"]["g"] == {
        "times": 3,
        "of": 3,
        "weight": round(3 / 23, 6),
    }
    # Alternatives alone do not say how often.
    assert (made["rate"], made["measured_rate"]) == (0.1, False)


def test_counts_add_up_in_any_order_and_come_back_from_a_file():
    draw = random.Random(4)
    pairs = [(text, planted(text, draw)) for text in texts(30)]
    whole = counted(pairs)
    parts = [counted(pairs[start::3]).record() for start in range(3)]
    assert Confusions.of(parts).record() == whole.record()
    assert Confusions.of(reversed(parts)).record() == whole.record()


def test_letters_are_misread_as_often_as_the_weights_say():
    letters = string.ascii_lowercase
    weights = {("a", "o"): 0.09, ("a", "e"): 0.03, ("b", "h"): 0.01}
    table = Table({}, {"a": ["o", "e"], "b": ["h"]}, 0, weights)
    draw = random.Random(1)
    met = dict.fromkeys(weights, 0)
    for n in range(3000):
        # Something to misread in each, else a space is put in.
        text = "ab".join(draw.choice("ab" + letters) for _ in range(20))
        other = misread(text, 0.02, table, 7, n)
        for a, b in zip(text, other, strict=True):
            if a != b:
                met[a, b] += 1
    assert sum(met.values()) > 2000
    assert met["a", "o"] / met["a", "e"] == pytest.approx(3, rel=0.15)
    assert met["a", "o"] / met["b", "h"] == pytest.approx(9, rel=0.25)


def test_the_order_of_a_table_that_weighs_none_is_as_ever():
    table = Table({}, PLANTED, 0.1)
    assert misread("en natt i ateljen på hästen", 0.2, table, 1, "q") == misread(
        "en natt i ateljen på hästen", 0.2, Table({}, PLANTED, 0.1, {}), 1, "q"
    )


@pytest.mark.parametrize("content", ["{}", "[]", '{"confusions": [], "rate": 1}'])
def test_what_is_no_learnt_table_is_refused(tmp_path, content):
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(InputError, match="table of confusions"):
        read_learnt(str(path))


def test_the_project_s_table_is_found_again_in_what_it_misread():
    from arkiv.text.spelling_tables import read_table

    table = read_table(ROOT / "config/spelling/sv.yaml")
    pairs = [
        (text, misread(text, 0.08, table, 1, n))
        for n, text in enumerate(texts(150, letters="aetnrsdiol"))
    ]
    found = counted(pairs).table()["confusions"]
    common = [(a, b) for a in "etnar" for b in table.confusions[a]]
    assert sum(b in found.get(a, {}) for a, b in common) >= len(common) - 1


def test_what_is_rare_of_a_letter_met_very_often_can_still_be_drawn(tmp_path):
    """Many archives together have a letter more than six million times."""
    found = Confusions(
        letters={"e": 9_000_000, "n": 9_000_000},
        read={("e", "c"): 3, ("n", "u"): 200},
        differing=203,
    )
    write_json(path := tmp_path / "confusions.json", found.table())
    table, _ = read_learnt(str(path))
    assert min(table.weights.values()) > 0
    assert misread("e", 1.0, table, 1) == "c"
