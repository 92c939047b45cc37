"""Compare the judgements of people with the gold standard, and with each other.

Reads sheets of sample_judgements.py that were filled in, wholly or in part, and the
search page's judgements.jsonl or the CSV that it offers. Writes Cohen's kappa with a
95 % bootstrap interval over the queries. Lines of judgements.jsonl that are no verdicts
on this run's passages are set aside and counted.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.files import Record, write_json
from arkiv.base.setting_flags import add_settings
from arkiv.evaluate.settings import Measuring
from arkiv.gold.agreement import agreement
from arkiv.gold.sheet import Judgement, gathered, read_sheet
from arkiv.retrieve.collection import read_ordered
from arkiv.retrieve.trec import read_qrels
from arkiv.serve.judgements import read_verdicts

log = logging.getLogger("compare_judgements")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        judged="FILE... CSV, or JSONL",
        corpus="JSONL",
        queries="JSONL",
        qrels="TREC",
        machine="METHOD of the gold standard",
        output="JSON",
    )
    add_settings(arguments, Measuring, "bootstrap")
    add_settings(arguments, Seeded)
    arguments = arguments.parse_args(argv)

    queries = {row["id"] for row in read_ordered(arguments.queries, queries=True)}
    passages = {row["id"] for row in read_ordered(arguments.corpus)}
    judgements: list[Judgement] = []
    rejected: list[Record] = []
    for path in arguments.judged:
        if Path(path).suffix == ".jsonl":
            judgements += read_verdicts(
                path, queries=queries, passages=passages, rejected=rejected
            )
        else:
            judgements += read_sheet(path)
    judged = gathered(judgements, queries, passages)
    if not judged.grades:
        raise InputError(
            "holds no judgement on a test query of this run",
            file=", ".join(arguments.judged),
        )
    if judged.elsewhere:
        log.warning(
            "%d judgements are on queries that are no test queries of this run",
            len(judged.elsewhere),
        )
    found = agreement(
        judged,
        read_qrels(arguments.qrels),
        arguments.machine,
        samples=arguments.bootstrap,
        seed=arguments.seed,
    )
    found["set_aside"] = len(rejected)
    write_json(arguments.output, found)
    log.info("%d pairs, kappa %s", found["pairs"], found["binary"]["kappa"])


if __name__ == "__main__":
    sys.exit(run(main))
