"""Hits of the tuned model in a IIIF viewer: Mirador in Chromium, without a screen.

`ARKIV_MIRADOR` names the folder of npm's package `mirador`, which `make test-viewer`
fetches; where it sets `ARKIV_TEST_VIEWER`, what lacks is a failure. The viewer,
manifests and images are of another origin than the search page, as an archive has them.
"""

import html
import io
import json
import os
import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import browsing
import numpy as np
import pytest
from served import DEFAULT

from arkiv.base.html import excerpt
from arkiv.serve.access import Access
from arkiv.serve.app import create_app
from arkiv.serve.connections import served
from arkiv.serve.filters import Filters
from arkiv.serve.pictures import regions
from arkiv.settings.image_links import LineLinks

VOLUME, PAGES = "V0", range(0, 40, 2)
SIZE = WIDTH, HEIGHT = 900, 1200
# Left, top, right and bottom of a line of no passage.
OTHER = (100, 650, 700, 740)
# Mirador lays yellow over the hit that is chosen, three tenths of it.
BLACK, COVERED, MISSED = (0, 0, 0), (77, 77, 0), (255, 255, 178)
# Where Mirador shows the image, beside its panel: left and top.
BESIDE = (400, 60)
# What it lists: of each hit page, label and text.
LISTED = """return [...document.querySelectorAll("aside h4")].map(title => {
  const [page, label] = [...title.childNodes].map(one => one.textContent);
  const text = title.closest("[role=button], li").querySelector("p").textContent;
  return [page, label, text.trim()];
})"""
PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>Viewer</title>
<div id="viewer" style="position: absolute; inset: 0"></div>
<script src="/mirador.min.js"></script><script>
Mirador.viewer({{id: "viewer", windows: [{{manifestId: "{manifest}"}}],
  window: {{sideBarOpen: true, panels: {{search: true}}}}}});
</script>"""


@pytest.fixture(scope="module")
def script() -> bytes:
    """Mirador, as npm has it."""
    given, why = os.environ.get("ARKIV_MIRADOR"), browsing.missing()
    if not given:
        why = "ARKIV_MIRADOR names no folder of npm's package mirador"
    if why:
        (pytest.fail if os.environ.get("ARKIV_TEST_VIEWER") else pytest.skip)(why)
    return (Path(given) / "dist/mirador.min.js").read_bytes()


def box_of(page):
    """Where the one line of a page's passage stands, on each page elsewhere."""
    top = 60 + 12 * page
    return [100 + 5 * page, top, 700, top + 90]


def lines_of(passage):
    """As documents have them."""
    if "first_page" not in passage:
        return []
    line = {"page": passage["first_page"], "label": "", "image": "i.png"}
    box = box_of(passage["first_page"])
    return [line | dict(zip(("width", "height"), SIZE, strict=True)) | {"box": box}]


def image(page):
    """A white page, the line of its passage black, and another one below."""
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(sheet)
    for left, top, right, bottom in (box_of(page), OTHER):
        pen.rectangle((left, top, right - 1, bottom - 1), "black")
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def manifest_3(here, services):
    """A volume of the Presentation API 3.0."""

    def canvas(page):
        of = {"id": f"{here}/{VOLUME}/canvas/{page}", "width": WIDTH, "height": HEIGHT}
        body = {"id": f"{here}/{page}.png", "type": "Image", "format": "image/png"}
        painting = {
            "id": f"{of['id']}/painting",
            "type": "Annotation",
            "motivation": "painting",
            "body": body | {"width": WIDTH, "height": HEIGHT},
            "target": of["id"],
        }
        items = {
            "id": f"{of['id']}/page",
            "type": "AnnotationPage",
            "items": [painting],
        }
        label = {"none": [f"page {page}"]}
        return of | {"type": "Canvas", "label": label, "items": [items]}

    return {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": f"{here}/manifest3.json",
        "type": "Manifest",
        "label": {"none": [VOLUME]},
        "service": services,
        "items": [canvas(page) for page in PAGES],
    }


def manifest_2(here, services):
    """The same, as version 2.1 has it."""

    def canvas(page):
        address = f"{here}/{VOLUME}/canvas/{page}"
        of = {"width": WIDTH, "height": HEIGHT}
        resource = {"@id": f"{here}/{page}.png", "@type": "dctypes:Image"}
        painting = {
            "@type": "oa:Annotation",
            "motivation": "sc:painting",
            "resource": resource | of,
            "on": address,
        }
        images = {"label": f"page {page}", "images": [painting]}
        return {"@id": address, "@type": "sc:Canvas"} | of | images

    return {
        "@context": "http://iiif.io/api/presentation/2/context.json",
        "@id": f"{here}/manifest2.json",
        "@type": "sc:Manifest",
        "label": VOLUME,
        "service": services,
        "sequences": [{"@type": "sc:Sequence", "canvases": [*map(canvas, PAGES)]}],
    }


@contextmanager
def archive(answers):
    """The server of an archive: the address, and what it answers by path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            kind, body = answers.get(urlsplit(self.path).path, ("text/plain", None))
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def viewer(script, site, sheet, index, monkeypatch):
    """The address of a viewer on an archive, whose manifests name the search."""
    monkeypatch.setattr(index, "regions", lambda row: regions(row, lines_of(row)))
    answers = {"/mirador.min.js": ("text/javascript", script)}
    with archive(answers) as here:
        canvas = LineLinks(here + "/{volume}/canvas/{page}", "serve.canvas")
        access = Access(cors=[here])
        app = create_app(
            replace(site, canvas=canvas), sheet, [], DEFAULT, access=access
        )
        search = served(app, 4, host="127.0.0.1", port=0)
        threading.Thread(target=search.run, daemon=True).start()
        # As the page for programs and the documentation have them.
        page = app.test_client().get("/api").text
        said = re.search(r'"service": (\[.*?\])</code>', page, re.DOTALL).group(1)
        services = json.loads(
            html.unescape(said)
            .replace("VOLUME", VOLUME)
            .replace("http://localhost", f"http://127.0.0.1:{search.effective_port}")
        )
        for number, made in ((2, manifest_2), (3, manifest_3)):
            name = f"/manifest{number}.json"
            body = json.dumps(made(here, services)).encode()
            answers[name] = ("application/json", body)
            shown = PAGE.format(manifest=here + name).encode()
            answers[f"/viewer{number}"] = ("text/html", shown)
        for number in PAGES:
            answers[f"/{number}.png"] = ("image/png", image(number))
        yield here
        search.close()


def expected(index, query):
    """What is listed for a query: the ten best, in the order of the pages."""
    ranks = index.ranks("tuned_dense", query, Filters(volume=VOLUME))
    hits = [
        (passage["first_page"], rank, text_of(excerpt(passage["text"], query)))
        for key, (rank, _) in list(ranks.items())[:10]
        for passage in [index.passage(key)]
    ]
    return [
        [f"page {page}", f"#{rank} in tuned dense", text]
        for page, rank, text in sorted(hits)
    ]


def text_of(markup):
    """What a browser shows of it."""
    return html.unescape(re.sub("<[^>]*>", "", markup)).strip()


def box_in(picture, colour):
    """Left, top, right and bottom of what has nearly this colour; None: nothing."""
    there = np.abs(picture.astype(int) - np.array(colour)).max(axis=2) < 8
    rows, columns = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def beside(window):
    """The image as it is shown, once it stands still."""
    left, top = BESIDE

    def still():
        one, other = (window.picture()[top:, left:] for _ in range(2))
        settled = box_in(other, COVERED) and (one == other).all()
        return (other,) if settled else None

    return browsing.waited(still, lambda: "no hit is marked")[0]


@pytest.mark.parametrize("version", [2, 3])
def test_a_viewer_lists_hits_of_the_tuned_model_and_marks_their_lines(
    viewer, index, tmp_path, version
):
    with browsing.browser(tmp_path) as window:
        window.open(f"{viewer}/viewer{version}")
        window.click("[role=tab][aria-label=Search]")
        for query in ("kvarnen i skogen", "vem fick arvet"):
            window.fill("form input", query)
            window.type("form input", browsing.ENTER)
            wanted = expected(index, query)
            browsing.waited(
                lambda wanted=wanted: window.run(LISTED) == wanted,
                lambda wanted=wanted: f"{window.run(LISTED)}, not {wanted}",
            )
        best = next(
            place for place, (_, label, _) in enumerate(wanted) if "#1 " in label
        )
        window.run("document.querySelectorAll('aside h4')[arguments[0]].click()", best)
        browsing.waited(lambda: f"• {wanted[best][0]}\n" in window.text(), window.text)
        seen = beside(window)
    # The line of no passage is as it was, and tells the scale.
    other, found = (np.array(box_in(seen, colour)) for colour in (BLACK, COVERED))
    scale = (other[2] - other[0]) / (OTHER[2] - OTHER[0])
    page = int(wanted[best][0].removeprefix("page "))
    offset = (np.array(box_of(page)) - OTHER) * scale
    np.testing.assert_allclose(found, other + offset, atol=2)
    assert box_in(seen, MISSED) is None
