"""Whole archives through the programs: no word lost, whatever the files are like."""

import json
import random
import re
import tarfile
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from archives import OUTPUTS, build, write_page
from sheets import FORMATS, PAGE, WITHOUT, htrflow_nested

from arkiv.base.errors import InputError

CERTAIN = "¬\u00ad"
METHODS = [
    ("--method", "sampled", "--length-shares", "5-30:1"),
    ("--method", "page"),
    ("--method", "windows", "--window-words", "20", "--window-overlap", "7"),
    ("--method", "headings", "--heading", r"^§ \d+\b"),
]


def made_up(seed, pages):
    """Pages of regions of lines, with headings, marginalia and divided words."""
    draw = random.Random(seed)

    def line(n):
        words = [f"w{draw.randrange(10**6)}x" for _ in range(draw.randrange(1, 9))]
        if draw.random() < 0.1:
            words[:0] = ["§", f"{n}."]
        ending = draw.choice(("", "", "¬", "-", "=", " -"))
        confidence = draw.choice((0.125, 0.5, 1.0))
        return " ".join(words) + ending, confidence

    return [
        [
            (kind, [line(n) for n in range(draw.randrange(1, 7))])
            for kind in ("paragraph", "marginalia", "paragraph", "page-number")
            if kind == "paragraph" or draw.random() < 0.3
        ]
        for _ in range(pages)
    ]


def every_letter(texts):
    """How often each letter and digit occurs: what no joining or cutting may change."""
    return Counter(letter for text in texts for letter in text if letter.isalnum())


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A volume for each format, in folders, zip and tar files; and all of its lines."""
    root = tmp_path_factory.mktemp("archive")
    lines = []
    for place, (form, (ending, write)) in enumerate(FORMATS.items()):
        name = re.sub(r"\W+", "_", form)
        folder = root / name
        folder.mkdir()
        for number, page in enumerate(made_up(form, 12), start=1):
            (folder / f"p_{number}{ending}").write_bytes(write(page))
            lines += [line for _, found in page for line in found]
        if place % 3 == 1:
            with zipfile.ZipFile(root / f"{name}.zip", "w") as packed:
                for file in folder.iterdir():
                    packed.write(file, f"{name}/{file.name}")
        if place % 3 == 2:
            with tarfile.open(root / f"{name}.tar.gz", "w:gz") as packed:
                packed.add(folder, name)
        if place % 3:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
    return root, lines


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method[1])
def test_documents_and_what_is_set_aside_are_all_lines(
    archive, method, tokenizer, tmp_path
):
    root, lines = archive
    documents, rejected, stats = build(
        root,
        tokenizer,
        tmp_path,
        *method,
        *("--min-confidence", "0.4", "--skip-regions", "Marginalia", "page-number"),
        *("--max-tokens", "24"),
        parts=3,
    )
    aside = [item for item in rejected if "line" in item]
    too_long = [item for item in rejected if "line" not in item]
    assert len(aside) > 50
    assert too_long or "windows" in method
    whole = [text for text, _ in lines]
    cut = documents + too_long
    assert stats["lines"] == len(whole)
    assert stats["lines_set_aside"] == len(aside)
    assert stats["words_in_lines_set_aside"] == sum(
        len(i["text"].split()) for i in aside
    )
    assert stats["words"] + stats["words_repeated"] == sum(
        len(item["text"].split()) for item in cut
    )
    assert stats["words_in_documents"] + stats["words_set_aside"] == sum(
        item["words"] for item in cut
    )
    assert sum(stats["rejected"].values()) == len(rejected)
    if "windows" not in method:
        assert stats["words_repeated"] == 0
        found = [item["text"] for item in (*cut, *aside)]
        assert every_letter(found) == every_letter(whole)
    # Every word that was not joined with another stands in the one or the other.
    words = {word for item in (*cut, *aside) for word in item["text"].split()}
    inner = [w for text in whole for w in text.split()[1:-1]]
    assert inner
    assert set(inner) <= words


def test_a_document_leads_back_to_the_lines_and_images_it_is_of(
    archive, tokenizer, tmp_path
):
    root, _ = archive
    documents, _, _ = build(root, tokenizer, tmp_path, *METHODS[0])
    for document in documents:
        volume = document["volume"]
        form = next(f for f in FORMATS if re.sub(r"\W+", "_", f) == volume)
        page = made_up(form, 12)[document["first_page"] - 1]
        lines = [line for _, found in page for line in found]
        ids = [
            f"r{r}l{n}" for r, (_, found) in enumerate(page) for n in range(len(found))
        ]
        place = document["first_line"] - 1
        first = document["text"].split()[0]
        # Whole, or the half that ends the line.
        assert any(
            first == word or first.startswith(word.rstrip("¬-="))
            for word in lines[place][0].split()
        )
        if form.startswith(("PAGE", "ALTO")):
            assert document["first_line_id"] == ids[place]
        if "image" not in WITHOUT.get(form, ()):
            assert document["first_image"] == document["last_image"] == "p_1.jpg"


def test_the_same_bytes_for_any_number_of_parts_and_order_of_listing(
    archive, tokenizer, tmp_path, monkeypatch
):
    root, _ = archive
    options = [*METHODS[0], "--min-confidence", "0.4", "--max-tokens", "25"]
    iterdir = Path.iterdir
    results = []
    more_than_volumes = len(FORMATS) + 1
    for parts, reverse in ((1, False), (3, True), (more_than_volumes, False)):
        monkeypatch.setattr(
            Path, "iterdir", lambda p, r=reverse: iter(sorted(iterdir(p), reverse=r))
        )
        out = tmp_path / str(parts)
        out.mkdir()
        build(
            root,
            tokenizer,
            out,
            *options,
            parts=parts,
            merge=("--duplicate-jaccard", "0.7"),
        )
        results.append([(out / name).read_bytes() for name in OUTPUTS.values()])
    assert results[0] == results[1] == results[2]


def test_a_volume_is_cut_alike_in_a_folder_and_in_an_archive_file(
    pages_of_one, tokenizer, tmp_path
):
    root, pack = pages_of_one
    folder, _, _ = build(root, tokenizer, tmp_path, *METHODS[0])
    pack()
    packed, rejected, _ = build(root, tokenizer, tmp_path, *METHODS[0])
    assert [path.name for path in root.iterdir()] == ["v.zip"]
    assert packed == folder
    assert rejected == []


@pytest.mark.parametrize(
    "form", [form for form in FORMATS if "regions" not in WITHOUT.get(form, ())]
)
def test_words_go_on_behind_page_furniture_and_not_behind_a_missing_page(
    form, tokenizer, tmp_path
):
    ending, write = FORMATS[form]
    pages = {
        1: [("header", [("Dom", 0.9)]), ("paragraph", [("inför härads-", 0.9)])],
        2: [("page-number", [("12", 0.9)]), ("header", [("Protokoll", 0.9)])],
        3: [("page-number", [("13", 0.9)]), ("paragraph", [("rätten kom¬", 0.9)])],
        5: [("paragraph", [("mer och", 0.9)])],
    }
    for number, regions in pages.items():
        path = tmp_path / "pages" / "v" / f"v_{number}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(write(regions))
    documents, rejected, stats = build(
        tmp_path / "pages", tokenizer, tmp_path, "--method", "page"
    )
    assert [(each["text"], each["first_page"]) for each in documents] == [
        ("Dom inför häradsrätten", 1),
        ("12 Protokoll", 2),
        ("13 kom¬", 3),
        ("mer och", 5),
    ]
    assert (rejected, stats["words"]) == ([], 9)


def test_text_that_only_a_region_has_is_set_aside_and_counted(tokenizer, tmp_path):
    said = "<TextEquiv><Unicode>{}</Unicode></TextEquiv>".format
    page = (
        f'<PcGts xmlns="{PAGE}/2019-07-15"><Page><TextRegion id="r0"><TextLine>'
        + said("alpha beta")
        + "</TextLine><TextLine/>"
        + said("beta gamma\ndelta alpha\nepsilon")
        + "</TextRegion></Page></PcGts>"
    )
    path = tmp_path / "pages" / "v" / "v_1.xml"
    path.parent.mkdir(parents=True)
    path.write_text(page)
    documents, rejected, stats = build(
        tmp_path / "pages", tokenizer, tmp_path, "--method", "page"
    )
    assert [each["text"] for each in documents] == ["alpha beta"]
    assert [each["text"] for each in rejected] == ["gamma", "delta", "epsilon"]
    assert {each["line_id"] for each in rejected} == {"r0"}
    assert stats["words"] + stats["words_in_lines_set_aside"] == 5
    assert stats["rejected"] == {"text of a region that none of its lines holds": 3}


@pytest.fixture
def pages_of_one(tmp_path):
    root = tmp_path / "one"
    folder = root / "v"
    folder.mkdir(parents=True)
    for number, page in enumerate(made_up("one", 12), start=1):
        (folder / f"{number}.json").write_bytes(htrflow_nested(page))

    def pack():
        with zipfile.ZipFile(root / "v.zip", "w") as packed:
            for file in list(folder.iterdir()):
                packed.write(file, file.name)
                file.unlink()
        folder.rmdir()

    return root, pack


def test_near_duplicates_are_set_aside_across_volumes_and_parts(tokenizer, tmp_path):
    pages = tmp_path / "pages"
    draw = random.Random(0)
    texts = [
        " ".join(f"w{draw.randrange(10**6)}" for _ in range(120)) for _ in range(6)
    ]
    for number, text in enumerate(texts, start=1):
        write_page(pages / "a" / f"{number}.json", text)
        again = text.split()
        again[60] = "annorlunda"
        if number % 2:
            write_page(pages / "b" / f"{number}.json", " ".join(again))
    write_page(pages / "b" / "9.json", texts[0].upper())
    options = [pages, tokenizer, tmp_path, "--method", "page"]
    documents, rejected, stats = build(
        *options, parts=2, merge=("--duplicate-jaccard", "0.8")
    )
    assert [d["text"] for d in documents] == texts
    assert [(r["volume"], r["first_page"], r["reason"]) for r in rejected] == [
        *(
            ("b", n, f"shares 95% of its wording with volume a, page {n}")
            for n in (1, 3, 5)
        ),
        ("b", 9, "has the same text as volume a, page 1"),
    ]
    assert stats["words_set_aside"] == 4 * 120
    assert stats["rejected"] == {
        "near-duplicate of an earlier document": 3,
        "same text as an earlier document": 1,
    }
    documents, rejected, _ = build(*options, parts=2)
    assert (len(documents), len(rejected)) == (9, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--method", "headings"), "`heading`: is missing"),
        (("--window-words", "5", "--window-overlap", "5"), "`window_overlap`: is 5"),
    ],
)
def test_options_that_do_not_agree_are_refused(
    pages_of_one, tokenizer, tmp_path, options, said
):
    with pytest.raises(InputError, match=re.escape(said)):
        build(pages_of_one[0], tokenizer, tmp_path, *options)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method[1])
def test_all_words_of_the_real_pages(svea, tokenizer, tmp_path, method):
    """Against the lines as a reader of nothing but `label` finds them."""
    files = sorted((svea / "pages" / "30003368").glob("*.json"))

    def lines(node):
        for part in node.get("contains", ()):
            if re.search(r"_line\d+$", part["label"]):
                yield part["text_result"]["texts"][0]
            else:
                yield from lines(part)

    pages = {
        int(path.stem.rpartition("_")[2]): [
            line for line in lines(json.loads(path.read_text())) if line.strip()
        ]
        for path in files
    }
    found = [line for page in pages.values() for line in page]
    divided = sum(line.endswith("¬") for line, _ in pairwise(found))
    # Half a word that goes on on a page that is missing.
    divided -= sum(
        after - before > 1 and pages[before][-1].endswith("¬")
        for before, after in pairwise(pages)
    )
    words = sum(len(line.replace("¬", "").split()) for line in found)
    documents, rejected, stats = build(
        svea / "pages", tokenizer, tmp_path, *method, "--hyphens", "¬"
    )
    assert rejected == []
    assert stats["lines"] == len(found)
    assert stats["words"] == words - divided
    assert stats["words_in_documents"] == stats["words"] + stats["words_repeated"]
    if "windows" not in method:
        texts = [document["text"] for document in documents]
        assert every_letter(texts) == every_letter(found)
