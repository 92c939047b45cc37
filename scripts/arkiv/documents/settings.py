"""The settings of documents, and which of their values agree.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arkiv.base.declared import setting
from arkiv.base.errors import InputError
from arkiv.text.hyphens import DEFAULT


@dataclass(frozen=True)
class Documents:
    """From the lines of pages to documents."""

    method: str = setting(
        "sampled",
        "how text is cut: at drawn lengths, one document a page, in windows or at "
        "headings",
        choices=("sampled", "page", "windows", "headings"),
    )
    length_shares: tuple[tuple[float, float, float], ...] = setting(
        (
            (10, 499, 85.85),
            (500, 999, 8.872),
            (1000, 1999, 2.053),
            (2000, 2999, 0.323),
            (3000, 3999, 0.107),
            (4000, 4999, 0.033),
            (5000, 5999, 0.040),
            (6000, 6999, 0.152),
            (7000, 8192, 2.568),
        ),
        "of `sampled`: from, to and share of such documents, in words and per cent",
        at_least=0,
        fewest=1,
        shown="the method's nine",
    )
    window_words: int = setting(300, "words of a window", at_least=1)
    window_overlap: int = setting(
        50, "words that a window has in common with the one before", at_least=0
    )
    heading: str | None = setting(
        None, "regular expression: a document begins at each line in which it is found"
    )
    hyphens: tuple[str, ...] = setting(
        tuple(DEFAULT),
        "signs that divide a word at the end of a line",
        unique=True,
        longest=1,
        shown="`¬`, soft hyphen, `-`, `=`, `‐`, `⸗`",
    )
    min_confidence: float | None = setting(
        None,
        "lines read with less confidence are set aside; null: none",
        at_least=0,
        at_most=1,
    )
    skip_regions: tuple[str, ...] = setting(
        (),
        "classes of regions whose lines are set aside: `marginalia`, `header`, "
        "`page-number` …",
        unique=True,
    )
    encoding: str | None = setting(
        None,
        "the encoding of plain text and tables that are not UTF-8, such as "
        "`windows-1252`; null: there are none",
    )
    max_tokens: int = setting(8192, "longer documents are set aside", at_least=1)
    duplicate_jaccard: float | None = setting(
        None,
        "set aside documents that share this much of their word triples with an "
        "earlier one; null: only those of equal text",
        more_than=0,
        at_most=1,
    )
    on_bad_input: str = setting(
        "skip",
        "a file that is not a page, a volume that cannot be read: set it aside and "
        "count it, or stop",
        choices=("stop", "skip"),
    )


def shares_in_words(length_shares: Iterable[Sequence[float]]) -> str:
    """The shares of lengths as build_documents.py takes them: `10-499:85.85,…`."""
    return ",".join(f"{low}-{high}:{share}" for low, high, share in length_shares)


def known_encoding(name: str) -> str:
    """The name of an encoding, or a ValueError, which argparse reports."""
    try:
        # Unlike codecs.lookup, refuses what is no encoding of texts; of no bytes the
        # name is not even looked at.
        b"\xe5 ".decode(name)
    except UnicodeDecodeError:
        return name
    except (LookupError, ValueError):
        raise ValueError(
            f"{name!r}, which is no encoding that Python knows, such as windows-1252"
        ) from None
    return name


def check_documents(documents: Mapping[str, Any], relevant: float | None) -> None:
    """Refuse, by an InputError with the key, what the ways to cut documents lack.

    Likewise a window that would count as another again: a duplicate, or, from the
    overlap `relevant` on, as relevant.
    """
    method, heading = documents["method"], documents["heading"]
    if heading is not None:
        try:
            re.compile(heading)
        except re.error as error:
            raise InputError(
                f"is {heading!r}, which is no regular expression ({error})",
                key="documents.heading",
            ) from None
    elif method == "headings":
        raise InputError(
            "is null, expected the regular expression of a heading, as the method is "
            "headings",
            key="documents.heading",
        )
    if documents["encoding"] is not None:
        try:
            known_encoding(documents["encoding"])
        except ValueError as error:
            raise InputError(f"is {error}", key="documents.encoding") from None
    words, overlap = documents["window_words"], documents["window_overlap"]
    if overlap >= words:
        raise InputError(
            f"is {overlap}, expected less than documents.window_words ({words})",
            key="documents.window_overlap",
        )
    shared = overlap / (2 * words - overlap)
    for section, jaccard in (
        ("documents", documents["duplicate_jaccard"]),
        ("gold", relevant),
    ):
        if method == "windows" and jaccard is not None and jaccard <= shared:
            raise InputError(
                f"is {jaccard}, expected more than the {shared:.2f} that a window has "
                "in common with the next",
                key=f"{section}.duplicate_jaccard",
            )
    for low, high, _ in documents["length_shares"]:
        if not 1 <= low <= high or int(low) != low or int(high) != high:
            raise InputError(
                f"has the range {low}-{high}, expected whole numbers of words from 1",
                key="documents.length_shares",
            )
