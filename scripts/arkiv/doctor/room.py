"""Room on disk for what a run writes, in bytes and in files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from arkiv.doctor.estimate import (
    bytes_below,
    dimensions,
    input_of,
    needed,
    passages_of,
)
from arkiv.doctor.found import Check, Finding, fault, ok, warning
from arkiv.doctor.plan import Plan
from arkiv.doctor.sizes import human
from arkiv.encode.workers import size_of
from arkiv.example.toys import TINY
from arkiv.settings.layout import (
    local_source,
    models_wanted,
    prepared_model,
    run_folder,
)

# Files of a job: outputs, counts, log, benchmark, and Snakemake's note of each.
FILES_PER_JOB = 12
# Seconds, for the sizes of large inputs.
LIMIT = 90
# Of a model that is not there yet: BGE-M3's, and a tiny one's.
MODEL_BYTES = 2_300_000_000
TINY_BYTES = 10_000_000
# A run takes at most so many times the estimate, as far as it was seen.
SAFE = 2


def checks(config: Mapping[str, Any], plan: Plan) -> Iterator[Check]:
    """Room for the results, and for the models where they lie elsewhere."""
    folder = Path(run_folder(config))
    yield Check("room", partial(check_room, config, folder), LIMIT)
    yield Check("room in files", partial(check_files, folder, plan), LIMIT)


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    there = path.absolute()
    return next(one for one in (there, *there.parents) if one.exists())


def size_of_models(config: Mapping[str, Any]) -> dict[str, float]:
    """Bytes of each model by its directory; of those yet to come as BGE-M3 has them."""
    sizes = {}
    for directory, (_, wanted) in models_wanted(config).items():
        given = local_source(wanted)
        there = Path(given[0] if given else directory)
        to_come = TINY_BYTES if wanted["source"] == TINY else MODEL_BYTES
        sizes[directory] = size_of(there) if there.is_dir() else to_come
    return sizes


def check_room(config: Mapping[str, Any], folder: Path) -> Finding:
    """Whether what the run writes has room beside what it has written already."""
    sizes = size_of_models(config)
    embedder = prepared_model(config, "embedder")
    given = input_of(config["datasets"])
    parts = needed(config, given, dimensions(embedder), sizes[embedder])
    there = bytes_below(folder) if folder.is_dir() else 0
    whole = sum(parts.values())
    wanted = max(0, whole - there)
    wanted += sum(size for one, size in sizes.items() if not Path(one).is_dir())
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
