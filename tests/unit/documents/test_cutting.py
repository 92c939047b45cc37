"""Joining lines to words, and cutting words into documents."""

import random
import re
from collections import Counter
from dataclasses import replace
from itertools import chain

import pytest

from arkiv.base.hashing import content_id
from arkiv.documents.cutting import (
    LengthShares,
    cut_headings,
    cut_pages,
    cut_sampled,
    cut_windows,
    record,
    words,
)
from arkiv.pages.page import Line, Page, Sheet
from arkiv.volumes.finding import find
from arkiv.volumes.opened import Opened
from arkiv.volumes.volume import page_files

SHARES = LengthShares.parse("2-4:1,5-9:1")


def page(number, *texts, confidence=None):
    lines = tuple(
        Line(text, confidence, place) for place, text in enumerate(texts, start=1)
    )
    return Page(number, lines, 0)


def placed(*pages):
    return [(word.text, word.page.number, word.line.number) for word in words(pages)]


def test_a_word_divided_at_a_lines_end_is_joined_where_it_begins():
    assert placed(page(1, "den andra hälf¬", "ten af året")) == [
        ("den", 1, 1),
        ("andra", 1, 1),
        ("hälften", 1, 1),
        ("af", 1, 2),
        ("året", 1, 2),
    ]


@pytest.mark.parametrize("sign", ["-", "=", "\u2010", "\u2e17"])
def test_any_hyphen_that_a_file_may_have_divides(sign):
    found = placed(page(1, f"Volks{sign}", "badeanstalt", f"Karl{sign}", "Johan"))
    assert [word for word, *_ in found] == ["Volksbadeanstalt", f"Karl{sign}Johan"]


def test_letters_are_composed_as_they_are_read():
    sheet = Sheet()
    for line in ("ha\u0308-", "radet"):
        sheet.add(line)
    found = words([Page(1, tuple(sheet.lines), 0)])
    assert [word.text for word in found] == ["h\u00e4radet"]


def test_a_word_is_joined_across_empty_and_several_pages():
    pages = [page(1, "Härads¬"), page(2), page(3, "rät¬ "), page(4, "ten dömde")]
    assert placed(*pages) == [("Häradsrätten", 1, 1), ("dömde", 4, 1)]


def test_other_signs_of_a_break_go_and_spaces_collapse():
    assert placed(page(1, "  mid¬dag\t¬  och ", "¬", "natt ¬", "vard")) == [
        ("middag", 1, 1),
        ("och", 1, 1),
        ("nattvard", 1, 3),
    ]


def test_a_half_at_the_end_of_the_volume_is_kept_with_its_sign():
    assert placed(page(1, "slut och hälf¬")) == [
        ("slut", 1, 1),
        ("och", 1, 1),
        ("hälf¬", 1, 1),
    ]


def test_a_lone_sign_does_not_lose_the_half_before_it():
    assert placed(page(1, "hälf¬", "¬", "ten")) == [("hälften", 1, 1)]


def random_pages(seed):
    draw = random.Random(seed)
    return [
        page(
            number,
            *(
                " ".join(f"o{draw.randrange(10**6)}" for _ in range(draw.randrange(6)))
                + draw.choice(("", "", "¬"))
                for _ in range(draw.randrange(8))
            ),
        )
        for number in range(20)
    ]


@pytest.mark.parametrize("seed", range(10))
def test_no_character_is_lost_and_order_is_kept(seed):
    pages = random_pages(seed)
    everything = "".join(line.text for leaf in pages for line in leaf.lines)
    expected = "".join(everything.replace("¬", "").split())
    for cut in (
        cut_pages(words(pages)),
        cut_sampled(words(pages), SHARES, 0, "v"),
    ):
        found = "".join(word.text for word in chain.from_iterable(cut))
        # The last half of all has no other.
        assert found.replace("¬", "") == expected


def test_one_document_a_page_with_the_divided_word_where_it_begins():
    pages = [page(1, "ett tv¬"), page(2), page(3, "å tre"), page(4, "fyra")]
    documents = [record(document, "v") for document in cut_pages(words(pages))]
    assert [(d["text"], d["first_page"], d["last_page"]) for d in documents] == [
        ("ett två", 1, 1),
        ("tre", 3, 3),
        ("fyra", 4, 4),
    ]


def test_two_pages_of_one_number_stay_apart():
    pages = [page(7, "ett", "två"), page(7, "tre")]
    assert [len(document) for document in cut_pages(words(pages))] == [2, 1]
    assert record(list(words(pages)), "v")["lines"] == 3


def test_sampled_lengths_lie_in_the_bins_and_the_last_may_be_short():
    text = list(words([page(1, " ".join(map(str, range(4000))))]))
    lengths = [len(d) for d in cut_sampled(text, SHARES, 0, "v")]
    assert sum(lengths) == 4000
    assert set(lengths[:-1]) == set(range(2, 10))
    short = sum(length <= 4 for length in lengths) / len(lengths)
    assert short == pytest.approx(0.5, abs=0.06)
    within = Counter(length for length in lengths if length <= 4)
    assert all(count > sum(within.values()) / 4 for count in within.values())


def test_a_volumes_cut_depends_on_seed_and_volume_alone():
    text = list(words([page(1, " ".join(map(str, range(300))))]))

    def lengths(seed, volume):
        return [len(d) for d in cut_sampled(text, SHARES, seed, volume)]

    assert lengths(0, "v") == lengths(0, "v")
    assert lengths(0, "v") != lengths(1, "v")
    assert lengths(0, "v") != lengths(0, "w")


@pytest.mark.parametrize(
    "text",
    ["", "10-20", "10:1", "20-10:1", "0-9:1", "1-9:0", "1-9:-1,2-3:2", "1-9:nan"],
)
def test_a_distribution_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        LengthShares.parse(text)


def test_a_record_by_hand():
    first = page(3, "ett två", "tre", confidence=0.5)
    second = page(5, "fyra", "fem sex", confidence=0.9)
    second = replace(second, label="[iv]")
    document = [
        word for word in words([first, second]) if word.text not in ("ett", "sex")
    ]
    assert record(document, "v") == {
        "id": content_id("två tre fyra fem"),
        "text": "två tre fyra fem",
        "volume": "v",
        "first_page": 3,
        "last_page": 5,
        "first_label": None,
        "last_label": "[iv]",
        "first_line": 1,
        "last_line": 2,
        "first_line_id": None,
        "last_line_id": None,
        "first_image": None,
        "last_image": None,
        "lines": 4,
        "words": 4,
        "confidence": 0.7,
    }


def test_a_record_names_the_lines_and_images_it_begins_and_ends_with():
    pages = [
        Page(1, (Line("ett", None, 1, id="r1l1"),), 0, "scan_1.jpg"),
        Page(2, (Line("två", None, 1, id="r7l3"),), 0, "scan_2.jpg"),
    ]
    found = record(list(words(pages)), "v")
    assert (found["first_line_id"], found["last_line_id"]) == ("r1l1", "r7l3")
    assert (found["first_image"], found["last_image"]) == ("scan_1.jpg", "scan_2.jpg")


@pytest.mark.parametrize(
    ("count", "size", "overlap"), [(10, 4, 1), (9, 4, 0), (7, 5, 4)]
)
def test_windows_overlap_and_the_last_has_something_new(count, size, overlap):
    text = list(words([page(1, " ".join(map(str, range(count))))]))
    windows = [
        [int(word.text) for word in window]
        for window in cut_windows(text, size, overlap)
    ]
    assert [window[0] for window in windows] == [
        start
        for start in range(0, count, size - overlap)
        if start == 0 or start + overlap < count
    ]
    assert all(len(window) == size for window in windows[:-1])
    assert set(windows[-1]) - {n for window in windows[:-1] for n in window}
    assert sorted({n for window in windows for n in window}) == list(range(count))


def test_no_word_makes_no_window():
    assert list(cut_windows([], 4, 1)) == []


def test_a_document_begins_at_each_heading():
    pages = [
        page(1, "förord", "  § 1. Om", "sådan slutar §¬"),
        page(2, "§ 2. x § 9.", "§ 3."),
    ]
    documents = cut_headings(words(pages), re.compile(r"^§ \d+"))
    # The half of a divided word belongs to where it begins.
    assert [" ".join(word.text for word in document) for document in documents] == [
        "förord",
        "§ 1. Om sådan slutar §§",
        "2. x § 9.",
        "§ 3.",
    ]


def test_confidence_is_the_mean_of_the_lines_that_have_one():
    pages = [
        page(1, "a b c", confidence=0.2),
        page(2, "d"),
        page(3, "e", confidence=0.7),
    ]
    assert record(list(words(pages)), "v")["confidence"] == 0.45
    assert record(list(words([page(2, "d")])), "v")["confidence"] is None


def test_real_pages_are_cut_without_loss(svea):
    (volume,) = find(svea / "pages").volumes
    with Opened(svea / "pages") as opened, page_files(volume, opened) as files:
        pages = [file.pages(None)[0] for file in files]
    everything = "".join(line.text for leaf in pages for line in leaf.lines)
    found = list(words(pages))
    expected = "".join(everything.replace("¬", "").split())
    assert "".join(word.text for word in found) == expected
    assert not any("¬" in word.text for word in found)
    assert sum(map(len, cut_pages(found))) == len(found)
