"""Make a table of what letters are misread for, of what was counted in archives.

What was met less than three times is left out, and the table is refused where too
little is left: a handful of pages makes none.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import read_object, write_json
from arkiv.text.confusions import Confusions

log = logging.getLogger("learn_confusions")


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__, counts="JSON... of count_confusions.py", output="JSON the table"
    )
    arguments = arguments.parse_args(argv)

    counts = [read_object(path, "counts of letters") for path in arguments.counts]
    pages: Counter[str] = Counter()
    for one in counts:
        pages.update(one["pages"])
    try:
        table = Confusions.of(counts).table()
    except InputError as error:
        raise InputError(
            f"is archive, but of {pages['transcribed_twice']} pages in two "
            f"transcriptions and {pages['alternatives']} readings given beside others "
            f"there is too little to learn from: it {error.reason}; give a share of "
            "characters, such as 0.1, to have them misread by the table of "
            "`evaluate.spelling.rules`",
            key="train.augment.noise",
        ) from None
    write_json(arguments.output, {"pages": dict(pages)} | table)
    log.info(
        "%d confusions of %d letters, %d left out as rare; %.1f %% of characters %s",
        sum(map(len, table["confusions"].values())),
        len(table["confusions"]),
        table["left_out"],
        100 * table["rate"],
        "differ" if table["measured_rate"] else "are misread, which no page says",
    )


if __name__ == "__main__":
    sys.exit(run(main))
