"""GPUs: the driver, what torch and faiss see of it, precisions, two processes."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.doctor.command import Answer, ask, ours
from arkiv.doctor.found import Check, Finding, fault, ok, warning
from arkiv.encode.options import promised_gpus
from arkiv.encode.settings import Models
from arkiv.train.launch import environment, torchrun_command

# Seconds to import torch from a slow filesystem, and for two processes to meet.
IMPORTING, MEETING = 180, 240
# In which precision training is asked to compute.
TRAINED = {"fp16": "float16", "bf16": "bfloat16"}


class Seen:
    """What the driver says, and what probes see in processes of their own; asked once.

    Args:
        python: which has torch and faiss.
    """

    def __init__(self, python: str = sys.executable) -> None:
        self.python = python

    @cached_property
    def driver(self) -> Answer:
        """What nvidia-smi says."""
        return ask("nvidia-smi")

    @cached_property
    def cuda(self) -> str:
        """The newest CUDA that the driver takes, if it says so."""
        found = re.search(r"CUDA Version: *([\d.]+)", self.driver.out)
        return found[1] if found else ""

    @cached_property
    def gpus(self) -> list[str]:
        """The names of the GPUs that the driver sees."""
        answer = ask("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
        return answer.out.splitlines() if answer.well else []

    @cached_property
    def torch(self) -> dict[str, Any]:
        """See `arkiv.doctor.probe`."""
        return self._probed("torch")

    def faiss(self) -> dict[str, Any]:
        """See `arkiv.doctor.probe`."""
        return self._probed("faiss")

    def _probed(self, what: str) -> dict[str, Any]:
        """What a probe sees.

        Raises:
            InputError: it ended otherwise, such as for want of the library.
        """
        words = ours("arkiv.doctor.probe", what, python=self.python)
        answer = ask(*words, limit=IMPORTING)
        if not answer.well:
            reason = f"{answer.said}; make install, or mend what it names"
            raise InputError(reason, file=self.python)
        return json.loads(answer.out.splitlines()[-1])


def checks(config: Mapping[str, Any], python: str = sys.executable) -> Iterator[Check]:
    """What there is to see of GPUs.

    Args:
        config: the configuration, for what the run is to do with them.
        python: which has torch and faiss.
    """
    seen = Seen(python)
    yield Check("GPU driver", partial(check_driver, seen, config))
    yield Check("torch", partial(check_torch, seen), IMPORTING + 1)
    yield Check("precision", partial(check_precision, seen, config), IMPORTING + 1)
    yield Check("faiss", partial(check_faiss, seen), IMPORTING + 1)
    interface = config["train"]["interface"]
    look = partial(check_processes, interface, python)
    yield Check("two processes", look, MEETING + 1)


def check_driver(seen: Seen, config: Mapping[str, Any]) -> Finding:
    """Which GPUs the driver sees."""
    answer = seen.driver
    if answer.status is None:
        if promised := promised_gpus():
            lacking = f"{promised} GPU(s) are given to this job, and no nvidia-smi here"
            return warning(lacking, "ask the cluster's people for the node's driver")
        none = "no nvidia-smi here: models run on the CPU"
        if config["models"]["embedder"]["source"] == Models().embedder.source:
            do = "on a CPU see config/laptop.yaml; BGE-M3 takes days there"
            return warning(none, do)
        return ok(none)
    if not answer.well:
        return fault(f"nvidia-smi: {answer.said}", "have the driver mended")
    version = re.search(r"Driver Version: *([\d.]+)", answer.out)
    names = " and ".join(sorted({*seen.gpus}))
    driver = f"driver {version[1]}" if version else "driver"
    counted = f"{len(seen.gpus)} x {names}"
    return ok(f"{counted}, {driver}, CUDA {seen.cuda or 'unknown'}")


def check_torch(seen: Seen) -> Finding:
    """Whether torch sees the GPUs that there are."""
    found = seen.torch
    named = f"torch {found['version']}"
    if found["gpus"]:
        return ok(f"{named}, CUDA {found['cuda']}, sees {len(found['gpus'])} GPU(s)")
    if not seen.gpus:
        return ok(f"{named}, on the CPU")
    if found["cuda"] is None:
        do = "install a torch of the same version built for CUDA"
        return fault(f"{named} is built for CPUs alone", do)
    if seen.cuda and _numbers(seen.cuda) < _numbers(found["cuda"]):
        old = f"{named} needs CUDA {found['cuda']}, the driver has {seen.cuda}"
        return fault(old, "renew the driver, or install a torch for its CUDA")
    none = f"{named} for CUDA {found['cuda']} sees no GPU: {found['why_none']}"
    return fault(none, "look at CUDA_VISIBLE_DEVICES, and whether others hold the GPU")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")[:2]]


def check_precision(seen: Seen, config: Mapping[str, Any]) -> Finding:
    """Whether what the configuration asks for works here."""
    found = seen.torch
    models, args = config["models"], config["train"]["args"]
    asked = {models["precision"]} & {"float16", "bfloat16"}
    asked |= {kind for key, kind in TRAINED.items() if args.get(key)}
    if lacking := sorted(asked - {*found["types"]}):
        do = "set models.precision: auto; in train.args leave fp16 and bf16 away"
        return fault(f"{' and '.join(lacking)} is asked for, and fails here", do)
    if models["attention"] == "flash_attention_2" and not found["flash_attn"]:
        do = "set models.attention: auto, or install flash-attn"
        return fault("models.attention is flash_attention_2: no flash-attn here", do)
    flash = "flash-attn" if found["flash_attn"] else "torch's" * found["flash"]
    types = ", ".join(["float32", *found["types"]])
    return ok(f"{types}; flash attention: {flash or 'none'}")


def check_faiss(seen: Seen) -> Finding:
    """What searches for negatives."""
    found = seen.faiss()
    named = f"faiss {found['version']}"
    if found["gpus"]:
        return ok(f"{named} sees {found['gpus']} GPU(s)")
    if seen.gpus:
        return ok(f"{named} sees no GPU: torch searches there, with like results")
    return ok(f"{named}, on the CPU")


def check_processes(interface: str | None, python: str) -> Finding:
    """Whether two processes of this machine find each other as those of training do."""
    with tempfile.TemporaryDirectory(prefix="arkiv-doctor-") as scratch:
        words = torchrun_command(
            [], processes=2, module="arkiv.doctor.pair", python=python
        )
        given = environment(2, Path(scratch), interface)
        answer = ask(*words, limit=MEETING, environment=given)
    ways = [one for one in answer.out.split() if one in ("gloo", "nccl")]
    if answer.well and ways:
        return ok(f"add up by {' and '.join(ways)}")
    errors = [one for one in answer.errors.splitlines() if "Error" in one]
    said = errors[-1].strip() if errors else answer.said
    do = "see whether localhost answers; train.interface names a network interface"
    return fault(f"cannot add up by {'nccl' if 'gloo' in ways else 'gloo'}: {said}", do)
