"""What counts as relevant, how that was found, and whether people agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from arkiv.pages import Html, element, joined, number, table
from arkiv.report.page import paragraphs
from arkiv.trec import Qrels

Stats = Mapping[str, Any]

# What a method takes for relevant, as a sentence.
METHODS = {
    "known_item": "A passage counts as relevant if the query was made from it, no "
    "other.",
    "teacher_pool": "What several systems find first was pooled, and the reranker's "
    "scores decide what of it is relevant, and how much.",
    "llm_judge": "What several systems find first was pooled, and a language model "
    "graded it from 0 to 3.",
    "embedder": "What a strong embedder finds first counts as relevant, the more the "
    "higher it ranks; systems like it are favoured.",
    "file": "The judgements were given.",
}
# The numbers of build_gold.py by their titles, in their order.
NUMBERS = {
    "queries": "test queries",
    "queries_without_relevant": "of them without a relevant passage, not measured",
    "queries_trained_on": "of them trained on, which flatters the tuned model",
    "pooled": "query–passage pairs pooled",
    "ungraded": "of them without a grade",
    "pairs": "query–passage pairs judged",
    "relevant": "of them relevant",
    "near_duplicates": "relevant as near-duplicates of a relevant passage",
    "known_items": "passages that the queries were made from",
    "known_items_not_relevant": "of them not relevant by the method itself",
    "rejected": "judgements set aside",
}


def method_of(stats: Stats | None) -> str:
    """What counts as relevant, as a sentence."""
    method = (stats or {}).get("method", "known_item")
    return METHODS.get(method, f"The judgements are those of the method {method}.")


def counts(qrels: Qrels) -> dict[str, Any]:
    """What judgements hold, where nothing else says so."""
    grades = Counter(grade for judged in qrels.values() for grade in judged.values())
    return {
        "queries": len(qrels),
        "pairs": sum(grades.values()),
        "relevant": sum(count for grade, count in grades.items() if grade > 0),
        "grades": {str(grade): grades[grade] for grade in sorted(grades)},
    }


def numbers(stats: Stats) -> list[Html]:
    """Tables of what the judgements hold."""
    rows = [
        [words, number(stats[key])]
        for key, words in NUMBERS.items()
        if stats.get(key) is not None
    ]
    tables = [table(["count", "value"], rows, "The judgements")]
    if len(grades := stats.get("grades") or {}) > 1:
        tables.append(
            table(
                ["grade", "query–passage pairs"],
                [[grade, number(count)] for grade, count in grades.items()],
                "The judgements by grade; 0 is not relevant",
            )
        )
    scores = {name: of for name, of in (stats.get("scores") or {}).items() if of}
    if scores:
        shares = list(next(iter(scores.values())))
        tables.append(
            table(
                ["scores of", *(f"{float(share):.0%} are below" for share in shares)],
                [
                    [
                        name.replace("_", " "),
                        *(f"{of[share]:.2f}".replace("-", "−") for share in shares),
                    ]
                    for name, of in scores.items()
                ],
                "The scores by which the pool was graded",
            )
        )
    return tables


def strength(kappa: float) -> str:
    """An agreement in a word, after Landis and Koch (1977)."""
    words = ("slight", "fair", "moderate", "substantial", "almost perfect")
    if kappa < 0:
        return "worse than chance"
    return words[min(int(kappa * 5), 4)]


def measured(value: Mapping[str, float]) -> str:
    """A kappa with its interval."""
    given = f"{value['kappa']:.2f} [{value['low']:.2f}, {value['high']:.2f}]"
    return given.replace("-", "−")


def agreement_of(agreement: Mapping[str, Any]) -> list[Html]:
    """How far people and the machine agree."""
    binary, weighted = agreement["binary"], agreement.get("weighted")
    judges = ", ".join(
        f"{one['judge']} ({one['pairs']:,})" for one in agreement["judges"]
    )
    content = paragraphs(
        f"People judged {agreement['pairs']:,} pairs of {agreement['queries']:,} "
        f"queries that {agreement['machine']} has judged: {judges}. They agree on "
        f"{binary['agreement']:.0%} of them whether the passage is relevant: Cohen's "
        f"kappa {measured(binary)}, {strength(binary['kappa'])} (0 is chance, 1 "
        "perfect)."
    )
    if weighted:
        content += paragraphs(f"By grades (weighted kappa): {measured(weighted)}.")
    if agreement.get("unjudged"):
        content += paragraphs(
            f"{agreement['unjudged']:,} pairs of the sheet were left unjudged.",
            faint=True,
        )
    grades = list(map(str, agreement["grades"]))
    content.append(
        table(
            ["people said", *(f"machine: {grade}" for grade in grades)],
            [
                [grade, *map(number, row)]
                for grade, row in zip(grades, agreement["table"], strict=True)
            ],
            "Pairs by what people and the machine said",
        )
    )
    if between := agreement.get("between"):
        content.append(
            table(
                ["judges", "pairs of both", "kappa"],
                [
                    [
                        " and ".join(one["judges"]),
                        number(one["pairs"]),
                        f"{one['kappa']:.2f}".replace("-", "−"),
                    ]
                    for one in between
                ],
                "Agreement between people",
            )
        )
    return content


def section(
    stats: Stats | None, qrels: Qrels, agreement: Mapping[str, Any] | None
) -> Html:
    """The section.

    Args:
        stats: of build_gold.py.
        qrels: the judgements, counted where there are no statistics.
        agreement: between people and the machine.
    """
    content = [*paragraphs(method_of(stats)), *numbers(stats or counts(qrels))]
    content.append(element("h3", "Do people agree?"))
    if agreement and agreement["pairs"]:
        content += agreement_of(agreement)
    else:
        content += paragraphs("No person has judged a sample of it yet.")
    return joined(*content)
