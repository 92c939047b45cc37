"""Rows with values of any type in any field: read, or refused in one sentence.

Every program that reads rows is given a file of good rows with one faulty row among
them, by a seeded generator. A fault is one InputError that names file and line; any
other exception would be a traceback.
"""

import json
import random
import sys
from dataclasses import dataclass, field
from importlib import import_module

import pytest

from arkiv.base.cli import run
from arkiv.base.files import read_json
from arkiv.base.hashing import content_id

# Values of each type that JSON has, and what people and programs write by mistake.
ATOMS = (
    *(None, True, False, 0, 1, -1, 12, 12.0, 1.5, 1e308, -0.0, 10**400, 2**64),
    *("", " ", "text", "12", "12r", "0.9", "95", "NaN", "1e9", "1880-1890", "a b\tc"),
    *("\x00", "\x1b[31m", "\u2028", "a\nb", "train", "p0", "q0", "ä" * 5000),
)
# Written by hand: what is no JSON, or none that Python alone reads.
RAW = (
    *(b"", b" ", b"{", b"[]", b"null", b'"text"', b"1", b"\xff\xfe", b"\x1f\x8b"),
    *(b'{"query": "q", "pos": ["p"], "confidence": NaN}', b"[" * 5000, b"{}", b"\x00"),
    b'{"query": "\\ud800", "pos": ["p"]}',
    b'{"query": "q", "pos": ["p"], "first_page": 1' + b"0" * 5000 + b"}",
    b'{"query": "q", "query": [], "pos": ["p"]}',
    b'{"id": "x", "text": "t", "year": Infinity}',
)
PROVENANCE = {
    "volume": "v",
    "group": "g",
    "first_page": 3,
    "last_page": 4,
    "first_label": "3r",
    "last_label": "3v",
    "year": 1850,
    "year_to": 1851,
    "type": "letter",
    "title": "Brev",
    "reference": "A1",
    "about": [{"name": "a", "value": "b"}],
    "confidence": 0.9,
}


@dataclass
class Fed:
    """A program, and the file of rows that it is given.

    Attributes:
        script: its name.
        words: of its command line; `{name}` stands for a path in the test's folder.
        faulty: which of these files gets the faulty row.
        rows: what each file holds.
        more: optional fields of the faulty file's rows.
        model: the fixture of the model that it takes.
    """

    script: str
    words: str
    faulty: str
    rows: dict[str, list[dict]]
    more: dict = field(default_factory=dict)
    model: str | None = None


def pairs(count=6, **more):
    """Pairs with ids, negatives and more, as files between stages have them."""
    return [
        {
            "id": content_id(f"q{n}"),
            "query": f"q{n}",
            "pos": [f"p{n}"],
            "pos_ids": [content_id(f"p{n}")],
            "neg": [f"p{n + 1}"],
            "neg_ids": [content_id(f"p{n + 1}")],
            **more,
        }
        for n in range(count)
    ]


def ordered(rows):
    return sorted(rows, key=lambda row: row["id"])


PASSAGES = ordered({"id": content_id(f"p{n}"), "text": f"p{n}"} for n in range(8))
QUERIES = ordered({"id": content_id(f"q{n}"), "query": f"q{n}"} for n in range(6))
SCORES = {"pos_scores": [1.0], "neg_scores": [0.5]}
BESIDE = SCORES | {
    "pos_similarities": [0.5],
    "neg_similarities": [None],
    "neg_ranks": [3],
    "neg_sources": ["dense"],
}
READY = [{key: row[key] for key in ("query", "pos", "neg")} for row in pairs(20)]
SPLIT = (
    "--input {pairs} --train {out}/train --dev {out}/dev --test {out}/test --corpus "
    "{out}/corpus --mining {out}/mining --rejected {out}/rejected --stats {out}/stats"
)
LENGTHS = (
    "--pairs {pairs} --tokenizer {model} --edges 0 --outputs {out}/0 --log {out}/log "
    "--rejected {out}/rejected"
)
COLLECTION = (
    "--corpora {corpus} --tests {tests} --datasets d --corpus {out}/corpus --queries "
    "{out}/queries --known-items {out}/known --tokenizer {model}"
)
GOLD = (
    "--corpus {corpus} --queries {queries} --known-items {known} --trained {trained} "
    "--qrels {out}/qrels --stats {out}/stats --rejected {out}/rejected"
)
JOINED = {"corpus": PASSAGES, "tests": pairs()}
JUDGED = {
    "corpus": PASSAGES,
    "queries": QUERIES,
    "known": f"{content_id('q0')} 0 {content_id('p0')} 1\n",
    "trained": pairs(2),
}
RANKING = {"query": "q1", "documents": ["p1", "p2"]}
PAIR = {"query_id": content_id("q0"), "passage_id": content_id("p1")}
PROGRAMS = {
    "pairs": Fed(
        *("split_pairs", SPLIT, "pairs"),
        {"pairs": READY},
        BESIDE | PROVENANCE | {"split": "train"},
    ),
    "pairs by pages": Fed(
        *("split_pairs", SPLIT + " --group-by pages --block-pages 2", "pairs"),
        {"pairs": READY},
        PROVENANCE,
    ),
    "pairs by year": Fed(
        *("split_pairs", SPLIT + " --group-by year --test-years [1880,null]", "pairs"),
        {"pairs": READY},
        PROVENANCE,
    ),
    "negatives": Fed(
        *("split_pairs", SPLIT + " --negatives", "pairs"),
        {"pairs": READY},
        BESIDE | PROVENANCE,
    ),
    "scores": Fed(
        *("split_pairs", SPLIT + " --negatives --scores", "pairs"),
        {"pairs": [row | SCORES for row in READY]},
        PROVENANCE,
    ),
    "pairs, bad lines set aside": Fed(
        *("split_pairs", SPLIT + " --on-bad-input skip", "pairs"),
        {"pairs": READY},
        BESIDE | PROVENANCE | {"split": "train"},
    ),
    "pool": Fed(
        *("split_pairs", SPLIT + " --pool {pool}", "pool"),
        {"pairs": READY, "pool": [{"text": f"p{n}"} for n in range(30)]},
        PROVENANCE | {"id": "x", "passage": "p"},
    ),
    "score_pairs": Fed(
        *("score_pairs", "--pairs {pairs} --model {model} --output {out}/0", "pairs"),
        {"pairs": pairs()},
        BESIDE | PROVENANCE,
        "tiny_reranker",
    ),
    "split_by_length": Fed(
        *("split_by_length", LENGTHS, "pairs"),
        {"pairs": pairs()},
        PROVENANCE,
        "tokenizer",
    ),
    "split_by_length, scores": Fed(
        *("split_by_length", LENGTHS + " --filter-margin 0 --temperature 2", "pairs"),
        {"pairs": pairs(**SCORES)},
        PROVENANCE,
        "tokenizer",
    ),
    "build_collection, corpus": Fed(
        *("build_collection", COLLECTION, "corpus"),
        JOINED,
        PROVENANCE | {"split": "train"},
        "tokenizer",
    ),
    "build_collection, tests": Fed(
        *("build_collection", COLLECTION, "tests"), JOINED, PROVENANCE, "tokenizer"
    ),
    "build_collection, judged": Fed(
        *("build_collection", COLLECTION + " --judged {judged}", "judged"),
        JOINED | {"judged": [RANKING]},
        model="tokenizer",
    ),
    "build_gold, corpus": Fed(*("build_gold", GOLD, "corpus"), JUDGED, PROVENANCE),
    "build_gold, queries": Fed(*("build_gold", GOLD, "queries"), JUDGED, PROVENANCE),
    "build_gold, trained": Fed(*("build_gold", GOLD, "trained"), JUDGED, PROVENANCE),
    "build_gold, file": Fed(
        *("build_gold", GOLD + " --method file --file {judged.jsonl}", "judged.jsonl"),
        JUDGED | {"judged.jsonl": [RANKING]},
        {"grades": [3, 1]},
    ),
    "build_gold, pool": Fed(
        "build_gold",
        GOLD + " --method teacher_pool --pool {pool} --grades {grades}",
        "pool",
        JUDGED | {"pool": [PAIR], "grades": [PAIR | {"grade": 1}]},
    ),
    "build_gold, grades": Fed(
        "build_gold",
        GOLD + " --method teacher_pool --pool {pool} --grades {grades}",
        "grades",
        JUDGED | {"pool": [PAIR], "grades": [PAIR | {"grade": 1}]},
        {"score": 0.5},
    ),
}


def anything(draw):
    """A value of any type, perhaps in lists and objects."""
    value = draw.choice(ATOMS)
    for _ in range(draw.choice((0, 0, 1, 1, 2))):
        value = draw.choice(([value], [], {"a": value}, {}, [value, "p"], ["p", "P "]))
    return value


def faulty_line(draw, good, more):
    """A line with faults: another value in a field or two, one less, or no row."""
    if draw.random() < 0.1:
        return draw.choice(RAW)
    row = dict(good) | {key: more[key] for key in more if draw.random() < 0.3}
    for key in draw.sample([*good, *more], draw.choice((1, 1, 2))):
        row[key] = anything(draw)
    if draw.random() < 0.1:
        row.pop(draw.choice(list(row)))
    # Half a surrogate pair in text comes as JSON can write it.
    return json.dumps(row, ensure_ascii=draw.random() < 0.5).encode("utf-8", "replace")


def tries(fed, draw, folder, model):
    """The words of each command line, its file of rows made faulty before."""
    paths = {name: folder / name for name in fed.rows}
    for name, rows in fed.rows.items():
        if isinstance(rows, str):
            paths[name].write_text(rows)
        else:
            paths[name].write_text("".join(json.dumps(row) + "\n" for row in rows))
    named = {name: str(path) for name, path in paths.items()}
    named |= {"out": str(folder / "out"), "model": str(model)}
    words = fed.words
    for name, path in named.items():
        words = words.replace(f"{{{name}}}", path)
    lines = paths[fed.faulty].read_bytes().splitlines(keepends=True)
    for _ in range(60):
        place = draw.randrange(len(lines))
        line = faulty_line(draw, json.loads(lines[place]), fed.more)
        changed = [*lines[:place], line + b"\n", *lines[place + 1 :]]
        paths[fed.faulty].write_bytes(b"".join(changed))
        yield words.split(), paths[fed.faulty], place + 1, line


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_faulty_row_is_read_or_refused_in_one_sentence(
    name, tmp_path, capsys, monkeypatch, request
):
    fed = PROGRAMS[name]
    model = request.getfixturevalue(fed.model) if fed.model else None
    main = import_module(fed.script).main
    refused = 0
    for words, path, line, row in tries(fed, random.Random(name), tmp_path, model):
        monkeypatch.setattr(sys, "argv", [fed.script, *words])
        capsys.readouterr()
        try:
            status = run(main)
        except Exception as error:
            raise AssertionError(f"a traceback by {row[:300]!r}") from error
        if "skip" in words:
            assert not status, row
            # Counted, with its place and its reason.
            refused += read_json(tmp_path / "out/stats")["bad_lines"]
        elif status:
            (said,) = capsys.readouterr().err.splitlines()
            assert said.startswith("error: "), row
            assert said.isprintable(), row
            refused += f"{path}, line {line}" in said
    assert refused > 10
