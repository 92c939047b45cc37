"""Whether a SLURM has what profile and rules ask it for; nothing is submitted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import read_yaml
from arkiv.doctor.command import ask
from arkiv.doctor.found import Check, Finding, fault, ok, warning
from arkiv.doctor.plan import PLANNING, Asked, Plan
from arkiv.doctor.profile import Profile
from arkiv.doctor.slurm import Nodes, Partition, Slurm, answering

# Seconds between two looks at a job that go on growing; see the plugin.
LONGEST_LOOK = 180
# Names that a sentence lists.
LISTED = 6
Resources = Mapping[str, Any]


@dataclass(frozen=True)
class Cluster:
    """A SLURM, and what is asked of it."""

    slurm: Slurm
    profile: Profile
    plan: Plan

    @cached_property
    def offered(self) -> list[str] | None:
        """The partitions of the plugin's file, if the profile names one.

        Raises:
            InputError: it is no such file.
        """
        file = self.profile.partition_file
        if not file:
            return None
        match read_yaml(file):
            case {"partitions": {**named}}:
                return list(map(str, named))
        reason = "is no file of partitions; write one by --write-partitions"
        raise InputError(reason, file=file)

    def asked_for(self, key: str) -> set[str]:
        """The values that jobs have of a resource."""
        values = (one.first.get(key) for one in self.plan.submitted)
        return {str(value) for value in values if value}

    def partitions_for(self, asked: Resources) -> list[Partition]:
        """Those that a job may go to: the one it names, the file's, or the default."""
        there = self.slurm.partitions
        if name := asked.get("slurm_partition"):
            return [there[one] for one in str(name).split(",") if one in there]
        if self.offered is not None:
            return [there[one] for one in self.offered if one in there]
        return [self.slurm.default] if self.slurm.default else []

    def placed(self, asked: Resources) -> Resources:
        """What a job asks for with a partition, where the plugin would choose one."""
        if asked.get("slurm_partition") or self.offered is None:
            return asked
        fit = [
            one
            for one in self.partitions_for(asked)
            if _has_gpus(one, asked) and _in_time(one, asked) and _has_nodes(one, asked)
        ]
        # As the plugin does, those without GPUs first: they fit who asks for none.
        fit.sort(key=lambda one: any(nodes.gpus for nodes in one.nodes))
        return {**asked, "slurm_partition": fit[0].name if fit else None}

    def fitting(
        self, fits: Callable[[Partition, Resources], bool], last: bool
    ) -> tuple[list[Asked], list[Asked]]:
        """The rules whose jobs have a partition, and those among them with none fit.

        Of partitions without the GPUs that a job asks for, `check_gpus` tells.
        """
        placed, unfit = [], []
        for asked in self.plan.submitted:
            resources = asked.last if last else asked.first
            found = self.partitions_for(resources)
            if fits is not _has_gpus:
                found = [one for one in found if _has_gpus(one, resources)]
            if found:
                placed.append(asked)
                if not any(fits(one, resources) for one in found):
                    unfit.append(asked)
        return placed, unfit


def checks(cluster: Cluster) -> Iterator[Check]:
    """What there is to see without a job: nothing of a SLURM that does not answer."""
    yield Check("SLURM", partial(check_slurm, cluster.slurm))
    if not cluster.slurm.answers:
        return
    looks = {
        "partitions": check_partitions,
        "account": check_account,
        "gres": check_gpus,
        "time limits": check_time,
        "memory": check_memory,
        "MinJobAge": check_memory_of_jobs,
        "sbatch": check_submitting,
    }
    for name, look in looks.items():
        yield Check(name, partial(look, cluster), PLANNING)


def _listed(names: Iterator[str] | list[str] | set[str]) -> str:
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def check_slurm(slurm: Slurm) -> Finding:
    """Whether SLURM answers."""
    there = slurm.partitions.values()
    counted = (f"{one.name} {sum(kind.count for kind in one.nodes)}" for one in there)
    return ok(f"answers; nodes by partition: {_listed([*counted])}")


def check_partitions(cluster: Cluster) -> Finding:
    """Whether the partitions that jobs name are there, and take jobs."""
    there, file = cluster.slurm.partitions, cluster.profile.file
    listed = _listed([f"{one.name}{'*' * one.default}" for one in there.values()])
    named = {
        name
        for asked in cluster.plan.submitted
        for name in str(asked.first.get("slurm_partition") or "").split(",")
    }
    unnamed = "" in named
    named = (named | set(cluster.offered or ())) - {""}
    if missing := sorted(named - there.keys()):
        do = f"set cpu_partition and gpu_partition in {file}; sinfo lists {listed}"
        return fault(f"there is no {_listed(missing)}", do)
    if unnamed and cluster.offered is None:
        if cluster.slurm.default is None:
            do = f"set cpu_partition in {file}; sinfo lists {listed}"
            return fault("jobs name none, and the cluster has no default one", do)
        named.add(cluster.slurm.default.name)
    for name in sorted(named):
        if not there[name].up or not any(answering(there[name])):
            do = f"take another one in {file}, or wait; sinfo lists {listed}"
            return fault(f"{name} takes no jobs just now", do)
    whose = "the cluster's default" if unnamed and len(named) == 1 else "up"
    return ok(f"{_listed(sorted(named))}: {whose}")


def check_account(cluster: Cluster) -> Finding:
    """Whether the account that pays is this user's."""
    file = cluster.profile.file
    named = sorted(cluster.asked_for("slurm_account"))
    try:
        have = cluster.slurm.accounts
    except InputError:
        if named:
            raise
        return ok("jobs name none, and accounts are not told here")
    listed = _listed(sorted(have)) or "none"
    if unknown := [name for name in named if have and name.lower() not in have]:
        do = f"set account in {file} to one of yours: {listed}"
        return fault(f"{_listed(unknown)} is no account of this user", do)
    refused = sorted(
        f"{one.name} ({name})"
        for name in named
        for asked in cluster.plan.submitted
        for one in cluster.partitions_for(asked.first)
        if not one.takes(name)
    )
    if refused:
        do = f"take another partition or account in {file}"
        return fault(f"partitions do not take the account: {_listed(refused)}", do)
    return ok(_listed(named) if named else f"your default one; yours: {listed}")


def _gpus_asked(resources: Resources) -> tuple[str, int]:
    """The kind and number of GPUs of a job's node: `gpu:a100:4`."""
    kind, _, count = str(resources.get("gres", "")).removeprefix("gpu:").rpartition(":")
    return kind, int(count) if count.isdecimal() else 0


def _has_gpus(partition: Partition, asked: Resources) -> bool:
    kind, count = _gpus_asked(asked)
    return not count or any(one.has_gpus(kind, count) for one in partition.nodes)


def check_gpus(cluster: Cluster) -> Finding:
    """Whether nodes have the GPUs that jobs ask for."""
    _, unfit = cluster.fitting(_has_gpus, last=False)
    asked = cluster.asked_for("gres")
    have = {
        f"{kind + ':' if kind else ''}{count} in {one.name}"
        for one in cluster.slurm.partitions.values()
        for nodes in one.nodes
        for kind, count in nodes.gpus.items()
    }
    if unfit:
        wanted = _listed(sorted({str(one.first["gres"]) for one in unfit}))
        rules = _listed([one.rule for one in unfit])
        where = f"nodes have {_listed(sorted(have))}" if have else "sinfo lists no GPUs"
        do = (
            f"set gpus, train_gpus and gpu_partition in {cluster.profile.file}; {where}"
        )
        return fault(f"no node of its partition has {wanted} ({rules})", do)
    return ok(
        f"nodes have {_listed(sorted(asked))}" if asked else "no rule asks for any"
    )


def _in_time(partition: Partition, asked: Resources) -> bool:
    return partition.minutes is None or asked["runtime"] <= partition.minutes


def check_time(cluster: Cluster) -> Finding:
    """Whether jobs ask for no more time than partitions give."""
    limits = {
        f"{one.name} {one.minutes} min"
        for asked in cluster.plan.submitted
        for one in cluster.partitions_for(asked.first)
        if one.minutes is not None
    }
    told = f"limits: {_listed(sorted(limits))}" if limits else "no limits"
    do = (
        "set longest, or resources: {RULE: {runtime: …}}, or a partition with more "
        f"time, in {cluster.profile.file}"
    )
    return _fits(cluster, _in_time, "runtime", "minutes", told, do)


def _fitting_nodes(partition: Partition, asked: Resources) -> list[Nodes]:
    """The nodes of a partition that have what one of a job's nodes asks for."""
    kind, count = _gpus_asked(asked)
    cpus = int(asked.get("cpus_per_task") or asked.get("_cores", 1))
    return [
        one
        for one in partition.nodes
        if (not count or one.has_gpus(kind, count))
        and partition.most("MaxMemPerNode", found=one.memory) >= asked["mem_mb"]
        and partition.most("MaxCPUsPerNode", found=one.cpus) >= cpus
    ]


def _has_nodes(partition: Partition, asked: Resources) -> bool:
    found = _fitting_nodes(partition, asked)
    return sum(one.count for one in found) >= int(asked.get("nodes", 1))


def check_memory(cluster: Cluster) -> Finding:
    """Whether nodes have the memory, and the CPUs, that jobs ask for."""
    largest = {
        f"{one.name} {max(nodes.memory for nodes in one.nodes)} MB, "
        f"{max(nodes.cpus for nodes in one.nodes)} CPUs"
        for asked in cluster.plan.submitted
        for one in cluster.partitions_for(asked.first)
    }
    told = f"largest nodes: {'; '.join(sorted(largest)) or 'unknown'}"
    do = (
        f"cap it in {cluster.profile.file}, resources: "
        '{RULE: {mem_mb: "min(16000 * attempt, 60000)"}}; cpus and nodes likewise'
    )
    return _fits(cluster, _has_nodes, "mem_mb", "MB", told, do)


def _fits(
    cluster: Cluster,
    fits: Callable[[Partition, Resources], bool],
    key: str,
    unit: str,
    told: str,
    do: str,
) -> Finding:
    """Whether all jobs fit at their first try, and at their last."""
    for last, status in ((False, fault), (True, warning)):
        placed, unfit = cluster.fitting(fits, last)
        if unfit:
            most = [
                f"{one.rule} {(one.last if last else one.first)[key]} {unit}"
                for one in unfit
            ]
            which = "last" if last else "first"
            seen = f"more is asked for at the {which} try: {_listed(most)}; {told}"
            return status(seen, do)
    most = max((one.last[key] for one in placed), default=0)
    return ok(f"no try asks for more than {most} {unit}; {told}")


def check_memory_of_jobs(cluster: Cluster) -> Finding:
    """Whether squeue knows jobs that have ended for as long as Snakemake asks."""
    if not cluster.profile.by_squeue:
        return ok("jobs are not asked about by squeue")
    remembered, first = cluster.slurm.remembers, cluster.profile.first_look
    if remembered is None:
        do = "ask the cluster's people for how long squeue lists a job that has ended"
        return warning("scontrol show config does not tell it", do)
    file, sacct = cluster.profile.file, "or set slurm-status-command: sacct there"
    if remembered < 3 * first:
        do = (
            f"set slurm-init-seconds-before-status-checks to {remembered // 3} or less "
            f"in {file}, {sacct}"
        )
        seen = (
            f"squeue forgets jobs after {remembered} s; asked about from {first} s on"
        )
        return fault(f"{seen}, it must be three times that", do)
    if remembered < LONGEST_LOOK:
        seen = f"squeue forgets jobs after {remembered} s, looks are up to "
        do = f"have MinJobAge raised, {sacct}"
        return warning(f"{seen}{LONGEST_LOOK} s apart", do)
    return ok(f"squeue knows jobs for {remembered} s, asked about from {first} s on")


def sbatch_words(resources: Resources, *, minutes: int | None = None) -> list[str]:
    """The words of sbatch that ask for what the plugin would ask for.

    Args:
        resources: of a job.
        minutes: in place of its own time.
    """
    asked = {
        "--partition": resources.get("slurm_partition"),
        "--account": resources.get("slurm_account"),
        "--gres": resources.get("gres"),
        "--time": minutes or resources.get("runtime"),
        "--mem": resources.get("mem_mb"),
        "--cpus-per-task": resources.get("cpus_per_task") or resources.get("_cores"),
        "--nodes": resources.get("nodes"),
        "--qos": resources.get("qos"),
        "--constraint": resources.get("constraint"),
    }
    words = [f"{key}={value}" for key, value in asked.items() if value is not None]
    return [*words, *shlex.split(str(resources.get("slurm_extra") or ""))]


def check_submitting(cluster: Cluster) -> Finding:
    """Whether SLURM would take each kind of job: by sbatch --test-only."""
    kinds = {
        tuple(sbatch_words(cluster.placed(asked.first))): asked.rule
        for asked in cluster.plan.submitted
    }
    for words, rule in kinds.items():
        answer = ask("sbatch", "--test-only", *words, "--wrap=true")
        if answer.status is None:
            return fault("there is no sbatch here", "run this on the login node")
        if not answer.well:
            said = re.sub(r"^(sbatch: |error: |allocation failure: )+", "", answer.said)
            do = f"see what is above, or try: sbatch --test-only {' '.join(words)} …"
            return fault(f"would not take {rule}: {said}", do)
    return ok(f"would take each of {len(kinds)} kinds of jobs")
