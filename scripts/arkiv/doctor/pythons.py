"""Python, the pinned packages, and the environments of cluster jobs."""

from __future__ import annotations

import json
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path

from arkiv.doctor.command import ask, ours
from arkiv.doctor.found import Check, Finding, fault, ok, warning
from arkiv.settings.config import PROJECT

# Of which Snakemake needs one so new; see docs/cluster.md.
OLDEST_CONDA = (24, 7, 1)
# One search library in two builds.
ALIKE = {"faiss-cpu": "faiss-gpu"}
# Seconds to import all of an environment from a slow filesystem.
IMPORTING = 300
PIN = re.compile(r"\s*-?\s*([\w.-]+)==([\w.]+)\s*$", re.MULTILINE)
# How many packages are named.
NAMED = 3


def pins(file: Path) -> dict[str, str]:
    """The versions that a file pins, requirements or an environment, by package."""
    return dict(PIN.findall(file.read_text(encoding="utf-8")))


def apart(wanted: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Of pinned packages those that are not installed here, and those of others."""
    missing, others = [], []
    for name, version in wanted.items():
        found = _installed(name) or (name in ALIKE and _installed(ALIKE[name]))
        if not found:
            missing.append(name)
        elif found.partition("+")[0] != version:
            others.append(f"{name} {found}, not {version}")
    return missing, others


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_python() -> Finding:
    """Which Python this is."""
    return ok(f"{platform.python_version()}, {sys.executable}")


def check_packages() -> Finding:
    """Whether the pinned packages are installed, as they are pinned."""
    wanted = pins(PROJECT / "requirements.txt")
    missing, others = apart(wanted)
    if missing:
        few = len(missing) <= NAMED
        which = ", ".join(missing) if few else f"{len(missing)} of {len(wanted)}"
        seen = f"{which} of requirements.txt not installed for this Python"
        do = "make install, and run this with .venv/bin/python"
        if "snakemake" in missing or not shutil.which("conda"):
            return fault(seen, do)
        # A login node needs no more.
        return ok("Snakemake is; what rules need they have by --sdm conda")
    if others:
        seen = f"{len(others)} at another version: {'; '.join(others[:NAMED])}"
        return warning(seen, "pip install -r requirements.txt, which is what is tested")
    return ok(f"{len(wanted)}, as requirements.txt pins them")


def made_environments(prefix: str | None) -> dict[str, Path]:
    """Where Snakemake has made the environments, by name; those of today's files.

    Args:
        prefix: where `conda-prefix` of the profile has them.
    """
    folder = Path(prefix or ".snakemake/conda")
    files = {one.read_bytes(): one.stem for one in (PROJECT / "envs").glob("*.yaml")}
    return {
        files[copy.read_bytes()]: copy.with_suffix("")
        for copy in sorted(folder.glob("*.yaml"))
        if copy.read_bytes() in files and copy.with_suffix("").is_dir()
    }


def environment_checks(prefix: str | None) -> Iterator[Check]:
    """One check of conda, and one of each environment."""
    made = made_environments(prefix)
    if not shutil.which("conda"):
        yield Check("environments", partial(_without_conda, made))
        return
    yield Check("conda", _check_conda)
    files = sorted((PROJECT / "envs").glob("*.yaml"))
    for file in files:
        if where := made.get(file.stem):
            look = partial(check_environment, file, where)
            yield Check(f"envs/{file.stem}", look, IMPORTING)
    if to_come := [file.stem for file in files if file.stem not in made]:
        yield Check("environments", partial(_to_come, to_come))


def _without_conda(made: Mapping[str, Path]) -> Finding:
    if made:
        seen = f"{len(made)} made by conda, which is not on PATH"
        return warning(seen, "load conda; or leave --sdm conda away")
    return ok("no conda here: rules run in this Python, without --sdm conda")


def _check_conda() -> Finding:
    said = ask("conda", "--version").out
    version = tuple(map(int, re.findall(r"\d+", said)[:3]))
    needed = ".".join(map(str, OLDEST_CONDA))
    if version < OLDEST_CONDA:
        do = f"use a conda of {needed} or newer, or leave --sdm conda away"
        return fault(f"{said.strip() or 'gives no version'}", do)
    return ok(said.strip())


def _to_come(names: Sequence[str]) -> Finding:
    make = "snakemake --sdm conda --conda-create-envs-only --cores 1, and your flags"
    do = f"a run makes those that it needs; to see beforehand whether it can: {make}"
    return warning(f"not made yet: {', '.join(names)}", do)


def check_environment(file: Path, prefix: Path) -> Finding:
    """Whether an environment is whole, has its pins, and imports what it has."""
    renewed = f"remove {prefix}, and have Snakemake make it again"
    if not prefix.with_suffix(".env_setup_done").is_file():
        return fault(f"{prefix} was not made to its end", renewed)
    python, wanted = str(prefix / "bin/python"), json.dumps(pins(file))
    answer = ask(*ours("arkiv.doctor.imports", wanted, python=python), limit=IMPORTING)
    if not answer.well:
        return fault(f"{prefix}: {answer.said}", renewed)
    return ok(f"{prefix} has its pins, and imports them")
