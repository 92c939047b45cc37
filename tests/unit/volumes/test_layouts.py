"""Archives as projects ship them: the right volumes, pages, order and labels."""

import json
import os
import random
import unicodedata

import pytest
from layouts import (
    EMPTY_METS,
    METS,
    alto,
    htrflow,
    lay_out,
    mets,
    page,
    tarred,
    tei,
    words,
    zipped,
)

from arkiv.base.errors import InputError
from arkiv.base.files import read_records, write_records
from arkiv.volumes.finding import find, root_of
from arkiv.volumes.opened import Opened
from arkiv.volumes.overview import summary, told
from arkiv.volumes.same_pages import Texts
from arkiv.volumes.volume import from_record, page_files, to_record


def texts(archive, **how):
    """The text of each page of each volume, in order; twice by way of a file."""
    found = {}
    for volume in find(archive, **how).volumes:
        assert from_record(to_record(volume)) == volume
        with Opened(root_of(archive)) as opened, page_files(volume, opened) as files:
            assert volume.name not in found
            found[volume.name] = [
                " ".join(line.text for line in read.lines)
                for file in files
                for read in file.pages(None)
            ]
    return found


def labels(archive, name):
    (volume,) = [each for each in find(archive).volumes if each.name == name]
    return [(place.number, place.label) for _, place in volume.pages]


def transkribus(pages, prefix=""):
    """A document as Transkribus exports it."""
    named = {f"{prefix}page/{n:04}.xml": page(words(prefix, n)) for n in pages}
    images = {f"{prefix}{n:04}.jpg": b"\xff\xd8\xff" for n in pages}
    meta = {
        f"{prefix}mets.xml": EMPTY_METS,
        f"{prefix}metadata.xml": "<trpDocMetadata/>",
    }
    return {**named, **images, **meta}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_transkribus_document_of_few_pages(tmp_path, count):
    numbers = range(1, count + 1)
    files = transkribus(numbers, "doc/") | transkribus(range(1, 4), "other/")
    assert texts(lay_out(tmp_path, files)) == {
        "doc": [words("doc/", n) for n in numbers],
        "other": [words("other/", n) for n in (1, 2, 3)],
    }
    # Its export given as the archive is one volume.
    assert texts(tmp_path / "doc") == {"doc": [words("doc/", n) for n in numbers]}


def test_a_zip_file_of_several_documents_is_several_volumes(tmp_path):
    files = {
        name: content
        for prefix in ("A/", "B/")
        for name, content in transkribus((1, 2), prefix).items()
        if isinstance(content, str)
    }
    lay_out(tmp_path, {"job.zip": zipped(files), "kopia.tar.gz": tarred(files, "gz")})
    expected = {each: [words(f"{each}/", n) for n in (1, 2)] for each in "AB"}
    assert texts(tmp_path / "job.zip") == {
        f"job/{each}": pages for each, pages in expected.items()
    }
    # The second holds the same pages: they are read once.
    found = find(tmp_path)
    assert [volume.name for volume in found.volumes] == ["job/A", "job/B"]
    assert found.chosen == [
        (f"job.zip/{each}/page", [f"kopia.tar.gz/{each}/page"]) for each in "AB"
    ]


def test_an_export_of_escriptorium(tmp_path):
    names = ["f1.xml", "f2.xml", "f10.xml"]
    files = {name: alto(words(name)) for name in names}
    archive = lay_out(
        tmp_path, {"export.zip": zipped({**files, "METS.xml": EMPTY_METS})}
    )
    assert texts(archive) == {"export": [words(name) for name in names]}


def test_a_workspace_of_ocr_d(tmp_path):
    groups = {"OCR-D-IMG": [], "OCR-D-SEG": [], "OCR-D-GT": [], "OCR-D-OCR": []}
    files = {}
    for group, paths in groups.items():
        for n in (1, 2, 3):
            path = f"{group}/{group}_{n:04}.{'jpg' if group.endswith('IMG') else 'xml'}"
            text = words(n) if group.endswith("OCR") else ""
            files[f"ws/{path}"] = b"\xff\xd8" if path.endswith("jpg") else page(text)
            paths.append(path)
    for said in (mets(groups), EMPTY_METS):
        archive = lay_out(tmp_path, {**files, "ws/mets.xml": said})
        found = find(archive)
        assert found.chosen == [("ws/OCR-D-OCR", ["ws/OCR-D-GT", "ws/OCR-D-SEG"])]
        assert texts(archive) == {"ws": [words(n) for n in (1, 2, 3)]}


@pytest.mark.parametrize("halves", ["0002-1 0002-2", "0002_l 0002_r", "2.1 2.2 2.3"])
def test_lines_of_the_parts_of_a_page_are_not_pages(tmp_path, halves):
    lines = [words(n) for n in range(12)]
    files = {"v/0002.xml": page(" ".join(lines)), "v/0003.xml": page(words("b"))}
    for n, line in enumerate(lines):
        folder = halves.split()[n % len(halves.split())]
        files[f"v/{folder}/{n:02}.txt"] = line
    # Of a name like them, but of another text.
    files["v/0003-1/1.txt"] = words("c")
    archive = lay_out(tmp_path, files)
    assert texts(archive) == {
        "v": [" ".join(lines), words("b")],
        "v/0003-1": [words("c")],
    }
    assert len(find(archive).twice) == len(lines)


def test_of_many_folders_of_the_same_page_names_copies_are_read_once(tmp_path):
    files = {
        f"{volume}/{n}.xml": page("" if n == 1 else words(volume, n))
        for volume in range(100, 150)
        for n in (1, 2, 3, 4)
    }
    once = texts(lay_out(tmp_path, files))
    assert len(once) == 50
    for name in ("120", "133"):
        for n in (1, 2, 3, 4):
            files[f"copy of {name}/{n}.xml"] = files[f"{name}/{n}.xml"]
    # The same title page is no copy.
    files |= {f"{volume}/2.xml": page(words("title")) for volume in (140, 141, 142)}
    found = texts(lay_out(tmp_path, files))
    assert sorted(found) == sorted(once)


def test_a_page_is_not_left_out_for_one_of_its_parts(tmp_path):
    files = {"v/2.txt": words("a") + " " + words("b"), "v/2-1/1.xml": page(words("a"))}
    found = texts(lay_out(tmp_path, files))
    assert found["v"] == [files["v/2.txt"]]


@pytest.mark.parametrize("first", [2, 3, 100])
@pytest.mark.parametrize("left_out", [[], [0], [1, 4]])
def test_a_group_of_other_page_numbers_that_mets_leaves_out(tmp_path, first, left_out):
    numbers = range(6)
    paths = {"OCR-D-OCR": [f"OCR-D-OCR/OCR-D-OCR_{n + 1:04}.xml" for n in numbers]}
    files = {path: page(words(n)) for n, path in enumerate(paths["OCR-D-OCR"])}
    for n in set(numbers) - {*left_out}:
        text = words(n) if n != 3 else ""
        files[f"OCR-D-CALA/OCR-D-CALA_{n + first:04}.xml"] = page(text)
    laid = {f"ws/{path}": text for path, text in files.items()}
    archive = lay_out(tmp_path, {**laid, "ws/mets.xml": mets(paths)})
    assert texts(archive) == {"ws": [words(n) for n in numbers]}
    found = find(archive)
    if left_out:
        assert len(found.twice) == 6 - len(left_out)
    else:
        assert found.chosen == [("ws/OCR-D-OCR", ["ws/OCR-D-CALA"])]


def test_a_group_that_mets_leaves_out_keeps_the_pages_of_its_own(tmp_path):
    paths = {"OCR-D-OCR": [f"OCR-D-OCR/OCR-D-OCR_{n}.xml" for n in (1, 2, 3)]}
    files = {path: page(words(path)) for path in paths["OCR-D-OCR"]}
    for n, path in enumerate([*paths["OCR-D-OCR"], "only here"], start=11):
        files[f"OCR-D-CALA/OCR-D-CALA_{n}.xml"] = page(words(path))
    archive = lay_out(tmp_path, {**files, "mets.xml": mets(paths)})
    found = texts(archive)
    assert sorted(map(len, found.values())) == [1, 3]
    assert [words("only here")] in found.values()


def test_mets_and_alto_of_a_library(tmp_path):
    paths = ["alto/b.xml", "alto/a.xml", "alto/c.xml", "alto/gone.xml", "alto/d.xml"]
    said = mets(
        {"Text": paths, "Image": [f"images/{n}.tif" for n in range(5)]}, list("xyzuv")
    )
    files = {f"issue/{path}": alto(words(path)) for path in paths if "gone" not in path}
    files |= {f"issue/images/{n}.tif": b"II*\0" for n in range(5)}
    archive = lay_out(tmp_path, {**files, "issue/mets.xml": said})
    assert texts(archive) == {
        "issue": [words(path) for path in paths if "gone" not in path]
    }
    assert labels(archive, "issue") == [(1, "x"), (2, "y"), (3, "z"), (5, "v")]
    found = find(archive)
    assert found.missing == ["issue/alto/gone.xml"]
    assert [place.follows for _, place in found.volumes[0].pages] == [
        *[True] * 3,
        False,
    ]


def test_a_bag_in_a_folder_and_in_a_zip_file(tmp_path):
    bag = {
        "bagit.txt": "BagIt-Version: 0.97\n",
        "manifest-sha512.txt": "0 data/page/0001.xml\n",
        "data/page/0001.xml": page("i en bag"),
    }
    lay_out(tmp_path / "a", {f"bag/{name}": text for name, text in bag.items()})
    assert texts(tmp_path / "a") == {"bag": ["i en bag"]}
    assert texts(tmp_path / "a" / "bag") == {"bag": ["i en bag"]}
    lay_out(tmp_path / "b", {"b.zip": zipped({f"x/{k}": v for k, v in bag.items()})})
    assert texts(tmp_path / "b") == {"b": ["i en bag"]}


def test_a_tree_of_series_and_volumes(tmp_path):
    files = {
        f"{series}/{volume}/page/{n}.xml": page(words(series, volume, n))
        for series in ("s1", "s2")
        for volume in ("1824", "1825")
        for n in (1, 2, 10)
    }
    files["s1/loose.xml"] = page("bredvid")
    assert texts(lay_out(tmp_path, files)) == {
        "s1": ["bredvid"],
        **{
            f"{s}/{v}": [words(s, v, n) for n in (1, 2, 10)]
            for s in ("s1", "s2")
            for v in ("1824", "1825")
        },
    }


def test_several_manuscripts_in_one_folder(tmp_path):
    names = [f"Ms_{ms}_{leaf}" for ms in "AB" for leaf in ("1r", "1v", "2r", "10r")]
    archive = lay_out(tmp_path, {f"{name}.xml": page(words(name)) for name in names})
    (name,) = texts(archive)
    assert texts(archive)[name] == [words(each) for each in names]
    assert find(archive).manuscripts == {name: 2}
    (volume,) = find(archive).volumes
    assert [place.follows for _, place in volume.pages].index(False) == 3
    assert texts(archive, volumes_by="prefix") == {
        f"{name}/Ms_{ms}": [words(each) for each in names if f"_{ms}_" in each]
        for ms in "AB"
    }


def test_a_tree_of_a_newspaper_without_mets(tmp_path):
    files = {
        f"0002194/1855/{day}/0002194_1855{day}_{n:04}.xml": alto(words(day, n))
        for day in ("0101", "0108")
        for n in (1, 2)
    }
    files["0002194/readme.txt"] = "how this was made, in 1 year"
    assert texts(lay_out(tmp_path, files)) == {
        f"0002194/1855/{day}": [words(day, n) for n in (1, 2)]
        for day in ("0101", "0108")
    }


def test_output_of_htrflow_beside_other_json(tmp_path):
    files = {
        f"{v}/{v}_{n:05}.json": htrflow(words(v, n)) for v in "ab" for n in (9, 10)
    }
    files["manifest.json"] = '{"@context": "http://iiif.io", "@type": "sc:Manifest"}'
    files["list.json"] = "[]"
    archive = lay_out(tmp_path, files)
    assert texts(archive) == {v: [words(v, n) for n in (9, 10)] for v in "ab"}
    assert labels(archive, "a") == [(9, None), (10, None)]


def test_mirrored_trees_of_two_formats_are_read_once(tmp_path):
    files = {
        f"{form}/v{v}/{n:04}.xml": write(words(v, n))
        for form, write in (("alto", alto), ("page", page))
        for v in (1, 2)
        for n in (1, 2)
    }
    assert texts(lay_out(tmp_path, files)) == {
        f"v{v}": [words(v, n) for n in (1, 2)] for v in (1, 2)
    }


def test_the_folder_that_is_read_can_be_named(tmp_path):
    files = {
        f"d/{form}/{n}.xml": page(f"{form} {n}")
        for form in ("gt", "ocr")
        for n in (1, 2)
    }
    archive = lay_out(tmp_path, files)
    with pytest.raises(InputError, match=r"d/gt \(2 pages, about 4 words\) and d/ocr"):
        find(archive)
    assert texts(archive, folder="gt") == {"d": ["gt 1", "gt 2"]}
    assert texts(archive, folder="*/ocr") == {"d": ["ocr 1", "ocr 2"]}
    assert texts(archive, folder="*") == {
        f"d/{form}": [f"{form} 1", f"{form} 2"] for form in ("gt", "ocr")
    }


def test_a_page_in_two_forms_in_one_folder_is_read_once(tmp_path):
    files = {f"{n}.xml": page(words(n)) for n in (1, 2, 3)}
    files |= {f"{n}.chocomufin.xml": page(words(n).replace("w3", "å3")) for n in (1, 3)}
    files |= {f"{n}.txt": words(n) for n in (1, 2)}
    # A name that is alike alone is another page.
    files["3.b.xml"] = page(words("b"))
    archive = lay_out(tmp_path / "v", files)
    assert sorted(map(len, texts(archive)["v"])) == sorted(
        len(each) for each in (words(1), words(2), words(3), words("b"))
    )
    assert len(find(archive).twice) == 4


@pytest.mark.parametrize(
    "names",
    [
        ("dracula.pdf_page_9", "dracula.pdf_page_10"),
        ("btv1b8451103m.f12", "btv1b8451103m.f13"),
        ("0001.left", "0001.right"),
    ],
)
def test_pages_of_like_names_that_have_two_words_in_five_in_common(tmp_path, names):
    often = " ".join(f"the{n}" for n in range(40))
    pages = [f"{often} {' '.join(f'{name}w{n}' for n in range(30))}" for name in names]
    files = {f"{name}.xml": page(text) for name, text in zip(names, pages, strict=True)}
    assert texts(lay_out(tmp_path / "v", files)) == {"v": pages}


@pytest.mark.parametrize("seed", range(4))
def test_of_two_lists_of_the_same_pages_one_is_taken_wherever_it_stands(tmp_path, seed):
    files = {f"v/ocr/X{n}.xml": alto(words(n)) for n in (1, 2)}
    files["v/manifest.xml"] = mets({"ocr": ["ocr/X2.xml", "ocr/X1.xml"]})
    files["v/toc/T.xml"] = mets({"ocr": ["../ocr/X1.xml", "../ocr/X2.xml"]})
    members = random.Random(seed).sample(sorted(files), len(files))
    packed = lay_out(
        tmp_path, {"a.zip": zipped({each: files[each] for each in members})}
    )
    assert texts(packed) == {"a": [words(2), words(1)]}


@pytest.mark.parametrize("seed", range(20))
def test_no_page_is_lost_or_read_twice_whatever_the_tree(tmp_path, seed):
    """Documents at random depths, in random forms, packed or not."""
    draw = random.Random(seed)
    expected, files = [], {}
    for number in range(draw.randrange(1, 6)):
        way = "/".join(f"d{draw.randrange(3)}" for _ in range(draw.randrange(3)))
        folder = "/".join(filter(None, (way, f"doc{number}")))
        pages = {n: words(number, n) for n in range(1, draw.randrange(2, 6))}
        forms = draw.sample(["page", "alto", "txt"], draw.randrange(1, 4))
        made = {}
        for form in forms:
            write, end = {
                "page": (page, "xml"),
                "alto": (alto, "xml"),
                "txt": (str, "txt"),
            }[form]
            inner = form if len(forms) > 1 or draw.random() < 0.5 else ""
            for n, text in pages.items():
                made["/".join(filter(None, (inner, f"{n:03}.{end}")))] = write(text)
        if draw.random() < 0.3:
            files[f"{folder}.zip"] = zipped(made)
        else:
            files |= {f"{folder}/{name}": text for name, text in made.items()}
        expected += pages.values()
    found = texts(lay_out(tmp_path, files))
    assert sorted(text for pages in found.values() for text in pages) == sorted(
        expected
    )
    for pages in found.values():
        assert pages == sorted(pages)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_with_letters_and_marks_apart(tmp_path, form):
    """As macOS packs them: volumes, their order and what METS lists are the same."""

    def named(files):
        return {unicodedata.normalize(form, name): text for name, text in files.items()}

    listed = ["alto/å_1.xml", "alto/ä_2.xml", "alto/o_3.xml"]
    files = {f"Häradsrätt/{path}": alto(words(path)) for path in listed}
    files |= {"Häradsrätt/mets.xml": mets({"Text": listed[::-1]})}
    files |= {f"Zå/{name}.xml": page(words(name)) for name in ("z1", "å1", "ö1")}
    files |= {f"Åby/{form}/1.xml": page(words("Åby")) for form in ("före", "efter")}
    packed = {"mapp/ö.xml": page(words("zip"))}
    files |= {"Ärenden.zip": zipped(named(packed))}
    archive = lay_out(tmp_path, named(files))
    found = find(archive, folder="före")
    # A path goes through a file of records as it is.
    write_records(tmp_path / ".volumes", map(to_record, found.volumes))
    again = [from_record(each) for _, each in read_records(tmp_path / ".volumes")]
    assert again == found.volumes
    assert texts(archive, folder="före") == {
        "Häradsrätt": [words(path) for path in reversed(listed)],
        "Zå": [words(name) for name in ("z1", "å1", "ö1")],
        "Åby/före": [words("Åby")],
        "Ärenden": [words("zip")],
    }
    assert found.missing == []


def test_an_archive_without_pages_says_what_it_holds(tmp_path):
    lay_out(
        tmp_path, {"a/1.jpg": b"\xff\xd8", "a/2.pdf": b"%PDF-1.4", "a/x.xml": "<x/>"}
    )
    with pytest.raises(InputError, match="holds no page that is read here, but 1 × a"):
        find(tmp_path)


def test_little_that_is_read_is_said_loudly(tmp_path):
    files = {f"v/{n}.pdf": b"%PDF-1.4" for n in range(3)}
    lay_out(tmp_path, {**files, "v/1.xml": page("text")})
    said = "\n".join(told(summary(find(tmp_path))))
    assert "WARNING: only 1 of 4 files that may hold text are read as pages" in said
    assert "v/0.pdf" in said


@pytest.mark.parametrize("seed", range(10))
def test_names_alone_never_make_two_pages_one(tmp_path, seed):
    """Names that look like forms of one page, of pages with texts of their own."""
    draw = random.Random(seed)
    ends = ["", ".Karl", ".Erik", "_alto", ".gt", "_page", "_2", "-copy", ".a.b", ".v2"]
    names = {
        f"{draw.choice(['Dr.Ek', '01', '1', 'page_1', '1848.03'])}{draw.choice(ends)}"
        for _ in range(20)
    }
    # A printed form: two words of ten are the same on every page.
    same = " ".join(f"rubrik{n}" for n in range(4))
    pages = {name: f"{same} {words(seed, name)}" for name in names}
    archive = lay_out(
        tmp_path / "v", {f"{name}.xml": page(text) for name, text in pages.items()}
    )
    assert sorted(texts(archive)["v"]) == sorted(pages.values())


def test_a_group_of_mets_may_hold_images_and_texts_and_others_lie_beside(tmp_path):
    paths = [f"T/{n}{end}" for n in (1, 2) for end in (".jpg", ".xml")]
    files = {f"d/{path}": page(words(path)) for path in paths if path.endswith("xml")}
    pages = "".join(
        f'<div TYPE="page"><fptr FILEID="f{n}"/><fptr FILEID="f{n + 1}"/></div>'
        for n in (2, 0)
    )
    listed = "".join(
        f'<file ID="f{n}"><FLocat xlink:href="{path}"/></file>'
        for n, path in enumerate(paths)
    )
    said = METS.format(f'<fileGrp USE="T">{listed}</fileGrp>', pages)
    archive = lay_out(tmp_path, {**files, "d/mets.xml": said, "d/T/0.xml": page("ny")})
    assert texts(archive) == {"d": [words("T/2.xml"), words("T/1.xml"), "ny"]}
    (volume,) = find(archive).volumes
    assert [place.follows for _, place in volume.pages] == [True, True, False]


@pytest.mark.parametrize(
    "href",
    [
        *("./page/a b 1.xml", "page/a%20b%201.xml", ".\\page\\a b 1.xml"),
        *("file:///C:/x/page/a b 1.xml", "/srv/x/page/a b 1.xml"),
        "https://x.se/a b 1.xml",
    ],
)
def test_references_of_mets_lead_to_the_file_that_is_meant(tmp_path, href):
    files = {"d/page/a b 1.xml": page("två"), "d/page/b.xml": page("ett")}
    said = mets({"T": ["page/b.xml", href]}, ["i", "ii"])
    archive = lay_out(tmp_path, {**files, "d/mets.xml": said})
    assert texts(archive) == {"d": ["ett", "två"]}
    assert labels(archive, "d") == [(1, "i"), (2, "ii")]


def test_an_address_that_is_none_is_a_file_that_is_not_there(tmp_path):
    said = mets({"T": ["http://[x/1.xml", "page/2.xml"]})
    archive = lay_out(tmp_path, {"d/mets.xml": said, "d/page/2.xml": page("två")})
    assert texts(archive) == {"d": ["två"]}


def test_the_same_text_in_other_pieces_is_read_once(tmp_path):
    whole = {n: words("b12", n) for n in (1, 2, 3)}
    files = {f"b12/{n}.xml": page(text) for n, text in whole.items()}
    files["b12.txt"] = "\n".join(whole.values())
    # Lines of a page in a folder called like it.
    lines = [words("c", n) for n in range(3)]
    files["c/c_0011.xml"] = page(" ".join(lines))
    files |= {f"c/0011/{n}.gt.txt": line for n, line in enumerate(lines)}
    # Other pieces in a folder called for their form.
    files |= {f"d/xml/{n}.xml": page(words("d", n)) for n in range(4)}
    files |= {
        f"d/txt/s{n}.txt": words("d", n) + "\n" + words("d", n + 1) for n in (0, 2)
    }
    assert texts(lay_out(tmp_path, files)) == {
        "b12": list(whole.values()),
        "c": [" ".join(lines)],
        "d": [words("d", n) for n in range(4)],
    }


@pytest.mark.parametrize("inside", ["page/", ""])
@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("count", [1, 4])
def test_a_document_in_one_piece_beside_its_pages(tmp_path, inside, listed, count):
    pages = {f"{inside}{n:04}_p.xml": words(n) for n in range(count)}
    files = {name: page(text) for name, text in pages.items()}
    files["Brev_tei.xml"] = tei(pages.values())
    files["Brev.txt"] = "\n".join(pages.values())
    if listed:
        files["mets.xml"] = mets({"PAGEXML": list(pages)})
    files["other/0001.xml"] = page("another document")
    archive = lay_out(tmp_path, {f"Brev/{name}": text for name, text in files.items()})
    assert texts(archive)["Brev"] == list(pages.values())
    assert sum(map(len, texts(archive).values())) == count + 1


def test_a_book_beside_a_few_of_its_pages_is_read(tmp_path):
    pages = [words(n) for n in range(9)]
    files = {f"d/page/{n}.xml": page(text) for n, text in enumerate(pages[:2])}
    found = texts(lay_out(tmp_path, {**files, "d/book.xml": tei(pages)}))
    assert {text for each in found.values() for text in each} == set(pages)


@pytest.mark.parametrize("broken", ["", "<alto", alto("")])
def test_a_page_that_is_broken_in_one_form_tells_nothing_of_the_others(
    tmp_path, broken
):
    files = {f"d/page/{n}.xml": page(words(n)) for n in range(3)}
    files |= {f"d/alto/{n}.xml": broken if n < 2 else alto(words(n)) for n in range(3)}
    assert texts(lay_out(tmp_path, files)) == {"d": [words(n) for n in range(3)]}


def test_names_that_no_other_page_has_tell_of_the_same_page_anywhere(tmp_path):
    name = "Bnf_fr_412_0012"
    text = words(name).split()
    files = {f"by hand/x/{name}.xml": page(" ".join(text))}
    files[f"engine/y/{name}.xml"] = page(" ".join([*text[:9], "a", "b"]))
    assert len(texts(lay_out(tmp_path, files))) == 1
    files[f"engine/y/{name}.xml"] = page(" ".join([*text[:4], *"abcdefgh"]))
    with pytest.raises(InputError, match="`folder: x` or `folder: y`"):
        find(lay_out(tmp_path, files))


@pytest.mark.parametrize("packed", [False, True])
def test_files_of_rows_hold_volumes(tmp_path, packed):
    rows = [
        {"volume": v, "page": n, "text": words(v, n)} for v in "ab" for n in (1, 2, 4)
    ]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    name = "rows.jsonl"
    files = {"r.zip": zipped({name: content})} if packed else {name: content}
    archive = lay_out(tmp_path, files)
    assert texts(archive) == {v: [words(v, n) for n in (1, 2, 4)] for v in "ab"}
    for volume in find(archive).volumes:
        assert [place.number for _, place in volume.pages] == [1, 2, 4]
        assert [place.follows for _, place in volume.pages] == [True, True, False]
    if not packed:
        assert list(texts(tmp_path / name)) == ["a", "b"]


def test_a_file_of_rows_beside_the_same_pages_is_not_read(tmp_path):
    files = {f"v/{n}.xml": page(words(n)) for n in (1, 2)}
    files["v/pages.csv"] = f"page,text\n1,{words(1)}\n2,{words(2)}\n"
    files["other.csv"] = f"page;text\n12r;{words('other')}\n12v;{words('last')}\n"
    archive = lay_out(tmp_path, files)
    assert texts(archive) == {
        "other": [words("other"), words("last")],
        "v": [words(1), words(2)],
    }
    assert labels(archive, "other") == [(1, "12r"), (2, "12v")]
    assert find(archive).twice == [("v/pages.csv", "v/1.xml")]


def test_a_broken_row_is_a_page_that_cannot_be_read(tmp_path):
    one, two = (json.dumps({"page": n, "text": f"rad {n}"}) for n in (1, 2))
    archive = lay_out(tmp_path, {"r.jsonl": f"{one}\n{{broken\n{two}\n"})
    (volume,) = find(archive).volumes
    with Opened(archive) as opened, page_files(volume, opened) as files:
        assert [file.path for file in files] == [f"{archive}/r.jsonl"] * 3
        assert files[2].pages(None)[0].lines[0].text == "rad 2"
        with pytest.raises(InputError, match="line 2: is not JSON"):
            files[1].pages(None)


def test_zip_files_in_a_zip_file(tmp_path):
    inner = {f"{v}/page/{n}.xml": page(words(v, n)) for v in "xy" for n in (1, 2)}
    outer = {"deposit/a.zip": zipped(inner), "deposit/b.tar": tarred({"1.txt": "ett"})}
    archive = lay_out(tmp_path, {"d.zip": zipped(outer)})
    assert texts(archive) == {
        **{f"d/deposit/a/{v}": [words(v, n) for n in (1, 2)] for v in "xy"},
        "d/deposit/b": ["ett"],
    }


def test_a_zip_file_beside_what_was_unpacked_from_it_is_read_once(tmp_path):
    pages = {f"{n}.xml": page(words(n)) for n in (1, 2)}
    packed = zipped({f"X-main/{name}": text for name, text in pages.items()})
    lay_out(tmp_path / "one", {"X-main.zip": packed})
    assert texts(tmp_path / "one") == {"X-main": [words(1), words(2)]}
    files = {"X-main.zip": packed} | {f"X-main/{k}": v for k, v in pages.items()}
    assert texts(lay_out(tmp_path / "two", files)) == {"X-main": [words(1), words(2)]}


def test_what_people_looked_through_is_read_before_what_a_machine_read(tmp_path):
    pages = {n: words(n).split() for n in (1, 2)}
    files = {}
    for n, text in pages.items():
        files[f"Engine/nzz_1780071{n}.xml"] = page(" ".join([*text[1:], "läst"]))
        files[f"NZZ_groundtruth/nzz_1780071{n}.xml"] = page(" ".join(text))
    (found,) = texts(lay_out(tmp_path, files)).values()
    assert found == [words(1), words(2)]


@pytest.mark.parametrize(
    "name",
    ["ground_truth", "Ground-Truth", "ground truth", "GroundTruth", "GT", "truth"],
)
def test_however_it_is_spelled_the_ground_truth_is_the_same_volume(tmp_path, name):
    files = {}
    for n in (1, 2):
        read = " ".join([*words(n).split()[1:], "läst"])
        files[f"v1/htr/{n:04}.xml"] = page(read)
        files[f"v1/{name}/{n:04}.xml"] = page(words(n))
    assert texts(lay_out(tmp_path, files)) == {"v1": [words(1), words(2)]}


def test_files_of_one_row_are_the_pages_of_their_folder(tmp_path):
    files = {
        f"v/{n:04}.json": json.dumps({"page": n, "text": words(n)}) for n in (1, 2, 10)
    }
    assert texts(lay_out(tmp_path, files)) == {"v": [words(n) for n in (1, 2, 10)]}


def test_texts_of_several_pages_are_volumes(tmp_path):
    files = {f"{b}.txt": "\f".join(words(b, n) for n in (1, 2)) for b in "abc"}
    assert texts(lay_out(tmp_path / "x", files)) == {
        f"x/{b}": [words(b, n) for n in (1, 2)] for b in "abc"
    }
    one = lay_out(tmp_path / "y", {"book.txt": "ett\ftvå\ftre"})
    assert texts(one) == {"y": ["ett", "två", "tre"]}
    flat = {f"{n}.txt": words(n) for n in (1, 2, 3)}
    assert texts(lay_out(tmp_path / "z", flat)) == {"z": [words(n) for n in (1, 2, 3)]}


def letters_of(names):
    """Letters whose names agree but for what follows a full stop."""
    return {f"brev.{name}.txt": f"{name} skriver {name}" for name in names}


def books_beside_folders(names):
    return {
        **{f"{name}.xml": tei([f"{name} bok"]) for name in names},
        **{f"c-{name}/1.xml": alto(f"{name} sida") for name in names},
    }


def a_folder_called_text(names):
    return {
        "text/1.txt": "en sida",
        **{f"{name}/1.xml": alto(f"{name} sida {name}") for name in names},
    }


def rows_beside_folders(names):
    row = json.dumps({"page": 1, "text": words("rad")})
    return {
        **{f"{name}.jsonl": row for name in names},
        **{f"c-{name}/1.xml": alto(f"{name} sida {name}") for name in names},
    }


@pytest.mark.parametrize(
    "layout",
    [letters_of, books_beside_folders, a_folder_called_text, rows_beside_folders],
)
def test_the_work_grows_with_the_archive_and_not_with_its_square(
    tmp_path, monkeypatch, layout
):
    names = [a + b for a in "bcdfghjklm" for b in "aeiouyåäö"]
    asked = []
    running = Texts.running
    monkeypatch.setattr(
        Texts, "running", lambda self, each: asked.append(each) or running(self, each)
    )
    counts = []
    for count in (40, 80):
        files = layout(names[:count])
        lay_out(tmp_path / str(count), files)
        asked.clear()
        found = find(tmp_path / str(count))
        assert sum(len(volume.pages) for volume in found.volumes) == len(files)
        counts.append(len(asked))
    assert counts[1] <= 3 * counts[0] + 80


def test_a_page_that_only_one_of_two_zip_files_has_is_read(tmp_path):
    lay_out(
        tmp_path,
        {
            "alto.zip": zipped({f"{n}.xml": alto(words(n)) for n in (1, 2, 3)}),
            "page.zip": zipped({f"{n}.xml": page(words(n)) for n in (2, 3, 4)}),
        },
    )
    found = [each for pages in texts(tmp_path).values() for each in pages]
    assert sorted(found) == [words(n) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("seed", range(4))
def test_names_that_could_be_the_same_are_none_twice(tmp_path, seed):
    rng = random.Random(seed)
    row = {"volume": "v/Ms_A", "page": 1, "text": words("row")}
    files = {
        **{f"v/Ms_{x}_{n}.xml": alto(words(x, n)) for x in "AB" for n in (1, 2)},
        "v/Ms_A/1.xml": alto(words("folder")),
        "v/Ms_A (2)/1.xml": alto(words("second")),
        "v/Ms_A.zip": zipped({"1.xml": alto(words("zip"))}),
        "rows.jsonl": json.dumps(row),
        "\u00e9/1.xml": alto(words("composed")),
        "e\u0301/1.xml": alto(words("apart")),
        "\u00e9.zip": zipped({"1.xml": alto(words("composed-zip"))}),
        "e\u0301.zip": zipped({"1.xml": alto(words("apart-zip"))}),
    }
    some = dict(rng.sample(sorted(files.items()), rng.randint(6, len(files))))
    found = texts(lay_out(tmp_path, some), volumes_by="prefix")
    assert sum(map(len, found.values())) == len(some)


def test_names_that_are_not_text_are_shown_as_such(tmp_path):
    for name in (b"v/alto/\xe4_1", b"v/page/\xe4_1", b"w/\xe4_1", b"w/\xe5_1"):
        path = os.path.join(os.fsencode(tmp_path), b"b\xe4r", name + b".xml")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            form = page if b"page" in name else alto
            file.write(form(words(name[-5:].hex())).encode())
    found = find(tmp_path, volumes_by="prefix")
    write_records(tmp_path / "volumes.jsonl", map(to_record, found.volumes))
    "\n".join(told(summary(found))).encode()


def test_a_number_that_is_far_too_long_is_a_label(tmp_path):
    long = "1" * 5000
    row = {"volume": "rows", "text": words(1), "page": long}
    lay_out(
        tmp_path,
        {
            "rows.jsonl": json.dumps(row),
            "v.zip": zipped({f"{n}{long}.xml": alto(words(n)) for n in (2, 3)}),
        },
    )
    assert labels(tmp_path, "rows") == [(1, long)]
    assert labels(tmp_path, "v") == [(1, f"2{long}"), (2, f"3{long}")]


@pytest.mark.parametrize("name", ["\ud800", 5.5, [], True])
def test_a_row_whose_volume_is_no_name_is_set_aside(tmp_path, name):
    rows = [{"volume": each, "page": 1, "text": words(1)} for each in ("a", name)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (volume,) = find(tmp_path).volumes
    with Opened(tmp_path) as opened, page_files(volume, opened) as (good, bad):
        assert len(good.pages(None)) == 1
        with pytest.raises(InputError, match="volume"):
            bad.pages(None)


def test_a_folder_without_data_is_no_bag(tmp_path):
    lay_out(tmp_path, {"b/bagit.txt": "BagIt-Version: 1.0", "b/1.xml": alto("ord")})
    assert texts(tmp_path) == {"b": ["ord"]}
