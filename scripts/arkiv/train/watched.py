"""What was watched in training: which ways of scoring ended below the base model.

One mode decides which step is kept. The others are measured at the same steps, and one
of them may have lost what it had: whoever searches by it is to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from arkiv.evaluate.measures import title


class Fall(NamedTuple):
    """A mode that is below its base at the kept step, on queries of a collection."""

    collection: str
    mode: str
    before: float
    after: float

    @property
    def figures(self) -> str:
        """What was measured, and of the base model."""
        return f"{self.after:.3f} against {self.before:.3f}"


def falls(evaluation: Mapping[str, Any]) -> list[Fall]:
    """The modes that ended below the base, by the measure that decides; the deciding
    mode first on each collection.

    Args:
        evaluation: as `training/history.json` has it.
    """
    measure, decides = evaluation["measure"], evaluation["mode"]
    scores = {entry["step"]: entry["scores"] for entry in evaluation["entries"]}
    base, kept = scores.get(0), scores.get(evaluation["best_step"])
    if base is None or kept is None:
        return []
    found = []
    for name in evaluation["collections"]:
        for mode in sorted(kept[name], key=lambda mode: mode != decides):
            before, after = (of[name][mode][measure] for of in (base, kept))
            if after < before:
                found.append(Fall(name, mode, before, after))
    return found


def warning(fall: Fall, evaluation: Mapping[str, Any]) -> str:
    """What is said of a fall while the model is trained."""
    step, decides = evaluation["best_step"], evaluation["mode"]
    measured = f"{title(evaluation['measure'])} {fall.figures}"
    if fall.mode == decides:
        return (
            f"the tuned model (step {step}) is below the base model on "
            f"{fall.collection} queries: {fall.mode} {measured}"
        )
    return (
        f"{fall.mode} search by the tuned model (step {step}, kept for its {decides} "
        f"search) is below that of the base model on {fall.collection} queries: "
        f"{measured}"
    )


def in_a_sentence(evaluation: Mapping[str, Any] | None) -> str:
    """Which modes ended below the base model; nothing where none did."""
    found = falls(evaluation) if evaluation else []
    if not found:
        return ""
    each = ", ".join(
        f"{fall.mode.replace('_', '-')} on {fall.collection} queries ({fall.figures})"
        for fall in found
    )
    measure, step = title(evaluation["measure"]), evaluation["best_step"]
    return (
        f"At the step that was kept ({step:,}) {measure} is below that of the base "
        f"model by {each}."
    )
