"""Write a test collection in the layout of BEIR, which MTEB loads too.

A directory with `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`, which are BEIR's.
A card (README.md) names them as MTEB and `datasets.load_dataset` look for them:
`load_dataset(DIR, "corpus")`, `"queries"`, and `"default"` for the judgements, which
these read from `qrels/test.jsonl`, for all files of theirs must be of one format.
Both measure every query that is judged: those without a relevant passage, which our
means leave out, would count as 0, and have no judgements there.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator

import yaml

from arkiv.base.cli import parser, run
from arkiv.base.files import write_records, written_whole
from arkiv.base.setting_flags import add_settings
from arkiv.gold.standard import relevant
from arkiv.retrieve.collection import SEARCHED, read_ordered
from arkiv.retrieve.trec import Qrels, read_qrels
from arkiv.settings.configuration import Export

log = logging.getLogger("export_collection")

CORPUS, QUERIES = "corpus.jsonl", "queries.jsonl"
QRELS, QRELS_TSV = "qrels/test.jsonl", "qrels/test.tsv"
JUDGEMENT = ("query-id", "corpus-id", "score")
# By configuration: its split, its file, and its columns, said so that ids made of
# digits stay texts.
CONFIGURATIONS = {
    "default": ("test", QRELS, JUDGEMENT),
    "corpus": ("corpus", CORPUS, ("_id", "title", "text")),
    "queries": ("queries", QUERIES, ("_id", "text")),
}
TYPES = {"score": "int32"}


def card(language: Iterable[str]) -> str:
    """The README.md of the directory, its front matter read by `datasets`."""
    front = {
        "language": list(language),
        "task_categories": ["text-retrieval"],
        "configs": [
            {"config_name": name, "data_files": [{"split": split, "path": path}]}
            for name, (split, path, _) in CONFIGURATIONS.items()
        ],
        "dataset_info": [
            {
                "config_name": name,
                "features": [
                    {"name": column, "dtype": TYPES.get(column, "string")}
                    for column in columns
                ],
            }
            for name, (_, _, columns) in CONFIGURATIONS.items()
        ],
    }
    if not front["language"]:
        del front["language"]
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n# Test collection\n\nIn the layout of BEIR.\n"


def judgements(qrels: Qrels) -> Iterator[tuple[str, str, int]]:
    """Query, passage and relevance of what can be measured, in the order of the ids."""
    for query_id in sorted(relevant(qrels)):
        for passage_id, relevance in sorted(qrels[query_id].items()):
            yield query_id, passage_id, relevance


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__, corpus="JSONL", queries="JSONL", qrels="TREC", output="DIR"
    )
    add_settings(arguments, Export, "language")
    arguments = arguments.parse_args(argv)

    passages = read_ordered(arguments.corpus, keys=SEARCHED)
    queries = read_ordered(arguments.queries, queries=True)
    qrels = read_qrels(arguments.qrels)
    with written_whole(arguments.output) as beside:
        beside.mkdir()
        # BEIR has a title for each passage; without one, what is searched is the text.
        write_records(
            beside / CORPUS,
            ({"_id": row["id"], "title": "", "text": row["text"]} for row in passages),
        )
        write_records(
            beside / QUERIES,
            ({"_id": row["id"], "text": row["query"]} for row in queries),
        )
        judged = write_records(
            beside / QRELS,
            (dict(zip(JUDGEMENT, one, strict=True)) for one in judgements(qrels)),
        )
        with open(beside / QRELS_TSV, "w", encoding="utf-8") as out:
            for one in (JUDGEMENT, *judgements(qrels)):
                out.write("\t".join(map(str, one)) + "\n")
        (beside / "README.md").write_text(card(arguments.language), encoding="utf-8")
    log.info(
        "%d passages, %d queries, %d judgements", len(passages), len(queries), judged
    )


if __name__ == "__main__":
    sys.exit(run(main))
