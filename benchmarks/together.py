"""Run commands at the same time, each with one thread: as Snakemake runs the jobs of
rules of one thread on as many cores. The commands stand between words `---`."""

from __future__ import annotations

import os
import subprocess
import sys


def main(words: list[str]) -> int:
    """The first exit status that is not 0, or 0."""
    commands: list[list[str]] = [[]]
    for word in words:
        if word == "---":
            commands.append([])
        else:
            commands[-1].append(word)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started = [subprocess.Popen(command, env=environment) for command in commands]
    return next(filter(None, [process.wait() for process in started]), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
