"""The figures of the report, and the page of the audit."""

import html
import json
import re
from random import Random

import pytest
from figures import assert_svg, twice
from project import program

from arkiv.base.declared import settings_of
from arkiv.mining.filters import ORDER, FilterSettings

# Of matplotlib, which is slow to import: everything that draws runs in this process.


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def value(mean):
    return {"mean": mean, "low": mean - 0.05, "high": mean + 0.05}


def measured(folder, systems, pairs, queries):
    """Files of measure_runs.py: the n-th of m systems has n / m on each query."""
    values = {name: n / len(systems) for n, name in enumerate(systems, start=1)}
    metrics = {
        "measures": ["nDCG@10", "AP"],
        "queries": queries,
        "bootstrap": {"samples": 1000, "seed": 0, "level": 0.95},
        "systems": {
            name: dict.fromkeys(("nDCG@10", "AP"), value(mean))
            for name, mean in values.items()
        },
        "comparisons": [{"system": one, "base": other} for one, other in pairs],
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    lines = ["query_id,query,dataset,system,nDCG@10,AP"]
    lines += [
        f"q{n},text,d,{name},{mean},0.5"
        for n in range(queries)
        for name, mean in values.items()
    ]
    (folder / "per_query.csv").write_text("\n".join(lines) + "\n")
    words = ["--metrics", folder / "metrics.json", "--chart", folder / "m.svg"]
    words += ["--per-query", folder / "per_query.csv"]
    return list(map(str, [*words, "--differences", folder / "d.svg"]))


def test_an_axis_is_filled_by_its_values_and_shows_what_is_flat_as_flat():
    from plot_metrics import scale

    random = Random(0)
    for _ in range(300):
        wide, span = random.choice([0.001, 0.05, 0.4]), random.choice([0, 0.02, 1])
        of = [{"mean": 0.5 + span * (random.random() - 0.5)} for _ in range(9)]
        for one in of:
            known = random.random() < 0.8
            one["low"] = max(0, one["mean"] - wide) if known else None
            one["high"] = min(1, one["mean"] + wide) if known else None
        systems = {f"s{n}": {"AP": one} for n, one in enumerate(of)}
        left, right = scale({"systems": systems}, list(systems), "AP")
        values = [value for one in of for value in one.values() if value is not None]
        low, high = min(values), max(values)
        assert left < low <= high < right
        assert -0.04 < left < right < 1.04
        # Most of it is theirs, unless they are all but the same.
        assert high - low > 0.8 * (right - left) or right - left < 0.13


def test_measures_and_differences_as_charts(tmp_path):
    from plot_metrics import main

    systems = ["bm25", "base_dense", "tuned_dense"]
    pairs = [("tuned_dense", "base_dense"), ("tuned_dense", "bm25"), ("bm25", "x")]
    words = measured(tmp_path, systems, pairs, 7)
    twice(lambda: main(words), tmp_path / "m.svg", tmp_path / "d.svg")
    text = assert_svg(tmp_path / "m.svg", "Retrieval measures")
    assert "tuned dense" in text
    text = assert_svg(tmp_path / "d.svg", "Differences by query")
    assert "tuned dense − base dense, alike on 0" in text
    assert text.count("better on 7") == text.count("worse on 0") == 2


@pytest.mark.parametrize(
    ("count", "pairs", "queries"),
    [(100, [("s1", "s0")], 20), (2, [("s1", "s0")], 10_000), (1, [], 1)],
)
def test_charts_of_many_systems_many_queries_and_of_one(
    tmp_path, count, pairs, queries
):
    from plot_metrics import main

    main(measured(tmp_path, [f"s{n}" for n in range(count)], pairs, queries))
    assert (tmp_path / "m.svg").stat().st_size < 1_000_000
    assert (tmp_path / "d.svg").stat().st_size < 500_000
    if not pairs:
        assert "no systems are compared" in (tmp_path / "d.svg").read_text()


def test_a_chart_of_too_few_queries_has_no_intervals(tmp_path):
    from plot_metrics import main

    words = measured(tmp_path, ["bm25", "tuned_dense"], [], 4)
    with_lines = json.loads((tmp_path / "metrics.json").read_text())
    main(words)
    assert "4 test queries, with 95% bootstrap intervals" in (
        (tmp_path / "m.svg").read_text()
    )
    for means in with_lines["systems"].values():
        for of in means.values():
            of |= {"low": None, "high": None}
    (tmp_path / "metrics.json").write_text(json.dumps(with_lines))
    main(words)
    text = assert_svg(tmp_path / "m.svg", "Retrieval measures")
    assert "mean over 4 test queries, too few for intervals" in text


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
    none = dict.fromkeys((one.name for one in ORDER), 0)
    content = {
        "limits": {"duplicate_jaccard": 0.4, "max_score": 0.75, "same_block": "allow"},
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


def audit(folder, *words, repeated=False):
    """The page; where it is made repeatedly, of the same bytes, as all that is made."""
    from plot_negatives import main

    made = page, chart, _ = [folder / f"n.{end}" for end in ("html", "svg", "json")]
    given = zip(("--page", "--chart", "--numbers"), made, strict=True)
    words = [str(word) for word in (*words, *(one for both in given for one in both))]
    if repeated:
        twice(lambda: main(words), *made)
    else:
        main(words)
    assert_svg(chart, "Negatives: similarity")
    return page.read_text()


def test_the_audit_tells_of_shares_that_are_not_as_asked_for(rows, tmp_path):
    first, _, given = rows
    words = ["--rows", f"a={first}", f"b={given}", "--pairs"]
    one = {"side": "test", "pairs": 0, "of": 9, "asked": 0.1, "why": "<three> volumes"}
    asked = {"train": 0.8, "dev": 0.1, "test": 0.1}
    stats = {"train": 8, "dev": 1, "test": 0, "shares": {"asked": asked, "off": [one]}}
    (tmp_path / "a.json").write_text(json.dumps(stats))
    (tmp_path / "b.json").write_text(json.dumps({"pairs": 1}))
    both = [f"{name}={tmp_path / name}.json" for name in "ab"]
    text = audit(tmp_path, *words, *both)
    assert "whose share of the pairs is another than was asked for" in text
    assert "no pair" in text
    assert "&lt;three&gt; volumes" in text
    assert "whose share of" not in audit(tmp_path, *words, both[1])


def test_the_audit_counts_what_was_mined_and_dropped(rows, mined, tmp_path):
    first, second, given = rows
    words = ["--rows", f"a={first}", f"b={given}", f"a={second}"]
    words += ["--run", "court <1>", "--stats", f"a={mined}"]
    text = audit(tmp_path, *words, repeated=True)
    assert "<h1>Negatives before training: court &lt;1&gt;</h1>" in text
    assert text.count("<main>") == text.count("<header>") == text.count("<nav") == 1
    assert "<dt>negative</dt>" in text
    assert cells(text, "train pairs") == ["9", "1"]
    # What counts nothing in any dataset is folded, and nothing else.
    folded = "".join(re.findall("<details><summary>.*?</details>", text, re.DOTALL))
    assert cells(folded, "pairs: filled from beyond the window") == ["0", "–"]
    assert ">pairs: filled with random passages<" not in folded
    assert cells(text, "negatives") == ["18", "2"]
    assert cells(text, "negatives: random") == ["1", "–"]
    assert cells(text, "pairs: the window left too few") == ["3", "–"]
    assert cells(text, "pairs: filled with random passages") == ["2", "–"]
    assert cells(text, "pairs: left out, no negative found") == ["1,234", "–"]
    assert cells(text, "negatives that the teacher prefers to the positive") == [
        "1 (5.6%)",
        "0",
    ]
    assert cells(text, "pairs with such a negative") == ["1 (11.1%)", "0"]
    assert cells(text, "candidates looked at") == ["", "40", "8"]
    assert cells(text, "the row&#x27;s own positive") == ["", "9 (22.5%)", "0"]
    assert cells(text, "near-duplicate of a positive, by words") == [
        "0.4",
        "2 (5.0%)",
        "1 (12.5%)",
    ]
    assert cells(text, "scores too high") == ["0.75", "0", "0"]
    assert "scores too low" not in text  # the rule was off
    numbers = json.loads((tmp_path / "n.json").read_text())
    assert numbers["a"]["rows"] == 9
    assert ["train pairs", "9"] in numbers["a"]["lines"]
    assert numbers["a"]["spread"]["similarities"]["pos"]["count"] == 8
    assert numbers["a"]["spread"]["scores"]["neg"]["50 %"] == -0.25
    assert numbers["a"]["dropped"]["the row's own positive"] == 9
    assert numbers["a"]["dropped"]["near-duplicate of a positive, by words"] == 3
    assert numbers["b"]["spread"]["similarities"] == {"pos": None, "neg": None}
    assert numbers["b"]["dropped"] == {}


def test_the_figure_of_many_datasets_shows_the_largest(rows, tmp_path):
    first, second, given = rows
    words = ["--rows", *(f"d{n}={given}" for n in range(30))]
    audit(tmp_path, *words, f"big={first}", f"big={second}", repeated=True)
    text = (tmp_path / "n.svg").read_text()
    assert "big: teacher score" in text
    assert text.count(": teacher score") == 8
    assert len(json.loads((tmp_path / "n.json").read_text())) == 31


def test_every_number_of_a_dataset_is_drawn(rows):
    from arkiv.mining.audit import read_rows

    found = read_rows(list(rows[:2]), 20, 0)
    assert {key: len(values) for key, values in found.numbers.items()} == {
        ("pos", "similarities"): 8,  # one is not known
        ("neg", "similarities"): 18,
        ("pos", "scores"): 9,
        ("neg", "scores"): 18,
    }


@pytest.mark.parametrize(
    ("tiny", "first"),
    [
        ([], "Read the suspects"),
        (["embedder", "reranker"], "Toy models: embedder and reranker are tiny, built"),
        (["reranker"], "Toy model: reranker is tiny, built"),
    ],
)
def test_the_audit_of_toy_models_says_so_first(rows, tmp_path, tiny, first):
    words = ["--rows", f"a={rows[0]}", *(["--tiny", *tiny] if tiny else [])]
    text = audit(tmp_path, *words)
    opening = re.sub("<[^>]+>", "", text[text.index("<ul>") :]).lstrip()
    assert opening.startswith(first)
    assert ("say nothing about BGE-M3" in text) == bool(tiny)


def test_every_filter_that_is_on_has_its_count_in_the_audit(rows, mined, tmp_path):
    stats = json.loads(mined.read_text())
    stats["limits"] = dict.fromkeys(settings_of(FilterSettings), 0.5)
    for place, one in enumerate(ORDER):
        stats["dropped"]["dense"][one.name] = place + 1
    mined.write_text(json.dumps(stats))
    text = audit(tmp_path, "--rows", f"a={rows[0]}", "--stats", f"a={mined}")
    shown = json.loads((tmp_path / "n.json").read_text())["a"]["dropped"]
    assert len(shown) == len(ORDER)
    assert all(f">{html.escape(title)}</th>" in text for title in shown)


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

    def shown(*words, **how):
        text = audit(tmp_path, "--rows", f"a={path}", *words, **how)
        return text, re.findall(r"<strong>query (\d+)\?</strong>", text)

    text, order = shown(repeated=True)
    assert [int(n) for n in order[:10]] == list(range(79, 69, -1))
    assert len(set(order)) == 20
    assert "Rows of a to read</h2>" in text
    assert "<h3>10 suspects</h3>" in text
    assert "the best negative 3.90 beyond the positive" in text
    # The first is open, all can be opened.
    assert re.findall('<details class="search"( open="")?>', text)[:2] == [
        ' open=""',
        "",
    ]
    # Of two positives, the one that scores lowest counts: 1.0.
    suspects = text[: text.index("<h3>10 at random</h3>")]
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
    assert shown("--seed", 42)[1] == order
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
    from arkiv.base.errors import InputError

    pair = {"query": "q", "pos": ["p"], "neg": ["n", "m"]}
    path = write(tmp_path / "rows", [pair | row])
    with pytest.raises(InputError, match=said):
        audit(tmp_path, "--rows", f"a={path}")
    assert not (tmp_path / "n.html").exists()


def test_other_statistics_are_named(rows, tmp_path):
    from arkiv.base.errors import InputError

    (tmp_path / "old.json").write_text('{"queries": 3}')
    with pytest.raises(
        InputError, match=r"old\.json, `limits`: is not there, expected"
    ):
        audit(tmp_path, "--rows", f"a={rows[0]}", "--stats", f"a={tmp_path}/old.json")


def cells(text, row):
    [line] = [line for line in text.splitlines() if f">{row}</th>" in line]
    return re.findall("<td[^>]*>(.*?)</td>", line)


def test_lengths_of_the_train_pairs(tmp_path):
    from plot_lengths import main

    def buckets(*counts):
        ranges = ((0, 500), (500, 1000), (1000, None))
        return [
            {"from": low, "to": end, "pairs": count}
            for (low, end), count in zip(ranges, counts, strict=True)
        ]

    sizes = {"court": (69, 0, 1)} | {f"d{n}": (n, 1, 1) for n in range(30)}
    for name, counts in sizes.items():
        (tmp_path / name).write_text(json.dumps({"buckets": buckets(*counts)}))
    output = tmp_path / "l.svg"
    words = ["--shards", *(f"{name}={tmp_path / name}" for name in sizes)]
    twice(lambda: main([*words, "--output", str(output)]), output)
    text = assert_svg(output, "Lengths of the train pairs")
    assert "1,000 or more" in text
    assert "500 to 999" in text
    # Those of the largest datasets alone: a figure of hundreds could not be read.
    assert "court: tokens" in text
    assert text.count(": tokens of a pair") == 8


def test_a_log_of_another_kind_is_named(tmp_path):
    from arkiv.base.errors import InputError
    from plot_lengths import main

    (tmp_path / "l.json").write_text('{"pairs": 3}')
    words = ["--shards", f"a={tmp_path / 'l.json'}", "--output", str(tmp_path / "l")]
    with pytest.raises(InputError, match=r"l\.json, `buckets`: is not there, expected"):
        main(words)


@pytest.mark.parametrize(
    "name",
    [
        *("plot_lengths", "plot_metrics", "plot_negatives", "plot_training"),
        *("write_report", "export_model"),
    ],
)
def test_help_explains(name):
    done = program(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {name}.py")
