"""Room on disk for what a run writes, in bytes and in files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arkiv.doctor.estimate import (
    bytes_below,
    dimensions,
    needed,
    passages_of,
    whole_input,
)
from arkiv.doctor.found import Finding, fault, ok, warning
from arkiv.doctor.plan import Plan
from arkiv.doctor.sizes import human
from arkiv.encode.workers import size_of
from arkiv.example.toys import TINY
from arkiv.settings.layout import local_source, model_directory
from arkiv.settings.uses import KIND_OF_ROLE

# Files of a job: outputs, counts, log, benchmark, and Snakemake's note of each; the
# demo makes 700 in 49 jobs.
FILES_PER_JOB = 15
# Seconds, for the sizes of large inputs.
LIMIT = 90
# Of a model that is not there yet: BGE-M3's, and a tiny one's.
MODEL_BYTES = 2_300_000_000
TINY_BYTES = 10_000_000
# A run takes at most so many times the estimate, as far as it was seen.
SAFE = 2


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    there = path.absolute()
    return next(one for one in (there, *there.parents) if one.exists())


def size_of_models(config: Mapping[str, Any]) -> dict[str, float]:
    """Bytes of the models of both roles; of those yet to come as BGE-M3 has them."""
    sizes = {}
    for role in KIND_OF_ROLE:
        wanted = config["models"][role]
        directory = model_directory(config, wanted, role, f"models.{role}")
        given = local_source(wanted)
        there = Path(given[0] if given else directory)
        to_come = TINY_BYTES if wanted["source"] == TINY else MODEL_BYTES
        sizes[role] = size_of(there) if there.is_dir() else to_come
    return sizes


def check_room(config: Mapping[str, Any], folder: Path) -> Finding:
    """Whether what the run writes has room beside what it has written already."""
    sizes = size_of_models(config)
    embedder = config["models"]["embedder"]
    directory = model_directory(config, embedder, "embedder", "models.embedder")
    given = whole_input(config["datasets"])
    parts = needed(config, given, dimensions(directory), sizes["embedder"])
    there = bytes_below(folder) if folder.is_dir() else 0
    whole = sum(parts.values())
    wanted = max(0, whole - there)
    if not Path(directory).is_dir():
        wanted += sum(sizes.values())
    place = existing(folder)
    free = shutil.disk_usage(place).free
    largest = sorted(parts, key=parts.get, reverse=True)[:2]
    told = " and ".join(f"{human(parts[one])} of {one}" for one in largest)
    passages, _ = passages_of(config, given)
    seen = (
        f"{human(free)} free at {place}; a run takes about {human(whole)} ({told}), "
        f"reckoned from {human(given.whole)} of input, some {passages:,.0f} passages"
    )
    if free < wanted:
        return fault(seen, f"make room, or link {folder} to a larger disk")
    if free < SAFE * wanted:
        return warning(seen, "it may not be enough: the estimate may be off by half")
    return ok(seen)


def check_files(folder: Path, plan: Plan) -> Finding:
    """Whether the disk takes as many files more."""
    place = existing(folder)
    found = os.statvfs(place)
    # Some filesystems have as many as there is room for, and say 0.
    if not found.f_files:
        return ok(f"{place} sets no limit")
    wanted = plan.jobs * FILES_PER_JOB
    seen = f"{found.f_favail:,} more files may be made; a run makes about {wanted:,}"
    if found.f_favail < wanted:
        return fault(seen, "remove files, or choose fewer parts in the configuration")
    return ok(f"{seen} in {plan.jobs:,} jobs")
