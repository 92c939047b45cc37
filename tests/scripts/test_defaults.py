"""Every program has the pipeline's defaults, and its help shows them."""

from __future__ import annotations

import argparse
import importlib

import pytest
from project import ROOT

from arkiv.base.declared import is_section, plain, settings_of
from arkiv.settings.configuration import Configuration

PROGRAMS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
# Flags that are called like a key and are something else: files and directories, or
# how many processes run a model, or how deep a search goes for what comes after it.
OTHERS = {
    *("corpus", "dev", "documents", "pairs", "queries", "run"),
    *("search_bm25.depth", "search_corpus.depth", "plot_negatives.examples"),
    *("measure_runs.compare", "measure_runs.compare_further"),
    *("write_report.spelling", "fit_weights.method", "load_index.name"),
    "search_index.mode",
    # Of queries, where the key of the same name is of pairs.
    "embed_queries.max_length",
    # As words of a command line.
    *("hyphens", "length_shares", "prompts"),
}


class ParsedError(Exception):
    """Raised instead of parsing, with the parser."""


def declared(section=Configuration):
    """The name of each key that is no section, and its default."""
    for one in settings_of(section).values():
        if is_section(one.type):
            yield from declared(one.default)
        else:
            yield one.name, plain(one.default)


def parser_of(name, monkeypatch):
    def parse(self, *_):
        raise ParsedError(self)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_known_args", parse)
    with pytest.raises(ParsedError) as caught:
        importlib.import_module(name).main([])
    return caught.value.args[0]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_flag_called_like_a_key_has_its_default(name, monkeypatch):
    parser = parser_of(name, monkeypatch)
    assert parser.format_help()
    known = {}
    for key, default in declared():
        known.setdefault(key, []).append(default)
    # One per GPU, or one: of a model that runs, and of training alike.
    known["processes"].append(None)
    for action in parser._actions:
        flag = action.dest
        if (
            flag in known
            and not action.required
            and not OTHERS
            & {
                flag,
                f"{name}.{flag}",
            }
        ):
            assert plain(action.default) in known[flag], f"--{flag} of {name}.py"
