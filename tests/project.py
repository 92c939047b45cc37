"""A copy of the project in a folder of its own, and Snakemake run in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import forks
import yaml

ROOT = Path(__file__).parents[1]
PARTS = (
    *("Snakefile", "rules", "scripts", "config", "profiles", "envs", "slurm"),
    "requirements.txt",
)


# Results that are directories, or where all are.
DIRECTORIES = ("models", "encodings", "collection/beir", "main/model", "main/export")
# BM25, one mode of the base model and two of the tuned: enough to walk every rule.
FEWER_SYSTEMS = dict.fromkeys(
    (
        "base_sparse",
        "base_multi_vector",
        "base_combined",
        "tuned_sparse",
        "tuned_multi_vector",
    )
)
FEWER_COMPARISONS = dict.fromkeys(
    ("tuned_sparse", "tuned_multi_vector", "tuned_combined")
)


# Every rule's name and what stands below it, perhaps on top of another rule's.
RULE = re.compile(
    r"^(?:use rule (?P<of>\w+) as |rule )(?P<name>\w+)(?: with)?:\n"
    r"(?P<body>.*?)(?=^\S|\Z)",
    re.MULTILINE | re.DOTALL,
)


def rules() -> dict[str, str]:
    """The text of each rule; of one that uses another, its own before the other's."""
    found = {
        rule["name"]: (rule["of"], rule["body"])
        for path in ROOT.glob("rules/*.smk")
        for rule in RULE.finditer(path.read_text(encoding="utf-8"))
    }

    def whole(name: str) -> str:
        of, body = found[name]
        return body + (whole(of) if of else "")

    return {name: whole(name) for name in sorted(found)}


def small(models, **overlay):
    """A configuration whose whole run takes about a minute."""
    config = {
        "run": "small",
        "parts": {"documents": 2, "queries": 2, "corpus": 2, "pairs": 2},
        "models": {
            "directory": str(models),
            "embedder": {"source": "tiny", "revision": None},
            "reranker": {"source": "tiny", "revision": None},
        },
        "documents": {"length_shares": [[20, 60, 1]]},
        "mining": {"passage_max_length": 256},
        "teacher": {"max_length": 256},
        "split": {"edges": [0, 100, 200]},
        "train": {
            "processes": 2,
            "args": {
                "max_steps": 4,
                "learning_rate": 1e-3,
                "passage_max_len": 128,
                "gradient_checkpointing": False,
                "save_strategy": "no",
            },
        },
        "evaluate": {
            "systems": dict(FEWER_SYSTEMS),
            "compare": dict(FEWER_COMPARISONS),
            "bootstrap": 200,
            "spelling": {"queries": 0},
        },
    }
    return config | overlay


# For a run whose parts and processes are not what it shows: one of each.
ONE_PART = dict.fromkeys(("documents", "queries", "corpus", "pairs"), 1)
ARCHIVE = {"court": {"example": {"cases": 150, "volumes": 10}}}


def program(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run one of the programs by itself, in a fork."""
    return subprocess.run(
        [
            forks.with_libraries().python,
            ROOT / "scripts" / f"{name}.py",
            *map(str, words),
        ],
        capture_output=True,
        text=True,
    )


def printed(code: str) -> str:
    """What a process of its own prints that runs code among our modules."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class Project:
    """The pipeline's files copied to `folder`; results stay there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in PARTS:
            if (ROOT / name).is_symlink():
                (folder / name).symlink_to((ROOT / name).readlink())
            elif (ROOT / name).is_dir():
                shutil.copytree(
                    ROOT / name,
                    folder / name,
                    # Compiled modules too, but for those being written just now.
                    ignore=shutil.ignore_patterns("*.pyc.*"),
                )
            else:
                shutil.copy(ROOT / name, folder / name)

    @classmethod
    def bare(cls, folder: Path) -> Self:
        """A directory without the pipeline's files, which is started from elsewhere."""
        project = cls.__new__(cls)
        project.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        return project

    def configure(self, name: str = "test.yaml", **config: object) -> Path:
        """Write a configuration overlay; return its path."""
        path = self.folder / name
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path

    def command(self, *words: object) -> list[str]:
        # The interpreter of the tests is the pipeline's: `python` in a rule finds it.
        return [sys.executable, "-m", "snakemake", *map(str, words)]

    @property
    def environment(self) -> dict[str, str]:
        binaries = str(Path(sys.executable).parent)
        return os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}

    @property
    def forking(self) -> dict[str, str]:
        """The environment in which the programs of the rules run in forks."""
        binaries = str(forks.with_libraries().python.parent)
        path = f"{binaries}{os.pathsep}{self.environment['PATH']}"
        return self.environment | {"PATH": path}

    def snakemake(
        self, *words: object, timeout: float = 900
    ) -> subprocess.CompletedProcess:
        """Run Snakemake in the folder, it and the programs of its rules in forks.

        Output and errors come together in `stdout`.
        """
        return subprocess.run(
            [forks.with_snakemake().python, *self.command(*words)[1:]],
            cwd=self.folder,
            env=self.forking,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
        )

    def commands(self, target: str, config: Path) -> dict[str, list[str]]:
        """The words of each program that a target would run, as often as it would."""
        done = self.dry_run("-p", target, "--configfile", config)
        assert done.returncode == 0, done.stdout
        found: dict[str, list[str]] = {}
        for name, words in re.findall(r"scripts/(\w+)\.py (.*)", done.stdout):
            found.setdefault(name, []).append(words)
        return found

    def dry_run(self, *words: object) -> subprocess.CompletedProcess:
        """What Snakemake would do."""
        return self.snakemake(*words, "-n")

    def take_for_done(self, *targets: str, options: Sequence[object]) -> None:
        """Leave every result of targets there, empty, as if it had been made so.

        Raises:
            AssertionError: Snakemake would still make something.
        """
        table = self.snakemake(*targets, "--summary", *options).stdout
        paths = [line.split("\t")[0] for line in table.splitlines()]
        paths = [path for path in paths if path.startswith(("models/", "results/"))]
        for path in paths:
            there = self.folder / path
            there.parent.mkdir(parents=True, exist_ok=True)
            if str(there.parent).endswith(DIRECTORIES) or path.endswith(DIRECTORIES):
                there.mkdir()
            else:
                there.touch()
        done = self.snakemake(*targets, "--touch", "-F", "--cores", "1", *options)
        assert done.returncode == 0, done.stdout
        assert self.planned(*targets, *options) == {}

    def planned(self, *words: object) -> dict[str, int]:
        """How often each rule would run, by a dry run.

        Raises:
            AssertionError: the dry run failed.
        """
        done = self.dry_run(*words)
        assert done.returncode == 0, done.stdout
        return job_counts(done.stdout)


def job_counts(output: str) -> dict[str, int]:
    """The rules and counts of Snakemake's table of jobs, without the total."""
    counts: dict[str, int] = {}
    lines = iter(output.splitlines())
    for line in lines:
        if line.startswith("Job stats:"):
            next(lines), next(lines)
            for row in lines:
                words = row.split()
                if len(words) != 2 or words[0] == "total":
                    break
                counts[words[0]] = int(words[1])
            break
    return counts


def records(path: Path) -> list[dict]:
    """The records of a JSON Lines file."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]
