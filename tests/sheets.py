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
        + "<TextEquiv><Unicode>"
        + escape("\n".join(text for text, _ in lines))
        + "</Unicode></TextEquiv></TextRegion>"
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


def hocr(regions: Regions) -> bytes:
    """As Tesseract writes it, with a document type and a confidence for each word."""
    body = "".join(
        f'<div class="ocr_carea" data-region-type={quoteattr(kind)}><p class="ocr_par">'
        + "".join(
            f'<span class="ocr_line" id="r{r}l{n}" title="bbox 0 0 9 9; x_size 20">'
            + " ".join(
                f'<span class="ocrx_word" title="bbox 0 0 9 9; x_wconf '
                f'{confidence * 100}">{escape(word)}</span>'
                for word in text.split()
            )
            + "</span>\n"
            for n, (text, confidence) in enumerate(lines)
        )
        + "</p></div>"
        for r, (kind, lines) in enumerate(regions)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC '
        '"-//W3C//DTD XHTML 1.0 Transitional//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title></title></head><body>'
        f"<div class='ocr_page' title='image \"p_1.jpg\"; bbox 0 0 99 99'>{body}</div>"
        "</body></html>"
    ).encode()


def hocr_html(regions: Regions) -> bytes:
    """Lines alone, in HTML that is no XML."""
    body = "".join(
        f"<div class=ocrx_block data-region-type={quoteattr(kind)}>"
        + "".join(
            f"<span class=ocr_line id=r{r}l{n} title='x_wconf {confidence * 100}'>"
            f"{escape(text)}</span>\n<br>"
            for n, (text, confidence) in enumerate(lines)
        )
        + "</div>"
        for r, (kind, lines) in enumerate(regions)
    )
    return (
        "<!DOCTYPE html><html><head><meta charset=utf-8><body>"
        f"<div class=ocr_page title='image p_1.jpg'>{body}</div>"
    ).encode()


def abbyy(regions: Regions) -> bytes:
    """Each character by itself, with another reading of it before it."""
    body = "".join(
        '<block blockType="Text"><text><par>'
        + "".join(
            '<line baseline="9" l="0" t="0" r="9" b="9"><formatting lang="Swedish">'
            + "".join(
                f'<charParams l="0" t="0" r="9" b="9" charConfidence='
                f'"{round(confidence * 1000) / 10}"><charRecVariants><charRecVariant>?'
                f"</charRecVariant></charRecVariants>{escape(letter)}</charParams>"
                for letter in text
            )
            + "</formatting></line>"
            for text, confidence in lines
        )
        + "</par></text></block>"
        for _, lines in regions
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><document xmlns="http://www.abbyy.com/'
        'FineReader_xml/FineReader10-schema-v1.xml" version="1.0" producer="x">'
        f'<page width="99" height="99" resolution="300">{body}</page></document>'
    ).encode()


def tei(regions: Regions) -> bytes:
    """A paragraph for each region, with its lines and an editor's corrections."""
    body = "".join(
        f'<p xml:id="r{r}">'
        + "\n".join(
            f'<lb xml:id="r{r}l{n}"/>'
            + " ".join(
                f"<choice><sic>{escape(word)}</sic><corr>?</corr></choice>"
                for word in text.split()
            )
            for n, (text, _) in enumerate(lines)
        )
        + "</p>"
        for r, (_, lines) in enumerate(regions)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><TEI xmlns="http://www.tei-c.org/ns/1.0">'
        "<teiHeader><fileDesc><titleStmt><title>No text</title></titleStmt></fileDesc>"
        '</teiHeader><facsimile><surface xml:id="f1"><graphic url="p_1.jpg"/></surface>'
        f'</facsimile><text><body><pb n="1" facs="#f1"/>{body}</body></text></TEI>'
    ).encode()


def annotations(regions: Regions) -> bytes:
    """A list of IIIF's, the text in HTML."""
    resources = [
        {
            "@id": f"r{r}l{n}",
            "@type": "oa:Annotation",
            "motivation": "sc:painting",
            "resource": {
                "@type": "cnt:ContentAsText",
                "format": "text/html",
                "chars": f"<p>{escape(text)}</p>",
            },
            "on": "p_1.jpg#xywh=0,0,9,9",
        }
        for r, (_, lines) in enumerate(regions)
        for n, (text, _) in enumerate(lines)
    ]
    return json.dumps({"@type": "sc:AnnotationList", "resources": resources}).encode()


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
    "hOCR": (".hocr", hocr),
    "hOCR in HTML": (".html", hocr_html),
    "ABBYY": (".xml", abbyy),
    "TEI": (".xml", tei),
    "annotation list": (".json", annotations),
    "plain text": (".txt", plain),
}
# What they say less than all else does.
WITHOUT = {
    "HTRflow main": {"ids"},
    "ABBYY": {"ids", "image", "regions"},
    "TEI": {"confidences", "regions"},
    "annotation list": {"confidences", "regions"},
    "plain text": {"confidences", "ids", "image", "regions"},
}
