"""The live line, and what it stands for of Snakemake's messages."""

import io
import logging

import pytest

from arkiv.watch.journal import Journal
from arkiv.watch.terminal import ERASE, Watcher, without_trace


def record(said=None, event=None, **what):
    made = logging.LogRecord("snakemake", logging.INFO, "", 0, said, None, None)
    made.__dict__ |= {"event": event, **what}
    return made


JOB = {"jobid": 1, "rule_name": "score_pairs", "rule_msg": "Scoring", "log": []}
STARTED = record("Rule: score_pairs", "job_info", **JOB)
FINISHED = record("Finished jobid: 1", "job_finished", job_id=1)
FAILED = record("Error", "job_error", **(JOB | {"rule_msg": None}))


@pytest.fixture
def watcher(tmp_path, request):
    live = getattr(request, "param", True)
    journal = Journal(tmp_path / "events.log")
    made = Watcher(journal, lambda: ["Result: x"], io.StringIO(), live)
    made._tick = lambda: None
    made.begin({"score_pairs": 1})
    return made


def test_the_line_is_drawn_and_taken_away(watcher):
    watcher.handle(STARTED)
    watcher.draw()
    assert watcher.out.getvalue() == f"{ERASE}0/1 Scoring: 0 s\r"
    assert watcher.shown(record("a warning of Snakemake's"))
    assert watcher.out.getvalue().endswith(ERASE)


def test_a_target_has_the_terminal_for_itself(watcher):
    watcher.handle(STARTED)
    watcher.handle(FINISHED)
    watcher.draw()
    watcher.handle(record("", "job_info", **(JOB | {"jobid": 2, "rule_name": "audit"})))
    watcher.draw()
    assert watcher.out.getvalue().endswith(ERASE)


@pytest.mark.parametrize("watcher", [True, False], indirect=True)
def test_on_a_terminal_alone_it_stands_for_the_messages_of_jobs(watcher):
    for one in (STARTED, FINISHED, FAILED, record("Select jobs to execute...")):
        assert watcher.shown(one) != watcher.live
    assert watcher.shown(record("Missing files", "error", exception="Missing"))


@pytest.mark.parametrize("watcher", [True, False], indirect=True)
def test_a_stage_is_told_once(watcher):
    watcher.handle(STARTED)
    watcher.handle(FINISHED)
    watcher.end("well")
    watcher.last_words()
    lines = watcher.out.getvalue().replace(ERASE, "").splitlines()
    assert lines == ["teacher: 1 job in 0 s; 1 of 1 jobs of the run done", "Result: x"]


def test_a_run_that_failed_ends_with_its_fault(watcher):
    watcher.handle(STARTED)
    watcher.handle(FAILED)
    watcher.end("badly")
    watcher.last_words()
    assert watcher.out.getvalue().splitlines()[-1].startswith("error: it was ended")


def test_the_fault_is_found_though_snakemake_has_left_the_directory(
    tmp_path, monkeypatch
):
    (there := tmp_path / "my data").mkdir()
    (there / "job.log").write_text("error: a.jsonl, line 1: is no row\n")
    monkeypatch.chdir(there)
    out = io.StringIO()
    watcher = Watcher(Journal("events.log"), list, out, folder="my data")
    watcher._tick = lambda: None
    watcher.begin({"score_pairs": 1})
    watcher.handle(record("", "job_info", **(JOB | {"log": ["job.log"]})))
    watcher.handle(FAILED)
    monkeypatch.chdir(tmp_path)
    watcher.last_words()
    assert out.getvalue().splitlines()[-3:] == [
        "failed:  Scoring",
        "log:     my data/job.log",
        "error: a.jsonl, line 1: is no row",
    ]


def test_after_ctrl_c_one_line_is_said(watcher):
    watcher.handle(STARTED)
    interrupted = record("Terminating processes on user request, this might take")
    watcher.handle(interrupted)
    watcher.handle(FAILED)
    assert not watcher.shown(interrupted)
    assert not watcher.shown(record("WorkflowError: at least one job"))
    watcher.end("badly")
    watcher.last_words()
    (line,) = watcher.out.getvalue().replace(ERASE, "").splitlines()
    assert line.startswith("Stopped by Ctrl-C, 0 of 1 jobs done;")


def test_a_plan_that_is_only_shown_says_nothing(tmp_path):
    watcher = Watcher(Journal(tmp_path / "events.log"), list, io.StringIO(), True)
    watcher.handle(STARTED)
    watcher.last_words()
    assert watcher.out.getvalue() == ""
    assert not watcher.journal.path.exists()


def test_a_fault_of_the_configuration_stands_last():
    said = 'WorkflowError in file "a.smk", line 7:\nconfiguration: `a`: is none'
    traced = f'{said}\n  File "a.smk", line 7, in <module>\n  File "b", line 1\n'
    fault = record(traced, "error", exception="WorkflowError")
    assert without_trace(fault)
    assert fault.msg == "error: configuration: `a`: is none"
    other = record(traced, "error", exception="KeyError")
    assert without_trace(other)
    assert other.msg == traced
    elsewhere = traced.replace("configuration: ", "checkpoint: ")
    record_of_it = record(elsewhere, "error", exception="WorkflowError")
    assert without_trace(record_of_it)
    assert record_of_it.msg == said.replace("configuration: ", "checkpoint: ")


@pytest.mark.parametrize(
    ("kind", "said", "told"),
    [
        (
            "OSError",
            'OSError in file "a.smk", line 7:\n[Errno 30] Read-only file system: '
            "'results/my run/x'\n  File \"a.smk\", line 7, in __onstart",
            "error: results/my run/x: Read-only file system; have it opened to you, or "
            "run where you may write",
        ),
        (
            "NotADirectoryError",
            'Traceback (most recent call last):\n  File "a.py", line 1, in b\n'
            "NotADirectoryError: [Errno 20] Not a directory: 'results/x/y.npy'",
            "error: results/x/y.npy: Not a directory; see what lies there",
        ),
        (
            "OSError",
            "OSError: [Errno 28] No space left on device",
            "error: writing the output: No space left on device; make room",
        ),
        ("OSError", "OSError: [Errno 9] Bad file descriptor", None),
        ("KeyError", "KeyError: '[Errno 13] Permission denied'", None),
    ],
)
def test_what_the_system_refuses_snakemake_is_a_sentence(watcher, kind, said, told):
    fault = record(said, "error", exception=kind)
    assert without_trace(fault)
    assert fault.msg == (told or said)
    assert watcher.shown(fault) == (told is None)
    watcher.handle(fault)
    watcher.end("badly")
    watcher.last_words()
    assert watcher.out.getvalue().splitlines()[-1] == (told or f"error: {said}")
