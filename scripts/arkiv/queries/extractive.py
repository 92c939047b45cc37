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
from collections.abc import Callable
from functools import partial

# Makes a query by a draw.
Asker = Callable[[random.Random], str]

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


def asker(text: str) -> Asker | None:
    """What asks for a text in some of its words; None where it has no telling ones."""
    names, others = telling_words(text)
    return partial(_query, names=names, others=others) if names or others else None


def _query(draw: random.Random, *, names: list[str], others: list[str]) -> str:
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
