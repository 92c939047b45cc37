"""Show example searches side by side: what each system finds for the same query."""

from __future__ import annotations

import sys

from arkiv.cli import parser, run
from arkiv.collection import read_ordered
from arkiv.errors import InputError
from arkiv.files import Record
from arkiv.hashing import uniform
from arkiv.named import named
from arkiv.pages import Html, element, excerpt, joined, provenance, write_page
from arkiv.trec import Qrels, Run, read_qrels, read_run

SHOWN = 3


def relevant_to(query_id: str, qrels: Qrels) -> set[str]:
    """The passages judged relevant to a query."""
    judged = qrels.get(query_id, {})
    return {key for key, relevance in judged.items() if relevance > 0}


def hits(
    query: Record, ranked: list[str], relevant: set[str], passages: dict[str, Record]
) -> list[Html]:
    """The first passages of one system, and where the relevant one stands."""
    rank = next((n for n, key in enumerate(ranked, 1) if key in relevant), None)
    if rank is None:
        found = f"relevant passage not among the {len(ranked):,} found"
    else:
        found = f"first relevant passage at rank {rank:,}"
    items = []
    for place, key in enumerate(ranked[:SHOWN], start=1):
        passage = passages[key]
        good = key in relevant
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


def search(
    query: Record,
    relevant: set[str],
    runs: dict[str, Run],
    passages: dict[str, Record],
) -> Html:
    """One query and what every system finds."""
    asked = [
        joined(
            element("p", provenance(passages[key]), class_="faint"),
            element("p", passages[key]["text"], class_="excerpt"),
        )
        for key in sorted(relevant)
    ]
    columns = [
        element(
            "div",
            element("h3", system.replace("_", " ")),
            *hits(query, ranked.get(query["id"], []), relevant, passages),
        )
        for system, ranked in runs.items()
    ]
    return element(
        "section",
        element("h2", query["query"]),
        element(
            "details",
            element("summary", "The passage the query was made from"),
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
    qrels = read_qrels(arguments.qrels)
    queries = read_ordered(arguments.queries, queries=True)
    drawn = sorted(queries, key=lambda row: uniform(arguments.seed, "show", row["id"]))
    shown = drawn[: arguments.examples]
    wanted: set[str] = set()
    for query in shown:
        wanted |= relevant_to(query["id"], qrels)
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
            "mean that the query was made from this passage.",
        ),
        *(
            search(query, relevant_to(query["id"], qrels), runs, passages)
            for query in shown
        ),
    )


if __name__ == "__main__":
    sys.exit(run(main))
