"""Token lengths of texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path

import numpy as np

from arkiv.base.errors import InputError

# Characters tokenised at once: some 100 MB of tokens and their bookkeeping.
CHARACTERS = 1 << 21


class TokenCounter:
    """Counts tokens; remembers the count, not the text, of all that it has met."""

    def __init__(self, tokenizer_file: str | Path) -> None:
        """Load a `tokenizer.json`.

        Raises:
            InputError: it is missing or not a tokenizer.
        """
        from tokenizers import Tokenizer

        if not Path(tokenizer_file).is_file():
            raise InputError("no such file", file=tokenizer_file)
        try:
            self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        except Exception as error:  # tokenizers raises nothing narrower
            raise InputError(
                f"not a tokenizer ({error})", file=tokenizer_file
            ) from None
        # The file may ask for either; a length is that of the whole text.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._known: dict[bytes, int] = {}

    def lengths(self, texts: Iterable[str]) -> np.ndarray:
        """(n_texts,) int64: tokens of each text, special tokens included."""
        marks = []
        waiting: dict[bytes, str] = {}
        characters = 0
        for text in texts:
            mark = blake2b(text.encode(), digest_size=16).digest()
            marks.append(mark)
            if mark in self._known or mark in waiting:
                continue
            waiting[mark] = text
            characters += len(text)
            if characters >= CHARACTERS:
                self._count(waiting)
                waiting, characters = {}, 0
        self._count(waiting)
        return np.array([self._known[mark] for mark in marks], np.int64)

    def _count(self, texts: Mapping[bytes, str]) -> None:
        encoded = self._tokenizer.encode_batch_fast(list(texts.values()))
        self._known.update(zip(texts, map(len, encoded), strict=True))


def token_lengths(
    texts: Iterable[str], tokenizer_file: str | Path, max_length: int | None = None
) -> np.ndarray:
    """Tokens of each text, as `len(AutoTokenizer(text)["input_ids"])`.

    Each distinct text is tokenised once, many at a time.

    Args:
        texts: read once.
        tokenizer_file: the model's `tokenizer.json`.
        max_length: no length is more than this (what truncation would leave).

    Returns:
        (n_texts,) int64, special tokens included.

    Raises:
        InputError: the tokenizer is missing or broken.
    """
    lengths = TokenCounter(tokenizer_file).lengths(texts)
    return lengths if max_length is None else np.minimum(lengths, max_length)
