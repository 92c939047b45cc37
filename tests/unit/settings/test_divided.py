"""Into how many parts data is divided by its size."""

import pytest

from arkiv.base.files import write_json
from arkiv.settings import divided
from arkiv.settings.amounts import OF_ROWS, Input
from arkiv.settings.divided import MANY, SMALL, is_small, outgrown, with_parts
from arkiv.settings.started import keep

# Bytes of a file of rows that holds as much text as is small.
ROWS = SMALL / OF_ROWS
AUTO = {"parts": {"documents": "auto", "queries": 7, "corpus": "auto"}}


def written(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b" " * int(size))
    return str(path)


def parts(tmp_path, datasets, **more):
    config = AUTO | {"datasets": datasets} | more
    return with_parts(config, tmp_path / "configuration.json")["parts"]


def test_small_data_is_one_part_and_a_number_that_is_given_stays(tmp_path):
    datasets = {"d": {"pairs": written(tmp_path / "p.jsonl", ROWS)}}
    assert parts(tmp_path, datasets) == {"documents": 1, "queries": 7, "corpus": 1}
    datasets["large"] = {"pairs": written(tmp_path / "q.jsonl", ROWS + 2)}
    found = parts(tmp_path, datasets)
    assert found == {"documents": MANY, "queries": 7, "corpus": MANY}


@pytest.mark.parametrize(
    ("name", "size", "small"),
    [
        ("v/1.txt", SMALL + 1, False),
        ("v/1.xml", SMALL * 16, True),  # mostly places of words
        ("v/1.xml", SMALL * 17, False),
        ("v/deeper/1.JSON", SMALL * 17, True),
        ("v/1.jpg", SMALL * 100, True),
        ("pages.zip", SMALL * 3, True),
        ("pages.zip", SMALL * 4, False),
    ],
)
def test_files_count_by_the_text_that_they_may_hold(tmp_path, name, size, small):
    folder = tmp_path / "archive"
    file = folder / name
    file.parent.mkdir(parents=True)
    with file.open("wb") as sparse:
        sparse.truncate(size)
    assert is_small({"d": {"pages": str(folder)}}) is small


def test_many_small_datasets_are_not_divided(tmp_path):
    path = written(tmp_path / "p.jsonl", ROWS / 2)
    assert is_small({f"d{n}": {"pairs": path} for n in range(9)})


def test_what_is_not_there_yet_is_not_taken_for_small(tmp_path):
    assert not is_small({"d": {"pairs": str(tmp_path / "no.jsonl")}})
    pool = str(tmp_path / "no.jsonl")
    path = written(tmp_path / "p.jsonl", 10)
    assert not is_small({"d": {"pairs": path, "pool": pool}})


def test_the_example_archive_counts_by_its_cases():
    assert is_small({"d": {"example": {"cases": 500, "volumes": 15}}})
    assert not is_small({"d": {"example": {"cases": 6000, "volumes": 15}}})


def test_a_run_keeps_the_parts_that_it_was_started_with(tmp_path):
    path = tmp_path / "p.jsonl"
    datasets = {"d": {"pairs": written(path, 10)}}
    config = {"run": "main", "datasets": datasets, **AUTO}
    kept = tmp_path / "configuration.json"
    keep(kept, with_parts(config, kept), [])
    written(path, ROWS + 2)
    assert parts(tmp_path, datasets) == {"documents": 1, "queries": 7, "corpus": 1}
    asked = {"documents": "auto", "queries": 7, "corpus": 2}
    assert parts(tmp_path, datasets, parts=asked)["corpus"] == 2
    kept.write_text("{")  # told when it is compared
    assert parts(tmp_path, datasets)["documents"] == MANY


def test_where_another_run_takes_its_place_and_in_a_module_nothing_is_kept(tmp_path):
    kept = tmp_path / "configuration.json"
    config = {
        "datasets": {"play": {"example": {"cases": 5}}},
        "parts": {"corpus": "auto", "pairs": 3},
    }
    write_json(kept, {"settings": {"parts": {"corpus": 7}}})
    assert with_parts(config, kept)["parts"] == {"corpus": 7, "pairs": 3}
    assert with_parts(config, None)["parts"] == {"corpus": 1, "pairs": 3}
    assert with_parts(config, None, look=False)["parts"]["corpus"] == MANY


def test_one_part_that_the_data_has_outgrown_is_told_and_what_to_set(tmp_path):
    small, path = written(tmp_path / "s.jsonl", 10), tmp_path / "p.jsonl"
    datasets = {"s": {"pairs": small}, "d": {"pairs": written(path, ROWS)}}
    config = {"run": "main", "datasets": datasets, **AUTO}
    kept = tmp_path / "configuration.json"
    assert outgrown(config, kept) == ""
    keep(kept, with_parts(config, kept), [])
    written(path, ROWS * MANY)
    assert outgrown(config, kept) == ""
    written(path, ROWS * (MANY + 1))
    said = outgrown(config, kept)
    assert said.startswith("datasets.d has 1 part from an earlier start of the run, ")
    assert "more than about 1.6 MB of text now" in said
    assert said.endswith("set parts: {documents: 4, corpus: 4} in the configuration")
    numbers = {"documents": 1, "queries": 1, "corpus": 2}
    assert outgrown(config | {"parts": numbers}, kept) == ""
    keep(kept, config | {"parts": numbers}, [])
    assert "{documents: 4}" in outgrown(config, kept)
    path.unlink()
    assert outgrown(config, kept) == ""


def test_files_are_looked_at_until_it_is_plain_that_there_is_much(
    tmp_path, monkeypatch
):
    def looked_at(*given):
        yield Input(text=MANY * SMALL)
        yield Input(text=1)
        raise AssertionError

    monkeypatch.setattr(divided, "inputs", looked_at)
    kept = tmp_path / "configuration.json"
    write_json(kept, {"settings": {"parts": {"corpus": 1}}})
    config = {"datasets": {"d": {"example": {}}}, "parts": {"corpus": "auto"}}
    assert "datasets.d has 1 part" in outgrown(config, kept)
    assert not is_small(config["datasets"])
