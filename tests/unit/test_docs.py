"""The links between the documents hold, and the README is the door to all of them."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from project import ROOT

from arkiv.settings.config import read_config

DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        ROOT / "config/README.md",
        ROOT / "benchmarks/README.md",
    )
)
GUIDES = [name for name in DOCUMENTS if name.startswith("docs/")]
LINK = re.compile(r"\]\((?P<file>[^)#\s]*)(?:#(?P<anchor>[^)\s]*))?\)")
# Blocks of YAML that are no configuration begin with these.
OTHER_FILES = ("__variables__", "variants")
# What a file of the project calls another document by.
NAMED = re.compile(r"(?<![\w/.-])(?:docs|config|benchmarks)/[\w-]+\.md")


def prose(path: Path) -> str:
    """A document without its blocks of code."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


@cache
def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", prose(path), flags=re.M)
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in words}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    wrong = []
    for link in LINK.finditer(prose(ROOT / name)):
        if "://" in link["file"]:
            continue
        target = (ROOT / name).parent / link["file"] if link["file"] else ROOT / name
        if not target.exists():
            wrong.append(f"{link['file']}: no such file")
        elif link["anchor"] and link["anchor"] not in anchors(target):
            wrong.append(f"{link['file']}#{link['anchor']}: no such heading")
    assert not wrong, "\n".join([f"links of {name}", *wrong])


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=f"{name} {number}")
        for name in DOCUMENTS
        for number, block in enumerate(
            re.findall(
                r"^```yaml\n(.*?)^```", (ROOT / name).read_text("utf-8"), re.M | re.S
            )
        )
        if not block.startswith(OTHER_FILES)
    ],
)
def test_a_configuration_that_is_shown_is_valid(block, tmp_path, monkeypatch):
    shown = yaml.safe_load(block)
    # Files that it names are not here, those of the project are.
    monkeypatch.chdir(ROOT)
    names = shown.get("datasets", ("court", "letters"))
    example = {"example": {"cases": 60, "volumes": 6}}
    shown["datasets"] = dict.fromkeys(names, example)
    shown.get("gold", {}).get("sheet", {}).pop("judged", None)
    shown.get("train", {}).get("evaluation", {}).pop("general", None)
    path = tmp_path / "shown.yaml"
    path.write_text(yaml.safe_dump(shown), encoding="utf-8")
    read_config([path])


def test_the_readme_is_short_and_names_every_guide():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert [guide for guide in GUIDES if f"({guide})" not in text] == []


def test_documents_that_files_name_are_there():
    folders = "scripts", "rules", "config", "profiles", "envs", "tests", "benchmarks"
    files = [path for name in folders for path in (ROOT / name).rglob("*.*")]
    files += [ROOT / "Makefile", ROOT / "Snakefile", *map(ROOT.joinpath, DOCUMENTS)]
    missing = {
        f"{path.relative_to(ROOT)}: {document}"
        for path in files
        if path.suffix in ("", ".md", ".py", ".smk", ".yaml", ".txt", ".rst")
        if ".cache" not in path.parts and path.is_file()
        for document in NAMED.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / document).exists()
    }
    assert not missing
