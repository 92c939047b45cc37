"""Print what is known of the pairs before anything is trained on them."""

from __future__ import annotations

import sys
import textwrap

from arkiv.base.cli import parser, run
from arkiv.base.errors import expecting
from arkiv.base.files import read_object
from arkiv.base.terminal import tell
from arkiv.pairs.judged import lines_of, warnings

WIDTH = 80


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__, audit="JSON numbers of plot_negatives.py")
    arguments = arguments.parse_args(argv)
    audit = read_object(arguments.audit, "numbers of plot_negatives.py")
    lines: list[str] = []
    with expecting("plot_negatives.py", arguments.audit):
        figures = {name: of["judged"] for name, of in audit.items()}
        for name, of in figures.items():
            lines.append(f"{name}")
            lines += [f"  {title}: {value}" for title, value in lines_of(of)]
        for said in warnings(figures):
            lines += ["", *textwrap.wrap(said, WIDTH)]
    tell(lines)


if __name__ == "__main__":
    sys.exit(run(main))
