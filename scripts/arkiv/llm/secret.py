"""The key of a server: from the environment, and nowhere else."""

from __future__ import annotations

import os
import re
from html.entities import codepoint2name

from arkiv.base.errors import InputError
from arkiv.llm.settings import Connection

MASK = "[key]"
# Of a key that was cut off so much is masked: half of it, and so many characters.
SHORTEST = 8


def ways_of_writing(sign: str) -> str:
    """A pattern of a character as JSON, Python, addresses and HTML may write it."""
    code = ord(sign)
    ways = [
        rf"\\+(?:u00|x){code:02x}",
        f"%(?:25)*{code:02x}",
        f"&#(?:0*{code}|x0*{code:x});",
    ]
    if name := codepoint2name.get(code):
        ways.append(f"&{name};")
    # Digits of a number stand in either case.
    return rf"(?:\\*{re.escape(sign)}|(?i:{'|'.join(ways)}))"


class Secret:
    """A key that does not show itself, and is taken out of what others say."""

    def __init__(self, value: str) -> None:
        self._value = value
        signs = list(map(ways_of_writing, value))
        least = min(len(signs), max(SHORTEST, len(signs) // 2))
        # A short one may be a word, for a server that needs none.
        case = re.IGNORECASE if len(value) >= SHORTEST else 0
        self._begins = re.compile("".join(signs[:least]), case)
        self._goes_on = [re.compile(sign, case) for sign in signs[least:]]

    @classmethod
    def for_server(cls, connection: Connection) -> Secret:
        """The value of the environment variable that holds a server's key.

        Raises:
            InputError: it is not set though OpenAI's own server needs one, or is no key
                (of which nothing is said: it may be one with a slip).
        """
        variable = connection.key_variable
        value = os.environ.get(variable, "").strip()
        if not value and connection.base_url == Connection.base_url:
            raise InputError(
                f"names the environment variable {variable}, which is not set; export "
                "it before snakemake is started",
                key="queries.openai.key_variable",
            )
        if not (value.isascii() and value.isprintable()) or " " in value:
            raise InputError(
                f"names the environment variable {variable}, whose value holds white "
                "space or characters that no key has",
                key="queries.openai.key_variable",
            )
        return cls(value)

    def revealed(self) -> str:
        """The key itself, for the client; one without a key is given a word."""
        return self._value or "none"

    def masked(self, text: str) -> str:
        """A text of the server's without the key, should it repeat it or half of it."""
        parts, end = [], 0
        while self._value and (found := self._begins.search(text, end)):
            parts += [text[end : found.start()], MASK]
            end = found.end()
            for sign in self._goes_on:
                if (more := sign.match(text, end)) is None:
                    break
                end = more.end()
        return "".join(parts) + text[end:]

    def __repr__(self) -> str:
        return MASK
