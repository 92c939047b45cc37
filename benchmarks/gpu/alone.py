"""One part in this process: python -m benchmarks.gpu.alone NAME …, as the runner does.

Findings go to FOLDER/found.jsonl as they come; the part has FOLDER/work for itself.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from pathlib import Path

from benchmarks.gpu import PARTS
from benchmarks.gpu.part import Found, Given

FOUND, WORK = "found.jsonl", "work"


def run_part(name: str, given: Given, found: Found) -> None:
    """Import the part of that name and have it done."""
    part = PARTS[name]
    module = importlib.import_module(f"benchmarks.gpu.{part.module}")
    getattr(module, part.function)(given, found)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.alone")
    parser.add_argument("name", choices=PARTS)
    parser.add_argument("--device", choices=("cuda", "cpu"), required=True)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--folder", type=Path, required=True, metavar="FOLDER")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    work = arguments.folder / WORK
    work.mkdir(parents=True)
    given = Given(arguments.device, arguments.small, work)
    run_part(arguments.name, given, Found(arguments.folder / FOUND))
    return 0


if __name__ == "__main__":
    sys.exit(main())
