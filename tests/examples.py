"""Pairs of the example archive, for tests of models."""

from __future__ import annotations

from collections.abc import Iterator

from arkiv.example.archive import case


def case_pairs(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """`count` pairs of a question and the text of the case that answers it."""
    for number in range(count):
        made = case(number, seed)
        yield made.question, made.text
