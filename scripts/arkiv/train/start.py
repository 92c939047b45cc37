"""Runs a module among ours as a program, from wherever the project lies.

    python start.py MODULE ARGUMENT...

As `python -m`, but for the search path, which is told by where this file lies: in
PYTHONPATH a directory with a colon in its name cannot stand.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    # In place of this file's own directory, whose modules have names of libraries.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
