"""sample_judgements.py and compare_judgements.py: the sheet's way out and back."""

import csv
import json
import os

import numpy as np
import pytest

import compare_judgements
import sample_judgements
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_records
from arkiv.base.hashing import content_id
from arkiv.gold.sheet import read_sheet, sheet_csv
from arkiv.retrieve.trec import read_qrels, write_qrels, write_run
from arkiv.serve.judgements import Verdicts, read_verdicts, sheet_rows

QUERIES = [{"id": f"q{n:02}", "query": f"=fråga nummer {n}?"} for n in range(12)]
PASSAGES = sorted(
    (
        {
            "id": content_id(n),
            "text": f'-stycke {n}; med "citat"\noch rader',
            "volume": f"3000000{n % 3}",
            "first_page": n,
            "last_page": n + n % 2,
        }
        for n in range(60)
    ),
    key=lambda row: row["id"],
)


@pytest.fixture
def run(tmp_path):
    """A collection with grades of 0 to 3, and two runs of it."""
    draw = np.random.default_rng(0)
    ids = [row["id"] for row in PASSAGES]
    write_records(tmp_path / "corpus.jsonl", PASSAGES)
    write_records(tmp_path / "queries.jsonl", QUERIES)
    qrels = {
        query["id"]: {str(key): int(draw.integers(0, 4)) for key in draw.choice(ids, 6)}
        for query in QUERIES
    }
    write_qrels(tmp_path / "qrels.txt", qrels)
    for name in ("bm25", "tuned"):
        rankings = [
            (
                query["id"],
                list(map(str, draw.permutation(ids)[:20])),
                np.arange(20)[::-1],
            )
            for query in QUERIES
        ]
        write_run(tmp_path / f"{name}.trec", rankings, name)
    return tmp_path


def collection(run):
    return [
        *("--corpus", run / "corpus.jsonl", "--queries", run / "queries.jsonl"),
        *("--qrels", run / "qrels.txt"),
    ]


def drawn(run, *more, name="sheet.csv"):
    runs = [f"{name}={run / name}.trec" for name in ("bm25", "tuned")]
    words = [*collection(run), "--runs", *runs, "--output", run / name, *more]
    sample_judgements.main(list(map(str, words)))
    return run / name


def compared(run, *files, **more):
    words = [*collection(run), "--judged", *files, "--machine", "teacher_pool"]
    words += ["--bootstrap", 200, "--output", run / "agreement.json"]
    compare_judgements.main(list(map(str, words)))
    return read_json(run / "agreement.json")


def filled(sheet, name, grade_of, separator=","):
    """Fill in a sheet by program, and save it under another name."""
    with open(sheet, encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file, delimiter=separator)
        rows = list(table)
    for row in rows:
        row["relevance"] = grade_of(row)
    path = sheet.with_name(name)
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, table.fieldnames, delimiter=separator)
        out.writeheader()
        out.writerows(rows)
    return path


def test_the_sheet_shows_what_is_needed_and_nothing_of_the_machine(run):
    sheet = drawn(run, "--query-count", 5, "--passage-count", 6)
    with open(sheet, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == (
        "query_id passage_id query passage volume pages relevance judge note".split()
    )
    assert len(rows) == 30
    assert len({row["query_id"] for row in rows}) == 5
    texts = {row["id"]: row["text"] for row in PASSAGES}
    for row in rows:
        assert row["query"] == f"'=fråga nummer {int(row['query_id'][1:])}?"
        assert row["passage"] == "'" + texts[row["passage_id"].lstrip("'")]
        assert row["relevance"] == row["judge"] == row["note"] == ""
    assert drawn(
        run, "--query-count", 5, "--passage-count", 6, name="b"
    ).read_bytes() == (sheet.read_bytes())


def test_a_sheet_is_not_filled_in_where_it_would_be_made_again(run):
    sheet = drawn(run)
    assert not os.stat(sheet).st_mode & 0o222
    drawn(run)  # and yet it is made again


@pytest.mark.parametrize("separator", [",", ";"])
def test_who_says_what_the_machine_says_agrees_with_it(run, separator):
    qrels = read_qrels(run / "qrels.txt")
    sheet = drawn(run, "--separator", separator)

    def grade_of(row):
        return qrels[row["query_id"]].get(row["passage_id"].lstrip("'"), 0)

    found = compared(run, filled(sheet, "anna.csv", grade_of, separator))
    assert found["machine"] == "teacher_pool"
    assert found["pairs"] == len(read_sheet(sheet)) > 100
    assert found["queries"] == 12
    assert found["unjudged"] == 0
    assert found["judges"] == [{"judge": "anna", "pairs": found["pairs"]}]
    perfect = {"kappa": 1.0, "low": 1.0, "high": 1.0}
    assert found["binary"] == {"agreement": 1.0} | perfect
    assert found["weighted"] == perfect
    assert found["grades"] == [0, 1, 2, 3]
    table = np.array(found["table"])
    assert table.sum() == np.trace(table) == found["pairs"]
    assert min(np.diag(table)) > 0
    assert found["between"] == []


def test_a_half_filled_sheet_and_a_second_judge_are_counted(run):
    from sklearn.metrics import cohen_kappa_score

    qrels = read_qrels(run / "qrels.txt")
    sheet = drawn(run)
    draw = np.random.default_rng(1)
    said = {"anna": {}, "bo": {}}

    def grade_of(judge, share):
        def grade(row):
            key = row["query_id"], row["passage_id"].lstrip("'")
            true = qrels[key[0]].get(key[1], 0)
            given = true if draw.random() < 0.7 else int(draw.integers(0, 4))
            if draw.random() > share:
                return ""
            said[judge][key] = given
            return given

        return grade

    files = [
        filled(sheet, "anna.csv", grade_of("anna", 0.5)),
        filled(sheet, "bo.csv", grade_of("bo", 0.4)),
    ]
    found = compared(run, *files)
    everything = {(one.query_id, one.passage_id) for one in read_sheet(sheet)}
    known = sorted(said["anna"].keys() | said["bo"].keys())
    assert found["pairs"] == len(known)
    assert found["unjudged"] == len(everything) - len(known) > 0
    human = [
        min(given[key] for given in said.values() if key in given) for key in known
    ]
    machine = [qrels[query].get(key, 0) for query, key in known]
    expected = cohen_kappa_score(human, machine, weights="quadratic")
    assert found["weighted"]["kappa"] == pytest.approx(expected, abs=1e-6)
    assert found["weighted"]["low"] < expected < found["weighted"]["high"]
    of_two = [[value > 0 for value in values] for values in (human, machine)]
    assert found["binary"]["kappa"] == pytest.approx(
        cohen_kappa_score(*of_two), abs=1e-6
    )
    both = sorted(said["anna"].keys() & said["bo"].keys())
    (between,) = found["between"]
    assert between["pairs"] == len(both)
    assert between["kappa"] == pytest.approx(
        cohen_kappa_score(
            [said["anna"][key] > 0 for key in both],
            [said["bo"][key] > 0 for key in both],
        ),
        abs=1e-6,
    )


def verdict(query, passage, kind, judge="anna"):
    ids = {"query": query["query"], "query_id": query["id"], "passage_id": passage}
    return ids | {"verdict": kind, "judge": judge}


def test_the_search_page_and_its_sheet_say_the_same(run):
    qrels = read_qrels(run / "qrels.txt")
    page = Verdicts(run / "judgements.jsonl")
    keys = [row["id"] for row in PASSAGES[:8]]
    free = {"query": "något annat", "id": content_id("något annat")}
    for place, key in enumerate(keys):
        page.add(verdict(QUERIES[0], key, "relevant" if place % 2 else "not_relevant"))
    page.add(verdict(QUERIES[0], keys[0], "relevant"))  # and changed her mind
    page.add(verdict(QUERIES[0], keys[1], "withdrawn"))
    page.add(verdict(QUERIES[1], keys[1], "relevant", "bo"))
    page.add(verdict(free, keys[1], "relevant"))
    found = compared(run, run / "judgements.jsonl")
    assert found["pairs"] == 8
    assert found["elsewhere"] == 1
    assert found["judges"] == [
        {"judge": "anna", "pairs": 7},
        {"judge": "bo", "pairs": 1},
    ]
    relevant = sum(map(sum, found["table"][1:]))
    assert relevant == 1 + 3 + 1
    grades = [qrels["q00"].get(key, 0) for key in keys if key != keys[1]]
    grades.append(qrels["q01"].get(keys[1], 0))
    assert [sum(column) for column in zip(*found["table"], strict=True)] == [
        grades.count(grade) for grade in found["grades"]
    ]
    passages = {row["id"]: row for row in PASSAGES}
    text = sheet_csv(sheet_rows(page.latest(), passages))
    (run / "page.csv").write_text(text, encoding="utf-8", newline="")
    assert compared(run, run / "page.csv") == found
    # Both together say nothing new, and nothing twice.
    assert compared(run, run / "judgements.jsonl", run / "page.csv") == found
    assert len(read_verdicts(run / "judgements.jsonl")) == 9


def test_bad_lines_of_the_search_page_are_set_aside_and_counted(run, caplog):
    key = PASSAGES[0]["id"]
    good = [
        verdict(QUERIES[0], key, "relevant"),
        verdict(QUERIES[1], key, "not_relevant"),
    ]
    faulty = [
        verdict(QUERIES[0], "gone", "relevant"),
        verdict({"query": "vem?", "id": "q99"}, key, "relevant"),
        verdict(QUERIES[0], key, "maybe"),
    ]
    path = run / "judgements.jsonl"
    lines = [json.dumps(row) for row in (good[0], *faulty, good[1])]
    path.write_text("\n".join([*lines, lines[0][:50]]))
    before = path.read_bytes()
    found = compared(run, path)
    assert (found["pairs"], found["set_aside"]) == (2, 4)
    for line, reason in (
        (2, "`passage_id`: is gone, expected a passage of this run"),
        (3, "`query_id`: is q99, expected a query of this run"),
        (4, "`verdict`: is not one of"),
    ):
        assert f"{path}, line {line}, {reason}" in caplog.text
    assert f"{path}, line 6: the line is not JSON" in caplog.text
    assert path.read_bytes() == before
    write_records(path, good)
    assert compared(run, path) == found | {"set_aside": 0}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["query_id,passage_id,relevance", "q00,nowhere,1"], "which is no passage of"),
        (["query_id,passage_id,relevance", "q00,,1"], "`passage_id`: is empty"),
        (["query_id,passage_id,relevance"], "holds no judgement on a test query"),
    ],
)
def test_what_came_back_at_fault_is_one_sentence(run, lines, said):
    (run / "back.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        compared(run, run / "back.csv")
    assert said in str(caught.value)
    assert str(run / "back.csv") in str(caught.value)
    assert not (run / "agreement.json").exists()
    with pytest.raises(InputError, match="no such file"):
        compared(run, run / "none.jsonl")


def test_a_passage_that_the_collection_lacks_is_named(run):
    write_records(run / "corpus.jsonl", PASSAGES[:30])
    with pytest.raises(InputError, match=r"corpus\.jsonl: lacks the passage "):
        drawn(run)
    assert json.loads((run / "corpus.jsonl").read_text().splitlines()[0])
    assert not (run / "sheet.csv").exists()
