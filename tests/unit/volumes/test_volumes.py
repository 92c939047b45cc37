"""Finding volumes and their files: folders, zip and tar, and what leads out of them."""

import errno
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from arkiv.base.errors import InputError
from arkiv.volumes.finding import is_of_text, members, volumes

ORDERED = ["b_2.json", "a_9.json", "a_10.json", "v2_10.json", "v10_10.json"]
ORDERED += ["x2a.json", "x10a.json"]


def found_in(path, root=None):
    """What a volume's files hold, or why they do not, by name."""
    (volume,) = [v for v in volumes(root or path) if root is None or v.path == path]
    result = {}
    with members(volume, root or path) as files:
        for file in files:
            try:
                result[file.name] = file.read().decode()
            except InputError as error:
                result[file.name] = error.reason
    return result


def reversed_listing(monkeypatch, reverse):
    iterdir = Path.iterdir
    monkeypatch.setattr(
        Path, "iterdir", lambda self: iter(sorted(iterdir(self), reverse=reverse))
    )


@pytest.mark.parametrize("reverse", [False, True])
def test_pages_are_ordered_by_number_then_naturally(tmp_path, monkeypatch, reverse):
    for name in [*ORDERED, ".DS_Store"]:
        (tmp_path / name).touch()
    reversed_listing(monkeypatch, reverse)
    assert list(found_in(tmp_path)) == ORDERED


@pytest.mark.parametrize("reverse", [False, True])
def test_volumes_are_ordered_by_name(tmp_path, monkeypatch, reverse):
    for name in ("b", "a", "c", ".cache"):
        (tmp_path / name).mkdir()
    (tmp_path / "README.md").touch()
    write_zip(tmp_path / "aa.zip", {})
    write_tar(tmp_path / "d.1.tar.gz", {})
    reversed_listing(monkeypatch, reverse)
    names = [volume.name for volume in volumes(tmp_path)]
    assert names == ["a", "aa", "b", "c", "d.1"]


def test_a_directory_of_pages_is_one_volume(tmp_path, monkeypatch):
    folder = tmp_path / "30003368"
    folder.mkdir()
    (folder / "1.json").touch()
    (only,) = volumes(folder)
    assert (only.name, only.path) == ("30003368", folder)
    monkeypatch.chdir(folder)
    assert [volume.name for volume in volumes(".")] == ["30003368"]


@pytest.mark.parametrize("name", ["1.xml", "1.txt", "1.XML"])
def test_xml_or_text_makes_a_volume_only_where_there_is_no_other(tmp_path, name):
    (tmp_path / name).touch()
    assert [volume.name for volume in volumes(tmp_path)] == [tmp_path.name]
    (tmp_path / "v").mkdir()
    assert [volume.name for volume in volumes(tmp_path)] == ["v"]


def test_a_single_archive_file_is_a_volume(tmp_path):
    write_zip(tmp_path / "v.zip", {"1.json": "{}"})
    (only,) = volumes(tmp_path / "v.zip")
    assert (only.name, only.fault) == ("v", None)


def test_a_directory_without_volumes_is_refused(tmp_path):
    (tmp_path / "notes.md").touch()
    with pytest.raises(InputError, match="holds no volume of page files"):
        volumes(tmp_path)
    for wrong in ("nothing", "notes.md"):
        with pytest.raises(InputError, match="is not a directory"):
            volumes(tmp_path / wrong)


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
    found = found_in(tmp_path / name, tmp_path)
    assert list(found.items()) == [(f"p_{n}.json", f"page {n}") for n in (1, 9, 10)]


@pytest.mark.parametrize("name", ["v.zip", "v.tar.gz"])
def test_members_that_lead_out_or_lie_apart_are_refused(tmp_path, name):
    WRITERS[name](
        tmp_path / name,
        {
            "v/1.json": "good",
            "v/2.json": "good",
            "../3.json": "x",
            "v/../../4.json": "x",
            "/etc/5.json": "x",
            "..\\6.json": "x",
            "C:\\7.json": "x",
            "v/old/8.json": "x",
        },
    )
    found = found_in(tmp_path / name, tmp_path)
    assert [text for text in found.values() if text == "good"] == ["good"] * 2
    reasons = {key: text for key, text in found.items() if text != "good"}
    assert reasons.pop("v/old/8.json").endswith("in the folder v/old, the pages in v")
    assert len(reasons) == 5
    assert all(
        text.endswith("a name that leads out of the archive")
        for text in reasons.values()
    )


def test_links_and_second_copies_in_a_tar_file_are_refused(tmp_path):
    with tarfile.open(tmp_path / "v.tar", "w") as archive:
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
    with tarfile.open(tmp_path / "v.tar") as archive:
        assert len(archive.getmembers()) == 5
    (volume,) = volumes(tmp_path)
    with members(volume, tmp_path) as files:
        said = []
        for file in files:
            try:
                said.append(file.read())
            except InputError as error:
                said.append(error.reason.removeprefix("is not a page: "))
    assert said == [
        *["a link in an archive"] * 2,
        "no file",
        b"first",
        "is in the archive a second time",
    ]


def test_a_link_in_a_zip_file_is_refused(tmp_path):
    info = zipfile.ZipInfo("1.json")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        archive.writestr(info, "/etc/hostname")
    assert "a link in an archive" in found_in(tmp_path / "v.zip", tmp_path)["1.json"]


@pytest.mark.parametrize("name", ["v.zip", "v.tar", "v.tar.gz", "v.tar.xz"])
@pytest.mark.parametrize("cut", [0, 200, None])
def test_a_broken_archive_is_refused_as_a_whole(tmp_path, name, cut):
    path = tmp_path / name
    if cut is None:
        path.write_bytes(b"no archive" * 100)
    else:
        WRITERS[name](path, {f"{n}.json": os.urandom(400).hex() for n in range(9)})
        path.write_bytes(path.read_bytes()[:cut])
    (volume,) = volumes(tmp_path)
    said = pytest.raises(InputError, match="is a volume that cannot be read")
    with said as caught, members(volume, tmp_path):
        pass
    assert caught.value.file == str(path)


def test_a_damaged_member_leaves_the_others(tmp_path):
    path = tmp_path / "v.zip"
    write_zip(path, {"1.json": "one" * 50, "2.json": os.urandom(500).hex()})
    data = bytearray(path.read_bytes())
    at = data.rindex(b"2.json", 0, data.rindex(b"PK\x01\x02")) + 100
    data[at : at + 20] = b"\0" * 20
    path.write_bytes(data)
    found = found_in(path, tmp_path)
    assert found["1.json"] == "one" * 50
    assert "cannot be read" in found["2.json"]


@pytest.mark.parametrize("name", ["v.zip", "v.tar.gz"])
def test_a_member_that_unpacks_to_too_much_is_refused(tmp_path, name):
    WRITERS[name](tmp_path / name, {"1.json": "0" * ((1 << 26) + 1), "2.json": "{}"})
    assert (tmp_path / name).stat().st_size < 1 << 20
    found = found_in(tmp_path / name, tmp_path)
    assert found["1.json"].endswith("has 67,108,865 bytes, expected at most 67,108,864")
    assert found["2.json"] == "{}"


def test_folders_pipes_and_links_that_lead_nowhere_or_out_are_refused(tmp_path):
    (tmp_path / "secret.json").write_text("secret")
    volume = tmp_path / "archive" / "v"
    (volume / "1.json").mkdir(parents=True)
    (volume / "2.json").symlink_to("nowhere")
    (volume / "3.json").symlink_to("3.json")
    (volume / "4.json").symlink_to("../../secret.json")
    os.mkfifo(volume / "5.json")
    (volume / "6.json").write_text("good")
    (volume / "7.json").symlink_to("6.json")
    with open(volume / "8.json", "wb") as file:
        file.truncate(200_000_000)
    found = found_in(volume, tmp_path / "archive")
    reasons = [text.removeprefix("is not a page: ") for text in found.values()]
    assert reasons == [
        "cannot be read (Is a directory)",
        "cannot be read (No such file or directory)",
        "cannot be read (Too many levels of symbolic links)",
        "a link out of the archive",
        "not a regular file",
        "good",
        "good",
        "has 200,000,000 bytes, expected at most 67,108,864",
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_pages_may_lie_in_a_folder_of_the_volume_as_transkribus_exports_them(
    tmp_path, packed
):
    content = {
        **{f"page/{n}.xml": f"page {n}" for n in range(1, 4)},
        "mets.xml": "mets",
        "metadata.xml": "metadata",
        "1.jpg": "image",
        "thumbs/1.xml": "other",
    }
    if packed:
        write_zip(tmp_path / "v.zip", {f"v/{key}": x for key, x in content.items()})
    for name, text in content.items():
        if not packed:
            (tmp_path / "v" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "v" / name).write_text(text)
    (only,) = volumes(tmp_path)
    found = found_in(only.path, tmp_path)
    good = {name: text for name, text in found.items() if "not a page" not in text}
    assert good == {f"{n}.xml": f"page {n}" for n in range(1, 4)}
    assert len(found) == 7


def test_of_two_volumes_of_one_name_the_second_is_refused(tmp_path):
    (tmp_path / "v").mkdir()
    for name in ("v.zip", "v.tar"):
        WRITERS[name](tmp_path / name, {})
    found = volumes(tmp_path)
    assert [(each.path.name, each.name) for each in found] == [
        ("v", "v"),
        ("v.tar", "v"),
        ("v.zip", "v"),
    ]
    assert [each.fault for each in found] == [
        None,
        *["is a second volume called v, beside v"] * 2,
    ]


def test_a_volume_that_is_a_link_out_of_the_archive_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "archive" / "good").mkdir(parents=True)
    (tmp_path / "archive" / "out").symlink_to("../elsewhere")
    (tmp_path / "archive" / "within").symlink_to("good")
    faults = {each.name: each.fault for each in volumes(tmp_path / "archive")}
    assert faults == {
        "good": None,
        "out": "is a link out of the archive",
        "within": None,
    }


def test_a_name_that_is_not_utf_8_is_shown_as_text(tmp_path):
    (tmp_path / "v").mkdir()
    with open(os.fsencode(tmp_path / "v") + b"/bl\xe5_1.json", "w") as file:
        file.write("good")
    assert found_in(tmp_path / "v", tmp_path) == {"bl\ufffd_1.json": "good"}


def test_text_files_are_pages_where_they_outnumber_the_others(tmp_path):
    def is_text():
        (volume,) = volumes(tmp_path)
        with members(volume, tmp_path) as files:
            return is_of_text(files)

    (tmp_path / "1.txt").touch()
    (tmp_path / "1.jpg").touch()
    assert is_text()
    (tmp_path / "mets.XML").touch()
    assert not is_text()
    (tmp_path / "2.txt").touch()
    assert is_text()


def test_a_failing_disk_is_not_the_files_fault(tmp_path, monkeypatch):
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "1.json").write_text("{}")
    write_tar(tmp_path / "w.tar", {"1.json": "{}"})
    folder, packed = volumes(tmp_path)

    def failing(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with members(folder, tmp_path) as (file,):
        monkeypatch.setattr("arkiv.volumes.finding.check_size", failing)
        with pytest.raises(OSError, match="Input/output error"):
            file.read()
    monkeypatch.setattr(tarfile.TarFile, "next", failing)
    with (
        pytest.raises(OSError, match="Input/output error"),
        members(packed, tmp_path),
    ):
        pass
