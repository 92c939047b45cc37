"""Words divided at the end of a line: which sign divides, and which stays.

`¬` and the soft hyphen never belong to a word: they go, and what they divide is
joined. A hyphen, or the `=` of old hands and prints, may be the word's own. Where it
ends a line and a letter or digit stands before it, the next line decides:

- neither letter nor digit: nothing is joined, the sign stays (`och - ` and `land- (`);
- a digit on either side, or a capital after a small letter: a compound, joined with its
  sign (`1880-|81`, `20-|årig`, `Karl-|Johan`);
- else a divided word, joined without it (`härads-|rätten`, `HÄRADS-|RÄTTEN`).

So `stads- och` divided after its hyphen is joined wrongly: no rule that knows no words
can tell. A file that gives the whole word decides its spelling. A half without the
other stays as it is written, whatever its sign.
"""

from __future__ import annotations

# Never a part of a word that is whole.
CERTAIN = "¬\u00ad"
# Of the others, the hyphen as such (U+2010) and that of blackletter prints (U+2E17).
DEFAULT = f"{CERTAIN}-=\u2010\u2e17"


class Hyphens:
    """The signs that divide words at the end of a line."""

    def __init__(self, signs: str = DEFAULT) -> None:
        """Of the signs, each of which is one character."""
        self._certain = "".join(sign for sign in CERTAIN if sign in signs)
        self._doubtful = "".join(sign for sign in signs if sign not in CERTAIN)
        self._gone = str.maketrans("", "", self._certain)

    def parts(self, text: str) -> tuple[list[str], str | None]:
        """The words of a line, and the sign that divides the last one, if one does.

        A doubtful sign is taken off the last word; a certain one is off all of them.
        """
        text = text.strip()
        # Looking is far quicker than translating, and nearly no line has such a sign.
        if any(sign in text for sign in self._certain):
            words = text.translate(self._gone).split()
        else:
            words = text.split()
        last = text[-1:]
        if last and last in self._certain:
            return words, last
        if last and last in self._doubtful and words[-1][-2:-1].isalnum():
            words[-1] = words[-1][:-1]
            return words, last
        return words, None

    def joined(self, half: str, sign: str | None, rest: str) -> str | None:
        """The whole word, or None if they are two; without a sign it is one."""
        if sign is None or sign not in self._doubtful:
            return half + rest
        before, after = half[-1], rest[0]
        if not after.isalnum():
            return None
        compound = after.isupper() and not before.isupper()
        if compound or before.isdigit() or after.isdigit():
            return half + sign + rest
        return half + rest


def bare(word: str) -> str:
    """A word without what stands around it: quotation marks, commas, a hyphen."""
    first, last = 0, len(word)
    while first < last and not word[first].isalnum():
        first += 1
    while first < last and not word[last - 1].isalnum():
        last -= 1
    return word[first:last]


def spelled(half: str, rest: str, whole: str) -> str:
    """The word that a file gives for two halves, with what stands around these."""
    first, last = bare(half), bare(rest)
    before = half[: half.find(first)]
    after = rest[rest.rfind(last) + len(last) :]
    return (
        ("" if whole.startswith(before) else before)
        + whole
        + ("" if whole.endswith(after) else after)
    )
