"""What is said of a configuration that will not do, and what environments pin."""

import json

import pytest
import yaml
from project import ROOT

from arkiv.base.declared import at
from arkiv.base.errors import InputError
from arkiv.settings.config import (
    PINNED,
    REPLACED,
    SHIPPED,
    check_config,
    check_layers,
    completed,
    read_config,
    read_layer,
    with_shipped,
    without_removed,
)
from arkiv.settings.configuration import Configuration
from arkiv.settings.layout import trainings_of

DEFAULTS = yaml.safe_load((ROOT / "config/config.yaml").read_text())


def test_replaced_keys_are_not_declared():
    for key in REPLACED:
        with pytest.raises(KeyError):
            at(Configuration, key)


def test_null_takes_an_entry_away_and_changes_nothing_else():
    config = without_removed(
        {
            "datasets": {"a": None, "b": {"pairs": "x"}},
            "evaluate": {"systems": {"bm25": None}, "compare": {"x": None}},
            "train": {"args": {"fp16": None}},
        }
    )
    assert config == {
        "datasets": {"b": {"pairs": "x"}},
        "evaluate": {"systems": {}, "compare": {}},
        "train": {"args": {"fp16": None}},
    }


def evaluated(**evaluate):
    """The defaults with some settings of evaluation."""
    datasets = {"d": {"example": {"cases": 9, "volumes": 3}}}
    return DEFAULTS | {
        "datasets": datasets,
        "evaluate": DEFAULTS["evaluate"] | evaluate,
    }


@pytest.mark.parametrize(
    ("further", "reason"),
    [
        ({"tuned_dense": "x"}, "names the system x, which evaluate.systems lacks"),
        (
            {"tuned_dense": ["base_sparse", "bm25"]},
            "has tuned_dense against bm25, which evaluate.compare has too",
        ),
    ],
)
def test_further_pairs_are_of_known_systems_and_others(further, reason):
    with pytest.raises(InputError, match=reason) as found:
        check_config(evaluated(compare_further=further))
    assert found.value.key == "evaluate.compare_further"


EXAMPLE = {"example": {"cases": 9, "volumes": 3}}


@pytest.mark.parametrize(
    ("datasets", "key", "reason"),
    [
        (
            {"d": EXAMPLE, "p": {"negatives": "x.jsonl", "role": "test"}},
            "datasets.p.role",
            "belongs to pages, pairs, judgements or example, not to negatives",
        ),
        ({"d": EXAMPLE | {"role": "dev"}}, "datasets.d.role", "is 'dev', expected one"),
        (
            {"d": EXAMPLE | {"role": "test"}},
            "datasets.d.role",
            "is test for every dataset, which leaves nothing to learn from",
        ),
    ],
)
def test_a_source_of_test_queries_is_beside_what_is_learnt(datasets, key, reason):
    with pytest.raises(InputError, match=reason) as found:
        check_config(DEFAULTS | {"datasets": datasets})
    assert found.value.key == key


def test_documents_of_pages_are_not_counted_by_group():
    assert check_config(evaluated(unit="page"))["evaluate"]["unit"] == "page"
    with pytest.raises(InputError, match="the documents of d are made of pages") as at:
        check_config(evaluated(unit="group"))
    assert at.value.key == "evaluate.unit"


def test_what_is_not_trained_on_has_no_part_in_training():
    datasets = {"d": EXAMPLE, "p": EXAMPLE | {"role": "test"}}
    required = {"system": "bm25", "measure": "AP", "at_least": 0, "source": "p"}
    config = evaluated(require=[required]) | {"datasets": datasets}
    assert trainings_of(check_config(config)) == {"": ["d"]}
    for train, reason in (
        ({"weights": {"p": 2}}, "names p, which is no dataset to train on"),
        ({"cumulative": ["d", "p"]}, "expected all datasets: d"),
    ):
        with pytest.raises(InputError, match=reason):
            check_config(config | {"train": DEFAULTS["train"] | train})
    unknown = evaluated(require=[required | {"source": "x"}])
    with pytest.raises(InputError, match="names the source x, which has no test quer"):
        check_config(unknown)


PROMPTS = "config/prompts/sv-court.txt", "mine.txt", "config/prompts/claim.txt", "no"


def test_files_of_the_project_are_found_from_any_directory(tmp_path, monkeypatch):
    """The working directory's own goes before; what is nowhere stays as written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/prompts").mkdir(parents=True)
    for own in ("mine.txt", "config/prompts/claim.txt"):
        (tmp_path / own).touch()
    config = with_shipped(
        {
            "queries": {
                "prompts": [{"file": name, "share": 1} for name in PROMPTS],
                "judge": {"prompt": None},
                "group": "no map",
            },
            "gold": {"judge": {"prompt": "config/prompts/sv-relevance.txt"}},
            "evaluate": {"spelling": {"rules": str(ROOT / "config/spelling/sv.yaml")}},
            "train": {"args": {"deepspeed": "config/deepspeed/stage1.json"}},
            "datasets": {"d": {"pairs": "config/config.yaml"}},
        }
    )
    asked = [prompt["file"] for prompt in config["queries"]["prompts"]]
    assert asked == [str(ROOT / PROMPTS[0]), *PROMPTS[1:]]
    assert config["queries"]["judge"] == {"prompt": None}
    assert config["gold"]["judge"]["prompt"] == str(
        ROOT / "config/prompts/sv-relevance.txt"
    )
    assert config["evaluate"]["spelling"]["rules"] == str(
        ROOT / "config/spelling/sv.yaml"
    )
    settings = {"zero_optimization": {"stage": 1}, "x": "y" * 5000}
    for given, found in (
        (config["train"]["args"]["deepspeed"], ROOT / "config/deepspeed/stage1.json"),
        (json.dumps(settings), json.dumps(settings)),
        (settings, settings),
        ("\0", "\0"),
    ):
        args = with_shipped({"train": {"args": {"deepspeed": given}}})["train"]["args"]
        assert args["deepspeed"] == (found if given == found else str(found))
    # Data is the user's own, whatever it is called.
    assert config["datasets"] == {"d": {"pairs": "config/config.yaml"}}


def named_files(value, keys=()):
    """The keys of the defaults whose values are files of the project."""
    if isinstance(value, dict):
        return {one for key in value for one in named_files(value[key], (*keys, key))}
    if isinstance(value, list):
        return {one for part in value for one in named_files(part, keys)}
    ours = isinstance(value, str) and value.startswith("config/")
    return {keys} if ours else set()


def test_every_setting_whose_default_is_a_file_is_looked_for_in_the_project():
    found = named_files(DEFAULTS)
    assert ("evaluate", "spelling", "rules") in found
    assert found <= set(SHIPPED)


def test_what_is_not_given_has_its_default():
    config = completed({"run": "x", "mining": {"search": "torch"}, "run_again": "true"})
    assert config.keys() == DEFAULTS.keys()
    assert config["mining"] == DEFAULTS["mining"] | {"search": "torch"}
    assert (config["run"], config["run_again"]) == ("x", True)


@pytest.mark.parametrize("value", ["yes", ["true"], {"a": 1}, None])
def test_what_is_no_truth_is_refused_in_a_sentence(value):
    given = {"datasets": {"d": {"example": {"cases": 9, "volumes": 3}}}}
    with pytest.raises(InputError, match=r"`run_again`: is .*, expected true or false"):
        check_config(completed(given | {"run_again": value}))


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (
            {"models": {"embedder": {"query_prompt": "a\0b"}}},
            "models.embedder.query_prompt",
        ),
        ({"queries": {"prompts": [{"file": "a\0"}]}}, "queries.prompts.0.file"),
    ],
)
def test_a_text_that_no_command_can_have_is_refused_when_planned(given, key):
    archive = {"datasets": {"d": {"example": {"cases": 9, "volumes": 3}}}}
    with pytest.raises(InputError, match=rf"^`{key}`: holds the character NUL"):
        check_config(completed(archive | given))


@pytest.mark.parametrize("file", ["config.yaml", "laptop.yaml"])
@pytest.mark.parametrize(
    ("source", "kept"),
    [("{}", True), ("mirror/{}", True), ("/models/ours", False), ("some/e5", False)],
)
def test_a_commit_of_our_files_is_of_no_other_model(file, source, kept):
    """Whose source a user's file names alone, over one of ours or in a copy of it."""
    ours = read_layer(ROOT / "config" / file)["models"]["embedder"]
    assert (ours["source"], ours["revision"]) in {
        (one.source, one.revision) for one in PINNED
    }
    name = ours["source"] if source == "{}" else ours["source"].split("/")[1]
    given = {**ours, "source": source.format(name)}
    model = completed({"models": {"embedder": given}})["models"]["embedder"]
    assert model["source"] == given["source"]
    assert model["revision"] == (ours["revision"] if kept else None)


@pytest.mark.parametrize(
    ("given", "revision"),
    [
        ({"source": "some/model"}, None),
        ({"source": "some/model", "revision": "v1"}, "v1"),
        ({"source": "BAAI/bge-m3"}, "5617a9f61b028005a4858fdac845db406aefb181"),
        ({"heads": "none"}, "5617a9f61b028005a4858fdac845db406aefb181"),
    ],
)
def test_the_default_revision_is_that_of_the_default_model(given, revision):
    models = completed({"models": {"embedder": given}})["models"]
    assert models["embedder"]["revision"] == revision
    assert models["reranker"] == DEFAULTS["models"]["reranker"]


def test_the_working_directorys_configuration_lies_between(tmp_path, monkeypatch):
    """Over the defaults, below what is given; the project's own is the defaults."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.jsonl").touch()
    (tmp_path / "config").mkdir()
    own = {"run": "own", "seed": 7, "datasets": {"d": {"pairs": "p.jsonl"}}}
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(own))
    (tmp_path / "my.yaml").write_text("run: mine\n")
    config = read_config(["my.yaml"])
    assert (config["run"], config["seed"]) == ("mine", 7)
    assert config["rounds"] == DEFAULTS["rounds"]
    monkeypatch.chdir(ROOT)
    assert read_config([ROOT / "config/demo.yaml"])["seed"] == DEFAULTS["seed"]


def test_the_demo_and_the_defaults_with_a_dataset_are_valid(tmp_path):
    (tmp_path / "p.jsonl").touch()
    dataset = {"d": {"pairs": str(tmp_path / "p.jsonl")}}
    check_config(DEFAULTS | {"datasets": dataset})


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        (
            {"pages": "p", "pool": "rows.jsonl"},
            r"pool`: belongs to pairs, negatives or",
        ),
        ({"pairs": "p"}, r"pairs`: names p, which holds no file that ends in \.jsonl"),
        ({"pairs": "rows.jsonl", "pool": "p"}, r"pool`: names p, which holds no file"),
        ({"scores": "rows.jsonl", "pool": "no"}, r"pool`: names no, which does not"),
        ({"pool": "rows.jsonl"}, "must name one source"),
        ({"pairs": "rows.jsonl", "pool": "rows.jsonl"}, None),
        ({"negatives": "d", "pool": "d"}, None),
    ],
)
def test_files_of_rows_and_a_pool_beside_them(tmp_path, monkeypatch, dataset, said):
    monkeypatch.chdir(tmp_path)
    for name in ("p", "d"):
        (tmp_path / name).mkdir()
    for name in ("p/a.xml", "d/1.jsonl.gz", "rows.jsonl"):
        (tmp_path / name).touch()
    given = DEFAULTS | {"datasets": {"letters": dataset}}
    if said is None:
        check_config(given)
    else:
        with pytest.raises(InputError, match=said):
            check_config(given)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        (
            {"test": 0.2},
            r"^`pairs\.shares`: add up to 1\.1 \(train 0\.8, dev 0\.1, tes",
        ),
        ({"dev": -0.1}, r"^`pairs\.shares\.dev`: is -0\.1, expected at least 0"),
        ({"dev": None}, r"^`pairs\.shares\.dev`: is None, expected a number"),
    ],
)
def test_shares_of_no_whole_are_refused(shares, said):
    pairs = DEFAULTS["pairs"] | {"shares": DEFAULTS["pairs"]["shares"] | shares}
    datasets = {"d": {"example": {"cases": 9, "volumes": 3}}}
    with pytest.raises(InputError, match=said):
        check_config(DEFAULTS | {"datasets": datasets, "pairs": pairs})


@pytest.mark.parametrize(
    "text",
    [
        "queries:\n  openai:\n    base_url: https://me:hunter2@host: x\n",
        "queries:\n  openai:\n    extra: {api_key: hunter2\n",
        "queries:\n\topenai: {api_key: hunter2}\n",
    ],
)
def test_what_is_no_yaml_is_named_by_its_line_and_not_repeated(tmp_path, text):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"my\.yaml, line \d: is not a YAML") as caught:
        read_layer(path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "evaluate: {unit: page}\ntrain: {nodes: 1}\nevaluate: {weights: auto}\n",
        "train:\n  mask: {near: false}\n  mask: {near: true}\n",
        "datasets:\n  'a': {pairs: x}\n  a: {pairs: y}\n",
    ],
)
def test_a_key_that_stands_twice_is_refused(tmp_path, text):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    line = len(text.splitlines())
    with pytest.raises(InputError, match=rf"line {line}: .*has the key `\w+` twice"):
        check_layers([path])
    path.write_text("a: &x {b: 1}\nc: {<<: *x, b: 2}\n")
    assert read_layer(path)["c"] == {"b": 2}
    # A map is merged into one that another is merged into.
    path.write_text("a: &a {k: 0}\nb: {c: &c {<<: *a, k: 1}}\nd: {<<: *c}\n")
    assert read_layer(path)["d"] == {"k": 1}
    path.write_text('{\n\t"run": "r",\n\t"parts": {"corpus": 1}\n}')
    assert read_layer(path) == {"run": "r", "parts": {"corpus": 1}}
    path.write_text('{\n\t"run": "r",\n\t"run": "s"\n}')
    with pytest.raises(InputError, match="has the key `run` twice"):
        check_layers([path])


def test_a_text_instead_of_a_map_is_not_repeated():
    datasets = {"d": {"example": {"cases": 9, "volumes": 3}}}
    torn = {"queries": '{"openai": {"extra": {"api_key": hunter2'}
    with pytest.raises(InputError, match=r"^`queries`: is \[not shown\], expected"):
        check_config(DEFAULTS | {"datasets": datasets} | torn)


def test_a_side_without_a_share_is_named():
    shares = {"train": 0.9, "test": 0.1}
    datasets = {"d": {"example": {"cases": 9, "volumes": 3}}}
    pairs = DEFAULTS["pairs"] | {"shares": shares}
    with pytest.raises(InputError, match=r"^`pairs\.shares\.dev`: is missing"):
        check_config(DEFAULTS | {"datasets": datasets, "pairs": pairs})


@pytest.mark.parametrize("value", ["x", -1, 1.5, True])
def test_a_value_of_another_kind_is_named(value):
    with pytest.raises(InputError, match=r"^`parts\.pairs`: is .*expected"):
        check_config(
            DEFAULTS
            | {"datasets": {"d": {"example": {"cases": 9, "volumes": 3}}}}
            | {"parts": DEFAULTS["parts"] | {"pairs": value}}
        )


@pytest.mark.parametrize(
    ("queries", "sentence"),
    [
        ({"prompts": [{"file": "no.txt"}]}, r"queries\.prompts`: names no\.txt, which"),
        (
            {"judge": {"prompt": "x", "threshold": 3}},
            r"queries\.judge\.prompt`: names x",
        ),
        ({"backend": "local"}, r"queries\.local\.model`: is None, expected the dir"),
        (
            {"budget": {"requests": None, "tokens": None, "money": 1}},
            "all prices are 0",
        ),
        (
            {"openai": {"base_url": "host/v1"}},
            r"openai\.base_url`: is \[not shown\], e",
        ),
    ],
)
def test_queries_that_cannot_be_asked_for_are_named(monkeypatch, queries, sentence):
    monkeypatch.chdir(ROOT)
    asked = DEFAULTS["queries"] | {"backend": "openai"} | queries
    asked["openai"] = DEFAULTS["queries"]["openai"] | queries.get("openai", {})
    datasets = {"d": {"example": {"cases": 9, "volumes": 3}}}
    with pytest.raises(InputError, match=sentence):
        check_config(DEFAULTS | {"datasets": datasets, "queries": asked})


def test_questions_of_the_example_archive_are_for_it_alone(monkeypatch):
    monkeypatch.chdir(ROOT)
    queries = DEFAULTS["queries"] | {"backend": "example"}
    example = {"a": {"example": {"cases": 9, "volumes": 3}}}
    check_config(DEFAULTS | {"datasets": example, "queries": queries})
    datasets = example | {"b": {"pages": "tests"}}
    with pytest.raises(InputError, match=r"queries\.backend`: is example, .* of b;"):
        check_config(DEFAULTS | {"datasets": datasets, "queries": queries})


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ({"method": "headings"}, "`documents.heading`: is null, expected the regular"),
        ({"heading": "(§"}, "`documents.heading`: is '(§', which is no regular expr"),
        ({"window_overlap": 300}, "`documents.window_overlap`: is 300, expected less"),
        ({"encoding": "windows"}, "`documents.encoding`: is 'windows', which is no"),
        ({"encoding": "hex"}, "`documents.encoding`: is 'hex', which is no encoding"),
        (
            {"method": "windows", "window_overlap": 200, "duplicate_jaccard": 0.5},
            "`documents.duplicate_jaccard`: is 0.5, expected more than the 0.50 that",
        ),
        (
            {"hyphens": ["--"]},
            "`documents.hyphens.0`: is '--', expected at most 1 char",
        ),
        ({"hyphens": ["-", "-"]}, "expected each value once"),
        ({"min_confidence": 50}, "`documents.min_confidence`: is 50, expected at most"),
        ({"method": "chapters"}, "expected one of sampled, page, windows, headings"),
    ],
)
def test_ways_to_cut_documents_that_do_not_agree_are_named(documents, said):
    config = DEFAULTS | {
        "datasets": {"d": {"example": {"cases": 9, "volumes": 3}}},
        "documents": DEFAULTS["documents"] | documents,
    }
    with pytest.raises(InputError) as caught:
        check_config(config)
    assert said in str(caught.value)


def test_environments_pin_what_requirements_pin():
    pins = dict(
        line.split("==")
        for line in (ROOT / "requirements.txt").read_text().splitlines()
    )
    for path in sorted(ROOT.glob("envs/*.yaml")):
        environment = yaml.safe_load(path.read_text())
        packages = environment["dependencies"][-1]["pip"]
        for package in packages:
            name, pin = package.split("==")
            # deepspeed is for clusters alone, and faiss has a package for each device.
            if name != "deepspeed":
                name = name.replace("faiss-gpu", "faiss-cpu")
                assert pins[name] == pin, f"{path.name}: {package}"
