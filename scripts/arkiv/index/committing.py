"""Parts made one version of the table: rows joined, replaced and removed, indexes.

Readers take the version with the tag `READY`, which moves when all is done: a job that
is killed before leaves them the old one, and the next goes on from what is there. Of
versions whose place another took more than a day ago files are deleted, with those that
belong to none.
"""

from __future__ import annotations

import datetime
import json
import logging
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import Record
from arkiv.index.by_row import write_by_row
from arkiv.index.by_token import write_by_token
from arkiv.index.filters import one_of
from arkiv.index.parts import Part, newest, readable
from arkiv.index.schema import (
    ABOUT_KEY,
    BEFORE,
    BY_ROW,
    BY_TOKEN,
    DENSE,
    PROBED,
    READY,
    RECALL,
    TABLE,
    TOKENS,
    WEIGHTS,
    tag_of,
)
from arkiv.index.scores import dense_of

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

# Of versions that readers may have open yet.
KEPT = datetime.timedelta(days=1)
# What is filtered by: few values, or an order.
INDEXED = {
    **dict.fromkeys(("dataset", "type"), "BITMAP"),
    **dict.fromkeys(("id", "volume", "year", "year_to", "confidence"), "BTREE"),
}
VECTOR_INDEX = "dense_index"
# What is said of a version, by which it is indexed, and once it is.
INDEXED_BY = ("language", "ann_from", "layout", "vocabulary")
APPROXIMATE = "approximate"
# Folders beside the table, of a version each.
BESIDE = {BY_ROW, BY_TOKEN}
# Of partitions of the index of vectors there are the root of the rows by this number:
# were they as many as rows, comparing each vector with their centres would take most of
# the time, and codes of a bit for each dimension are looked through in next to none.
PER_ROOT = 16
# Vectors for each partition, and rounds, that make its centre.
SAMPLED, ROUNDS = 64, 10
# Lance packs the bits of a vector's dimensions into bytes.
PACKED = 8


def commit(
    folder: Path,
    parts: Sequence[Part],
    columns: pa.Schema,
    described: Callable[[Any], Record],
    measured: Callable[[Any, Record], Record],
) -> bool:
    """Make the parts the version that readers take, unless they have it already.

    Args:
        folder: of the index.
        parts: all of them.
        columns: of the table.
        described: of a version what is to be said of it, with `language`, `ann_from`,
            `layout` and `vocabulary`, by which it is indexed.
        measured: of a version whose vectors are searched approximately what more.

    Returns:
        Whether there is a new version.

    Raises:
        InputError: the parts and the table do not belong together.
    """
    dataset = newest(folder)
    change = change_of(dataset, parts, folder)
    if change:
        dataset = commit_rows(folder, dataset, change, columns)
        said = "%d rows written, %d of passages that are gone removed"
        log.info(said, change.written, change.removed)
    elif not dataset.schema.equals(columns):
        raise InputError(
            "has other columns than its parts are written with now; run again with "
            "`-R index_passages`",
            file=folder / TABLE,
        )
    about, before = described(dataset), told(dataset)
    stale = any(before.get(name) != about[name] for name in INDEXED_BY)
    lost = [
        one for one in BESIDE & before.keys() if not (folder / before[one]).exists()
    ]
    anew = bool(change or lost) or stale or not is_ready(dataset)
    if anew:
        about |= indexed(folder, dataset, about)
        if about[APPROXIMATE]:
            about |= measured(dataset, about)
    else:
        made = (APPROXIMATE, BY_ROW, BY_TOKEN, PROBED, RECALL)
        about |= {name: before[name] for name in made if name in before}
    new = anew or about != before
    if new:
        make_ready(dataset, about)
    tidy(folder, dataset, about)
    return new


@dataclass
class Change:
    """What is another than in the newest version.

    Attributes:
        written: rows of the new fragments.
        removed: rows that go without a new one in their place.
        new: fragments, as Lance tells them.
        stale: by the number of a fragment the ids of rows that go.
    """

    written: int = 0
    removed: int = 0
    new: list[Record] = field(default_factory=list)
    stale: dict[int, list[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.new or self.stale)


def change_of(dataset: Any | None, parts: Sequence[Part], folder: Path) -> Change:
    """What parts ask for that the newest version has not.

    Raises:
        InputError: rows that parts took for written are in no version.
    """
    wanted: dict[str, str] = {}
    for part in parts:
        wanted |= part.wanted
    with readable(folder):
        held = dict(_held(dataset))
    lacking = {one for one, print in wanted.items() if held.get(one, ("",))[0] != print}
    change = Change()
    replaced: set[str] = set()
    for one in (one for part in parts for one in part.fragments):
        ids = set(one["ids"])
        # A fragment that is in a version already has no row that is lacking.
        if ids & lacking and _is_there(folder, one["fragment"]):
            change.new.append(one["fragment"])
            change.written += len(ids)
            replaced |= ids
            lacking -= ids
    if lacking:
        raise InputError(
            f"lacks {len(lacking):,} passages that its parts had found in it; run "
            "again with `-R index_passages`",
            file=folder / TABLE,
        )
    stale = defaultdict(list)
    for one, (_, fragment) in held.items():
        if one in replaced or one not in wanted:
            stale[fragment].append(one)
            change.removed += one not in wanted
    change.stale = dict(stale)
    return change


def _held(dataset: Any | None) -> Iterator[tuple[str, tuple[str, int]]]:
    """Of each row its id, fingerprint and fragment."""
    if dataset is None:
        return
    names = ["id", "fingerprint", "_rowaddr"]
    for batch in dataset.scanner(columns=names).to_batches():
        addresses = batch["_rowaddr"].to_numpy() >> 32
        yield from zip(
            batch["id"].to_pylist(),
            zip(batch["fingerprint"].to_pylist(), addresses.tolist(), strict=True),
            strict=True,
        )


def _is_there(folder: Path, fragment: Record) -> bool:
    paths = (folder / TABLE / "data" / one["path"] for one in fragment["files"])
    return all(path.is_file() for path in paths)


def commit_rows(
    folder: Path, dataset: Any | None, change: Change, columns: pa.Schema
) -> Any:
    """Make a version of the changed rows: in one step, or not at all."""
    import lance
    from lance.fragment import FragmentMetadata

    path = str(folder / TABLE)
    new = [FragmentMetadata.from_json(json.dumps(one)) for one in change.new]
    if dataset is None or not dataset.schema.equals(columns):
        whole = lance.LanceOperation.Overwrite(columns, new)
        return lance.LanceDataset.commit(path, whole)
    removed, updated = [], []
    for number, ids in change.stale.items():
        fragment = dataset.get_fragment(number)
        if len(ids) == fragment.count_rows():
            removed.append(number)
        else:
            updated.append(fragment.delete(one_of("id", ids)))
    update = lance.LanceOperation.Update(
        removed_fragment_ids=removed, updated_fragments=updated, new_fragments=new
    )
    return lance.LanceDataset.commit(path, update, read_version=dataset.version)


def indexed(folder: Path, dataset: Any, about: Record) -> Record:
    """Index a version; give what is to be known of that."""
    index_columns(dataset, about["language"])
    found: Record = {APPROXIMATE: index_vectors(dataset, about["ann_from"])}
    found[BY_ROW] = ids_and_vectors(folder, dataset)
    first = dataset.scanner(columns=[TOKENS], limit=100).to_batches()
    if any(batch[TOKENS].value_lengths().to_numpy().any() for batch in first):
        found[BY_TOKEN] = weights_by_token(folder, dataset, about["vocabulary"])
    return found


def index_columns(dataset: Any, language: str | None) -> None:
    """Index words and filters anew, so that ranks are those of a table made at once."""
    began = time.monotonic()
    stem = {"stem": False} if language is None else {"language": language.capitalize()}
    dataset.create_scalar_index(
        "text",
        "INVERTED",
        replace=True,
        base_tokenizer="simple",
        lower_case=True,
        # å is no a.
        ascii_folding=False,
        remove_stop_words=False,
        with_position=False,
        **{"stem": True} | stem,
    )
    for column, kind in INDEXED.items():
        dataset.create_scalar_index(column, kind, replace=True)
    log.info("words and filters indexed in %.1f s", time.monotonic() - began)


def index_vectors(dataset: Any, ann_from: int | None) -> bool:
    """Index dense vectors, if they are so many; say whether they are.

    In partitions (IVF), and in each by a bit for each dimension (RaBitQ,
    https://arxiv.org/abs/2405.12497), which takes no training. An index that is there
    takes new rows in, unless most are new to it.
    """
    rows = dataset.count_rows()
    there = any(one.name == VECTOR_INDEX for one in dataset.describe_indices())
    vectors = dataset.schema.field(DENSE).type
    # Of int8 Lance's Python searches none.
    flat = str(vectors.value_type) == "int8" or vectors.list_size % PACKED
    if flat or ann_from is None or rows < ann_from:
        if there:
            dataset.drop_index(VECTOR_INDEX)
        return False
    began = time.monotonic()
    if there and 2 * unindexed(dataset) <= rows:
        dataset.optimize.optimize_indices(index_names=[VECTOR_INDEX])
    else:
        dataset.create_index(
            DENSE,
            "IVF_RQ",
            name=VECTOR_INDEX,
            metric="cosine",
            replace=True,
            num_partitions=max(1, isqrt(rows) // PER_ROOT),
            num_bits=1,
            sample_rate=SAMPLED,
            max_iters=ROUNDS,
        )
    log.info("vectors indexed in %.1f s", time.monotonic() - began)
    return True


def unindexed(dataset: Any) -> int:
    """Rows that are not in the index of vectors, which was made of others."""
    return dataset.stats.index_stats(VECTOR_INDEX)["num_unindexed_rows"]


def ids_and_vectors(folder: Path, dataset: Any) -> str:
    """Write what of rows is read at once; give the name of its folder, as below."""
    name = f"{BY_ROW}/{dataset.version}"
    vectors = dataset.schema.field(DENSE).type
    batches = (
        (batch["_rowid"].to_numpy(), batch["id"].to_pylist(), dense_of(batch))
        for batch in _in_order(dataset, ["_rowid", "id", DENSE])
    )
    shape = dataset.count_rows(), vectors.list_size
    kind = np.dtype(vectors.value_type.to_pandas_dtype())
    write_by_row(folder / name, batches, shape, kind)
    return name


def weights_by_token(folder: Path, dataset: Any, vocabulary: int) -> str:
    """Write what sparse searches read; give the name of its folder below the index."""
    name = f"{BY_TOKEN}/{dataset.version}"

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for batch in _in_order(dataset, [TOKENS, WEIGHTS]):
            lengths = batch[TOKENS].value_lengths().to_numpy()
            tokens, weights = (
                batch[column].flatten().to_numpy() for column in (TOKENS, WEIGHTS)
            )
            yield lengths, tokens, weights

    write_by_token(folder / name, batches, vocabulary)
    return name


def _in_order(dataset: Any, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """All rows of a version, in the order of their addresses."""
    return dataset.scanner(
        columns=columns,
        scan_in_order=True,
        batch_size=8192,
        batch_readahead=2,
        fragment_readahead=1,
    ).to_batches()


def told(dataset: Any | None) -> Record:
    """What a version says of itself."""
    return {} if dataset is None else json.loads(dataset.config().get(ABOUT_KEY, "{}"))


def is_ready(dataset: Any) -> bool:
    """Whether the newest version is the one that readers take."""
    tag = dataset.tags.list().get(READY)
    return tag is not None and tag["version"] == dataset.version


def make_ready(dataset: Any, about: Record) -> None:
    """Let readers take this version, with what is said of it."""
    dataset.update_config({ABOUT_KEY: json.dumps(about, ensure_ascii=False)})
    if ready := dataset.tags.list().get(READY):
        _tag(dataset, f"{BEFORE}-{ready['version']}", ready["version"])
    _tag(dataset, READY, dataset.version)


def _tag(dataset: Any, name: str, version: int) -> None:
    there = name in dataset.tags.list()
    (dataset.tags.update if there else dataset.tags.create)(name, version)


def tidy(folder: Path, dataset: Any, about: Record) -> None:
    """Delete old versions, and files that belong to none."""
    oldest = time.time() - KEPT.total_seconds()
    read = [about]
    for tag in dataset.tags.list():
        if not tag.startswith(BEFORE):
            continue
        if tag_of(folder, tag).stat().st_mtime < oldest:
            dataset.tags.delete(tag)
        else:
            read.append(told(dataset.checkout_version(tag)))
    dataset.cleanup_old_versions(
        older_than=KEPT, delete_unverified=True, error_if_tagged_old_versions=False
    )
    for kind in BESIDE:
        kept = {one.get(kind) for one in read}
        for path in (folder / kind).glob("*"):
            if f"{kind}/{path.name}" not in kept and path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)
