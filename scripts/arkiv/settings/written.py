"""What is written of the settings beside their declaration: config.yaml and a table.

Both are files that a person reads; a test holds them to the declaration, and
`python -m arkiv.settings.written` (make settings) brings them up to it.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING
from typing import Any

import yaml

from arkiv.base.cli import run
from arkiv.base.declared import at, is_section, plain, settings_of
from arkiv.base.errors import InputError
from arkiv.settings.config import DEFAULTS
from arkiv.settings.configuration import Configuration

TABLE = DEFAULTS.with_name("README.md")
BEGIN, END = "<!-- settings -->\n", "<!-- end of settings -->\n"
WIDTH = 88


def rows(section: Any = Configuration, key: str = "", of: str = "") -> Iterator[str]:
    """The rows of the table of settings.

    Args:
        section: a declaration, or an instance whose values are the defaults.
        key: of the section, with a dot.
        of: what is said of the section as a whole.
    """
    for one in settings_of(section).values():
        name, default = f"{key}{one.name}", one.default
        help = f"{of}: {one.rule.help}" if of else one.rule.help
        if is_section(one.type):
            yield from rows(default, f"{name}.", one.rule.help)
            continue
        if one.rule.choices:
            choices = ", ".join(f"`{choice}`" for choice in one.rule.choices)
            help += f" ({choices})".replace("\t", "\\t")
        yield f"| `{name}` | {one.rule.shown or _cell(default)} | {help} |"


def _cell(value: Any) -> str:
    """A default as the table has it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, (tuple, Mapping)):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def with_table(text: str) -> str:
    """A document with the table of settings between its two marks.

    Raises:
        InputError: it lacks them.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"lacks the lines {BEGIN.strip()} and {END.strip()}")
    lines = ("| key | default | meaning |", "|---|---|---|", *rows())
    table = "\n".join(lines)
    return f"{before}{BEGIN}\n{table}\n\n{END}{after}"


def differences(
    written: Mapping[str, Any], declared: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, ...]]:
    """Where config.yaml has another default, or only one of the two has the key.

    Args:
        written: the defaults as config.yaml has them.
        declared: the same by their declaration.
    """
    declared = plain(Configuration()) if declared is None else declared
    for key in dict.fromkeys((*declared, *written)):
        one, other = written.get(key), declared.get(key)
        if key not in written or key not in declared:
            yield (key,)
        elif isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from ((key, *inner) for inner in differences(one, other))
        elif one != other:
            yield (key,)


def with_defaults(text: str) -> str:
    """config.yaml with the declared defaults, comments and all else as they stand.

    A key that is not declared stays: what the comment above it says is for a person to
    take away.
    """
    declared = plain(Configuration())
    for keys in differences(yaml.safe_load(text), declared):
        value: Any = declared
        for key in keys:
            value = value.get(key, MISSING)
        if value is not MISSING:
            text = _with_default(text, keys, value)
    return text


def _with_default(text: str, keys: tuple[str, ...], value: Any) -> str:
    node = yaml.compose(text)
    for key in keys:
        above, node = node, _entry(node, key)
    if node is None:
        return _with_key(text, above, keys, value)
    written = _flow(value)
    block = isinstance(node, yaml.SequenceNode) and not node.flow_style
    if block and isinstance(value, list) and value:
        indent = "\n" + " " * node.start_mark.column
        written = indent.join(f"- {_flow(one)}" for one in value)
    return text[: node.start_mark.index] + written + text[_end(node) :]


def _with_key(text: str, node: yaml.Node, keys: tuple[str, ...], value: Any) -> str:
    """The text with one more key at the end of a map."""
    if node.flow_style:
        start, end = node.start_mark.index, _end(node)
        entries = yaml.safe_load(text[start:end]) | {keys[-1]: value}
        return text[:start] + _flow(entries) + text[end:]
    indent = " " * node.start_mark.column
    help = at(Configuration, ".".join(keys)).rule.help
    comment = textwrap.wrap(help, WIDTH - len(indent) - 2)
    entry = yaml.safe_dump({keys[-1]: value}, sort_keys=False, allow_unicode=True)
    lines = [*(f"# {line}" for line in comment), *entry.splitlines()]
    place = text.find("\n", _end(node)) + 1
    new = "".join(f"{indent}{line}\n" for line in lines)
    return text[:place] + new + text[place:]


def _entry(node: yaml.Node, key: str) -> yaml.Node | None:
    return next((value for name, value in node.value if name.value == key), None)


def _end(node: yaml.Node) -> int:
    """Where a value ends: not after the comments below a list or map."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return node.end_mark.index
    last = node.value[-1]
    return _end(last[-1] if isinstance(last, tuple) else last)


def _flow(value: Any) -> str:
    written = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=1000, sort_keys=False
    )
    return written.removesuffix("...\n").strip()


def main(_: object = None) -> None:
    """Bring config.yaml and the table up to the declaration; say what changed."""
    for path, renewed in ((DEFAULTS, with_defaults), (TABLE, with_table)):
        text = path.read_text(encoding="utf-8")
        if (new := renewed(text)) != text:
            path.write_text(new, encoding="utf-8")
            print(f"{path.parent.name}/{path.name}: brought up to the declaration")


if __name__ == "__main__":
    sys.exit(run(main))
