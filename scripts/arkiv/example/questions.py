"""What people of today ask an example archive, in other words than its passages.

A reader does not ask in the words of old minutes: the spelling is of today, a thing has
another name, a person is one by trade. The tables below say what the words of
`arkiv.example.archive` are called today; a question joins some of what a passage holds.
So a search by words finds less of it than one that has learnt what is called how, which
is what tuning is for. That no passage holds a word of today beside its own is made, and
harder than the archives of this world.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from arkiv.example.archive import FARM_BEGINNINGS, FARM_ENDINGS, FIRST_NAMES, PARISHES

# A word of the minutes, and what it is called today.
TRADES: Mapping[str, Sequence[str]] = {
    "hemmansegaren": ("gårdsägaren", "lantbrukaren"),
    "torparen": ("småbrukaren", "nyodlaren"),
    "bonden": ("jordbrukaren", "odlaren"),
    "nämndemannen": ("lekmannadomaren", "bisittaren"),
    "drängen": ("gårdskarlen", "lantarbetaren"),
    "rusthållaren": ("hästhållaren", "ryttarvärden"),
    "arrendatorn": ("jordhyraren", "brukaren"),
    "mjölnaren": ("kvarnägaren", "kvarnskötaren"),
    "smeden": ("järnarbetaren", "metallarbetaren"),
    "skräddaren": ("klädmakaren", "sömmaren"),
    "inspektorn": ("godsförvaltaren", "föreståndaren"),
    "soldaten": ("knekten", "militären"),
    "båtsmannen": ("sjömannen", "matrosen"),
    "handlanden": ("köpmannen", "butiksägaren"),
    "garfvaren": ("läderberedaren", "hudberedaren"),
    "enkan": ("änkan", "efterlevande"),
    "pigan": ("tjänsteflickan", "hembiträdet"),
    "hustrun": ("makan", "frun"),
    "jungfrun": ("fröken", "ungmön"),
    "torparehustrun": ("småbrukarfrun", "torparfrun"),
    "inhyseshjonet": ("inneboende", "hyresgästen"),
}
MATTERS: Mapping[str, Sequence[str]] = {
    "rågången": ("ägogränsen", "gränslinjen"),
    "qvarnbäcken": ("vattendraget", "rännilen"),
    "gärdesgården": ("staketet", "inhägnaden"),
    "råstenen": ("gränsmärket", "gränsstenen"),
    "qvarlåtenskapen": ("arvet", "ägodelarna"),
    "sterbhuset": ("dödsboet", "arvingarna"),
    "silfverkanna": ("dryckeskärlet", "bordssilvret"),
    "skuldsedel": ("lånet", "reversen"),
    "köpeskilling": ("betalningen", "köpesumman"),
    "oxar": ("dragdjuren", "nötkreaturen"),
    "hyra": ("bostadsavgiften", "boendet"),
    "blånader": ("blåmärken", "skadorna"),
    "hufvudet": ("skallen", "pannan"),
    "tand": ("munnen", "gaddarna"),
    "armen": ("kroppsdelen", "lemmen"),
    "öfverfallit": ("överfallet", "angreppet"),
    "öfverlastadt": ("fylleriet", "berusningen"),
    "fårskinnspels": ("vinterrocken", "ytterplagget"),
    "smör": ("matvarorna", "mejerivarorna"),
    "betsel": ("hästutrustningen", "remtyget"),
    "gäss": ("fåglarna", "fjäderfäna"),
    "tillgripit": ("tjuven", "inbrottet"),
    "rågfält": ("grödan", "säden"),
    "svinens": ("grisarna", "tamdjuren"),
    "rofvorna": ("rotfrukterna", "kålrötterna"),
    "hästar": ("djuren", "märrarna"),
    "hägnaden": ("avspärrningen", "plank"),
    "trolofningslöfte": ("förlovningen", "bröllopet"),
    "fästegåfvornas": ("ringen", "presenterna"),
    "barn": ("fostret", "faderskapet"),
    "omyndigas": ("minderåriga", "föräldralösa"),
    "räkenskaperna": ("bokföringen", "redogörelsen"),
    "förvaltningen": ("skötseln", "ledningen"),
    "husens": ("byggnaderna", "bostäderna"),
    "brygghus": ("ölkokningen", "ekonomibyggnaden"),
    "takens": ("läckaget", "reparationen"),
    "vattentägt": ("brunnen", "källan"),
    "kreatursväg": ("boskapsstigen", "djurstigen"),
    "båtplats": ("bryggan", "hamnen"),
    "lön": ("ersättningen", "inkomsten"),
    "afvikande": ("rymningen", "flykten"),
    "spannmål": ("naturaprodukter", "sädesslagen"),
    "timmerstockar": ("virket", "furorna"),
    "ekar": ("träden", "lövträden"),
    "gärdsel": ("stängselvirket", "trävaror"),
    "trolldom": ("häxeriet", "magin"),
    "smädeskrift": ("skällebrevet", "nidbrevet"),
    "okqvädinsord": ("skällsorden", "förolämpningarna"),
    "ålfisket": ("fångsten", "fiskelyckan"),
    "notvarpet": ("nätfisket", "näten"),
    "ryssjor": ("fiskeredskapen", "fällorna"),
    "brännvinspanna": ("hembränningen", "spriten"),
    "utskänkning": ("krogrörelsen", "serveringen"),
    "uppdämning": ("fördämningen", "översvämningen"),
    "mjölqvarn": ("kvarnbygget", "verket"),
    "dammluckornas": ("regleringen", "slussarna"),
    "vittnen": ("edsvurna", "åskådarna"),
    "bestred": ("förnekandet", "invändningen"),
    "handling": ("dokumentet", "papperet"),
    "bron": ("överfarten", "passagen"),
    "värdet": ("priset", "kostnaden"),
    "förlikning": ("medlingen", "kompromissen"),
    "justering": ("godkännandet", "högläsningen"),
    "andraga": ("slutordet", "tillägget"),
    "bifalles": ("segern", "medgivandet"),
    "frikänd": ("friandet", "oskuld"),
    "böta": ("straffavgiften", "bötesstraffet"),
    "fattiga": ("behövande", "utblottade"),
    "uppsköts": ("dröjsmålet", "förseningen"),
    "förliktes": ("försoningen", "överenskommelsen"),
    "ändring": ("överklagandet", "överprövningen"),
}
# Names, which a reader spells as today.
NAMES: Mapping[str, Sequence[str]] = {
    "Carl": ("Karl",),
    "Christoffer": ("Kristoffer",),
    "Gustaf": ("Gustav",),
    "Catharina": ("Katarina",),
    "Christina": ("Kristina",),
    "Cajsa": ("Kajsa",),
    "Brita": ("Britta",),
}
WORDS = TRADES | MATTERS | NAMES

TEMPLATES = (
    "Vad hände med {who} i fråga om {what}?",
    "Finns det något om {what} där {who} är med?",
    "Hur gick det för {who} med {what}?",
    "{who}, {what}",
    "Berätta om {what} som {who} hade att göra med",
)
NAMED = 0.7  # share of the persons whose first name is known
KEPT = 0.3  # share of the words that are called the same today
PERSON = re.compile(rf"\b({'|'.join(TRADES)}) ({'|'.join(FIRST_NAMES)})\b")
PLACE = re.compile(
    rf"\b(?:(?:{'|'.join(FARM_BEGINNINGS)})(?:{'|'.join(FARM_ENDINGS)})"
    rf"|{'|'.join(PARISHES)})\b"
)
MATTER = re.compile(rf"\b(?:{'|'.join(MATTERS)})\b")


def asker(text: str) -> Callable[[random.Random], str] | None:
    """What asks for a passage; None where it holds no matter, or nobody and nowhere."""
    matters = list(dict.fromkeys(MATTER.findall(text)))
    people, places = PERSON.findall(text), PLACE.findall(text)
    if not matters or not (people or places):
        return None
    return partial(_question, matters=matters, people=people, places=places)


def _question(
    draw: random.Random,
    *,
    matters: Sequence[str],
    people: Sequence[tuple[str, str]],
    places: Sequence[str],
) -> str:
    what = [_today(word, draw) for word in draw.sample(matters, min(2, len(matters)))]
    if people:
        trade, first = draw.choice(people)
        who = _today(trade, draw)
        if draw.random() < NAMED:
            who = f"{who} {_today(first, draw)}"
    else:
        who = draw.choice(places)
    return draw.choice(TEMPLATES).format(who=who, what=" och ".join(what))


def _today(word: str, draw: random.Random) -> str:
    """A word as it is called today, or as the minutes have it."""
    if word not in WORDS or draw.random() < KEPT:
        return word
    return draw.choice(WORDS[word])
