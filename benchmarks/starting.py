"""What a job costs before its work: seconds of a CPU of starts, each alone.

Of a process and its children, user and system together, the least of several runs:
other work on the machine hardly counts.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Sequence

from benchmarks import ROOT

SCRIPTS = ROOT / "scripts"
MODEL = "from transformers.models.xlm_roberta import modeling_xlm_roberta"
STARTS: dict[str, Sequence[str]] = {
    "Python": ("-c", ""),
    "a program without a model": (str(SCRIPTS / "merge_documents.py"), "--help"),
    "torch": ("-c", "import torch"),
    "torch and a model of transformers": ("-c", f"import torch; {MODEL}"),
    "a dry run of the demo": (
        *("-m", "snakemake", "-n", "--quiet"),
        *("--configfile", "config/demo.yaml", "--config", "run=starting"),
    ),
}


def seconds(words: Sequence[str]) -> float:
    """Of a CPU, that Python takes for these words of its command line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["env", f"PYTHONPATH={SCRIPTS}", sys.executable, *words]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks starting", description=__doc__
    )
    parser.add_argument("--runs", type=int, default=3, help="of each start")
    arguments = parser.parse_args(argv)
    for name, words in STARTS.items():
        least = min(seconds(words) for _ in range(arguments.runs))
        print(f"{least:6.2f} s  {name}", flush=True)
    return 0
