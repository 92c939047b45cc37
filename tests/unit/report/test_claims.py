"""Every sentence made from measures is true of them: read back, and checked.

The measures are drawn at random, also such as no run would give, and each claim is
parsed out of its sentence again.
"""

import re
from random import Random

import numpy as np
import pytest

from arkiv.base.html import joined
from arkiv.evaluate.measures import summary as measured_by
from arkiv.evaluate.measures import title
from arkiv.evaluate.verdicts import stars
from arkiv.export.evidence import retrieval
from arkiv.report import parts, results, spelling, summary, sure
from arkiv.retrieve.systems import reordering, spaced

SYSTEMS = {
    "bm25": {"type": "bm25"},
    "base_dense": {"type": "m3", "model": "base", "mode": "dense"},
    "base_sparse": {"type": "m3", "model": "base", "mode": "sparse"},
    "tuned_dense": {"type": "m3", "model": "tuned", "mode": "dense"},
    "tuned_combined": {"type": "m3", "model": "tuned", "mode": "combined"},
    "tuned_multi_vector": {"type": "m3", "model": "tuned", "mode": "multi_vector"},
    "reordered": {"type": "reranker", "system": "bm25", "depth": 20},
}
MEASURES = ["nDCG@10", "R@100", "AP", "P@20", "Success@10", "R@1000"]
NUMBER = r"[+−]?\d+\.\d+"
P = r"p [=<≤] \d+\.\d+"
FIGURES = rf"({NUMBER})(?: \[({NUMBER}), ({NUMBER})\])?(?:, ({P}))?"


def number(text):
    return float(text.replace("−", "-"))


def drawn_value(random, queries, volumes, *, tested):
    """A value of any kind: its interval need not fit to its p-value."""
    mean = random.choice([0.0, random.uniform(-0.3, 0.3), random.uniform(-1e-4, 1e-4)])
    ends = {"low": None, "high": None}
    if queries >= 10:
        wide = random.choice([0.0, 0.01, 0.5])
        ends = {"low": mean - wide * random.random(), "high": mean + wide / 2}
        if volumes >= 5:
            ends |= {"volumes_low": mean - wide, "volumes_high": mean + wide}
    value = {"mean": mean} | ends
    if tested:
        p = 10 ** random.uniform(-5, 0)
        corrected = min(1.0, p * random.randint(1, 9))
        value |= {"p": p, "p_holm": corrected, "at_most": random.random() < 0.2}
    return value


def drawn_metrics(random):
    """Metrics of some systems, compared or not, over few or many queries."""
    queries = random.choice([1, 2, 9, 10, 11, 49, 50, 1200])
    volumes = random.randint(0, min(queries, 7))
    unknown = random.randint(0, queries - volumes) if volumes else queries
    names = random.sample(list(SYSTEMS), random.randint(1, len(SYSTEMS)))
    pairs = [(a, b) for a in names for b in names if a != b]
    pairs = random.sample(pairs, min(len(pairs), random.choice([0, 1, 3, 12])))
    measures = random.sample(MEASURES, random.randint(1, len(MEASURES)))

    def values(tested):
        return {
            one: drawn_value(random, queries, volumes, tested=tested)
            for one in measures
        }

    systems = {name: values(False) for name in names}
    for means in systems.values():
        for value in means.values():
            # Few levels, so that some share the highest.
            value["mean"] = random.randint(0, 4) / 4
    return {
        "measures": measures,
        "gold": random.choice(["known_item", "embedder"]),
        "queries": queries,
        "queries_left_out": 0,
        "volumes": volumes,
        "queries_without_volume": unknown,
        "bootstrap": {"samples": 1000, "level": 0.95, "randomisations": 24_000},
        "systems": systems,
        "comparisons": [
            {"system": a, "base": b, "difference": values(True)} for a, b in pairs
        ],
        "requirements": [],
        "parts": {},
    }


def check_figures(found, value):
    """The figures of a difference are its own."""
    mean, low, high, p = found
    assert number(mean) == pytest.approx(value["mean"], abs=0.00051)
    assert (low is None) == (value["low"] is None)
    if low is not None:
        assert number(low) == pytest.approx(value["low"], abs=0.00051)
        assert number(high) == pytest.approx(value["high"], abs=0.00051)
    relation, told = re.fullmatch(r"p ([=<≤]) ([\d.]+)", p).groups()
    if relation == "=":
        assert float(told) == pytest.approx(value["p_holm"], abs=0.00051)
    else:
        assert value["p_holm"] <= float(told)


def check_verdict(words, value):
    """Better and worse are shown, and the rest is not."""
    if words in ("better", "is better than"):
        assert value["p_holm"] < 0.05
        assert value["mean"] > 0
    elif words in ("worse", "is worse than"):
        assert value["p_holm"] < 0.05
        assert value["mean"] < 0
    else:
        assert value["p_holm"] >= 0.05 or value["mean"] == 0


def check_comparison(sentence, metrics, made=0):
    measure = metrics["measures"][0]
    called = {summary.called(name, SYSTEMS): name for name in SYSTEMS}
    words = "is better than|is worse than|is not shown to differ from"
    found = re.match(
        rf"On ([\d,]+) held-out quer(?:y|ies) (.*?) ({words}) (.*?): mean (\S+) "
        rf"([\d.]+) against ([\d.]+) \({FIGURES}\)\.(.*)",
        sentence,
    )
    queries, system, verb, base, named, mine, theirs, *figures, rest = found.groups()
    system, base = called[system], called[base]
    [value] = [
        pair["difference"][measure]
        for pair in metrics["comparisons"]
        if (pair["system"], pair["base"]) == (system, base)
    ]
    assert int(queries.replace(",", "")) == metrics["queries"]
    assert named == title(measure)
    for told, name in ((mine, system), (theirs, base)):
        assert float(told) == pytest.approx(
            metrics["systems"][name][measure]["mean"], abs=0.00051
        )
    check_figures(figures, value)
    check_verdict(verb, value)
    out = value["low"] is not None and (value["low"] > 0 or value["high"] < 0)
    if "interval leaves out 0" in rest:
        assert out
        assert value["p_holm"] >= 0.05
    elif "interval holds 0, yet" in rest:
        assert value["low"] <= 0 <= value["high"]
        assert value["p_holm"] < 0.05
    elif value["low"] is not None:
        assert out == (value["p_holm"] < 0.05)
    if "not corrected for the number of pairs" in rest:
        assert value["p"] < 0.05 <= value["p_holm"]
    if held := re.search(r"Over the (\d+) volumes the interval holds 0", rest):
        assert int(held[1]) == metrics["volumes"] >= 5
        assert value["volumes_low"] <= 0 <= value["volumes_high"]
    if "raining has" in rest:
        assert SYSTEMS[system]["mode"] == SYSTEMS[base]["mode"]
        assert (SYSTEMS[system]["model"], SYSTEMS[base]["model"]) == ("tuned", "base")
        assert ("made the model worse" in rest) == (verb == "is worse than")


def check_others(sentence, metrics, made=0):
    by_name = {
        (spaced(pair["system"]), spaced(pair["base"])): pair["difference"]
        for pair in metrics["comparisons"]
    }
    body = sentence.removeprefix("By the same measure, ").removesuffix(".")
    for part in body.split("; "):
        if part.startswith("and "):
            continue
        lead, pairs = part.split(": ")
        for pair in pairs.split(", "):
            both = re.split(" and " if lead.startswith("not") else " than ", pair)
            check_verdict(lead, by_name[tuple(both)][metrics["measures"][0]])


def check_best(sentence, metrics, made=0):
    count, named, verb, measure, told = re.fullmatch(
        r"Of (\d+) systems? (.*?) (has|share) the highest mean (\S+), ([\d.]+)\.",
        sentence,
    ).groups()
    means = {
        summary.called(name, SYSTEMS): round(of[metrics["measures"][0]]["mean"], 3)
        for name, of in metrics["systems"].items()
    }
    assert (int(count), measure) == (len(means), title(metrics["measures"][0]))
    highest = {name for name, mean in means.items() if mean == max(means.values())}
    assert set(re.split(r", | and ", named)) == highest
    assert (verb == "has") == (len(highest) == 1)
    assert float(told) == max(means.values())


def check_volumes(sentence, metrics, made=0):
    volumes, unknown = metrics["volumes"], metrics["queries_without_volume"]
    one = re.fullmatch(
        r"The ([\d,]+) quer(?:y is|ies are) about (\d+) volumes?\.", sentence
    )
    if one:
        assert not unknown
        assert int(one[1].replace(",", "")) == metrics["queries"]
        assert int(one[2]) == volumes
        return
    known, whole, of = re.fullmatch(
        r"([\d,]+) of the ([\d,]+) queries (?:is|are) about (\d+) volumes?, of the "
        r"others that is not known\.",
        sentence,
    ).groups()
    assert unknown
    assert int(known.replace(",", "")) == metrics["queries"] - unknown
    assert int(whole.replace(",", "")) == metrics["queries"]
    assert int(of) == volumes


def check_extractive(sentence, metrics, made):
    queries = metrics["queries"]
    if made == queries:
        assert re.match(rf"(All )?{made:,} test quer", sentence)
        return
    said = re.match(
        r"([\d,]+) of ([\d,]+) test queries \(([\d.]+)%\) "
        rf"{'was made from the words of its' if made == 1 else 'were'} ",
        sentence,
    )
    assert int(said[1].replace(",", "")) == made
    assert int(said[2].replace(",", "")) == queries
    assert float(said[3]) == pytest.approx(100 * made / queries, abs=0.06)
    assert 0 < float(said[3]) < 100


def check_few(sentence, metrics, made):
    queries = metrics["queries"]
    if "no intervals" in sentence:
        assert queries < 10
    else:
        assert 10 <= queries < 50


def check_found(sentence, metrics, made=0):
    whole, listed = re.fullmatch(
        r"Of ([\d,]+) held-out quer(?:y|ies), a relevant passage is found among the "
        r"first ten by (.*)\.",
        sentence,
    ).groups()
    assert int(whole.replace(",", "")) == metrics["queries"]
    means = {
        summary.called(name, SYSTEMS): of["Success@10"]["mean"]
        for name, of in metrics["systems"].items()
    }
    told = re.findall(r"(?:^|, )([^,]*?) for ([\d,]+) \(([\d.]+)%\)", listed)
    assert means[told[0][0]] == max(means.values())
    for name, count, share in told:
        assert int(count.replace(",", "")) == round(means[name] * metrics["queries"])
        assert float(share) == pytest.approx(
            100 * int(count.replace(",", "")) / metrics["queries"], abs=0.051
        )


# Each kind of sentence by how it is known.
CHECKS = {
    r"Of [\d,]+ held-out": check_found,
    "On ": check_comparison,
    "By the same measure": check_others,
    r"Of \d+ system": check_best,
    r".* about \d+ volume": check_volumes,
    ".* from the words": check_extractive,
    ".* few": check_few,
}


def test_every_sentence_of_the_results_is_true_of_them():
    random = Random(0)
    seen = set()
    for _ in range(1500):
        metrics = drawn_metrics(random)
        queries = metrics["queries"]
        made = random.choice([0, queries, random.randint(0, queries)])
        for sentence in summary.of_results(metrics, SYSTEMS, made):
            [kind] = [one for one in CHECKS if re.match(one, sentence)]
            CHECKS[kind](sentence, metrics, made)
            seen.add(kind)
            if queries < 10:
                assert not re.search(rf"\[{NUMBER}", sentence)
    assert seen == set(CHECKS)


def test_made_up_archives_are_one_or_several():
    made_up = {"a": {"example": {}}, "b": {"pages": "p"}}
    assert summary.of_example(made_up, "extractive").startswith(
        "a is made up on the spot: how well it is searched says"
    )
    several = made_up | {"c": {"example": {}}}
    assert summary.of_example(several, "extractive").startswith(
        "a, c are made up on the spot: how well they are searched says"
    )
    assert summary.of_example({"b": {"pages": "p"}}, "extractive") == ""


def test_every_sentence_on_other_spellings_is_true_of_them():
    random = Random(1)
    kinds = set()
    for _ in range(1500):
        queries = random.choice([4, 9, 10, 200])
        variants = [
            {
                "name": f"noise_{n}",
                "difference": {
                    "bm25": {
                        "AP": drawn_value(random, queries, 0, tested=True),
                    }
                },
            }
            for n in range(random.randint(1, 4))
        ]
        given = {"queries": queries, "measures": ["AP"], "variants": variants}
        said = summary.of_spelling(given, "bm25", SYSTEMS)
        changes = {
            spaced(one["name"]): one["difference"]["bm25"]["AP"] for one in variants
        }
        shown = {
            name: of
            for name, of in changes.items()
            if of["p_holm"] < 0.05
            and of["mean"]
            and (of["low"] is None or of["low"] > 0 or of["high"] < 0)
        }
        worse = {name: of for name, of in shown.items() if of["mean"] < 0}
        assert re.match(rf"Of {len(changes)} other spellings? ", said)
        assert ("none is shown to change" in said) == (not shown)
        assert ("shown to cost" in said) == bool(worse)
        if worse:
            count, name, most, *figures = re.search(
                rf"(\d+) (?:is|are) shown to cost BM25 something, (noise \d)( most)?: "
                rf"MAP {FIGURES}",
                said,
            ).groups()
            assert int(count) == len(worse)
            check_figures(figures, worse[name])
            assert worse[name]["mean"] == min(of["mean"] for of in worse.values())
            assert (most is not None) == (len(worse) > 1)
        gains = re.search(r"BM25 gains MAP by (.*)\.", said)
        told = set(gains[1].split(" and ")) if gains else set()
        assert told == shown.keys() - worse.keys()
        kinds.add((bool(shown), bool(worse), bool(gains)))
    assert len(kinds) == 4


def test_the_section_promises_no_interval_that_is_not_there():
    random = Random(2)
    for _ in range(150):
        metrics = drawn_metrics(random)
        page = str(
            results.means_of(metrics, metrics["measures"], "means")
            + results.differences_of(metrics, metrics["measures"], "differences")
        )
        few = metrics["queries"] < 10
        said = " ".join([sure.about_intervals(metrics), sure.how_sure(metrics)])
        assert (f"– (n = {metrics['queries']})" in page) == few
        assert (" to " in page) == (not few)
        assert ("Below each mean stands" in said) == (not few)
        assert ("the intervals, which are not corrected" in said) == (not few)
        over = metrics["volumes"] >= 5 and not few
        assert (">V " in page) == over
        assert ("whole volumes drawn" in sure.about_volumes(metrics)) == over
        corrected = re.search("corrected for the ([0-9,]+) pairs", said)
        count = len(metrics["comparisons"])
        assert (int(corrected[1]) if corrected else 1) == max(1, count)
        assert "24,000 random signs" in said


def test_daggers_and_their_notes_belong_together():
    random = Random(3)
    for _ in range(300):
        metrics = drawn_metrics(random)
        differences = dict(
            sure.differences(metrics["comparisons"], metrics["measures"])
        )
        marked = {
            name
            for name, of in differences.items()
            if of["low"] is not None
            and (of["low"] > 0 or of["high"] < 0) != (of["p_holm"] < 0.05)
        }
        notes = list(sure.apart(differences.items()))
        told, more = set(), 0
        for note in notes:
            names = note.removeprefix("† ").split(": ")[0].split("; ")
            more += sum(
                int(name.split()[1]) for name in names if name.startswith("and ")
            )
            told |= {name for name in names if not name.startswith("and ")}
        assert told <= marked
        assert len(told) + more == len(marked)
        table = str(results.differences_of(metrics, metrics["measures"], "d"))
        assert table.count("†") == len(marked)
        over = {
            name
            for name, of in differences.items()
            if of.get("volumes_low") is not None
            and of["volumes_low"] <= 0 <= of["volumes_high"]
            and of["p_holm"] < 0.05
        }
        note = sure.beyond(differences.items())
        assert bool(note) == bool(over)
        assert table.count("‡") == len(over)
        assert all(name in note for name in over) or "more" in note


def test_further_pairs_stand_apart_from_those_that_decide(tmp_path):
    """The stars of means, the summary and what the breakdowns show go by the others."""
    random = Random(5)
    drawn = tmp_path / "chart.svg"
    drawn.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>')
    for _ in range(60):
        metrics = drawn_metrics(random)
        names = list(metrics["systems"])
        if len(names) < 2 or not metrics["comparisons"]:
            continue
        measures = metrics["measures"]
        further = [
            {
                "system": "bm25",
                "base": names[-1],
                "difference": {
                    one: drawn_value(random, 50, 6, tested=True) for one in measures
                },
            }
        ]
        told = metrics | {"further": further}
        assert list(summary.of_results(told, SYSTEMS, 0)) == list(
            summary.of_results(metrics, SYSTEMS, 0)
        )
        assert sure.how_sure(told) == sure.how_sure(metrics)
        assert parts.foremost(told, []) == parts.foremost(metrics, [])
        page, before = (
            str(joined(*results.section(one, "", drawn, {}))) for one in (told, metrics)
        )
        assert page.count("<table") == before.count("<table") + 1
        assert "evaluate.compare_further" in page
        assert "for information" in retrieval(told, {}).replace("\n", " ")


def test_the_card_says_the_same():
    random = Random(4)
    for _ in range(200):
        metrics = drawn_metrics(random)
        made = random.randint(0, metrics["queries"])
        metrics["datasets"] = {"a": made, "b": metrics["queries"] - made}
        card = retrieval(metrics, reordering({"systems": SYSTEMS}), ["a", "gone"])
        said = [one for one in card.split("\n\n") if "from the words" in one]
        assert len(said) == bool(made)
        for sentence in said:
            check_extractive(" ".join(sentence.split()), metrics, made)
        few = metrics["queries"] < 10
        shown = [
            one for one in ("nDCG@10", "AP", "R@100") if one in metrics["measures"]
        ]
        assert (f"[–, n = {metrics['queries']}]" in card) == (few and bool(shown))
        assert ("too few for intervals" in card.replace("\n", " ")) == few
        assert ("about" in card) == bool(metrics["volumes"])
        for pair in metrics["comparisons"]:
            for measure in shown:
                value = pair["difference"][measure]
                cell = f"{value['mean']:+.3f} ["
                assert cell in card
                if stars(value):
                    assert stars(value).replace("*", r"\*") in card


@pytest.mark.parametrize("rerank_depth", [10, 100, 101, 1000])
def test_measures_that_re_ranking_cannot_change_are_named_and_no_others(rerank_depth):
    """Measured on random rankings: exactly those are equal."""
    from arkiv.evaluate.measures import by_query

    names = ["nDCG@100", "AP", "RR", "R@100", "R@1000", "P@20", "Success@10", "P@100"]
    generator = np.random.default_rng(0)
    dense = {f"q{n:02}": generator.permutation(1500).tolist() for n in range(30)}
    again = {
        query: [*generator.permutation(rows[:rerank_depth]), *rows[rerank_depth:]]
        for query, rows in dense.items()
    }
    qrels = {
        query: {str(one): 1 for one in generator.choice(1500, 40, replace=False)}
        for query in dense
    }
    tables = [
        by_query(
            {query: list(map(str, rows)) for query, rows in run.items()},
            qrels,
            sorted(qrels),
            names,
        )
        for run in (dense, again)
    ]
    alike = {
        title(name)
        for column, name in enumerate(names)
        if np.array_equal(tables[0][:, column], tables[1][:, column])
    }
    systems = {
        "systems": SYSTEMS,
        "rerank_depth": rerank_depth,
        "candidates": ["dense"],
    }
    own = {"base_dense", "tuned_combined", "tuned_multi_vector"}
    said = list(sure.same_sets(reordering(systems), own, names))
    assert len(said) == bool(alike)
    for sentence in said:
        told, rest = re.split(
            r" of (?=tuned combined and tuned multi vector )", sentence
        )
        # Success@10 can be equal by chance alone where nothing else is.
        assert set(told.split(" and ")) == alike - (
            {"Success@10"} if rerank_depth > 10 else set()
        )
        verb = "is that" if " and " not in told else "are those"
        assert rest.startswith(
            f"tuned combined and tuned multi vector {verb} of the tuned model's dense"
        )
        assert f"its first {rerank_depth:,} passages" in rest


def test_nothing_is_said_of_what_re_ranks_what_several_searches_found():
    systems = {"systems": SYSTEMS, "rerank_depth": 10}
    assert set(reordering(systems)) == {"reordered"}


def test_a_reranker_is_said_to_have_the_set_of_the_run_that_it_re_ranks():
    systems = {"systems": SYSTEMS, "rerank_depth": 100}
    [said] = sure.same_sets(
        reordering(systems), ["reordered", "bm25"], ["P@20", "P@10"]
    )
    assert said == (
        "Precision@20 of reordered is that of bm25 by construction: it puts its first "
        "20 passages into another order, and brings no others among them."
    )


def test_sentences_hold_for_what_is_really_measured():
    """From values of queries, through the program's own summary, to the sentences."""
    for seed in range(25):
        generator = np.random.default_rng(seed)
        queries = int(generator.choice([5, 12, 60]))
        base = generator.random((queries, 1))
        change = generator.normal(0.02 * (seed % 5), 0.1, (queries, 1))
        names = ("bm25", "base_dense", "base_sparse", "tuned_dense", "tuned_combined")
        values = {name: base + change * n / 2 for n, name in enumerate(names)}
        pairs = [("tuned_dense", name) for name in names[:3]]
        pairs += [("tuned_combined", name) for name in names[:3]]
        volumes = [f"v{n}" for n in generator.integers(0, 7, queries)]
        metrics = measured_by(
            *(values, pairs),
            samples=300,
            seed=seed,
            measures=("AP",),
            tested=True,
            volumes=volumes,
        ) | {"measures": ["AP"], "gold": "known_item"}
        for sentence in summary.of_results(metrics, SYSTEMS, 0):
            if sentence.startswith("On "):
                check_comparison(sentence, metrics)
            elif sentence.startswith("By the same"):
                check_others(sentence, metrics)


def test_the_section_on_spellings_bears_few_queries():
    change = {"mean": -0.2, "low": None, "high": None, "p": 0.5, "p_holm": 1.0}
    mean = {"mean": 0.5, "low": None, "high": None}
    given = {
        "queries": 4,
        "measures": ["AP"],
        "original": {"bm25": {"AP": mean}},
        "variants": [
            {
                "name": "old",
                "changed": 0.5,
                "cer": 0.1,
                "systems": {"bm25": {"AP": mean}},
                "difference": {"bm25": {"AP": change}},
            }
        ],
    }
    page = joined(*spelling.section(given))
    assert page.count("– (n = 4)") == 3
    assert "there are no intervals" in page
    assert "corrected for" not in page
