"""`python -m benchmarks quality`: its pairs, its settings, what it keeps."""

import contextlib
import csv
import io
import json
import random
import re

import numpy as np
import pytest
import torch
from bodies import build_body
from project import ROOT

from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_json, write_records
from arkiv.encode.models import has_heads
from arkiv.evaluate.measures import MEASURES, summary
from arkiv.settings.config import check_config, completed, read_config
from arkiv.train.heads import new_heads
from benchmarks.__main__ import main
from benchmarks.harness import Run
from benchmarks.quality import debian, run
from benchmarks.quality.heads import beginnings_of, headed
from benchmarks.quality.pairs import in_own_words, with_test
from benchmarks.quality.pipeline import configuration
from benchmarks.quality.results import over_zero

WORDS = [f"{letter}{vowel}t" for letter in "bcdfghjklmnpqrs" for vowel in "aeiou"]
PACKAGES = """\
Package: libfrob1
Source: frob (1.2-3)
Depends: libc6
 , libm

Package: frob-doc
Source: frob

Package: zap-data
Source: zap
Description: not this one
"""


def text(seed, words=20):
    """Words that no other seed gives in this order."""
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def stanza(name, short, long):
    lines = "\n".join(f" {line or '.'}" for line in long.split("\n"))
    return f"Package: {name}\nDescription-md5: 0\nDescription-en: {short}\n{lines}\n"


def test_packages_are_read_with_their_sources_and_paragraphs():
    translations = [
        stanza("libfrob1", "library of frob", "one\n  two\n\nthree"),
        stanza("lone", "a lone one: with a colon", "four"),
        stanza("lone", "another version", "five"),
    ]
    one, two = debian.described(PACKAGES, "\n".join(translations))
    assert one == debian.Package("libfrob1", "frob", "library of frob", one.long)
    assert one.long == "one\ntwo\n\nthree"
    assert (two.source, two.short) == ("lone", "a lone one: with a colon")


def test_of_a_source_one_pair_is_made_and_nothing_is_said_twice():
    package = debian.Package
    packages = [
        package("libfrob1", "frob", "library of frob", text(1)),
        package("frob", "frob", "frobs", text(2)),
        package("zap-b", "zap", "second of zap", text(3)),
        package("zap-a", "zap", "first of zap", text(4)),
        # As others, but for case or one word of many.
        package("same-short", "same-short", "FROBS", text(5)),
        package("near", "near", "near to frob", text(2, 60).rsplit(" ", 1)[0]),
        package("far", "far", "as near", text(2, 60)),
        package("old", "old", "frob (transitional package)", text(6)),
        package("mute", "mute", "says little", "too few words"),
    ]
    drawn = debian.drawn(iter(packages), 3, 7)
    names = [row["package"] for row in drawn]
    assert names == [row["package"] for row in debian.drawn(iter(packages[::-1]), 3, 7)]
    assert len(set(names) & {"frob", "same-short"}) == 1
    assert len(set(names) & {"near", "far"}) == 1
    assert "zap-a" in names
    assert all(row["group"] for row in drawn)
    with pytest.raises(InputError, match=r"asks for 4 pairs, but apt's lists give 3"):
        debian.drawn(iter(packages), 4, 7)


def test_lists_are_those_that_apt_names(monkeypatch, tmp_path):
    for name, words in (("a", PACKAGES), ("b", stanza("lone", "short", "long"))):
        (tmp_path / name).write_text(words)
    named = f'case "$1" in *) case "$2" in *Pack*) echo {tmp_path}/a;; *) ' + (
        f"echo {tmp_path}/b;; esac;; esac"
    )
    monkeypatch.setattr(debian, "ASK", ("sh", "-c", named, "sh"))
    monkeypatch.setattr(debian, "READ", ("cat",))
    packages, translations = debian.lists_of_apt()
    assert (packages, "lone" in translations) == (PACKAGES, True)
    monkeypatch.setattr(debian, "ASK", ("true",))
    with pytest.raises(InputError, match=r"finds no lists of packages; `apt-get"):
        debian.lists_of_apt()
    monkeypatch.setattr(debian, "ASK", (str(tmp_path / "none"),))
    with pytest.raises(InputError, match="needs apt"):
        debian.lists_of_apt()


def test_what_asks_as_a_test_row_is_no_train_row(tmp_path):
    pairs, test = tmp_path / "pairs.jsonl", tmp_path / "test.jsonl"
    asked = {"query": "Who?", "pos": ["he"]}
    write_records(test, [asked])
    others = [{"query": " who?", "pos": ["she"]}, {"query": "when?", "pos": ["now"]}]
    write_records(pairs, [asked, *others])
    sides = [(row["query"], row["split"]) for row in with_test(pairs, test)]
    assert sides == [
        ("Who?", "test"),
        ("Who?", "test"),
        (" who?", "test"),
        ("when?", "train"),
    ]


def test_queries_in_own_words_take_the_place_of_train_queries_alone():
    tested = {
        "query": "who?",
        "pos": ["On trial was Peder of Brobyn."],
        "split": "test",
    }
    passage = (
        "The court heard that Anders and Kerstin of Dalby took the boundary stone."
    )
    rows = [
        tested,
        {"query": "what?", "pos": [passage], "split": "train"},
        {"query": "when?", "pos": [passage.upper()], "split": "train"},
        # Of a passage that is tested nothing is learnt.
        {"query": "where?", "pos": tested["pos"], "split": "train"},
    ]
    first, *made = in_own_words(rows, 3, 42)
    assert first == tested
    assert len(made) == 3
    assert made == in_own_words(rows, 3, 42)[1:]
    names = ("Anders", "Kerstin", "Dalby")
    for row in made:
        assert (row["pos"], row["split"]) == ([passage], "train")
        assert any(name in row["query"] for name in names)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A model without heads."""
    folder = build_body(tmp_path_factory.mktemp("model") / "bare", "bert")
    (folder / "1_Pooling").mkdir()
    write_json(folder / "1_Pooling/config.json", {"pooling_mode_mean_tokens": True})
    return folder


@pytest.fixture(scope="module")
def whole(bare, tmp_path_factory):
    """The same with new heads."""
    return headed(bare, "counting", 42, tmp_path_factory.mktemp("headed") / "model")


def test_new_heads_are_those_that_training_makes(bare, whole):
    assert has_heads(whole)
    assert not has_heads(bare)
    assert (whole / "1_Pooling/config.json").read_bytes()
    for name, layer in new_heads(32, 42).items():
        held = torch.load(whole / f"{name}.pt")
        assert all(torch.equal(held[k], v) for k, v in layer.state_dict().items())


def test_heads_are_chosen_for_a_model_without_any(bare, whole):
    assert beginnings_of(bare, []) == ["counting"]
    assert beginnings_of(bare, ["random", "counting", "random"]) == [
        "random",
        "counting",
    ]
    assert beginnings_of(whole, []) == []
    with pytest.raises(InputError, match="is for models without heads"):
        beginnings_of(whole, ["counting"])
    with pytest.raises(InputError, match="is zero, expected some of counting, random"):
        beginnings_of(bare, ["zero"])


def test_merging_can_be_switched_on(whole, tmp_path):
    pairs, general = tmp_path / "pairs.jsonl", tmp_path / "general.jsonl"
    for file in (pairs, general):
        write_records(file, [{"query": "a", "pos": ["b"]}])
    given = configuration("own", pairs, whole, "english", quick=True)
    text = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    own = tmp_path / "own.yaml"
    own.write_text(shown.replace("/data/general.jsonl", str(general)))
    write_json(tmp_path / "given.yaml", given)
    config = read_config([tmp_path / "given.yaml", own])
    assert config["merge"] == {"with": "base", "weights": "auto"}
    assert config["pairs"]["shares"]["dev"] == 0.1


def test_other_letters_can_be_trained_on_and_measured(whole, tmp_path):
    write_records(tmp_path / "pairs.jsonl", [{"query": "a", "pos": ["b"]}])
    given = configuration("own", tmp_path / "pairs.jsonl", whole, "english", quick=True)
    write_json(tmp_path / "given.yaml", given)
    augment = {"spelling": ["old", "modern"], "noise": 0.1, "share": 0.3}
    own = {"train": {"augment": augment}, "evaluate": {"spelling": {"queries": 200}}}
    write_json(tmp_path / "own.yaml", own)
    config = read_config([tmp_path / "given.yaml", tmp_path / "own.yaml"])
    assert config["train"]["augment"] == {**augment, "texts": ["queries"]}
    assert config["evaluate"]["spelling"]["queries"] == 200
    assert config["train"]["args"]["max_steps"] == 2


@pytest.mark.parametrize("quick", [False, True])
def test_the_configuration_is_valid_and_measures_every_mode(quick, whole, tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    write_records(pairs, [{"query": "a", "pos": ["b"]}])
    given = configuration("own", pairs, whole, "english", quick=quick)
    config = check_config(completed(given))
    systems = config["evaluate"]["systems"]
    modes = {
        (system["model"], system["mode"])
        for system in systems.values()
        if system["type"] == "m3"
    }
    assert len(modes) == 8
    kinds = [(one.get("tokens"), one.get("stemming")) for one in systems.values()]
    assert {("words", None), ("words", "english"), (None, None)} <= set(kinds)
    assert config["evaluate"]["compare"]["tuned_dense"] == [
        "base_dense",
        "bm25_stemmed",
    ]
    assert ("max_steps" in config["train"]["args"]) is quick


GENERAL = [("tuned_dense", "base_dense")]
MERGE = {
    "with": "base",
    "weight": 0.4,
    "chosen": True,
    "mode": "dense",
    "measure": "nDCG@10",
    "collections": {"dev": {"queries": 60}, "general": {"queries": 70}},
    "curve": [
        {
            "weight": weight,
            "scores": {
                "dev": {"dense": {"nDCG@10": weight}},
                "general": {"dense": {"nDCG@10": 1 - weight}},
            },
        }
        for weight in (0, 0.4, 1)
    ],
}
SYSTEMS = ("bm25", "base_dense", "tuned_dense", "tuned_sparse")


def left_by_a_run(folder, config, own):
    """What the pipeline leaves that is read, with made-up measures."""
    results = folder / "results" / config["run"]
    draw = np.random.default_rng(len(config["run"]))
    values = {name: draw.random((20, len(MEASURES))) / 2 for name in SYSTEMS}
    values["tuned_dense"] = values["base_dense"] + 0.1
    drawn = {"samples": 100, "seed": 1}
    metrics = summary(values, [("tuned_dense", "base_dense")], **drawn)
    metrics |= {"measures": MEASURES, "bootstrap": drawn, "parts": {"length": {}}}
    write_json(results / "metrics/metrics.json", metrics)
    with open(results / "metrics/per_query.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["query_id", "query", "dataset", "system", *MEASURES])
        for system, rows in values.items():
            table.writerows(
                [f"q{number}", "a, query", "", system, *row]
                for number, row in enumerate(rows)
            )
    general = summary({name: of[:12] for name, of in values.items()}, GENERAL, **drawn)
    write_json(
        results / "general/metrics/metrics.json", {**general, "measures": MEASURES}
    )
    write_json(results / "merged/merge.json", MERGE)
    write_json(
        results / "metrics/spelling.json",
        {
            "queries": 20,
            "measures": MEASURES,
            "variants": [
                {
                    "name": "noise 10%",
                    "changed": 0.95,
                    "cer": 0.1,
                    "difference": {
                        name: {"nDCG@10": {"mean": -0.2, "low": -0.3, "high": -0.1}}
                        for name in SYSTEMS
                    },
                }
            ],
        },
    )
    history = {"rows": 70, "rows_used": 64, "steps": 8, "epochs": 1.0, "seconds": 12.5}
    history |= {"warnings": [], "versions": {"torch": "2"}, "log": []}
    write_json(results / "training/history.json", history)
    whole = completed(config)
    # As the pipeline has it where it is started elsewhere.
    whole["queries"]["prompts"][0]["file"] = f"{ROOT}/config/prompts/sv-court.txt"
    write_json(results / "configuration.json", {"files": [], "settings": whole})
    write_json(results / "pairs/pairs/stats.json", {"train": 70, "test": 20})
    write_records(results / "collection/corpus.jsonl", [{"text": "one"}] * 90)
    told = results / "benchmarks/train_model.tsv"
    told.parent.mkdir()
    told.write_text("s\tmax_rss\tcpu_time\n13.5\t900\t20\n")
    return results, Run(30.0, 50.0, 1234.0)


@pytest.fixture(scope="module")
def measured(bare, tmp_path_factory):
    """Both beginnings measured, of a pipeline that does nothing."""
    folder = tmp_path_factory.mktemp("measured")
    write_records(folder / "letters.jsonl", [{"query": "a", "pos": ["b"]}])
    words = ["--model", bare, "--pairs", folder / "letters.jsonl"]
    words += ["--folder", folder / "runs", "--heads", "counting", "random"]
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(said):
        patched.setattr(run, "run_pipeline", left_by_a_run)
        patched.setattr(run, "HERE", folder)
        patched.setattr(run.machine, "gpu", lambda: None)
        assert main(["quality", *map(str, words)]) == 0
    return folder, said.getvalue()


def test_what_was_measured_is_kept_without_where_it_lies(measured):
    folder, _ = measured
    path = folder / "results/quality-letters.json"
    held = read_json(path)
    assert str(folder) not in json.dumps(held)
    assert str(ROOT) not in json.dumps(held)
    assert held["command"].endswith("--heads counting random")
    counting = held["runs"]["counting"]
    assert counting["settings"]["train.args.learning_rate"] == 2e-5
    assert not any(key.startswith("queries") for key in counting["settings"])
    assert counting["pairs"]["searched"] == 90
    assert counting["training"]["versions"] == {"torch": "2"}
    assert "parts" not in counting["metrics"]
    assert counting["memory"] == 1234
    assert held["headless"]


def test_the_table_says_all_that_was_measured(measured):
    folder, said = measured
    assert said.strip() in (folder / "RESULTS.md").read_text()
    lines = said.splitlines()
    assert lines[0] == "## quality-letters"
    assert lines[2].startswith("bare tuned on 70 pairs")
    assert "| system | nDCG@10 | MAP | Recall@100 | MRR@10 |" in lines
    assert [line.split(" ")[1] for line in lines if line.startswith("| t")][:2] == [
        "tuned_dense",
        "tuned_sparse",
    ]
    assert (
        "- tuned_dense over base_dense: nDCG@10 +0.100 [+0.100, +0.100]; the interval "
        "is to lie above 0: holds."
    ) in lines
    noise = "- Of 20 queries noise 10% changes 95%, 10.0% of all characters: nDCG@10 "
    noise += "bm25 -0.200 [-0.300, -0.100]; base_dense"
    assert any(line.startswith(noise) for line in lines)
    general = "- On 12 general queries tuned_dense over base_dense (0."
    assert any(line.startswith(general) for line in lines)
    assert any("0.4 of what was trained and 0.6 of the base" in line for line in lines)
    assert (
        "- dense nDCG@10 by share: 0 dev 0.000, general 1.000; "
        "0.4 dev 0.400, general 0.600; 1 dev 1.000, general 0.000."
    ) in lines
    assert "| nDCG@10 by new heads | counting | random | difference |" in lines
    assert any(line.startswith("- Heads random: 30 s, CPU 50 s") for line in lines)
    assert any("train 14 s, 900 MiB" in line for line in lines)
    assert any("`train.args.learning_rate: 2e-05`" in line for line in lines)


def test_an_interval_that_is_not_above_0_is_no_proof():
    assert over_zero({"mean": 0.1, "low": 0.01, "high": 0.2})
    assert not over_zero({"mean": 0.1, "low": 0.0, "high": 0.2})
    assert not over_zero({"mean": 0.1, "low": None, "high": None})


def test_a_fault_is_one_sentence(tmp_path, capsys):
    words = ["quality", "--model", str(tmp_path / "none"), "--debian", "9"]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "is not a directory" in said


def test_a_folder_with_something_else_in_it_stays(bare, tmp_path, capsys):
    write_records(tmp_path / "letters.jsonl", [{"query": "a", "pos": ["b"]}])
    (tmp_path / "letters").mkdir()
    words = ["--model", bare, "--pairs", tmp_path / "letters.jsonl"]
    assert main(["quality", *map(str, words), "--folder", str(tmp_path)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "letters").is_dir()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--debian", "9", "--test", "t.jsonl"], "--test: goes with --pairs"),
        (["--pairs", "p.jsonl", "--own-words", "2"], "--own-words: goes with --test"),
        (["--debian", "0"], "--debian: expected 1 or more"),
        (["--pairs", "a b.jsonl"], "--name: is a b"),
        ([], "one of the arguments --pairs --debian is required"),
    ],
)
def test_flags_that_do_not_agree_are_refused(words, reason, capsys):
    with pytest.raises(SystemExit):
        main(["quality", "--model", "m", *words])
    assert reason in capsys.readouterr().err
