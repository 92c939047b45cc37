"""The figures, tables and pages of the report."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from arkiv.filters import Limits
from arkiv.negatives import RULES

SCRIPTS = Path(__file__).parents[2] / "scripts"
SVG = "{http://www.w3.org/2000/svg}"
# Of matplotlib, which is slow to import: everything that draws runs in this process.


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def assert_svg(path, title):
    root = ET.parse(path).getroot()
    assert root.tag == f"{SVG}svg"
    text = path.read_text()
    assert title in text
    assert "dc:date" not in text
    assert not root.findall(f".//{SVG}text"), "letters are to be paths"
    return text


def twice(make, *names):
    """Run a program twice; the second time its outputs must be the same bytes."""
    make()
    first = [name.read_bytes() for name in names]
    make()
    assert first == [name.read_bytes() for name in names]


def value(mean):
    return {"mean": mean, "low": mean - 0.05, "high": mean + 0.05}


@pytest.fixture
def metrics(tmp_path):
    measures = ["nDCG@10", "AP", "R@100", "RR@10"]
    part = {
        "queries": 7,
        "systems": {
            name: {measure: value(mean) for measure in measures}
            for name, mean in (
                ("bm25", 0.2),
                ("base_dense", 0.31),
                ("tuned_dense", 0.4),
            )
        },
        "comparisons": [
            {
                "system": "tuned_dense",
                "base": "base_dense",
                "difference": {measure: value(0.09) for measure in measures},
            }
        ],
    }
    path = tmp_path / "metrics.json"
    settings = {"samples": 1000, "seed": 0, "level": 0.95}
    parts = {
        "dataset": {"<a>": part | {"queries": 3}},
        "volume": {str(number): part for number in range(20)},
    }
    tested = json.loads(json.dumps(part))
    for measure, p in zip(measures, (0.0004, 0.03, 0.05, 1.0), strict=True):
        tested["comparisons"][0]["difference"][measure] |= {"p": p, "p_holm": p}
    about = {"measures": measures, "bootstrap": settings, "requirements": []}
    about |= {"gold": "teacher_pool", "queries_left_out": 2}
    path.write_text(json.dumps({**about, **tested, "parts": parts}))
    return path


def test_metrics_as_chart_and_table(metrics, tmp_path):
    from plot_metrics import main

    chart, table = tmp_path / "m.svg", tmp_path / "m.html"
    words = ["--metrics", metrics, "--chart", chart, "--table", table]
    twice(lambda: main(list(map(str, words))), chart, table)
    assert_svg(chart, "Retrieval measures")
    text = table.read_text()
    assert "What the systems find first was graded by the teacher" in text
    assert "Test queries left out for want of a relevant passage: 2." in text
    assert "<strong>0.400</strong><small>0.350 to 0.450</small>" in text
    assert text.count("<strong>") == 4 * 22  # the best of each column, in every part
    assert "tuned dense − base dense" in text
    interval = "<small>+0.040 to +0.140</small>"
    for stars, p in (
        ("<sup>***</sup>", "p &lt; 0.001"),
        ("<sup>*</sup>", "p = 0.030"),
        ("", "p = 0.050"),
    ):
        assert f"+0.090{stars}{interval}<small>{p}</small>" in text
    assert text.count(f"+0.090{interval}</td>") == 4 * 21  # parts are not tested
    assert "&lt;a&gt; (n = 3)</th>" in text
    assert "<a>" not in text
    # Few parts stand side by side, many below each other.
    assert '<th scope="col">&lt;a&gt; (n = 3)' in text
    assert '<th scope="row">19</th><td>7</td>' in text


def test_what_is_required_stands_in_the_table(metrics, tmp_path):
    from plot_metrics import main

    given = json.loads(metrics.read_text())
    figures = {"system": "tuned_dense", "measure": "AP", "value": 0.4}
    given["requirements"] = [
        figures | {"over": "base_dense", "by": 0.1, "wanted": 0.41, "holds": False},
        figures | {"at_least": 0.3, "wanted": 0.3, "holds": True},
    ]
    metrics.write_text(json.dumps(given))
    words = ["--metrics", metrics, "--chart", tmp_path / "c", "--table", tmp_path / "t"]
    main(list(map(str, words)))
    text = (tmp_path / "t").read_text()
    first = "<td>at least base dense + 0.1 = 0.4100</td><td>0.4000</td>"
    assert f"{first}<td><strong>missed</strong></td>" in text
    second = '<td>at least 0.3</td><td>0.4000</td><td><span class="badge">met</span>'
    assert second in text


@pytest.fixture
def rows(tmp_path):
    def row(n, **more):
        pair = {"id": str(n), "query": "q", "pos": ["p"], "neg": ["n", "m"]}
        scores = {"pos_scores": [3.0 + n], "neg_scores": [-4.5, n / 7]}
        return pair | scores | more

    mined = [
        row(
            n,
            pos_similarities=[0.8 if n else None],
            neg_similarities=[0.5, 0.6 + n / 50],
            neg_scores=[-4.5, 4.0],
        )
        for n in range(9)
    ]
    return (
        write(tmp_path / "mined1", mined[:5]),
        write(tmp_path / "mined2", mined[5:]),
        write(tmp_path / "given", [row(1)]),
    )


@pytest.fixture
def mined(tmp_path):
    """Statistics of a dataset that was mined."""
    none = dict.fromkeys(RULES, 0)
    content = {
        "limits": asdict(Limits(duplicate_jaccard=0.4, max_score=0.75)),
        "looked_at": {"dense": 40, "bm25": 0, "wider": 0, "random": 8},
        "dropped": {
            "dense": none | {"positive": 9, "near_duplicate": 2},
            "bm25": none,
            "wider": none,
            "random": none | {"near_duplicate": 1},
        },
        "sources": {"dense": 17, "bm25": 0, "wider": 0, "random": 1},
        "short_of_window": 3,
        "filled": {"wider": 0, "random": 2},
        "short": 1,
        "without_negatives": 1234,
    }
    (tmp_path / "mined.json").write_text(json.dumps(content))
    return tmp_path / "mined.json"


def audit(folder, *words):
    from plot_negatives import main

    page, chart = folder / "n.html", folder / "n.svg"
    words = [*words, "--page", page, "--chart", chart]
    twice(lambda: main(list(map(str, words))), page, chart)
    assert_svg(chart, "Negatives: similarity")
    return page.read_text()


def test_the_audit_counts_what_was_mined_and_dropped(rows, mined, tmp_path):
    first, second, given = rows
    words = ["--rows", f"a={first}", f"b={given}", f"a={second}"]
    text = audit(tmp_path, *words, "--stats", f"a={mined}")
    assert cells(text, "train pairs") == ["9", "1"]
    assert cells(text, "negatives") == ["18", "2"]
    assert cells(text, "negatives: random") == ["1", "–"]
    assert cells(text, "pairs: the window left too few") == ["3", "–"]
    assert cells(text, "pairs: filled with random passages") == ["2", "–"]
    assert cells(text, "pairs: left out, no negative found") == ["1,234", "–"]
    assert cells(text, "negatives that the teacher prefers to the positive") == [
        "1 (5.6 %)",
        "0",
    ]
    assert cells(text, "pairs with such a negative") == ["1 (11.1 %)", "0"]
    assert cells(text, "candidates looked at") == ["", "40", "8"]
    assert cells(text, "the row&#x27;s own positive") == ["", "9 (22.5 %)", "0"]
    assert cells(text, "near-duplicate of a positive, by words") == [
        "0.4",
        "2 (5.0 %)",
        "1 (12.5 %)",
    ]
    assert cells(text, "scores too high") == ["0.75", "0", "0"]
    assert "scores too low" not in text  # the rule was off


def test_every_number_of_a_dataset_is_drawn(rows):
    from arkiv.audit import read_rows

    found = read_rows(list(rows[:2]), 20, 0)
    assert {key: len(values) for key, values in found.numbers.items()} == {
        ("pos", "similarities"): 8,  # one is not known
        ("neg", "similarities"): 18,
        ("pos", "scores"): 9,
        ("neg", "scores"): 18,
    }


def test_every_rule_and_source_has_a_name_in_the_audit():
    from arkiv import audit, negatives

    assert tuple(audit.RULES) == negatives.RULES
    assert tuple(audit.SOURCES) == negatives.SOURCES
    limits = {limit for _, limit in audit.RULES.values() if limit}
    assert limits == set(asdict(Limits())) - {"block_pages"}


def test_the_audit_shows_the_worst_rows_and_some_at_random(tmp_path):
    def row(n):
        return {
            "id": f"{n:03}",
            "query": f"query {n}?",
            "pos": [f"right {n}", f"<i>also</i> right {n}"],
            "neg": [f"wrong {n}", f"very <b>wrong</b> {n}"],
            "pos_scores": [5.0, 1.0],
            "neg_scores": [1.0 if n != 70 else 1.5, n / 10 - 3],
            "neg_sources": ["dense", "random"],
            "neg_ranks": [n, None],
            "neg_similarities": [0.5, -0.25],
            "pos_similarities": [0.875, None],
        }

    path = write(tmp_path / "rows", [row(n) for n in range(80)])

    def shown(*words):
        text = audit(tmp_path, "--rows", f"a={path}", *words)
        return text, re.findall(r"<h3>query (\d+)\?</h3>", text)

    text, order = shown()
    assert [int(n) for n in order[:10]] == list(range(79, 69, -1))
    assert len(set(order)) == 20
    assert "a: 10 suspects" in text
    assert "a: 10 at random" in text
    # Of two positives, the one that scores lowest counts: 1.0.
    suspects = text[: text.index("a: 10 at random")]
    assert suspects.count("▲ preferred by the teacher") == 11
    assert suspects.count('class="suspect"') == 11
    assert text.count("✓ positive") == 40
    first = text[text.index("query 79?") : text.index("query 78?")]
    assert "embeddings · rank 79 · similarity 0.500 · teacher 1.00" in first
    assert "random · similarity −0.250 · teacher 4.90" in first
    assert "similarity 0.875 · teacher 5.00" in first
    assert "similarity – · teacher 1.00" in first
    assert "very &lt;b&gt;wrong&lt;/b&gt; <mark>79</mark>" in first
    assert "<b>" not in text
    assert "<i>" not in text
    assert shown("--seed", 0)[1] == order
    others = {tuple(shown("--seed", seed)[1][10:]) for seed in range(1, 5)}
    assert len(others) > 1
    assert [len(shown("--examples", n)[1]) for n in (0, 1, 3, 200)] == [0, 1, 3, 80]


def test_without_a_teacher_suspects_go_by_similarity(rows, tmp_path):
    mined = [json.loads(line) for path in rows[:2] for line in path.open()]
    path = write(
        tmp_path / "unscored",
        [
            {key: value for key, value in row.items() if "_scores" not in key}
            for row in mined
        ],
    )
    text = audit(tmp_path, "--rows", f"a={path}", "--examples", 4)
    assert "The pairs in which the similarity prefers" in text
    assert cells(text, "pairs with such a negative") == ["–"]
    assert "preferred by the teacher" not in text


def test_negatives_of_one_value_and_rows_without_any_can_be_drawn(tmp_path):
    pair = {"query": "q", "pos": ["p"]}
    same = {"neg": ["n", "m"], "neg_scores": [0.5, 0.5], "pos_scores": [0.5]}
    path = write(
        tmp_path / "rows",
        [pair | same | {"neg_similarities": None}, pair | {"query": "r"}],
    )
    text = audit(tmp_path, "--rows", f"a={path}")
    assert cells(text, "negatives that the teacher prefers to the positive") == ["0"]
    assert "No negatives." in text


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"neg_ranks": [1]}, r"line 1, `neg_ranks`: holds 1 ranks for 2 texts of"),
        ({"pos_similarities": 3}, r"line 1, `pos_similarities`: is not a list of"),
        ({"neg_sources": ["bm25", None]}, r"line 1, `neg_sources`: is not a list of"),
        ({"neg_scores": [1.0]}, r"line 1, `neg_scores`: holds 1 scores for 2 texts"),
    ],
)
def test_a_row_that_cannot_be_audited_is_named(tmp_path, row, said):
    from arkiv.errors import InputError

    pair = {"query": "q", "pos": ["p"], "neg": ["n", "m"]}
    path = write(tmp_path / "rows", [pair | row])
    with pytest.raises(InputError, match=said):
        audit(tmp_path, "--rows", f"a={path}")
    assert not (tmp_path / "n.html").exists()


def test_other_statistics_are_named(rows, tmp_path):
    from arkiv.errors import InputError

    (tmp_path / "old.json").write_text('{"queries": 3}')
    with pytest.raises(
        InputError, match=r"old\.json, `limits`: is not there, expected"
    ):
        audit(tmp_path, "--rows", f"a={rows[0]}", "--stats", f"a={tmp_path}/old.json")


@pytest.fixture
def stats(tmp_path):
    """Files of one dataset that starts from pages and one of ready pairs."""
    files = {
        "docs": {"volumes": 2, "pages": 1234, "documents": 99, "rejected": 3},
        "pairs": {
            "pairs": 90,
            "queries": 88,
            "train": 70,
            "dev": 9,
            "test": 9,
            "bad_lines": 1,
            "set_aside": {"its pages lie on <both> sides": 2},
        },
        "mined": {
            "queries": 70,
            "short": 4,
            "without_negatives": 0,
            "short_of_window": 0,
        },
        "split": {
            "pairs": 70,
            "buckets": [
                {"from": 0, "to": 500, "pairs": 69},
                {"from": 500, "to": 1000, "pairs": 0},
                {"from": 1000, "to": None, "pairs": 1},
            ],
            "teacher": {"negatives_dropped": 17, "rows_short": 5},
            "set_aside": {"every negative is <high>": 3},
        },
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    return tmp_path


def cells(text, row):
    [line] = [line for line in text.splitlines() if f">{row}</th>" in line]
    return re.findall("<td>(.*?)</td>", line)


def test_the_way_of_the_data(stats):
    from plot_data import main

    table, lengths = stats / "d.html", stats / "d.svg"
    words = ["--documents", f"court={stats / 'docs'}"]
    words += ["--pairs", f"court={stats / 'pairs'}", f"letters={stats / 'pairs'}"]
    words += ["--negatives", f"court={stats / 'mined'}"]
    words += ["--shards", f"court={stats / 'split'}", f"letters={stats / 'split'}"]
    words += ["--table", table, "--lengths", lengths]
    twice(lambda: main(list(map(str, words))), table, lengths)
    text = table.read_text()
    assert cells(text, "pages") == ["1,234", "–"]
    assert cells(text, "train pairs") == ["70", "70"]
    assert cells(text, "train pairs whose negatives were mined") == ["70", "–"]
    assert cells(text, "pairs: its pages lie on &lt;both&gt; sides") == ["2", "2"]
    assert cells(text, "train pairs: fewer negatives than asked for") == ["4", "0"]
    assert cells(text, "negatives: the teacher scores them too high") == ["17", "17"]
    assert cells(text, "train pairs: some of their negatives dropped") == ["5", "5"]
    assert cells(text, "train pairs: every negative is &lt;high&gt;") == ["3", "3"]
    assert "no negatives found" not in text
    assert "<both>" not in text
    assert_svg(lengths, "Lengths of the train pairs")


def test_queries_and_what_a_language_model_cost(stats):
    from plot_data import main

    usage = {"requests": 1250, "input_tokens": 500000, "output_tokens": 20000}
    usage |= {"estimated_requests": 3, "money": 0.0871}
    queries = {"queries": 80, "wanted": 99, "usage": usage}
    queries["rejected"] = {"copies its passage": 12, "is empty": 7}
    (stats / "asked").write_text(json.dumps(queries))
    plain = {"queries": 90, "wanted": 90, "rejected": {}, "usage": {}}
    (stats / "plain").write_text(json.dumps(plain))
    words = ["--queries", f"court={stats / 'asked'}", f"letters={stats / 'plain'}"]
    words += ["--table", stats / "d.html", "--lengths", stats / "d.svg"]
    main(list(map(str, words)))
    text = (stats / "d.html").read_text()
    assert cells(text, "queries wanted") == ["99", "90"]
    assert cells(text, "queries kept") == ["80", "90"]
    assert cells(text, "queries: copies its passage") == ["12", "–"]
    assert cells(text, "requests answered") == ["1,250", "–"]
    assert cells(text, "tokens of prompts") == ["500,000", "–"]
    assert cells(text, "cost, by the prices in the configuration") == ["0.0871", "–"]
    words[1:3] = [f"letters={stats / 'plain'}"]
    main(list(map(str, words)))
    assert "Language model" not in (stats / "d.html").read_text()


def test_the_way_of_the_data_shows_what_was_set_aside_of_the_pages(stats):
    from plot_data import main

    counts = {
        "lines": 5000,
        "lines_set_aside": 41,
        "words_in_lines_set_aside": 123,
        "rejected": {"line below min_confidence": 41, "not a page": 2},
    }
    (stats / "docs").write_text(json.dumps(counts))
    words = ["--documents", f"court={stats / 'docs'}", "--table", stats / "d.html"]
    main(list(map(str, [*words, "--lengths", stats / "d.svg"])))
    text = (stats / "d.html").read_text()
    assert cells(text, "lines of text set aside") == ["41"]
    assert cells(text, "words in lines set aside") == ["123"]
    assert cells(text, "pages and documents: line below min_confidence") == ["41"]
    assert cells(text, "pages and documents: not a page") == ["2"]


@pytest.fixture
def history(tmp_path):
    log = [
        {"step": n, "epoch": n / 10, "loss": 3 / n, "learning_rate": 1e-5 / n}
        for n in range(1, 21)
    ]
    log[4]["loss"] = None  # what the trainer logs for NaN
    content = {"rows": 1070, "rows_used": 1064, "rows_left_out": {"a": 4, "b": 2}}
    content |= {
        "rows_drawn": 1600,
        "weights": {"a": 2},
        "steps": 20,
        "epochs": 2.0,
        "seconds": 90.0,
        "world_size": 2,
        "log": log,
        "warnings": [{"step": 20, "warning": "it forgets"}],
    }
    path = tmp_path / "history.json"
    path.write_text(json.dumps(content))
    return path


def test_training_says_what_it_used(stats, history):
    from plot_data import main

    words = ["--pairs", f"court={stats / 'pairs'}", "--history", history]
    words += ["--table", stats / "d.html", "--lengths", stats / "d.svg"]
    main(list(map(str, words)))
    text = (stats / "d.html").read_text()
    assert cells(text, "of them used in an epoch") == ["1,064"]
    drawn = "drawn for an epoch by the weights of datasets"
    assert cells(text, drawn) == ["1,600"]
    assert cells(text, "of them left out, for they fill no batch") == ["6"]
    assert cells(text, "minutes") == ["1.5"]
    # Beside the table, which a long sentence would stretch out of the page.
    assert "<p>Warning at step 20: it forgets.</p>" in text
    assert_svg(stats / "d.svg", "Lengths of the train pairs")  # says there are none


def test_loss_and_learning_rate_by_step(history, tmp_path):
    from plot_training import main, series, smoothed

    output = tmp_path / "t.svg"
    twice(lambda: main(["--history", str(history), "--output", str(output)]), output)
    assert_svg(output, "Training")
    steps, losses = series(json.loads(history.read_text())["log"], "loss")
    assert steps.tolist() == [1, 2, 3, 4, *range(6, 21)]
    assert losses[0] == 3
    assert smoothed(losses) == pytest.approx(
        [losses[max(n - 1, 0) : n + 2].mean() for n in range(19)]
    )


@pytest.fixture
def watched(history):
    """A history with measures, which rise on dev queries and fall on general ones."""
    bases = {"dense": 0.6, "sparse": 0.5, "multi_vector": 0.65, "combined": 0.7}
    entries = [
        {
            "step": step,
            "scores": {
                name: {
                    mode: {"nDCG@10": base + sign * step / 100, "RR@10": 0.1}
                    for mode, base in bases.items()
                }
                for name, sign in (("dev", 1), ("general", -1))
            },
        }
        for step in (0, 10, 20)
    ]
    sizes = {"queries": 5, "passages": 1200}
    evaluation = {
        "collections": {"dev": sizes, "general": sizes},
        "mode": "dense",
        "measure": "nDCG@10",
        "best_step": 20,
        "entries": entries,
    }
    content = json.loads(history.read_text()) | {"evaluation": evaluation}
    history.write_text(json.dumps(content))
    return history


def test_measures_of_dev_and_general_queries_by_step(watched, tmp_path):
    from plot_training import main

    output = tmp_path / "t.svg"
    twice(lambda: main(["--history", str(watched), "--output", str(output)]), output)
    assert_svg(output, "Training")


def drawn(history, monkeypatch):
    """The panels of a figure of a history, laid out as they would be written."""
    import plot_training

    figures = []
    monkeypatch.setattr(
        plot_training, "write_svg", lambda path, figure, title: figures.append(figure)
    )
    plot_training.main(["--history", str(history), "--output", "unused.svg"])
    [figure] = figures
    figure.draw_without_rendering()
    return figure.axes


def test_every_mode_is_seen_on_one_scale_and_its_name_hides_no_curve(
    watched, monkeypatch
):
    loss, *measures, rate = drawn(watched, monkeypatch)
    assert [panel.get_title("left") for panel in (loss, rate)] == [
        "Loss",
        "Learning rate",
    ]
    assert [panel.get_title("left") for panel in measures] == [
        f"nDCG@10: 5 {name} queries in 1,200 passages" for name in ("dev", "general")
    ]
    low, high = measures[0].get_ylim()
    assert (low, high) == measures[1].get_ylim()
    for panel, ends in zip(measures, ((0.8, 0.9), (0.4, 0.5)), strict=True):
        *modes, kept = panel.get_lines()
        assert len(modes) == 4
        values = [line.get_ydata() for line in modes]
        assert (values[0][-1], values[3][-1]) == pytest.approx(ends)
        assert all(low < value < high for line in values for value in line)
        assert list(kept.get_xdata()) == [20, 20]
    assert high - low < 0.75  # no room is lost to what no curve reaches
    legend = measures[1].get_legend()
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["dense", "sparse", "multi-vector", "combined", "kept: step 20"]
    box = legend.get_window_extent()
    assert not any(box.overlaps(panel.bbox) for panel in (*measures, rate))


def test_a_flat_curve_looks_flat():
    from plot_training import LEAST_SPAN, limits

    flat = {"dense": {"RR@10": 0.7}, "sparse": {"RR@10": 0.7001}}
    evaluation = {"measure": "RR@10", "entries": [{"scores": {"dev": flat}}]}
    low, high = limits(evaluation)
    assert high - low == pytest.approx(LEAST_SPAN)
    assert low < 0.7 < 0.7001 < high


def test_a_long_run_makes_no_large_figure(history, tmp_path, monkeypatch):
    from plot_training import MOST_DOTS, main, smoothed

    log = [
        {"step": n, "loss": 2 + n % 7, "learning_rate": 1e-5} for n in range(1, 50_001)
    ]
    history.write_text(json.dumps({"log": log}))
    main(["--history", str(history), "--output", str(tmp_path / "t.svg")])
    assert (tmp_path / "t.svg").stat().st_size < 1_000_000
    loss, _ = drawn(history, monkeypatch)
    dots, mean = loss.get_lines()
    assert len(dots.get_xdata()) == len(mean.get_xdata()) == MOST_DOTS
    assert dots.get_label() == "one step in 25"
    # The mean is of all steps, not of those that are drawn.
    every = smoothed(np.array([entry["loss"] for entry in log]))
    assert mean.get_ydata() == pytest.approx(every[::25])


def test_a_history_without_losses_is_refused(tmp_path):
    from arkiv.errors import InputError
    from plot_training import main

    (tmp_path / "h.json").write_text('{"log": []}')
    words = ["--history", str(tmp_path / "h.json"), "--output", str(tmp_path / "t.svg")]
    with pytest.raises(InputError, match="`log`: logs no losses, expected what train_"):
        main(words)
    assert not (tmp_path / "t.svg").exists()


@pytest.mark.parametrize(
    "name",
    [
        *("plot_data", "plot_metrics", "plot_negatives", "plot_training"),
        *("show_searches", "export_model"),
    ],
)
def test_help_explains(name):
    done = subprocess.run(
        [sys.executable, SCRIPTS / f"{name}.py", "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {name}.py")


def test_without_a_dataset_there_is_nothing_to_draw(tmp_path):
    words = ["--table", tmp_path / "t", "--lengths", tmp_path / "l"]
    done = subprocess.run(
        [sys.executable, SCRIPTS / "plot_data.py", *words],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == ("error: `--pairs`: name the files of at least one dataset\n")


@pytest.fixture
def searches(tmp_path):
    texts = ["En <b>kvarn</b> & en å", "Skogen vid kvarnen", "Arvet", "Eden", "Boten"]
    passages = [{"id": f"p{n}", "text": text} for n, text in enumerate(texts)]
    passages[0] |= {"volume": "A<1>", "first_page": 3, "last_page": 4}
    passages[1] |= {"volume": "B", "first_page": 7, "last_page": 7}
    passages[2] |= {"volume": "C"}
    write(tmp_path / "corpus", passages)
    queries = [{"id": f"q{n}", "query": f"<Vem> ägde kvarn {n}?"} for n in range(6)]
    write(tmp_path / "queries", queries)
    (tmp_path / "qrels").write_text("".join(f"q{n} 0 p1 1\n" for n in range(6)))
    for name, order in (("base", "p0 p2 p3 p4 p1"), ("tuned", "p1 p0 p2 p3")):
        (tmp_path / name).write_text(
            "".join(
                f"q{n} Q0 {key} {rank} {-rank} x\n"
                for n in range(5)  # nothing is found for the last query
                for rank, key in enumerate(order.split(), start=1)
            )
        )
    return tmp_path


def show(folder, *more, corpus="corpus"):
    from show_searches import main

    words = ["--corpus", folder / corpus, "--queries", folder / "queries"]
    words += ["--qrels", folder / "qrels", "--output", folder / "s.html"]
    words += ["--runs", f"base={folder / 'base'}", f"tuned_dense={folder / 'tuned'}"]
    main(list(map(str, (*words, *more))))
    return (folder / "s.html").read_text()


def test_searches_side_by_side(searches):
    twice(lambda: show(searches), searches / "s.html")
    text = show(searches)
    assert text.count("<section>") == text.count("<h2>") == 6
    assert text.count("<h3>base</h3>") == text.count("<h3>tuned dense</h3>") == 6
    assert "<h2>&lt;Vem&gt; ägde kvarn 0?</h2>" in text
    assert "En &lt;b&gt;<mark>kvarn</mark>&lt;/b&gt; &amp; en å" in text
    assert "Skogen vid <mark>kvarnen</mark>" in text
    assert "volume A&lt;1&gt;, pages 3–4" in text
    assert "volume B, page 7<" in text
    assert "volume C<" in text
    assert "<b>" not in text
    assert "<Vem>" not in text
    # Relevant ones are told by a word too, not by colour alone.
    assert text.count("✓ relevant") == text.count('<li class="relevant">') == 5
    assert text.count("first relevant passage at rank 5") == 5
    assert text.count("first relevant passage at rank 1<") == 5
    assert text.count("relevant passage not among the 0 found") == 2


def test_graded_judgements_stand_by_the_searches(searches):
    lines = ["q0 0 p1 1", "q0 0 p2 3", "q0 0 p3 0", "q1 0 p4 0"]
    lines += [f"q{n} 0 p1 2" for n in range(2, 6)]
    (searches / "qrels").write_text("".join(f"{line}\n" for line in lines))
    text = show(searches)
    by_query = {
        name: text.partition(f"kvarn {name}?</h2>")[2].partition("<h2>")[0]
        for name in (0, 1, 2)
    }
    grades = re.findall(r"grade \d", by_query[0])
    assert grades == ["grade 3", "grade 1"]
    assert by_query[0].count("✓ relevant") == 3  # two by the tuned model, one by base
    assert by_query[1].count("no passage is judged relevant") == 2
    assert "grade" not in by_query[2]


def test_the_examples_are_drawn_by_seed(searches):
    def drawn(seed):
        return re.findall(
            "<h2>(.*?)</h2>", show(searches, "--examples", 2, "--seed", seed)
        )

    assert len(drawn(0)) == 2
    assert drawn(0) == drawn(0)
    assert len({tuple(drawn(seed)) for seed in range(8)}) > 1


def test_a_passage_that_the_corpus_lacks_is_named(searches):
    from arkiv.errors import InputError

    write(searches / "other", [{"id": "p0", "text": "one"}])
    with pytest.raises(InputError, match="lacks the passage p1, which a run or the"):
        show(searches, corpus="other")
    assert not (searches / "s.html").exists()
