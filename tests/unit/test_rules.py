"""The commands of the rules: whatever a file is called, the shell gets one word."""

import re

import pytest
from project import ROOT, rules

SHELL = re.compile(r"^    shell:\n((?: {8}.*\n)+)", re.MULTILINE)
FIELD = re.compile(r"\{(\w+)([^}:]*)(?::(\w+))?\}")
PARAMS = re.compile(r"^    params:\n((?: {8}.*\n)+)", re.MULTILINE)
PARAM = re.compile(r"^ {8}(\w+)=(.*?)(?=^ {8}\w+=|\Z)", re.MULTILINE | re.DOTALL)
# What makes words for the shell.
QUOTING = re.compile(r"\b(flags|options_of|as_json)\(")
# Words by construction: the type of a system, names of systems, the run's directory,
# and which part of how many.
PLAIN = {"{params.type}", "{params.runs}", "{params.checkpoints}"}
PLAIN |= {"{wildcards.scatteritem}"}


def unquoted(text):
    """The fields in a rule's commands that a blank would make two words of."""
    params = [
        name
        for section in PARAMS.findall(text)
        for name, value in PARAM.findall(section)
        if QUOTING.search(value)
    ]
    for command in SHELL.findall(text):
        for field in FIELD.finditer(command):
            of, attribute, form = field.groups()
            if of in ("input", "output", "log") or attribute == ".arkiv_scripts":
                safe = form == "q"
            elif of == "params":
                safe = attribute.removeprefix(".") in params
            else:
                safe = False
            if not safe and field[0] not in PLAIN:
                yield field[0]


@pytest.mark.parametrize("name", rules())
def test_every_field_of_a_command_is_quoted(name):
    assert not list(unquoted(rules()[name]))


def test_what_is_not_quoted_is_found():
    text = (
        '    params:\n        a=flags(x=1),\n        b=config["x"],\n    shell:\n'
        '        "x {input} {input.y:q} {output.z} {params.a} {params.b}"\n'
        '        " {wildcards.dataset} &> {log}"\n'
    )
    assert list(unquoted(text)) == [
        "{input}",
        "{output.z}",
        "{params.b}",
        "{wildcards.dataset}",
        "{log}",
    ]


def test_each_program_is_started_from_where_the_project_lies():
    """A rule of a module is run from the directory of another workflow."""
    for name, text in rules().items():
        for command in SHELL.findall(text):
            assert command.startswith('        "python {params.arkiv_scripts:q}/'), name


@pytest.mark.parametrize("name", rules())
def test_no_line_of_a_command_is_longer_than_a_line(name):
    """The formatter leaves texts as they are."""
    for command in SHELL.findall(rules()[name]):
        assert max(map(len, command.splitlines())) <= 88, command


def test_no_rule_is_local_by_its_name():
    """Snakemake looks for these names in a module as they stand here."""
    for path in ROOT.glob("rules/*.smk"):
        assert "localrules:" not in path.read_text(encoding="utf-8")
    targets = (ROOT / "rules/targets.smk").read_text(encoding="utf-8")
    for text in re.split(r"^rule ", targets, flags=re.MULTILINE)[1:]:
        assert "    localrule: True\n" in text
