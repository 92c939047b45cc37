"""What a part of `python -m benchmarks gpu` is given, and how it says what it found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

SHARED = "shared"


@dataclass(frozen=True)
class Given:
    """What a part has to work with.

    Attributes:
        device: "cuda" or "cpu".
        small: sizes for a CPU, that take seconds.
        folder: of this part alone, empty.
    """

    device: str
    small: bool
    folder: Path

    @property
    def shared(self) -> Path:
        """The folder beside, of what parts have in common (benchmarks.gpu.models)."""
        return self.folder.parent / SHARED


@dataclass(frozen=True)
class Check:
    """A number that has to lie within limits, or something is wrong.

    Attributes:
        what: in words.
        found: the number.
        at_least, at_most: what it may be; None: no limit on that side.
    """

    what: str
    found: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the number lies within; NaN never does."""
        return within(self.found, self.at_least, self.at_most)


@dataclass(frozen=True)
class Measure:
    """A number that says how fast or how large, with a goal or without.

    Attributes:
        what: in words.
        value: the number.
        unit: of the number; "" of a share or a ratio.
        goal: such as "at least 0.5", or None.
        reached: whether the goal is; None without one.
    """

    what: str
    value: float
    unit: str
    goal: str | None = None
    reached: bool | None = None


@dataclass
class Found:
    """What a part found, kept as it comes.

    Attributes:
        file: JSON Lines that each finding is added to at once, so that it outlives
            the part's process; None: it stays in memory.
        checks, measures: in the order in which they came.
    """

    file: Path | None = None
    checks: list[Check] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)

    def check(
        self,
        what: str,
        found: float,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Add a number and what it may be; a truth is 1 or 0, with at_least=1."""
        self.checks.append(Check(what, float(found), at_least, at_most))
        self._keep("check", self.checks[-1])

    def measure(
        self,
        what: str,
        value: float,
        unit: str,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Add a measured number; its goal, if it has one, is not one of correctness."""
        value, goal, reached = float(value), limits(at_least, at_most), None
        if goal:
            reached = within(value, at_least, at_most)
        self.measures.append(Measure(what, value, unit, goal, reached))
        self._keep("measure", self.measures[-1])

    def _keep(self, kind: str, finding: Check | Measure) -> None:
        if self.file is not None:
            with open(self.file, "a", encoding="utf-8") as out:
                json.dump({"kind": kind, **asdict(finding)}, out, ensure_ascii=False)
                out.write("\n")

    @classmethod
    def kept(cls, file: Path) -> Found:
        """What was kept in a file; a line cut short by a kill is left out."""
        found = cls()
        if not file.exists():
            return found
        for line in file.read_text(encoding="utf-8").split("\n")[:-1]:
            finding = json.loads(line)
            if finding.pop("kind") == "check":
                found.checks.append(Check(**finding))
            else:
                found.measures.append(Measure(**finding))
        return found


Part = Callable[[Given, Found], None]


def within(value: float, at_least: float | None, at_most: float | None) -> bool:
    """Whether a number lies within limits, either of which may be None."""
    return (
        value == value
        and (at_least is None or value >= at_least)
        and (at_most is None or value <= at_most)
    )


def limits(at_least: float | None, at_most: float | None) -> str | None:
    """Limits in words; None if there are none."""
    words = [
        f"{name} {limit:.8g}"
        for name, limit in (("at least", at_least), ("at most", at_most))
        if limit is not None
    ]
    return " and ".join(words) or None
