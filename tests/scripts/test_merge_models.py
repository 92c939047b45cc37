"""merge_models.py: what is measured is what is written, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from training import dev_measures, files_in, sha, watched
from tuned import another

import merge_models
from arkiv.base.errors import InputError
from arkiv.base.files import read_json
from arkiv.base.hashing import digest_of_files
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.encode.options import Options
from arkiv.train.merging import Ends


@pytest.fixture(scope="module")
def tuned(material, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tuned")
    return another(material / "base", folder / "model", spread=0.02)


def words(material: Path, tuned: Path, to: Path, *more: str) -> list[str]:
    return [
        *("--model", str(tuned), "--other", str(material / "base"), "--base"),
        *("--name", "base", "--seed", "5", *more),
        *("--query-max-length", "32", "--passage-max-length", "64"),
        *("--output", str(to / "model"), "--report", str(to / "merge.json")),
    ]


def test_a_weight_is_chosen_by_measures_of_what_would_be_written(
    material, tuned, tmp_path
):
    general = ["--evaluation-general", str(material / "pairs" / "dev.jsonl")]
    merge_models.main(words(material, tuned, tmp_path, *watched(material), *general))
    report = read_json(tmp_path / "merge.json")
    assert (report["with"], report["chosen"]) == ("base", True)
    assert report["collections"]["dev"] == {"queries": 12, "passages": 35}
    assert report["inputs"] == {
        "tuned": digest_of_files(tuned),
        "other": digest_of_files(material / "base"),
    }
    curve = {entry["weight"]: entry["scores"] for entry in report["curve"]}
    assert {0, 0.2, 0.4, 0.6, 0.8, 1} <= curve.keys()
    assert report["weight"] in curve
    ends = Ends(tuned, material / "base", 5, Options())
    for weight in (0, 0.4, 1):
        ends.write(tmp_path / f"{weight}", weight)
        encoder = Encoder(M3(tmp_path / f"{weight}"), longest=64)
        assert dev_measures(material, encoder) == curve[weight]["dev"]
    ends.write(tmp_path / "again", report["weight"])
    assert files_in(tmp_path / "model") == files_in(tuned)
    assert digest_of_files(tmp_path / "model") == digest_of_files(tmp_path / "again")


def test_a_weight_that_is_given_needs_no_queries(material, tuned, tmp_path):
    merge_models.main(words(material, tuned, tmp_path, "--merge-weights", "1"))
    report = read_json(tmp_path / "merge.json")
    assert report.keys() == {"with", "chosen", "weight", "inputs"}
    assert (report["weight"], report["chosen"]) == (1, False)
    name = "model.safetensors"
    assert sha(tmp_path / "model" / name) == sha(tuned / name)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--merge-weights", "1.5"), "`merge_weights`: is 1.5, expected"),
        ((), "`--dev`: is missing: dev queries and their passages choose the weight"),
        (("--merge-weights", "0.5", "--other", "gone"), "gone: is not a directory"),
    ],
)
def test_what_will_not_do_is_said_in_a_sentence(material, tuned, tmp_path, more, said):
    with pytest.raises(InputError) as error:
        merge_models.main(words(material, tuned, tmp_path) + list(more))
    assert str(error.value).startswith(said)
    assert not list(tmp_path.iterdir())


def test_a_job_that_is_interrupted_leaves_nothing(
    material, tuned, tmp_path, monkeypatch
):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()

    def interrupted(ends, weight):
        raise KeyboardInterrupt

    # The encoder is written when the heads are made.
    monkeypatch.setattr(Ends, "heads", interrupted)
    with pytest.raises(KeyboardInterrupt):
        merge_models.main(words(material, tuned, tmp_path, "--merge-weights", "0.5"))
    assert [one.name for one in tmp_path.iterdir()] == ["model"]
    assert [one.name for one in (tmp_path / "model").iterdir()] == ["old"]
