"""Print what was found in archives and what documents it made, in 80 columns."""

from __future__ import annotations

import sys

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError, expecting
from arkiv.base.files import read_object
from arkiv.base.markdown import counted
from arkiv.base.named import named
from arkiv.base.terminal import tell
from arkiv.volumes.overview import told


def lines_of(name: str, found: dict, stats: dict) -> list[str]:
    """What is said of a dataset."""
    aside = stats["words_set_aside"] + stats["words_in_lines_set_aside"]
    lines = [
        f"{name}",
        *told(found),
        f"{counted(stats['pages'], 'page')} with {counted(stats['words'], 'word')}, "
        f"{counted(stats['documents'], 'document')}; "
        f"{counted(aside, 'word')} set aside",
    ]
    if refused := stats["not_pages"] + stats["volumes_not_read"]:
        lines.append(
            f"{refused:,} files or volumes could not be read: see the rejected ones"
        )
    return lines


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        found="[NAME=JSON...] of find_volumes.py",
        documents="[NAME=JSON...] of merge_documents.py",
    ).parse_args(argv)
    stats = named(arguments.documents, "documents")
    lines: list[str] = []
    for name, path in named(arguments.found, "found").items():
        if name not in stats:
            raise InputError(f"lacks {name}, which --found has", key="documents")
        found = read_object(path, "what find_volumes.py found")
        made = read_object(stats[name], "statistics of merge_documents.py")
        with expecting("find_volumes.py and merge_documents.py", path):
            lines += lines_of(name, found, made)
    tell(lines or ["No dataset starts from pages."])


if __name__ == "__main__":
    sys.exit(run(main))
