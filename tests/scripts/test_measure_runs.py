"""measure_runs.py, check_metrics.py and show_metrics.py."""

import csv
import json

import pytest
from project import program


def write_run(path, ranked):
    path.write_text(
        "".join(
            f"{query} Q0 {key} {rank} {1 / rank:.6f} x\n"
            for query, keys in ranked.items()
            for rank, key in enumerate(keys, start=1)
        )
    )


@pytest.fixture
def runs(tmp_path):
    """Four queries with one relevant passage: bm25 finds it in the second place."""
    queries = [
        {
            "id": f"q{n}",
            "query": f"was, {n}?",
            "dataset": "ab"[n % 2],
            "tokens": 400 * n,
            "volume": f"v{n // 3}",
            "confidence": 0.8 + n / 20,
            **({"year": 1875 + 5 * n} if n < 3 else {}),
        }
        for n in range(4)
    ]
    lines = "".join(json.dumps(query) + "\n" for query in queries)
    (tmp_path / "queries").write_text(lines)
    (tmp_path / "qrels").write_text("".join(f"q{n} 0 good{n} 1\n" for n in range(4)))
    write_run(tmp_path / "bm25", {f"q{n}": ["x", f"good{n}"] for n in range(4)})
    write_run(tmp_path / "base", {f"q{n}": ["x", "y"] for n in range(4)})
    # The tuned system says nothing at all to the last query.
    write_run(tmp_path / "tuned", {f"q{n}": [f"good{n}", "x"] for n in range(3)})
    return tmp_path


def measure(folder, *more, systems=("bm25", "base", "tuned")):
    words = ["--qrels", folder / "qrels", "--queries", folder / "queries"]
    words += ["--runs", *(f"{name}={folder / name}" for name in systems)]
    words += ["--output", folder / "m.json", "--per-query", folder / "m.csv"]
    return program("measure_runs", *words, "--bootstrap", 500, *more)


def test_means_intervals_and_differences(runs):
    done = measure(runs, "--compare", "tuned=base")
    assert done.returncode == 0, done.stderr
    assert "tuned: 3 queries, 1 without a result" in done.stderr
    found = json.loads((runs / "m.json").read_text())
    assert found["queries"] == 4
    assert list(found["systems"]) == ["bm25", "base", "tuned"]
    bm25 = found["systems"]["bm25"]
    # Four queries are too few for an interval.
    assert bm25["RR@10"] == {"mean": 0.5, "low": None, "high": None}
    assert bm25["nDCG@10"]["mean"] == pytest.approx(0.63093, abs=1e-5)
    assert found["systems"]["base"]["R@100"]["mean"] == 0
    tuned = found["systems"]["tuned"]["AP"]
    assert tuned["mean"] == 0.75  # the query without a result counts as 0
    [pair] = found["comparisons"]
    assert (pair["system"], pair["base"]) == ("tuned", "base")
    # Three queries differ: 2 of their 8 combinations of signs are as far from 0.
    p = pair["difference"]["AP"].pop("p_holm")
    assert p == pair["difference"]["AP"].pop("p") == pytest.approx(0.25, abs=0.06)
    assert pair["difference"]["AP"].pop("at_most") is False
    assert pair["difference"]["AP"] == tuned
    assert found["bootstrap"]["randomisations"] == 2000
    assert (found["volumes"], found["queries_without_volume"]) == (2, 0)
    assert found["datasets"] == {"a": 2, "b": 2}


@pytest.fixture
def of_volumes(tmp_path):
    """12 queries of volumes: one named 1 in each of two datasets, v2 to v5, none."""
    of = ["a/1", "b/1", *(f"a/v{n % 4 + 2}" for n in range(9)), None]
    queries = [
        {"id": f"q{n:02}", "query": f"was, {n}?", "dataset": "ab"[n == 1]}
        | ({"cluster": one, "volume": one[2:]} if one else {})
        for n, one in enumerate(of)
    ]
    lines = "".join(json.dumps(query) + "\n" for query in queries)
    (tmp_path / "queries").write_text(lines)
    (tmp_path / "qrels").write_text("".join(f"q{n:02} 0 g{n} 1\n" for n in range(12)))
    for system, step in (("bm25", 2), ("tuned", 3)):
        ranked = {f"q{n:02}": ["x"] * (n % step and 1) + [f"g{n}"] for n in range(12)}
        write_run(tmp_path / system, ranked)
    return tmp_path


def test_intervals_over_volumes_stand_beside_those_over_queries(of_volumes):
    done = measure(
        of_volumes, "--compare", "tuned=bm25", "--seed", 3, systems=("bm25", "tuned")
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((of_volumes / "m.json").read_text())
    assert (found["volumes"], found["queries_without_volume"]) == (6, 1)
    value = found["systems"]["tuned"]["RR@10"]
    assert value["low"] < value["mean"] < value["high"]
    assert value["volumes_low"] < value["mean"] < value["volumes_high"]
    assert "volumes_low" in found["comparisons"][0]["difference"]["AP"]
    # Parts of fewer queries have none, whatever they are divided by.
    assert found["parts"]["dataset"]["b"]["systems"]["tuned"]["AP"]["low"] is None
    assert found["parts"]["dataset"]["a"]["systems"]["tuned"]["AP"]["volumes_low"]
    first = (of_volumes / "m.json").read_bytes()
    measure(
        of_volumes, "--compare", "tuned=bm25", "--seed", 3, systems=("bm25", "tuned")
    )
    assert (of_volumes / "m.json").read_bytes() == first
    lines = program("show_metrics", of_volumes / "m.json").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "12 test queries, 11 of them about 6 volumes"
    assert "n = 12" not in lines[-1]


def test_one_line_for_each_query_and_system(runs):
    assert measure(runs).returncode == 0
    with open(runs / "m.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["query_id"], row["system"]) for row in rows] == [
        (f"q{n}", system) for n in range(4) for system in ("bm25", "base", "tuned")
    ]
    assert rows[0]["query"] == "was, 0?"
    assert [float(row["RR@10"]) for row in rows if row["system"] == "tuned"] == [
        *(1, 1, 1, 0)
    ]


def test_systems_are_compared_in_the_order_given(runs):
    given = [("tuned", "base"), ("base", "bm25"), ("tuned", "bm25")]
    assert measure(runs, "--compare", *map("=".join, given)).returncode == 0
    found = json.loads((runs / "m.json").read_text())
    pairs = [(pair["system"], pair["base"]) for pair in found["comparisons"]]
    assert pairs == [("tuned", "base"), ("tuned", "bm25"), ("base", "bm25")]


def test_parts_of_the_queries_are_measured_by_themselves(runs):
    words = ["--length-edges", 0, 500, "--confidence-edges", 0, 0.84]
    assert measure(runs, *words, "--compare", "tuned=base").returncode == 0
    parts = json.loads((runs / "m.json").read_text())["parts"]
    assert {
        key: {name: part["queries"] for name, part in named.items()}
        for key, named in parts.items()
    } == {
        "dataset": {"a": 2, "b": 2},
        "volume": {"v0": 3, "v1": 1},
        "decade": {"1870s": 1, "1880s": 2, "undated": 1},
        "length": {"0 to 499": 2, "500 or more": 2},
        "confidence": {"0 to 0.84": 1, "0.84 to 1": 3},
    }
    by_dataset = {
        name: part["systems"]["tuned"]["AP"]["mean"]
        for name, part in parts["dataset"].items()
    }
    assert by_dataset == {"a": 1, "b": 0.5}
    (pair,) = parts["dataset"]["a"]["comparisons"]
    assert "p" not in pair["difference"]["AP"]


def test_the_measures_asked_for_and_no_others(runs):
    words = ["--measures", "P@3", "RR", "--compare", "tuned=base", "tuned=bm25"]
    assert measure(runs, *words).returncode == 0
    found = json.loads((runs / "m.json").read_text())
    assert found["measures"] == list(found["systems"]["bm25"]) == ["P@3", "RR"]
    assert [pair["base"] for pair in found["comparisons"]] == ["base", "bm25"]
    change = found["comparisons"][0]["difference"]["RR"]
    assert change["p"] == pytest.approx(0.25, abs=0.06)
    assert change["p_holm"] == pytest.approx(2 * change["p"], abs=1e-5)
    with open(runs / "m.csv", newline="") as file:
        assert next(csv.reader(file))[-3:] == ["system", "P@3", "RR"]
    lines = program("show_metrics", runs / "m.json").stdout.splitlines()
    assert lines[2].split() == ["system", "P@3", "MRR"]
    assert lines[-3] == "differences of P@3 with 95% bootstrap intervals"
    assert lines[-2] == "tuned vs base: +0.250 [–, n = 4]"


BETTER = {"system": "tuned", "measure": "AP", "over": "bm25", "by": 0.25}
ENOUGH = {"system": "tuned", "measure": "RR@10", "at_least": 0.75}


@pytest.mark.parametrize(
    ("requirements", "missed"),
    [
        ([BETTER, ENOUGH], None),
        ([BETTER | {"over": "tuned", "by": -0.1}], None),
        ([{"system": "tuned", "measure": "AP", "over": "bm25"}], None),
        (
            [ENOUGH, BETTER | {"by": 0.2501}, ENOUGH | {"at_least": 1}],
            "AP of tuned is 0.7500, required is at least bm25 + 0.2501 = 0.7501; "
            "RR@10 of tuned is 0.7500, required is at least 1 "
            "(the run's results are kept)",
        ),
    ],
)
def test_what_is_required_is_judged_and_enforced(runs, requirements, missed):
    words = [json.dumps(requirement) for requirement in requirements]
    assert measure(runs, "--require", *words).returncode == 0
    done = program(
        *("check_metrics", "--metrics", runs / "m.json", "--output", runs / "required")
    )
    if missed is None:
        assert done.returncode == 0, done.stderr
        results = json.loads((runs / "required").read_text())
        assert all(result["holds"] for result in results)
        assert len(results) == len(requirements)
    else:
        assert done.returncode == 1
        assert done.stderr == f"error: {runs}/m.json, `evaluate.require`: {missed}\n"
        assert not (runs / "required").exists()
        assert (runs / "m.json").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"system": "x"}, "names the system x, which evaluate.systems lacks"),
        ({"over": "x"}, "names the system x, which evaluate.systems lacks"),
        ({"measure": "P@7"}, "names the measure P@7, which evaluate.measures lacks"),
        ({"at_least": 0.5}, "expected `at_least`, or `over` and `by`"),
    ],
)
def test_what_cannot_be_required_is_refused(runs, change, reason):
    done = measure(runs, "--require", json.dumps(BETTER | change))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: `evaluate.require`: ")
    assert done.stderr.strip().endswith(reason)


def test_the_same_bytes_again_and_another_seed_only_moves_intervals(runs):
    outputs = []
    for seed in (1, 1, 2):
        assert measure(runs, "--seed", seed).returncode == 0
        outputs.append((runs / "m.json").read_text())
    assert outputs[0] == outputs[1]
    systems = [json.loads(text)["systems"] for text in outputs]
    for system, means in systems[0].items():
        for measure_name, value in means.items():
            assert systems[2][system][measure_name]["mean"] == value["mean"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--compare", "tuned=other"], "`--compare`: names the system other"),
        (["--compare", "tuned"], "`--compare`: has 'tuned', expected NAME=VALUE"),
        (["--measures", "map"], "`measures`: is map, expected measures such as nDCG"),
    ],
)
def test_a_comparison_needs_two_runs(runs, words, reason):
    done = measure(runs, *words)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {reason}")


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("tuned", "q9 Q0 x 1 1 x", "has the query q9, which "),
        ("tuned", "q0 Q0 x", "line 6: has 3 fields"),
        ("qrels", "q9 0 x 1", "judges the query q9, which "),
        ("qrels", "q9 0 x", "line 5: has 3 fields"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(runs, name, line, reason):
    if "fields" in reason:
        count = len((runs / name).read_text().splitlines())
        reason = f"line {count + 1}: " + reason.split(": ", 1)[1]
    with open(runs / name, "a") as file:
        file.write(line + "\n")
    done = measure(runs)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert str(runs / name) in last
    assert reason in last
    assert not (runs / "m.json").exists()
    assert not (runs / "m.csv").exists()


def test_queries_without_a_relevant_passage_are_left_out_and_counted(runs):
    # One judged, and found to have none; one not judged at all.
    judged = "q0 0 good0 2\nq0 0 x 0\nq1 0 good1 0\nq3 0 good3 1\n"
    (runs / "qrels").write_text(judged)
    done = measure(runs)
    assert done.returncode == 0, done.stderr
    assert "2 queries without a relevant passage are left out" in done.stderr
    metrics = json.loads((runs / "m.json").read_text())
    assert metrics["queries"] == 2
    assert metrics["queries_left_out"] == 2
    # The last query got no result from the tuned system, and counts all the same.
    assert metrics["systems"]["tuned"]["RR@10"]["mean"] == 0.5
    with open(runs / "m.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["query_id"] for row in rows} == {"q0", "q3"}
    (runs / "qrels").write_text("q0 0 good0 0\n")
    done = measure(runs)
    assert done.returncode == 1
    assert "qrels: holds no relevant passage" in done.stderr


def test_the_table_fits_a_terminal(runs):
    assert measure(runs, "--compare", "tuned=base").returncode == 0
    done = program("show_metrics", runs / "m.json")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) == 80
    assert lines[0] == "4 test queries about 2 volumes"
    assert lines[2].split() == ["system", "nDCG@10", "MAP", "R@100", "MRR@10"]
    assert ["tuned", *["0.750"] * 4] in [line.split() for line in lines]
    assert lines[-1] == "tuned vs base: +0.750 [–, n = 4]"


def test_the_table_marks_where_interval_and_p_disagree(of_volumes):
    words = ["--compare", "tuned=bm25"]
    assert measure(of_volumes, *words, systems=("bm25", "tuned")).returncode == 0
    path = of_volumes / "m.json"
    metrics = json.loads(path.read_text())
    change = metrics["comparisons"][0]["difference"]["nDCG@10"]
    for low, p, marked in ((0.01, 0.2, True), (0.01, 0.02, False), (-0.1, 0.02, True)):
        change |= {"mean": 0.1, "low": low, "high": 0.2, "p": p, "p_holm": p}
        path.write_text(json.dumps(metrics))
        lines = program("show_metrics", path).stdout.splitlines()
        assert lines[-1].endswith("]†" if marked else "]")
        note = "(†: the corrected p-value says otherwise, see the report)"
        assert (note in lines) == marked
        assert max(map(len, lines)) == 80


def test_the_table_bears_long_names(runs):
    name = "tuned_" + "x" * 90
    (runs / name).write_bytes((runs / "tuned").read_bytes())
    done = measure(runs, "--compare", f"{name}=base", systems=("base", name))
    assert done.returncode == 0
    lines = program("show_metrics", runs / "m.json").stdout.splitlines()
    assert max(map(len, lines)) <= 80


def test_another_file_is_no_table(runs):
    (runs / "other.json").write_text('{"queries": 3}')
    done = program("show_metrics", runs / "other.json")
    assert done.returncode == 1
    assert (
        "`measures`: is not there, expected what measure_runs.py writes" in done.stderr
    )


@pytest.mark.parametrize("name", ["measure_runs", "check_metrics", "show_metrics"])
def test_help_explains(name):
    done = program(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {name}.py")
