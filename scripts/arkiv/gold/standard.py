"""The gold standard: what a test collection holds to be relevant, and how much.

Read while the Snakefile is parsed: nothing heavy here.
Grades are whole numbers: 0 is not relevant, higher is more so. The measures take 1 and
above as relevant; nDCG weighs by the grade.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkiv.base.errors import InputError
from arkiv.base.files import Record, check_text, open_input
from arkiv.base.numbers import is_known_number

if TYPE_CHECKING:
    from arkiv.retrieve.trec import Qrels, Run

# Methods whose grades are those of a pool, part by part.
POOLED = ("teacher_pool", "llm_judge")
# What each method takes for relevant, for readers of the figures.
MEANINGS = {
    "known_item": "A passage counts as relevant if the query was made from it, or came "
    "with it in a ready pair.",
    "teacher_pool": "What the systems find first was graded by the teacher, which "
    "favours what it has taught; all else counts as not relevant.",
    "llm_judge": "What the systems find first was graded by a language model; all else "
    "counts as not relevant.",
    "embedder": "What another embedder finds first counts as relevant, graded by its "
    "rank, which favours models like it; all else counts as not relevant.",
    "file": "Relevant is what the judgements given with the configuration say; all "
    "else counts as not relevant.",
}
METHODS = tuple(MEANINGS)
# Whatever the method.
NEAR = "What has the same words as a relevant passage, or nearly so, counts as it does."
# Of a pool's grades.
HIGHEST = 3
# Of the scores of a pool that are told.
SHARES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)


def pool(
    runs: Iterable[Run], known: Qrels, query_ids: Iterable[str], depth: int
) -> Iterator[tuple[str, str]]:
    """Query and passage of each pair to be judged, in the order of their ids.

    They are the known items, and the first `depth` passages of each system.
    """
    runs = list(runs)
    for query_id in sorted(query_ids):
        found = set(known.get(query_id, ()))
        for ranked in runs:
            found.update(ranked.get(query_id, ())[:depth])
        for passage_id in sorted(found):
            yield query_id, passage_id


def grade_of(score: float, thresholds: Sequence[float]) -> int:
    """How many of the ascending thresholds a score reaches."""
    return bisect_right(thresholds, score)


def by_rank(passage_ids: Sequence[str]) -> dict[str, int]:
    """Grades of ranked passages: of n the first has n, the last 1."""
    return {key: len(passage_ids) - rank for rank, key in enumerate(passage_ids)}


def explained(metrics: Mapping[str, Any]) -> str:
    """What counted as relevant in metrics that measure_runs.py wrote, in sentences."""
    sentences = [MEANINGS[metrics["gold"]], NEAR]
    if left_out := metrics["queries_left_out"]:
        sentences.append(
            f"Test queries left out for want of a relevant passage: {left_out:,}."
        )
    return " ".join(sentences)


def judged_files(sheet: Mapping[str, Any]) -> list[str]:
    """The files of judgements that people have given."""
    judged = sheet["judged"] or []
    return [judged] if isinstance(judged, str) else judged


def holds_rankings(path: str | Path) -> bool:
    """Whether a file of judgements is JSON Lines of rankings, and not qrels.

    Raises:
        InputError: there is no such file.
    """
    with open_input(path) as file:
        return file.read(1 << 16).lstrip()[:1] == b"{"


def check_pooled(record: Record) -> None:
    """Refuse a record that is not a pair of a pool.

    Raises:
        InputError: naming the key at fault.
    """
    check_text(record, "query_id")
    check_text(record, "passage_id")


def check_graded(record: Record) -> None:
    """Refuse a record that is not a graded pair of a pool.

    Raises:
        InputError: naming the key at fault.
    """
    check_pooled(record)
    grade = record.get("grade")
    if type(grade) is not int or not 0 <= grade <= HIGHEST:
        raise InputError(
            f"is {grade!r}, expected a whole number from 0 to {HIGHEST}", key="grade"
        )
    if not is_known_number(record.get("score")):
        raise InputError("is not a number", key="score")


def with_known_items(qrels: Qrels, known: Qrels, grade: int) -> Qrels:
    """The judgements, each known item at least at a grade."""
    judged = {query_id: dict(grades) for query_id, grades in qrels.items()}
    for query_id, passage_ids in known.items():
        grades = judged.setdefault(query_id, {})
        for passage_id in passage_ids:
            grades[passage_id] = max(grade, grades.get(passage_id, 0))
    return judged


def relevant(qrels: Qrels) -> Qrels:
    """The judgements above 0, and the queries that have any."""
    kept = {
        query_id: {key: grade for key, grade in grades.items() if grade > 0}
        for query_id, grades in qrels.items()
    }
    return {query_id: grades for query_id, grades in kept.items() if grades}


def with_near_duplicates(
    qrels: Qrels, near: Mapping[str, Iterable[str]]
) -> tuple[Qrels, int]:
    """The judgements, near-duplicates of relevant passages at their grade.

    Those of a near-duplicate are not looked at: step by step one would come to
    something else.

    Returns:
        the judgements, and how many of them were added or raised.
    """
    judged = {query_id: dict(grades) for query_id, grades in qrels.items()}
    changed: set[tuple[str, str]] = set()
    for query_id, grades in relevant(qrels).items():
        for passage_id, grade in grades.items():
            for other in near.get(passage_id, ()):
                if grade > judged[query_id].get(other, 0):
                    judged[query_id][other] = grade
                    changed.add((query_id, other))
    return judged, len(changed)


def without_themselves(
    qrels: Qrels, themselves: Mapping[str, Container[str]]
) -> tuple[Qrels, int]:
    """The judgements but for those of queries on themselves.

    Args:
        themselves: of each query the passages that have its text, which no system is
            asked to find for it.

    Returns:
        the judgements that are left, and how many relevant passages were left out.
    """
    kept = {
        query_id: {
            key: grade
            for key, grade in grades.items()
            if key not in themselves.get(query_id, ())
        }
        for query_id, grades in qrels.items()
    }
    out = len(pairs_of(relevant(qrels))) - len(pairs_of(relevant(kept)))
    return {query_id: grades for query_id, grades in kept.items() if grades}, out


def pairs_of(qrels: Qrels) -> set[tuple[str, str]]:
    """Query and passage of each judgement."""
    return {(query_id, key) for query_id, grades in qrels.items() for key in grades}


def counts(qrels: Qrels, query_ids: Sequence[str]) -> dict[str, Any]:
    """What judgements of the test queries hold, as numbers."""
    return {
        "queries": len(query_ids),
        "queries_without_relevant": len(set(query_ids) - relevant(qrels).keys()),
        **by_grade(qrels),
    }


def by_grade(qrels: Qrels) -> dict[str, Any]:
    """How many pairs are judged, how many of them relevant, and how many by grade."""
    grades = Counter(grade for judged in qrels.values() for grade in judged.values())
    return {
        "pairs": sum(grades.values()),
        "relevant": sum(count for grade, count in grades.items() if grade > 0),
        "grades": {str(grade): grades[grade] for grade in sorted(grades)},
    }
