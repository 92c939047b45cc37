"""A small run on the search page, and how its pages and forms are read."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from arkiv.base.hashing import content_id
from arkiv.base.html import VOID
from benchmarks.data import finished_run

WORDS = "tinget kvarnen skogen arvet tvisten gården eden böter åkern".split()
HOSTILE = "<script>alert('kvarnen')</script> & \"citat\" kvarnen"
DEFAULT = ("bm25", "base_dense", "tuned_dense")


def build_served(folder: Path, embedder: Path) -> None:
    """A run of 40 passages in two volumes, and a hostile one without provenance."""
    from arkiv.example.tiny import build_embedder

    build_embedder(folder / "tuned", seed=1)
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(WORDS, draw.integers(5, 40))) for _ in range(40)]
    passages = [
        {
            "id": content_id(text),
            "text": text,
            "volume": f"V{number % 2}",
            "group": f"§ {number // 3}",
            "first_page": number,
            "last_page": number,
            "first_line": 2,
            "last_line": 4,
            "first_image": f"v{number % 2}_{number}.jpg",
            "title": "Räkenskaper <1880>",
            "year": 1880,
            "year_to": 1885,
        }
        for number, text in enumerate(texts)
    ]
    passages.append({"id": content_id(HOSTILE), "text": HOSTILE})
    asked = ["kvarnen i skogen", "vem fick arvet", "böter vid tinget"]
    queries = [
        {"id": f"q{number}", "query": query} for number, query in enumerate(asked)
    ]
    finished_run(folder, embedder, folder / "tuned", passages, queries)


class Document(HTMLParser):
    """A page's elements with their attributes; fails where one is not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag, **wanted):
        """The attributes of elements, named as in `arkiv.base.html.element`."""
        names = {key: key.rstrip("_").replace("_", "-") for key in wanted}
        return [
            given
            for name, given in self.elements
            if name == tag
            and all(given.get(names[key]) == value for key, value in wanted.items())
        ]

    def options(self, of, chosen=False):
        """The values of what can be chosen, or is, in a field of this name or id."""
        found, within = [], False
        for tag, given in self.elements:
            if tag in ("select", "datalist"):
                within = of in (given.get("name"), given.get("id"))
            if tag == "option" and within and (not chosen or "selected" in given):
                found.append(given["value"])
        return found


def get(client, path="/", **parameters):
    """An answer, and its page."""
    answer = client.get(f"{path}?{urlencode(parameters, doseq=True)}")
    return answer, Document(answer.get_data(as_text=True))


def found_in(document):
    """The ids of the passages in each column."""
    columns = {}
    for given in document.all("li"):
        if "-" in given.get("id", ""):
            name, passage = given["id"].rsplit("-", 1)
            columns.setdefault(name, []).append(passage)
    return columns


def form_of(page):
    """The hidden fields of the judging form, in order."""
    fields = page.all("input", type="hidden")
    return [(one["name"], one["value"]) for one in fields if one["name"] != "hits"]


def judge(client, query, kind, passage, place="bm25", **more):
    """What comes back when a verdict is given on what a search has found."""
    _, page = get(client, q=query, **more)
    data = [*form_of(page), (kind, f"{passage} {place}")]
    return posted(client, "/judge", data)


def posted(client, address, fields, **more):
    """What comes back when a form with these fields is sent."""
    kind = "application/x-www-form-urlencoded"
    return client.post(address, data=urlencode(fields), content_type=kind, **more)


def pressed(client, answer, **chosen):
    """What comes back when the one button of a page's form is pressed."""
    page = Document(answer.text)
    (form,) = page.all("form", method="post")
    (button,) = page.all("button", class_="go")[1:]
    fields = [(one["name"], one["value"]) for one in page.all("input", type="hidden")]
    selected = page.options("judge", chosen=True)
    fields += [("judge", chosen.get("judge", one)) for one in selected]
    return posted(client, form["action"], [*fields, (button["name"], button["value"])])
