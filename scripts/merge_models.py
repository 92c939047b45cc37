"""Average a tuned model with another: the one that it was tuned from, or another run's.

Each weight of the encoder and of the heads becomes so much of the tuned model's and the
rest of the other's. How much is given (--merge-weights 0.6) or, with auto, chosen: the
best on dev queries of what loses next to nothing on the general set. The report has
what every weight reached. The model directory appears when all is done.
"""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import asdict
from typing import Any

from arkiv.base.cli import parser, run
from arkiv.base.declared import Seeded
from arkiv.base.errors import InputError
from arkiv.base.files import write_json, written_whole
from arkiv.base.hashing import digest_of_files
from arkiv.base.setting_flags import add_settings, settings_from
from arkiv.encode.description import Description
from arkiv.encode.flags import add_weights, run_options
from arkiv.encode.models import check_model
from arkiv.encode.settings import AUTO, Batch, Lengths, Running
from arkiv.train.dev import watched
from arkiv.train.settings import FORGOTTEN, Merge, Train

log = logging.getLogger("merge_models")


def command_line(argv: list[str] | None) -> argparse.Namespace:
    """What is asked for on the command line."""
    arguments = parser(
        __doc__,
        model="DIR of train_model.py",
        other="DIR of the other model",
        name="NAME what the other model is called in the report",
        dev="[JSONL...] pairs with ids that choose the weight",
        corpus="[JSONL...] all passages of the --dev files",
        output="DIR",
        report="JSON the weight, and what others reached",
    )
    arguments.add_argument(
        "--base",
        action="store_true",
        help="the other is what training began with: if it has no heads, those that "
        "training made for it stand for them",
    )
    add_settings(arguments, Merge, "weights", prefix="merge_")
    add_settings(arguments, Train, "evaluation")
    add_weights(arguments)
    add_settings(arguments, Lengths)
    add_settings(arguments, Batch)
    add_settings(arguments, Running)
    add_settings(arguments, Seeded)
    return arguments.parse_args(argv)


def chosen(given: argparse.Namespace, ends: Any) -> dict[str, Any]:
    """The weight that is the best, by which queries, and what others reached.

    Raises:
        InputError: there is nothing to choose by, or what there is will not do.
    """
    if not given.dev or not given.corpus:
        reason = "is missing: dev queries and their passages choose the weight"
        raise InputError(reason, key="--corpus" if given.dev else "--dev")
    from arkiv.train.evaluation import Settings
    from arkiv.train.merge_weight import Between, best, curve_of

    how = settings_from(given, Train, "evaluation").evaluation
    collections = watched(given.dev, given.corpus, how, given.seed)
    if "general" not in collections:
        log.warning("no general set: what is forgotten is not measured")
    lengths = settings_from(given, Lengths)
    settings = Settings(
        collections,
        how.steps,
        how.mode,
        how.measure,
        given.weights,
        batch_tokens=given.batch_tokens,
        **asdict(lengths),
    )
    description = Description.of(given.model)
    between = Between(ends, description, settings, run_options(given))
    curve = curve_of(between.measured, how.mode, how.measure)
    found = best(curve, how.mode, how.measure)
    log.info("%.1f of the tuned model is the best", found["weight"])
    return {
        "weight": found["weight"],
        "collections": {
            name: {"queries": len(one.queries), "passages": len(one.passages)}
            for name, one in collections.items()
        },
        "mode": how.mode,
        "measure": how.measure,
        "tolerance": FORGOTTEN,
        "curve": curve,
    }


def main(argv: list[str] | None = None) -> None:
    arguments = command_line(argv)
    tuned = check_model(arguments.model, "m3")
    other = check_model(arguments.other, "m3")
    weight = settings_from(arguments, Merge, "weights", prefix="merge_").weights
    from arkiv.train.merging import Ends

    seed = arguments.seed if arguments.base else None
    ends = Ends(tuned, other, seed, run_options(arguments))
    about = chosen(arguments, ends) if weight == AUTO else {"weight": weight}
    if about["weight"] == 0:
        log.warning("nothing of the tuned model is in it: it is the other one")
    with written_whole(arguments.output) as beside:
        ends.write(beside, about["weight"])
        check_model(beside, "m3")
        write_json(
            arguments.report,
            {
                "with": arguments.name,
                "chosen": weight == AUTO,
                **about,
                "inputs": {
                    "tuned": digest_of_files(tuned),
                    "other": digest_of_files(other),
                },
            },
        )
    log.info("the merged model stands in %s", arguments.output)


if __name__ == "__main__":
    sys.exit(run(main))
