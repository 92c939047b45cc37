"""Pages and groups counted by their best passages, against scores themselves."""

import json
from random import Random

import pytest

from arkiv.base.errors import InputError
from arkiv.evaluate.measures import by_query
from arkiv.evaluate.units import Units, told, unit_of


def write(path, passages):
    path.write_text("".join(f"{json.dumps(one)}\n" for one in passages))
    return path


def drawn_corpus(random, count=60):
    """Passages of some pages and groups of two datasets; of a few nothing is known."""
    passages = []
    for n in range(count):
        one = {"id": f"p{n:02}", "text": f"text {n}", "dataset": random.choice("ab")}
        if random.random() < 0.9:
            page = random.randrange(4)
            one |= {"volume": random.choice("vw"), "group": f"g{random.randrange(6)}"}
            one |= {"first_page": page, "last_page": page + random.randrange(2)}
        passages.append(one)
    return passages


def by_best_passage(ranked, grades, passages, unit):
    """A ranking of units and their grades, from a score of each."""
    named = {
        one["id"]: str(unit_of(one, unit) or ("alone", one["id"])) for one in passages
    }
    scores, of_units = {}, {}
    for rank, key in enumerate(ranked):
        scores[named[key]] = max(scores.get(named[key], -99), -rank)
    for key, grade in grades.items():
        of_units[named[key]] = max(of_units.get(named[key], 0), grade)
    return sorted(scores, key=lambda name: -scores[name]), of_units


@pytest.mark.parametrize("unit", ["page", "group"])
def test_measures_are_those_of_the_best_passages(tmp_path, unit):
    random = Random(unit)
    measures = ["nDCG@10", "AP", "R@100", "RR@10", "P@10"]
    for _ in range(20):
        passages = drawn_corpus(random)
        ids = [one["id"] for one in passages]
        placed = [one["id"] for one in passages if unit_of(one, unit)]
        run = {f"q{n}": random.sample(ids, 40) for n in range(5)}
        qrels = {
            query: {key: random.randint(1, 3) for key in random.sample(placed, 6)}
            for query in run
        }
        relevant = [key for grades in qrels.values() for key in grades]
        units = Units.read(unit, write(tmp_path / "c", passages), relevant)
        found = by_query(units.run(run), units.qrels(qrels), list(run), measures)
        for row, query in enumerate(run):
            ranked, grades = by_best_passage(run[query], qrels[query], passages, unit)
            alone = by_query({query: ranked}, {query: grades}, [query], measures)
            assert found[row].tolist() == pytest.approx(alone[0].tolist())
        counts = units.counts()
        assert counts["alone"] == len(ids) - len(placed)
        assert counts["passages"] == len(ids)
        assert counts["units"] == len({unit_of(one, unit) for one in passages}) - (
            len(placed) < len(ids)
        ) + len(ids) - len(placed)


def test_pages_of_one_number_are_told_apart_by_volume_and_dataset():
    page = {"dataset": "a", "volume": "v", "first_page": 3}
    others = [page | {"volume": "w"}, page | {"dataset": "b"}, page | {"first_page": 4}]
    assert len({unit_of(one, "page") for one in [page, *others]}) == 4
    assert unit_of(page | {"last_page": 9}, "page") == unit_of(page, "page")
    labelled = {"dataset": "a", "volume": "v", "first_label": "12r"}
    assert unit_of(labelled, "page") == ("a", "v", "12r")
    assert unit_of({"volume": "v"}, "page") is unit_of({"volume": "v"}, "group") is None


def test_a_relevant_passage_of_no_page_is_one_sentence(tmp_path):
    corpus = write(tmp_path / "c", [{"id": "p", "text": "t"}, {"id": "q", "text": "u"}])
    with pytest.raises(InputError) as found:
        Units.read("page", corpus, ["q"])
    assert str(found.value) == (
        f"{corpus}, line 2: has no `volume` and `first_page` (or `first_label`), which "
        "evaluate.unit (page) counts relevant passages by; give it in the rows, or "
        "count passages"
    )
    with pytest.raises(InputError, match="which needs --corpus"):
        Units.read("group", None, [])
    # Of no use to a query, it stands by itself, and is counted.
    assert Units.read("page", corpus, []).alone == 2
    assert Units.read("passage", None, ["q"]) is None


def test_what_is_counted_is_told():
    assert told({}) == ""
    counted = {"unit": "group", "units": 3, "passages": 9, "alone": 1}
    said = told({"counted": counted})
    assert "9 passages make 3 groups. 1 of the passages are of no group" in said
