"""A page that is edited, added or removed makes anew what depends on its archive."""

import os
import shutil

import pytest
from layouts import lay_out, page, words, zipped
from project import Project

TINY = {"source": "tiny", "revision": None}
PARTS = 2
# Of the archive whose page is another one; with the target, which only shows them.
ANEW = {
    "find_volumes": 1,
    "build_documents": PARTS,
    "merge_documents": 1,
    "documents": 1,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two archives, the documents of which Snakemake takes for made."""
    project = Project(tmp_path_factory.mktemp("project"))
    for name in ("a", "b"):
        pages = {f"v{v}/{n}.xml": page(words(v, n)) for v in (1, 2) for n in (1, 2, 3)}
        packed = {"w.zip": zipped({"1.xml": page(words("w"))})}
        lay_out(project.folder / "archives" / name, pages | packed)
    (project.folder / "volumes.csv").write_text("volume,year\nv1,1880\nv2,\nw,\n")
    datasets = {name: {"pages": f"archives/{name}"} for name in ("a", "b")}
    datasets["b"]["volumes"] = "volumes.csv"
    config = project.configure(
        datasets=datasets,
        models={"embedder": TINY, "reranker": TINY},
        parts={"documents": PARTS},
    )
    options = ("documents", "--configfile", config)
    table = project.snakemake(*options, "--summary").stdout
    for line in table.splitlines():
        path = project.folder / line.split("\t")[0]
        if line.startswith(("models/", "results/")):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.parent.name == "models":
                path.mkdir(exist_ok=True)
            else:
                path.touch()
    done = project.snakemake(*options, "--touch", "-F", "--cores", "1")
    assert done.returncode == 0, done.stdout
    return project, options


def edit(root):
    (root / "v1" / "2.xml").write_text(page(words("another")))


def edit_with_the_time_and_size_of_before(root):
    path = root / "v1" / "2.xml"
    before, text = path.stat(), path.read_text()
    path.write_text(text.replace("1-2w0", "1-2w9"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def add(root):
    (root / "v2" / "4.xml").write_text(page(words("more")))


def remove(root):
    (root / "v2" / "3.xml").unlink()


def edit_in_a_zip_file(root):
    (root / "w.zip").write_bytes(zipped({"1.xml": page(words("other"))}))


@pytest.mark.parametrize("change", [edit, add, remove, edit_in_a_zip_file])
def test_a_changed_page_makes_the_documents_of_its_archive_anew(made, change):
    project, options = made
    assert project.planned(*options) == {"documents": 1}
    root = project.folder / "archives" / "a"
    kept = root.parent / "kept"
    shutil.copytree(root, kept, copy_function=shutil.copy2)
    times = {path: path.stat() for path in (root, *root.iterdir())}
    try:
        change(root)
        # As if no folder had noticed, which those further up never do.
        for path, stat in times.items():
            if path.is_dir():
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert project.planned(*options) == ANEW
    finally:
        shutil.rmtree(root)
        kept.rename(root)
    assert project.planned(*options) == {"documents": 1}


def test_a_changed_table_of_volumes_makes_the_documents_of_its_archive_anew(made):
    project, options = made
    path = project.folder / "volumes.csv"
    before, text = path.stat(), path.read_text()
    path.write_text(text.replace("1880", "1890"))
    assert project.planned(*options) == ANEW
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert project.planned(*options) == {"documents": 1}


def test_a_file_that_looks_the_same_is_taken_for_the_same(made):
    """Names, sizes and times are all that is looked at."""
    project, options = made
    edit_with_the_time_and_size_of_before(project.folder / "archives" / "a")
    assert project.planned(*options) == {"documents": 1}
