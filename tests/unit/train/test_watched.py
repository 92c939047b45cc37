"""Every mode is watched, not the deciding one alone."""

from random import Random

from arkiv.encode.settings import MODES
from arkiv.train.watched import falls, in_a_sentence, warning


def drawn(random):
    """What training measured of some modes on one or two collections, rounded, so that
    some are as before."""
    modes = random.sample(MODES, random.randint(1, len(MODES)))
    collections = ["dev", "general"][: random.randint(1, 2)]
    entries = [
        {
            "step": step,
            "scores": {
                name: {
                    mode: {
                        one: round(random.random(), 1) for one in ("nDCG@10", "RR@10")
                    }
                    for mode in modes
                }
                for name in collections
            },
        }
        for step in (0, 5, 9)
    ]
    return {
        "collections": {key: {"queries": 9, "passages": 9} for key in collections},
        "mode": random.choice(modes),
        "measure": random.choice(["nDCG@10", "RR@10"]),
        "best_step": random.choice([5, 9]),
        "entries": entries,
    }


def test_exactly_the_modes_below_their_base_are_told():
    random = Random(0)
    seen = set()
    for _ in range(500):
        evaluation = drawn(random)
        measure, best = evaluation["measure"], evaluation["best_step"]
        before, after = (
            next(one["scores"] for one in evaluation["entries"] if one["step"] == step)
            for step in (0, best)
        )
        wanted = {
            (name, mode)
            for name in evaluation["collections"]
            for mode in before[name]
            if after[name][mode][measure] < before[name][mode][measure]
        }
        found = falls(evaluation)
        assert {(fall.collection, fall.mode) for fall in found} == wanted
        assert len(found) == len(wanted)
        said = in_a_sentence(evaluation)
        assert bool(said) == bool(wanted)
        for fall in found:
            own = after[fall.collection][fall.mode][measure]
            assert f"{own:.3f} against " in warning(fall, evaluation)
            words = f"{fall.mode.replace('_', '-')} on {fall.collection} queries"
            assert f"{words} ({own:.3f} against " in said
            decides = fall.mode == evaluation["mode"]
            assert ("kept for its" in warning(fall, evaluation)) == (not decides)
            seen.add(decides)
    assert seen == {True, False}


def test_without_measures_nothing_is_said():
    evaluation = drawn(Random(1))
    assert in_a_sentence(None) == ""
    # A run that went on from what was not measured at its beginning.
    evaluation["entries"] = evaluation["entries"][1:]
    assert falls(evaluation) == []
