"""The command line of check_machine.py: which checks there are, in which order."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

from arkiv.base.cli import parser
from arkiv.base.errors import InputError
from arkiv.base.files import write_json
from arkiv.base.terminal import visible
from arkiv.doctor import (
    cluster,
    filesystem,
    gpus,
    jobs,
    language_model,
    models,
    partitions,
    pythons,
    room,
)
from arkiv.doctor.command import end_all
from arkiv.doctor.found import FAULT, Check, Finding, Told, ok, run, warning
from arkiv.doctor.plan import PLANNING, Plan
from arkiv.doctor.profile import Profile
from arkiv.doctor.slurm import Slurm
from arkiv.doctor.told import as_json, last_line, lines
from arkiv.settings.command_line import add_given, given_by
from arkiv.settings.divided import outgrown, with_parts
from arkiv.settings.layout import models_wanted, run_folder

USAGE = """\
Look this machine over before a run: one line per check, ok, warning or fault, with what
to do. With a profile of SLURM, the cluster too: what is asked of it, and by a job of
some seconds on a CPU node and on a GPU node how it looks there. Ends with status 1 on a
fault.
"""
# Of a run's directory, as the rules have it.
STARTED_WITH = "configuration.json"
# Seconds that such a job may wait in the queue.
PATIENCE = 120


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        USAGE,
        profile="[NAME] as given to Snakemake: slurm",
        write_partitions="[FILE] where the partitions go that the SLURM plugin chooses "
        "among by --slurm-partition-config",
    )
    add_given(arguments)
    arguments.add_argument("--json", action="store_true", help="for machines")
    arguments.add_argument(
        "--no-jobs", action="store_true", help="with SLURM: submit nothing"
    )
    arguments.add_argument(
        "--wait",
        type=float,
        default=PATIENCE,
        metavar="SECONDS",
        help="with SLURM: cancel a job that waits longer",
    )
    # Of what the doctor has a job do.
    for flag in ("--on-node", "--python"):
        arguments.add_argument(flag, help=argparse.SUPPRESS)
    arguments.add_argument("--gpus", action="store_true", help=argparse.SUPPRESS)
    arguments.add_argument("--models", nargs="*", default=[], help=argparse.SUPPRESS)
    return arguments.parse_args(argv)


class Doctor:
    """What is looked at, by the command line.

    Args:
        arguments: of `command_line`.
        stack: of what is to be ended at the end.
    """

    def __init__(self, arguments: argparse.Namespace, stack: ExitStack) -> None:
        self._arguments, self._stack = arguments, stack
        self._given = given_by(arguments)
        self._config: dict[str, Any] | None = None
        self._profile: Profile | None = None
        self._planned = False

    def checks(self) -> Iterator[Check]:
        """All checks, in order: the later ones are there if the first went well."""
        yield Check("python", pythons.check_python)
        yield Check("packages", pythons.check_packages)
        yield Check("configuration", self._read)
        slurm = self._profile is not None and self._profile.slurm
        prefix = self._profile.conda_prefix if self._profile else None
        yield from pythons.environment_checks(prefix)
        if self._config is None:
            return
        config, folder = self._config, Path(run_folder(self._config))
        yield Check("parts", partial(self._parts, folder))
        plan = Plan(self._given, self._arguments.profile)
        if not slurm:
            yield from gpus.checks(config)
        yield from models.checks(config)
        yield from language_model.checks(config)
        yield Check("plan", partial(self._plan, plan), PLANNING)
        yield Check("room", partial(room.check_room, config, folder), room.LIMIT)
        if self._planned:
            yield Check("room in files", partial(room.check_files, folder, plan))
        yield from filesystem.checks(folder)
        # What jobs ask a cluster for is not known where Snakemake cannot plan them.
        if slurm and self._planned:
            yield from self._of_slurm(cluster.Cluster(Slurm(), self._profile, plan))

    def _of_slurm(self, asked: cluster.Cluster) -> Iterator[Check]:
        yield from cluster.checks(asked)
        arguments = self._arguments
        if not asked.slurm.answers:
            return
        if file := arguments.write_partitions:
            yield Check("partition file", partial(_write_partitions, file, asked))
        if arguments.no_jobs:
            return
        made = pythons.made_environments(self._profile.conda_prefix)
        python = str(made["m3"] / "bin/python") if "m3" in made else sys.executable
        there = [one for one in models_wanted(self._config) if Path(one).is_dir()]
        words = ["--models", *there, *self._given.words]
        folder = Path(run_folder(self._config))
        submitted = jobs.Jobs(asked, words, folder, python, arguments.wait)
        self._stack.callback(submitted.end)
        yield from submitted.checks()

    def on_node(self, scratch: Path) -> Iterator[Check]:
        """What a job looks at."""
        given = self._arguments
        python = given.python or sys.executable
        config = self._given.read()
        models = list(map(Path, given.models))
        yield from jobs.on_node(scratch, config, models, python, given.gpus)

    def _read(self) -> Finding:
        """Read the configuration and the profile, for all that follow."""
        if name := self._arguments.profile:
            self._profile = Profile.named(name)
        config = self._given.read()
        self._config = with_parts(config, Path(run_folder(config), STARTED_WITH))
        words = ", ".join((*self._given.files, *self._given.values)) or "the defaults"
        with_profile = f", {self._profile.file}" if self._profile else ""
        return ok(f"{words}{with_profile}: run {self._config['run']}")

    def _parts(self, folder: Path) -> Finding:
        """Into how many parts stages are divided, and whether the data is too large."""
        if grown := outgrown(self._given.read(), folder / STARTED_WITH):
            seen, _, do = grown.rpartition("; ")
            return warning(seen, do)
        parts = self._config["parts"].items()
        return ok(", ".join(f"{stage} {number}" for stage, number in parts))

    def _plan(self, plan: Plan) -> Finding:
        """Have Snakemake plan the run, for all that follow."""
        seen = f"{plan.jobs:,} jobs, {len(plan.asked)} kinds of them"
        self._planned = True
        return ok(seen)


def _write_partitions(file: str, asked: cluster.Cluster) -> Finding:
    accounts = [one.first.get("slurm_account") for one in asked.plan.submitted]
    account = next(filter(None, accounts), None)
    count = partitions.write(file, asked.slurm, account and str(account))
    return ok(f"{count} partitions in {file}; look it through, it says how it is used")


def all_told(checks: Iterable[Check], *, shown: bool) -> list[Told]:
    """What all checks find, shown one by one as they do."""
    found: list[Told] = []
    for check in checks:
        for told in run(check):
            found.append(told)
            if shown:
                print("\n".join(lines(told)), flush=True)
    return found


def main(argv: list[str] | None = None) -> None:
    """Look at everything; end this process, whatever still hangs."""
    arguments = command_line(argv)
    if arguments.write_partitions and not arguments.profile:
        sys.exit("error: `--write-partitions`: is of a SLURM; give --profile slurm too")
    status = 1
    try:
        with ExitStack() as stack:
            status = looked_over(arguments, Doctor(arguments, stack))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        status = 130
    except BrokenPipeError:
        pass  # who read it has enough, as `head` does
    except InputError as error:
        print(visible(f"error: {error}"), file=sys.stderr)
    end_all()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(status)


def looked_over(arguments: argparse.Namespace, doctor: Doctor) -> int:
    """Run the checks and tell of them; the status to end with."""
    if arguments.on_node:
        scratch = Path(arguments.on_node)
        found = all_told(doctor.on_node(scratch), shown=False)
        told = json.loads(as_json(found))
        write_json(scratch / jobs.FOUND, told | {"node": socket.gethostname()})
        return 0
    found = all_told(doctor.checks(), shown=not arguments.json)
    print(as_json(found) if arguments.json else f"\n{last_line(found)}")
    return int(any(one.status == FAULT for one in found))
