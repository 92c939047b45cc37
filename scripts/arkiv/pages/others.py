"""What lies beside the pages of an archive, or is in a format that is not read.

By signature, root element, keys, name or ending: what people call it, and, where it may
well hold the text of pages, what to do with it.
"""

from __future__ import annotations

import re

CONVERT = "convert it to ALTO, PAGE or hOCR"
EXPORT = "export its text as ALTO, PAGE, hOCR or plain text"
# Title and advice, which may be empty.
Other = tuple[str, str]

IMAGE: Other = ("an image", "")
# First bytes; those of a zip file say no more than that, see ENDINGS.
SIGNATURES: tuple[tuple[bytes, Other], ...] = (
    (b"%PDF-", ("a PDF", EXPORT)),
    (b"AT&TFORM", ("a DjVu file", EXPORT)),
    (b"{\\rtf", ("an RTF document", EXPORT)),
    (b"\x89PNG\r\n\x1a\n", IMAGE),
    (b"\xff\xd8\xff", IMAGE),
    (b"GIF8", IMAGE),
    (b"II*\0", IMAGE),
    (b"MM\0*", IMAGE),
    (b"\0\0\0\x0cjP  ", IMAGE),
    (b"7z\xbc\xaf\x27\x1c", ("a 7z archive", "unpack it")),
    (b"Rar!\x1a\x07", ("a RAR archive", "unpack it")),
    (b"SQLite format 3\0", ("an SQLite database", "")),
    (b"BagIt-Version:", ("BagIt's bagit.txt", "")),
)
ZIP = b"PK\x03\x04"
ZIPPED: dict[str, Other] = {
    ".docx": ("a Word document", EXPORT),
    ".odt": ("an OpenDocument text", EXPORT),
    ".xlsx": ("an Excel workbook", "save it as CSV, with a column text"),
    ".ods": ("an OpenDocument spreadsheet", "save it as CSV, with a column text"),
    ".pptx": ("a PowerPoint presentation", ""),
    ".epub": ("an EPUB book", EXPORT),
}
ROOTS: dict[str, Other] = {
    "DjVuXML": ("DjVu XML", CONVERT),
    "html": ("a web page without hOCR", ""),
    "trpDocMetadata": ("Transkribus metadata", ""),
    "metadata": ("XML of metadata", ""),
    "mods": ("MODS", ""),
    "modsCollection": ("MODS", ""),
    "ead": ("EAD, a finding aid", ""),
    "dc": ("Dublin Core", ""),
    "OAI-PMH": ("an answer of OAI-PMH", ""),
    "RDF": ("RDF", ""),
    "premis": ("PREMIS", ""),
    "collection": ("XML of a collection, such as MARC", ""),
    "record": ("XML of a record, such as MARC", ""),
    "svg": ("an SVG drawing", ""),
    "stylesheet": ("an XSLT stylesheet", ""),
    "transform": ("an XSLT stylesheet", ""),
    "schema": ("an XML schema", ""),
    "package": ("the contents of an EPUB book", ""),
    "pdf2xml": ("pdftohtml's XML", CONVERT),
    "wordDocument": ("Word's XML", EXPORT),
}
# Types of JSON-LD, as `@type` or `type`.
TYPES: dict[str, Other] = {
    "sc:Manifest": ("a IIIF manifest", ""),
    "Manifest": ("a IIIF manifest", ""),
    "sc:Collection": ("a IIIF collection", ""),
    "Collection": ("a IIIF collection", ""),
    "sc:Canvas": ("a IIIF canvas", ""),
    "Canvas": ("a IIIF canvas", ""),
    "FeatureCollection": ("GeoJSON", ""),
}
KEYS: dict[str, Other] = {
    "responses": ("Google Vision JSON", CONVERT),
    "fullTextAnnotation": ("Google Vision JSON", CONVERT),
    "textAnnotations": ("Google Vision JSON", CONVERT),
    "analyzeResult": ("JSON of Azure's document analysis", CONVERT),
    "DocumentMetadata": ("Textract JSON", CONVERT),
    "sequences": ("a IIIF manifest", ""),
    "@graph": ("JSON-LD", ""),
}
# Whole names, in lower case.
NAMES: tuple[tuple[re.Pattern[str], Other], ...] = tuple(
    (re.compile(pattern), (title, ""))
    for pattern, title in (
        (r"bagit\.txt", "BagIt's bagit.txt"),
        (r"bag-info\.txt", "BagIt's bag-info.txt"),
        (r"(tag)?manifest-(md5|sha\d+)\.txt", "a manifest of BagIt"),
        (r"fetch\.txt", "BagIt's fetch.txt"),
        (r"(checksums?|md5sums?|sha\d*sums?)(\.txt)?", "a list of checksums"),
        (r"(read[ _-]?me|läs[ _-]?mig|liesmich|lisez[ _-]?moi)([\W_].*)?", "a README"),
        (
            r"(licen[cs]e|copying|notice|authors|changelog|citation|requirements)"
            r"([\W_].*)?",
            "a note on the data",
        ),
        (r"(ehthumbs|thumbs)\.db", "a thumbnail database"),
        (r"desktop\.ini", "Windows's note on a folder"),
    )
)
IMAGES = (
    *(".jpg", ".jpeg", ".png", ".tif", ".tiff", ".ptif", ".gif", ".webp", ".bmp"),
    *(".jp2", ".jpx", ".j2k", ".heic", ".dng"),
)
ENDINGS: dict[str, Other] = {
    **dict.fromkeys(IMAGES, IMAGE),
    **ZIPPED,
    ".pdf": ("a PDF", EXPORT),
    ".djvu": ("a DjVu file", EXPORT),
    ".doc": ("a Word document", EXPORT),
    ".rtf": ("an RTF document", EXPORT),
    ".xls": ("an Excel workbook", "save it as CSV, with a column text"),
    ".md": ("Markdown", ""),
    ".markdown": ("Markdown", ""),
    ".rst": ("reStructuredText", ""),
    ".tex": ("LaTeX", ""),
    ".yaml": ("YAML", ""),
    ".yml": ("YAML", ""),
    ".log": ("a log", ""),
    ".css": ("a style sheet", ""),
    ".js": ("a script", ""),
    ".py": ("a script", ""),
    ".sh": ("a script", ""),
    ".xsd": ("an XML schema", ""),
    ".xsl": ("an XSLT stylesheet", ""),
    ".dtd": ("a DTD", ""),
    ".rng": ("a schema", ""),
    ".zip": ("a zip file", "unpack it"),
    ".tar": ("a tar file", "unpack it"),
    ".gz": ("a gzip file", "unpack it"),
    ".tgz": ("a tar file", "unpack it"),
    ".bz2": ("a bzip2 file", "unpack it"),
    ".xz": ("an xz file", "unpack it"),
    **dict.fromkeys((".md5", ".sha1", ".sha256", ".sha512"), ("a checksum", "")),
    **dict.fromkeys((".mp3", ".wav", ".flac", ".mp4", ".mov"), ("a recording", "")),
}
