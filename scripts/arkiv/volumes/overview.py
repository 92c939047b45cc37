"""What was found in an archive, as a file has it and as a person reads it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from arkiv.base.files import Record
from arkiv.base.markdown import counted
from arkiv.volumes.finding import Found

# Of a terminal.
WIDTH = 79
# Of a list as much is shown.
SHOWN = 10


def summary(found: Found) -> Record:
    """What was found, the volumes themselves apart."""
    return {
        "volumes": sum(not volume.fault for volume in found.volumes),
        "volumes_not_read": sum(bool(volume.fault) for volume in found.volumes),
        "page_files": sum(len(volume.pages) for volume in found.volumes),
        "files_of": {volume.name: len(volume.pages) for volume in found.volumes},
        "words_about": found.words,
        "formats": dict(found.formats.most_common()),
        "years": _years(found),
        "read": [
            {"folder": folder, "instead_of": others} for folder, others in found.chosen
        ],
        "same_page": [{"file": file, "as": twin} for file, twin in found.twice],
        "missing": found.missing,
        "manuscripts": found.manuscripts,
        "beside_pages": dict(found.aside.most_common()),
        "not_read": {
            what: {"files": count, "first": first, "advice": advice}
            for what, (count, first, advice) in found.unread.items()
        },
    }


def _years(found: Found) -> Record | None:
    """The first and last year of the volumes, and how many have none; None if all."""
    known = [each.about.get("year") for each in found.volumes]
    ends = [each.about.get("year_to") for each in found.volumes]
    dated = [year for year in known if year is not None]
    if not dated:
        return None
    return {
        "first": min(dated),
        "last": max(year for year in ends if year is not None),
        "undated": len(known) - len(dated),
    }


def told(summary: Record) -> Iterator[str]:
    """The lines that tell a person what was found."""
    yield from _wrapped(
        f"{counted(summary['volumes'], 'volume')}, "
        f"{counted(summary['page_files'], 'page file')}, about "
        f"{counted(summary['words_about'], 'word')}: {_counted(summary['formats'])}"
    )
    yield from _listed(
        [f"{name}: {count:,}" for name, count in summary["files_of"].items()]
    )
    if years := summary["years"]:
        undated = years["undated"]
        yield from _wrapped(
            f"Their years: {years['first']} to {years['last']}"
            + (f"; none of {counted(undated, 'volume')}" if undated else "")
        )
    for title, lines in (
        (
            "Several folders hold the same pages:",
            [
                f"{each['folder']} is read, {', '.join(each['instead_of'])} not"
                for each in summary["read"]
            ],
        ),
        (
            "Several files hold the same page:",
            [
                f"{each['file']} is not read, but {each['as']}"
                for each in summary["same_page"]
            ],
        ),
        (
            "Names tell of several manuscripts (`volumes_by: prefix` parts them):",
            [f"{name}: {count}" for name, count in summary["manuscripts"].items()],
        ),
        ("METS lists files that are not there:", summary["missing"]),
    ):
        if lines:
            yield title
            yield from _listed(lines)
    if beside := summary["beside_pages"]:
        yield from _wrapped("Beside the pages: " + _counted(beside))
    if unread := summary["not_read"]:
        yield "Not read, though there may be text in them:"
        yield from _listed(
            [
                f"{each['files']:,} × {what}: {each['first']}"
                + (f" ({each['advice']})" if each["advice"] else "")
                for what, each in unread.items()
            ]
        )
    if warning := too_little(summary):
        yield from _wrapped(f"WARNING: {warning}")


def too_little(summary: Record) -> str | None:
    """A sentence where less than half of the files that may hold text is read."""
    unread = sum(each["files"] for each in summary["not_read"].values())
    read = summary["page_files"]
    if unread <= read:
        return None
    return (
        f"only {read:,} of {read + unread:,} files that may hold text are read as pages"
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} × {what}" for what, count in counts.items()) or "none"


def _listed(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:SHOWN]:
        yield from _wrapped(line, "  ")
    if len(lines) > SHOWN:
        yield f"  … and {len(lines) - SHOWN:,} more"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
