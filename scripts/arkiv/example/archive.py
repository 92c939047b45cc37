"""An example archive: made-up court minutes as HTRflow would have transcribed them.

Nineteenth-century Swedish, in period spelling, from templates: every case has parties,
farms, a parish, an object of dispute, witnesses, sums, a date and a ruling. Names of
persons and farms are put together, so that a hundred thousand cases stay distinct. All
of it is invented; a case depends on hash(seed, its number) alone.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from arkiv.base.files import written_whole
from arkiv.base.hashing import rng

FIRST_NAMES = (
    "Anders Per Lars Olof Erik Nils Johan Carl Jonas Jöns Måns Sven Gustaf Petter Mats "
    "Hans Daniel Abraham Isak Håkan Bengt Göran Elias Samuel Christoffer August Pehr "
    "Anna Brita Karin Kerstin Maja Stina Lisa Margareta Elin Ingrid Johanna Catharina "
    "Helena Sara Christina Lovisa Ulrika Sofia Beata Hedvig Magdalena Cajsa Gunilla"
).split()
FATHERS = (
    "Anders Pehrs Lars Olofs Eriks Nils Johans Carls Jonas Jöns Måns Svens Gustafs "
    "Petters Mats Hans Daniels Abrahams Isaks Håkans Bengts Görans Elias Samuels "
    "Jakobs Henriks Mårtens Thores Ingemars Arvids"
).split()
WOMEN = frozenset(FIRST_NAMES[FIRST_NAMES.index("Anna") :])
FARM_BEGINNINGS = (
    "Björk Lind Sten Ny Öster Väster Norr Söder Ek Ask Hag Äng Berg Dal Kvarn Kyrk Lund "
    "Mör Råby Sand Skog Säter Torp Ulf Vall Åker Älg Örn Hval Qvist Gran Tall Häst Lamm "
    "Fors Grim Hult Ingel Kolm Ljung Mar Näs Orm Ram Svart Tjäder Und Vreta Ybb Ärla"
).split()
FARM_ENDINGS = (
    "by torp hult rud näs ås vik sjö bo sta arp ryd holm vad backa mo fors gärde stad "
    "löf skog tuna lösa inge åker"
).split()
PARISHES = (
    "Tierp Vendel Alunda Film Skuttunge Björklinge Harbo Nora Östervåla Huddunge Torstuna "
    "Simtuna Altuna Fröslunda Giresta Lagunda Långtora Nysätra Hagby Ramsta Dalby "
    "Balingsta Uppsala-Näs Läby Vänge Jumkil Bälinge Lena Tensta Viksta Österlöfsta "
    "Hållnäs Börstil Valö Forsmark Gräsö Morkarla Dannemora Tegelsmora Rasbo Funbo "
    "Danmark Vaksala Lagga Östuna Knifsta Alsike Häggeby Skokloster Kalmar Yttergran"
).split()
DISTRICTS = (
    "Örbyhus Olands Norunda Bälinge Ulleråkers Rasbo Vaksala Lagunda Hagunda Trögds "
    "Åsunda Simtuna Torstuna Håbo Bro Lyhundra Frösåkers Närdinghundra Sjuhundra Väddö"
).split()
MONTHS = (
    "Januari Februari Mars April Maj Juni Juli Augusti September Oktober November December"
).split()
RANKS = (
    "hemmansegaren torparen bonden nämndemannen drängen rusthållaren arrendatorn "
    "mjölnaren smeden skräddaren inspektorn soldaten båtsmannen handlanden garfvaren"
).split()
WOMENS_RANKS = "enkan pigan hustrun jungfrun torparehustrun inhyseshjonet".split()

# Kind of dispute -> what it may be about, and two ways in which the minutes put it.
DISPUTES = {
    "gränstvist": (
        "rågången vid qvarnbäcken; den omtvistade gärdesgården; råstenen i hagen",
        "att {d} flyttat {o} och dymedelst tillegnat sig mark som af ålder hört till {f}",
        "det {o} blifvit ändrad {d} till fromma, hvilket {p} funnit sig icke kunna tåla",
    ),
    "arfstvist": (
        "qvarlåtenskapen efter aflidna modern; det odelade sterbhuset; en silfverkanna",
        "att {d} undanhållit {o} vid bouppteckningen och ej velat träda i delning",
        "om bättre rätt till {o}, hvaraf {d} satt sig i besittning utan arfskifte",
    ),
    "gäldfordran": (
        "en förfallen skuldsedel; ogulden köpeskilling för två oxar; resterande hyra",
        "att {d} måtte förpligtas gälda {o} å {s} jemte ränta från stämningsdagen",
        "om {s} utgörande {o}, hvilket belopp {d} trots påminnelser låtit anstå",
    ),
    "slagsmål": (
        "blånader och ett hål i hufvudet; en afbruten tand; svåra hugg öfver armen",
        "det {d} med en störe öfverfallit {p} å allmän väg så att {o} deraf uppkommit",
        "att {d} i öfverlastadt tillstånd slagit {p}, hvaraf {o} befunnits",
    ),
    "stöld": (
        "en fårskinnspels; fyra lispund smör; ett sölfbeslaget betsel; sex gäss",
        "att {d} nattetid ur en olåst bod tillgripit {o}, värderadt till {s}",
        "om ansvar å {d} för det denne olofligen bortfört {o} från gården {f}",
    ),
    "ägofrid": (
        "ett nedtrampadt rågfält; svinens skada å rofvorna; hästar på bete i ängen",
        "att {d} underlåtit hålla stängsel, hvaraf {o} vållat en förlust af {s}",
        "om ersättning för {o}, sedan {d} icke velat uppsätta sin andel af hägnaden",
    ),
    "äktenskapslöfte": (
        "ett brutet trolofningslöfte; fästegåfvornas återställande",
        "det {d} efter trenne lysningar vägrat fullborda giftermålet; angående {o}",
        "om {o} och underhåll för ett oäkta barn, hvartill {d} nekade vara fader",
    ),
    "förmynderskap": (
        "omyndigas medel; räkenskaperna för barnens arf; förvaltningen af ett torp",
        "att {d} måtte entledigas såsom förmyndare, enär {o} vanvårdats",
        "om redovisning för {o}, uppgående till {s}, som {d} uppburit",
    ),
    "laga syn": (
        "husens bristfällighet; ett förfallet brygghus; takens lagning",
        "om syn å {f} för att utröna {o}, då {d} vid afträdet lemnat allt i vanhäfd",
        "att {d} måtte åläggas bota {o}, af synemännen uppskattadt till {s}",
    ),
    "servitut": (
        "rätt till vattentägt; kreatursväg öfver utmarken; båtplats vid stranden",
        "att {d} stängt för {o}, som af urminnes häfd tillkommit {f}",
        "om {o}, hvilken rättighet {d} ansåg för länge sedan upphörd",
    ),
    "lego och tjenst": (
        "innestående städja och lön; olaga afvikande ur tjensten; årslönen i spannmål",
        "det {d} före legotidens slut lemnat sin plats; angående {o}",
        "om {o} till ett värde af {s}, som husbonden {d} förvägrat utgifva",
    ),
    "skogsåverkan": (
        "tolf timmerstockar; olofligen fällda ekar; åtta lass gärdsel",
        "att {d} å {f} egor huggit och bortkört {o}, värda {s}",
        "om ansvar för {o}, hvilka anträffats på {d} gårdsplan",
    ),
    "ärekränkning": (
        "beskyllning för trolldom; smädeskrift uppsatt å sockenstugan; okqvädinsord",
        "det {d} vid kyrkan utspridt {o} och dymedelst kränkt {p} goda namn",
        "att {d} måtte dömas för {o}, inför vittnen å marknaden yttrade",
    ),
    "fiskerätt": (
        "ålfisket i strömmen; notvarpet vid holmen; tvenne ryssjor",
        "om bättre rätt till {o}, sedan {d} der utsatt sina redskap",
        "att {d} förstört {o}, hvarigenom {p} lidit skada om {s}",
    ),
    "brännvinsbränning": (
        "en olaga brännvinspanna; utskänkning utan tillstånd",
        "om ansvar å {d} för {o}, upptäckt vid visitation å {f}",
        "att hos {d} påträffats {o}, som af kronobetjeningen tagits i beslag",
    ),
    "qvarn och damm": (
        "uppdämning af ån; en ny mjölqvarn; dammluckornas skötsel",
        "att {d} genom {o} satt ängarna vid {f} under vatten",
        "om {o}, hvaraf {p} egna verk blifvit stående utan vatten",
    ),
}
OPENINGS = (
    "§ {n}. S. D. Upptogs å nyo {k} mellan {p}, å ena, samt {d}, å andra sidan, {body}.",
    "§ {n}. Sedan {p} uttagit stämning å {d} i fråga om {k}, påstods {body}.",
    "§ {n}. Företräde lemnades {p} från {f} i {parish} socken, som yrkade {body}; och "
    "hördes deröfver {d}.",
    "§ {n}. Uti {k} från {h} härad, kärande {p} och svarande {d}, anfördes {body}.",
)
MIDDLES = (
    "Parterna, som bo i {parish} socken, tillstädeskommo personligen.",
    "Å parternas begäran afhördes såsom vittnen {w1} och {w2}, hvilka aflade ed.",
    "Vittnet {w1} berättade, att händelsen tilldragit sig den {day} {month} å {f}.",
    "Svaranden bestred käromålet och åberopade sig på {w2}, som dock icke infunnit sig.",
    "Till styrkande häraf ingafs en handling, dagtecknad {parish} den {day} {month} {y}.",
    "Bemälde {w1} hade sett {d} gå öfver bron vid {f2} samma afton.",
    "Kärandens ombud uppgaf värdet till {s}, hvilket svaranden fann vara för högt.",
    "Äfven {w2} från {f2} intygade, att saken förut varit föremål för förlikning.",
    "Protokollet från häradsrättens sammanträde i {h} härad upplästes till justering.",
    "På tillfrågan svarade {p} sig icke hafva vidare att andraga.",
)
RULINGS = (
    "Resolverades: käromålet bifalles, och åligger det {d} att till {p} utgifva {s}.",
    "Utslag: som hvad i målet förekommit icke utgör laga bevis, varder {d} frikänd.",
    "Häradsrätten pröfvade rättvist döma {d} att böta {s}, hvaraf hälften till {parish} "
    "sockens fattiga.",
    "Målet uppsköts till nästa ting, då {w1} skall vid vite af {s} sig inställa.",
    "Parterna förliktes sålunda, att {d} inom månad lemnar {p} {s} och hvardera bär sin "
    "kostnad.",
    "Kongl. Hof Rätten fann ej skäl göra ändring i öfverklagade utslaget.",
)
QUESTIONS = (
    "Vad beslutades i {k} mellan {pn} och {dn}?",
    "Hur gick det för {dn} från {f2} som anklagades av {pn}?",
    "Vilken roll hade {w1n} som vittne i målet mot {dn}?",
    "Vad krävde {pn} i {f} angående {o}?",
    "Vilken tvist i {parish} socken gällde {o}?",
)


def _person(draw: random.Random) -> tuple[str, str]:
    """A name with its rank, and the bare name."""
    first, father = draw.choice(FIRST_NAMES), draw.choice(FATHERS)
    woman = first in WOMEN
    name = f"{first} {father}{'dotter' if woman else 'son'}"
    return f"{draw.choice(WOMENS_RANKS if woman else RANKS)} {name}", name


def _farm(draw: random.Random) -> str:
    return draw.choice(FARM_BEGINNINGS) + draw.choice(FARM_ENDINGS)


def _sum(draw: random.Random) -> str:
    return f"{draw.randrange(2, 900)} {draw.choice(('kronor', 'riksdaler', 'daler'))}"


@dataclass(frozen=True)
class Case:
    """One case of the minutes, and a question that it answers."""

    text: str
    question: str


def case(number: int, seed: int) -> Case:
    """The case of this number: a pure function of number and seed."""
    draw = rng(seed, "case", number)
    kind = draw.choice(sorted(DISPUTES))
    objects, *bodies = DISPUTES[kind]
    people = {}
    for role in ("p", "d", "w1", "w2"):
        people[role], people[f"{role}n"] = _person(draw)
    facts = people | {
        "n": number % 97 + 1,
        "k": kind,
        "o": draw.choice(objects.split("; ")),
        "f": _farm(draw),
        "f2": _farm(draw),
        "parish": draw.choice(PARISHES),
        "h": draw.choice(DISTRICTS),
        "day": draw.randrange(1, 29),
        "month": draw.choice(MONTHS),
        "y": draw.randrange(1841, 1890),
        "s": _sum(draw),
    }
    facts["body"] = draw.choice(bodies).format(**facts)
    middles = draw.sample(MIDDLES, draw.randrange(1, 8))
    sentences = [draw.choice(OPENINGS), *middles, draw.choice(RULINGS)]
    text = " ".join(sentence.format(**facts) for sentence in sentences)
    return Case(text, draw.choice(QUESTIONS).format(**facts))


def cases(count: int, seed: int) -> Iterator[str]:
    """The running text of `count` cases, without recognition noise."""
    for number in range(count):
        yield case(number, seed).text


# What a recogniser takes for what; each pair of strokes is alike in the hand.
CONFUSIONS = {
    "n": "u", "u": "n", "r": "v", "v": "r", "e": "c", "c": "e", "a": "o", "o": "a",
    "m": "w", "t": "l", "l": "t", "h": "k", "k": "h", "f": "s", "s": "f", "ä": "a",
    "å": "a", "ö": "o", "i": "e", "d": "cl", "g": "y", "y": "g", "p": "z", "b": "h",
}  # fmt: skip
LINE_WIDTH = 46  # characters
PAGE_LINES = 30
# Pixels: of the image of a page, width and height; of a region; of a line.
IMAGE = (2600, 4700)
REGION_WIDTH = 1900
LINE_PITCH, LINE_HEIGHT, LETTER_WIDTH = 130, 120, 30


def noisy(line: str, rate: float, draw: random.Random) -> tuple[str, float]:
    """A line misread at this rate, and the recogniser's confidence in it."""
    letters = [
        CONFUSIONS[letter] if letter in CONFUSIONS and draw.random() < rate else letter
        for letter in line
    ]
    errors = sum(a != b for a, b in zip(letters, line, strict=True))
    doubt = errors / max(len(line), 1) + abs(draw.gauss(0.01, 0.01))
    return "".join(letters), round(max(0.3, 1 - 1.5 * doubt), 4)


def broken_lines(words: Iterator[str], draw: random.Random) -> Iterator[str]:
    """Words set in lines; a word that does not fit is often divided with `¬`."""
    line = ""
    for word in words:
        if len(line) + 1 + len(word) <= LINE_WIDTH:
            line = f"{line} {word}" if line else word
            continue
        room = LINE_WIDTH - len(line) - 2
        divisible = room >= 3 and len(word) - room >= 3 and word.isalpha()
        if divisible and draw.random() < 0.7:
            yield f"{line} {word[:room]}¬"
            line = word[room:]
        else:
            yield line
            line = word
    if line:
        yield line


def _segment(
    kind: str, left: int, top: int, width: int, height: int, within: tuple[int, int]
) -> dict:
    """A box, and the width and height of what it lies in, by which it is placed."""
    right, bottom = left + width, top + height
    points = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return {
        "bbox": {"xmin": left, "ymin": top, "xmax": right, "ymax": bottom},
        "polygon": {"points": [{"x": x, "y": y} for x, y in points]},
        "score": 0.9,
        "class_label": kind,
        "orig_shape": [within[1], within[0]],
    }


def _region(name: str, lines: list[tuple[str, float]], left: int, top: int) -> dict:
    """A region in HTRflow's shape; without lines it has no `contains`."""
    size = REGION_WIDTH, LINE_PITCH * max(len(lines), 1)
    region = {
        "segment": _segment("textregion", left, top, *size, IMAGE),
        "label": name,
    }
    if lines:
        region["contains"] = [
            {
                "segment": _segment(
                    "textline",
                    *(0, LINE_PITCH * n, LETTER_WIDTH * len(text), LINE_HEIGHT),
                    size,
                ),
                "text_result": {"texts": [text], "scores": [confidence]},
                "label": f"{name}_line{n}",
            }
            for n, (text, confidence) in enumerate(lines)
        ]
    return region


def _page(volume: str, number: int, regions: list[list[tuple[str, float]]]) -> dict:
    name = f"{volume}_{number:05d}"
    page = {
        "page_id": f"{number:05d}",
        "file_name": f"{name}.jpg",
        "image_path": f"input/example/{volume}/{name}.jpg",
        "image_name": name,
        "label": name,
        "processing_steps": [{"description": "Example", "settings": {}}],
    }
    above = 0
    for n, lines in enumerate(regions):
        top = 300 + 50 * n + LINE_PITCH * above
        page.setdefault("contains", []).append(
            _region(f"{name}_region{n}", lines, 500 + 40 * n, top)
        )
        above += len(lines)
    return page


def _pages(volume: str, numbers: range, seed: int) -> Iterator[dict]:
    """The pages of one volume: its cases one after another, with what scans bring."""
    draw = rng(seed, "volume", volume)
    rate = draw.uniform(0.0, 0.03)
    words = (word for number in numbers for word in case(number, seed).text.split())
    lines = broken_lines(words, draw)
    for number in itertools.count(1):
        if draw.random() < 0.02:
            yield _page(volume, number, [])
            continue
        body = [
            noisy(line, rate * draw.uniform(0.2, 2.0), draw)
            for line in itertools.islice(lines, PAGE_LINES)
        ]
        if not body:
            return
        cut = draw.randrange(len(body)) if draw.random() < 0.3 else 0
        regions = [body[:cut], body[cut:]] if cut else [body]
        if draw.random() < 0.05:
            regions.append([])
        yield _page(volume, number, regions)


def write_archive(path: str | Path, count: int, volumes: int, seed: int) -> int:
    """Write an archive of `count` cases in `volumes` volumes; return its pages.

    `path`/VOLUME/VOLUME_00001.json and on, in the shape of HTRflow's export. The whole
    directory appears at once.
    """
    pages = 0
    with written_whole(path) as beside:
        for index in range(volumes):
            volume = f"{30_000_000 + 1009 * index}"
            (beside / volume).mkdir(parents=True)
            numbers = range(count * index // volumes, count * (index + 1) // volumes)
            for page in _pages(volume, numbers, seed):
                file = beside / volume / f"{page['label']}.json"
                file.write_text(json.dumps(page, ensure_ascii=False), encoding="utf-8")
                pages += 1
    return pages
