"""Train rows with some texts respelled, or misread."""

import random

import pytest
from distances import levenshtein
from project import ROOT

from arkiv.base.errors import InputError
from arkiv.base.files import write_json
from arkiv.text.spelling import respelled
from arkiv.text.spelling_tables import read_table
from arkiv.train.altering import Augment
from arkiv.train.augment import NONE, Augmenting, ways_of

RULES = ROOT / "config/spelling/sv.yaml"
BOTH = ("queries", "passages")
WORDS = """
vad av över kvarnen blev brev skrev hustrun gården skogen hövding tvisten inför rätten
öfver af blef qvarnen hwad hafva gifva lagmannen häradet ängen betalade skulden
""".split()


def rows(count, seed=1):
    """Rows with scores; every passage stands in several of them."""
    draw = random.Random(seed)

    def text(words):
        return " ".join(draw.choice(WORDS) for _ in range(words))

    passages = [text(20) for _ in range(count)]
    return [
        {
            "id": f"q{n}",
            "query": text(9),
            "pos": [passages[n]],
            "neg": draw.sample([one for one in passages if one != passages[n]], 3),
            "pos_ids": [f"p{n}"],
            "neg_ids": ["a", "b", "c"],
            "pos_scores": [draw.random()],
            "neg_scores": [draw.random() for _ in range(3)],
        }
        for n in range(count)
    ]


def augmented(given, seed=5, **settings):
    augment = Augment(**settings)
    augmenting = Augmenting(augment, ways_of(augment, RULES), seed)
    return list(augmenting.of(iter(given))), augmenting.stats()


@pytest.mark.parametrize(("share", "noise"), [(0.3, 0.1), (0.6, 0.05), (1, 0.2)])
def test_as_many_texts_are_misread_as_much_as_asked_for(share, noise):
    given = rows(700)
    made, stats = augmented(given, noise=noise, share=share)
    pairs = [
        (a["query"], b["query"])
        for a, b in zip(given, made, strict=True)
        if a["query"] != b["query"]
    ]
    assert len(pairs) / len(given) == pytest.approx(share, abs=0.05)
    edits = sum(levenshtein(*pair) for pair in pairs)
    assert edits / sum(len(one) for one, _ in pairs) == pytest.approx(noise, rel=0.06)
    of = stats["queries"]
    assert (of["altered"], of["edits"]) == (len(pairs), edits)
    assert of["by"] == {"noise": len(pairs), NONE: 0}


def test_each_way_has_its_part_and_none_of_it_is_lost():
    given = rows(900)
    made, stats = augmented(given, spelling=("old", "modern"), noise=0.1, share=0.6)
    table = read_table(RULES)
    by = stats["queries"]["by"]
    assert sum(by.values()) == stats["queries"]["altered"] + by[NONE]
    assert sum(by.values()) == pytest.approx(0.6 * 900, rel=0.08)
    assert all(by[way] > 140 for way in ("old", "modern", "noise"))
    for row, new in zip(given, made, strict=True):
        for told in new["altered"]:
            assert told["was"] == row["query"] != new["query"]
            assert told["edits"] == levenshtein(row["query"], new["query"])
            if told["how"] != "noise":
                # By all rules of the variant, and those of habit that its writer has.
                rules = table.variants[told["how"]]
                keys = ("augment", "queries", row["query"], told["how"])
                assert new["query"] == respelled(row["query"], rules, 5, *keys)


def test_only_texts_change_and_rows_tell_what_they_were():
    given = rows(80)
    made, _ = augmented(given, noise=0.1, share=0.5, texts=BOTH)
    for row, new in zip(given, made, strict=True):
        assert new.keys() == {*row, "altered"}
        for key in ("id", "pos_ids", "neg_ids", "pos_scores", "neg_scores"):
            assert new[key] == row[key]
        was = {
            key: [one["was"] for one in new["altered"] if one["of"] == key]
            for key in ("query", "pos", "neg")
        }
        for key in ("pos", "neg"):
            left = iter(was[key])
            back = [
                old if old == now else next(left)
                for old, now in zip(row[key], new[key], strict=True)
            ]
            assert back == row[key]
            assert not list(left)
        assert was["query"] == [row["query"]] * (row["query"] != new["query"])


def test_a_passage_is_the_same_as_positive_and_as_negative():
    given = rows(60)
    made, _ = augmented(given, noise=0.1, share=0.5, texts=("passages",))
    becomes = {}
    for row, new in zip(given, made, strict=True):
        assert new["query"] == row["query"]
        for key in ("pos", "neg"):
            for old, now in zip(row[key], new[key], strict=True):
                assert becomes.setdefault(old, now) == now
    changed = sum(old != now for old, now in becomes.items())
    assert 15 < changed < 45


def test_a_query_that_is_its_passage_is_altered_by_itself():
    texts = [one["pos"][0] for one in rows(200)]
    given = [{"query": text, "pos": [text]} for text in texts]
    made, _ = augmented(given, noise=0.1, share=0.5, texts=BOTH)
    assert sum(row["query"] != row["pos"][0] for row in made) > 100


def test_what_becomes_of_a_row_depends_on_it_and_the_seed_alone():
    given = rows(120)
    settings = {"spelling": ("old",), "noise": 0.1, "share": 0.5, "texts": BOTH}
    whole, stats = augmented(given, **settings)
    turned, counts = augmented(given[::-1], **settings)
    assert turned[::-1] == whole
    assert counts == stats
    parts = [
        augmented(given[start : start + 40], **settings)[0] for start in (0, 40, 80)
    ]
    assert [row for part in parts for row in part] == whole
    assert augmented(given, seed=6, **settings)[0] != whole
    # Another share keeps the alterations that both have.
    more, _ = augmented(given, **settings | {"share": 0.9})
    assert all(
        now["query"] == new["query"]
        for new, now in zip(whole, more, strict=True)
        if any(one["of"] == "query" for one in new["altered"])
    )


def test_a_text_that_nothing_alters_is_counted():
    given = [{"query": "7", "pos": ["x"]}]
    made, stats = augmented(given, spelling=("old", "modern"), share=1)
    assert made[0]["query"] == "7"
    assert stats["queries"]["by"] == {"old": 0, "modern": 0, NONE: 1}
    assert stats["queries"]["altered"] == 0
    # One that a variant leaves as it is, is altered in another way.
    made, stats = augmented(
        [{"query": f"Lars Olsson {n}", "pos": ["x"]} for n in range(30)],
        spelling=("modern",),
        noise=0.1,
        share=1,
    )
    assert stats["queries"]["by"] == {"modern": 0, "noise": 30, NONE: 0}


def test_noise_of_the_archive_is_what_was_learnt(tmp_path):
    path = tmp_path / "learnt.json"
    of = {"times": 9, "of": 90, "weight": 0.1}
    write_json(path, {"rate": 0.05, "spaces": 0, "confusions": {"r": {"x": of}}})
    augment = Augment(noise="archive", share=1)
    ways = ways_of(augment, RULES, str(path))
    assert ways.rate == 0.05
    given = rows(100)
    made = list(Augmenting(augment, ways, 5).of(iter(given)))
    for row, new in zip(given, made, strict=True):
        assert new["query"].replace("x", "r") == row["query"]
        assert ("x" in new["query"]) == ("r" in row["query"])


@pytest.mark.parametrize(
    ("settings", "rules", "said"),
    [
        (
            {"spelling": ("old", "ancient")},
            None,
            "`train.augment.spelling`: names ancient, expected variants of ",
        ),
        ({"spelling": ("old",)}, "spaces: 0", "variants of {}: none"),
        (
            {"noise": 0.1},
            "variants: {old: []}",
            "`train.augment.noise`: is 0.1, but {} has no confusions, which noise",
        ),
    ],
)
def test_what_the_table_lacks_is_refused_in_one_sentence(
    tmp_path, settings, rules, said
):
    path = RULES
    if rules:
        path = tmp_path / "rules.yaml"
        path.write_text(rules)
    with pytest.raises(InputError) as caught:
        ways_of(Augment(**settings), path)
    assert said.format(path) in str(caught.value)
    assert "\n" not in str(caught.value)
