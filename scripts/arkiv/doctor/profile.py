"""What of a profile the doctor reads itself: settings of Snakemake, not of rules."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.settings.config import PROJECT

SETTING = re.compile(r"^([a-z][\w-]*): *(.*?) *(?:#.*)?$", re.MULTILINE)
# Where Snakemake looks for profiles of one's own, and of all on the machine.
OWN = ("~/.config/snakemake", "/etc/xdg/snakemake")
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
        folders = (Path(), *(Path(one).expanduser() for one in OWN))
        for file in (
            Path(name),
            *(folder / name / "config.yaml" for folder in folders),
        ):
            if file.is_file():
                # As it is edited: profiles/slurm, though `slurm` is a link to it.
                file = Path(os.path.relpath(file.resolve()))
                found = SETTING.findall(file.read_text("utf-8"))
                return cls(file, {key: of.strip("\"'") for key, of in found})
        raise InputError(
            f"is {name}, expected a folder with config.yaml; see {PROJECT}/profiles",
            key="--profile",
        )

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
