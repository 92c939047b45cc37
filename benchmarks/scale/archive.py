"""A made-up archive of short pages, and a tokenizer that knows its words.

Words follow Zipf's law: the r-th most frequent of 200,000 has a share that goes down as
1/r. Everything follows from the seed and the number of a volume, which is written as
soon as it is made.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from itertools import product
from math import log
from pathlib import Path

import numpy as np

from arkiv.base.files import Part

SEED = 7
WORDS, WHOLE = 200_000, 20_000
FEWEST, MOST = 20, 60
PAGES_OF_VOLUME, FEWEST_VOLUMES, WORDS_OF_LINE = 500, 20, 8
# Of the model, which is never run.
HIDDEN = 8
# One page in so many stands in the archive a second time, with a word read otherwise.
COPIED = 100
SYLLABLES = [
    "".join(letters)
    for letters in product("bdfghjklmnprstvwxzcq", "aeiouyåäö", ["", *"nrstlmdkg"])
]


@cache
def vocabulary() -> list[str]:
    """All words, the most frequent first: of one syllable, then of two."""
    pairs = (
        SYLLABLES[number // len(SYLLABLES)] + SYLLABLES[number % len(SYLLABLES)]
        for number in range(WORDS - len(SYLLABLES))
    )
    return [*SYLLABLES, *pairs]


def drawn(draw: np.random.Generator, count: int) -> list[str]:
    """So many words by Zipf's law."""
    words = vocabulary()
    return [words[rank] for rank in (WORDS ** draw.random(count)).astype(int) - 1]


def texts(draw: np.random.Generator, count: int) -> Iterator[list[str]]:
    """The words of so many pages."""
    lengths = draw.integers(FEWEST, MOST + 1, count)
    every = drawn(draw, int(lengths.sum()))
    ends = np.cumsum(lengths)
    for start, end in zip(ends - lengths, ends, strict=True):
        yield every[start:end]


def lines_of(words: list[str]) -> Iterator[list[str]]:
    """The words line by line."""
    for start in range(0, len(words), WORDS_OF_LINE):
        yield words[start : start + WORDS_OF_LINE]


def page(number: int, words: list[str]) -> str:
    """A page of HTRflow JSON."""
    lines = [
        {
            "text_result": {"texts": [" ".join(line)], "scores": [0.9]},
            "label": f"line{place}",
        }
        for place, line in enumerate(lines_of(words))
    ]
    content = {"file_name": f"{number:07d}.jpg", "contains": [{"contains": lines}]}
    return json.dumps(content, ensure_ascii=False)


def write_archive(folder: Path, pages: int) -> int:
    """Write zip files of volumes, and after them those of pages that stand there twice.

    Returns:
        How many pages there are in all.
    """
    folder.mkdir(parents=True)
    volumes = max(FEWEST_VOLUMES, pages // PAGES_OF_VOLUME)
    copies: list[list[str]] = []
    for index in range(1, volumes + 1):
        bounds = Part(index, volumes).bounds(pages)
        draw = np.random.default_rng([SEED, index])
        written = list(texts(draw, len(bounds)))
        _write_volume(folder / f"{index:06d}.zip", bounds, written)
        copies += written[::COPIED]
    for words in copies:
        words[len(words) // 2] = "otydligt"
    parts = max(1, len(copies) // PAGES_OF_VOLUME)
    for index in range(1, parts + 1):
        bounds = Part(index, parts).bounds(len(copies))
        some = copies[bounds.start : bounds.stop]
        _write_volume(folder / f"{volumes + index:06d}.zip", bounds, some)
    return pages + len(copies)


def _write_volume(path: Path, numbers: range, written: list[list[str]]) -> None:
    with zipfile.ZipFile(path, "w") as volume:
        for number, words in zip(numbers, written, strict=True):
            volume.writestr(f"{number:07d}.json", page(number, words))


def write_model(folder: Path) -> None:
    """Write a model that is never run, with a tokenizer of pieces of the words.

    The most frequent words are tokens, all others a few, as subwords of a large
    vocabulary are.
    """
    import torch
    from transformers import XLMRobertaModel

    from arkiv.example.tiny import ALPHABET, SPACE, config_of, save, tokenizer_of

    rarest = -2 * log(WORDS)
    known = dict.fromkeys([*SYLLABLES, SPACE, *ALPHABET], rarest)
    known |= {
        f"{SPACE}{word}": -log(rank)
        for rank, word in enumerate(vocabulary()[:WHOLE], start=1)
    }
    tokenizer = tokenizer_of(known.items())
    config = config_of(tokenizer, HIDDEN, layers=1, heads=1)
    model = XLMRobertaModel(config, add_pooling_layer=False)
    heads = {
        "colbert_linear": torch.nn.Linear(HIDDEN, HIDDEN),
        "sparse_linear": torch.nn.Linear(HIDDEN, 1),
    }
    save(folder, tokenizer, model, **heads)


if __name__ == "__main__":
    _, folder, pages = sys.argv
    write_archive(Path(folder) / "pages", int(pages))
    write_model(Path(folder) / "model")
