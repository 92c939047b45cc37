"""Check and measure on a GPU what needs one, each part in a process of its own.

After each part gpu.json and GPU.md in the folder of --output are written anew.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import logging
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import HERE, ROOT, machine
from benchmarks.gpu import PARTS
from benchmarks.gpu.alone import findings
from benchmarks.gpu.part import SHARED, Found
from benchmarks.gpu.results import Outcome, write_results
from benchmarks.harness import descendants

log = logging.getLogger("benchmarks")

SECONDS = 480
OUTPUT = HERE / ".cache" / "gpu"
LAST_LINES = 20
SECONDS_TO_END = 5
# Times the limits of parts, at small sizes: a CPU with other work may start slowly.
PATIENCE = 4
# Models are directories; nobody waits for a hub that cannot be reached.
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


def driver() -> str | None:
    """The version of the GPU's driver, as nvidia-smi has it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.split("\n")[0].strip() or None


def described(gpu: str | None, words: Sequence[str], *, small: bool) -> dict:
    """What the results are of."""
    return {
        "command": shlex.join(["python", "-m", "benchmarks", "gpu", *words]),
        "date": datetime.date.today().isoformat(),
        "small": small,
        "gpu": gpu,
        "driver": driver() if gpu else None,
        "python": platform.python_version(),
        "packages": machine.versions(),
    }


def end(process: subprocess.Popen) -> None:
    """End what is left of a part's process and of all that it has started."""
    started = []
    if process.poll() is None:
        started = list(descendants(process.pid))
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_END)
    # Some of its processes may lead groups of their own, others may be orphans.
    for pid in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def last_lines(path: Path) -> str:
    """The last lines that a part said."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return "\n".join(text.rstrip().split("\n")[-LAST_LINES:])


def command_of(name: str, words: Sequence[str], folder: Path) -> list[str]:
    """What runs a part in a process of its own, with flags of benchmarks.gpu.alone."""
    command = [sys.executable, "-m", "benchmarks.gpu.alone", name, *words]
    return [*command, "--folder", str(folder)]


def run_alone(
    name: str, command: Sequence[str], folder: Path, seconds: float
) -> Outcome:
    """Run the command of a part, which may take so many seconds.

    What a kill or fault leaves behind ends with it: its processes and their memory.

    Args:
        name: of the part.
        command: its findings are kept beside `folder`.
        folder: of this part; removed afterwards, findings and log beside it are not.
        seconds: after which the process is ended.
    """
    folder.mkdir(parents=True)
    said = folder.with_suffix(".log")
    began = time.monotonic()
    fault = None
    with open(said, "wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=os.environ | OFFLINE,
            start_new_session=True,
        )
        try:
            if status := process.wait(seconds):
                fault = f"ended with status {status}"
        except subprocess.TimeoutExpired:
            fault = f"ended after {seconds:.0f} s, its limit"
        finally:
            end(process)
    if fault:
        fault = f"{fault}:\n{last_lines(said)}"
    found = Found.kept(findings(folder))
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(name, time.monotonic() - began, found, fault)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks gpu", description=__doc__
    )
    parser.add_argument(
        "--small", action="store_true", help="small sizes, on the CPU where no GPU is"
    )
    parser.add_argument(
        "--part",
        action="append",
        choices=PARTS,
        metavar="NAME",
        help=f"of {', '.join(PARTS)}; may be repeated; else all",
    )
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="DIR")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    began = time.monotonic()
    gpu = machine.gpu()
    if not (gpu or arguments.small):
        print("error: torch sees no GPU; --small runs on the CPU", file=sys.stderr)
        return 1
    words = ["--device", "cuda" if gpu else "cpu"] + ["--small"] * arguments.small
    about = described(gpu, argv, small=arguments.small)
    outcomes: list[Outcome] = []
    work = arguments.output.resolve() / "parts"
    shutil.rmtree(work, ignore_errors=True)
    lines: list[str] = []
    for name in dict.fromkeys(arguments.part or PARTS):
        left = arguments.seconds - (time.monotonic() - began)
        if left > 0:
            patience = PATIENCE if arguments.small else 1
            seconds = min(patience * PARTS[name].seconds, left)
            folder = work / name
            command = command_of(name, words, folder)
            outcome = run_alone(name, command, folder, seconds)
        else:
            outcome = Outcome(name, 0, Found(), "not begun: no time was left")
        outcomes.append(outcome)
        log.info(
            "%s: %.1f s%s", name, outcome.seconds, "" if outcome.holds else ", NOT WELL"
        )
        lines = write_results(arguments.output, about, outcomes)
    shutil.rmtree(work / SHARED, ignore_errors=True)
    print("\n".join(lines))
    return 0 if all(outcome.holds for outcome in outcomes) else 1
