"""Judges of passages: a language model's answers, and a sheet that was filled in."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from chat import completion

from arkiv.base.hashing import content_id
from arkiv.retrieve.trec import Qrels


def grade(request: dict) -> dict:
    """A grade that depends on the prompt alone, mostly in the form that is wanted."""
    number = int(content_id(request["messages"][0]["content"]), 16)
    words = ("{}", "Betyg: {}", "**{}**", "{} av 3", "Svårt att säga.")
    return completion(words[number // 4 % len(words)].format(number % 4))


def filled(sheet: Path, path: Path, grades: Qrels) -> int:
    """What a judge makes of the sheet, who says by and large what the machine says."""
    draw = np.random.default_rng(0)
    with open(sheet, encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        rows = list(table)
    for row in rows:
        known = grades[row["query_id"].lstrip("'")].get(
            row["passage_id"].lstrip("'"), 0
        )
        row["relevance"] = known if draw.random() < 0.8 else draw.integers(0, 4)
    with open(path, "w", encoding="cp1252", errors="replace", newline="") as file:
        out = csv.DictWriter(file, table.fieldnames, delimiter=";")
        out.writeheader()
        out.writerows(rows)
    return len(rows)
