"""Show example searches side by side: what each system finds for the same query."""

from __future__ import annotations

import sys

from arkiv.cli import parser, run
from arkiv.collection import read_ordered
from arkiv.errors import InputError
from arkiv.files import Record
from arkiv.gold import relevant
from arkiv.hashing import uniform
from arkiv.named import named
from arkiv.pages import Html, element, excerpt, joined, provenance, write_page
from arkiv.trec import Run, read_qrels, read_run

SHOWN = 3
# Of the relevant passages of a query.
MOST_RELEVANT = 10


def hits(
    query: Record,
    ranked: list[str],
    grades: dict[str, int],
    passages: dict[str, Record],
) -> list[Html]:
    """The first passages of one system, and where the relevant one stands."""
    rank = next((n for n, key in enumerate(ranked, 1) if key in grades), None)
    if not grades:
        found = "no passage is judged relevant"
    elif rank is None:
        found = f"relevant passage not among the {len(ranked):,} found"
    else:
        found = f"first relevant passage at rank {rank:,}"
    items = []
    for place, key in enumerate(ranked[:SHOWN], start=1):
        passage = passages[key]
        good = key in grades
        items.append(
            element(
                "li",
                element(
                    "div",
                    f"{place}. ",
                    element("span", "✓ relevant · ", class_="badge") if good else "",
                    provenance(passage),
                    class_="faint",
                ),
                element(
                    "p", excerpt(passage["text"], query["query"]), class_="excerpt"
                ),
                class_="relevant" if good else None,
            )
        )
    return [element("p", found, class_="faint"), element("ol", *items, class_="hits")]


def best_first(grades: dict[str, int]) -> list[str]:
    """The ids of the relevant passages that are shown, the highest grades first."""
    return sorted(grades, key=lambda key: (-grades[key], key))[:MOST_RELEVANT]


def search(
    query: Record,
    grades: dict[str, int],
    runs: dict[str, Run],
    passages: dict[str, Record],
) -> Html:
    """One query and what every system finds.

    Args:
        query: with `id` and `query`.
        grades: of the relevant passages by id.
        runs: by system.
        passages: all that are shown, by id.
    """
    graded = len(set(grades.values())) > 1
    asked = [
        joined(
            element(
                "p",
                f"grade {grades[key]} · " if graded else "",
                provenance(passages[key]),
                class_="faint",
            ),
            element("p", passages[key]["text"], class_="excerpt"),
        )
        for key in best_first(grades)
    ]
    if more := len(grades) - len(asked):
        asked.append(element("p", f"and {more:,} more", class_="faint"))
    columns = [
        element(
            "div",
            element("h3", system.replace("_", " ")),
            *hits(query, ranked.get(query["id"], []), grades, passages),
        )
        for system, ranked in runs.items()
    ]
    return element(
        "section",
        element("h2", query["query"]),
        element(
            "details",
            element("summary", "Relevant passages"),
            *asked,
        ),
        element("div", *columns, class_="systems"),
    )


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--corpus", required=True, metavar="JSONL")
    arguments.add_argument("--queries", required=True, metavar="JSONL")
    arguments.add_argument("--qrels", required=True, metavar="TREC")
    arguments.add_argument(
        "--runs",
        nargs="+",
        required=True,
        metavar="SYSTEM=TREC",
        help="the systems to show, in this order",
    )
    arguments.add_argument("--examples", type=int, default=10, help="queries to show")
    arguments.add_argument(
        "--seed", type=int, default=0, help="of the choice of queries"
    )
    arguments.add_argument("--output", required=True, metavar="HTML")
    arguments = arguments.parse_args(argv)

    runs = {
        system: read_run(path)
        for system, path in named(arguments.runs, "--runs").items()
    }
    qrels = relevant(read_qrels(arguments.qrels))
    queries = read_ordered(arguments.queries, queries=True)
    drawn = sorted(queries, key=lambda row: uniform(arguments.seed, "show", row["id"]))
    shown = drawn[: arguments.examples]
    wanted: set[str] = set()
    for query in shown:
        wanted.update(best_first(qrels.get(query["id"], {})))
        for ranked in runs.values():
            wanted.update(ranked.get(query["id"], [])[:SHOWN])
    passages = {
        row["id"]: row for row in read_ordered(arguments.corpus) if row["id"] in wanted
    }
    if lacking := wanted - passages.keys():
        raise InputError(
            f"lacks the passage {min(lacking)}, which a run or the judgements name",
            file=arguments.corpus,
        )
    write_page(
        arguments.output,
        "Example searches",
        element(
            "p",
            f"{len(shown):,} of {len(queries):,} test queries, drawn at random, and "
            f"the first {SHOWN} passages that each system finds. Words of the query "
            "are marked, also with another ending; ✓ and a double line at the side "
            "mean that the passage is relevant.",
        ),
        *(search(query, qrels.get(query["id"], {}), runs, passages) for query in shown),
    )


if __name__ == "__main__":
    sys.exit(run(main))
