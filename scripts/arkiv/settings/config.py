"""The configuration: merged, checked against its schema, explained in one sentence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.files import read_yaml
from arkiv.evaluate.required import check_requirement
from arkiv.retrieve.systems import check_systems
from arkiv.settings.gold import check_gold
from arkiv.settings.image_links import ImageLinks

DIRECTORY = Path(__file__).parents[3] / "config"

# Maps in which `key: null` takes an entry of the defaults away.
REMOVABLE = (("datasets",), ("evaluate", "systems"), ("evaluate", "compare"))

# Sources whose negatives are mined here.
MINED_KINDS = {"example", "pages", "pairs"}

# Keys that were renamed or removed, and what stands in their place; a test keeps them
# out of the schema.
REPLACED: dict[str, str] = {
    f"{section}.batch_size": f"{section}.batch_tokens"
    for section in ("mining", "teacher", "evaluate")
}


def read_config(overlays: Sequence[str | Path]) -> dict[str, Any]:
    """The defaults with files laid over them as Snakemake's `--configfile` does.

    Raises:
        InputError: a file is missing or not YAML, or the whole is not valid.
    """
    config: dict[str, Any] = {}
    for path in (DIRECTORY / "config.yaml", *overlays):
        config = _laid_over(config, read_layer(path))
    config = without_removed(config)
    check_config(config, read_layer(DIRECTORY / "schema.yaml"))
    return config


def read_layer(path: str | Path) -> dict[str, Any]:
    """A configuration as a file has it: the defaults, or what is laid over them.

    Raises:
        InputError: the file is missing, or no map in YAML.
    """
    value = read_yaml(path)
    if not isinstance(value, dict):
        raise InputError("is not a map of keys, expected a configuration", file=path)
    return value


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _laid_over(merged[key], value) if both else value
    return merged


def without_removed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without the entries that an overlay set to null."""

    def pruned(value: Any, path: tuple[str, ...]) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {
            key: pruned(entry, (*path, key))
            for key, entry in value.items()
            if entry is not None or path not in REMOVABLE
        }

    return pruned(config, ())


def check_config(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check a configuration.

    Raises:
        InputError: one sentence that names the first key at fault, what was expected,
            and a near name for an unknown one.
    """
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(config), key=lambda e: list(map(str, e.path)))
    if errors:
        raise _explained(errors[0])
    _check_together(config)


def _explained(error: Any) -> InputError:
    """One sentence for one finding of jsonschema."""
    path = ".".join(str(key) for key in error.absolute_path)
    value, wanted = error.instance, error.validator_value
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = sorted(set(value) - set(known), key=str)[0]
        key = f"{path}.{unknown}" if path else str(unknown)
        if key in REPLACED:
            return InputError(f"is gone; use `{REPLACED[key]}`", key=key)
        near = difflib.get_close_matches(str(unknown), known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(known)}"
        return InputError(f"is not a configuration key; {hint}", key=key)
    if error.validator == "required":
        missing = next(key for key in wanted if key not in value)
        key = f"{path}.{missing}" if path else missing
        return InputError("is missing from the configuration", key=key)
    if path == "datasets" and error.validator == "minProperties":
        return InputError(
            "is empty; name your data in a file of your own and give it with "
            "--configfile (config/demo.yaml is an example)",
            key=path,
        )
    if error.validator in ("minProperties", "maxProperties") and path.startswith(
        "datasets."
    ):
        return InputError(
            "must name one source: pages, pairs, negatives, scores or example", key=path
        )
    expected = {
        "type": lambda: f"expected {_words(wanted)}",
        "enum": lambda: f"expected one of {', '.join(map(str, wanted))}",
        "anyOf": lambda: "expected auto or a whole number from 1",
        "minimum": lambda: f"expected at least {wanted}",
        "exclusiveMinimum": lambda: f"expected more than {wanted}",
        "maximum": lambda: f"expected at most {wanted}",
        "uniqueItems": lambda: "expected each value once",
        "exclusiveMaximum": lambda: f"expected less than {wanted}",
        "pattern": lambda: f"expected a name of the form {wanted}",
        "minItems": lambda: f"expected at least {wanted} values",
        "maxItems": lambda: f"expected at most {wanted} values",
        "minLength": lambda: "expected a text",
        "maxLength": lambda: f"expected at most {wanted} characters",
        "minProperties": lambda: f"expected at least {wanted} entries",
    }.get(error.validator, lambda: error.message)()
    return InputError(f"is {value!r}, {expected}", key=path)


def _words(types: Any) -> str:
    names = {
        "object": "a map",
        "array": "a list",
        "integer": "a whole number",
        "number": "a number",
        "string": "a text",
        "boolean": "true or false",
        "null": "nothing",
    }
    types = [types] if isinstance(types, str) else types
    return " or ".join(names[name] for name in types)


def _check_together(config: Mapping[str, Any]) -> None:
    """What a schema cannot say: values that must agree with each other."""
    datasets, mining = config["datasets"], config["mining"]
    start, end = mining["window"]
    if start >= end:
        raise InputError(
            f"is {start}-{end}, expected the first rank below the end",
            key="mining.window",
        )
    ways = mining["shortfall"]
    if "fewer" in ways[:-1]:
        raise InputError(
            f"is {', '.join(ways)}, but after `fewer` nothing is tried",
            key="mining.shortfall",
        )
    if "wider" in ways and mining["wider_end"] <= end:
        raise InputError(
            f"is {mining['wider_end']}, expected a rank beyond the end of the window "
            f"({end})",
            key="mining.wider_end",
        )
    for section, key in (
        ("split", "edges"),
        ("evaluate", "length_edges"),
        ("evaluate", "confidence_edges"),
    ):
        edges = config[section][key]
        if edges[0] != 0 or sorted(set(edges)) != edges:
            raise InputError(
                f"is {edges}, expected ascending numbers from 0", key=f"{section}.{key}"
            )
    split = config["split"]
    if not config["train"]["args"].get("same_dataset_within_batch"):
        for section, key, plain in (
            (split, "split.batch_tokens", None),
            (split, "split.positives", "draw"),
            (config["train"], "train.weights", {}),
        ):
            value = section[key.partition(".")[2]]
            if value != plain:
                raise InputError(
                    f"is {value}, which needs `train.args.same_dataset_within_batch`",
                    key=key,
                )
    _check_documents(config["documents"], config["gold"]["duplicate_jaccard"])
    _check_queries(config["queries"])
    args = config["train"]["args"]
    if args.get("train_group_size") == 1 and args.get("knowledge_distillation"):
        raise InputError(
            "is true, but `train.args.train_group_size` is 1: a teacher has nothing to "
            "tell a passage from",
            key="train.args.knowledge_distillation",
        )
    for low, high, _ in config["documents"]["length_shares"]:
        if not 1 <= low <= high or int(low) != low or int(high) != high:
            raise InputError(
                f"has the range {low}-{high}, expected whole numbers of words from 1",
                key="documents.length_shares",
            )
    evaluate = config["evaluate"]
    systems, spelling = evaluate["systems"], evaluate["spelling"]
    named = {
        "evaluate.compare": [
            *evaluate["compare"],
            *(
                base
                for bases in evaluate["compare"].values()
                for base in ([bases] if isinstance(bases, str) else bases)
            ),
        ],
        "evaluate.spelling.systems": spelling["systems"] if spelling["queries"] else [],
        "report.systems": config["report"]["systems"],
    }
    for key, names in named.items():
        for name in names:
            if name not in systems:
                raise InputError(
                    f"names the system {name}, which evaluate.systems lacks", key=key
                )
    for requirement in evaluate["require"]:
        check_requirement(requirement, systems, evaluate["measures"])
    if evaluate["rerank_depth"] > evaluate["depth"]:
        raise InputError(
            f"is {evaluate['rerank_depth']}, expected at most evaluate.depth "
            f"({evaluate['depth']})",
            key="evaluate.rerank_depth",
        )
    rounds = config["rounds"]
    check_systems(evaluate, rounds)
    check_gold(config)
    mined = config["train"]["args"].get("train_group_size") != 1 and any(
        MINED_KINDS & set(one) for one in datasets.values()
    )
    if rounds > 1 and not mined:
        raise InputError(
            f"is {rounds}, but no dataset's negatives are mined here: all rounds would "
            "be alike",
            key="rounds",
        )
    stages = config["train"]["cumulative"]
    if stages and sorted(stages) != sorted(datasets):
        raise InputError(
            f"is {', '.join(stages)}, expected all datasets: {', '.join(datasets)}",
            key="train.cumulative",
        )
    for name in config["train"]["weights"]:
        if name not in datasets:
            raise InputError(f"names {name}, which is no dataset", key="train.weights")
    for name, source in datasets.items():
        for kind, path in source.items():
            if kind != "example" and not Path(path).exists():
                raise InputError(
                    f"names {path}, which does not exist", key=f"datasets.{name}.{kind}"
                )
    ImageLinks(config["serve"]["image_link"])  # raises what is wrong with it
    general = config["train"]["evaluation"]["general"]
    if general is not None and not Path(general).is_file():
        raise InputError(
            f"names {general}, which is no file", key="train.evaluation.general"
        )


def _check_queries(queries: Mapping[str, Any]) -> None:
    """What of `queries` must agree, where a language model is asked."""
    if queries["backend"] == "extractive":
        return
    files = [("prompts", prompt["file"]) for prompt in queries["prompts"]]
    if queries["judge"]["prompt"] is not None:
        files.append(("judge.prompt", queries["judge"]["prompt"]))
    if queries["group"]["share"]:
        files.append(("group.prompt", queries["group"]["prompt"]))
    for key, path in files:
        if not Path(path).is_file():
            raise InputError(f"names {path}, which is no file", key=f"queries.{key}")
    local = queries["local"]["model"]
    if queries["backend"] == "local" and not (local and Path(local).is_dir()):
        raise InputError(
            f"is {local}, expected the directory of a causal model",
            key="queries.local.model",
        )
    if queries["budget"]["money"] is not None and not any(queries["prices"].values()):
        raise InputError(
            "is given, but all prices are 0; set queries.prices",
            key="queries.budget.money",
        )


def _check_documents(documents: Mapping[str, Any], relevant: float | None) -> None:
    """What the ways to cut documents need; and when a window is not another again."""
    method, heading = documents["method"], documents["heading"]
    if heading is not None:
        try:
            re.compile(heading)
        except re.error as error:
            raise InputError(
                f"is {heading!r}, which is no regular expression ({error})",
                key="documents.heading",
            ) from None
    elif method == "headings":
        raise InputError(
            "is null, expected the regular expression of a heading, as the method is "
            "headings",
            key="documents.heading",
        )
    words, overlap = documents["window_words"], documents["window_overlap"]
    if overlap >= words:
        raise InputError(
            f"is {overlap}, expected less than documents.window_words ({words})",
            key="documents.window_overlap",
        )
    shared = overlap / (2 * words - overlap)
    for section, jaccard in (
        ("documents", documents["duplicate_jaccard"]),
        ("gold", relevant),
    ):
        if method == "windows" and jaccard is not None and jaccard <= shared:
            raise InputError(
                f"is {jaccard}, expected more than the {shared:.2f} that a window has "
                "in common with the next",
                key=f"{section}.duplicate_jaccard",
            )
