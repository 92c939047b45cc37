"""What volumes are called: the path of their folder, but for what tells its form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from arkiv.base.hashing import nfc
from arkiv.volumes.grouping import Document
from arkiv.volumes.member import shown
from arkiv.volumes.same_pages import is_form
from arkiv.volumes.sheaves import Sheaf
from arkiv.volumes.volume import Volume


def named(documents: Sequence[Document], bags: Collection[str], root: str) -> list[str]:
    """A name for each document, in NFC.

    Args:
        documents: of the archive.
        bags: folders that are BagIt bags.
        root: the name of the archive, which a document that is all of it has.
    """
    alone = {
        container
        for container, count in Counter(map(_container, documents)).items()
        if container is not None and count == 1
    }
    paths = list(map(_parts, documents))
    folders = {tuple(path[:n]) for path in paths for n in range(1, len(path) + 1)}
    forms = Counter(each[:-1] for each in folders if is_form(each[-1]))
    short = [
        _shown(
            "/".join(Sheaf(container, {}).parts)
            if (container := _container(document)) in alone
            else _name(path, bags, forms) or root
        )
        for document, path in zip(documents, paths, strict=True)
    ]
    times = Counter(short)
    return [
        name if times[name] == 1 else _shown(_whole(document, root))
        for name, document in zip(short, documents, strict=True)
    ]


def with_own_names(volumes: Sequence[Volume]) -> list[Volume]:
    """The volumes, none with a name that one before it has; names are text."""
    names = [_shown(each.name) for each in volumes]
    known, seen = set(names), Counter()
    result = []
    for volume, name in zip(volumes, names, strict=True):
        own = name
        while seen[name] and own in known:
            seen[name] += 1
            own = f"{name} ({seen[name]})"
        seen[name] += not seen[name]
        known.add(own)
        result.append(replace(volume, name=own))
    return result


def _shown(name: str) -> str:
    return nfc(shown(name))


def _container(document: Document) -> str | None:
    return document.chosen.container


def _whole(document: Document, root: str) -> str:
    """The path in full; of a METS file among others its own."""
    if document.listed is None:
        return document.chosen.folder or root
    entry = document.listed.entry
    own = "" if entry.stem.casefold() == "mets" else entry.stem
    return "/".join(filter(None, (entry.folder, own))) or root


def _parts(document: Document) -> list[str]:
    """The folders of a document, but for the one that says which form is read."""
    if document.listed is not None:
        return list(Sheaf(document.listed.entry.folder, {}).parts)
    parts, at = list(document.chosen.parts), document.differ
    if at is not None and is_form("".join(parts[at : at + 1])):
        del parts[at]
    return parts


def _name(
    parts: list[str], bags: Collection[str], forms: Mapping[tuple[str, ...], int]
) -> str:
    """The path, without folders at its end that are called for a form.

    Where a folder has several of that kind, of documents of their own, they stay.
    """
    while parts and is_form(parts[-1]) and forms[tuple(parts[:-1])] == 1:
        parts = parts[:-1]
    path: list[str] = []
    for part in parts:
        if not (part == "data" and "/".join(path) in bags):
            path.append(part)
    return "/".join(path)
