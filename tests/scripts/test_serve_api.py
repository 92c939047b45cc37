"""The search page for programs, browsers and viewers: JSON, OpenSearch, IIIF."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from iiif_search import check_annotation_list, check_annotation_page
from served import DEFAULT, HOSTILE, get

from arkiv.base.hashing import content_id
from arkiv.serve.access import Access
from arkiv.serve.app import create_app
from arkiv.serve.content_search import PAGE
from arkiv.serve.filters import Filters
from arkiv.serve.pictures import regions
from arkiv.settings.image_links import LineLinks

CANVAS = "https://archive.example/{volume}/canvas/{page}"


@pytest.fixture
def viewed(site, sheet, index, monkeypatch):
    """The browser of a site with canvases, on which every third passage has lines."""

    def places(row):
        if row.get("first_page", 1) % 3:
            return []
        page = {"label": "", "image": "i.jpg", "width": 900, "height": 900}
        return [
            page | {"page": row["first_page"] + n, "box": [10, 20 + n, 410, 70 + n]}
            for n in (0, 0, 1)
        ]

    monkeypatch.setattr(index, "regions", lambda row: regions(row, places(row)))
    site = replace(site, canvas=LineLinks(CANVAS, "serve.canvas"))
    access = Access(cors=["https://viewer.example"])
    return create_app(site, sheet, [], DEFAULT, access=access).test_client()


def path_of(address):
    """What of a whole address a test client asks for."""
    parts = urlsplit(address)
    assert parts.netloc == "localhost"
    return f"{parts.path}?{parts.query}"


# JSON.


def test_the_api_pages_through_what_the_page_shows(client, index):
    filters = Filters(volume="V0")
    address = "/api/search?q=kvarnen&systems=bm25,tuned_dense&volume=v0&hits=10"
    found, pages = {"bm25": [], "tuned_dense": []}, 0
    while address:
        answer = client.get(address).json
        assert answer["filters"] == {"volume": "V0"}
        pages += 1
        assert answer["page"] == pages
        assert (answer["previous"] is None) == (pages == 1)
        for system in answer["systems"]:
            found[system["name"]] += [(one["id"], one) for one in system["hits"]]
        address = answer["next"] and path_of(answer["next"])
    assert pages == 2
    for name, hits in found.items():
        ranks = index.ranks(name, "kvarnen", filters)
        assert {key: (one["rank"], one["score"]) for key, one in hits} == ranks
        assert [key for key, _ in hits] == list(ranks)
    _, hit = found["bm25"][0]
    passage = index.passage(hit["id"])
    other = index.ranks("tuned_dense", "kvarnen", filters)[hit["id"]][0]
    assert hit["ranks_elsewhere"] == {"tuned_dense": other}
    assert (hit["text"], hit["year"]) == (passage["text"], 1880)
    assert hit["group"] == passage["group"]
    assert hit["images"][0]["url"].endswith(f"V0/{passage['first_page']:05}")
    assert client.get(path_of(hit["url"])).status_code == 200


def test_the_api_folds_hits_and_asks_the_systems_of_the_page(client, index):
    answer = client.get("/api/search?q=kvarnen&group=volume").json
    assert [one["name"] for one in answer["systems"]] == list(DEFAULT)
    (dense,) = (one for one in answer["systems"] if one["name"] == "base_dense")
    assert dense["found"] == len(dense["hits"]) == 3
    ids = [one["id"] for hit in dense["hits"] for one in (hit, *hit["folded"])]
    assert sorted(ids) == sorted(index.ranks("base_dense", "kvarnen"))


def test_a_passage_of_the_api_knows_its_neighbours(client, index):
    here = next(key for key in index.ids if index.passage(key).get("first_page") == 4)
    answer = client.get(f"/api/passage/{here}").json
    assert [
        index.passage(answer[key])["first_page"] for key in ("previous", "next")
    ] == [
        2,
        6,
    ]
    assert answer["page"] == [here]
    assert client.get(f"/api/passage/{content_id(HOSTILE)}").json["text"] == HOSTILE


@pytest.mark.parametrize(
    ("address", "status", "sentence"),
    [
        ("/api/search", 400, "Nothing is searched for: `q` is empty or missing."),
        ("/api/search?q=a&page=0", 400, "The page is 0, expected one from 1 to 100."),
        (
            "/api/search?q=a&page=10000",
            400,
            "The page is 10000, expected one from 1 to 100.",
        ),
        ("/api/search?q=a&page=²", 400, "The page is “²”, expected one from 1."),
        ("/api/search?q=a&systems=x", 400, "There is no system “x” here."),
        (
            "/api/search?q=a&year=1840",
            400,
            "“year” is no parameter of a search; did you",
        ),
        ("/api/search?q=a&limit=5", 400, "“limit” is no parameter of a search; known "),
        ("/api/search?q=a&q=b", 400, "“q” is given 2 times, expected once."),
        ("/api/search?q=a&years=x", 400, "The years are “x”, expected a year"),
        ("/api/passage/x", 404, "There is no such page or passage"),
        ("/api/x", 404, "There is no such page or passage"),
        ("/iiif/V0/search?q=a", 404, "There is no such page or passage"),
    ],
)
def test_a_fault_is_json_for_programs(client, address, status, sentence):
    answer = client.get(address)
    assert answer.status_code == answer.json["error"]["status"] == status
    assert answer.json["error"]["sentence"].startswith(sentence)


def test_the_page_for_programs_names_what_there_is(client, viewed):
    answer, page = get(client, "/api")
    links = [one["href"] for one in page.all("a")]
    (example,) = (one for one in links if one.startswith("/api/search"))
    assert client.get(example).json["systems"]
    assert "serve.cors" in answer.text
    assert "/iiif/" not in answer.text
    for name in ("q", "systems", "volume", "years", "confidence", "group", "page"):
        assert f"<code>{name}</code>" in answer.text
    answer, _ = get(viewed, "/api")
    assert "http://localhost/iiif/VOLUME/search" in answer.text


def test_only_named_origins_may_read_and_only_what_programs_are_answered(
    site, sheet, client, viewed
):
    ask = "/api/search?q=kvarnen"
    key = "Access-Control-Allow-Origin"
    there, other = {"Origin": "https://viewer.example"}, {"Origin": "https://x.example"}
    assert key not in client.get(ask, headers=there).headers
    assert viewed.get(ask, headers=there).headers[key] == there["Origin"]
    assert key not in viewed.get(ask, headers=other).headers
    assert key not in viewed.get("/?q=kvarnen", headers=there).headers
    everyone = Access(cors=["*"])
    open_one = create_app(site, sheet, [], DEFAULT, access=everyone).test_client()
    assert open_one.get(ask, headers=other).headers[key] == "*"
    for address in (ask, "/api", "/opensearch.xml", "/iiif/V0/search?q=a"):
        refused = viewed.get(address, headers={"Host": "evil.example"})
        assert refused.status_code == 400
        assert b"kvarnen" not in refused.data


def test_a_web_server_in_front_is_answered_by_its_name(site, sheet):
    address = "https://search.example"
    site = replace(site, address=address)
    access = Access(address=address)
    browser = create_app(site, sheet, [], DEFAULT, access=access).test_client()
    answer = browser.get("/opensearch.xml", headers={"Host": "search.example"})
    assert 'template="https://search.example/?q={searchTerms}"' in answer.text
    assert browser.get("/", headers={"Host": "x.example"}).status_code == 400


# OpenSearch 1.1, https://github.com/dewitt/opensearch.


def test_a_browser_can_take_it_as_a_search_engine(client):
    _, page = get(client)
    (link,) = page.all("link", rel="search")
    answer = client.get(link["href"])
    assert link["type"] == answer.mimetype == "application/opensearchdescription+xml"
    root = ElementTree.fromstring(answer.data)
    of = "{http://a9.com/-/spec/opensearch/1.1/}"
    assert root.tag == f"{of}OpenSearchDescription"
    assert 0 < len(root.findtext(f"{of}ShortName")) <= 16
    assert 0 < len(root.findtext(f"{of}Description")) <= 1024
    urls = {one.get("type"): one.get("template") for one in root.iter(f"{of}Url")}
    for kind in ("text/html", "application/json"):
        asked = (
            urls[kind].replace("{searchTerms}", "kvarnen").replace("{startPage?}", "")
        )
        answer = client.get(path_of(asked))
        assert (answer.status_code, answer.mimetype) == (200, kind)


# IIIF.


def test_a_viewer_pages_through_annotations_on_canvases(viewed, index):
    ranks = index.ranks("tuned_dense", "kvarnen", Filters(volume="V0"))
    address, items, quoted = "/iiif/V0/search?q=kvarnen", [], []
    while address:
        page = viewed.get(address).json
        check_annotation_page(page)
        assert page["startIndex"] == len(items)
        items += page["items"]
        quoted += [one for part in page.get("annotations", []) for one in part["items"]]
        address = page.get("next") and path_of(page["next"]["id"])
    assert page["partOf"]["total"] == len(items)
    assert len({one["id"] for one in items}) == len(items)
    found = list(dict.fromkeys(one["id"].split("/")[-2] for one in items))
    assert found == list(ranks)
    for item in items:
        passage = index.passage(item["id"].split("/")[-2])
        number = passage["first_page"]
        extra = int(item["id"].rsplit("/", 1)[1]) - 1
        canvas = f"https://archive.example/V0/canvas/{number + extra}"
        region = f"#xywh=10,{20 + extra},400,50"
        assert item["target"] == canvas + ("" if number % 3 else region)
        assert item["body"]["value"] == passage["text"]
    texts = {one["id"]: one["body"]["value"] for one in items}
    for one in quoted:
        target = one["target"]
        (words,) = target["selector"]
        said = words["prefix"] + words["exact"] + words["suffix"]
        assert said in texts[target["source"]]
        assert words["exact"] == "kvarnen"


def test_pages_of_annotations_hang_together(viewed, monkeypatch):
    monkeypatch.setattr("arkiv.serve.content_search.PAGE", 4)
    for service, check in (
        ("search", check_annotation_page),
        ("search1", check_annotation_list),
    ):
        seen, address = [], f"/iiif/V0/{service}?q=arvet&system=bm25"
        while address:
            page = viewed.get(address).json
            check(page)
            seen.append(page)
            following = page.get("next")
            if isinstance(following, dict):
                following = following["id"]
            address = following and path_of(following)
            assert not address or dict(parse_qsl(urlsplit(address).query))["system"]
        assert len(seen) > 2
        assert len({page.get("id") or page["@id"] for page in seen}) == len(seen)
        assert "prev" not in seen[0]
        assert "prev" in seen[-1]


def test_a_viewer_of_before_is_answered_in_its_form(viewed, index, monkeypatch):
    new = viewed.get("/iiif/V0/search?q=kvarnen").json
    old = viewed.get("/iiif/V0/search1?q=kvarnen").json
    check_annotation_list(old)
    assert [one["on"] for one in old["resources"]] == [
        one["target"] for one in new["items"]
    ]
    assert len(new["items"]) == PAGE
    # It puts them in the order of pages, and takes what it reads for HTML.
    ranks = index.ranks("tuned_dense", "kvarnen", Filters(volume="V0"))
    for one in old["resources"]:
        rank, _ = ranks[one["@id"].split("/")[-2]]
        assert one["label"] == f"#{rank} in tuned dense"
    hostile = {key: index.passage(key) | {"text": HOSTILE} for key in ranks}
    monkeypatch.setattr(index, "passages", lambda ids, **_: hostile)
    (one, *_) = viewed.get("/iiif/V0/search1?q=kvarnen").json["resources"]
    assert one["resource"]["chars"] == (
        "<p>&lt;script&gt;alert(&#x27;<b>kvarnen</b>&#x27;)&lt;/script&gt; &amp; "
        "&quot;citat&quot; <b>kvarnen</b></p>"
    )


def test_a_viewer_is_given_the_best_passages_alone(viewed, index, monkeypatch):
    monkeypatch.setattr("arkiv.serve.content_search.MOST_FOUND", 3)
    items = viewed.get("/iiif/V0/search?q=kvarnen").json["items"]
    found = dict.fromkeys(one["id"].split("/")[-2] for one in items)
    ranks = index.ranks("tuned_dense", "kvarnen", Filters(volume="V0"))
    assert list(found) == list(ranks)[:3]


def test_every_annotation_of_many_can_be_asked_for(viewed, index, monkeypatch):
    lines = [{"label": "", "image": "i.jpg", "width": 9, "height": 9}] * 60
    found = [
        line | {"page": n, "box": [0, 0, 9, 9]} for n, line in enumerate(lines, start=1)
    ]
    monkeypatch.setattr(index, "regions", lambda row: regions(row, found))
    answer = viewed.get("/iiif/V0/search1?q=kvarnen").json
    last = path_of(answer["within"]["last"])
    assert answer["within"]["total"] == 60 * 20
    assert len(viewed.get(last).json["resources"]) == PAGE


def test_what_a_viewer_asks_otherwise(viewed):
    page = viewed.get("/iiif/V0/search?q=kvarnen&date=x&user=").json
    check_annotation_page(page)
    assert page["ignored"] == ["date"]
    for nothing in ("q=", "q=kvarnen&motivation=painting", "q=kvarnen&page=9"):
        page = viewed.get(f"/iiif/V0/search?{nothing}").json
        check_annotation_page(page)
        assert page["items"] == []
    both = "q=kvarnen&motivation=painting+supplementing"
    assert viewed.get(f"/iiif/V0/search?{both}").json["items"]
    for volume in ("V", "v0", "V0/x"):
        assert viewed.get(f"/iiif/{volume}/search?q=a").status_code == 404
