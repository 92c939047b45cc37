"""A SLURM as its own programs describe it: partitions, nodes, accounts, settings."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from arkiv.base.errors import InputError
from arkiv.doctor.command import QUICK, Answer, ask

# Of sinfo, one line for each kind of node of a partition; see `man sinfo`.
FORMAT = "%P|%a|%l|%D|%c|%m|%G|%f|%T"
# How states begin of nodes that take no job, and end of those that do not answer. One
# that was powered down to save power is woken by a job.
AWAY, SILENT = ("down", "drain", "fail", "maint", "unk", "reboot"), "*"
# gpu:a100:4(S:0-1), gpu:2; the name of the kind may be absent.
GPUS = re.compile(r"(?:^|,)gpu:(?:([^:,()]+):)?(\d+)")
TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$")


@dataclass(frozen=True)
class Nodes:
    """Nodes of one kind in a partition."""

    count: int
    cpus: int
    memory: int
    """Megabytes of each."""
    gpus: Mapping[str, int]
    """Of each, by the name of the kind; of an unnamed one by an empty one."""
    features: tuple[str, ...]
    answering: bool

    def has_gpus(self, kind: str, count: int) -> bool:
        """Whether one of them has so many GPUs; of any kind for an empty one."""
        if kind:
            return self.gpus.get(kind, 0) >= count
        return sum(self.gpus.values()) >= count


@dataclass(frozen=True)
class Partition:
    """A partition."""

    name: str
    default: bool
    up: bool
    minutes: int | None
    """The longest time of a job; None: there is no limit."""
    nodes: tuple[Nodes, ...]
    settings: Mapping[str, str]
    """As scontrol has them."""

    def most(self, key: str, *, found: int) -> int:
        """What a node has, or less where the partition's setting allows for less."""
        given = self.settings.get(key, "")
        return min(found, int(given)) if given.isdecimal() and int(given) else found

    def takes(self, account: str | None) -> bool:
        """Whether jobs of an account may run there."""
        allowed = self.settings.get("AllowAccounts", "ALL")
        denied = self.settings.get("DenyAccounts", "")
        if account is None:
            return True
        return (allowed == "ALL" or account in allowed.split(",")) and (
            account not in denied.split(",")
        )


class Slurm:
    """The SLURM of this machine; each question is asked once."""

    answers = False
    """It has told its partitions."""

    @cached_property
    def partitions(self) -> dict[str, Partition]:
        """All partitions by name.

        Raises:
            InputError: sinfo does not tell them.
        """
        answer = _asked("sinfo", "--noheader", "--exact", f"--format={FORMAT}")
        rows: dict[str, list[list[str]]] = {}
        for line in answer.out.splitlines():
            fields = line.strip().split("|")
            if len(fields) == FORMAT.count("|") + 1:
                rows.setdefault(fields[0], []).append(fields)
        found = {}
        for marked, kinds in rows.items():
            name = marked.rstrip("*")
            found[name] = Partition(
                name,
                marked.endswith("*"),
                kinds[0][1] == "up",
                minutes(kinds[0][2]),
                tuple(map(_nodes, kinds)),
                self._settings.get(name, {}),
            )
        if not found:
            raise InputError("sinfo lists no partition; ask the cluster's people")
        self.answers = True
        return found

    @property
    def default(self) -> Partition | None:
        """The partition of a job that names none."""
        return next((one for one in self.partitions.values() if one.default), None)

    @cached_property
    def _settings(self) -> dict[str, dict[str, str]]:
        answer = ask("scontrol", "show", "partition", "--oneliner")
        rows = (line.split() for line in answer.out.splitlines())
        pairs = [dict(word.partition("=")[::2] for word in row) for row in rows]
        return {one["PartitionName"]: one for one in pairs if "PartitionName" in one}

    @cached_property
    def accounts(self) -> set[str]:
        """The accounts of this user, in small letters as the plugin compares them.

        Raises:
            InputError: sacctmgr does not tell them.
        """
        words = ("list", "user", getpass.getuser(), "format=account%256")
        answer = _asked("sacctmgr", "-n", "-s", *words)
        return {line.strip().lower() for line in answer.out.splitlines()} - {""}

    @cached_property
    def settings(self) -> dict[str, str]:
        """Settings of the whole, as `scontrol show config` lists them.

        Raises:
            InputError: scontrol does not tell them.
        """
        answer = _asked("scontrol", "show", "config")
        rows = (line.partition("=") for line in answer.out.splitlines())
        return {key.strip(): value.strip() for key, _, value in rows}

    @property
    def remembers(self) -> int | None:
        """Seconds for which squeue knows a job that has ended."""
        found = re.match(r"(\d+)", self.settings.get("MinJobAge", ""))
        return int(found[1]) if found else None


def _asked(*words: str) -> Answer:
    """What a program of SLURM's says.

    Raises:
        InputError: it is not there, or fails.
    """
    answer = ask(*words, limit=QUICK)
    if answer.status is None:
        raise InputError(
            f"there is no {words[0]} here; run this on the cluster's login node"
        )
    if not answer.well:
        said = f"{words[0]} fails: {answer.said}"
        raise InputError(f"{said}; see whether SLURM answers elsewhere")
    return answer


def minutes(limit: str) -> int | None:
    """The minutes of a time as sinfo has it: `2-00:00:00`, `30:00`, `infinite`."""
    found = TIME.match(limit)
    if not found:
        return None
    days, *rest = found.groups()
    numbers = [int(one) for one in rest if one is not None]
    if days is not None:
        hours, minute = (*numbers, 0, 0)[:2]
    else:
        hours, minute = (0, numbers[0]) if len(numbers) < 3 else numbers[:2]
    return (int(days or 0) * 24 + hours) * 60 + minute


def _nodes(fields: list[str]) -> Nodes:
    _, _, _, count, cpus, memory, gpus, features, state = fields
    return Nodes(
        int(count),
        int(cpus.rstrip("+")),
        int(memory.rstrip("+")),
        gpus_of(gpus),
        tuple(word for word in features.split(",") if word != "(null)"),
        not state.lower().startswith(AWAY) and not state.endswith(SILENT),
    )


def gpus_of(gres: str) -> dict[str, int]:
    """How many GPUs of each kind `gpu:a100:4(S:0-1)` means."""
    found: dict[str, int] = {}
    for kind, count in GPUS.findall(re.sub(r"\([^)]*\)", "", gres)):
        found[kind] = found.get(kind, 0) + int(count)
    return found


def answering(partition: Partition) -> Iterator[Nodes]:
    """The nodes of a partition that take jobs."""
    return (one for one in partition.nodes if one.answering)
