"""Export the tuned model: a directory to load or to publish, with a model card.

Loads in FlagEmbedding's BGEM3FlagModel, if it has heads, and for its dense vectors in
sentence-transformers; a directory within it, in the MultiVectorEncoder of the latter.
The card is made from the files of the run; it names no path of this machine.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arkiv.base.cli import add_words, json_object, parser, run
from arkiv.base.declared import settings_of
from arkiv.base.errors import InputError, expecting
from arkiv.base.files import read_object, written_whole
from arkiv.base.markdown import blocks
from arkiv.base.named import named
from arkiv.base.setting_flags import add_settings
from arkiv.encode.body import DIMENSIONS
from arkiv.encode.description import Description
from arkiv.encode.flags import add_weights
from arkiv.encode.limits import length_of
from arkiv.encode.models import check_model, has_heads
from arkiv.encode.settings import Lengths, Weights
from arkiv.export import multi_vector
from arkiv.export.about import (
    About,
    Origin,
    front_matter,
    opening,
    size_of,
    sizes,
)
from arkiv.export.directory import README, copy_model, weights_of
from arkiv.export.evidence import configuration, data, retrieval, words
from arkiv.export.forgetting import forgotten
from arkiv.export.training import provenance, training
from arkiv.export.usage import usage
from arkiv.report.funnel import add_stages, read_stages
from arkiv.retrieve.weights import read_weights
from arkiv.settings.configuration import Export

log = logging.getLogger("export_model")


def parameters(model: Path) -> dict[str, int]:
    """Parameters of an encoder by their type, such as `F32`.

    Raises:
        InputError: its weights are not in safetensors, or damaged.
    """
    from huggingface_hub import errors, get_local_safetensors_metadata

    try:
        return get_local_safetensors_metadata(model).parameter_count
    except errors.NotASafetensorsRepoError:
        raise InputError("has no weights in safetensors", file=model) from None
    except (errors.SafetensorsParsingError, OSError):
        raise InputError("has weights that cannot be read", file=model) from None


def with_lengths(
    settings: Mapping[str, Any], lengths: Mapping[str, int]
) -> dict[str, Any]:
    """The settings to be shown, those of mining with lengths in numbers."""
    mining = settings.get("mining")
    return {**settings, **({"mining": {**mining, **lengths}} if mining else {})}


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        model="DIR of train_model.py",
        history="JSON of train_model.py",
        began="[JSON] likewise of the first training, if several made the model",
        metrics="JSON of measure_runs.py",
        general="[JSON] likewise of the general set",
        merge="[JSON] of merge_models.py, if the model is an average",
        kinds="DATASET=KIND... what each dataset starts from",
        name="NAME title of the card",
        base="NAME the model that was tuned",
        base_revision="[COMMIT]",
        teacher="[NAME] the reranker whose scores were learnt",
        teacher_revision="[COMMIT]",
        extractive="[DATASET...] whose queries were made from their passages' words",
        output="DIR",
    )
    add_stages(arguments)
    add_settings(arguments, Export, "language", "license")
    arguments.add_argument(
        "--settings",
        type=json_object,
        required=True,
        metavar="JSON",
        help="how the stages before training were set, to be shown",
    )
    arguments.add_argument(
        "--reordering",
        type=json_object,
        default={},
        metavar="JSON",
        help="of systems that re-rank what they do: {SYSTEM: [WHAT, PASSAGES]}",
    )
    arguments.add_argument(
        "--trainings",
        type=int,
        default=1,
        metavar="N",
        help="how many made the model, in rounds or stages; the history is the last's",
    )
    add_settings(arguments, Lengths)
    add_words(arguments, weights_of="[JSON] of fit_weights.py")
    add_weights(arguments)
    return arguments.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    model = check_model(arguments.model, "m3")
    description = Description.of(model)
    lengths = {
        key: length_of(getattr(arguments, key), description.longest)
        for key in settings_of(Lengths)
    }
    history, began = (
        read_object(path, "history of train_model.py")
        for path in (arguments.history, arguments.began or arguments.history)
    )
    metrics = read_object(arguments.metrics, "metrics of measure_runs.py")
    general, merge = (
        path and read_object(path, what)
        for path, what in (
            (arguments.general, "metrics of measure_runs.py"),
            (arguments.merge, "report of merge_models.py"),
        )
    )
    datasets = read_stages(arguments)
    teacher = arguments.teacher
    config = read_object(model / "config.json", "configuration of a model")
    first = multi_vector.first_token(model)
    about = About(
        name=arguments.name,
        base=Origin.of(arguments.base, arguments.base_revision),
        teacher=teacher and Origin.of(teacher, arguments.teacher_revision),
        kinds=named(arguments.kinds, "--kinds"),
        trainings=arguments.trainings,
        **lengths,
        weights=tuple(
            read_weights(arguments.weights_of, len(Weights.weights))
            if arguments.weights_of
            else arguments.weights
        ),
        description=description,
        heads=began.get("heads", "own") if has_heads(model) else "none",
        body=str(config.get("model_type")),
        multi_vector=first is not None,
        language=tuple(arguments.language),
        license=arguments.license,
    )
    weights = weights_of(model)
    with expecting("transformers", model / "config.json"):
        size = sizes(about, config, parameters(model))
        dimensions = size_of(config, DIMENSIONS)
    with expecting("measure_runs.py", arguments.metrics):
        measured = retrieval(metrics, arguments.reordering, arguments.extractive)
    with expecting("measure_runs.py", arguments.general or arguments.metrics):
        left = forgotten(general, metrics)
    with expecting("train_model.py", arguments.history):
        sections = [
            front_matter(about),
            opening(about, history),
            usage(about),
            size,
            measured,
            left,
            data(about, datasets, history["rows_left_out"]),
            configuration(with_lengths(arguments.settings, lengths)),
            training(about, history, merge),
            provenance(history, weights, merge),
            words(f"{measured} {left}"),
        ]

    with written_whole(arguments.output) as beside:
        copy_model(model, beside)
        description.write(beside, dimensions, lengths["passage_max_length"])
        if first is not None:
            multi_vector.write(beside, description, first, **lengths)
        (beside / README).write_text(blocks(*sections) + "\n", encoding="utf-8")
    log.info("the model is ready in %s", arguments.output)


if __name__ == "__main__":
    sys.exit(run(main))
