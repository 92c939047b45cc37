"""The file that keeps what a run was started with."""

import pytest

from arkiv.base.errors import InputError
from arkiv.settings.started import changed_since, keep

CONFIG = {"run": "main", "run_again": False, "seed": 1, "datasets": {"d": {}}}


def test_what_is_kept_is_read_again(tmp_path):
    kept = tmp_path / "configuration.json"
    assert changed_since(kept, CONFIG, ["my.yaml"]) == ""
    keep(kept, CONFIG, ["my.yaml"])
    assert changed_since(kept, CONFIG, ["my.yaml"]) == ""
    changed = CONFIG | {"seed": 2, "run_again": True}
    assert changed_since(kept, changed, ["my.yaml"]) == "seed: 1 -> 2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"files": [], "settings": {}}',
        '{"files": null, "settings": {"datasets": {}}}',
        '{"files": [[]], "settings": {"datasets": {}}}',
        '{"files": [], "settings": {"datasets": []}}',
        '{"files": [], "sett',
        "\udcff",
    ],
)
def test_one_that_was_cut_off_or_edited_is_told_to_be_deleted(tmp_path, text):
    kept = tmp_path / "configuration.json"
    kept.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=r"configuration\.json: is not what .*delete"):
        changed_since(kept, CONFIG, ["my.yaml"])
