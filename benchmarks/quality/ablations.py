"""Measure what each means against what tuning spoils or misses is worth, one by one.

Tunes a model on the same pairs with the same test queries by each variant and several
seeds: the method as it is plain, each of what it may have beside, all of it together.
Writes results/ablations-NAME.json and RESULTS.md in benchmarks/; with --quick, in
benchmarks/.cache/quick/. Runs that are done are not done again.
"""

from __future__ import annotations

import argparse
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from arkiv.base.declared import Seeded
from arkiv.base.files import Record, read_json, write_records
from arkiv.base.hashing import content_id, digest_of_files, text_key, uniform
from arkiv.pairs.given import SPLIT
from benchmarks.quality.ablation_results import (
    HYBRID,
    PLAIN,
    PREFIX,
    TOGETHER,
    TRAINED,
    listed,
)
from benchmarks.quality.pipeline import (
    CHARACTERS,
    STEMMED,
    configuration,
    outcome,
    run_pipeline,
    systems,
)
from benchmarks.quality.results import by_query
from benchmarks.quality.run import (
    add_pairs,
    check_pairs,
    language_of,
    rows_given,
    write_down,
)

log = logging.getLogger("benchmarks")

# Which trains on fewer rows, and so is no part of TOGETHER.
ROUND_TRIP = "round_trip"
PAIRS = "pairs.jsonl"
# Of the rows that are not test's: they choose the weights of merging and of modes.
DEV = 0.12
# Of all rows, where they do not say their side.
TEST = 0.3
# The systems that are measured; those of the base model, whose scores no variant
# changes, with the plain one alone; what is forgotten, likewise and with all together.
OWN = (STEMMED, CHARACTERS, "tuned_dense", "tuned_combined", "tuned_fusion", HYBRID)
OF_BASE = ("base_dense", "base_combined")
FORGETTING = (PLAIN, TOGETHER)
RESPELLED = OWN
NOISE = (0.1,)
# Spelling is altered by the project's table, which is Swedish.
SPELLED = "swedish"

Overlay = dict[str, Any]


def variants(language: str) -> dict[str, Overlay]:
    """The settings by which each variant differs from the method as it is plain, which
    masks nothing, alters nothing and averages nothing."""
    noise = {"noise": NOISE[0]}
    spelling = {"spelling": ["old", "modern"]} if language == SPELLED else {}
    found: dict[str, Overlay] = {
        PLAIN: {},
        "near": {"train": {"mask": {"near": True}}},
        "guide": {"train": {"mask": {"guide": "base"}}},
        ROUND_TRIP: {"pairs": {"round_trip": {"by": "either"}}},
        "noise": {"train": {"augment": noise}},
        "noise_passages": {
            "train": {"augment": noise | {"texts": ["queries", "passages"]}}
        },
    }
    if spelling:
        found["spelling"] = {"train": {"augment": spelling}}
    together = {"augment": noise | spelling, "mask": {"near": True}}
    found[TOGETHER] = {
        "train": together,
        "merge": {"with": "base"},
        "evaluate": {
            "weights": "auto",
            "systems": {HYBRID: {"weights": "auto"}}
            | {
                f"{TRAINED}_{mode}": {"type": "m3", "model": "round_1", "mode": mode}
                for mode in ("dense", "combined")
            },
        },
    }
    round_trip = laid_over(found[TOGETHER], found[ROUND_TRIP])
    return found | {f"{TOGETHER}_{ROUND_TRIP}": round_trip}


def laid_over(below: Overlay, above: Mapping[str, Any]) -> Overlay:
    """Settings over others, key by key."""
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        both = isinstance(known, dict) and isinstance(value, Mapping)
        merged[key] = laid_over(known, value) if both else value
    return merged


def common(variant: str, language: str, general: Path | None) -> Overlay:
    """What a variant has like the others, over the settings of `python -m benchmarks
    quality`."""
    kept = (*OWN, *(OF_BASE if variant == PLAIN else ()))
    named = dict.fromkeys(("bm25", *_of_defaults(), *systems(language)))
    return {
        # Sides are given; that there are dev queries is to be said.
        "pairs": {"shares": {"train": 0.6, "dev": 0.1, "test": 0.3}},
        "train": {
            "mask": {"near": False},
            "evaluation": {
                "general": str(general) if general and variant in FORGETTING else None,
                "queries": 100,
                "passages": 200,
            },
        },
        "evaluate": {
            "systems": {name: None for name in named if name not in kept},
            "compare": {
                **dict.fromkeys(("tuned_sparse", "tuned_multi_vector")),
                **dict.fromkeys(OWN[1:], STEMMED),
                **({"tuned_dense": list(OF_BASE[:1])} if variant == PLAIN else {}),
            },
            "rerank_depth": 30,
            "spelling": {
                "queries": 1_000_000,
                "noise": list(NOISE),
                "systems": list(RESPELLED),
            },
        },
        "report": {"systems": [STEMMED]},
    }


def _of_defaults() -> Iterator[str]:
    """The systems of both models that the pipeline has of itself."""
    for model in ("base", "tuned"):
        for mode in ("dense", "sparse", "multi_vector", "combined"):
            yield f"{model}_{mode}"


def sided(rows: list[Record]) -> list[Record]:
    """Rows with their sides, which are the same for every seed: what they do not say is
    drawn by their passages."""
    given = any(SPLIT in row for row in rows)
    found = []
    for row in rows:
        draw = uniform(Seeded.seed, "side", text_key(row["pos"][0]))
        side = row[SPLIT] if given else "test" if draw < TEST else "train"
        rest = draw if given else (draw - TEST) / (1 - TEST)
        if side == "train" and rest < DEV:
            side = "dev"
        found.append(row | {SPLIT: side})
    return found


def command_line(words: Sequence[str]) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks ablations", description=__doc__
    )
    add_pairs(parser)
    parser.add_argument(
        "--general",
        type=Path,
        metavar="FILE",
        help='rows of {"query", "pos"} of another kind, on which to measure what is '
        "forgotten",
    )
    parser.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="runs of each variant"
    )
    parser.add_argument(
        "--variant",
        nargs="+",
        default=[],
        help=f"some of {', '.join(variants(SPELLED))}; else all that the language has",
    )
    arguments = parser.parse_args(words)
    check_pairs(parser, arguments)
    known = variants(language_of(arguments))
    for name in arguments.variant:
        if name not in known:
            parser.error(f"--variant: is {name}, expected some of {', '.join(known)}")
    if arguments.seeds < 1:
        parser.error("--seeds: expected 1 or more")
    return arguments


def kept(of: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of the outcome of a run: by the first measure alone, for there are
    many runs."""
    measure = of["metrics"]["measures"][0]
    general = of["general"]
    return {
        **{key: of[key] for key in ("cpu", "wall", "memory", "settings", "merge")},
        "measure": measure,
        "queries": of["metrics"]["queries"],
        "pairs": {key: of["pairs"][key] for key in ("train", "searched")},
        "training": {
            key: of["training"][key] for key in ("rows", "steps", "epochs", "seconds")
        },
        "lost": {
            variant["name"]: {
                system: difference[measure]["mean"]
                for system, difference in variant["difference"].items()
            }
            for variant in of["spelling"]["variants"]
        },
        "general": general
        and {
            "queries": general["queries"],
            "comparisons": [
                pair | {"difference": pair["difference"][measure]}
                for pair in general["comparisons"]
            ],
        },
    }


class Ablations:
    """Runs of variants by seeds.

    Attributes:
        folder: of the runs; each run's own files go when it is measured.
        known: the settings of each variant.
    """

    def __init__(
        self, arguments: argparse.Namespace, done: Sequence[Mapping[str, Any]]
    ) -> None:
        self.arguments = arguments
        self.folder = arguments.folder.resolve() / f"{PREFIX}{arguments.name}"
        self.language = language_of(arguments)
        self.known = variants(self.language)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pairs = self.folder / PAIRS
        write_records(self.pairs, sided(rows_given(arguments)))
        self.own = [path.resolve() for path in arguments.config]
        self.general = arguments.general and arguments.general.resolve()
        self.done = {run["key"]: run for run in done}
        # What makes a run another one, on whatever machine.
        of = [arguments.model, self.pairs, *self.own, *filter(None, [self.general])]
        self.of = [*map(digest_of_files, of), arguments.quick]

    def run(self, variant: str, seed: int) -> dict[str, Any]:
        """What a variant measured with a seed, from an earlier run if there is one.

        Raises:
            BenchmarkError: the pipeline failed.
        """
        name = f"{variant}-{seed}"
        overlay = laid_over(self.known[variant], {"seed": seed})
        key = content_id(*map(str, self.of), yaml.safe_dump(overlay))
        if key in self.done:
            return self.done[key]
        overlay = laid_over(common(variant, self.language, self.general), overlay)
        results = self.folder / "results" / name
        shutil.rmtree(results, ignore_errors=True)
        cache = self.folder / "cache"
        if cache.exists():
            # The base model's vectors are the same in every run.
            shutil.copytree(cache, results / "cache")
        settings = self.folder / f"{name}.variant.yaml"
        settings.write_text(yaml.safe_dump(overlay), encoding="utf-8")
        config = configuration(
            name,
            self.pairs,
            self.arguments.model.absolute(),
            self.language,
            quick=self.arguments.quick,
        )
        places, run = run_pipeline(self.folder, config, [*self.own, settings])
        held = {
            "key": key,
            "variant": variant,
            "seed": seed,
            "first": {
                system: listed(of[query][0] for query in sorted(of))
                for system, of in by_query(places).items()
            },
            **kept(outcome(places, run)),
        }
        if not cache.exists():
            shutil.copytree(results / "cache", cache)
        shutil.rmtree(results)
        log.info("%s: %.0f s, CPU %.0f s", name, run.wall, run.cpu)
        return held


def measure(
    arguments: argparse.Namespace, done: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Run the variants, seed by seed.

    Args:
        arguments: what is asked for.
        done: runs of earlier times.

    Yields:
        After each run what there is to keep of all so far.

    Raises:
        InputError, BenchmarkError: what is given will not do, or a run failed.
    """
    ablations = Ablations(arguments, done)
    runs = []
    for seed in range(Seeded.seed, Seeded.seed + arguments.seeds):
        for variant in arguments.variant or ablations.known:
            runs.append(ablations.run(variant, seed))
            known = {run["key"] for run in runs}
            others = [run for key, run in ablations.done.items() if key not in known]
            yield {
                "model": arguments.model.name,
                "language": ablations.language,
                "variants": ablations.known,
                "runs": runs + others,
            }


def main(words: Sequence[str], others: Sequence[str]) -> int:
    """Measure and write down.

    Args:
        words: of the command line.
        others: the benchmarks whose sections RESULTS.md has before.
    """
    arguments = command_line(words)
    return write_down(
        "ablations",
        PREFIX,
        arguments,
        words,
        others,
        lambda path: measure(
            arguments, read_json(path)["runs"] if path.exists() else []
        ),
    )
