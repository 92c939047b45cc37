"""config.yaml and the table of settings say what is declared; how they are mended."""

from __future__ import annotations

import pytest
import yaml
from project import ROOT

from arkiv.base.declared import plain
from arkiv.settings.configuration import Configuration
from arkiv.settings.written import differences, with_defaults, with_table

YAML = (ROOT / "config/config.yaml").read_text(encoding="utf-8")
TABLE = (ROOT / "config/README.md").read_text(encoding="utf-8")


def test_config_yaml_has_the_declared_keys_and_defaults():
    found = [".".join(keys) for keys in differences(yaml.safe_load(YAML))]
    assert not found, (
        f"config/config.yaml and the declaration in scripts/arkiv disagree in {found}: "
        "`make settings` writes the declared defaults into config/config.yaml; a key "
        "that is not declared is to be taken out of it by hand"
    )


def test_the_table_of_settings_is_that_of_the_declaration():
    assert with_table(TABLE) == TABLE, (
        "the table in config/README.md is not that of the declaration: `make settings` "
        "writes it"
    )


@pytest.mark.parametrize(
    ("old", "other"),
    [
        ("per_document: 1\n", "per_document: 9\n"),
        ("documents: auto # r", "documents: 40 # r"),
        ("window: [2, 200]", "window: [0, 99]"),
        ("prices: {input: 0, output: 0}", "prices: {input: 1, output: 0}"),
        ("bm25: {type: bm25}", "bm25: {type: m3}"),
        ("  heading: null\n", "  heading: x\n"),
        ("round_trip: {by: null, top: 20}", "round_trip: {by: null}"),
    ],
)
def test_a_changed_default_is_written_and_all_else_stays(old, other):
    assert old in YAML
    assert with_defaults(YAML.replace(old, other, 1)) == YAML


@pytest.mark.parametrize("left", ["    - [10, 499, 1]\n", ""])
def test_a_list_over_several_lines_is_written_so(left):
    old = "    - [10, 499, 85.85]\n"
    new = with_defaults(YAML.replace(old, left))
    assert yaml.safe_load(new) == plain(Configuration())
    assert new.replace("0.04]", "0.040]") == YAML


def test_a_key_that_is_missing_is_written_with_a_comment():
    new = with_defaults(YAML.replace("  probes: 32\n", ""))
    assert yaml.safe_load(new) == plain(Configuration())
    assert (
        "  # lists that `ivf` compares with each query, of 4·√n\n  probes: 32\n" in new
    )


def test_a_whole_section_that_is_missing_is_written():
    start = YAML.index("serve:\n")
    new = with_defaults(YAML[:start])
    assert yaml.safe_load(new) == plain(Configuration())


def test_a_key_that_is_not_declared_stays_for_a_person_to_take_out():
    text = f"{YAML}xyzzy: 1\n"
    assert with_defaults(text) == text
    assert list(differences(yaml.safe_load(text))) == [("xyzzy",)]
