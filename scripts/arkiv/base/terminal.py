"""Texts of others on a terminal or in a log.

A file's name may hold a line break, by which it would forge a line of ours, or codes
that colour a terminal, move about in it or turn its text round.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable

# Control characters, ends of lines of Unicode's own, what turns the direction of text,
# and bytes of a file's name that are no text.
CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def visible(text: str) -> str:
    r"""A text on one line, its control characters as escapes: `\n`, `\x1b`."""
    return CONTROLS.sub(
        lambda found: found[0].encode("unicode_escape").decode("ascii"), text
    )


def tell(lines: Iterable[str]) -> None:
    """Print lines for a person to read, each as one."""
    print("\n".join(map(visible, lines)), flush=True)


class _Visible(logging.Formatter):
    """Each message on one line; a traceback has its own below."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = visible(record.message)
        return super().formatMessage(record)

    def formatException(self, ei) -> str:
        return "\n".join(map(visible, super().formatException(ei).split("\n")))


def log_to_stderr(level: int) -> None:
    """Send what is logged from a level on to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Visible(LOG_FORMAT))
    logging.basicConfig(level=level, handlers=[handler])
