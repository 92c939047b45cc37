"""How far human judges and the gold standard agree: Cohen's kappa.

Kappa is the agreement beyond what two who knew nothing of each other would reach by
giving each grade as often as they do (Cohen, A Coefficient of Agreement for Nominal
Scales, 1960; weighted by the squared distance of the grades: Cohen, Weighted Kappa,
1968).
Where both give one and the same grade to all, chance would do so too, and kappa has no
value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from statistics import median_low
from typing import Any

import numpy as np

from arkiv.evaluate.intervals import FEWEST_QUERIES, LEVEL, resampled
from arkiv.evaluate.required import DECIMALS
from arkiv.gold.sheet import Judged
from arkiv.gold.standard import HIGHEST
from arkiv.retrieve.trec import Qrels

ALL_ALIKE = "both give every pair the same grade, so that chance explains it all"


def kappa(tables: np.ndarray) -> np.ndarray:
    """Cohen's kappa of contingency tables; NaN where it has no value.

    Args:
        tables: (..., n_grades, n_grades), how often the first gave the grade of the row
            and the second that of the column.
    """
    grades = np.arange(tables.shape[-1])
    apart = np.subtract.outer(grades, grades) ** 2
    first, second = tables.sum(axis=-1), tables.sum(axis=-2)
    observed = (apart * tables).sum(axis=(-2, -1))
    expected = np.einsum("...i,ij,...j->...", first, apart, second)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = expected / first.sum(axis=-1)
        return np.where(expected > 0, 1 - observed / expected, np.nan)


def with_interval(tables: np.ndarray, samples: int, seed: int) -> dict[str, Any]:
    """Kappa of all queries together, with a bootstrap interval over the queries.

    Fewer than FEWEST_QUERIES have none. Samples in which kappa has no value are left
    out.

    Args:
        tables: (n_queries, n_grades, n_grades).
        samples: of the bootstrap, drawn by the seed.

    Returns:
        `{"kappa", "low", "high"}`; the ends are None without an interval, all are with
        a `reason` if kappa has no value.
    """
    found = with_reason(tables.sum(axis=0))
    n_queries, size, _ = tables.shape
    if found["kappa"] is None or n_queries < FEWEST_QUERIES:
        return {"kappa": None, "low": None, "high": None} | found
    flat = tables.reshape(n_queries, -1)
    drawn = np.concatenate(
        [
            kappa((counts @ flat).reshape(-1, size, size))
            for counts in resampled(n_queries, samples, seed)
        ]
    )
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail]).tolist()
    return found | {"low": round(low, DECIMALS), "high": round(high, DECIMALS)}


def with_reason(table: np.ndarray) -> dict[str, Any]:
    """Kappa of one table, or None with the reason."""
    value = float(kappa(table))
    if np.isnan(value):
        return {"kappa": None, "reason": ALL_ALIKE}
    return {"kappa": round(value, DECIMALS)}


def binary(tables: np.ndarray) -> np.ndarray:
    """Tables of not relevant and relevant, (..., 2, 2); every grade above 0 is."""
    return np.add.reduceat(np.add.reduceat(tables, [0, 1], axis=-2), [0, 1], axis=-1)


def agreement(
    judged: Judged, qrels: Qrels, machine: str, *, samples: int, seed: int
) -> dict[str, Any]:
    """How far judges and the gold standard, and judges among themselves, agree.

    What several judges say of a pair counts once, as the middle of their grades (the
    lower one of two). Grades of a gold standard that go beyond the judges' scale are
    compared as relevant or not only; grades are weighed on a scale of both alone.

    Args:
        judged: what the judges say, of at least one pair.
        qrels: the gold standard; what it lacks has grade 0.
        machine: its method.
        samples: as `with_interval`, likewise the seed.
    """
    pairs = sorted(judged.grades)
    rows = {key: row for row, key in enumerate(sorted({pair[0] for pair in pairs}))}
    human = [median_low(judged.grades[pair].values()) for pair in pairs]
    machines = [max(0, qrels.get(query, {}).get(key, 0)) for query, key in pairs]
    said = max(grade for given in judged.grades.values() for grade in given.values())
    known = max((max(given.values()) for given in qrels.values() if given), default=0)
    if known > HIGHEST:
        # On another scale: that of ranks, or whatever a file has.
        human, machines = (
            [int(grade > 0) for grade in grades] for grades in (human, machines)
        )
    size = max(1, *human, *machines) + 1
    tables = np.zeros((len(rows), size, size))
    for (query_id, _), one, other in zip(pairs, human, machines, strict=True):
        tables[rows[query_id], one, other] += 1
    of_two = binary(tables)
    judges = Counter(judge for given in judged.grades.values() for judge in given)
    # Who says 1 for relevant does not mean the least of three grades, nor does a rank.
    graded = size > 2 and min(said, known) > 1 and machine != "embedder"
    same = np.trace(of_two.sum(axis=0)) / len(pairs)
    return {
        "machine": machine,
        "pairs": len(pairs),
        "queries": len(rows),
        "unjudged": len(judged.open),
        "elsewhere": len(judged.elsewhere),
        "judges": [{"judge": one, "pairs": judges[one]} for one in sorted(judges)],
        "binary": {
            "agreement": round(float(same), DECIMALS),
            **with_interval(of_two, samples, seed),
        },
        "weighted": with_interval(tables, samples, seed) if graded else None,
        "grades": list(range(size)),
        "table": tables.sum(axis=0).astype(int).tolist(),
        "between": _between(judged.grades),
    }


def _between(
    grades: Mapping[tuple[str, str], Mapping[str, int]],
) -> list[dict[str, Any]]:
    """Kappa of any two judges over the pairs of both, relevant or not."""
    tables: dict[tuple[str, str], np.ndarray] = {}
    for given in grades.values():
        for judges in combinations(sorted(given), 2):
            table = tables.setdefault(judges, np.zeros((2, 2)))
            table[tuple(int(given[judge] > 0) for judge in judges)] += 1
    return [
        {"judges": list(judges), "pairs": int(table.sum()), **with_reason(table)}
        for judges, table in sorted(tables.items())
    ]
