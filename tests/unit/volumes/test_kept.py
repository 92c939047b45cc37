"""What is kept of tar files read from front to back: pages alone, within a limit."""

import bz2
import errno
import gzip
import lzma
import os
import random
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections import namedtuple
from itertools import product
from pathlib import Path

import pytest
from layouts import htrflow, lay_out, mets, page, tarred, words, zipped

from arkiv.base import cli
from arkiv.base.errors import InputError
from arkiv.volumes import kept
from arkiv.volumes.finding import find, root_of
from arkiv.volumes.opened import Opened
from arkiv.volumes.volume import page_files, placed

PNG, JPEG, TIFF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0"
IMAGE = 50_000
# A way to pack files, and its name.
PACKS = {"zip": zipped, "tar": tarred} | {
    f"tar.{form}": lambda files, form=form: tarred(files, form)
    for form in ("gz", "bz2", "xz")
}


def packed_in(*kinds):
    """Packs files as the last kind, and that file, `in`, as those before."""

    def pack(files):
        for kind in reversed(kinds[1:]):
            files = {f"in.{kind}": PACKS[kind](files)}
        return PACKS[kinds[0]](files)

    return pack


NESTED = [(one,) for one in PACKS] + [("tar.xz", "tar.bz2")]
NESTED += product(("zip", "tar", "tar.gz"), repeat=2)


def read(archive):
    """The volumes of an archive: names, and pages with numbers, labels and texts."""
    found = find(archive)
    result = []
    with Opened(root_of(archive)) as opened:
        for volume in found.volumes:
            pages, last = [], 0
            if volume.fault:
                result.append((volume.name, volume.fault))
                continue
            with page_files(volume, opened) as files:
                for file in files:
                    try:
                        for one in placed(file.pages(None), file.place, last):
                            last = one.number
                            text = [line.text for line in one.lines]
                            pages.append((one.number, one.label, one.follows, text))
                    except InputError as error:
                        pages.append(error.reason)
            result.append((volume.name, pages))
    return result, found


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A folder for temporary files, of which all go there, and the most bytes taken."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(kept, "IN_MEMORY", 1)
    most = []
    take = kept.Room.take

    def watching(room, size):
        taken = take(room, size)
        assert not os.listdir(folder)
        most.append((room._taken, on_disk(folder)))
        return taken

    monkeypatch.setattr(kept.Room, "take", watching)
    return most


def on_disk(folder):
    """Bytes of the files of a folder that this process has open."""
    total = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            if os.readlink(link).startswith(str(folder)):
                total += link.stat().st_size
        except OSError:
            pass
    return total


def with_images(count=5):
    """Pages beside images of random bytes, some of which have no name of an image."""
    draw = random.Random(7)
    files = {}
    for n in range(count):
        names = (f"{n}.jpg", f"{n}.tif", f"{n}", f"{n}.xml.bak")
        starts = (JPEG, TIFF, PNG, b"%PDF-")
        for name, start in zip(names, starts, strict=True):
            files[f"v/{name}"] = start + draw.randbytes(IMAGE)
        files[f"v/{n}.xml"] = page(words(n))
        files[f"v/._{n}.xml"] = page(words(n)) + "x" * IMAGE
    return files


@pytest.mark.parametrize("kinds", NESTED, ids="/".join)
def test_images_are_not_kept(tmp_path, watched, kinds):
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / f"a.{kinds[0]}").write_bytes(packed_in(*kinds)(with_images()))
    ((_, pages),), found = read(archive)
    assert [text for *_, text in pages] == [[words(n)] for n in range(5)]
    assert found.aside["an image"] == 15
    assert found.unread["a PDF"][0] == 5
    # Of a zip file in a compressed one the list stands at the end: it is copied.
    copied = kinds[1:] == ("zip",) and kinds[0] != "tar"
    most = max((max(both) for both in watched), default=0)
    if copied:
        assert 15 * IMAGE < most < 22 * IMAGE
    elif set(kinds) in ({"zip"}, {"tar"}, {"zip", "tar"}) and kinds != ("zip", "tar"):
        assert most == 0
    else:
        assert 0 < most < IMAGE


def test_little_is_kept_in_memory(tmp_path, watched, monkeypatch):
    monkeypatch.setattr(kept, "IN_MEMORY", 1 << 20)
    archive = lay_out(tmp_path / "a", {"a.tgz": tarred(with_images(), "gz")})
    read(archive)
    assert watched
    assert all(disk == 0 for _, disk in watched)


def test_what_is_kept_has_no_name_and_ends_with_its_file(tmp_path, watched):
    archive = lay_out(tmp_path / "a", {"a.tgz": tarred(with_images(), "gz")})
    with Opened(archive) as opened:
        source = opened.source("a.tgz")
        assert source.member("v/1.xml").read(1 << 20) == page(words(1)).encode()
        assert on_disk(tmp_path / "tmp") > 100
        assert not os.listdir(tmp_path / "tmp")
    assert on_disk(tmp_path / "tmp") == 0


def test_more_than_may_be_kept_is_said_with_what_it_needs(
    tmp_path, watched, monkeypatch
):
    draw = random.Random(2)
    texts = {f"v/{n}.txt": draw.randbytes(500).hex() for n in range(20)}
    archive = lay_out(
        tmp_path / "a",
        {"a.tgz": tarred(texts, "gz"), "b.tgz": tarred({"1.txt": "ord"}, "gz")},
    )
    read(archive)
    need = max(taken for taken, _ in watched)
    watched.clear()
    monkeypatch.setattr(kept, "MOST_KEPT", 8000)
    ((name, fault), (_, fine)), _ = read(archive)
    assert (name, len(fine)) == ("a.tgz", 1)
    assert "is a volume that cannot be read (its pages need 1" in fault
    assert "bytes of temporary space, expected at most 8,000; unpack it)" in fault
    said = int(fault.partition("need ")[2].partition(" ")[0].replace(",", ""))
    assert abs(said - need) < 30
    assert max(max(both) for both in watched) <= 8000


def test_what_may_be_kept_is_so_of_all_files_together(tmp_path, watched, monkeypatch):
    draw = random.Random(2)
    archive = lay_out(
        tmp_path / "a",
        {
            f"{name}.tgz": tarred({"1.txt": draw.randbytes(3000).hex()}, "gz")
            for name in "abc"
        },
    )
    monkeypatch.setattr(kept, "MOST_KEPT", 8000)
    volumes, _ = read(archive)
    assert [len(pages) for _, pages in volumes] == [1, 1, 1]
    assert 6000 < max(max(both) for both in watched) <= 8000


def test_a_zip_file_that_must_be_copied_is_in_the_limit(tmp_path, watched, monkeypatch):
    inner = zipped({"1.txt": "ord", "1.jpg": JPEG + random.Random(1).randbytes(9000)})
    archive = lay_out(
        tmp_path / "a",
        {
            f"{name}.{kind}": PACKS[kind]({"in.zip": inner, "2.txt": "ord"})
            for name, kind in (("a", "zip"), ("b", "tar.gz"))
        },
    )
    monkeypatch.setattr(kept, "MOST_KEPT", 8000)
    volumes, _ = read(archive)
    faults = [said for _, said in volumes if isinstance(said, str)]
    assert len(volumes) == 4
    assert len(faults) == 2
    assert all("a zip file in it needs 9," in fault for fault in faults)


def test_a_full_disk_ends_the_job_with_a_sentence(
    tmp_path, watched, monkeypatch, capsys
):
    archive = lay_out(tmp_path / "a", {"a.tgz": tarred(with_images(), "gz")})
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(50))
    with pytest.raises(OSError, match="its pages need") as caught:
        find(archive)
    assert caught.value.errno == errno.ENOSPC
    assert cli.run(lambda _: find(archive)) == 1
    (said,) = capsys.readouterr().err.splitlines()[-1:]
    start, _, rest = said.partition(": its pages need ")
    assert start == f"error: {archive}/a.tgz"
    assert rest.endswith(
        f"bytes of temporary space, of which {tmp_path}/tmp has 50: unpack it, or set "
        "TMPDIR to a folder with more; make room"
    )


def test_without_a_folder_for_temporary_files_the_job_ends(tmp_path, monkeypatch):
    files = {"1.xml": page(words(1))}
    archive = lay_out(tmp_path / "a", {"a.tgz": tarred(files, "gz")})

    def none():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    monkeypatch.setattr(kept, "IN_MEMORY", 1)
    with pytest.raises(OSError, match="set TMPDIR to one that can") as caught:
        find(archive)
    assert caught.value.errno == errno.ENOSPC


def test_a_tar_file_is_read_once_to_find_its_volumes(tmp_path, monkeypatch):
    rows = '{"volume": "a", "page": 1, "text": "ord"}\n'
    files = {f"v{n}/page/1.xml": page(words(n)) for n in range(3)}
    files |= {f"v{n}/text/1.txt": words(n) for n in range(3)}
    files["rows.json"] = files["rows.jsonl"] = rows
    archive = lay_out(tmp_path / "a", {"a.tgz": tarred(files, "gz")})
    opened = []
    to_open = tarfile.TarFile.gzopen.__func__

    def counting(cls, *given, **named):
        opened.append(given)
        return to_open(cls, *given, **named)

    monkeypatch.setattr(tarfile.TarFile, "gzopen", classmethod(counting))
    assert len(find(archive).volumes) >= 3
    assert len(opened) == 1


def test_a_file_stays_open_as_long_as_one_in_it(tmp_path):
    files = {
        f"{name}.tar": tarred(
            {f"in{n}.zip": zipped({"1.txt": words(name, n)}) for n in range(6)}
        )
        for name in "abc"
    }
    volumes, _ = read(lay_out(tmp_path / "a", files))
    assert len(volumes) == 18
    with Opened(tmp_path / "a") as opened:
        for n in range(6):
            for name in "abc":
                source = opened.source(f"{name}.tar/in{n}.zip")
                assert source.member("1.txt").read(999) == words(name, n).encode()


def random_tree(draw):
    """Files of an archive as they may come."""
    files, folders = {}, ["", "a/", "a/b/", "c/page/", "c/alto/", ".h/", "x y/é/"]
    for _ in range(draw.randrange(1, 25)):
        stem = draw.choice(["", "p_", "Ms_A_"]) + str(draw.randrange(12))
        text = words(stem, draw.randrange(99))
        ending, content = draw.choice(
            [
                (".xml", page(text)),
                (".xml", page(text)[: draw.randrange(500)]),
                (".xml.gz", gzip.compress(page(text).encode(), mtime=0)),
                (".json", htrflow(text)),
                (".json", "{}"),
                (".txt", text),
                (".txt", ""),
                (".txt", " " * draw.randrange(9000)),
                (".txt", text.encode("utf-16")),
                (".txt", text.encode("latin-1") + b"\xe5"),
                (
                    ".jsonl",
                    f'{{"volume": "{stem}", "page": 3, "text": "{text}"}}\n' * 2,
                ),
                (".csv", f"page;text\n1;{text}\n"),
                (".csv", "a;b\n"),
                (".jpg", JPEG + draw.randbytes(9000)),
                (".tif", TIFF + draw.randbytes(draw.randrange(9000))),
                ("", draw.randbytes(draw.choice([0, 512, 4096, 8192, 9000]))),
                (".gz", b"\x1f\x8b\x08" + draw.randbytes(90)),
                (".pdf", b"%PDF-1.4"),
            ]
        )
        files[draw.choice(folders) + stem + ending] = content
    if draw.random() < 0.3:
        files["c/mets.xml"] = mets({"T": [f"page/{n}.xml" for n in range(3)]}, "123")
    return files


@pytest.mark.parametrize("seed", range(30))
def test_random_trees_read_the_same_packed_and_unpacked(tmp_path, seed):
    draw = random.Random(seed)
    files = random_tree(draw)

    def outcome(name, laid):
        try:
            volumes, found = read(lay_out(tmp_path / name, laid))
        except InputError as error:
            held = sorted(error.reason.partition(" but ")[2].split(", "))
            return held, held
        pages = sorted((said for _, said in volumes), key=str)
        counts = found.aside, found.formats, found.words, len(found.twice)
        # In the name of a volume of rows the packed file has its ending.
        return re.sub(r"\.(zip|tar)[.a-z2]*", "", str(volumes)), (pages, counts)

    def packed(kinds):
        laid = {f"k.{kinds[0]}": packed_in(*kinds)(files)}
        return outcome("-".join(["packed", *kinds]), laid)

    for kinds in draw.sample(NESTED, 4):
        deep = "k/in/" * (len(kinds) - 1) or "k/"
        laid = {deep + name: text for name, text in files.items()}
        named, found = packed(kinds)
        assert found == outcome("-".join(["unpacked", *kinds]), laid)[1]
        assert named == packed(("zip",) * len(kinds))[0]


@pytest.mark.parametrize("seed", range(60))
def test_damage_is_a_fault_of_the_file(tmp_path, seed):
    draw = random.Random(seed)
    kinds = draw.choice(NESTED)
    texts = [draw.randbytes(draw.randrange(4000)).hex() for _ in range(8)]
    files = {f"{n}.txt": text or "ord" for n, text in enumerate(texts)}
    data = bytearray(packed_in(*kinds)(files))
    for _ in range(draw.randrange(1, 3)):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    if draw.random() < 0.5:
        del data[draw.randrange(len(data)) :]
    archive = lay_out(tmp_path / "a", {f"a.{kinds[0]}": bytes(data)})
    try:
        volumes, _ = read(archive)
    except InputError:
        return
    # A zip file has no checksum of its list.
    if "zip" not in kinds:
        assert all(isinstance(said, str) or len(said) == 8 for _, said in volumes)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_tar_file_does_not_end_where_it_is_damaged(tmp_path, kind):
    plain = bytearray(tarred({f"{n}.txt": "ord" for n in range(8)}))
    plain[4 * 1024 + 150] ^= 1
    data = {"tar": bytes, "tar.gz": gzip.compress, "tar.bz2": bz2.compress}
    data = data.get(kind, lzma.compress)(plain)
    (volume,), _ = read(lay_out(tmp_path / "a", {f"a.{kind}": data}))
    assert volume == (f"a.{kind}", "is a volume that cannot be read (bad checksum)")


def test_the_checksum_of_a_compressed_file_is_looked_at(tmp_path):
    data = bytearray(tarred({f"{n}.txt": "ord" for n in range(8)}, "gz"))
    data[-8] ^= 1
    ((_, said),), _ = read(lay_out(tmp_path / "a", {"a.tar.gz": bytes(data)}))
    assert "is a volume that cannot be read (CRC check failed" in said


@pytest.mark.parametrize("pack", ["c", "cz"])
def test_a_file_with_holes_is_whole(tmp_path, pack):
    folder = tmp_path / "v"
    folder.mkdir()
    with open(folder / "1.txt", "wb") as file:
        file.write(b"ord " * 2000)
        file.seek(400_000)
        file.write(b"fler ord")
    (tmp_path / "a").mkdir()
    name = f"a/a.tar{'.gz' * (pack == 'cz')}"
    subprocess.run(["tar", f"-{pack}Sf", name, "v"], cwd=tmp_path, check=True)
    with Opened(tmp_path / "a") as opened:
        member = opened.source(name[2:]).member("v/1.txt")
        for _ in range(2):
            assert member.read(500_000) == (folder / "1.txt").read_bytes()
