"""Secrets in what people write, told by the name they go by or by their form.

A name is told by its parts, whatever its case and what divides them (`X-Api-Key`,
`hubToken`). Numbers and names of counted or special tokens (`max_tokens: 128`,
`eos_token: </s>`) are no secrets; neither are fields that a JSON schema declares.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from html.entities import codepoint2name
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

MASK = "[not shown]"
# Environment variables that hold a token of the hub's.
TOKENS = ("HF_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HUGGING_FACE_HUB_TOKEN")

# Parts of names that nothing else has.
CERTAIN = (
    "apikey",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
)
CERTAIN_WORDS = {"auth", "jwt", "pwd"}
# Parts that others have too: those below, whose values are no secrets.
LIKELY = ("key", "token")
# What a server is asked for, by names that stand for themselves.
KNOWN = {"keywords", "promptcachekey"}
# Beside `token` in names of what is counted, or stands in a vocabulary.
COUNTED = set("input max min n num number output seen special stop total".split())
VOCABULARY = set("bad bos cls eos image mask pad sep unk".split())
# Maps of a JSON schema whose keys are names of fields.
SCHEMA = (("properties",), ("$defs",))
# Of a signed address.
SIGNATURES = {"sig", "signature"}

WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]*")
# `user:password@` before the host; with a password that has signs of its own, which a
# browser would take for the end of the host: what follows the colon is no port.
USER = re.compile(r"(?<=://)(?:[^\s/?#]*|[^\s/?#@:\[]*:(?!\d*(?:[/?#]|$))[^\s@]*)@")
QUERY = re.compile(r"[?&#;]([^\s=&#;?]+)=([^\s&#;]*)")
FIELD = re.compile(r"\{[^{}]*\}")
# A header as one text.
HEADER = re.compile(r"\s*([A-Za-z][A-Za-z0-9_-]*)\s*[:=]\s*(\S.*)", re.DOTALL)
# Keys by how their makers begin them, and what goes into a header of authorization.
KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:sk|pk|rk|xai|nvapi|glpat|pplx)-|(?:hf|gsk|r8|gh[opsru]|"
    r"github_pat)_|xox[abprs]-|A[KS]IA|AIza|eyJ|(?i:bearer|basic)\s+)"
    r"[A-Za-z0-9_.~+/=-]{12,}"
)
PRIVATE_KEY = "PRIVATE KEY-----"
RUN = re.compile(r"[A-Za-z0-9_-]{16,}")

# In the place of one that is known.
KNOWN_MASK = "[key]"
# Of a key that was cut off so much is masked: half of it, and so many characters.
LEAST = 8

AN_ADDRESS = "a user's name or password in an address"
A_KEY = "a key"


class Found(NamedTuple):
    """A secret: the keys that lead to it, and what it is, in words."""

    where: tuple[str, ...]
    what: str


def is_secret_name(name: str, value: object = "x") -> bool:
    """Whether what goes by this name is a secret; nothing, true and false are none."""
    if value in (None, "") or isinstance(value, bool):
        return False
    words = [word.lower() for word in WORDS.findall(name)]
    joined = "".join(words)
    if _is_certain(words):
        return True
    if joined in KNOWN or ("token" in joined and (COUNTED | VOCABULARY) & {*words}):
        return False
    rest = re.sub("tokeni[sz]|keywords?", "", joined)
    # Tokens that are counted have a number; a key may be one of digits alone.
    counted = not isinstance(value, str) and words[-1:] not in ([one] for one in LIKELY)
    return any(part in rest for part in LIKELY) and not counted


def _is_certain(words: list[str]) -> bool:
    joined = "".join(words)
    certain = any(part in joined for part in CERTAIN) or joined == "pass"
    return certain or bool(CERTAIN_WORDS & {*words})


def is_drawn(text: str) -> bool:
    """Whether a text has a run of characters that nobody would write by hand."""
    for run in RUN.findall(text):
        kinds = [
            "0" if sign.isdigit() else "A" if sign.isupper() else "a"
            for sign in run
            if sign.isalnum()
        ]
        changes = sum(one != other for one, other in pairwise(kinds))
        if changes >= 8 and "0" in kinds:
            return True
    return False


def in_text(text: str) -> str | None:
    """What secret a text holds, by its form, in words; None: none that can be told."""
    if "://" in text:
        for address in ADDRESS.findall(text):
            if USER.search(address):
                return AN_ADDRESS
            for name, value in _query(address):
                if is_secret_part(name, value):
                    return f"`{name}` in an address"
    keys = (found[0] for found in KEY.finditer(text))
    return A_KEY if PRIVATE_KEY in text or any(map(is_drawn, keys)) else None


def _query(address: str) -> list[tuple[str, str]]:
    """Names and values behind the path of an address, also behind its `#`."""
    return [
        pair
        for part in QUERY.finditer(address)
        for pair in parse_qsl(f"{part[1]}={part[2]}")
    ]


def is_secret_part(name: str, value: str) -> bool:
    """Whether a part of an address is a secret; one of `{fields}` alone is none."""
    words = {word.lower() for word in WORDS.findall(name)}
    secret = is_secret_name(name, value) or SIGNATURES & words
    return bool(secret and FIELD.sub("", value))


def secrets_in(value: Any, where: tuple[str, ...] = ()) -> Iterator[Found]:
    """The secrets of a value as YAML has it, by names and forms, however deep.

    Headers are taken as maps, as `{name, value}`, as pairs and as `Name: value`; JSON
    that stands in a text, as what it says.
    """
    if isinstance(value, Mapping):
        yield from _in_map(value, where)
    elif isinstance(value, (list, tuple)):
        yield from _in_list(value, where)
    elif isinstance(value, str) and (inner := _from_json(value)) is not None:
        yield from (Found(where, found.what) for found in secrets_in(inner))
    elif isinstance(value, str):
        headers = map(HEADER.fullmatch, value.splitlines())
        names = (WORDS.findall(one[1].lower()) for one in headers if one)
        what = A_KEY if any(map(_is_certain, names)) else in_text(value)
        if what:
            yield Found(where, what)


def _from_json(text: str) -> Mapping[str, Any] | list[Any] | None:
    """The map or list that a text is in JSON, if it is one."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _in_map(value: Mapping[Any, Any], where: tuple[str, ...]) -> Iterator[Found]:
    # A header as a map: `{name: Authorization, value: ...}`.
    called = next((key for key in ("name", "key", "header") if key in value), None)
    if "value" not in value or not isinstance(value.get(called), str):
        called = None
    for key, one in value.items():
        inner = (*where, str(key))
        declares = where[-1:] in SCHEMA and isinstance(one, Mapping)
        if in_text(str(key)):
            yield Found((*where, MASK), A_KEY)
        elif called and key == "value" and _holds(value[called], one):
            yield Found(inner, f"`{value[called]}`")
        elif key != called and not declares and _holds(str(key), one):
            yield Found(inner, f"`{key}`")
        else:
            yield from secrets_in(one, inner)


def _in_list(value: Sequence[Any], where: tuple[str, ...]) -> Iterator[Found]:
    for place, one in enumerate(value):
        inner = (*where, str(place))
        header = HEADER.fullmatch(one) if isinstance(one, str) else None
        pair = header.groups() if header else one
        if _is_pair(pair) and is_secret_name(*pair):
            yield Found(inner, f"`{pair[0]}`")
        else:
            yield from secrets_in(one, inner)
    if _is_pair(value) and _is_certain(WORDS.findall(value[0].lower())):
        yield Found(where, f"`{value[0]}`")


def _is_pair(value: Any) -> bool:
    """Whether a value may be the name of a header and what it says."""
    is_list = isinstance(value, (list, tuple)) and len(value) == 2
    return is_list and all(isinstance(one, str) for one in value)


def _holds(name: str, value: Any) -> bool:
    """Whether a name is a secret's for a value, or for one of those in it."""
    if isinstance(value, Mapping):
        return any(_holds(name, one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(_holds(name, one) for one in value)
    return is_secret_name(name, value)


def concealed(text: str) -> str:
    """A text, such as a library's error, without the hub's token, and without the
    secrets that its form tells."""
    for token in filter(None, map(os.environ.get, TOKENS)):
        text = Known(token).masked(text)

    def value(found: re.Match[str]) -> str:
        if not is_secret_part(found[1], found[2]):
            return found[0]
        return found[0][: len(found[0]) - len(found[2])] + MASK

    def address(found: re.Match[str]) -> str:
        return QUERY.sub(value, USER.sub(f"{MASK}@", found[0]))

    text = ADDRESS.sub(address, text)
    return KEY.sub(lambda key: MASK if is_drawn(key[0]) else key[0], text)


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


class Known:
    """A secret that is known: it shows itself nowhere, and is masked in texts."""

    def __init__(self, value: str) -> None:
        self._value = value
        signs = list(map(ways_of_writing, value))
        least = min(len(signs), max(LEAST, len(signs) // 2))
        # A short one may be a word, for a server that needs none.
        case = re.IGNORECASE if len(value) >= LEAST else 0
        self._begins = re.compile("".join(signs[:least]), case)
        self._goes_on = [re.compile(sign, case) for sign in signs[least:]]

    def masked(self, text: str) -> str:
        """A text without the secret, should it repeat it or its first half."""
        parts, end = [], 0
        while self._value and (found := self._begins.search(text, end)):
            parts += [text[end : found.start()], KNOWN_MASK]
            end = found.end()
            for sign in self._goes_on:
                if (more := sign.match(text, end)) is None:
                    break
                end = more.end()
        return "".join(parts) + text[end:]

    def __repr__(self) -> str:
        return KNOWN_MASK
