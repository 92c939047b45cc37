"""Each thing that a model can lack is one sentence before any job that costs.

Of a local directory when jobs are planned, of a model on the hub when it is fetched.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest
from hollow import build_hollow
from lacking import (
    CODE,
    ELSEWHERE,
    OF_EMBEDDERS,
    OF_OTHERS,
    OF_RERANKERS,
    TRUSTED,
    WEIGHTS,
    saying,
    with_modules,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

import prepare_model
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_json
from arkiv.encode.ahead import Use
from arkiv.encode.body import ADOPTED
from arkiv.encode.models import check_model
from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.retrieve.systems import system_of
from arkiv.settings.config import check_config, completed
from arkiv.settings.layout import model_of_gold, model_of_system, prepared_model
from arkiv.settings.uses import told, use_in_system, use_of_gold, use_of_role

ROLES = ("embedder", "reranker")
# Which model of the run is which, and what it is to be.
TABLE = {
    "embedder": OF_EMBEDDERS,
    "trusted": TRUSTED,
    "reranker": OF_RERANKERS,
    "system_reranker": OF_RERANKERS,
    "system_embedder": OF_OTHERS,
    "gold": OF_OTHERS,
}
ROWS = [
    pytest.param(which, damage, said, id=f"{which}-{name}".replace(" ", "_"))
    for which, rows in TABLE.items()
    for name, damage, said in rows
]
FITS = {
    "datasets": {"d": {"pairs": "pairs.jsonl"}},
    "mining": {"query_max_length": 256, "passage_max_length": 512},
    "teacher": {"max_length": 8192},
    "train": {"args": {"passage_max_len": 512, "knowledge_distillation": True}},
}


@cache
def configured(which: str, source: str) -> dict:
    """A configuration whose model of a name comes from there."""
    given = {"source": source, "revision": None}
    models = {role: {"source": "tiny", "revision": None} for role in ROLES}
    more = {}
    match which:
        case "system_reranker":
            system = {"type": "reranker", "system": "bm25", "source": source}
            more = {"evaluate": {"systems": {"x": system}}}
        case "system_embedder":
            system = {"type": "embedder", "source": source}
            more = {"evaluate": {"systems": {"x": system}}}
        case "gold":
            more = {"gold": {"method": "embedder", "embedder": given}}
        case "trusted":
            models |= {"embedder": given, "trust_remote_code": True}
        case _:
            models[which] = given
    datasets = {"d": {"pairs": "pairs.jsonl"}}
    return check_config(
        completed({"models": models, "datasets": datasets} | FITS | more)
    )


def planned(which: str, config: dict) -> str:
    """Where the model lies, as the rules ask."""
    if which == "gold":
        return model_of_gold(config)
    if which.startswith("system"):
        return model_of_system(config, "x")
    return prepared_model(config, "reranker" if which == "reranker" else "embedder")


def use_of(which: str, config: dict) -> Use:
    if which == "gold":
        return use_of_gold(config)
    if which.startswith("system"):
        return use_in_system(config, system_of(config["evaluate"]["systems"]["x"]))
    return use_of_role(config, "reranker" if which == "reranker" else "embedder")


@pytest.fixture
def model(tmp_path, monkeypatch, request) -> Path:
    """A whole model, in the working directory of a project."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.jsonl").write_text('{"query": "q", "pos": ["p"]}\n')
    which = request.node.callspec.params["which"]
    return build_hollow(tmp_path / "model", reranker=which.endswith("reranker"))


@pytest.fixture
def hub(model, monkeypatch) -> None:
    """Every name on the hub is that model, but one that has code alone."""

    def names(*_, **__) -> list[str]:
        files = (path for path in model.rglob("*") if path.is_file())
        return [path.relative_to(model).as_posix() for path in files]

    def download(source: str, *, allow_patterns: list[str], local_dir=None, **_) -> str:
        if source == "other/code":
            return str((model.parent / "code").resolve(strict=True))
        for name in allow_patterns:
            (local_dir / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(model / name, local_dir / name)

    monkeypatch.setattr("huggingface_hub.list_repo_files", names)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)


@cache
def words_of(
    which: str, source: str = "hub/model", output: str = "out/model"
) -> list[str]:
    """The flags of prepare_model.py for a model of a run."""
    use = use_of(which, configured(which, "hub/model"))
    words = ["--source", source, "--output", output]
    for name, value in told(use).items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif value not in (None, False):
            words += [flag, *(value if isinstance(value, list) else [value])]
    return words


@pytest.mark.parametrize(("which", "damage", "said"), ROWS)
def test_of_a_directory_it_is_told_when_jobs_are_planned(model, which, damage, said):
    damage(model)
    with pytest.raises(InputError) as caught:
        planned(which, configured(which, "model"))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("which", "damage", "said"), ROWS)
def test_of_one_on_the_hub_it_is_told_by_the_fetch(model, hub, which, damage, said):
    damage(model)
    with pytest.raises(InputError) as caught:
        prepare_model.main(words_of(which))
    error = caught.value
    assert said in str(error)
    assert str(error).startswith("hub/model") or "but hub/model takes" in error.reason
    assert not Path("out/model").exists()


@pytest.mark.parametrize("which", TABLE)
def test_of_a_whole_model_nothing_is_told(model, hub, which):
    assert planned(which, configured(which, "model")) == "model"
    prepare_model.main(words_of(which))
    # Once fetched, it is looked at when jobs are planned.
    fetched = configured(which, "hub/model")
    place = Path(planned(which, fetched))
    shutil.copytree("out/model", place)
    assert planned(which, fetched) == str(place)
    (place / WEIGHTS).unlink()
    with pytest.raises(InputError, match=f"{place}: the model directory lacks weights"):
        planned(which, fetched)


@pytest.mark.parametrize("which", ["embedder"])
def test_code_that_transformers_has_had_since_is_not_asked_to_be_trusted(model, which):
    saying(model_type="nomic_bert", auto_map=CODE)(model)
    assert planned(which, configured(which, "model")) == "model"
    saying(model_type="new")(model)
    (model / "new.py").touch()
    assert planned("trusted", configured("trusted", "model")) == "model"
    assert {*ADOPTED} <= {*CONFIG_MAPPING}


@pytest.mark.parametrize("which", ["trusted"])
def test_code_of_another_repository_is_fetched_with_the_model(model, hub, which):
    """And put where jobs that ask no hub find it; of a local directory it is told."""
    saying(auto_map=ELSEWHERE)(model)
    with pytest.raises(InputError, match=r"takes code from another rep.* put new\.py"):
        planned(which, configured(which, "model"))
    with pytest.raises(InputError, match="cannot fetch other/code at revision main"):
        prepare_model.main(words_of(which))
    code = model.parent / "code" / "new.py"
    code.parent.mkdir()
    code.write_text("code")
    prepare_model.main(words_of(which))
    assert Path("out/model/new.py").read_text() == "code"
    assert read_json("out/model/config.json")["auto_map"] == {
        "AutoModel": "new.NewModel"
    }
    (model / "new.py").write_text("other code")
    with pytest.raises(InputError, match=r"hub/model/new\.py: is there, and another"):
        prepare_model.main(words_of(which))


@pytest.mark.parametrize("which", ["embedder"])
def test_a_tokenizer_may_say_itself_how_to_pad(model, which):
    saying("tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")(model)
    write_json(model / "tokenizer.json", {"padding": {"pad_token": "[PAD]"}})
    assert planned(which, configured(which, "model")) == "model"


@pytest.mark.parametrize("which", ["reranker"])
def test_a_teacher_that_is_not_asked_may_be_as_short_as_it_is(model, which):
    saying(max_position_embeddings=512)(model)
    config = configured(which, "model")
    alone = {"args": {**config["train"]["args"], "knowledge_distillation": False}}
    with pytest.raises(InputError, match="max_length`: is 8192, but model takes 512"):
        planned(which, config)
    assert planned(which, config | {"train": config["train"] | alone}) == "model"


def written_wordpieces(model: Path) -> None:
    """Take away tokenizer.json, and write a vocabulary."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Å", "å", "##k", "##e"]
    (model / "tokenizer.json").unlink()
    (model / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    saying(vocab_size=len(words))(model)
    saying("tokenizer_config.json", do_lower_case=False)(model)


@pytest.mark.parametrize("which", ["embedder"])
def test_a_local_model_of_a_vocabulary_is_prepared_and_left_as_it_is(model, which):
    written_wordpieces(model)
    with_modules("Pooling", pooling_mode_mean_tokens=True)(model)
    before = {path: path.lstat() for path in [model, *model.rglob("*")]}
    config = configured(which, "model")
    place = Path(planned(which, config))
    assert place.parent == Path("models")
    assert place.name.startswith("local--model@")
    for file in model.rglob("*.json"):
        file.chmod(0o444)
    modes = {path: path.stat().st_mode for path in model.rglob("*")}
    prepare_model.main(words_of(which, "model", str(place)))
    assert fast_tokenizer(place).encode("Åke å").ids == [2, 5, 7, 8, 6, 3]
    assert (place / WEIGHTS).samefile(model / WEIGHTS)
    assert (place / "1_Pooling/config.json").is_file()
    assert modes == {path: path.stat().st_mode for path in model.rglob("*")}
    assert before.keys() == {model, *model.rglob("*")}
    assert all(path.lstat().st_mtime == was.st_mtime for path, was in before.items())
    check_model(place, "m3")


@pytest.mark.parametrize("which", ["embedder", "reranker", "gold"])
def test_of_a_vocabulary_on_the_hub_a_tokenizer_is_made(model, hub, which):
    written_wordpieces(model)
    prepare_model.main(words_of(which))
    assert fast_tokenizer("out/model").encode("Åke å").ids == [2, 5, 7, 8, 6, 3]
    assert not (model / "tokenizer.json").exists()


@pytest.mark.parametrize("which", ["embedder", "system_embedder"])
def test_a_vocabulary_of_which_none_can_be_made_is_told_by_the_fetch(model, hub, which):
    written_wordpieces(model)
    saying(model_type="xlm-roberta", max_position_embeddings=514)(model)
    said = r"hub/model: lacks sentencepiece\.bpe\.model, of which its XLMRobertaTokeni"
    with pytest.raises(InputError, match=said):
        prepare_model.main(words_of(which))
    assert not Path("out/model").exists()
