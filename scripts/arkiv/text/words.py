"""Words of texts as numbers, stemmed or not, for a lexical search."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

import numpy as np

from arkiv.base.errors import InputError
from arkiv.text.word import WORD


class Words:
    """Numbers words, case aside, in the order of their first coming.

    Args:
        stemming: a language of Snowball's stemmers, such as `swedish`, by which
            `kvarnen` and `kvarnar` are one word; None: words as they stand.

    Raises:
        InputError: there is no stemmer for the language.
    """

    def __init__(self, stemming: str | None = None) -> None:
        self._stemmer = None
        self._lock = Lock()
        self._numbers: dict[str, int] = {}
        if stemming is not None:
            import Stemmer

            if stemming not in Stemmer.algorithms():
                raise InputError(
                    f"is {stemming}, expected one of {', '.join(Stemmer.algorithms())}",
                    key="stemming",
                )
            self._stemmer = Stemmer.Stemmer(stemming)

    def ids(self, texts: Iterable[str]) -> list[np.ndarray]:
        """The numbers of each text's words, (n_words,) int32; for several threads."""
        numbers = self._numbers
        found = []
        for text in texts:
            words = WORD.findall(text.casefold())
            # Stemmer and numbers keep what they have met.
            with self._lock:
                if self._stemmer is not None:
                    words = self._stemmer.stemWords(words)
                ids = [numbers.setdefault(word, len(numbers)) for word in words]
            found.append(np.array(ids, np.int32))
        return found
