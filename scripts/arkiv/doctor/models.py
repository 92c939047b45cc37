"""The models of a run: there, or to be had where the rules fetch them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.doctor.found import Check, Finding, fault, ok, warning
from arkiv.doctor.sizes import human
from arkiv.encode.ahead import Use, check_ahead
from arkiv.encode.body import CONFIG
from arkiv.encode.hub import offered
from arkiv.encode.workers import size_of
from arkiv.example.toys import TINY
from arkiv.settings.layout import local_source, models_wanted

# Seconds for the hub, which is tried more than once.
HUB = 60


def checks(config: Mapping[str, Any]) -> Iterator[Check]:
    """One check of each model that a run is given."""
    try:
        models = models_wanted(config)
    except InputError as error:
        # Of one that is there already, as Snakemake would say it.
        yield Check("models", partial(_refused, error))
        return
    for directory, (use, wanted) in models.items():
        name = Path(str(wanted["source"])).name
        if wanted["source"] == TINY:
            name = Path(directory).name
        look = partial(check_model, Path(directory), use, wanted)
        yield Check(f"model {name}", look, HUB)


def _refused(error: InputError) -> Finding:
    raise error


def check_model(directory: Path, use: Use, wanted: Mapping[str, Any]) -> Finding:
    """Whether a model is there whole, or can be fetched."""
    source, revision = wanted["source"], wanted.get("revision")
    given = local_source(wanted)
    there = Path(given[0]) if given else directory
    if given or (directory / CONFIG).is_file():
        try:
            check_ahead(there, use)
        except InputError as error:
            if given:
                raise
            return fault(str(error), f"remove {directory}, and a run makes it again")
        return ok(f"{there}, {human(size_of(there))}; jobs need no network for it")
    if source == TINY:
        return ok("is built on the spot")
    try:
        size = offered(source, revision, use.kind)
    except ModuleNotFoundError as error:
        # As on a login node, where rules have it in their environment.
        seen = (
            f"{source} is not there yet; no {error.name} for this Python to ask for it"
        )
        return warning(seen, "a run fetches it first, in the environment m3")
    where = f"from the hub, {human(size)}" if size else "from the hub's cache"
    return ok(f"{source} at {(revision or 'main')[:12]} can be had {where}")
