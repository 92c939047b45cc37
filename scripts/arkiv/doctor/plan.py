"""What Snakemake plans for a configuration: its jobs, and what they ask for.

Asked of Snakemake itself, by a dry run with the profile, so that what rules and profile
say stands there alone.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

from arkiv.base.errors import InputError
from arkiv.doctor.command import ask
from arkiv.settings.command_line import Given
from arkiv.settings.config import PROJECT

# Seconds; 17,000 jobs take 19 s on two cores.
PLANNING = 240
MARK = "ARKIV-JOB "
# What Snakemake runs of a directory by itself; where there is none, it is started from
# elsewhere.
OWN = ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile")
# How Snakemake begins to tell one: `WorkflowError in file …, line 72:`.
FAULT = re.compile(r"\w*(Error|Exception)\b.*:$")
# Snakemake's own command line. A dry run tells each job, of which a message would be
# shown; this has it tell what the job asks for at its first and its last try.
TELLING = f"""
import json, sys
from snakemake.jobs import Job

def tell(job, *_, **__):
    workflow = job.dag.workflow
    asked = []
    for attempt in (1, workflow.execution_settings.retries + 1):
        job.attempt = attempt
        asked.append(dict(job.resources.items()))
    local = job.rule.name in workflow._localrules or job.rule.norun
    told = [job.rule.name, bool(local), job.threads, *asked]
    print({MARK!r} + json.dumps(told, default=str), flush=True)

Job.log_info = tell
from snakemake.cli import main
sys.argv[0] = "snakemake"
main()
"""


@dataclass(frozen=True)
class Asked:
    """What jobs of a rule ask for, alike in all of them."""

    rule: str
    local: bool
    """It runs where Snakemake does."""
    threads: int
    first: Mapping[str, Any]
    """Resources of the first try, by Snakemake's names."""
    last: Mapping[str, Any]
    """Those of the last try."""


class Plan:
    """The jobs of a whole run, as if nothing were made yet.

    Args:
        given: the configuration.
        profile: as Snakemake is given it, if it is.
    """

    def __init__(self, given: Given, profile: str | None = None) -> None:
        self._words = [sys.executable, "-c", TELLING, "--dry-run", "--forceall"]
        if not any(map(os.path.isfile, OWN)):
            self._words += ["--snakefile", f"{PROJECT}/Snakefile"]
        if profile:
            self._words += ["--profile", profile]
        self._words += given.words

    @cached_property
    def _told(self) -> list[list[Any]]:
        answer = ask(*self._words, limit=PLANNING)
        lines = answer.out.splitlines()
        if not answer.well:
            said = _fault(f"{answer.out}\n{answer.errors}")
            do = "mend it, for what jobs ask for is not known before"
            raise InputError(f"Snakemake cannot plan the run: {said}; {do}")
        marked = (line for line in lines if line.startswith(MARK))
        return [json.loads(line.removeprefix(MARK)) for line in marked]

    @property
    def jobs(self) -> int:
        """How many there are.

        Raises:
            InputError: Snakemake cannot plan them.
        """
        return len(self._told)

    @cached_property
    def asked(self) -> list[Asked]:
        """What each rule's jobs ask for; of a rule once for each that differs.

        Raises:
            InputError: Snakemake cannot plan them.
        """
        different = {json.dumps(told): told for told in self._told}
        return [Asked(*told) for told in different.values()]

    @property
    def submitted(self) -> list[Asked]:
        """Those that a cluster is asked for."""
        return [one for one in self.asked if not one.local]


def _fault(said: str) -> str:
    """Of what Snakemake says the fault: what follows the name of an exception."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    named = (n for n, line in enumerate(lines) if FAULT.match(line))
    if (number := next(named, None)) is None:
        return lines[-1].removeprefix("error: ") if lines else "it says nothing"
    told = takewhile(lambda line: not line.startswith("File "), lines[number + 1 :])
    return " ".join(told) or lines[number]
