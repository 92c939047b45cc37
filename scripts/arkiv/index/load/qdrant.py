"""Qdrant: a collection with dense, sparse and, where the table has them, multi-vectors.

A server is reached by its address, with the key in QDRANT_API_KEY; a path is a folder
of the client's local mode, which searches exactly and is meant for small collections.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.base.hashing import content_digest
from arkiv.base.secrets import Known, concealed, in_text
from arkiv.index.exact import FIRST
from arkiv.index.load.documents import plain
from arkiv.index.load.languages import tell_unknown
from arkiv.index.load.queries import DENSE, SPARSE, Query
from arkiv.index.load.source import Row, Source
from arkiv.index.schema import MULTI

KEY = "--qdrant"
KEY_VARIABLE = "QDRANT_API_KEY"
SECONDS = 120
# A server's address without what it is asked by.
HOST = re.compile(r"[\w.-]+:\d+/?")
IDS_AT_A_TIME = 1_000
KEYWORDS = ("dataset", "volume", "type")
INTEGERS = ("year", "year_to")
FLOATS = ("confidence",)


class Qdrant:
    """The rows of an index in a collection.

    Args:
        place: the address of a server, or a folder.
        name: of the collection.
        source: the index.
        make: whether a folder is made if there is none.

    Raises:
        InputError: the address has a secret in it, or nothing answers there.
    """

    modes = (DENSE, SPARSE)

    def __init__(self, place: str, name: str, source: Source, *, make: bool) -> None:
        from qdrant_client import QdrantClient

        if what := in_text(place):
            raise InputError(
                f"has {what}, which others see in the list of processes; set "
                f"{KEY_VARIABLE}",
                key=KEY,
            )
        if HOST.fullmatch(place):
            raise InputError(
                f"is {place}, expected a folder or an address such as http://{place}",
                key=KEY,
            )
        self._secret = Known(os.environ.get(KEY_VARIABLE, "").strip())
        self._name, self._source = name, source
        self._is_local = "://" not in place
        if self._is_local and not make and not Path(place).is_dir():
            raise InputError(
                f"is {place}, where there is no folder; load it first, without --check",
                key=KEY,
            )
        with self._answering():
            if self._is_local:
                self._client = QdrantClient(path=place)
            else:
                key = os.environ.get(KEY_VARIABLE, "").strip() or None
                self._client = QdrantClient(
                    url=place,
                    api_key=key,
                    timeout=SECONDS,
                    # Asks before it is used, and warns where nothing answers.
                    check_compatibility=False,
                )

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Say in a sentence what the server or the local mode refuses.

        Raises:
            InputError: instead of the client's errors.
        """
        import httpx
        from qdrant_client.common.client_exceptions import QdrantException
        from qdrant_client.http.exceptions import ApiException

        kinds = (ApiException, QdrantException, httpx.HTTPError, ValueError, OSError)
        try:
            with warnings.catch_warnings():
                # Of the local mode: that it makes no indexes, and is for small ones.
                warnings.simplefilter("ignore")
                yield
        except (*kinds, RuntimeError) as error:
            said = " ".join(self._secret.masked(concealed(str(error))).split())
            raise InputError(f"Qdrant says: {said.rstrip('.')}", key=KEY) from None

    def open(self, *, make: bool) -> None:
        """Make the collection, or see that it is one of this index.

        Raises:
            InputError: there is none, it is another's, or was made otherwise.
        """
        with self._answering():
            if not self._client.collection_exists(self._name):
                if not make:
                    raise InputError(
                        f"has no collection {self._name}; load it first, without "
                        "--check",
                        key=KEY,
                    )
                self._make()
                return
            made = self._client.get_collection(self._name).config.params
            points, _ = self._client.scroll(self._name, limit=1, with_payload=True)
        if any("fingerprint" not in (one.payload or {}) for one in points):
            raise InputError(
                f"has a collection {self._name} that load_index.py did not make; give "
                "another --name",
                key=KEY,
            )
        dense, sparse = self._vectors()
        there = made.vectors if isinstance(made.vectors, dict) else {}
        sizes = {name: one.size for name, one in there.items()}
        expected = {name: one.size for name, one in dense.items()}
        if sizes != expected or {*(made.sparse_vectors or {})} != {*sparse}:
            raise InputError(
                f"has a collection {self._name} with other vectors ({sizes}, expected "
                f"{expected}); delete it, or give another --name",
                key=KEY,
            )

    def _vectors(self) -> tuple[dict[str, Any], dict[str, Any]]:
        from qdrant_client import models

        how = {
            "size": self._source.dimensions,
            "distance": models.Distance.COSINE,
            "datatype": models.Datatype.FLOAT16,
        }
        dense = {"dense": models.VectorParams(**how)}
        if self._source.has_multi:
            largest = models.MultiVectorComparator.MAX_SIM
            dense["multi"] = models.VectorParams(
                **how,
                multivector_config=models.MultiVectorConfig(comparator=largest),
                # Re-ranks what others find.
                hnsw_config=models.HnswConfigDiff(m=0),
            )
        return dense, {"sparse": models.SparseVectorParams()}

    def _make(self) -> None:
        from qdrant_client import models

        dense, sparse = self._vectors()
        self._client.create_collection(
            self._name, vectors_config=dense, sparse_vectors_config=sparse
        )
        kinds: dict[str, Any] = {
            **dict.fromkeys(KEYWORDS, models.PayloadSchemaType.KEYWORD),
            **dict.fromkeys(INTEGERS, models.PayloadSchemaType.INTEGER),
            **dict.fromkeys(FLOATS, models.PayloadSchemaType.FLOAT),
            "text": self._text_index(),
        }
        for field, kind in kinds.items():
            self._client.create_payload_index(self._name, field, field_schema=kind)

    def _text_index(self) -> Any:
        from qdrant_client import models

        language = self._source.language
        known = {one.value for one in models.SnowballLanguage}
        tell_unknown("Qdrant", language, known)
        stemmer = (
            models.SnowballParams(
                type=models.Snowball.SNOWBALL,
                language=models.SnowballLanguage(language),
            )
            if language in known
            else None
        )
        return models.TextIndexParams(
            type=models.TextIndexType.TEXT,
            tokenizer=models.TokenizerType.WORD,
            lowercase=True,
            stemmer=stemmer,
        )

    def fingerprints(self, ids: Sequence[str]) -> Mapping[str, str]:
        with self._answering():
            points = self._client.retrieve(
                self._name,
                [point_id(one) for one in ids],
                with_payload=["id", "fingerprint"],
            )
        return {one.payload["id"]: one.payload["fingerprint"] for one in points}

    def put(self, rows: Sequence[Row]) -> None:
        points = [point(row) for row in rows]
        with self._answering():
            self._client.upsert(self._name, points, wait=True)

    def count(self) -> int:
        with self._answering():
            return self._client.count(self._name, exact=True).count

    def ids(self) -> Iterator[list[str]]:
        offset = None
        while True:
            with self._answering():
                points, offset = self._client.scroll(
                    self._name,
                    limit=IDS_AT_A_TIME,
                    offset=offset,
                    with_payload=["id"],
                )
            yield [one.payload["id"] for one in points]
            if offset is None:
                return

    def remove(self, ids: Sequence[str]) -> None:
        from qdrant_client import models

        points = models.PointIdsList(points=[point_id(one) for one in ids])
        with self._answering():
            self._client.delete(self._name, points, wait=True)

    def found(self, queries: Sequence[Query], mode: str) -> list[list[str]]:
        """The ids of the first passages of each query, best first, by exact search."""
        from qdrant_client import models

        exact = models.SearchParams(exact=True)
        found = []
        for query in queries:
            tokens, weights = (one.tolist() for one in query.sparse)
            asked = (
                query.dense.tolist()
                if mode == DENSE
                else models.SparseVector(indices=tokens, values=weights)
            )
            with self._answering():
                points = self._client.query_points(
                    self._name,
                    query=asked,
                    using=mode,
                    limit=FIRST,
                    search_params=exact,
                    with_payload=["id"],
                ).points
            found.append([one.payload["id"] for one in points])
        return found

    def finish(self) -> None:
        """All indexes are there since the collection was made."""

    def also(self) -> list[str]:
        """What else holds: its full text ranks nothing, it filters."""
        return []

    def close(self) -> None:
        self._client.close()


def point_id(one: str) -> str:
    """The id of a point, which Qdrant wants to be a UUID or a number."""
    return str(uuid.UUID(bytes=content_digest((one,), 16)))


def point(row: Row) -> Any:
    """A row as a point, its payload without what is null."""
    from qdrant_client import models

    tokens, weights = (one.tolist() for one in row["sparse"])
    vectors: dict[str, Any] = {
        "dense": row["dense"].tolist(),
        "sparse": models.SparseVector(indices=tokens, values=weights),
    }
    if MULTI in row:
        vectors["multi"] = row[MULTI].tolist()
    payload = plain(row)
    if "about" in payload:
        payload["about"] = json.loads(payload["about"])
    return models.PointStruct(id=point_id(row["id"]), vector=vectors, payload=payload)
