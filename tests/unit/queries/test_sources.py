"""Documents and groups of them, from any part of a file."""

import json

import pytest

from arkiv.base.files import Part
from arkiv.base.hashing import content_id
from arkiv.queries.offline import ASKERS, offline_pairs, query_record
from arkiv.queries.settings import Group
from arkiv.queries.sources import Sources


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "documents.jsonl"
    with open(file, "w") as out:
        for n in range(40):
            text = f"Anders kom till Göringe by nummer {n} om skuldebref"
            row = {"id": content_id(text), "text": text, "volume": f"v{n // 10}"}
            row |= {"first_page": n, "last_page": n + 1, "last_label": f"{n + 1}r"}
            row |= {"year": 1880 + n // 10, "type": "court"}
            out.write(json.dumps(row | {"first_label": f"{n}r"}) + "\n")
    return file


def sources(path, share, part="1-of-1", sizes=(3, 4), seed=0):
    return list(Sources(path, Part.parse(part), Group(share, sizes), seed))


@pytest.mark.parametrize("count", [1, 2, 7, 40, 50])
@pytest.mark.parametrize("share", [0, 0.4, 1])
def test_groups_do_not_depend_on_the_number_of_parts(path, share, count):
    parts = [sources(path, share, f"{n}-of-{count}") for n in range(1, count + 1)]
    assert [one for part in parts for one in part] == sources(path, share)


def test_groups_are_documents_that_follow_on_in_a_volume(path):
    documents = sources(path, 0)
    assert [one["first_page"] for one in documents] == list(range(40))
    found = sources(path, 1)
    assert [one for one in found if "members" not in one] == documents
    groups = [one for one in found if "members" in one]
    # None begins with the last two of a volume, nor any of 4 with the third last.
    starts = {one["first_page"] % 10 for one in groups}
    assert starts == set(range(8))
    assert 28 <= len(groups) <= 32
    for group in groups:
        start = group["first_page"]
        members = group["members"]
        assert members == documents[start : start + len(members)]
        assert len(members) in (3, 4)
        assert {one["volume"] for one in members} == {group["volume"]}
        assert group["last_page"] == members[-1]["last_page"]
        assert {one["year"] for one in members} == {group["year"]}
        assert group["first_label"] == f"{start}r"
        assert group["last_label"] == members[-1]["last_label"]
        assert group["text"] == "\n\n".join(one["text"] for one in members)
    assert {len(one["members"]) for one in groups} == {3, 4}


def test_another_seed_makes_other_groups(path):
    assert sources(path, 0.4, seed=1) != sources(path, 0.4)


def test_a_group_gets_one_query_with_all_its_documents(path):
    found = sources(path, 1)
    rejected = []
    made = list(offline_pairs(found, ASKERS["extractive"], 2, 0, rejected))
    assert not rejected
    groups = [row for row in made if len(row["pos"]) > 1]
    assert len(groups) == sum("members" in one for one in found)
    assert len(made) - len(groups) == 80
    first = next(one for one in found if "members" in one)
    row = query_record("Vad?", first)
    assert row["pos_ids"] == [one["id"] for one in first["members"]]
    assert row["pos"] == [one["text"] for one in first["members"]]
    assert "members" not in row
