"""What is said last: three lines after a target, or the sentence of a fault."""

import json
import shlex
from pathlib import Path

import pytest
from project import rules

from arkiv.settings.command_line import Given
from arkiv.watch.ending import MENU, after, command, faults
from arkiv.watch.logs import why
from arkiv.watch.state import State

WORDS = ["documents", "-n", "--configfile", "my own.yaml", "--profile", "slurm"]


def told(tmp_path, target, words=None, **stages):
    """The lines after a target, with the counts of stages of one dataset."""
    given = {}
    for stage, counts in stages.items():
        path = tmp_path / f"{stage}.json"
        path.write_text(json.dumps(counts))
        given[stage] = [f"court={path}"]
    words = words or [target]
    return after([target], "results/court", given, words=words, given=Given())


def test_the_three_lines(tmp_path):
    assert told(tmp_path, "documents", WORDS) == [
        "Result:  results/court/documents",
        "Dropped: nothing",
        "Next:    snakemake queries --configfile 'my own.yaml' --profile slurm",
    ]


def test_every_target_of_the_menu_has_its_lines(tmp_path):
    without_output = {name for name, body in rules().items() if "output:" not in body}
    assert without_output | {"check_metrics", "all"} == MENU.keys()
    for target in MENU:
        result, dropped, follows = told(tmp_path, target)
        assert (result[:7], dropped) == ("Result:", "Dropped: nothing")
        assert len(follows) > len("Next:    ")


@pytest.mark.parametrize(("refused", "loud"), [(3, False), (30, True)])
def test_what_is_much_is_said_loudly(tmp_path, refused, loud):
    stats = {"queries": 100 - refused, "rejected": {"too short": refused}}
    _, *dropped, _ = told(tmp_path, "queries", queries=stats)
    line = " ".join(" ".join(dropped).split())
    assert (f"{refused} of 100 ({refused} %) queries: too short") in line
    assert line.startswith("WARNING: much was dropped:") == loud
    assert max(map(len, "\n".join(dropped).splitlines())) < 80


def test_volumes_files_and_words_are_told_by_reason(tmp_path):
    found = {
        "volumes": 9,
        "volumes_not_read": 3,
        "page_files": 50,
        "not_read": {"a scan": {"files": 40}, "empty": {"files": 10}},
        "same_page": [{}],
    }
    cut = {"words": 90, "words_set_aside": 0, "words_in_lines_set_aside": 10}
    _, dropped, _ = told(tmp_path, "documents", found=found, documents=cut)
    line = " ".join(dropped.split())
    assert "3 of 12 (25 %) volumes: could not be read" in line
    assert "40 a scan, 10 empty, 1 the same page as another" in line
    assert "10 of 100 (10 %) words: in lines that were set aside" in line


def test_pairs_that_stay_with_fewer_negatives_are_not_dropped(tmp_path):
    stats = {"short": 50, "without_negatives": 1}
    _, dropped, _ = told(
        tmp_path, "mine", negatives=stats, pairs={"pairs": 60, "train": 50}
    )
    assert dropped == "Dropped: 1 of 50 (2 %) train pairs: no negatives found"


def test_flags_of_one_start_alone_are_not_repeated():
    words = ["-f", "mine", "--forcerun", "all", "-s", "x/Snakefile", "-j", "4"]
    assert command(words, "audit") == "snakemake audit -s x/Snakefile -j 4"
    words = ["-c4", "-np", "mine", "-d/a b", "--forceall"]
    assert command(words, "audit") == "snakemake audit -c4 '-d/a b'"


def test_what_was_given_is_repeated_though_it_is_named_like_a_target():
    words = ["--profile", "mine", "mine", "--cores=all", "all", "--configfile"]
    words += ["a b.yaml", "c.yaml", "--config", "run=it's", "seed=1", "--", "mine"]
    said = command(words, "audit")
    assert shlex.split(said)[2:] == [*words[:2], words[3], *words[5:-2]]


def test_the_search_page_has_the_configuration_of_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = [tmp_path / "my own.yaml", Path("/elsewhere/b.yaml")]
    given = Given(files, ["run=other", "serve={iiif: it's}"])
    *_, follows = after(["report"], "results/other", {}, words=[], given=given)
    assert shlex.split(follows)[1:] == [
        *("python", "scripts/serve_search.py", "--configfile", "my own.yaml"),
        *("/elsewhere/b.yaml", "--config", "run=other", "serve={iiif: it's}"),
    ]
    *_, follows = after(["report"], "results/a", {}, words=[], given=Given())
    assert follows == "Next:    python scripts/serve_search.py"


def test_what_lies_in_another_directory_is_named_from_here():
    there = {"folder": "my data", "scripts": "/opt/scripts"}
    told = after(["report"], "results/a", {}, words=[], given=Given(), **there)
    result, _, follows = told
    assert result == "Result:  my data/results/a/report.html"
    assert follows == "Next:    cd 'my data' && python /opt/scripts/serve_search.py"


LAST = "2026-11-28 09:35:01,123 INFO x: half way"


@pytest.mark.parametrize(
    ("log", "known", "sentence"),
    [
        (
            "a\nerror: a.jsonl, line 2: is no row\n",
            "exit 1",
            "a.jsonl, line 2: is no row",
        ),
        ("score_pairs.py: error: unknown flag\n", None, "unknown flag"),
        (
            "Traceback (most recent call last):\n  File\nKeyError: 'x'\n",
            None,
            "KeyError: 'x'",
        ),
        (LAST, "SLURM status is: 'OUT_OF_MEMORY'", "SLURM status is: 'OUT_OF_MEMORY'"),
        (LAST, None, "want of memory; its last words: " + LAST),
        ("", None, "ended without a reason given"),
        (None, None, "ended without a reason given"),
        ("error: a\x1b[31m\n", None, r"a\x1b[31m"),
    ],
)
def test_the_sentence_of_a_fault(tmp_path, log, known, sentence):
    path = tmp_path / "job.log"
    if log is not None:
        path.write_text(log)
    assert sentence in why(path, known)


def test_the_first_fault_stands_last(tmp_path):
    state = State.of(
        [
            {"event": "begun", "at": 1, "jobs": {"score_pairs": 3}},
            *(
                {"event": event, "at": 2, "id": number, "rule": "score_pairs"}
                | {
                    "says": f"fault {number}" if event == "failed" else "Scoring",
                    "log": None,
                }
                for event in ("job", "failed")
                for number in (1, 2)
            ),
        ]
    )
    assert faults(state) == [
        "also:    1 job failed: Scoring",
        "failed:  Scoring",
        "log:     -",
        "error: fault 1",
    ]
    assert faults(State(), ["a", "b"]) == ["error: b"]
    assert faults(State()) == []
