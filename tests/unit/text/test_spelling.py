"""Queries in other spellings, and misread: Swedish words, and what must hold of all."""

import itertools
import re
import unicodedata

import pytest
from distances import levenshtein
from project import ROOT

from arkiv.base.errors import InputError
from arkiv.example import archive as example
from arkiv.text.spelling import (
    Rule,
    edits,
    misread,
    respelled,
    variants_of,
)
from arkiv.text.spelling_tables import read_table

TABLE = read_table(ROOT / "config/spelling/sv.yaml")
OLD, MODERN = TABLE.variants["old"], TABLE.variants["modern"]
# As everyone spelled, and with every habit that some had.
OF_ALL = [rule for rule in OLD if rule.share == 1]
ALL = [Rule(rule.replace, rule.keep, 1) for rule in OLD]

# Before and after the reform of 1906, or the 6th edition of SAOL.
PAIRS = """
hvad vad, hvem vem, hvilken vilken, hvilket vilket, hvilka vilka, hvarje varje,
hvarför varför, hvarandra varandra, hvete vete, af av, blef blev, skref skrev, bref
brev, gaf gav, lif liv, arf arv, half halv, tolf tolv, sjelf själv, sjelfmord
självmord, öfver över, äfven även, lefva leva, skrifva skriva, gifva giva, hafva hava,
drifva driva, silfver silver, grefve greve, tjufvar tjuvar, hufvud huvud, arfvinge
arvinge, behöfva behöva, grufva gruva, grufarbetare gruvarbetare, aftal avtal,
afverkning avverkning, afgift avgift, lofligt lovligt, häradshöfding häradshövding,
tafla tavla, höfding hövding, olofligen olovligen, innehafvare innehavare, skrifvare
skrivare, utöfning utövning, qvarn kvarn, qvinna kvinna, qvarlåtenskap kvarlåtenskap,
enka änka, tjenst tjänst, jern järn, hjelp hjälp, verld värld, lemna lämna, embete
ämbete, gerna gärna, jemte jämte, der där, derför därför
"""
WORDS = [pair.split() for pair in PAIRS.replace("\n", " ").split(",")]
# Alike in both, however much they look like what a rule is for.
SAME = """
arkiv motiv privat elev november provins novell universitet relevant advokat bevis
industriverksamhet härvid var vara varit vite viten val afton kraft skrift gift efter
Adolf chef officer enkel enkelt tänka stadt ruth uthus landhöjd nerv reserv
"""


@pytest.mark.parametrize(("old", "modern"), WORDS)
def test_words_before_and_after_the_reform(old, modern):
    assert respelled(modern, OF_ALL, 0) == old
    assert respelled(old, MODERN, 0) == modern
    assert respelled(old, OF_ALL, 0) == old
    assert respelled(modern, MODERN, 0) == modern


@pytest.mark.parametrize("word", SAME.split())
def test_words_that_stay(word):
    assert respelled(word, OF_ALL, 0) == word
    assert respelled(word, MODERN, 0) == word


@pytest.mark.parametrize(
    ("records", "modern"),
    [
        ("hwilket", "vilket"),
        ("skrifwa", "skriva"),
        ("blifwit", "blivit"),
        ("öfwer", "över"),
        ("qwarn", "kvarn"),
        ("quarn", "kvarn"),
        ("thet", "det"),
        ("thenna", "denna"),
        ("dher", "där"),
        ("medh", "med"),
        ("widh", "vid"),
        ("uthi", "uti"),
        ("tingh", "ting"),
        ("åhr", "år"),
        ("ähr", "är"),
        ("sampt", "samt"),
        ("nämbden", "nämnden"),
        ("at", "att"),
        ("giöra", "göra"),
        ("giorde", "gjorde"),
        ("kiärande", "kärande"),
        ("sielf", "själv"),
        ("godt", "gott"),
        ("kändt", "känt"),
        ("såldt", "sålt"),
        ("meddeladt", "meddelat"),
        ("Peerßon", "Peersson"),
        ("Carl", "Karl"),
        ("Eric", "Erik"),
    ],
)
def test_words_of_court_records_in_the_spelling_of_today(records, modern):
    assert respelled(records, MODERN, 0) == modern


def vocabulary():
    """Words of the example archive, in period spelling, and those of the pairs."""
    source = (ROOT / "scripts/arkiv/example/archive.py").read_text(encoding="utf-8")
    assert example.DISPUTES
    words = {word for pair in WORDS for word in pair} | set(SAME.split())
    return sorted(words | set(re.findall(r"[^\W\d_]+", source)))


@pytest.mark.parametrize(
    "rules", [OF_ALL, ALL, MODERN], ids=["old", "records", "modern"]
)
def test_what_is_respelled_is_left_by_the_same_rules(rules):
    words = vocabulary()
    assert len(words) > 1000
    once = [respelled(word, rules, 0) for word in words]
    assert once != words
    assert [respelled(word, rules, 0) for word in once] == once


def test_signs_spaces_and_capitals_stay():
    text = "Vad, «över» ÖVER\tkvarn-ån;  Kvarnen 1 av 12?"
    new = "Hvad, «öfver» ÖFVER\tqvarn-ån;  Qvarnen 1 af 12?"
    assert respelled(text, OF_ALL, 0) == new
    assert respelled(new, MODERN, 0) == text


def test_a_writer_keeps_to_a_habit_that_a_share_has():
    (habit,) = [rule for rule in OLD if rule.share == 0.85]
    texts = [respelled("vad vid var", [habit], 5, f"q{n}") for n in range(2000)]
    assert set(texts) == {"vad vid var", "wad wid war"}
    assert texts.count("wad wid war") / 2000 == pytest.approx(0.85, abs=0.03)


def queries(count):
    """Questions of four to twelve words."""
    words = itertools.cycle(vocabulary())
    for number in range(count):
        yield " ".join(itertools.islice(words, 4 + number % 9))


@pytest.mark.parametrize("rate", [0.05, 0.1])
def test_as_many_characters_are_misread_as_asked_for(rate):
    texts = list(queries(1000))
    misreadings = [misread(text, rate, TABLE, 1, n) for n, text in enumerate(texts)]
    distances = list(map(levenshtein, texts, misreadings))
    assert distances == list(map(edits, texts, misreadings))
    assert sum(distances) / sum(map(len, texts)) == pytest.approx(rate, rel=0.03)
    # One error in ten is of a space; letters keep to the table.
    spaces = [
        abs(one.count(" ") - other.count(" "))
        for one, other in zip(texts, misreadings, strict=True)
    ]
    assert 0.04 < sum(spaces) / sum(distances) < 0.12
    read = {
        letter for others in TABLE.confusions.values() for letter in "".join(others)
    }
    assert set("".join(misreadings)) <= set("".join(texts)) | read


def test_misreadings_depend_on_seed_and_query_alone():
    text = "Hur hanterades tvister om kvarnen vid bäcken?"
    one = misread(text, 0.1, TABLE, 1, "q")
    assert one == misread(text, 0.1, TABLE, 1, "q") != text
    assert len({misread(text, 0.1, TABLE, seed, "q") for seed in range(20)}) > 15
    assert len({misread(text, 0.1, TABLE, 1, key) for key in range(20)}) > 15


@pytest.mark.parametrize("text", ["", " ", "?", "7", "q", "…—"])
def test_what_gives_nothing_to_misread_stays_or_keeps_its_size(text):
    for seed in range(20):
        read = misread(text, 0.5, TABLE, seed)
        assert levenshtein(text, read) <= max(1, len(text))
        assert bool(read.strip()) == bool(text.strip())


def test_variants_have_ids_of_their_own_in_their_order():
    query = {"id": "a~b", "query": "Vad är känt om kvarnen?"}
    found = variants_of(query, TABLE, [0.05, 0.125], seed=3)
    assert [one["variant"] for one in found] == [
        *("old", "modern", "noise 5%", "noise 12.5%")
    ]
    names = [one["id"] for one in found]
    assert names == sorted(set(names))
    assert all(re.fullmatch(r"a~b~\d-[\w-]+", name) for name in names)
    assert all(one["of"] == "a~b" for one in found)
    assert found[1]["query"] == query["query"]
    assert found[1]["edits"] == 0 < found[0]["edits"]
    assert found == variants_of(query, TABLE, [0.05, 0.125], seed=3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "`table`: is of type list, expected a map"),
        ("variant: {}", "`variant`: is not a key of the table; known are variants, "),
        ("variants: {Old X: []}", "`variants`: has 'Old X', expected a name of small"),
        ("variants: {old: {}}", "`variants.old`: is no list of rules"),
        (
            "variants: {old: [{replace: {'(': a}}]}",
            "`variants.old[0].replace`: has '(', which is no regular expression (",
        ),
        (
            "variants: {old: [{replace: {a: '\\1'}}]}",
            "`variants.old[0].replace`: replaces by '\\\\1', which cannot be (",
        ),
        ("variants: {old: [{replace: {a: 1}}]}", "replaces by what is no text"),
        ("variants: {old: [{with: {a: b}}]}", "`variants.old[0].with`: is not a key"),
        (
            "variants: {old: [{replace: {a: b}, share: 2}]}",
            "`variants.old[0].share`: is 2, expected a number from 0 to 1",
        ),
        ("confusions: {a: b}", "`confusions.a`: expected letters and a list of what"),
        ("confusions: {a: [a]}", "`confusions.a`: is read for itself or for nothing"),
        ("spaces: often", "`spaces`: is 'often', expected a number from 0 to 1"),
        ("a: [", "is not a YAML file ("),
    ],
)
def test_a_table_that_will_not_do_is_refused_in_one_sentence(tmp_path, text, said):
    path = tmp_path / "table.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_may_have_letters_and_marks_apart(tmp_path):
    text = "variants: {o: [{replace: {ä: e}, keep: [å]}]}\nconfusions: {ö: [o, ő]}\n"
    path = tmp_path / "t.yaml"
    path.write_text(unicodedata.normalize("NFD", text), encoding="utf-8")
    table = read_table(path)
    assert table.confusions == {"ö": ["o", "ő"]}
    assert respelled("Jämte åläge", table.variants["o"], 0) == "Jemte åläge"


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "no.yaml")
