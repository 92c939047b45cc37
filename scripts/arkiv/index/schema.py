"""The columns of an index's table, and what its files are called.

The table is a Lance dataset (https://lance.org/format/), in a folder that LanceDB opens
as a database. The version to read bears the tag `READY`; what is known of it as a whole
stands in its configuration under `ABOUT_KEY`, so that both are of one version.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

TABLE, ABOUT, EXPECTED = "passages.lance", "index.json", "expected.jsonl"
README = "README.md"
# Beside the table, of each version of it: token weights by token; ids and vectors.
BY_TOKEN, BY_ROW = "sparse", "rows"
# Those that others took the place of, which readers may have open yet, bear tags that
# begin with `BEFORE`.
READY, BEFORE, ABOUT_KEY = "ready", "before", "arkiv.index"
# Of a version whose vectors are searched approximately: how many parts of their index
# are looked into, and the recall by that.
PROBED, RECALL = "probes", "recall_at_10"
# Another number makes all rows anew.
LAYOUT = 3

DENSE, TOKENS, WEIGHTS, MULTI = (
    *("dense", "sparse_tokens", "sparse_weights"),
    "multi_vectors",
)
Vectors = Literal["float16", "int8"]
# Of what a passage belongs to; the volume's other columns are in `about`. Null where it
# is not known.
TEXTS = ("dataset", "group", "volume", "type", "title", "reference")
YEARS = ("year", "year_to")
# In order where a passage stands in its volume.
PLACE = ("first_page", "first_line", "last_page", "last_line")
LABELS = ("first_label", "last_label")


def ready_since(folder: Path) -> float | None:
    """When an index was last made or found unchanged, in seconds; None: no version is
    ready.

    What lies beside the table Snakemake deletes before a job that makes that anew, and
    after one that was killed.
    """
    tag = tag_of(folder)
    if not tag.is_file():
        return None
    # The latter alone is written by a job that finds nothing changed.
    told = [path.stat().st_mtime for path in (tag, folder / ABOUT) if path.is_file()]
    return max(told)


def tag_of(folder: Path, name: str = READY) -> Path:
    """The file that says which version bears a tag, written when it was given it."""
    return folder / TABLE / "_refs/tags" / f"{name}.json"


def line_type() -> pa.DataType:
    """A line on its page's image: see `arkiv.documents.places`."""
    import pyarrow as pa

    return pa.struct(
        {
            "page": pa.int32(),
            "label": pa.string(),
            "line": pa.string(),
            "image": pa.string(),
            "box": pa.list_(pa.int32()),
            "width": pa.int32(),
            "height": pa.int32(),
        }
    )


def schema(dim: int, vectors: Vectors = "float16", *, multi: bool = False) -> pa.Schema:
    """The columns of the table.

    Args:
        dim: dimensions of dense vectors, whose length is 1 (float16), or whose largest
            component is ±127 (int8).
        vectors: their type.
        multi: whether there is a vector for each token too.
    """
    import pyarrow as pa

    number = pa.float16() if vectors == "float16" else pa.int8()
    columns = {
        "id": pa.string(),
        "text": pa.string(),
        DENSE: pa.list_(number, dim),
        TOKENS: pa.list_(pa.int32()),
        WEIGHTS: pa.list_(pa.float32()),
        **dict.fromkeys(TEXTS, pa.string()),
        **dict.fromkeys(YEARS, pa.int32()),
        "about": pa.string(),
        **dict.fromkeys(PLACE, pa.int32()),
        **dict.fromkeys(LABELS, pa.string()),
        "confidence": pa.float32(),
        "lines": pa.list_(line_type()),
        "images": pa.list_(pa.string()),
        "image_link": pa.string(),
        "manifest": pa.string(),
        "fingerprint": pa.string(),
    }
    if multi:
        columns[MULTI] = pa.list_(pa.list_(pa.float16(), dim))
    return pa.schema(columns)
