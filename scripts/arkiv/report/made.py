"""How the run was made: its configuration, versions, seed, commit and hashes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arkiv.base.html import Html, element, table
from arkiv.base.markdown import told
from arkiv.base.page import capped, folded, paragraph
from arkiv.report.jobs import Days

# In a configuration with hundreds of datasets.
MOST_SETTINGS = 150
MOST_HASHES = 60
PROJECT = Path(__file__).parents[3]

# Settings that differ from the defaults: value and default by key.
Differing = Mapping[str, tuple[Any, Any]]


def commit_of(folder: Path = PROJECT) -> str | None:
    """The commit of the pipeline, with a word where files differ from it.

    None where it is no git repository of its own, or there is no git.
    """
    if not (folder / ".git").exists():
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--exclude=*"]
    command += ["--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def settings(differing: Differing, trained: bool = True) -> Html:
    """A table of the settings that differ from the defaults.

    `trained` says that they are all; a baseline's name nothing that needs training.
    """
    if not differing:
        return paragraph("Every setting has its default.")
    rows = [
        [name, shown(value), shown(default)]
        for name, (value, default) in differing.items()
    ]
    return capped(
        ["setting", "is", "by default"],
        rows,
        f"The configuration{'' if trained else ', without what needs training,'} where "
        "it differs from config/config.yaml; of a path on the machine only the name is "
        "shown",
        most=MOST_SETTINGS,
        where="the configuration file of the run has all",
        words=3,
    )


def shown(value: object) -> str:
    """A value of the configuration for people."""
    return "–" if value is None else told(value)


def section(
    config: Mapping[str, Any],
    differing: Differing,
    history: Mapping[str, Any],
    weights: Mapping[str, str],
    commit: str | None,
    days: Days | None = None,
) -> Iterator[Html]:
    """The section; weights are those of the tuned model by file, as SHA-256.

    Without history and weights nothing was trained. Days are those of the jobs.
    """
    versions, inputs = history.get("versions") or {}, history.get("inputs") or {}
    yield paragraph(
        f"Run {config['run']}, seed {config['seed']}, arkiv at "
        + (f"commit {commit}." if commit else "an unknown commit.")
        + (f" {days.told()}" if days else "")
    )
    yield settings(differing, bool(history))
    if history:
        caption = "Versions that trained the model"
        yield table(["package", "version"], versions.items(), caption, words=2)
    if weights:
        caption = "The weights of the tuned model, as sha256sum has them"
        yield table(["file", "SHA-256"], coded(weights), caption, words=2)
    if inputs:
        read = {"the model at step 0": inputs["model"], **inputs["shards"]}
        hashes = capped(
            ["file", "BLAKE2b, 128 bits"],
            coded(read),
            "Inputs of the last training",
            most=MOST_HASHES,
            where="training/history.json has all",
            words=2,
        )
        yield folded("What training read, by the hash of its content", hashes)


def coded(hashes: Mapping[str, str]) -> list[list[object]]:
    """Files with their hashes, in the letters of code."""
    return [[name, element("code", digest)] for name, digest in hashes.items()]
