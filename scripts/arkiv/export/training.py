"""How the model was trained, with what, and hashes of what went in and came out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arkiv.base.markdown import (
    blocks,
    code,
    coded,
    counted,
    escaped,
    items,
    table,
    told,
)
from arkiv.evaluate.measures import title
from arkiv.export.about import About
from arkiv.export.forgetting import merged
from arkiv.train.offered import WITHOUT_EFFECT

# Arguments that say where files lay or how the log looked, not what was learnt.
UNTOLD = {
    *("model_name_or_path", "output_dir", "train_data", "trust_remote_code"),
    *WITHOUT_EFFECT,
}


def training(
    about: About,
    history: Mapping[str, Any],
    merge: Mapping[str, Any] | None = None,
) -> str:
    """How the model was trained, and how it was watched: the last time, of several; and
    what it was then averaged with, if it was."""
    steps = counted(history["steps"], "step")
    epochs = counted(round(history["epochs"], 2), "epoch")
    rows = f"{history['rows_used']:,} of {counted(history['rows_drawn'], 'row')}"
    processes = counted(history["world_size"], "process", "processes")
    minutes = f"{history['seconds'] / 60:,.1f} minutes"
    text = f"{steps} in {epochs}, each with {rows}; {minutes} in {processes}."
    if about.trainings > 1:
        text = (
            f"It was trained {about.trainings} times, each time from the model of the "
            f"time before; of the last: {text}"
        )
    if weights := history["weights"]:
        drawn = (f"{coded(name)} {weight:g} times" for name, weight in weights.items())
        text += f" Rows of some datasets were drawn by weight: {', '.join(drawn)}."
    if lora := history["lora"]:
        text += (
            f" Low-rank adapters (rank {lora['rank']}, alpha {lora['alpha']:g}) of "
            f"{', '.join(map(coded, lora['targets']))} were trained "
            "beside the heads, and are merged into the weights."
        )
    arguments = [
        [coded(name), coded(told(value))]
        for name, value in sorted(history["arguments"].items())
        if name not in UNTOLD and value not in (None, "")
    ]
    warned = [
        f"step {entry['step']:,}: {escaped(entry['warning'])}"
        for entry in history["warnings"]
    ]
    return blocks(
        "## Training",
        text,
        *_watched(history["evaluation"]),
        *merged(merge),
        *(["Warnings:", items(warned)] if warned else []),
        "FlagEmbedding's and Hugging Face's arguments, where they were set:",
        table(["Argument", "Value"], arguments, words=2),
    )


def _watched(evaluation: Mapping[str, Any] | None) -> list[str]:
    """What was measured while the model was trained."""
    if not evaluation:
        return ["It was not measured meanwhile: this is the model of the last step."]
    measure, entries = evaluation["measure"], evaluation["entries"]
    best = evaluation["best_step"]
    shown = {entry["step"]: entry["scores"] for entry in entries}
    times = counted(len(entries), "time")
    sizes = " and ".join(
        f"{size['queries']:,} {name} queries in {size['passages']:,} passages"
        for name, size in evaluation["collections"].items()
    )
    rows = []
    for name in evaluation["collections"]:
        for mode in shown[best][name]:
            means = (f"{shown[step][name][mode][measure]:.3f}" for step in (0, best))
            rows.append([name, hyphened(mode), *means])
    return [
        f"It was measured {times} meanwhile, on {sizes}. This is the model of step "
        f"{best:,}, the best by {hyphened(evaluation['mode'])} "
        f"{title(measure)} on the dev queries.",
        table(["Queries", title(measure), "Step 0", f"Step {best:,}"], rows, words=2),
    ]


def provenance(
    history: Mapping[str, Any],
    weights: Mapping[str, str],
    merge: Mapping[str, Any] | None = None,
) -> str:
    """Versions of the software, and hashes: SHA-256 of the weights, by file."""
    parts = [
        "## Versions and hashes",
        table(["Package", "Version"], history["versions"].items(), words=2),
        "SHA-256 of the weights, for `sha256sum --check`:",
        _digests(weights),
    ]
    if inputs := history.get("inputs"):
        read = {"the model at step 0": inputs["model"], **inputs["shards"]}
        parts += [
            "What training read, by the hash of its content (BLAKE2b, 128 bits):",
            _digests(read),
        ]
    if merge:
        averaged = merge["inputs"]
        named = {
            "the trained model": averaged["tuned"],
            "the other": averaged["other"],
        }
        parts += ["What was averaged, likewise:", _digests(named)]
    return blocks(*parts)


def _digests(named: Mapping[str, str]) -> str:
    """Hashes as `sha256sum` writes them."""
    return code("\n".join(f"{digest}  {name}" for name, digest in named.items()))


def hyphened(mode: str) -> str:
    """A mode of scoring in words."""
    return mode.replace("_", "-")
