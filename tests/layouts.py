"""Archives laid out as they are shipped, of hand-made pages."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

PAGE_XML = """<?xml version="1.0" encoding="UTF-8"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="x.jpg" imageWidth="9" imageHeight="9">{}</Page></PcGts>"""
REGION = (
    '<TextRegion id="r"><Coords points="0,0 1,1"/><TextLine id="l">'
    '<Coords points="0,0 1,1"/><TextEquiv><Unicode>{}</Unicode></TextEquiv>'
    "</TextLine></TextRegion>"
)
ALTO = """<alto xmlns="http://www.loc.gov/standards/alto/ns-v3#"><Layout><Page ID="P">
<PrintSpace><TextBlock ID="B"><TextLine ID="L">{}</TextLine></TextBlock></PrintSpace>
</Page></Layout></alto>"""
METS = """<mets xmlns="http://www.loc.gov/METS/"
 xmlns:xlink="http://www.w3.org/1999/xlink"><fileSec>{}</fileSec>
<structMap TYPE="PHYSICAL"><div TYPE="physSequence">{}</div></structMap></mets>"""
EMPTY_METS = '<mets xmlns="http://www.loc.gov/METS/"/>'


def page(text: str = "") -> str:
    """A page in PAGE XML; without text one of no region."""
    return PAGE_XML.format(REGION.format(text) if text else "")


def alto(text: str) -> str:
    """A page in ALTO."""
    return ALTO.format("<SP/>".join(f'<String CONTENT="{w}"/>' for w in text.split()))


def tei(pages: Iterable[str]) -> str:
    """A text of pages in TEI."""
    body = "".join(f"<pb/><p>{text}</p>" for text in pages)
    return f"<TEI><teiHeader/><text><body>{body}</body></text></TEI>"


def htrflow(text: str) -> str:
    """A page of HTRflow's."""
    line = {"text_result": {"texts": [text], "scores": [0.9]}}
    return json.dumps({"file_name": "x.jpg", "contains": [{"contains": [line]}]})


def mets(groups: dict[str, list[str]], labels: list[str] | None = None) -> str:
    """A METS file of groups of files, one of each for a page, in order."""
    count = max(map(len, groups.values()))
    files = "".join(
        f'<fileGrp USE="{use}">'
        + "".join(
            f'<file ID="{use}_{n}"><FLocat LOCTYPE="OTHER" xlink:href="{path}"/></file>'
            for n, path in enumerate(paths)
        )
        + "</fileGrp>"
        for use, paths in groups.items()
    )
    pages = "".join(
        f'<div TYPE="page" ORDER="{n + 1}"'
        + (f' ORDERLABEL="{labels[n]}"' if labels else "")
        + ">"
        + "".join(
            f'<fptr FILEID="{use}_{n}"/>' for use in groups if n < len(groups[use])
        )
        + "</div>"
        for n in range(count)
    )
    return METS.format(files, pages)


def words(*telling: object) -> str:
    """A text long enough to be compared, of words that no other has."""
    return " ".join(f"{'-'.join(map(str, telling))}w{n}" for n in range(12))


def lay_out(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write the files of an archive; one whose name ends in .zip or .tar is packed."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def zipped(files: dict[str, str | bytes]) -> bytes:
    """A zip file of these."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def tarred(files: dict[str, str | bytes], form: str = "") -> bytes:
    """A tar file of these, packed by gz, bz2 or xz."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{form}") as archive:
        for name, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()
