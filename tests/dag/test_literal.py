"""What a person writes is taken as it stands: every text setting, for every target."""

import json
import random
import re
import shlex
from typing import get_args, get_origin

import pytest
from hollow import build_hollow
from names import any_name, plain_name
from project import ROOT, Project

from arkiv.base.declared import alternatives, is_section, settings_of
from arkiv.settings.configuration import Configuration

# What the shell, Snakemake, loggers, templates and regular expressions take for theirs.
ODD = r"- {x} {dataset} {page:05} {{y}} {a,b} <temp> <x> \d{4}"
ODD += """ $(touch ran) `touch ran` 'a' "b" %s"""
ODD += """ %(asctime)s $HOME (1) [a] & ; # ~ é e\u0301 \U0001f642"""

# Of free form and yet of no use here: they name systems and datasets, which have a
# pattern of their own.
NAMES = {
    "evaluate.candidates.*",
    "evaluate.compare.*",
    "evaluate.compare.*.*",
    "evaluate.compare_further.*",
    "evaluate.compare_further.*.*",
    "evaluate.require.*.over",
    "evaluate.require.*.source",
    "evaluate.require.*.system",
    "evaluate.spelling.systems.*",
    "evaluate.systems.*.system",
    "evaluate.systems.*.systems.*",
    "gold.systems.*",
    "report.systems.*",
}


def expression(text):
    """The text as a regular expression, if it is none already."""
    try:
        re.compile(text)
    except re.error:
        return re.escape(text)
    return text


def shared(name, names):
    """What all configurations have: files of one name, and texts of two lines."""
    text = f"{name}\n{name}"
    prompts = {"query_prompt": text, "passage_prompt": text}
    sources = (
        {"pages": name, "folder": text, "volumes": f"{name}.csv"},
        {"pairs": f"{name}.jsonl", "pool": f"{name}.jsonl"},
        {"negatives": f"{name}.jsonl"},
        {"scores": f"{name}.jsonl"},
        {"judgements": f"{name}.judged/judgements.jsonl"},
    )
    return {
        "run": names[0],
        "datasets": dict(zip(names, sources, strict=True)),
        "documents": {
            "method": "headings",
            "heading": expression(text),
            "hyphens": ["{", "'", "\n"],
            "skip_regions": [text, name],
            "encoding": "windows-1252",
        },
        "queries": {
            "forbidden": [expression(text), expression(name)],
            "language": text,
            "group": {"share": 0.5, "prompt": f"{name}.txt"},
            "prompts": [{"file": f"{name}.txt"}],
            "judge": {"prompt": f"{name}.txt"},
        },
        "train": {"interface": text, "evaluation": {"general": f"{name}.jsonl"}},
        "evaluate": {
            "systems": {
                names[1]: {
                    "type": "embedder",
                    "source": f"hub/{name}",
                    "revision": name,
                    **prompts,
                },
                names[2]: {"type": "embedder", "source": name},
            },
            "spelling": {"rules": f"{name}.yaml"},
        },
        "export": {"name": text},
        "index": {"manifest_link": "https://a/{volume}?{dataset}$(touch ran)'%s"},
        "serve": {
            "image_link": "https://a/{volume}/{page:05}?{label}$(touch ran)'%s",
            "iiif": "https://a/{image}?{stem}$(touch ran)'%s",
            "canvas": "https://a/{dataset}/{page:03}$(touch ran)'%s",
        },
    }


def by_a_server(name, names):
    """Of the hub's models, a language model of a server, and an embedder as judge."""
    config, text = shared(name, names), f"{name}\n{name}"
    hub = {"source": f"hub/{name}", "revision": name}
    prompts = {"query_prompt": text, "passage_prompt": text}
    config["models"] = {
        "directory": f"{name}/models",
        "embedder": hub | prompts,
        "reranker": dict(hub),
    }
    openai = {"model": text, "extra": {text: text}}
    config["queries"] |= {"backend": "openai", "openai": openai}
    config["gold"] = {"method": "embedder", "embedder": hub | prompts}
    return config


def by_a_model(name, names):
    """Of models that lie here, one of them the judge."""
    config = shared(name, names)
    here = {"source": name, "revision": None}
    config["models"] = {
        "directory": f"{name}/{{models}}",
        "embedder": here,
        "reranker": dict(here),
    }
    config["merge"] = {"with": name}
    config["queries"] |= {"backend": "local", "local": {"model": name}}
    config["gold"] = {
        "method": "llm_judge",
        "judge": {"prompt": f"{name}.txt", "model": name},
        "sheet": {"judged": [f"{name}.csv"]},
    }
    return config


def by_a_file(name, names):
    """Judged by files."""
    files = {"file": f"{name}.jsonl", "sheet": {"judged": f"{name}.csv"}}
    return shared(name, names) | {"gold": {"method": "file", **files}}


WAYS = (by_a_server, by_a_model, by_a_file)


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
    return Project(tmp_path_factory.mktemp("project"))


def fill(folder, name):
    """Write what a configuration names, as far as it is looked at in planning."""
    (folder / name / "volume").mkdir(parents=True)
    # For all that a model is asked for here.
    build_hollow(folder / name, reranker=True, architectures=None)
    for end in ("csv", "txt", "yaml"):
        (folder / f"{name}.{end}").touch()
    collection = folder / f"{name}.judged/collection"
    collection.mkdir(parents=True)
    for path in ("../judgements", "corpus", "queries"):
        (collection / f"{path}.jsonl").touch()
    row = {"query": "q", "pos": ["p"], "neg": ["n"]}
    (folder / f"{name}.jsonl").write_text(json.dumps(row) + "\n")


def test_every_text_setting_is_tried():
    known = set(declared(Configuration, None, []))
    tried = {key for way in WAYS for key in written(way("x", list("abcde")))}
    assert known - tried == NAMES


TARGETS = re.findall(
    r"^(?:use )?rule (?:\w+ as )?(\w+)",
    (ROOT / "rules/targets.smk").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("way", WAYS)
def test_every_target_is_planned_with_any_text(project, way, seed):
    rng = random.Random(f"{way.__name__} {seed}")
    name = f"{ODD} {way.__name__}" if seed is None else any_name(rng, 200)
    fill(project.folder, name)
    config = way(name, [plain_name(rng, 40) for _ in range(5)])
    path = project.configure(**config)
    done = project.dry_run(*TARGETS, "-p", "--configfile", path)
    assert done.returncode == 0, done.stdout[-4000:]
    # The shell gets a path as one word.
    assert f" {shlex.quote(f'{name}.jsonl')} " in done.stdout
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
            {"evaluate": {"spelling": {"rules": f"gone/{FORGED}"}}},
            r"rules`: names gone/b\nerror: \x1b[31m.jsonl, which is no file",
        ),
        (
            {"models": {"embedder": {"source": f"rows/{FORGED}.model"}}},
            r"configuration: names rows/b\nerror: \x1b[31m.jsonl.model, which has",
        ),
    ],
)
def test_control_characters_are_refused_and_shown_harmless(project, overlay, said):
    rows = project.folder / "rows"
    build_hollow(rows / f"{FORGED}.model", max_position_embeddings=8192)
    (rows / FORGED).touch()
    (rows / "a.jsonl").touch()
    datasets = {"b": {"pairs": "rows/a.jsonl"}}
    path = project.configure(**{"datasets": datasets} | overlay)
    done = project.dry_run("--configfile", path)
    assert done.returncode == 1
    assert said in done.stdout
    assert "\x1b" not in done.stdout
    assert "Traceback" not in done.stdout
