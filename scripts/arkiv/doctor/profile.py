"""What of a profile the doctor reads itself: settings of Snakemake, not of rules."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.settings.config import PROJECT

SETTING = re.compile(r"^([a-z][\w-]*): *(.*?) *(?:#.*)?$", re.MULTILINE)
# A profile's file, perhaps of Snakemake from one version on: config.v8+.yaml.
FILE = re.compile(r"(?:profile|config)(?:\.v(?P<least>\d+)\+)?.yaml")
# Snakemake's default, of seconds.
FIRST_LOOK = 40


@dataclass(frozen=True)
class Profile:
    """A profile's file, and the values in it that stand on a line of their own."""

    file: Path
    settings: dict[str, str]

    @classmethod
    def named(cls, name: str) -> Profile:
        """The profile that Snakemake takes for a name: a file, or a folder.

        Raises:
            InputError: there is none.
        """
        if (file := profile_file(name)) is None:
            raise InputError(
                f"is {name}, expected a folder with config.yaml; see "
                f"{PROJECT}/profiles",
                key="--profile",
            )
        # As it is edited: profiles/slurm, though `slurm` is a link to it.
        file = Path(os.path.relpath(file.resolve()))
        found = SETTING.findall(file.read_text("utf-8"))
        return cls(file, {key: of.strip("\"'") for key, of in found})

    @property
    def slurm(self) -> bool:
        """Whether jobs go to a SLURM."""
        return self.settings.get("executor") == "slurm"

    @property
    def first_look(self) -> int:
        """Seconds after which a job is first asked about."""
        given = self.settings.get("slurm-init-seconds-before-status-checks", "")
        return int(given) if given.isdecimal() else FIRST_LOOK

    @property
    def by_squeue(self) -> bool:
        """Whether jobs are asked about by squeue."""
        return self.settings.get("slurm-status-command") == "squeue"

    @property
    def conda_prefix(self) -> str | None:
        """Where environments are made, if not where they are by default."""
        return self.settings.get("conda-prefix")

    @property
    def partition_file(self) -> str | None:
        """The file by which the plugin chooses partitions, if there is one."""
        given = self.settings.get("slurm-partition-config")
        return given or os.environ.get("SNAKEMAKE_SLURM_PARTITIONS")


def profile_file(name: str) -> Path | None:
    """The file that Snakemake reads for a profile; None: it finds none.

    By the rule of `snakemake.cli.get_profile_dir`, which is not there on every machine
    that is looked over, and takes two seconds to import.

    Args:
        name: of the profile, a path or what lies in one of the folders of profiles.
    """
    if os.path.exists(name):
        places = iter([Path(name)])
    else:
        places = (folder / name for folder in _folders())
    for place in places:
        if place.is_file():
            return place
        files = _files(place) if place.is_dir() else {}
        if files:
            return place / max(files, key=files.__getitem__)
    return None


def _folders() -> Iterator[Path]:
    """Where profiles lie: here, one's own, and of all on the machine."""
    yield Path()
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    yield Path(home, "snakemake")
    first, *_ = os.environ.get("XDG_CONFIG_DIRS", "").split(os.pathsep)
    yield Path(first or "/etc/xdg", "snakemake")


def _files(folder: Path) -> dict[str, int]:
    """The files of a profile that this Snakemake may read, and since which version."""
    try:
        major = int(version("snakemake").split(".")[0].split("+")[0])
    except PackageNotFoundError:
        major = None
    marked = ((name, FILE.fullmatch(name)) for name in os.listdir(folder))
    found = {name: int(mark["least"] or 0) for name, mark in marked if mark}
    return {
        name: least for name, least in found.items() if major is None or least <= major
    }
