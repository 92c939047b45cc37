"""What a person writes is taken as it stands: every text setting, for every target."""

import json
import re
import shlex
from typing import get_args, get_origin

import pytest
from project import ROOT, Project

from arkiv.base.declared import alternatives, is_section, settings_of
from arkiv.settings.configuration import Configuration

# What the shell, Snakemake, loggers, templates and regular expressions take for theirs.
NAME = r"- {x} {dataset} {page:05} {{y}} {a,b} <temp> <x> \d{4}"
NAME += """ $(touch ran) `touch ran` 'a' "b" %s"""
NAME += """ %(asctime)s $HOME (1) [a] & ; # ~ é e\u0301 \U0001f642"""
TEXT = f"{NAME}\n{NAME}"

# Of free form and yet of no use here: they name systems and datasets, which have a
# pattern of their own.
NAMES = {
    "evaluate.compare.*",
    "evaluate.compare.*.*",
    "evaluate.require.*.over",
    "evaluate.require.*.system",
    "evaluate.spelling.systems.*",
    "evaluate.systems.*.system",
    "evaluate.systems.*.systems.*",
    "gold.systems.*",
    "report.systems.*",
}
OTHER_PARTS = {
    "datasets": {
        "a": {"pages": NAME, "folder": TEXT, "volumes": f"{NAME}.csv"},
        "b": {"pairs": f"{NAME}.jsonl", "pool": f"{NAME}.jsonl"},
        "c": {"negatives": f"{NAME}.jsonl"},
        "d": {"scores": f"{NAME}.jsonl"},
    },
    "documents": {
        "method": "headings",
        "heading": TEXT,
        "hyphens": ["{", "'", "\n"],
        "skip_regions": [TEXT, NAME],
        "encoding": "windows-1252",
    },
    "train": {"interface": TEXT, "evaluation": {"general": f"{NAME}.jsonl"}},
    "export": {"name": TEXT},
    "serve": {"image_link": "https://a/{volume}/{page:05}?{label}$(touch ran)'\"%s"},
}
HUB = {"source": f"hub/{NAME}", "revision": NAME}
PROMPTS = {"query_prompt": TEXT, "passage_prompt": TEXT}
EVALUATE = {
    "systems": {
        "other": {"type": "embedder", **HUB, **PROMPTS},
        "mine": {"type": "embedder", "source": NAME},
    },
    "spelling": {"rules": f"{NAME}.yaml"},
}
ASKED = {
    "forbidden": [TEXT, NAME],
    "language": TEXT,
    "group": {"share": 0.5, "prompt": f"{NAME}.txt"},
    "prompts": [{"file": f"{NAME}.txt"}],
    "judge": {"prompt": f"{NAME}.txt"},
}
BY_A_SERVER = {
    "run": "server",
    "models": {"directory": f"{NAME}/models", "embedder": HUB, "reranker": HUB},
    "queries": {
        **ASKED,
        "backend": "openai",
        "openai": {"model": TEXT, "extra": {TEXT: TEXT}},
    },
    "gold": {"method": "embedder", "embedder": HUB | PROMPTS},
    "evaluate": EVALUATE,
    **OTHER_PARTS,
}
BY_A_MODEL = {
    "run": "model",
    "models": {
        "directory": f"{NAME}/{{models}}",
        "embedder": {"source": NAME, "revision": None},
        "reranker": {"source": NAME, "revision": None},
    },
    "queries": {**ASKED, "backend": "local", "local": {"model": NAME}},
    "gold": {
        "method": "llm_judge",
        "judge": {"prompt": f"{NAME}.txt", "model": NAME},
        "sheet": {"judged": [f"{NAME}.csv"]},
    },
    "evaluate": EVALUATE,
    **OTHER_PARTS,
}
BY_A_FILE = {
    "run": "file",
    "gold": {
        "method": "file",
        "file": f"{NAME}.jsonl",
        "sheet": {"judged": f"{NAME}.csv"},
    },
    "datasets": {"b": {"pairs": f"{NAME}.jsonl"}},
}
CONFIGURATIONS = (BY_A_SERVER, BY_A_MODEL, BY_A_FILE)


def declared(kind, rule, where):
    """The keys of all settings of free text, * for an entry of a list or map."""
    for one in alternatives(kind):
        if is_section(one):
            for name, inner in settings_of(one).items():
                yield from declared(inner.type, inner.rule, [*where, name])
        elif get_origin(one) in (tuple, dict):
            for item in {*get_args(one)[get_origin(one) is dict :]} - {Ellipsis}:
                yield from declared(item, rule, [*where, "*"])
        elif one is str and not rule.choices and rule.pattern is None:
            yield ".".join(where)


MAPS = {"datasets", "evaluate.systems"}


def written(value, where=()):
    """The keys of all texts of a configuration, likewise."""
    if isinstance(value, dict):
        for key, one in value.items():
            any_name = ".".join(where) in MAPS
            yield from written(one, (*where, "*" if any_name else key))
    elif isinstance(value, list):
        for one in value:
            yield from written(one, (*where, "*"))
    elif isinstance(value, str):
        yield ".".join(where)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    project = Project(folder)
    (folder / NAME / "volume").mkdir(parents=True)
    for end in ("csv", "txt", "yaml"):
        (folder / f"{NAME}.{end}").touch()
    row = {"query": "q", "pos": ["p"], "neg": ["n"]}
    (folder / f"{NAME}.jsonl").write_text(json.dumps(row) + "\n")
    return project


def test_every_text_setting_is_tried():
    known = set(declared(Configuration, None, []))
    tried = {key for config in CONFIGURATIONS for key in written(config)}
    assert known - tried == NAMES


TARGETS = re.findall(
    r"^(?:use )?rule (?:\w+ as )?(\w+)",
    (ROOT / "rules/targets.smk").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=lambda config: config["run"])
def test_every_target_is_planned_with_any_text(project, config):
    path = project.configure(**config)
    done = project.dry_run(*TARGETS, "-p", "--configfile", path)
    assert done.returncode == 0, done.stdout[-4000:]
    # The shell gets a path as one word.
    assert f" {shlex.quote(f'{NAME}.jsonl')} " in done.stdout
    assert not list(project.folder.rglob("ran"))


FORGED = "b\nerror: \x1b[31m.jsonl"


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        (
            {"datasets": {"a": {"pairs": "rows"}}},
            r"`datasets.a.pairs`: names rows, which holds rows/b\nerror: \x1b[",
        ),
        (
            {"datasets": {"a": {"pages": f"rows/{FORGED}"}}},
            r"`datasets.a.pages`: names rows/b\nerror: \x1b[31m.jsonl, which has",
        ),
        (
            {"datasets": {"a": {"pairs": f"gone/{FORGED}"}}},
            r"names gone/b\nerror: \x1b[31m.jsonl, which does not exist",
        ),
        (
            {"gold": {"sheet": {"judged": f"rows/{FORGED}"}}},
            r"configuration: names rows/b\nerror: \x1b[31m.jsonl, which has control",
        ),
        (
            {"models": {"embedder": {"source": f"rows/{FORGED}.model"}}},
            r"configuration: names rows/b\nerror: \x1b[31m.jsonl.model, which has",
        ),
    ],
)
def test_control_characters_are_refused_and_shown_harmless(project, overlay, said):
    rows = project.folder / "rows"
    (rows / f"{FORGED}.model").mkdir(parents=True, exist_ok=True)
    (rows / FORGED).touch()
    datasets = {"b": {"pairs": f"{NAME}.jsonl"}}
    path = project.configure(**{"datasets": datasets} | overlay)
    done = project.dry_run("--configfile", path)
    assert done.returncode == 1
    assert said in done.stdout
    assert "\x1b" not in done.stdout
    assert "Traceback" not in done.stdout
