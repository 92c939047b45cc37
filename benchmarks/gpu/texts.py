"""Made-up texts: of mixed lengths as in an archive, and of so many tokens exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.example.archive import cases
from benchmarks.data import passage

SEED = 11
CASES = 400
# Special tokens of a text.
SPECIAL = 2


def mixed(count: int) -> list[str]:
    """Passages of 20 to 1,200 words, 130 on average (benchmarks.data)."""
    return [passage(number)[0] for number in range(count)]


class Words:
    """Running words, whose tokens are counted: the tokenizers treat each by itself.

    Args:
        model: the directory of the tokenizer.
    """

    def __init__(self, model: Path) -> None:
        self.words = " ".join(cases(CASES, SEED)).split()
        tokenizer = fast_tokenizer(model)
        of_each = tokenizer.encode_batch(self.words, add_special_tokens=False)
        self.ends = np.cumsum([len(word.ids) for word in of_each])

    def texts(self, count: int, tokens: int) -> list[str]:
        """Texts that a model which takes `tokens` reads to the last of them.

        They have so many tokens, special ones included, or up to a word more, and begin
        at different words; the running words are gone through as often as need be.
        """
        found = []
        for number in range(count):
            first = number * 7919 % len(self.words)
            text, rest = [], tokens - SPECIAL
            while rest > 0:
                before = self.ends[first - 1] if first else 0
                last = int(np.searchsorted(self.ends, before + rest)) + 1
                text += self.words[first:last]
                rest -= self.ends[min(last, len(self.words)) - 1] - before
                first = 0
            found.append(" ".join(text))
        return found
