"""What is advised: from a table of numbers, each row with the setting that follows."""

import re
from pathlib import Path

import pytest
import yaml

from arkiv.base.declared import plain
from arkiv.report import todo
from arkiv.report.advice import DOUBT, GAIN, LOST, MOST, SURE, Advice, advice
from arkiv.report.at_hand import Alone, Numbers
from arkiv.settings.config import check_config, completed
from arkiv.settings.configuration import Configuration

DOCS = Path(__file__).parents[3] / "docs"
FUSION = {"type": "fusion", "systems": ["bm25", "tuned_dense"]}
SYSTEMS = {
    "bm25": {"type": "bm25"},
    "runs": {"type": "bm25", "tokens": "characters"},
    "base_dense": {"type": "m3", "model": "base", "mode": "dense"},
    "tuned_dense": {"type": "m3", "model": "tuned", "mode": "dense"},
    "tuned_sparse": {"type": "m3", "model": "tuned", "mode": "sparse"},
    "tuned_combined": {"type": "m3", "model": "tuned", "mode": "combined"},
    "hybrid": FUSION,
}
# A search as each of these: of how many negatives, and of how many queries.
FINE = {"of": 1000, "above": 10, "pairs": 200}
FOUND = {"judged": 200, "lost": 10, "top": 100, "passages": 5000}


def value(mean, p=0.5, near=0.05):
    return {"mean": mean, "low": mean - near, "high": mean + near, "p_holm": p, "p": p}


def pair(system, base, *of):
    return {"system": system, "base": base, "difference": {"nDCG@10": value(*of)}}


def measured(means=None, pairs=(), queries=200, **more):
    means = means or {"bm25": 0.2, "base_dense": 0.3, "tuned_dense": 0.5}
    return {
        "measures": ["nDCG@10"],
        "queries": queries,
        "systems": {name: {"nDCG@10": {"mean": mean}} for name, mean in means.items()},
        "comparisons": list(pairs),
        **more,
    }


def numbers(metrics=None, config=None, **more):
    settings = plain(Configuration())
    for key, given in (config or {}).items():
        section, _, name = key.rpartition(".")
        holder = settings
        for part in section.split("."):
            holder = holder[part]
        holder[name] = given
    settings["evaluate"]["systems"] = SYSTEMS
    return Numbers(settings, metrics or measured(), **more)


def watched(after):
    entries = [
        {"step": step, "scores": {"dev": {"sparse": {"nDCG@10": score}}}}
        for step, score in ((0, 0.4), (9, after))
    ]
    return {
        "collections": {"dev": {"queries": 90}},
        "mode": "combined",
        "measure": "nDCG@10",
        "best_step": 9,
        "entries": entries,
    }


def respelled(name, mean, p=0.001, system="tuned_dense"):
    return {
        "measures": ["nDCG@10"],
        "original": {system: {"nDCG@10": {"mean": 0.5}}},
        "variants": [
            {"name": name, "difference": {system: {"nDCG@10": value(mean, p, 0.01)}}}
        ],
    }


WORSE = pair("tuned_dense", "base_dense", -0.1, 0.001)
BETTER = pair("tuned_dense", "base_dense", 0.1, 0.001)
OPEN = pair("tuned_dense", "base_dense", 0.01)
COMBINED = {"tuned_dense": 0.5, "tuned_sparse": 0.3, "tuned_combined": 0.45}
FUSED = {"bm25": 0.4, "tuned_dense": 0.5, "hybrid": 0.56}
SURELY = pair("hybrid", "tuned_dense", 0.06, 0.001)
MARGIN = {"teacher.filter.margin": 0}
LEARNT = {"evaluate.weights": "auto"}
MERGED = {"merge.with": "base"}
TRIP = {"pairs.round_trip.by": "either"}
AUGMENTED = {"train.augment.noise": 0.1}


def judged(**more):
    return {"judged": {"letters": {"teacher": FINE, "search": FOUND, **more}}}


PREFERRED = judged(teacher=FINE | {"above": 80})
BROKEN = judged(teacher=FINE | {"above": 400})
LOST_ONES = judged(search=FOUND | {"lost": 100})
BY_EMBEDDER = {"judged": {"letters": {"embedder": FINE | {"above": 500}}}}
RESPELLED = {"spelling": respelled("old", -0.1)}
MISREAD = {"spelling": respelled("noise 10%", -0.2)}
RUNS = {"metrics": measured({"runs": 0.3, "base_dense": 0.3, "tuned_dense": 0.5})}
# Numbers, and of each advice a part of what is said and of its setting.
TABLE = [
    ({}, []),
    ({"toys": ("embedder",)}, [("1 model is tiny", "embedder: {source: BAAI/bge-m3}")]),
    (judged(), []),
    (PREFERRED, [("the teacher prefers 8% of the negatives", "margin: 0")]),
    (PREFERRED | {"config": MARGIN}, []),
    (BROKEN, [("the teacher prefers 40% of the negatives", "round_trip")]),
    (BROKEN | {"config": TRIP}, []),
    (LOST_ONES, [("of 50% of the queries no search finds", "round_trip")]),
    (BY_EMBEDDER, [("the embedder prefers 50%", "relative_margin: 0.05")]),
    ({"extractive": 200}, [("All 200 test queries", "backend: openai")]),
    ({"extractive": 199}, []),
    ({"metrics": measured(pairs=[BETTER])}, []),
    ({"metrics": measured(pairs=[WORSE])}, [("By its dense search", "with: base")]),
    (
        {"metrics": measured(pairs=[WORSE]), "config": MERGED},
        [("By its dense search", "evaluation: {mode: dense}")],
    ),
    (
        {"evaluation": watched(0.3)},
        [("dev queries (nDCG@10 0.300 against 0.400)", "with: base")],
    ),
    ({"evaluation": watched(0.5)}, []),
    (
        {"general": measured(pairs=[WORSE])},
        [("On the general set the tuned model's dense search has lost", "with: base")],
    ),
    ({"general": measured(pairs=[OPEN])}, []),
    ({"general": measured(pairs=[WORSE]), "config": MERGED}, []),
    (RESPELLED, [("(old) cost the tuned model's dense search", "racters, tuned_de")]),
    (MISREAD | {"config": AUGMENTED}, [("nDCG@10 −0.200", "tokens: characters")]),
    (RESPELLED | RUNS, [("(old) cost the tuned model's", "spelling: [old]")]),
    (MISREAD | RUNS, [("nDCG@10 −0.200", "augment: {noise: 0.1}")]),
    (MISREAD | RUNS | {"config": AUGMENTED}, []),
    ({"spelling": respelled("old", -0.04)}, []),
    ({"spelling": respelled("old", -0.1, 0.2)}, []),
    ({"spelling": respelled("old", -0.1, system="bm25")}, []),
    (
        {"metrics": measured(COMBINED), "dev": 60},
        [("tuned combined is 0.450, of tuned dense, the best of its", "weights: auto")],
    ),
    ({"metrics": measured(COMBINED), "dev": 49}, []),
    ({"metrics": measured(COMBINED), "dev": 60, "config": LEARNT}, []),
    (
        {"alone": Alone("bm25", "tuned_dense", 20)},
        [("On 20 queries (10%)", "bm25_and_tuned_dense")],
    ),
    ({"alone": Alone("bm25", "tuned_dense", 9)}, []),
    (
        {"metrics": measured(FUSED), "alone": Alone("bm25", "tuned_dense", 50)},
        [
            (
                "+0.060 over the better of its parts",
                "compare_further: {hybrid: [tuned",
            )
        ],
    ),
    (
        {"metrics": measured(FUSED, [SURELY])},
        [("(+0.060 [+0.010, +0.110], p = 0.001): search with it", "index:")],
    ),
    ({"metrics": measured(FUSED | {"hybrid": 0.45})}, []),
    (
        {"metrics": measured(pairs=[OPEN])},
        [("is 0.100 wide, and holds 0: 800 would halve it", "test: 0.3")],
    ),
    (
        {"metrics": measured(pairs=[OPEN]), "config": {"pairs.group_by": "year"}},
        [("800 would halve it", "role: test")],
    ),
    *(
        (
            {"metrics": measured(pairs=[OPEN]), "config": {"pairs.shares": shares}},
            [("800 would halve it", setting)],
        )
        for shares, setting in (
            ({"train": 0.775, "dev": 0.125, "test": 0.1}, "train: 0.575, dev: 0.125,"),
            ({"train": 0.9989, "dev": 0.001, "test": 0.0001}, "role: test"),
            ({"train": 0.1, "dev": 0.8, "test": 0.1}, "role: test"),
        )
    ),
    (
        {"metrics": measured(pairs=[BETTER], queries=40)},
        [("by 40 test queries is 0.100 wide: 160 would", "test: 0.3")],
    ),
]


@pytest.mark.parametrize(("given", "expected"), TABLE)
def test_what_follows_of_numbers(given, expected):
    found = advice(numbers(**given))
    assert len(found) == len(expected)
    for one, (said, setting) in zip(found, expected, strict=True):
        assert said in one.said
        assert setting in one.setting


# One for each setting.
ALL = {
    one.setting: one for given, _ in TABLE for one in advice(numbers(**given))
}.values()


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.setting)
def test_each_is_a_setting_that_is_taken_and_a_section_that_is_there(
    one, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("d.jsonl", "asked.jsonl"):
        (tmp_path / name).touch()
    given = yaml.safe_load(one.setting)
    given.setdefault("datasets", {})["d"] = {"pairs": "d.jsonl"}
    given.setdefault("evaluate", {}).setdefault("systems", {})["hybrid"] = FUSION
    check_config(completed(given))
    page, _, anchor = one.guide.partition("#")
    titles = re.findall("^#+ (.+)$", (DOCS / page).read_text("utf-8"), re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", title).lower() for title in titles]
    assert anchor in [words.replace(" ", "-") for words in anchors]
    assert re.search(r"\d", one.said)


def test_what_is_advised_takes_the_place_of_no_system():
    given = numbers(**RESPELLED)
    taken = ("bm25_characters", "tuned_dense_characters")
    given.config["evaluate"]["systems"] = SYSTEMS | dict.fromkeys(taken, FUSION)
    (one,) = advice(given)
    systems = yaml.safe_load(one.setting)["evaluate"]["systems"]
    assert list(systems) == [f"{name}_2" for name in taken]


def test_what_makes_numbers_doubtful_is_said_before_what_was_lost_and_gained():
    found = advice(
        numbers(
            measured(COMBINED | {"bm25": 0.2, "base_dense": 0.6}, [WORSE, OPEN]),
            toys=("embedder", "reranker"),
            extractive=200,
            dev=60,
            general=measured(pairs=[WORSE]),
            **MISREAD,
            **PREFERRED,
        )
    )
    assert [one.kind for one in found] == [DOUBT, DOUBT, LOST, LOST, LOST]
    assert len({one.setting for one in found}) == len(found) == MOST
    worths = [one.worth for one in found if one.kind == LOST]
    assert worths == sorted(worths, reverse=True)
    assert DOUBT < LOST < GAIN < SURE


def test_the_box_names_the_guide_and_no_place_of_the_machine(tmp_path, monkeypatch):
    one = Advice(GAIN, 0, "1 < 2", "run: <a>", "systems.md#types")
    assert todo.section([], "report.html") is None
    monkeypatch.chdir(DOCS.parent)
    content = todo.section([one], "results/r/report.html").content
    assert 'href="../../docs/systems.md#types"' in content
    assert "1 &lt; 2" in content
    assert "run: &lt;a&gt;" in content
    monkeypatch.chdir(tmp_path)
    content = todo.section([one], "results/r/report.html").content
    assert "docs/systems.md, “Types”" in content
    assert "href" not in content
