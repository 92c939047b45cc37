"""What a card says of a model's origin, and what it keeps to itself."""

import pytest

from arkiv.base.markdown import told
from arkiv.export.about import Origin


def test_a_model_of_the_hub_is_named_with_its_revision():
    origin = Origin.of("BAAI/bge-m3", "5617a9f")
    assert (str(origin), origin.on_hub) == (
        "`BAAI/bge-m3` at revision `5617a9f`",
        True,
    )
    assert str(Origin.of("BAAI/bge-m3", None)) == "`BAAI/bge-m3`"


def test_of_a_directory_only_its_own_name_is_told(tmp_path, monkeypatch):
    (tmp_path / "models" / "own").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for source in ("models/own", "./models/own/", tmp_path / "models" / "own"):
        origin = Origin.of(str(source), "5617a9f")
        assert (str(origin), origin.on_hub) == ("the local model `own`", False)


def test_a_link_is_told_by_its_own_name_and_the_hubs_cache_by_the_models(tmp_path):
    commit = "0123456789" * 4
    cached = tmp_path / "models--some--e5--small" / "snapshots" / commit
    cached.mkdir(parents=True)
    origin = Origin.of(str(cached), None)
    assert str(origin) == f"`some/e5--small` at revision `{commit}`"
    assert origin.on_hub
    (tmp_path / "data").mkdir()
    (tmp_path / "my-e5").symlink_to(tmp_path / "data")
    (tmp_path / "its").symlink_to(cached)
    assert str(Origin.of(str(tmp_path / "my-e5"), None)) == "the local model `my-e5`"
    assert Origin.of(str(tmp_path / "its"), None) == origin


def test_a_tiny_model_is_of_no_hub():
    assert not Origin.of("tiny", None).on_hub


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("/home/someone/stage0.json", "stage0.json"),
        ("~/stage0.json", "stage0.json"),
        ("config/deepspeed/stage0.json", "config/deepspeed/stage0.json"),
        ({"nvme_path": "/local/nvme", "stage": 2}, '{"nvme_path": "nvme", "stage": 2}'),
        (["a", "/b/c"], "a c"),
        ([[1, 2], [3, "/b/c"]], "1 2, 3 c"),
        (True, "true"),
        (1e-5, "1e-05"),
    ],
)
def test_the_value_of_an_argument_names_no_place_on_the_machine(value, text):
    assert told(value) == text
