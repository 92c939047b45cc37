"""Tar files that are damaged, hostile, or several in one, and odd zip files."""

import contextlib
import gzip
import io
import random
import struct
import tarfile
import time
import zipfile

import pytest
from layouts import page, tarred, words, zipped

from arkiv.base.errors import InputError
from arkiv.volumes.finding import find, root_of
from arkiv.volumes.opened import Opened
from arkiv.volumes.volume import page_files

END = bytes(1024)
WAYS = {"tar": bytes, "tar.gz": gzip.compress}


def member(n):
    """A page of a tar file, without the file's end."""
    return tarred({f"{n}.xml": page(words(n))}).rstrip(b"\0") + bytes(512)


def block(name, size, kind=tarfile.REGTYPE):
    """A header that says so, whatever it is followed by."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def whole(data):
    """With zeros to the end of the last block."""
    return data + bytes(-len(data) % 512)


def extended(key, value):
    """A header that gives the next file something else than its own."""
    length = next(n for n in range(99) if n == len(f"{n} {key}={value}\n"))
    said = f"{length} {key}={value}\n".encode()
    return block("x", len(said), tarfile.XHDTYPE) + whole(said)


def opened(tmp_path, name, data):
    """What is found in an archive of one file, and the first words of its pages."""
    (tmp_path / name).write_bytes(data)
    found = find(tmp_path)
    pages = []
    with Opened(root_of(tmp_path)) as archive:
        for volume in found.volumes:
            if not volume.fault:
                with page_files(volume, archive) as files:
                    pages += [file.pages(None)[0].lines[0].text for file in files]
    return found, pages


@pytest.mark.parametrize("form", WAYS)
@pytest.mark.parametrize("between", [END, bytes(10240), b""], ids=len)
def test_of_several_tar_files_in_one_all_are_read(tmp_path, form, between):
    files = [whole(member(n)) + between for n in range(3)]
    data = b"".join(map(WAYS[form], files))
    found, pages = opened(tmp_path, f"a.{form}", data)
    assert pages == [words(n) for n in range(3)]
    assert not found.aside


@pytest.mark.parametrize("form", WAYS)
def test_what_stands_behind_the_end_and_is_no_tar_file_says_nothing(tmp_path, form):
    behind = random.Random(1).randbytes(2000)
    data = WAYS[form](whole(member(0)) + END + behind)
    assert opened(tmp_path, f"a.{form}", data)[1] == [words(0)]


@pytest.mark.parametrize("form", WAYS)
@pytest.mark.parametrize(
    ("at_fault", "reason"),
    [
        (block("x.xml", -5), "less than 0 bytes"),
        (block("x.xml", -1024), "less than 0 bytes"),
        (extended("size", -1536) + block("x.xml", 0), "less than 0 bytes"),
        (block("x", 1 << 24, tarfile.GNUTYPE_LONGNAME), "too large"),
        (block("x", 1 << 40, tarfile.XHDTYPE), "too large"),
        (block("x.xml", 1 << 70), "cannot be read"),
    ],
)
def test_a_hostile_header_is_told_of(tmp_path, form, at_fault, reason):
    data = WAYS[form](whole(member(0)) + at_fault + whole(member(1)) + END)
    started = time.monotonic()
    found, pages = opened(tmp_path, f"a.{form}", data)
    assert time.monotonic() - started < 5
    assert not pages
    assert reason in found.volumes[0].fault


@pytest.mark.parametrize("outer", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("inner", ["zip", "tar", "tar.gz"])
def test_what_is_packed_three_times_is_a_zip_file_that_is_not_read(
    tmp_path, outer, inner
):
    packs = {
        "zip": zipped,
        "tar": tarred,
        "tar.gz": lambda files: tarred(files, "gz"),
    }
    deep = zipped({"1.xml": page(words(1))})
    within = packs[inner]({"0.xml": page(words(0)), "deep.zip": deep})
    found, pages = opened(tmp_path, f"a.{outer}", packs[outer]({f"b.{inner}": within}))
    assert pages == [words(0)]
    assert {what: count for what, (count, *_) in found.unread.items()} == {
        "a zip file": 1
    }


def test_a_file_without_a_name_in_a_zip_file_is_one(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for n, name in enumerate(("0.xml", "")):
            with archive.open(zipfile.ZipInfo(name), "w") as file:
                file.write(page(words(n)).encode())
    _, pages = opened(tmp_path, "a.zip", out.getvalue())
    assert sorted(pages) == [words(0), words(1)]


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("place", [-1, 1 << 62, (1 << 64) - 1])
def test_a_zip_file_that_leads_beyond_itself_is_told_of(tmp_path, place, within):
    data = zipped({"0.xml": page(words(0))})
    # The list of files says where each begins: with 64 bits, if with 32 it says so.
    at = data.index(b"PK\1\2")
    entry, end = bytearray(data[at:-22]), bytearray(data[-22:])
    if place < 0:
        end[16:20] = (int.from_bytes(end[16:20], "little") + 5).to_bytes(4, "little")
    else:
        more = struct.pack("<HHQ", 1, 8, place)
        entry[30:32] = len(more).to_bytes(2, "little")
        entry[42:46] = b"\xff" * 4
        entry += more
        end[12:16] = len(entry).to_bytes(4, "little")
    data = bytes(data[:at] + entry + end)
    name = "a.zip"
    if within:
        data, name = tarred({"b.zip": data}, "gz"), "a.tar.gz"
    with pytest.raises(InputError, match="cannot be read"):
        opened(tmp_path, name, data)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_broken_is_told_of(tmp_path, seed):
    """Bytes of zip and tar files that are others than they were, and ends cut off."""
    draw = random.Random(seed)
    files = {f"{n}.xml": page(words(n)) for n in range(4)}
    form = draw.choice(["zip", "tar", "tar.gz", "tar.xz"])
    data = zipped(files) if form == "zip" else tarred(files)
    data = bytearray(data)
    for _ in range(draw.choice([1, 3, 20])):
        data[draw.randrange(len(data))] = draw.choice([0, 255, draw.randrange(256)])
    if draw.random() < 0.3:
        del data[draw.randrange(len(data)) :]
    if form == "tar.gz":
        data = gzip.compress(data)
    if draw.random() < 0.5:
        data, form = tarred({f"b.{form}": bytes(data)}, "gz"), "tar.gz"
    with contextlib.suppress(InputError):
        opened(tmp_path, f"a.{form}", bytes(data))
