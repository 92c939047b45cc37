"""The pipeline run on pairs and a model, and what it measured."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from arkiv.base.files import count_lines, read_json, read_object
from arkiv.report.jobs import costs_of
from arkiv.settings.changes import from_defaults
from benchmarks import ROOT
from benchmarks.harness import Run, measured

# What a test query is searched by, beside the pipeline's own systems: BM25 over the
# model's tokens, the base and the tuned model by each of M3's modes.
WORDS, STEMMED, CHARACTERS = "bm25_words", "bm25_stemmed", "bm25_characters"
# Of memory: jobs take seconds and more, and share the cores with what looks at them.
SECONDS_BETWEEN_SAMPLES = 1
# Settings that name what is told of otherwise, or where it lies.
TOLD = (
    *("run", "datasets.", "models.embedder.source", "models.reranker.", "parts."),
    *("train.evaluation.general", "merge.with"),
)
MODEL_REVISION = "models.embedder.revision"


def systems(language: str) -> dict[str, dict[str, Any]]:
    """The systems beside the default ones, with words stemmed as in a language."""
    fusions = {
        "base_fusion": [STEMMED, "base_dense"],
        "tuned_fusion": [STEMMED, "tuned_dense"],
        "tuned_fusion_combined": [STEMMED, "tuned_combined"],
    }
    return {
        WORDS: {"type": "bm25", "tokens": "words"},
        STEMMED: {"type": "bm25", "tokens": "words", "stemming": language},
        CHARACTERS: {"type": "bm25", "tokens": "characters"},
        **{
            name: {"type": "fusion", "systems": below}
            for name, below in fusions.items()
        },
        "tuned_fusion_weighted": {
            "type": "fusion",
            "systems": fusions["tuned_fusion"],
            "method": "weighted",
        },
        "tuned_hybrid": {
            "type": "fusion",
            "systems": [CHARACTERS, "tuned_combined"],
            "method": "weighted",
        },
    }


def configuration(
    name: str, pairs: Path, model: Path, language: str, *, quick: bool
) -> dict[str, Any]:
    """What is laid over the pipeline's defaults: what a CPU trains in minutes.

    Without a teacher, for a reranker would take longer than all else.

    Args:
        name: of the run.
        pairs: the file of rows.
        model: the directory of the model to tune.
        language: by which words are stemmed.
        quick: a few steps and few samples, to see that all works.
    """
    lengths = {"query": 64, "passage": 192}
    training = {
        "train_group_size": 4,
        "query_max_len": lengths["query"],
        "passage_max_len": lengths["passage"],
        "knowledge_distillation": False,
        "learning_rate": 2e-5,
        "num_train_epochs": 2,
        "per_device_train_batch_size": 8,
        "gradient_checkpointing": False,
        "save_strategy": "no",
    }
    return {
        "run": name,
        "datasets": {"pairs": {"pairs": str(pairs)}},
        "parts": dict.fromkeys(("corpus", "pairs"), 1),
        "models": {"embedder": {"source": str(model), "revision": None}},
        # Rows go by pages where they have them, else by `group` or by passage. None are
        # dev's: they would choose among the models of one short training.
        "pairs": {"group_by": "pages", "shares": {"train": 0.7, "dev": 0, "test": 0.3}},
        "mining": {f"{side}_max_length": most for side, most in lengths.items()},
        "split": {"edges": [0]},
        "train": {
            "processes": 1,
            "evaluation": {"steps": 0},
            "args": training | ({"max_steps": 2} if quick else {}),
        },
        "evaluate": {
            "systems": systems(language),
            "compare": {
                "tuned_dense": ["base_dense", STEMMED],
                "tuned_combined": ["base_combined", STEMMED],
                "tuned_fusion": ["base_fusion", STEMMED],
            },
            "spelling": {"queries": 0},
        }
        | ({"bootstrap": 200} if quick else {}),
    }


def run_pipeline(
    folder: Path, config: Mapping[str, Any], own: Sequence[Path]
) -> tuple[Path, Run]:
    """Run the pipeline to its metrics, in a directory with nothing made before.

    Args:
        folder: the working directory, where results and the log go.
        config: what is laid over the defaults.
        own: files of settings that are laid over both.

    Returns:
        The run's directory, and what the whole took.

    Raises:
        BenchmarkError: it failed; with the last words of its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    overlay = folder / f"{config['run']}.yaml"
    overlay.write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile", str(overlay)]
    command += [*map(str, own), "--cores", str(len(os.sched_getaffinity(0)))]
    # The rules' `python` is the one that runs this.
    binaries = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    run = measured(
        # A target would be taken for one more file after --configfile.
        [*command, "evaluate"],
        folder / f"{config['run']}.log",
        {"PATH": binaries},
        SECONDS_BETWEEN_SAMPLES,
    )
    return folder / "results" / config["run"], run


def with_project_files(settings: Any) -> Any:
    """Settings with the project's own files named as the defaults name them, not by
    where the project lies."""
    if isinstance(settings, dict):
        return {key: with_project_files(value) for key, value in settings.items()}
    if isinstance(settings, list):
        return [with_project_files(value) for value in settings]
    return settings.removeprefix(f"{ROOT}/") if isinstance(settings, str) else settings


def outcome(results: Path, run: Run) -> dict[str, Any]:
    """What the directory of a run of one dataset holds that is kept.

    Returns:
        What the whole took (`wall`, `cpu`, `memory`, see Run); what each rule took
        (`jobs`); how the rows were divided (`pairs`), those that `pairs.round_trip`
        drops set aside, with the number of passages searched; the training's figures;
        the settings that differ from the defaults; the metrics, without those of parts
        of the queries; likewise those of the general set (`general`), what chose how
        models were merged (`merge`) and what other spellings cost (`spelling`), if the
        run has them.
    """
    metrics = read_json(results / "metrics/metrics.json")
    history = read_json(results / "training/history.json")
    settings = with_project_files(read_json(results / "configuration.json")["settings"])
    (dataset,) = settings["datasets"]
    divided = read_json(results / f"pairs/{dataset}/stats.json")
    if settings["pairs"]["round_trip"]["by"]:
        kept = read_json(results / f"pairs/{dataset}/filtered.stats.json")
        divided |= {
            "train": kept["kept"],
            "set_aside": divided["set_aside"] | kept["rejected"],
        }
    return {
        **asdict(run),
        "jobs": costs_of(results),
        "pairs": divided
        | {"searched": count_lines(results / "collection/corpus.jsonl")},
        "training": {
            key: history[key]
            for key in "rows rows_used steps epochs seconds warnings versions".split()
        },
        "settings": {
            key: value
            for key, (value, _) in from_defaults(settings).items()
            if not key.startswith(TOLD) and key != MODEL_REVISION
        },
        "metrics": {key: of for key, of in metrics.items() if key != "parts"},
        "spelling": read_object(
            results / "metrics/spelling.json", "measures", optional=True
        ),
        "general": read_object(
            results / "general/metrics/metrics.json", "metrics", optional=True
        ),
        "merge": read_object(
            results / "merged/merge.json", "report of merge_models.py", optional=True
        ),
    }
