"""Queries from a document's own words."""

import re

import pytest

from arkiv.base.hashing import content_id
from arkiv.documents.cutting import (
    LengthShares,
    cut_sampled,
    record,
    words,
)
from arkiv.queries.extractive import STOP_WORDS, asker, modern, telling_words
from arkiv.queries.offline import queries_in, query_record
from arkiv.volumes.finding import find
from arkiv.volumes.opened import Opened
from arkiv.volumes.volume import page_files

TEXT = (
    "Hustru Brita klagade öfver grannen Anders Persson i Göringe, som hade slagit "
    "hennes qvarn och hvete. Rätten dömde Anders Persson till böter för skuldebref "
    "och gräftor. Vittnet Lars svor eden."
)


def document(text, **more):
    return {"id": content_id(text), "text": text, **more}


def queries(documents, number=1, seed=0):
    return [queries_in(one, asker, number, seed) for one in documents]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hvete", "vete"),
        ("Hvitlock", "Vitlock"),
        ("öfver", "över"),
        ("qvarn", "kvarn"),
        ("Qvist", "Kvist"),
        ("godt", "got"),
        ("straff", "straff"),
        ("afton", "afton"),
    ],
)
def test_old_spelling_becomes_modern(old, new):
    assert modern(old) == new


def test_names_are_capitalised_within_a_sentence():
    names, others = telling_words(TEXT)
    # `Hustru` and `Vittnet` begin sentences, `Rätten` is a word of every minute.
    assert names == ["Brita", "Anders Persson", "Göringe", "Anders Persson", "Lars"]
    assert "skuldebref" in others
    assert "klagade" in others
    assert not STOP_WORDS & {word.casefold() for word in [*names, *others]}


def test_a_query_is_a_question_with_words_of_its_document_in_either_spelling():
    known = {word.casefold() for word in re.findall(r"\w+", TEXT)}
    known |= {modern(word) for word in known}
    made = queries([document(TEXT)], number=20)[0]
    assert len(made) == len(set(made)) == 20
    for query in made:
        assert query.endswith("?")
        shared = known & {word.casefold() for word in re.findall(r"\w+", query)}
        assert len(shared - STOP_WORDS) >= 2, query


def test_some_words_are_spelled_anew_and_some_are_not():
    made = [
        query for seed in range(40) for query in queries([document(TEXT)], 1, seed)[0]
    ]
    assert any("kvarn" in query for query in made)
    assert any("qvarn" in query for query in made)


def test_rare_words_come_before_common_ones():
    text = "klagomål klagomål klagomål klagomål skuldebref ängsbruket tröskverk"
    for seed in range(10):
        assert "klagomål" not in queries([document(text)], 1, seed)[0][0]


def test_a_documents_queries_depend_on_that_document_alone():
    documents = [
        document(f"{TEXT} Pehr kom från ort{chr(97 + n)}by.") for n in range(9)
    ]
    together = queries(documents, 3)
    assert together == [queries([one], 3)[0] for one in documents]
    assert list(reversed(together)) == queries(reversed(documents), 3)
    # Not all documents are asked about in the same words.
    assert len({made[0].split()[0] for made in together}) > 1


def test_the_seed_matters():
    assert len({queries([document(TEXT)], 1, seed)[0][0] for seed in range(10)}) > 3


@pytest.mark.parametrize("text", ["1880 den 20 December.", "och att det", "§ 1. 3:4"])
def test_a_document_without_telling_words_has_no_query(text):
    assert queries([document(text)]) == [[]]


def test_fewer_queries_where_there_are_no_more():
    (made,) = queries([document("skuldebref")], number=50)
    assert 1 < len(made) == len(set(made)) < 50


def test_a_query_record():
    origin = document(TEXT, volume="v", first_page=1, last_page=2, words=9)
    assert query_record("Vad?", origin) == {
        "id": content_id("Vad?"),
        "query": "Vad?",
        "pos": [TEXT],
        "pos_ids": [origin["id"]],
        "volume": "v",
        "first_page": 1,
        "last_page": 2,
    }


def test_every_real_document_gets_a_query(svea):
    (volume,) = find(svea / "pages").volumes
    with Opened(svea / "pages") as opened, page_files(volume, opened) as files:
        pages = [file.pages(None)[0] for file in files]
    text = words(pages)
    shares = LengthShares.parse("40-80:1")
    cut = [record(d, "v") for d in cut_sampled(text, shares, 0, "v") if len(d) >= 40]
    assert len(cut) > 20
    made = queries(cut)
    assert all(len(found) == 1 for found in made)
    assert len({query for (query,) in made}) == len(cut)
