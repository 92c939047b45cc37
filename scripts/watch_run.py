"""Show how far a run is that was started elsewhere: on a cluster, another terminal.

Reads the journal and the logs of the run's directory, wherever its jobs run; on a
terminal again and again until the run ends, otherwise once.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from pathlib import Path

from arkiv.base.cli import parser, run
from arkiv.base.terminal import tell
from arkiv.settings.command_line import add_given, given_by
from arkiv.settings.layout import run_folder
from arkiv.watch.journal import NAME, events
from arkiv.watch.lines import overview
from arkiv.watch.state import State

# Moves the cursor to the top of the screen and clears what is below.
CLEAR = "\x1b[H\x1b[J"


def shown(journal: Path, width: int) -> tuple[list[str], bool]:
    """The lines to show now, and whether there is more to come."""
    state = State.of(events(journal))
    heard = journal.stat().st_mtime if journal.exists() else None
    lines = list(overview(state, time.time(), heard, width))
    return lines, state.how is None


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    add_given(arguments)
    arguments.add_argument(
        "--seconds", type=float, default=2.0, help="between two looks, on a terminal"
    )
    arguments = arguments.parse_args(argv)
    folder = run_folder(given_by(arguments).read())
    journal = Path(folder, NAME)
    live = sys.stdout.isatty()
    # Ctrl-C ends the looking, not the run.
    with contextlib.suppress(KeyboardInterrupt):
        watch(folder, journal, live, arguments.seconds)


def watch(folder: str, journal: Path, live: bool, seconds: float) -> None:
    """Show how far a run is: on a terminal until it has ended, else once."""
    while True:
        size = shutil.get_terminal_size((80, 24))
        lines, goes_on = shown(journal, size.columns - 1)
        head = [f"{folder}, {time.strftime('%H:%M:%S')}"]
        if live:
            sys.stdout.write(CLEAR)
            lines = lines[: max(1, size.lines - 2)]
        tell([*head, *lines])
        if not live or not goes_on:
            return
        time.sleep(max(0.1, seconds))


if __name__ == "__main__":
    sys.exit(run(main))
