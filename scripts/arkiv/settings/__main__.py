"""Bring config/config.yaml and the table in config/README.md up to the declaration."""

import sys

from arkiv.base.cli import run
from arkiv.settings.written import rewrite


def main(_: object = None) -> None:
    for path in rewrite():
        print(f"{path.parent.name}/{path.name}: brought up to the declaration")


if __name__ == "__main__":
    sys.exit(run(main))
