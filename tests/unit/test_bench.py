"""The harness of the benchmarks: measuring commands, comparing, reporting."""

import sys
import time

import numpy as np
import pytest

from arkiv.base.files import write_json
from arkiv.mining.nearest import NEIGHBOUR
from benchmarks import report, together
from benchmarks.__main__ import BENCHMARKS
from benchmarks.bench import Bench, Result
from benchmarks.data import FEWEST_WORDS, MOST_WORDS, archive, with_negatives
from benchmarks.harness import (
    BenchmarkError,
    Limit,
    Run,
    Spread,
    Variant,
    interleaved,
    judged,
    measured,
    run_variant,
)
from benchmarks.index import searched, waited
from benchmarks.search import DEPTH, check
from benchmarks.serve import check as check_waits
from benchmarks.table import COLUMNS, filled, rows
from benchmarks.users import searches

OWN, SLOW, SLOWER = "arkiv", "peer", "peer, batch size 1"
RUNS = {
    OWN: [Run(2, 3, 100), Run(1, 2, 90), Run(3, 4, 95)],
    SLOW: [Run(4, 6, 300), Run(5, 7, 200), Run(4, 6, 250)],
    SLOWER: [Run(10, 10, 50)],
}
MACHINE = {
    "cores": 2,
    "processor": "a processor",
    "memory_gb": 8.0,
    "gpu": None,
    "python": "3.11",
    "packages": {"torch": "2"},
}
ABOUT = {"command": "python -m benchmarks", "date": "2026-01-31", "quick": False}


def python(code, *words):
    return [sys.executable, "-c", code, *words]


def test_a_spread_is_the_median_and_the_extremes():
    assert Spread.of([3, 1, 2]) == Spread(2, 1, 3)
    assert Spread.of([1, 4]) == Spread(2.5, 1, 4)


def test_a_ratio_lies_between_those_of_the_extremes():
    assert Spread(2, 1, 3).over(Spread(4, 2, 6)) == Spread(0.5, 1 / 6, 1.5)


def test_a_limit_compares_with_the_least_of_the_peers():
    value, against = judged(Limit("wall", OWN, (SLOWER, SLOW), 0.6), RUNS)
    assert (value, against) == (Spread(2 / 4, 1 / 5, 3 / 4), SLOW)
    value, against = judged(Limit("memory", OWN, (SLOWER, SLOW), 0.6), RUNS)
    assert (value.median, against) == (95 / 50, SLOWER)


def test_a_limit_without_peers_is_of_the_measure_itself():
    assert judged(Limit("memory", OWN, (), 99), RUNS) == (Spread(95, 90, 100), "")


def test_variants_take_turns_and_some_have_fewer_runs():
    order = []

    def run(variant):
        order.append(variant.name)
        return Run(1, 1, 1)

    runs = interleaved([Variant("a", []), Variant("b", [], runs=1)], 3, run)
    assert order == ["a", "b", "a", "a"]
    assert {name: len(done) for name, done in runs.items()} == {"a": 3, "b": 1}


def test_memory_and_cpu_time_of_a_childs_child_count(tmp_path):
    child = (
        "import time; held = b'x' * 150_000_000; began = time.process_time()\n"
        "while time.process_time() < began + 0.5: pass"
    )
    between = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    )
    run = measured(python(between), tmp_path / "log")
    assert run.memory > 150
    assert run.cpu >= 0.5
    assert run.wall >= 0.5


def test_memory_is_that_of_processes_at_a_time(tmp_path):
    hold = python("import time; held = b'x' * 80_000_000; time.sleep(0.4)")
    once = run_variant(Variant("once", [hold]), tmp_path / "once")
    twice = run_variant(Variant("twice", [hold, hold]), tmp_path / "twice")
    assert twice.memory == pytest.approx(once.memory, rel=0.1)
    assert twice.wall > 0.8


def test_a_command_that_fails_gives_one_sentence_with_its_last_words(tmp_path):
    command = python(
        "print('reading', flush=True); raise SystemExit('no such model\\n')"
    )
    with pytest.raises(BenchmarkError) as caught:
        measured(command, tmp_path / "log")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "ended with status 1 (no such model)" in sentence
    assert str(tmp_path / "log") in sentence


def test_a_variant_writes_to_an_empty_folder_of_its_own(tmp_path):
    write = python("import sys; open(sys.argv[1], 'x').write('done')", "{out}/made")
    variant = Variant("one, two", [write])
    bench = Bench(tmp_path, runs=2, quick=True, gpu=False)
    bench.measure([variant])
    assert (bench.out(variant) / "made").read_text() == "done"
    assert bench.out(variant).name == "one-two"


def test_the_fastest_candidate_is_chosen_and_all_are_kept(tmp_path):
    def sleeping(seconds):
        return Variant(f"{seconds}", [python(f"import time; time.sleep({seconds})")])

    bench = Bench(tmp_path, runs=1, quick=True, gpu=False)
    assert bench.fastest([sleeping(1), sleeping(0)]).name == "0"
    assert list(bench.trials) == ["1", "0"]


def held(**more):
    result = Result(
        "Work of some size",
        RUNS,
        [
            Limit("wall", OWN, (SLOW,), 0.6),
            Limit("memory", OWN, (), 90),
        ],
        ["All did the same."],
    )
    about = ABOUT | {"machine": MACHINE} | more
    return report.record(result, {"peer, batch size 8": [Run(7, 7, 7)]}, about)


def test_a_section_has_the_table_the_limits_and_the_machine():
    lines = report.section("mining", held()).splitlines()
    assert (
        "| arkiv | 3 | 2.00 (1.00–3.00) | 3.00 (2.00–4.00) | 95.0 (90.0–100) |  |"
        in (lines)
    )
    assert "| peer, batch size 1 | 1 | 10.0 | 10.0 | 50.0 | 0.200 (0.100–0.300) |" in (
        lines
    )
    assert (
        "- arkiv: wall time 0.500 (0.200–0.750) of that of peer; at most 0.600: holds."
    ) in lines
    assert (
        "- arkiv: peak memory 95.0 (90.0–100) MB; at most 90.0 MB: **missed**."
    ) in lines
    assert "- All did the same." in lines
    assert "`python -m benchmarks`, 2026-01-31, on" in lines
    assert any("peer, batch size 8 7.00 s" in line for line in lines)


def test_small_sizes_are_not_judged():
    text = report.section("mining", held(quick=True))
    assert "holds" not in text
    assert "missed" not in text
    assert "Small sizes" in text


def test_results_of_several_runs_are_gathered_in_one_file(tmp_path):
    for name in ("split", "mining"):
        write_json(tmp_path / "results" / f"{name}.json", held())
    sections = report.write_results(tmp_path, list(BENCHMARKS))
    assert list(sections) == ["mining", "split"]
    text = (tmp_path / "RESULTS.md").read_text()
    assert text.index("## mining") < text.index("## split")


def test_the_archive_is_of_mixed_length_and_has_no_text_twice():
    corpus, pairs = archive(300, 60)
    assert archive(300, 60) == (corpus, pairs)
    words = [len(row["text"].split()) for row in corpus]
    assert FEWEST_WORDS <= min(words) < 40
    assert 400 < max(words) <= MOST_WORDS
    assert len({row["text"] for row in corpus}) == 300
    assert len({pair["query"] for pair in pairs}) == 60
    for row in with_negatives(corpus, pairs):
        assert len(set(row["neg"]) - set(row["pos"])) == 7


@pytest.fixture
def neighbours(tmp_path):
    """What arkiv and faiss would find: the first `DEPTH` passages."""
    scores = np.linspace(0.9, 0.5, DEPTH, dtype=np.float32)
    rows = np.arange(DEPTH)
    found = np.empty((1, DEPTH), NEIGHBOUR)
    found["row"], found["score"] = rows, scores
    np.save(tmp_path / "merged.npy", found)
    return tmp_path, rows, scores


def checked(folder, rows, scores):
    np.savez(folder / "found.npz", rows=rows[None], scores=scores[None])
    return check(folder, folder / "found.npz")


def test_equal_neighbours_pass_up_to_a_tie_at_the_last_rank(neighbours):
    folder, rows, scores = neighbours
    assert "all but 0 ties" in checked(folder, rows, scores)
    tied = np.append(rows[:-1], DEPTH + 7)
    assert "all but 1 ties" in checked(folder, tied, scores)


def test_other_scores_or_passages_fail(neighbours):
    folder, rows, scores = neighbours
    with pytest.raises(BenchmarkError, match=r"differ by 0\.1"):
        checked(folder, rows, scores - np.float32(0.1))
    with pytest.raises(BenchmarkError, match="no ties"):
        checked(folder, np.append(DEPTH + 7, rows[1:]), scores)


def test_commands_run_at_the_same_time_and_a_fault_of_one_shows():
    told = "import os, sys, time; time.sleep(1); print(os.environ['OMP_NUM_THREADS'])"
    words = [sys.executable, "-c", told]
    began = time.monotonic()
    assert together.main([*words, "---", *words, "---", *words]) == 0
    assert time.monotonic() - began < 2.9
    failing = [sys.executable, "-c", "raise SystemExit(3)"]
    assert together.main([*words, "---", *failing]) == 3


def test_no_search_of_all_users_comes_twice():
    asked = searches(["a & b", "c"], users=3, each=5)
    assert [len(addresses) for addresses in asked] == [5, 5, 5]
    assert len({address for addresses in asked for address in addresses}) == 15
    assert asked[1][0] == "/?q=c+1"


def test_waits_are_judged_by_all_but_the_longest_hundredth(tmp_path):
    path = tmp_path / "waits.npy"
    np.save(path, np.array([0.5] * 198 + [3, 3]))
    assert "99% within 0.5" in check_waits(path, 200, judged=True)
    np.save(path, np.array([0.5] * 190 + [1.5] * 10))
    with pytest.raises(BenchmarkError, match=r"longer than 1 s: median 0\.50 s"):
        check_waits(path, 200, judged=True)
    assert "longest 1.50 s" in check_waits(path, 200, judged=False)
    with pytest.raises(BenchmarkError, match="200 of 201 were answered"):
        check_waits(path, 201, judged=True)


def test_rows_of_the_made_up_index_have_all_columns_and_vectors_of_length_1():
    batches = list(filled(list(rows(range(1000, 3000)))))
    assert sum(map(len, batches)) == 2000
    assert all(batch.schema == COLUMNS for batch in batches)
    vectors = batches[0]["dense"].flatten().to_numpy().reshape(-1, 1024)
    lengths = np.linalg.norm(vectors.astype(np.float32), axis=1)
    assert lengths == pytest.approx(1, abs=2e-3)
    # The same whatever part writes them.
    assert next(filled(list(rows(range(1000, 2500))))).equals(batches[0])


def test_searches_of_the_index_are_judged(tmp_path):
    of = {"all": 5.4, "some": 201.0}
    about = {"approximate": True, "probes": 64, "recall_at_10": 0.995}
    modes = ("dense", "sparse", "full_text", "hybrid")
    write_json(tmp_path / "found.json", {"about": about, **dict.fromkeys(modes, of)})
    said = searched(tmp_path / "found.json")
    assert "full text 5, hybrid 5; of some" in said
    assert "at most 200: **missed**. By 64 partitions" in said
    np.save(tmp_path / "waits.npy", np.array([0.5] * 50))
    assert waited(tmp_path / "waits.npy", 50).endswith("within 1 s: holds.")
    np.save(tmp_path / "waits.npy", np.array([1.5] * 50))
    assert waited(tmp_path / "waits.npy", 50).endswith("within 1 s: **missed**.")
