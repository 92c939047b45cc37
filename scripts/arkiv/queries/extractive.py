"""Search queries from the words of documents, and of groups of them.

A stand-in for a language model where none can be asked: a few of the document's own
telling words are put into a question. Its queries are easier than a reader's, for they
share words with the passage; what a run with it measures is the pipeline, not the
archive.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from arkiv.base.files import Record
from arkiv.base.hashing import content_id, rng
from arkiv.pairs.provenance import ORIGIN

NO_WORD = "holds no word that a query could be made of"


# Small words of old and new Swedish, and what every minutes repeat.
STOP_WORDS = frozenset(
    """
    och att det som en ett den de i på å af av för med till från om är var vara
    varit icke ej inte har hade hafva hafver ha han hon honom henne hans hennes sin
    sitt sina sig vid uti ur under efter före innan mellan emellan mot emot genom
    utan eller men samt så ock också ty då när der där här hvilken hvilket hvilka
    hvilkens hvad hvaraf hvarefter hvarför hvari hvarvid hvartill hvarom vilket
    vilka vilken denna denne detta dessa dess deras dem nu än ännu endast blott allt
    alla all annan annat andra man kan kunde kunna skall skulle skola må måtte måste
    vill ville blef blifva blifvit blifver bli blev blivit varder vardt varda fick
    få fått får gjorde gjort göra låtit låta sedan derå deröfver dervid derpå
    dertill derför dermed deri dermedelst dymedelst sålunda såsom sådan sådant
    sådana samma sagda bemälde bemälta merbemälte nämnda åter äfven även jemte jämte
    enligt öfver över inom utom hos ena sidan part parter parterna käranden
    svaranden kärande svarande härad härads häradsrätten rätten socken protokollet
    målet mål saken dag dagen anno januari februari mars april maj juni juli augusti
    september oktober november december kronor riksdaler daler tillstädes infunnit
    """.split()
)
WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
SENTENCE_END = re.compile(r"[.!?:;§]\s*$")
# What a present-day reader writes differently.
MODERN = (("hv", "v"), ("fv", "v"), ("qv", "kv"), ("dt", "t"))
MODERNISED = 0.5  # share of the words that a reader spells anew, where that differs
NAMES = (
    "Vad är känt om {}?",
    "Finns det uppgifter om {} i arkivet?",
    "Vad hände med {}?",
    "Vilken roll hade {}?",
    "I vilket sammanhang nämns {}?",
)
MATTERS = (
    "Vad beslutades om {}?",
    "Hur behandlades frågan om {}?",
    "Vad säger handlingarna om {}?",
    "Vilka omständigheter gällde {}?",
)


def modern(word: str) -> str:
    """A word in present-day spelling, by a handful of rules."""
    for old, new in MODERN:
        for before, after in ((old, new), (old.capitalize(), new.capitalize())):
            word = word.replace(before, after)
    return word


def telling_words(text: str) -> tuple[list[str], list[str]]:
    """The names and the other content words of a text, in order of appearance.

    A name is capitalised elsewhere than at the beginning of a sentence; two in a row
    are one name.
    """
    names: list[str] = []
    others: list[str] = []
    before = 0
    open_name = False
    for found in WORD.finditer(text):
        word, between = found[0], text[before : found.start()]
        start = before == 0 or bool(SENTENCE_END.search(between))
        before = found.end()
        if len(word) < 3 or word.casefold() in STOP_WORDS:
            open_name = False
        elif word[0].isupper() and not start:
            if open_name and between == " ":
                names[-1] += f" {word}"
            else:
                names.append(word)
            open_name = True
            continue
        elif len(word) >= 5 and word.islower():
            others.append(word)
        open_name = False
    return names, others


def extractive_pairs(
    sources: Iterable[Record], per_document: int, seed: int, rejected: list[Record]
) -> Iterator[Record]:
    """Yield the pairs of every source's queries and the source, in order.

    What is made of a source (see `arkiv.queries.sources`) depends on it alone.

    Args:
        sources: documents, and groups of them, each of which gets one query.
        per_document: queries of each document; fewer where it has no more words.
        seed: of the choice of words and question, per document.
        rejected: where sources without a query go, each with its `reason`.
    """
    for source in sources:
        wanted = 1 if "members" in source else per_document
        made = queries_in(source, wanted, seed)
        if not made:
            rejected.append({"reason": NO_WORD, **source})
        for query in made:
            yield query_record(query, source)


def queries_in(document: Record, wanted: int, seed: int) -> list[str]:
    """At most so many different queries for a document; none if it has no matter."""
    names, others = telling_words(document["text"])
    queries: dict[str, None] = {}
    # A few draws more, for some repeat themselves.
    for number in range(3 * wanted if names or others else 0):
        if len(queries) == wanted:
            break
        draw = rng(seed, "query", document["id"], number)
        queries[_query(draw, names, others)] = None
    return list(queries)


def _query(draw: random.Random, names: list[str], others: list[str]) -> str:
    chosen: list[str] = []
    if names:
        distinct = list(dict.fromkeys(names))
        chosen += draw.sample(distinct, min(len(distinct), draw.choice((1, 2, 2))))
    # A lone word fits too many documents; two or three narrow them down.
    wanted = max(2 - len(chosen), int(draw.random() < 0.7)) if names else 3
    # A word met once says more of this document than one met often.
    times = Counter(others)
    by_rarity = sorted(times, key=lambda word: (times[word], draw.random()))
    chosen += by_rarity[:wanted]
    spelled = [modern(word) if draw.random() < MODERNISED else word for word in chosen]
    question = draw.choice(NAMES if names else MATTERS)
    *most, last = spelled
    listed = f"{', '.join(most)} och {last}" if most else last
    return question.format(listed)


def query_record(query: str, source: Record, **more: object) -> Record:
    """The pair of a query and the document, or documents, it was made from."""
    members: Sequence[Record] = source.get("members", [source])
    return {
        "id": content_id(query),
        "query": query,
        "pos": [document["text"] for document in members],
        "pos_ids": [document["id"] for document in members],
        **{key: source[key] for key in ORIGIN if key in source},
        **more,
    }
