"""The configuration as a command line gives it means what it means to Snakemake."""

import pytest
import yaml
from snakemake.cli import parse_config

from arkiv.base.cli import parser
from arkiv.base.errors import InputError
from arkiv.settings.command_line import Given, add_given, given_by, setting


def given(*words):
    arguments = parser("")
    add_given(arguments)
    return given_by(arguments.parse_args(words))


@pytest.mark.parametrize(
    "text",
    [
        *("7", "1_000", "1e-3", "nan", "True", "true", "", "a text", "null", "'07'"),
        *("{a: 1, 'b': [2, x]}", '{"a": {"b": true}}', "[a", "a: b: c", "x=y", "@"),
    ],
)
def test_a_value_is_read_as_snakemake_reads_it(text):
    key, value = setting(f"some_key={text}")
    assert repr({key: value}) == repr(parse_config([f"some_key={text}"]))


@pytest.mark.parametrize("word", ["run", "=x", "1a=x", "a b=x", ""])
def test_what_is_no_setting_is_told(word):
    with pytest.raises(InputError, match=r"`--config`: is given .*, expected KEY"):
        Given(values=[word]).read()
    with pytest.raises(ValueError, match="Invalid config"):
        parse_config([word])


def test_what_is_set_twice_is_laid_over_itself(tmp_path):
    (rows := tmp_path / "a.jsonl").touch()
    words = [f"datasets={{{name}: {{pairs: {rows}}}}}" for name in ("court", "letters")]
    words += ["run=a", "run=b"]
    config = Given(values=words).read()
    assert {key: config[key] for key in ("datasets", "run")} == parse_config(words)


@pytest.mark.parametrize("word", ["ab=#x", "ab= ", "ab='#x'"])
def test_a_value_that_snakemake_fails_on_is_told(word):
    with pytest.raises(InputError, match=r"blank or a comment to YAML; write ab= for"):
        Given(values=[word]).read()
    with pytest.raises(AssertionError):
        parse_config([word])


def test_what_is_set_lies_over_all_files(tmp_path):
    first, second = tmp_path / "1.yaml", tmp_path / "my 2.yaml"
    (rows := tmp_path / "a.jsonl").touch()
    datasets = {"court": {"pairs": str(rows)}}
    first.write_text(yaml.safe_dump({"run": "a", "seed": 1, "datasets": datasets}))
    second.write_text(yaml.safe_dump({"run": "b", "seed": 2}))
    words = ["--config", "run=c", f"datasets={{letters: {{pairs: {rows}}}}}"]
    found = given("--configfile", str(first), str(second), *words)
    config = found.read()
    assert (config["run"], config["seed"]) == ("c", 2)
    assert config["datasets"].keys() == {"court", "letters"}
    assert given(*found.words) == found
    assert Given().words == given().words == []
