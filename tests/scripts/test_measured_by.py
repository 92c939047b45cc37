"""measure_runs.py by source, by page, and with further pairs."""

import json

from project import program
from test_measure_runs import measure, runs

# The fixture, as the tests name it.
__all__ = ["runs"]


def test_what_is_compared_further_leaves_the_others_as_they_are(runs):
    """In the file, and in the table that is printed of it."""
    tables = []
    for more in ([], ["--compare-further", "tuned=bm25", "bm25=base"]):
        assert measure(runs, "--compare", "tuned=base", *more).returncode == 0
        tables.append(json.loads((runs / "m.json").read_text()))
    alone, with_others = tables
    further = with_others.pop("further")
    assert with_others == alone
    assert [one["base"] for one in further] == ["bm25", "base"]
    assert all("p_holm" in one["difference"]["AP"] for one in further)
    said = program("show_metrics", runs / "m.json").stdout
    assert "tuned vs base: " in said.split("for information:")[0]
    assert "tuned vs bm25: " in said.split("for information:")[1]
    wrong = measure(runs, "--compare-further", "tuned=x")
    assert "`--compare-further`: names the system x" in wrong.stderr


def test_each_source_of_queries_is_measured_and_may_be_required(runs):
    required = {"system": "tuned", "measure": "RR@10", "over": "base", "source": "b"}
    words = ["--compare", "tuned=base", "--require", json.dumps(required)]
    assert measure(runs, *words, "--sources", "b", "a", "none").returncode == 0
    found = json.loads((runs / "m.json").read_text())
    assert list(found["sources"]) == ["b", "a"]
    parts = found["parts"]["dataset"]
    for name, part in found["sources"].items():
        assert part["queries"] == 2
        assert part["systems"] == parts[name]["systems"]
        assert "p_holm" in part["comparisons"][0]["difference"]["RR@10"]
    # b is asked q1 and q3, of which the tuned system says nothing to the last.
    [judged] = found["requirements"]
    assert (judged["value"], judged["wanted"]) == (0.5, 0)
    table = program("show_metrics", runs / "m.json").stdout
    assert "by source of the queries:\nb: +0.500 [–], n = 2\na: +1.000" in table
    gone = json.dumps(required | {"source": "none"})
    done = measure(runs, "--require", gone, "--sources", "b", "a", "none")
    assert "names the source none, which has no test queries" in done.stderr


def test_pages_are_counted_by_their_best_passages(runs):
    """bm25 finds another passage of the page that the relevant one is of: first."""
    ids = ["x", "y", *(f"good{n}" for n in range(4))]
    pages = {"good0": 1, "x": 1}
    passages = [
        {"id": key, "text": key, "volume": "v", "first_page": pages.get(key, n + 2)}
        for n, key in enumerate(sorted(ids))
    ]
    lines = "".join(json.dumps(one) + "\n" for one in passages)
    (runs / "corpus").write_text(lines)
    words = ["--corpus", runs / "corpus", "--unit", "page", "--compare", "tuned=bm25"]
    assert measure(runs, *words).returncode == 0
    found = json.loads((runs / "m.json").read_text())
    assert found["systems"]["bm25"]["RR@10"]["mean"] == (1 + 3 * 0.5) / 4
    # What no run of passages finds is found on its page.
    assert found["systems"]["base"]["RR@10"]["mean"] == 0.25
    assert found["counted"] == {"unit": "page", "units": 5, "passages": 6, "alone": 0}
    said = program("show_metrics", runs / "m.json").stdout.splitlines()
    assert said[0] == "4 test queries about 2 volumes, counted by page"
    done = measure(runs, *words[:2], "--unit", "group")
    assert "has no `group`, which evaluate.unit (group) counts" in done.stderr
    assert measure(runs, *words[:2]).returncode == 0
    assert "counted" not in json.loads((runs / "m.json").read_text())
