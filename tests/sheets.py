"""One page written in every format that is read, by hand and with nothing of arkiv."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape, quoteattr

# Regions of a class, with lines of a text and a confidence.
Regions = list[tuple[str, list[tuple[str, float]]]]
PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent"
ALTO = "http://www.loc.gov/standards/alto/ns-v"
HYPHENS = "¬-="


def htrflow_nested(regions: Regions) -> bytes:
    """As HTRflow up to 0.2.6 writes it, with words below the lines."""
    content = [
        {
            "segment": {"class_label": kind, "score": 0.9},
            "label": f"p_region{r}",
            "contains": [
                {
                    "text_result": {"texts": [text, "?"], "scores": [confidence, 0]},
                    "label": f"p_region{r}_line{n}",
                    "contains": [{"text_result": {"texts": [w]}} for w in text.split()],
                }
                for n, (text, confidence) in enumerate(lines)
            ],
        }
        for r, (kind, lines) in enumerate(regions)
    ]
    return json.dumps({"file_name": "p_1.jpg", "contains": content}).encode()


def htrflow_document(regions: Regions) -> bytes:
    """As the document model of its main branch writes it."""
    content = [
        {
            "annotations": {"segmentation_label": kind, "segmentation_confidence": 0.9},
            "polygon": "0,0 9,0 9,9 0,9",
            "regions": [
                {
                    "polygon": "0,0 9,0 9,9 0,9",
                    "transcription": [
                        {"text": text, "confidence": confidence},
                        {"text": "?"},
                    ],
                    "regions": [{"transcription": [{"text": w}]} for w in text.split()],
                }
                for text, confidence in lines
            ],
        }
        for kind, lines in regions
    ]
    page = {"_image_path": "in/p_1.jpg", "image_name": "p_1", "regions": content}
    return json.dumps(page, ensure_ascii=False).encode()


def page_xml(regions: Regions, version: str) -> bytes:
    """PAGE with the regions backwards, so that only the reading order tells theirs."""
    order = "".join(
        f'<RegionRefIndexed index="{r}" regionRef="r{r}"/>'
        for r in reversed(range(len(regions)))
    )
    body = "".join(
        f'<TextRegion id="r{r}" type={quoteattr(kind)}><Coords points="0,0 9,9"/>'
        + "".join(
            f'<TextLine id="r{r}l{n}"><Coords points="0,0 9,9"/>'
            f"<Word><TextEquiv><Unicode>?</Unicode></TextEquiv></Word>"
            f'<TextEquiv index="1"><Unicode>?</Unicode></TextEquiv>'
            f'<TextEquiv index="0" conf="{confidence}">'
            f"<Unicode>{escape(text)}</Unicode></TextEquiv></TextLine>"
            for n, (text, confidence) in enumerate(lines)
        )
        + "<TextEquiv><Unicode>all of it again</Unicode></TextEquiv></TextRegion>"
        for r, (kind, lines) in reversed(list(enumerate(regions)))
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<PcGts xmlns="{PAGE}/{version}"><Metadata/>'
        f'<Page imageFilename="p_1.jpg"><ReadingOrder><OrderedGroup id="o">{order}'
        f"</OrderedGroup></ReadingOrder>{body}</Page></PcGts>"
    ).encode()


def alto(regions: Regions, version: int) -> bytes:
    """ALTO, in 4 with the blocks backwards; a divided word in ALTO's own manner."""
    everything = [line for _, lines in regions for line in lines]
    places = {id(line): place for place, line in enumerate(everything)}

    def divided(text: str) -> bool:
        return text[-1:] in tuple(HYPHENS) and text[-2:-1].isalnum()

    def line_of(r: int, n: int, line: tuple[str, float]) -> str:
        text, confidence = line
        place = places[id(line)]
        before = everything[place - 1][0] if place else ""
        after = everything[place + 1][0] if place + 1 < len(everything) else ""
        words = text.split()
        strings = []
        for at, word in enumerate(words):
            more = f' WC="{confidence}"'
            if at == len(words) - 1 and divided(text) and after:
                word = word[:-1]
                whole = word + after.split()[0]
                more += f' SUBS_TYPE="HypPart1" SUBS_CONTENT={quoteattr(whole)}'
            elif at == 0 and divided(before):
                whole = before.split()[-1][:-1] + word
                more += f' SUBS_TYPE="HypPart2" SUBS_CONTENT={quoteattr(whole)}'
            strings.append(f"<String CONTENT={quoteattr(word)}{more}/>")
        hyphen = '<HYP CONTENT="-"/>' if "HypPart1" in strings[-1] else ""
        return f'<TextLine ID="r{r}l{n}">{"<SP/>".join(strings)}{hyphen}</TextLine>'

    blocks = [
        f'<TextBlock ID="r{r}" TAGREFS="t{r}">'
        + "".join(line_of(r, n, line) for n, line in enumerate(lines))
        + "</TextBlock>"
        for r, (_, lines) in enumerate(regions)
    ]
    order = ""
    if version == 4:
        blocks.reverse()
        references = "".join(
            f'<ElementRef ID="e{r}" REF="r{r}"/>' for r in range(len(regions))
        )
        order = (
            f"<ReadingOrder><OrderedGroup>{references}</OrderedGroup></ReadingOrder>"
        )
    tags = "".join(
        f'<LayoutTag ID="t{r}" LABEL={quoteattr(kind)}/>'
        for r, (kind, _) in enumerate(regions)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<alto xmlns="{ALTO}{version}#"><Description><sourceImageInformation>'
        "<fileName>p_1.jpg</fileName></sourceImageInformation></Description>"
        f"<Tags>{tags}</Tags>{order}<Layout><Page><PrintSpace>{''.join(blocks)}"
        "</PrintSpace></Page></Layout></alto>"
    ).encode()


def plain(regions: Regions) -> bytes:
    """The text alone, with a blank line between the regions."""
    return "\n\n".join(
        "\n".join(text for text, _ in lines) for _, lines in regions
    ).encode()


FORMATS = {
    "HTRflow 0.2.6": (".json", htrflow_nested),
    "HTRflow main": (".json", htrflow_document),
    "PAGE 2013": (".xml", lambda regions: page_xml(regions, "2013-07-15")),
    "PAGE 2019": (".xml", lambda regions: page_xml(regions, "2019-07-15")),
    "ALTO 2": (".xml", lambda regions: alto(regions, 2)),
    "ALTO 3": (".xml", lambda regions: alto(regions, 3)),
    "ALTO 4": (".xml", lambda regions: alto(regions, 4)),
    "plain text": (".txt", plain),
}
