"""What is known of models whose files do not say how they are to be read."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from arkiv.base.errors import InputError
from arkiv.encode.description import Description
from arkiv.settings.config import check_config, completed

E5 = ("query: ", "passage: ")
BGE = ("Represent this sentence for searching relevant passages: ", "")
CHINESE = ("为这个句子生成表示以用于检索相关文章：", "")
NONE = (None, None)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with pairs, and what makes a model's directory in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").write_text('{"query": "q", "pos": ["p"]}\n')

    def model(name, **files):
        path = tmp_path / name
        path.mkdir(parents=True)
        (path / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}))
        for file, value in files.items():
            (path / f"{file}.json").write_text(json.dumps(value))
        return path

    return SimpleNamespace(path=tmp_path, model=model)


def embedder(source, **given):
    models = {"embedder": {"source": source, "revision": None, **given}}
    config = {"models": models, "datasets": {"d": {"pairs": "p"}}}
    return checked(config)["models"]["embedder"]


def checked(config):
    config = check_config(completed(config))
    # What was checked is checked again where a run is looked at later.
    assert check_config(config) == config
    return config


def prompts(wanted):
    return wanted["query_prompt"], wanted["passage_prompt"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("intfloat/multilingual-e5-small", E5),
        ("intfloat/e5-base-v2", E5),
        ("BAAI/bge-small-en-v1.5", BGE),
        ("BAAI/bge-base-zh", CHINESE),
        ("BAAI/bge-m3", NONE),
        ("intfloat/e5-mistral-7b-instruct", NONE),
        # What others made of one may have prompts of its own.
        ("somebody/multilingual-e5-small", NONE),
        ("intfloat/multilingual-e5-small-court", NONE),
        ("tiny", NONE),
    ],
)
def test_models_of_the_hub_are_known_by_their_whole_names(folder, source, expected):
    assert prompts(embedder(source)) == expected


def test_a_model_with_instructions_is_no_e5_of_the_first_kind(folder):
    query, passage = prompts(embedder("intfloat/multilingual-e5-large-instruct"))
    assert (query.startswith("Instruct: "), query.endswith("\nQuery: ")) == (True, True)
    assert passage == ""


@pytest.mark.parametrize(
    "name",
    [
        "e5",
        "multilingual-e5-small",
        "intfloat--multilingual-e5-small@main",
        "models--intfloat--e5-large-v2",
        "E5-small_q4",
        "models--intfloat--multilingual-e5-small/snapshots/5617a9f61b02",
    ],
)
def test_a_silent_directory_is_known_by_its_name(folder, name):
    wanted = embedder(str(folder.model(name)))
    assert Description.configured(folder.path / name, wanted) == Description(
        "mean", *E5
    )


@pytest.mark.parametrize("name", ["model", "e50", "some5", "the5-small", "bge-m3-e"])
def test_other_names_tell_nothing(folder, name):
    assert prompts(embedder(str(folder.model(name)))) == NONE


@pytest.mark.parametrize(("link", "name"), [("base", "e5-small"), ("e5-small", "base")])
def test_a_link_is_known_by_its_name_and_by_what_it_leads_to(folder, link, name):
    (folder.path / link).symlink_to(folder.model(name))
    assert prompts(embedder(link)) == E5


def test_what_is_given_and_what_the_files_say_count_above_the_name(folder):
    source = str(folder.model("e5"))
    given = {"query_prompt": "", "pooling": "cls"}
    wanted = embedder(source, **given)
    assert Description.configured(source, wanted) == Description("cls", "", "passage: ")
    own = {"prompts": {"query": "", "document": "d: "}, "default_prompt_name": None}
    source = folder.model("tuned/e5", config_sentence_transformers=own)
    (source / "1_Pooling").mkdir()
    pooling = json.dumps({"pooling_mode": "cls"})
    (source / "1_Pooling/config.json").write_text(pooling)
    wanted = embedder(str(source))
    assert Description.configured(source, wanted) == Description("cls", "", "d: ")


@pytest.mark.parametrize("empty", [{}, {"query": "", "document": ""}])
def test_empty_prompts_that_sentence_transformers_saves_tell_nothing(folder, empty):
    """Versions 3 and 4 write none, later ones two, of a model that was loaded so."""
    about = {"prompts": empty, "default_prompt_name": None}
    saved = {**about, "__version__": {"sentence_transformers": "6.2.0"}}
    source = folder.model("saved/e5", config_sentence_transformers=saved)
    assert prompts(embedder(str(source))) == E5
    # As our own export says that there are none.
    source = folder.model("export/e5", config_sentence_transformers=about)
    assert prompts(embedder(str(source))) == NONE


def test_other_embedders_are_known_too(folder):
    system = {"type": "embedder", "source": "intfloat/e5-small"}
    given = {
        "datasets": {"d": {"pairs": "p"}},
        "evaluate": {
            "systems": {"other": system, "base": {**system, "pooling": "max"}}
        },
        "gold": {"embedder": {"source": "intfloat/e5-small", "query_prompt": "q: "}},
    }
    config = checked(given)
    assert prompts(config["evaluate"]["systems"]["other"]) == E5
    assert config["evaluate"]["systems"]["base"]["pooling"] == "max"
    assert prompts(config["gold"]["embedder"]) == ("q: ", "passage: ")


def test_damaged_files_of_a_directory_are_told_while_planning(folder):
    source = folder.model("e5", config_sentence_transformers=[1])
    with pytest.raises(InputError, match="config_sentence_transformers"):
        embedder(str(source))


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"architectures": ["BertModel"]}, "mean"),
        ({"architectures": None}, "mean"),
        ({}, "mean"),
        ({"architectures": ["LlamaForCausalLM"]}, "last"),
        ({"architectures": ["LlamaForCausalLM"], "is_causal": False}, "mean"),
    ],
)
def test_a_model_of_no_known_name_is_pooled_as_sentence_transformers_does(
    folder, config, pooling
):
    path = folder.model("model", config=config)
    assert Description.of(path) == Description(pooling, "", "")
