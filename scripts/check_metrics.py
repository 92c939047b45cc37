"""Fail if a measured system does not reach what the configuration requires of it.

Reads what measure_runs.py judged. Where all is met, the requirements with their figures
are written to a file; else the program ends with one sentence and status 1.
"""

from __future__ import annotations

import logging
import sys

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_json
from arkiv.evaluate.required import KEY, sentence

log = logging.getLogger("check_metrics")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__, metrics="JSON", output="JSON")
    arguments = arguments.parse_args(argv)

    metrics = read_json(arguments.metrics)
    if not isinstance(metrics, dict) or not metrics.get("requirements"):
        reason = "has no requirements, expected those of evaluate.require"
        raise InputError(reason, file=arguments.metrics)
    results = metrics["requirements"]
    missed = [sentence(result) for result in results if not result["holds"]]
    if missed:
        reason = f"{'; '.join(missed)} (the run's results are kept)"
        raise InputError(reason, file=arguments.metrics, key=KEY)
    write_json(arguments.output, results)
    for result in results:
        log.info("%s", sentence(result))


if __name__ == "__main__":
    sys.exit(run(main))
