"""What the report says of systems that the model to tune cannot be."""

from __future__ import annotations

# By why they are left out, as `arkiv.settings.heads` has it.
WITHOUT_HEADS = {
    "none": "The model is tuned for dense search alone (models.embedder.heads: "
    "none): no system searches by sparse or multi-vector scores.",
    "lacking": "The base model has no heads for sparse and multi-vector search: those "
    "of the tuned model are made new for its training, and what it finds by them is "
    "compared with the base model's dense search. Such a difference comes from the way "
    "of searching as well as from training.",
    "unknown": "Whether the base model has heads for sparse and multi-vector search "
    "was not known when the run was planned: what the tuned model finds by them is "
    "compared with the base model's dense search, a difference that comes from the way "
    "of searching as well as from training. If it has them, models.embedder.heads: own "
    "says so.",
}


def without_heads(why: str | None, heads: str | None) -> str | None:
    """Why default systems are missing, in a sentence or two; None: none is.

    Args:
        why: of `WITHOUT_HEADS`.
        heads: of the model that was trained first, by its history: own, new or none.
    """
    if why is None:
        return None
    return WITHOUT_HEADS["lacking" if (why, heads) == ("unknown", "new") else why]
