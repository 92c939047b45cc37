"""Files in folders, zip and tar files: all that can be read, and what leads out."""

import contextlib
import errno
import io
import os
import random
import tarfile
import zipfile

import pytest
from layouts import tarred, zipped

from arkiv.base.errors import InputError
from arkiv.base.natural import natural
from arkiv.volumes import member, packed
from arkiv.volumes.finding import find, root_of
from arkiv.volumes.member import content, shown
from arkiv.volumes.opened import Opened
from arkiv.volumes.volume import page_files

ORDERED = ["b_2.json", "a_9.json", "a_10.json", "v2_10.json", "v10_10.json"]
ORDERED += ["x2a.json", "x10a.json"]


def found_in(archive):
    """What the files of an archive's one volume hold, or why they do not, by name."""
    (volume,) = find(archive).volumes
    result = {}
    with Opened(root_of(archive)) as opened:
        source = opened.source(volume.container)
        for path, _ in volume.pages:
            name = shown(path.rpartition("/")[2])
            try:
                result[name] = content(source.member(path)).decode()
            except InputError as error:
                result[name] = error.reason
    return result


@pytest.mark.parametrize("reverse", [False, True])
def test_the_order_of_a_listing_counts_for_nothing(tmp_path, monkeypatch, reverse):
    for name in [*ORDERED, ".DS_Store"]:
        for volume in ("b", "a", ".cache"):
            (tmp_path / volume).mkdir(exist_ok=True)
            (tmp_path / volume / name).write_text('{"contains": []}')
    (tmp_path / "README.md").touch()
    write_zip(tmp_path / "aa.zip", {"1.json": "{}"})
    scandir = os.scandir

    def listed(path):
        entries = sorted(scandir(path), key=lambda each: each.name, reverse=reverse)
        return contextlib.nullcontext(entries)

    monkeypatch.setattr(os, "scandir", listed)
    found = find(tmp_path).volumes
    assert [volume.name for volume in found] == ["a", "b"]
    for volume in found:
        names = [path.rpartition("/")[2] for path, _ in volume.pages]
        assert names == sorted(ORDERED, key=natural)


def test_a_directory_of_pages_is_one_volume(tmp_path, monkeypatch):
    folder = tmp_path / "30003368"
    folder.mkdir()
    (folder / "1.json").write_text('{"contains": []}')
    for given in (folder, "."):
        monkeypatch.chdir(folder)
        assert [volume.name for volume in find(given).volumes] == ["30003368"]


def test_a_directory_without_pages_is_refused(tmp_path):
    (tmp_path / "notes.md").touch()
    with pytest.raises(InputError, match="holds no page that is read here, but 1 ×"):
        find(tmp_path)
    with pytest.raises(InputError, match="holds no page that is read here, but 1 ×"):
        find(tmp_path / "notes.md")
    with pytest.raises(InputError, match="is not there, expected an archive"):
        find(tmp_path / "nothing")


def write_zip(path, content):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)


def write_tar(path, content):
    kind = path.suffix.lstrip(".").replace("tgz", "gz")
    with tarfile.open(path, f"w:{'' if kind == 'tar' else kind}") as archive:
        for name, text in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))


WRITERS = {"v.zip": write_zip} | dict.fromkeys(
    ("v.tar", "v.tar.gz", "v.tgz", "v.tar.bz2", "v.tar.xz"), write_tar
)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("prefix", ["", "./", "deep/v/"])
def test_an_archive_reads_as_the_folder_it_was_made_of(tmp_path, name, prefix):
    content = {f"p_{n}.json": f"page {n}" for n in (10, 9, 1)}
    content["._p_1.json"] = "of another system"
    WRITERS[name](
        tmp_path / name, {f"{prefix}{key}": text for key, text in content.items()}
    )
    found = found_in(tmp_path)
    assert list(found.items()) == [(f"p_{n}.json", f"page {n}") for n in (1, 9, 10)]


@pytest.mark.parametrize("name", ["v.zip", "v.tar.gz"])
def test_names_that_lead_out_are_not_read(tmp_path, name):
    wrong = ["../3.json", "v/../../4.json", "/etc/5.json", "..\\6.json", "C:\\7.json"]
    content = {"v/1.json": "good", "v/2.json": "good"} | dict.fromkeys(wrong, "x")
    WRITERS[name](tmp_path / name, content)
    assert found_in(tmp_path) == {"1.json": "good", "2.json": "good"}
    reason = "a name that leads out of a zip or tar file"
    assert find(tmp_path).aside == {reason: len(wrong)}


@pytest.mark.parametrize("form", ["", "gz"])
def test_links_and_second_copies_in_a_tar_file_are_not_read(tmp_path, form):
    with tarfile.open(tmp_path / "v.tar", f"w:{form}") as archive:
        for name, kind, target in (
            ("1.json", tarfile.SYMTYPE, "/etc/hostname"),
            ("2.json", tarfile.LNKTYPE, "../2.json"),
            ("3.json", tarfile.FIFOTYPE, ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
        for text in ("first", "other"):
            info = tarfile.TarInfo("4.json")
            info.size = 5
            archive.addfile(info, io.BytesIO(text.encode()))
    assert found_in(tmp_path) == {"4.json": "first"}
    assert find(tmp_path).aside == {
        "a link in a zip or tar file": 2,
        "not a regular file": 1,
        "a name that is in a zip or tar file a second time": 1,
    }


def test_a_link_in_a_zip_file_is_not_read(tmp_path):
    info = zipfile.ZipInfo("1.json")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        archive.writestr(info, "/etc/hostname")
        archive.writestr("2.json", "good")
    assert found_in(tmp_path) == {"2.json": "good"}


@pytest.mark.parametrize("name", ["v.zip", "v.tar", "v.tar.gz", "v.tar.xz"])
@pytest.mark.parametrize("cut", [0, 200, None])
def test_a_broken_archive_is_refused_as_a_whole(tmp_path, name, cut):
    path = tmp_path / name
    if cut is None:
        path.write_bytes(b"no archive" * 100)
    else:
        WRITERS[name](path, {f"{n}.json": os.urandom(400).hex() for n in range(9)})
        path.write_bytes(path.read_bytes()[:cut])
    (volume,) = find(tmp_path).volumes
    said = pytest.raises(InputError, match="is a volume that cannot be read")
    with said as caught, Opened(tmp_path) as opened, page_files(volume, opened):
        pass
    assert caught.value.file == str(path)


def test_a_damaged_member_leaves_the_others(tmp_path):
    path = tmp_path / "v.zip"
    write_zip(path, {"1.json": "one" * 50, "2.json": os.urandom(500).hex()})
    data = bytearray(path.read_bytes())
    at = data.rindex(b"2.json", 0, data.rindex(b"PK\x01\x02")) + 100
    data[at : at + 20] = b"\0" * 20
    path.write_bytes(data)
    found = found_in(tmp_path)
    assert found["1.json"] == "one" * 50
    assert "cannot be read" in found["2.json"]


@pytest.mark.parametrize("name", ["v.zip", "v.tar.gz"])
def test_a_member_that_unpacks_to_too_much_is_refused(tmp_path, name):
    WRITERS[name](tmp_path / name, {"1.json": "0" * ((1 << 26) + 1), "2.json": "x"})
    assert (tmp_path / name).stat().st_size < 1 << 20
    found = found_in(tmp_path)
    assert found["1.json"].endswith("has 67,108,865 bytes, expected at most 67,108,864")
    assert found["2.json"] == "x"


def test_folders_pipes_and_links_that_lead_nowhere_or_out_are_refused(tmp_path):
    (tmp_path / "secret.json").write_text("secret")
    volume = tmp_path / "archive" / "v"
    volume.mkdir(parents=True)
    (volume / "2.json").symlink_to("nowhere")
    (volume / "3.json").symlink_to("3.json")
    (volume / "4.json").symlink_to("../../secret.json")
    os.mkfifo(volume / "5.json")
    (volume / "6.json").write_text("good")
    (volume / "7.json").symlink_to("6.json")
    with open(volume / "8.json", "wb") as file:
        file.truncate(200_000_000)
    found = found_in(tmp_path / "archive")
    reasons = [text.removeprefix("is not a page: ") for text in found.values()]
    assert reasons == [
        "cannot be read (No such file or directory)",
        "cannot be read (Too many levels of symbolic links)",
        "a link out of the archive",
        "not a regular file",
        "good",
        "good",
        "has 200,000,000 bytes, expected at most 67,108,864",
    ]


def test_volumes_of_one_name_are_told_apart_by_their_endings(tmp_path):
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "1.txt").write_text("one")
    write_zip(tmp_path / "v.zip", {"1.txt": "two"})
    write_tar(tmp_path / "v.tar", {"1.txt": "three"})
    names = [volume.name for volume in find(tmp_path).volumes]
    assert names == ["v", "v.tar", "v.zip"]


def test_links_between_folders(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "archive" / "good").mkdir(parents=True)
    (tmp_path / "archive" / "good" / "1.txt").write_text("text")
    (tmp_path / "archive" / ".store").mkdir(parents=True)
    (tmp_path / "archive" / ".store" / "1.txt").write_text("other")
    (tmp_path / "archive" / "out").symlink_to("../elsewhere")
    (tmp_path / "archive" / "within").symlink_to("good")
    (tmp_path / "archive" / "circle").symlink_to(".")
    (tmp_path / "archive" / "stored").symlink_to(".store")
    faults = {each.name: each.fault for each in find(tmp_path / "archive").volumes}
    assert faults == {
        "good": None,
        "stored": None,
        "out": "is a link out of the archive",
    }


def test_a_name_that_is_not_utf_8_is_shown_as_text(tmp_path):
    (tmp_path / "v").mkdir()
    with open(os.fsencode(tmp_path / "v") + b"/bl\xe5_1.json", "w") as file:
        file.write("good")
    assert found_in(tmp_path) == {"bl\ufffd_1.json": "good"}


def test_text_files_are_pages_where_they_outnumber_the_others(tmp_path):
    def pages():
        (volume,) = find(tmp_path).volumes
        return [path for path, _ in volume.pages]

    (tmp_path / "1.txt").write_text("one")
    (tmp_path / "1.jpg").touch()
    (tmp_path / "README.txt").write_text("what this is")
    assert pages() == ["1.txt"]
    (tmp_path / "9.XML").write_text("<PcGts/>")
    assert pages() == ["9.XML"]
    (tmp_path / "2.txt").write_text("two")
    assert pages() == ["1.txt", "2.txt", "9.XML"]
    (tmp_path / "8.xml").write_text("<PcGts/>")
    (tmp_path / "7.xml").write_text("<PcGts/>")
    assert pages() == ["7.xml", "8.xml", "9.XML"]


def test_a_failing_disk_is_not_the_files_fault(tmp_path, monkeypatch):
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "1.json").write_text("{}")
    write_tar(tmp_path / "w.tar", {"1.json": '{"contains": []}'})

    def failing(*_, **__):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr("arkiv.volumes.walk.os.lstat", failing)
        with pytest.raises(OSError, match="Input/output error"):
            find(tmp_path)
    monkeypatch.setattr(tarfile.TarFile, "next", failing)
    with pytest.raises(OSError, match="Input/output error"):
        find(tmp_path)


@pytest.mark.parametrize("within", [False, True])
def test_a_zip_file_is_looked_through_once_for_all_its_volumes(
    tmp_path, monkeypatch, within
):
    inner = zipped({f"v{n}/1.txt": "ord" for n in range(9)})
    content = zipped({"in/a.zip": inner}) if within else inner
    (tmp_path / "a.zip").write_bytes(content)
    volumes = find(tmp_path).volumes
    assert len(volumes) == 9
    times = []
    open_zip = zipfile.ZipFile
    monkeypatch.setattr(
        zipfile, "ZipFile", lambda file: times.append(file) or open_zip(file)
    )
    with Opened(tmp_path) as opened:
        for volume in volumes:
            with page_files(volume, opened) as files:
                assert len(files) == 1
    assert len(times) == 1 + within


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_a_zip_file_in_another_may_be_larger_than_a_page(tmp_path, monkeypatch, name):
    monkeypatch.setattr(member, "LARGEST", 5000)
    images = random.Random(1).randbytes(9000)
    inner = {"b.zip": zipped({"1.txt": "ord", "1.jpg": images}), "2.txt": "ord"}
    (tmp_path / name).write_bytes(
        zipped(inner)
        if name == "a.zip"
        else tarred(inner, name.removeprefix("a.tar").lstrip("."))
    )
    assert sum(len(volume.pages) for volume in find(tmp_path).volumes) == 2
    monkeypatch.setattr(packed, "LARGEST_PACKED", 6000)
    faults = [each.fault for each in find(tmp_path).volumes if each.fault]
    # In a tar file that is not compressed it is read where it lies.
    assert len(faults) == (name != "a.tar")
    assert all("expected at most 6,000)" in fault for fault in faults)


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_packed_rows_that_are_too_large_are_a_volume_that_cannot_be_read(
    tmp_path, monkeypatch, name
):
    monkeypatch.setattr(member, "LARGEST", 9000)
    rows = '{"volume": "a", "page": 1, "text": "ord"}\n' * 300
    files = {name: rows, "v/1.txt": "ord"}
    (tmp_path / "a.zip").write_bytes(zipped(files))
    read, fault = find(tmp_path).volumes
    assert len(read.pages) == 1
    assert "expected at most 9,000" in fault.fault
