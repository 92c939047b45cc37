"""The one exception that means "the input is at fault"; what the system refuses."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from arkiv.base.terminal import visible

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# What to do about what the system refuses, by its number. Anything else is a fault of
# ours.
CURES = {
    **dict.fromkeys(NO_SPACE, "make room"),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS),
        "have it opened to you, or run where you may write",
    ),
    **dict.fromkeys((errno.ENOTDIR, errno.EISDIR), "see what lies there"),
    **dict.fromkeys((errno.ELOOP, errno.ENAMETOOLONG), "name it otherwise"),
    **dict.fromkeys((errno.EIO, errno.ESTALE), "see to its disk or server, then go on"),
}


def refused(error: OSError) -> str | None:
    """What the system refused and what to do, in a sentence; None: a fault of ours."""
    if (cure := CURES.get(error.errno)) is None:
        return None
    return visible(
        f"{error.filename or 'writing the output'}: {error.strerror}; {cure}"
    )


class InputError(Exception):
    """A fault in what the user gave us: a file, a line, a key, a model directory.

    Programs print it as one sentence and exit with status 1 (see `arkiv.base.cli.run`);
    a traceback is kept for faults of our own.

    Args:
        reason: what is wrong and what was expected, without a final full stop.
        file: the file or directory at fault.
        line: its line, counted from 1.
        key: the field or option at fault.
    """

    def __init__(
        self,
        reason: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        key: str | None = None,
    ) -> None:
        self.reason = reason
        self.file = None if file is None else str(file)
        self.line = line
        self.key = key
        super().__init__(str(self))

    def at(self, file: str | Path, line: int | None = None) -> InputError:
        """The same fault, in this file and line."""
        return InputError(self.reason, file=file, line=line, key=self.key)

    def __str__(self) -> str:
        where = [] if self.file is None else [self.file]
        if self.line is not None:
            where.append(f"line {self.line}")
        if self.key is not None:
            where.append(f"`{self.key}`")
        said = f"{', '.join(where)}: {self.reason}" if where else self.reason
        return visible(said)


@contextlib.contextmanager
def expecting(what: str, path: str | Path) -> Iterator[None]:
    """Say of what a file lacks that something else was expected.

    Raises:
        InputError: instead of the error of a lookup.
    """
    try:
        yield
    except KeyError as error:
        raise InputError(
            f"is not there, expected what {what} writes", file=path, key=error.args[0]
        ) from None
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"has a value of another kind ({error}), expected what {what} writes",
            file=path,
        ) from None
