"""One part in this process: python -m benchmarks.gpu.alone NAME …, as the runner does.

Findings go to FOLDER.jsonl as they come; FOLDER is the part's own.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from pathlib import Path

from benchmarks.gpu import PARTS
from benchmarks.gpu.part import Found, Given


def findings(folder: Path) -> Path:
    """Where the findings are kept of a part with that folder."""
    return folder.with_suffix(".jsonl")


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
    given = Given(arguments.device, arguments.small, arguments.folder)
    run_part(arguments.name, given, Found(findings(arguments.folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
