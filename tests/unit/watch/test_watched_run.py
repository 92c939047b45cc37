"""A run while it goes: its jobs by the journal, how far each is by its log."""

import os

import pytest

from arkiv.watch import lines
from arkiv.watch.journal import Journal, events
from arkiv.watch.state import State

STAMP = "2026-11-28 09:35:01,123 INFO arkiv.base.progress: "


@pytest.fixture
def journal(tmp_path):
    """A journal whose clock is told, in a run's directory."""
    made = Journal(tmp_path / "logs/events.log", lambda: made.now)
    made.now = 1000.0
    return made


def started(journal, number, rule="embed_corpus", log=None, says="Embedding passages"):
    journal.add("job", id=number, rule=rule, says=says, log=log and str(log))


def written(path, text, at):
    path.write_text(text)
    os.utime(path, (at, at))


def test_a_stage_ends_with_its_last_job(journal):
    journal.begin({"embed_corpus": 2, "search_corpus": 1, "score_pairs": 1, "all": 1})
    for number, rule in enumerate(("embed_corpus", "embed_corpus", "search_corpus")):
        journal.now += 1
        started(journal, number, rule)
        journal.add("finished", id=number)
    state, ended = State(), []
    for event in events(journal.path):
        ended.append(state.take(event))
    assert [one for one in ended if one] == [ended[-1]]
    assert lines.stage_line(ended[-1], state) == (
        "mining: 3 jobs in 2 s; 3 of 5 jobs of the run done"
    )


def test_a_job_that_failed_is_tried_again(journal, tmp_path):
    log = tmp_path / "job.log"
    journal.begin({"score_pairs": 1})
    started(journal, 7, "score_pairs", log)
    written(log, "error: out of memory\n", 1001)
    journal.add("failed", id=7, says=None)
    failed = State.of(events(journal.path))
    assert "out of memory" in "\n".join(lines.overview(failed, 1002))
    journal.now = 1010
    started(journal, 7, "score_pairs", log, says="Scoring")
    again = State.of(events(journal.path))
    # What the log has is of the first try.
    assert lines.live(again, 1014) == "0/1 Scoring (try 2): 4 s"
    journal.add("finished", id=7)
    done = State.of(events(journal.path))
    assert not done.failed
    assert done.finished == 1


def test_the_line_is_of_the_job_that_will_last(journal, tmp_path):
    journal.begin({"embed_corpus": 3, "all": 1})
    quick, slow = tmp_path / "1.log", tmp_path / "2.log"
    for number, log in enumerate((quick, slow, None)):
        started(journal, number, log=log, says=f"Embedding {number}")
    written(quick, "INFO x: 90 of 100 texts, 10.0 a second\n", 1001)
    written(slow, "INFO x: 1 of 1000 texts, 2.0 a second\nno more\n", 1001)
    state = State.of(events(journal.path))
    assert lines.live(state, 1001) == (
        "0/4 Embedding 1: 1 of 1,000 texts, 8 min 20 s left (+2)"
    )


@pytest.mark.parametrize("width", [20, 40, 79])
def test_no_line_is_wider_than_the_terminal(journal, tmp_path, width):
    log = tmp_path / "job.log"
    journal.begin({"embed_corpus": 1})
    started(journal, 0, log=log, says="Embedding passages of a long name " * 9)
    written(log, STAMP + "12 of 4000 texts encoded, loss 0.1, 0.0001 a second\n", 2000)
    state = State.of(events(journal.path))
    told = [lines.live(state, 1e9, width), *lines.overview(state, 1e9, 1, width)]
    assert max(map(len, told)) <= width
    if width == 79:
        assert "12 of 4,000 texts encoded, loss 0.1" in told[0]


def test_jobs_that_wait_in_a_queue_are_told_from_those_that_run(journal, tmp_path):
    journal.begin({"embed_corpus": 3})
    for number in range(3):
        started(journal, number, log=tmp_path / f"{number}.log")
    written(tmp_path / "0.log", "", 1001)
    written(tmp_path / "1.log", "of an earlier run", 500)
    state = State.of(events(journal.path))
    assert lines.live(state, 1060) == "0/3 Embedding passages: 1 min 0 s (+2)"
    (tmp_path / "0.log").unlink()
    assert lines.live(state, 1060).endswith("passages: in the queue, 1 min 0 s (+2)")
    written(tmp_path / "0.log", "", 1001)
    first, *_ = lines.overview(state, 1060)
    assert (
        first == "0 of 3 jobs done, 1 running, 2 waiting in the queue, after 1 min 0 s"
    )


def test_a_rule_of_many_jobs_is_told_by_those_that_are_done(journal):
    journal.begin({"embed_corpus": 10})
    for number in range(4):
        started(journal, number)
    journal.now += 60
    for number in range(2):
        journal.add("finished", id=number)
    _, rule, *_ = lines.overview(State.of(events(journal.path)), journal.now)
    assert rule == "  embed_corpus: 2 of 10 jobs done, about 4 min 0 s left"


def test_a_run_that_was_killed_is_told_by_its_silence(journal):
    journal.begin({"embed_corpus": 1})
    started(journal, 0)
    state = State.of(events(journal.path))
    assert "killed" not in "\n".join(lines.overview(state, 1060, heard=1030))
    assert "killed" in "\n".join(lines.overview(state, 9000, heard=1030))


@pytest.mark.parametrize("how", ["well", "badly", "stopped"])
def test_a_run_that_ended_has_nothing_running(journal, how):
    journal.begin({"embed_corpus": 1})
    started(journal, 0)
    journal.add("ended", how=how)
    state = State.of(events(journal.path))
    (told,) = lines.overview(state, 9000, heard=1030)
    assert told.startswith("0 of 1 job done; the run ")


def test_half_a_line_and_what_is_none_of_ours_are_passed_over(journal):
    journal.begin({"embed_corpus": 1})
    with open(journal.path, "a") as file:
        file.write('[1]\n{"event": "job"}\n{"at": 3}\n{"event": "fini')
    assert State.of(events(journal.path)).total == 1
    assert State.of(events(journal.path.with_name("none"))).began is None


def test_each_start_begins_anew(journal):
    journal.begin({"embed_corpus": 1})
    journal.add("ended", how="well")
    journal.begin({"embed_corpus": 2})
    state = State.of(events(journal.path))
    assert (state.total, state.how) == (2, None)


def test_a_journal_that_cannot_be_written_ends_no_run(tmp_path):
    (tmp_path / "logs").write_text("a file")
    journal = Journal(tmp_path / "logs/events.log")
    assert journal.begin({"a": 1})["jobs"] == {"a": 1}
    journal.beat()


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-3, "0 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (2999, "50 min"),
        (3599, "60 min"),
        (7500, "2 h 5 min"),
        (400000, "4 d 15 h"),
    ],
)
def test_times_are_told_in_two_units_at_most(seconds, told):
    assert lines.lasting(seconds) == told
