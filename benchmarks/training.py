"""One training step at BGE-M3's vocabulary, against FlagEmbedding's own model."""

from __future__ import annotations

import math

from benchmarks import train_step
from benchmarks.bench import Bench, Result, require
from benchmarks.harness import Limit, Run

NAMES = {"arkiv": "arkiv", "flagembedding": "FlagEmbedding"}
# Of the loss, in float32.
TOLERANCE = 1e-5
# Texts that the large batch is encoded in parts of.
PART = 32


def training(bench: Bench) -> Result:
    """Compare forward and backward, each in processes of its own, in turn.

    Unlike elsewhere imports do not count: a training run has one of them and many
    steps. Memory is the most that the process has held, imports included.
    """
    length = bench.size(full=train_step.LENGTH, quick=32)
    runs: dict[str, list[Run]] = {name: [] for name in NAMES.values()}
    losses: dict[str, float] = {}
    for _ in range(bench.runs):
        for kind, name in NAMES.items():
            found = train_step.in_its_own_process(kind, "--length", str(length))
            runs[name].append(
                Run(found["seconds"], found["cpu_seconds"], found["peak_mb"])
            )
            losses[name] = found["loss"]
    many = {
        f"arkiv, {train_step.MANY_QUERIES} queries": (),
        f"likewise, {PART} texts at a time": ("--sub-batch-size", str(PART)),
    }
    large: dict[str, float] = {}
    for name, words in many.items():
        found = train_step.in_its_own_process("arkiv", "--many", *words)
        runs[name] = [Run(found["seconds"], found["cpu_seconds"], found["peak_mb"])]
        large[name] = found["loss"]
    whole, parts = many
    require(
        math.isclose(large[whole], large[parts], rel_tol=TOLERANCE),
        f"the losses in one and in parts differ: {large[whole]} and {large[parts]}",
    )
    ours, theirs = losses.values()
    require(
        math.isclose(ours, theirs, rel_tol=TOLERANCE),
        f"the losses differ: {ours} and {theirs}",
    )
    checks = [
        f"Both losses are {ours:.6f}, up to {TOLERANCE:g} of it; those of the large "
        f"batch {large[whole]:.6f}.",
        f"The large batch is of {train_step.MANY_QUERIES} queries with "
        f"{train_step.GROUP} passages of {train_step.MANY_LENGTH} tokens, at a "
        f"vocabulary of {train_step.SMALL_VOCABULARY:,}, with a body of six layers.",
    ]
    if bench.gpu:
        memory = train_step.GPU_MEMORY
        fits = [
            train_step.in_its_own_process(kind, "--gpu-memory", str(memory))
            for kind in NAMES
        ]
        longest = [f"{found['longest_passages']:,}" for found in fits]
        checks.append(
            f"Within {memory:g} GiB of the GPU a model of BGE-M3's shape trains on "
            f"passages of {longest[0]} tokens, FlagEmbedding's own on {longest[1]}."
        )
    return Result(
        f"A training step of {train_step.QUERIES} queries with {train_step.GROUP} "
        f"passages of {length:,} tokens each, at a vocabulary of "
        f"{train_step.VOCABULARY:,}, with a tiny body",
        runs,
        [
            Limit("wall", "arkiv", ("FlagEmbedding",), 0.25),
            Limit("memory", "arkiv", ("FlagEmbedding",), 0.2),
            Limit("memory", parts, (whole,), 0.5),
        ],
        checks,
    )
