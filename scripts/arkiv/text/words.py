"""Words or runs of characters of texts as numbers, for a lexical search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

import numpy as np

from arkiv.base.errors import InputError
from arkiv.text.word import WORD


class Numbers:
    """Numbers the terms of texts in the order of their first coming."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers: dict[str, int] = {}

    def terms(self, text: str) -> Sequence[str]:
        """The terms of a text, in their order; by one thread at a time."""
        raise NotImplementedError

    def ids(self, texts: Iterable[str]) -> list[np.ndarray]:
        """The numbers of each text's terms, (n_terms,) int32; for several threads."""
        numbers = self._numbers
        found = []
        for text in texts:
            # Numbers keep what they have met, and so do stemmers.
            with self._lock:
                ids = [
                    numbers.setdefault(term, len(numbers)) for term in self.terms(text)
                ]
            found.append(np.array(ids, np.int32))
        return found


class Words(Numbers):
    """Numbers words, case aside.

    Args:
        stemming: a language of Snowball's stemmers, such as `swedish`, by which
            `kvarnen` and `kvarnar` are one word; None: words as they stand.

    Raises:
        InputError: there is no stemmer for the language.
    """

    def __init__(self, stemming: str | None = None) -> None:
        super().__init__()
        self._stemmer = None
        if stemming is not None:
            import Stemmer

            if stemming not in Stemmer.algorithms():
                raise InputError(
                    f"is {stemming}, expected one of {', '.join(Stemmer.algorithms())}",
                    key="stemming",
                )
            self._stemmer = Stemmer.Stemmer(stemming)

    def terms(self, text):
        words = WORD.findall(text.casefold())
        return words if self._stemmer is None else self._stemmer.stemWords(words)


class Grams(Numbers):
    """Numbers the runs of so many characters that a text has, each beginning one.

    They go across words, between which stands one space, and so does one before the
    first and after the last; case and all else between words are nothing. A letter
    misread spoils as many of them as they are long, and leaves those beside it (McNamee
    and Mayfield, Character N-gram Tokenization for European Language Text Retrieval,
    2004, who find four characters the best).

    Args:
        length: characters of each; a shorter text is one by itself.
    """

    def __init__(self, length: int) -> None:
        super().__init__()
        self._length = length

    def terms(self, text):
        words = WORD.findall(text.casefold())
        if not words:
            return ()
        line = f" {' '.join(words)} "
        last = max(len(line) - self._length, 0)
        return [line[start : start + self._length] for start in range(last + 1)]
