"""Make query-passage pairs of the search page's verdicts on another run.

A passage that people call relevant becomes a positive of its query, one that they call
not relevant a hard negative. Texts and where they stand are those of the judged run's
collection. What other datasets of this run hold out for dev and test is never learnt
from, nor is any test query of the judged run; all that is set aside is counted.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from arkiv.base.cli import add_on_bad_input, parser, run
from arkiv.base.declared import plain
from arkiv.base.errors import InputError
from arkiv.base.files import Record, read_records, write_json, write_records
from arkiv.base.hashing import text_key
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.pairs.elsewhere import Elsewhere
from arkiv.pairs.periods import Periods
from arkiv.pairs.provenance import settle_provenance
from arkiv.pairs.settings import Pairs, check_pairs
from arkiv.pairs.verdicts import Judged, Verdict, judged
from arkiv.retrieve.collection import check_query, read_passages
from arkiv.serve.judgements import RELEVANT, Verdicts

log = logging.getLogger("pair_verdicts")

DIVISION = ("group_by", "block_pages", "test_years", "dev_years")
GONE = "the judged run no longer has the passage"
TIE = "as many judges call the passage relevant as not"
TESTED = "its query is a test query of the judged run"
QUERY = "its query is held out for dev or test"
PASSAGE = "its passage, or what that lies in, is held out for dev or test"
LONELY = "no relevant passage is left for its query"


@dataclass
class Told:
    """Verdicts by what became of them.

    Attributes:
        aside: those set aside, each with its reason.
        counts: how many were taken as what.
    """

    aside: list[Record] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def set_aside(self, query: Judged, names: Iterable[str], reason: str) -> None:
        """Leave out what is said of these passages for a query."""
        relevant = dict.fromkeys(query.relevant, "relevant")
        said = relevant | dict.fromkeys(query.others, "not_relevant")
        for name in names:
            verdict = said.get(name, "tie")
            row = {"reason": reason, "query": query.query, "passage_id": name}
            self.aside.append(row | {"verdict": verdict})

    def keep(self, query: Judged, names: Iterable[str], reason: str) -> None:
        """Set aside what is said of all passages but these."""
        kept = set(names)
        self.set_aside(query, [name for name in query if name not in kept], reason)
        query.relevant = [name for name in query.relevant if name in kept]
        query.others = [name for name in query.others if name in kept]
        query.ties = [name for name in query.ties if name in kept]


def read_verdicts(path: str, skip: bool) -> tuple[list[Judged], Record, list[Record]]:
    """What the verdicts come to, what they are counted as, and lines that are none.

    Raises:
        InputError: no such file, no verdict, or the first line that is none, unless
            these are skipped.
    """
    if not Path(path).is_file():
        raise InputError("no such file", file=path)
    verdicts = Verdicts(path)
    bad = list(verdicts.rejected.values())
    if bad and not skip:
        raise InputError(
            f"{bad[0]['reason']}; expected a verdict of the search page. Mend the line,"
            " or have such lines set aside by `pairs.on_bad_input: skip`",
            file=path,
            line=bad[0]["line"],
        )
    latest = verdicts.latest()
    if not latest:
        raise InputError("holds no verdict that counts", file=path)
    queries = judged(
        Verdict(
            one["query"], one["query_id"], one["passage_id"], one["verdict"] == RELEVANT
        )
        for one in latest
    )
    counts = {
        "verdicts": len(latest),
        "judges": len({one["judge"] for one in latest}),
        "queries": len(queries),
        "disputed": sum(query.disputed for query in queries),
    }
    return queries, counts, bad


def passages_of(
    queries: list[Judged], arguments: argparse.Namespace, told: Told
) -> dict[str, Record]:
    """The judged passages, by id; what is said of those that are gone is set aside.

    Raises:
        InputError: some are gone, and that is not to be skipped; or a line of the
            corpus that is no passage.
    """
    wanted = {name for query in queries for name in query}
    found = read_passages(arguments.corpus, wanted)
    for passage in found.values():
        try:
            settle_provenance(passage)
        except InputError as fault:
            raise fault.at(arguments.corpus) from None
    gone = [(query, name) for query in queries for name in query if name not in found]
    if gone and arguments.on_bad_input == "stop":
        query, name = gone[0]
        raise InputError(
            f"judges {len(wanted - found.keys())} passages that {arguments.corpus} no "
            f"longer has, the first {name}, for {query.query!r}: that run has been made"
            " anew of other passages. Judge it again, or have these verdicts set aside "
            "by `pairs.on_bad_input: skip`",
            file=arguments.judgements,
        )
    for query in queries:
        told.keep(query, found, GONE)
    return found


def tested_by(path: str) -> tuple[set[str], set[int]]:
    """Ids, and keys of the texts, of the test queries of the judged run."""
    queries = [one for _, one in read_records(path, check_query)]
    return {one["id"] for one in queries}, {text_key(one["query"]) for one in queries}


def leave_out_held(
    queries: list[Judged],
    passages: dict[str, Record],
    arguments: argparse.Namespace,
    told: Told,
) -> None:
    """Set aside what this run's others hold out, and the judged run's test queries."""
    settings = settings_from(arguments, Pairs, *DIVISION)
    check_pairs(plain(settings))
    by_year = settings.group_by == "year"
    others = Elsewhere(
        settings.group_by,
        settings.block_pages,
        Periods(settings.test_years, settings.dev_years) if by_year else None,
    )
    others.read(passages.values(), arguments.corpora, arguments.held_out)
    for path in arguments.asked:
        rows = read_records(path, rejected=[])
        others.texts.update(text_key(str(row.get("query"))) for _, row in rows)
    ids, texts = tested_by(arguments.queries)
    held = {name for name, one in passages.items() if others.holds_passage(one)}
    for query in queries:
        if not ids.isdisjoint(query.query_ids) or text_key(query.query) in texts:
            told.keep(query, (), TESTED)
        elif others.holds(query.query):
            told.keep(query, (), QUERY)
        told.keep(query, passages.keys() - held, PASSAGE)


def rows_of(
    queries: list[Judged], passages: dict[str, Record], told: Told
) -> Iterator[Record]:
    """The pairs, of what is left."""
    for query in queries:
        told.keep(query, (*query.relevant, *query.others), TIE)
        if not query.relevant:
            told.keep(query, (), LONELY)
        told.counts["relevant"] += len(query.relevant)
        told.counts["not_relevant"] += len(query.others)
        yield from query.rows(passages)


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        judgements="JSONL verdicts of the search page",
        corpus="JSONL the collection of the run that was judged",
        queries="JSONL its test queries",
        corpora="[JSONL...] of this run's other datasets, divided: all passages",
        held_out="[JSONL...] their dev and test pairs",
        asked="[JSONL...] further test queries of this run",
        output="JSONL",
        stats="JSON",
    )
    arguments.add_argument(
        "--role", choices=("test",), help="what the pairs are for: nothing is held out"
    )
    add_settings(arguments, Pairs, *DIVISION)
    add_on_bad_input(arguments, Pairs)
    return arguments.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    skip = arguments.on_bad_input == "skip"
    queries, stats, bad = read_verdicts(arguments.judgements, skip)
    told = Told()
    passages = passages_of(queries, arguments, told)
    if not arguments.role:
        leave_out_held(queries, passages, arguments, told)
    rows = list(rows_of(queries, passages, told))
    reasons = Counter(row["reason"] for row in told.aside)
    if not rows:
        why = "; ".join(f"{count}: {reason}" for reason, count in reasons.items())
        raise InputError(
            f"leaves no pair of its {stats['verdicts']} verdicts ({why})",
            file=arguments.judgements,
        )
    stats |= {"pairs": write_records(arguments.output, rows)} | told.counts
    write_records(arguments.rejected, [*bad, *told.aside])
    stats |= {"bad_lines": len(bad), "set_aside": dict(sorted(reasons.items()))}
    write_json(arguments.stats, stats)
    log.info("%s", ", ".join(f"{key} {value}" for key, value in stats.items()))


if __name__ == "__main__":
    sys.exit(run(main))
