"""Prompts: text files with named fields, filled with a document.

A field is a name in braces, such as `{text}`. Braces around anything else, and all that
a document holds, stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.hashing import uniform

FIELD = re.compile(r"\{([a-z_]+)\}")
FIELDS = ("text", "language", "volume", "first_page", "last_page")


@dataclass(frozen=True)
class Prompt:
    """A prompt with fields to fill in.

    Attributes:
        name: of its file, without the ending.
        template: its text.
        share: how often it is drawn, in relation to the others.
    """

    name: str
    template: str
    share: float = 1.0

    @classmethod
    def read(
        cls, path: str | Path, *, share: float = 1.0, needed: Sequence[str] = ("text",)
    ) -> Prompt:
        """Read a prompt file, which may have `FIELDS` and must have those `needed`.

        Raises:
            InputError: no such file, not UTF-8, an unknown field, or one missing.
        """
        path = Path(path)
        fields = dict.fromkeys((*FIELDS, *needed))
        try:
            template = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise InputError("no such file", file=path) from None
        except (UnicodeDecodeError, IsADirectoryError):
            raise InputError("is not a text file in UTF-8", file=path) from None
        for number, line in enumerate(template.splitlines(), start=1):
            for name in FIELD.findall(line):
                if name not in fields:
                    known = ", ".join(f"{{{field}}}" for field in fields)
                    raise InputError(
                        f"has the unknown field {{{name}}}, expected one of {known}",
                        file=path,
                        line=number,
                    )
        for name in needed:
            if f"{{{name}}}" not in template:
                raise InputError(f"lacks the field {{{name}}}", file=path)
        return cls(path.stem, template, share)

    def filled(self, values: Mapping[str, object]) -> str:
        """The prompt with its fields filled, in one pass: no value is filled again.

        A value that is unknown, as the volume of a document without provenance, is a
        dash.
        """

        def value(found: re.Match) -> str:
            known = values.get(found[1])
            return "–" if known is None else str(known)

        return FIELD.sub(value, self.template)


def drawn(prompts: Sequence[Prompt], seed: int, *keys: object) -> Prompt:
    """One of the prompts by their shares, a pure function of the seed and the keys."""
    point = uniform(seed, "prompt", *keys) * sum(prompt.share for prompt in prompts)
    for prompt in prompts:
        point -= prompt.share
        if point < 0:
            return prompt
    return max(prompts, key=lambda prompt: prompt.share)


def read_prompts(words: Iterable[str]) -> list[Prompt]:
    """The prompts of `FILE=SHARE` words; a share left out is 1.

    Raises:
        InputError: a share that is no number above 0, the name of a file twice, or a
            faulty file.
    """
    prompts: dict[str, Prompt] = {}
    for word in words:
        path, sign, share = word.rpartition("=")
        if not sign:
            path, share = word, "1"
        try:
            weight = float(share)
        except ValueError:
            weight = 0.0
        if not 0 < weight < float("inf"):
            raise InputError(
                f"has the share {share!r}, expected a number above 0", file=path
            )
        prompt = Prompt.read(path, share=weight)
        if prompt.name in prompts:
            raise InputError(
                f"has the name {prompt.name}, as another prompt has", file=path
            )
        prompts[prompt.name] = prompt
    return list(prompts.values())
