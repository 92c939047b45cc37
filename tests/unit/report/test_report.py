"""What the report says, made from numbers: sentences, stars, tables, their limits."""

import re
import subprocess
import xml.etree.ElementTree as ET

import pytest

from arkiv.base.errors import InputError
from arkiv.base.html import joined
from arkiv.base.page import capped
from arkiv.report import (
    compressed,
    costs,
    data,
    gold,
    made,
    parts,
    results,
    searches,
    spelling,
    summary,
)
from arkiv.report.drawing import inline
from arkiv.report.training import masked, thinned

SYSTEMS = {
    "bm25": {"type": "bm25"},
    "base_dense": {"type": "m3", "model": "base", "mode": "dense"},
    "tuned_dense": {"type": "m3", "model": "tuned", "mode": "dense"},
    "tuned_multi": {"type": "m3", "model": "tuned", "mode": "multi_vector"},
}


def value(mean, p=None, near=0.05):
    tested = {} if p is None else {"p": p, "p_holm": p}
    return {"mean": mean, "low": mean - near, "high": mean + near} | tested


def measured(pairs, means=None, queries=194, measures=("nDCG@10",)):
    """Metrics of the systems, and differences: (system, base, mean, p)."""
    means = means or {"bm25": 0.88, "base_dense": 0.16, "tuned_dense": 0.5}
    return {
        "measures": list(measures),
        "gold": "known_item",
        "queries": queries,
        "bootstrap": {"samples": 1000, "seed": 0, "level": 0.95},
        "systems": {
            name: {measure: value(mean) for measure in measures}
            for name, mean in means.items()
        },
        "comparisons": [
            {
                "system": system,
                "base": base,
                "difference": {measure: value(mean, p) for measure in measures},
            }
            for system, base, mean, p in pairs
        ],
        "requirements": [],
        "parts": {},
    }


def said(metrics, extractive=0):
    return list(summary.of_results(metrics, SYSTEMS, extractive))


def page_of(section, *given):
    """A section as it stands on the page."""
    return joined(*section(*given))


def test_the_summary_says_that_a_model_is_better_and_by_how_much():
    first, best = said(measured([("tuned_dense", "base_dense", 0.334, 0.0001)]))
    assert first == (
        "On 194 held-out queries the tuned model's dense search is better than the "
        "base model's dense search: mean nDCG@10 0.500 against 0.160 (+0.334 [+0.284, "
        "+0.384], p < 0.001)."
    )
    assert best == "Of 3 systems BM25 has the highest mean nDCG@10, 0.880."


@pytest.mark.parametrize(
    ("people", "end"),
    [
        (0.3, "is significant: what was gained is gained with each of them."),
        (0.01, "is not significant. What is gained with others alone may be their way"),
        (-0.3, "is a loss, and significant. What is gained with others alone may be"),
    ],
)
def test_the_smallest_gain_of_a_source_is_named(people, end):
    metrics = measured([("tuned_dense", "base_dense", 0.2, 0.0001)])
    sources = {
        "court": measured([("tuned_dense", "base_dense", 0.4, 0.0001)], queries=150),
        "people": measured(
            [("tuned_dense", "base_dense", people, 0.5 if people == 0.01 else 0.01)],
            queries=44,
        ),
    }
    assert not any("By where" in one for one in said(metrics))
    found = [one for one in said(metrics | {"sources": sources}) if "By where" in one]
    assert len(found) == 1
    assert found[0].startswith(
        "By where the queries come from, nDCG@10 of tuned dense − base dense: court "
        "+0.400 ["
    )
    assert "44 queries. The smallest is that of people, which " + end in found[0]
    alone = {"people": sources["people"]}
    assert not any("By where" in one for one in said(metrics | {"sources": alone}))


def test_a_smallest_gain_that_is_significant_speaks_for_no_larger_one():
    metrics = measured([("tuned_dense", "base_dense", 0.2, 0.0001)])
    sources = {
        "court": measured([("tuned_dense", "base_dense", 0.1, 0.0001)], queries=900),
        "people": measured([("tuned_dense", "base_dense", 0.2, 0.3)], queries=6),
    }
    (found,) = [
        one for one in said(metrics | {"sources": sources}) if "By where" in one
    ]
    assert found.endswith(
        "The smallest is that of court, which is significant; with people more was "
        "gained, but that is not."
    )


def test_the_summary_says_that_a_model_is_worse():
    worse = measured([("tuned_dense", "base_dense", -0.334, 0.01)])
    first, *_ = said(worse)
    assert "is worse than the base model's dense search" in first
    assert "(−0.334 [−0.384, −0.284], p = 0.010)" in first
    assert "do not use it as it is" in first
    # Unlike a certain embedder is not worse.
    first, *_ = said(worse | {"gold": "embedder"})
    assert "do not use it as it is" not in first


def test_the_summary_says_what_is_open():
    first, *_ = said(measured([("tuned_dense", "base_dense", 0.334, 0.05)]))
    assert "is not shown to differ from the base model's dense search" in first
    assert "It is open whether training has helped" in first


def test_the_summary_says_what_it_means_that_bm25_is_ahead():
    ahead = measured([("tuned_dense", "bm25", -0.38, 0.0)])
    first, *_, caveat = said(ahead, extractive=194)
    assert "is worse than BM25" in first
    assert "search with it, or with a fusion of both" in first
    assert "favours search by words" in caveat
    behind, *_ = said(measured([("tuned_dense", "bm25", 0.38, 0.0)]))
    assert "fusion" not in behind


def test_without_a_p_value_the_interval_decides():
    found = [summary.verdict(value(mean)) for mean in (0.06, 0.04, -0.06)]
    assert found == ["better", "open", "worse"]
    # The corrected p-value does, wherever the interval lies.
    assert summary.verdict(value(0.06, 0.2)) == "open"


def test_further_comparisons_are_named_and_very_many_are_counted():
    pairs = [("tuned_dense", "base_dense", 0.1, 0.0)]
    pairs += [
        ("a", "b", 0.1, 0.0),
        ("c", "d", -0.1, 0.0),
        ("e_f", "g", 0.1, 0.9),
    ]
    _, others, _ = said(measured(pairs))
    assert others == (
        "By the same measure, better: a than b; worse: c than d; not shown to "
        "differ: e f and g."
    )
    many = [(f"s{n}", "b", 0.1, 0.0) for n in range(100)]
    _, others, _ = said(measured(pairs[:1] + many))
    assert others.endswith("s7 than b; and 92 more pairs (see Results).")


def test_few_queries_and_no_comparisons_are_said():
    lines = said(measured([], queries=1, measures=("RR@10",)))
    assert lines == [
        "Of 3 systems BM25 has the highest mean MRR@10, 0.880.",
        "1 test query is so few that no intervals are given.",
    ]
    assert said(measured([], queries=9))[-1].startswith("9 test queries are so few")
    assert said(measured([], queries=10))[-1] == (
        "10 test queries are few: read the intervals."
    )
    assert len(said(measured([], queries=50))) == 1


def test_systems_are_called_by_what_they_do():
    assert summary.called("tuned_multi", SYSTEMS) == (
        "the tuned model's multi-vector search"
    )
    two = SYSTEMS | {"stemmed_words": {"type": "bm25"}}
    assert summary.called("stemmed_words", two) == "BM25 (stemmed words)"
    assert summary.called("my_fusion", {"my_fusion": {"type": "fusion"}}) == "my fusion"


def test_what_went_in_is_said_of_pages_and_of_ready_pairs():
    documents = {"pages": 9, "documents": 40}
    pages = {"documents": documents, "pairs": {"pairs": 40}}
    history = {"rows": 30, "warnings": [{"step": 3, "warning": "it forgets"}]}
    assert summary.of_data({"a": pages}, history) == (
        "9 pages became 40 documents, and these gave 40 query–passage pairs; the model "
        "was trained on 30 rows, and training warned 1 time (see Training)."
    )
    ready = {"pairs": {"pairs": 1}}
    assert summary.of_data({"a": ready}, {}) == (
        "1 dataset of ready pairs gave 1 query–passage pair."
    )
    assert "40 documents, and these with what was given gave 41" in summary.of_data(
        {"a": pages, "b": ready}, {}
    )


def test_of_a_baseline_it_is_said_what_is_not_measured():
    assert summary.of_baseline([]).endswith("nothing was trained for these numbers.")
    one = "1 system needs training and is not measured: tuned dense."
    assert summary.of_baseline(["tuned_dense"]).endswith(one)
    many = summary.of_baseline([f"x{n}" for n in range(10)])
    assert "10 systems need training" in many
    assert many.endswith(" x7, 2 more.")


def test_of_several_trainings_the_rows_are_said_to_be_the_last_ones():
    ready = {"pairs": {"pairs": 9}}
    assert summary.of_data({"a": ready}, {"rows": 5}, 3).endswith(
        "; the model was trained 3 times, the last time on 5 rows."
    )
    # Pages that gave nothing are no ready pairs.
    empty = {"documents": {"pages": 0, "documents": 0}, "pairs": {"pairs": 0}}
    said = summary.of_data({"a": ready, "b": empty}, {})
    assert said.startswith("0 pages became 0 documents, and these with what was given")


@pytest.mark.parametrize(
    ("kappa", "said"),
    [
        (-0.004, "kappa 0.00 [–, n = 4], slight"),
        (-0.01, "kappa −0.01 [–, n = 4], worse than chance"),
        (0.2, "kappa 0.20 [–, n = 4], slight"),
        (0.21, "kappa 0.21 [–, n = 4], fair"),
        (0.599, "kappa 0.60 [–, n = 4], moderate"),
        (0.61, "kappa 0.61 [–, n = 4], substantial"),
        (1.0, "kappa 1.00 [–, n = 4], almost perfect"),
    ],
)
def test_the_word_for_a_kappa_is_that_of_the_number_shown(kappa, said):
    value = {"kappa": kappa, "low": None, "high": None}
    assert gold.kappa_of(value, queries=4) == said


def test_missed_requirements_are_counted():
    assert summary.of_requirements([{"holds": True}, {"holds": False}]) == (
        "1 of 2 requirements (evaluate.require) missed: see Results."
    )
    assert "all are met" in summary.of_requirements([{"holds": True}])


@pytest.mark.parametrize(
    ("p", "shown"),
    [(0.0004, "***"), (0.001, "**"), (0.03, "*"), (0.05, ""), (1.0, "")],
)
def test_stars_are_those_of_the_legend(p, shown):
    assert results.stars(value(0.1, p)) == shown
    made = results.cell(value(-0.1, p), 50, difference=True)
    # The interval leaves out 0.
    assert ("<sup>†</sup>" in made) == (not shown)
    assert f"<sup>{shown or '†'}</sup>" in made
    assert made.startswith("−0.100")


def test_a_difference_that_was_not_tested_has_no_stars():
    assert results.stars(value(0.5)) == ""
    assert "p =" not in results.cell(value(0.5), 50, difference=True)


def test_means_have_the_stars_of_their_first_comparison():
    pairs = [("tuned_dense", "base_dense", 0.3, 0.004), ("tuned_dense", "bm25", -1, 1)]
    table = results.means_of(measured(pairs), ["nDCG@10"], "means")
    assert "0.500<sup>**</sup><small>" in table
    assert table.count("<sup>") == 1
    assert table.count("<strong>") == 1
    assert "<strong>0.880</strong>" in table


def test_tables_of_very_many_are_cut_and_say_so():
    rows = [[str(n), n] for n in range(12)]
    cut = capped(["a", "b"], rows, "c", most=10, where="x.json has all")
    assert cut.count("<tr>") == 11
    assert cut.endswith('<p class="faint">And 2 more: x.json has all.</p>')
    assert "more" not in capped(["a", "b"], rows, "c", most=12, where="x")


def test_breakdowns_show_the_largest_of_very_many_parts():
    part = measured([])
    many = {f"<v{n}>": part | {"queries": n} for n in range(1, 501)}
    table = parts.overview(many, list(part["systems"]), [], "nDCG@10", "volume")
    assert table.count("<tr>") == 1 + parts.MOST_PARTS
    assert "&lt;v500&gt;" in table
    assert "<v500>" not in table
    assert ">&lt;v9&gt;" not in table
    assert "And 476 more" in table


def test_breakdowns_of_a_hundred_systems_show_those_that_are_compared():
    means = {f"s{n}": n / 100 for n in range(100)}
    metrics = measured([("s80", "s70", 0.1, 0.0)], means)
    assert parts.foremost(metrics, ["s9"]) == [
        *("s0", "s1", "s2", "s3", "s4", "s5", "s9", "s70", "s80"),
    ]


def test_breakdowns_begin_with_what_decides():
    """The system that is compared first, with what, and how they differ; of many parts
    and of few."""
    means = {f"s{n}": n / 100 for n in range(40)}
    pairs = [("s30", "s20", 0.1, 0.0), ("s30", "s9", -0.1, 0.0), ("s8", "s7", 0.2, 0.0)]
    metrics = measured(pairs, means)
    assert parts.deciding(metrics, ["s2", "gone"]) == ["s2", "s9", "s20", "s30"]
    assert parts.deciding(measured([], means), []) == [f"s{n}" for n in range(6)]
    for count in (3, 30):
        part = measured(pairs, means, queries=7)
        divided = {"volume": {f"v{n}": part for n in range(count)}}
        page = str(joined(*parts.section(metrics | {"parts": divided}, ["s2"])))
        table = page[: page.index("</table>")]
        for line in ("s2", "s9", "s20", "s30", "s30 − s20", "s30 − s9"):
            assert f">{line}</th>" in table
        for line in ("s8", "s8 − s7", "s0"):
            assert f">{line}</th>" not in table
        assert ("All measures by volume" in page) == (count == 3)
        assert "begin with 4 of 40 systems" in page


def test_sources_take_the_place_of_datasets():
    part = measured([("tuned_dense", "base_dense", 0.1, 0.2)])
    both = {"dataset": {"court": part, "people": part}, "type": {"x": part}}
    metrics = part | {"parts": both}
    for sources, heads in (
        ({}, ["By dataset", "By type of volume or query"]),
        (both["dataset"], ["By source of the queries", "By type of volume or query"]),
    ):
        page = str(joined(*parts.section(metrics | {"sources": sources}, [])))
        found = re.findall("<h3>(By source.*?)</h3>|<summary>(By .*?): ", page)
        assert [one or other for one, other in found] == heads


def test_what_is_required_stands_in_a_table():
    figures = {"system": "tuned_dense", "measure": "AP", "value": 0.4}
    table = results.requirements_of(
        [
            figures | {"over": "base_dense", "by": 0.1, "wanted": 0.41, "holds": False},
            figures | {"at_least": 0.3, "wanted": 0.3, "holds": True},
        ]
    )
    assert "at least base dense + 0.1 = 0.4100</td><td>0.4000</td>" in table
    assert table.count("<strong>✗ missed</strong>") == 1
    assert table.count('<span class="badge">✓ met</span>') == 1


@pytest.fixture
def datasets():
    """One that starts from pages and one of ready pairs."""
    pairs = {"pairs": 90, "train": 70, "bad_lines": 1}
    pairs["set_aside"] = {"its pages lie on <both> sides": 2}
    return {
        "court": {
            "documents": {"pages": 1234, "rejected": {"not a page": 2}},
            "queries": {"queries": 80, "rejected": {"is empty": 7}},
            "pairs": pairs,
            "negatives": {"sources": {"dense": 17, "random": 1}, "short": 4},
        },
        "letters": {"pairs": pairs, "negatives": {"short": 0}},
    }


def cells(rows, name):
    (found,) = [row[1:] for row in rows if row[0] == name]
    return found


def counts(datasets):
    """Header and rows of the counts, and of what was set aside."""
    shown = data.by_themselves(datasets)
    return data.stage_counts(datasets, shown), data.reasons(datasets, shown)


def test_counts_of_each_dataset_and_of_all(datasets):
    (header, rows), (_, aside) = counts(datasets)
    assert header == ["count", "all datasets", "court", "letters"]
    assert cells(rows, "pages") == ["1,234", "1,234", "–"]
    assert cells(rows, "train pairs") == ["140", "70", "70"]
    assert cells(rows, "negatives mined") == ["18", "18", "–"]
    assert "documents" not in [row[0] for row in rows]
    assert cells(aside, "pairs: its pages lie on <both> sides") == ["4", "2", "2"]
    assert cells(aside, "pages and documents: not a page") == ["2", "2", "–"]
    assert cells(aside, "queries: is empty") == ["7", "7", "–"]
    assert cells(aside, "train pairs: fewer negatives than asked for") == [
        *("4", "4", "0"),
    ]
    assert "train pairs: no negatives found" not in [row[0] for row in aside]


def test_the_teacher_and_training_count_too(datasets):
    spread = {"scores": {"pos": {"count": 70}, "neg": None}}
    history = {"rows_left_out": {"court": 3}}
    found = data.with_later_stages(datasets, {"court": {"spread": spread}}, history)
    (_, rows), _ = counts(found)
    assert cells(rows, "passages that the teacher scored") == ["70", "70", "–"]
    left_out = "of them left out of an epoch, for they fill no batch"
    assert cells(rows, left_out) == ["3", "3", "0"]
    assert "teacher" not in datasets["court"]
    assert "training" not in data.with_later_stages(datasets, {}, {})["court"]


def test_what_a_language_model_cost():
    answers = {"requests": 1250, "estimated_requests": 0, "input_tokens": 500000}
    answers |= {"what": "queries of <b>", "output_tokens": 9, "money": 0.0871}
    page = page_of(costs.section, [], [answers])
    assert "<td>1,250</td><td>0</td><td>500,000</td><td>9</td><td>0.0871</td>" in page
    assert "queries of &lt;b&gt;" in page
    assert "Language models" not in page_of(costs.section, [])


def test_of_hundreds_of_datasets_the_largest_have_columns():
    many = {f"d{n:03}": {"pairs": {"pairs": n, "train": n}} for n in range(500)}
    (header, rows), _ = counts(many)
    assert header == ["count", "all datasets", *(f"d{n}" for n in range(494, 500))]
    assert cells(rows, "train pairs")[:2] == ["124,750", "494"]


def test_the_judgements_are_counted_without_statistics():
    qrels = {"q": {"a": 2, "b": 0}, "r": {"c": 1}}
    counted = page_of(gold.section, "", None, qrels, None)
    for title, count in (("test queries", 2), ("of them relevant", 2), ("0", 1)):
        assert f'<th scope="row">{title}</th><td>{count}</td>' in counted


def test_a_difference_has_a_true_minus_unless_it_is_rounded_to_nothing():
    found = [results.signed(value) for value in (-0.0004, -0.0006, 0.0, 0.25)]
    assert found == ["+0.000", "−0.001", "+0.000", "+0.250"]


def test_a_method_that_misses_most_known_items_is_doubted():
    stats = {"method": "teacher_pool", "known_items": 1200}
    doubted = page_of(
        gold.section, "", stats | {"known_items_not_relevant": 601}, {}, None
    )
    assert "finds 601 of the 1,200 passages" in doubted
    trusted = page_of(
        gold.section, "", stats | {"known_items_not_relevant": 600}, {}, None
    )
    assert "believed" not in trusted


AGREEMENT = {
    "machine": "teacher_pool <b>",
    "pairs": 40,
    "queries": 12,
    "unjudged": 3,
    "elsewhere": 2,
    "set_aside": 1234,
    "judges": [{"judge": "<anna>", "pairs": 30}, {"judge": "bo", "pairs": 10}],
    "binary": {"agreement": 0.9, "kappa": 0.71, "low": 0.5, "high": 0.9},
    "weighted": None,
    "grades": [0, 1],
    "table": [[20, 2], [2, 16]],
    "between": [{"judges": ["<anna>", "bo"], "pairs": 5, "kappa": -0.1}],
}


def test_the_agreement_of_people_is_told_and_escaped():
    made = page_of(gold.section, "Meaning.", None, {"q": {"a": 1}}, AGREEMENT)
    assert "People judged 40 pairs of 12 queries: &lt;anna&gt; (30), bo (10)" in made
    assert "gold standard (teacher_pool &lt;b&gt;) agree on 90% of them" in made
    assert "kappa 0.71 [0.50, 0.90], substantial" in made
    assert "1,234 lines of the search page&#x27;s judgements are no verdicts" in made
    table = [[9, 1, 0], [1, 5, 0], [0, 7, 0]]
    unscaled = AGREEMENT | {"grades": [0, 1, 2], "table": table}
    assert "<td>0</td><td>7</td>\n" in page_of(gold.section, "", None, {}, unscaled)
    assert "<td>−0.10</td>" in made
    assert "2 judgements are on queries that are no test queries" in made
    assert "weighted" not in made
    assert "<anna>" not in made
    none = {"agreement": 1.0, "kappa": None, "low": None, "high": None}
    assert "no value" in page_of(
        gold.section, "", None, {}, AGREEMENT | {"binary": none}
    )
    assert "kappa 0.71 [0.50, 0.90]" in summary.of_agreement(AGREEMENT)
    assert "No person has judged" in page_of(
        gold.section, "Meaning.", None, {"q": {"a": 1}}, None
    )


def test_every_pair_of_people_and_gold_standard_is_in_the_table():
    """Whether either has grades that the other does not give."""
    size = {"grades": [0, 1, 2, 3]}
    clicks = size | {"table": [[4, 3, 0, 0], [0, 0, 5, 6], [0] * 4, [0] * 4]}
    made = page_of(gold.section, "", None, {}, AGREEMENT | clicks)
    assert "gold standard: 3" in made
    assert all(f"<td>{count}</td>" in made for count in (3, 4, 5, 6))
    known = size | {"table": [[4, 0, 0, 0], [3, 0, 0, 0], [0] * 4, [0, 9, 0, 0]]}
    made = page_of(gold.section, "", None, {}, AGREEMENT | known)
    assert "gold standard: 1" in made
    assert "gold standard: 2" not in made
    assert all(f"<td>{count}</td>" in made for count in (3, 4, 9))


def respelled(change):
    def of(mean):
        return {"tuned_dense": {"nDCG@10": value(mean)}}

    return {
        "queries": 3,
        "measures": ["nDCG@10"],
        "systems": ["tuned_dense"],
        "original": of(0.5),
        "variants": [
            {
                "name": name,
                "changed": 0.67,
                "cer": 0.1,
                "systems": of(0.4),
                "difference": {"tuned_dense": {"nDCG@10": value(mean, 0.01)}},
            }
            for name, mean in (("old", change), ("noise_10", 2 * change))
        ],
        "examples": [{"original": "<hvad>", "old": "hwad"}],
    }


def test_other_spellings_and_the_one_that_costs_most():
    made = page_of(spelling.section, respelled(-0.1))
    assert "−0.100<sup>*</sup>" in made
    assert "<td>67%</td><td>10.0%</td>" in made
    assert "&lt;hvad&gt;" in made
    said = summary.of_spelling(respelled(-0.1), "tuned_dense", SYSTEMS)
    assert said == (
        "Of 2 other spellings 2 are shown to cost the tuned model's dense search "
        "something, noise 10 most: nDCG@10 −0.200 [−0.250, −0.150], p = 0.010."
    )
    # Of one the interval holds 0: it is not said to cost anything.
    said = summary.of_spelling(respelled(-0.04), "tuned_dense", SYSTEMS)
    assert "1 is shown to cost the tuned model's dense search something, noise" in said
    said = summary.of_spelling(respelled(-0.01), "tuned_dense", SYSTEMS)
    assert said == (
        "Of 2 other spellings none is shown to change nDCG@10 of the tuned model's "
        "dense search."
    )
    said = summary.of_spelling(respelled(0.1), "tuned_dense", SYSTEMS)
    assert "cost" not in said
    assert said.endswith("dense search gains nDCG@10 by old and noise 10.")
    assert summary.of_spelling(respelled(-0.1), "bm25", SYSTEMS) == ""


def smaller(*forms, passages=1558, queries=177):
    """Measures of smaller vectors: (form, bytes, bytes searched, change, p)."""

    def of(mean, p=None):
        return {measure: value(mean, p, 0.01) for measure in ("nDCG@10", "R@100")}

    return {
        "queries": queries,
        "passages": passages,
        "measures": ["nDCG@10", "R@100"],
        "rescored": 400,
        "systems": {
            "tuned_dense": {
                "dimensions": 1024,
                "whole": {
                    "bytes": 2048,
                    "searched": 2048,
                    "collection": 2048 * passages,
                    "measures": of(0.5),
                },
                "forms": [
                    {
                        "form": name,
                        "bytes": kept,
                        "searched": searched,
                        "collection": kept * passages,
                        "measures": of(0.5 + change),
                        "difference": of(change, p),
                    }
                    for name, kept, searched, change, p in forms
                ],
            }
        },
    }


def test_smaller_vectors_with_their_size_and_what_they_cost():
    forms = [
        ("int8", 1024, 1024, 0.001, 0.9),
        ("binary", 128, 128, -0.2, 0.001),
        ("binary rescored", 1152, 128, -0.002, 0.6),
    ]
    made = page_of(compressed.section, smaller(*forms))
    assert "vectors of 1,024 dimensions" in made
    assert "<td>1,152 (128 searched)</td><td>1.79 MB</td>" in made
    assert "<td>2,048</td><td>3.19 MB</td>" in made
    assert "−0.200<sup>***</sup>" not in made  # p is corrected, 0.001 is not below
    assert "−0.200<sup>**</sup>" in made
    assert (
        "Of 3 smaller forms of tuned dense 2 lose nothing of nDCG@10 or Recall@100 by "
        "p or interval; of these binary rescored is the smallest to search, by 16 "
        "times."
    ) in made
    assert "Rescored were all passages" not in made
    # An interval below 0 is a loss to whoever chooses, however p is corrected.
    likely = ("binary rescored", 1152, 128, -0.02, 0.06)
    made = page_of(compressed.section, smaller(*forms[:2], likely))
    assert "Of 3 smaller forms of tuned dense 1 loses nothing of nDCG@10" in made
    made = page_of(compressed.section, smaller(forms[1], passages=300))
    assert "Of 1 smaller form of tuned dense none is without a loss" in made
    assert "Rescored were all passages, so that binary vectors chose none." in made


@pytest.mark.parametrize(
    ("size", "words"), [(16, "16 bytes"), (199424, "199 kB"), (2.048e9, "2.05 GB")]
)
def test_sizes_are_told_in_a_fitting_unit(size, words):
    assert compressed.sized(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.44, "0.4 s"),
        (59.4, "59 s"),
        (200.4, "3 min 20 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_a_time_is_told_for_people(seconds, words):
    assert costs.duration(seconds) == words


def cost(stage, rule, **more):
    known = {"jobs": 2, "seconds": 90.0, "longest": 50.0, "cpu_seconds": 30.0}
    unknown = {"memory_mb": None, "gpu_seconds": None}
    return {"stage": stage, "rule": rule} | known | unknown | more


def test_costs_are_summed_by_stage_and_what_was_not_measured_is_a_dash():
    made = page_of(
        costs.section,
        [
            cost("mining", "embed_corpus", memory_mb=100.4),
            cost("mining", "pick_negatives", cpu_seconds=None, memory_mb=7.0),
            cost("train", "train_model"),
        ],
    )
    mining = "<td>4</td><td>3 min 00 s</td><td>50 s</td><td>30 s</td><td>100</td>"
    assert f'<th scope="row">mining</th>{mining}' in made
    assert "<td>30 s</td><td>–</td>" in made
    assert "GPU" not in made
    assert "time on a GPU" in page_of(costs.section, [cost("a", "b", gpu_seconds=9.0)])
    assert "no benchmarks" in page_of(costs.section, [])


def test_settings_that_differ_from_the_defaults_stand_without_places():
    table = made.settings({"datasets.x": ({"pairs": "/home/me/p"}, None)})
    assert "datasets.x" in table
    assert "/home/me" not in table
    assert made.settings({}) == "<p>Every setting has its default.</p>"


def test_the_commit_is_that_of_the_pipeline_and_says_what_differs(tmp_path):
    (tmp_path / "inside").mkdir()
    assert made.commit_of(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    (tmp_path / "file").write_text("one")
    subprocess.run([*git, "add", "file"], check=True)
    dirty = made.commit_of(tmp_path)
    assert re.fullmatch("[0-9a-f]{40}-dirty", dirty)
    subprocess.run([*git, "commit", "-q", "-m", "two"], check=True)
    assert re.fullmatch("[0-9a-f]{40}", made.commit_of(tmp_path))
    # Not that of a repository around it.
    assert made.commit_of(tmp_path / "inside") is None


def test_gains_and_losses_are_the_largest_and_real():
    mine = {"a": 1.0, "b": 0.4, "c": 0.5, "d": 0.0, "e": 0.3}
    theirs = {"a": 0.5, "b": 0.4, "c": 0.0, "d": 1.0, "e": 0.4}
    assert searches.extremes(mine, theirs, 2) == (["a", "c"], ["d", "e"])
    assert searches.extremes(mine, theirs, 1) == (["a"], ["d"])
    assert searches.extremes(mine, mine, 5) == ([], [])
    assert searches.tally(mine, theirs) == [2, 1, 2]


def test_some_queries_are_drawn_by_the_seed():
    ids = [f"q{n}" for n in range(50)]
    assert searches.drawn(ids, 3, 0) == searches.drawn(ids[::-1], 3, 0)
    assert len({tuple(searches.drawn(ids, 3, seed)) for seed in range(9)}) > 1


def test_entries_are_thinned_out_evenly_with_both_ends():
    assert thinned(list(range(100)), 4) == [0, 33, 66, 99]
    assert thinned([1, 2], 4) == [1, 2]


def test_a_figure_takes_the_colours_and_the_ids_of_the_page(tmp_path):
    from arkiv.report.figures import BLUE, PAPER, subplots, write_svg

    figure, axes = subplots(1, 1)
    axes[0][0].bar([1], [1], color=BLUE, edgecolor=PAPER, hatch="///", label="<b>")
    axes[0][0].legend()
    write_svg(tmp_path / "f.svg", figure, "Title")
    given = (tmp_path / "f.svg").read_text()
    svg = inline(tmp_path / "f.svg", "one", 'so "much"')
    assert BLUE.lower() in given
    assert "#" not in svg.replace("url(#one-", "").replace('href="#one-', "").replace(
        "&#", ""
    )
    for name in ("blue", "ink", "faint", "rule", "paper"):
        assert f"var(--{name})" in svg
    root = ET.fromstring(svg)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'so "much"'
    ids = [part.get("id") for part in root.iter() if part.get("id")]
    assert ids
    assert len(ids) == len(set(ids))
    assert all(name.startswith("one-") for name in ids)
    assert "&lt;b&gt;" in svg


@pytest.mark.parametrize("text", ["<p>", "<p></p>", "<svg></svg>"])
def test_what_is_no_figure_is_refused(tmp_path, text):
    (tmp_path / "f.svg").write_text(text)
    with pytest.raises(InputError, match=r"f\.svg: is not SVG"):
        inline(tmp_path / "f.svg", "one", "")


def test_what_training_masked_is_told_by_reason():
    counts = {"negatives": 2000, "same_query": 0, "near": 3, "guide": 1200}
    (said,) = masked({"masked": counts})
    assert str(said) == (
        "<p>Of 2,000 passages that queries were to be told from in their batches 1,203 "
        "(60.15%) were masked, for they may answer the query: 3 near to a positive by "
        "their words, 1,200 nearer to the query than its positive, by the guide.</p>"
    )
    (said,) = masked({"masked": dict.fromkeys(counts, 0)})
    assert "0 (0.00%) were masked, for they may answer the query.</p>" in str(said)
    assert not list(masked({"masked": None}))
    assert not list(masked({}))
