"""PostgreSQL with pgvector: a table of passages, with its indexes.

Vectors are `halfvec`, which holds float16 as it is, or `vector`; token weights are
`sparsevec`, one dimension for each token of the vocabulary; full text is a `tsvector`
by the configuration of the language. Limits are pgvector's (its README, 0.8): 16,000
non-zeros of a sparsevec, 1,000 where HNSW indexes it; HNSW takes 2,000 dimensions of a
vector, 4,000 of a halfvec.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arkiv.base.errors import InputError
from arkiv.index.exact import FIRST
from arkiv.index.load.expected import check_words
from arkiv.index.load.languages import tell_unknown
from arkiv.index.load.postgres_connection import KEY, connected, refused
from arkiv.index.load.postgres_rows import COLUMNS, Column, values
from arkiv.index.load.queries import DENSE, SPARSE, Query, read_queries
from arkiv.index.load.source import Row, Source

# What a load writes of a table into its comment; raised when rows are made otherwise.
FORM = 1
MOST_SPARSE, MOST_SPARSE_HNSW = 16_000, 1_000
MOST_HNSW = {"vector": 2_000, "halfvec": 4_000}
FILTERS = ("dataset", "volume", "type", "year", "confidence")
IDS_AT_A_TIME = 10_000
# Milliseconds that another load is waited for.
LOCK_MS = 5_000


class Postgres:
    """The rows of an index in a table of a database.

    Args:
        address: a connection string, without a password; empty: all is in the
            environment.
        name: of the table, in the first schema of the search path.
        source: the index.
        vectors: the type of dense vectors, `halfvec` or `vector`.
        hnsw: whether vectors are to be searched by HNSW, approximately.

    Raises:
        InputError: the server is not reached, lacks pgvector, or has another table of
            this name.
    """

    modes = (DENSE, SPARSE)

    def __init__(
        self, address: str, name: str, source: Source, *, vectors: str, hnsw: bool
    ) -> None:
        self._connection = connected(address)
        self._hnsw = hnsw
        self._name, self._source, self._vectors = name, source, vectors
        self._columns = [one for one in COLUMNS if one.name in self._held()]
        with self._answering():
            self._language = self._configuration()

    def _held(self) -> set[str]:
        return {*self._source.columns, "dense", "sparse"}

    def _configuration(self) -> str:
        """The text search configuration of the language; `simple` where it has none."""
        asked = self._source.language or "simple"
        known = {one for (one,) in self._all("SELECT cfgname FROM pg_ts_config")}
        tell_unknown("PostgreSQL", asked, known)
        return asked if asked in known else "simple"

    @property
    def _made(self) -> dict[str, Any]:
        """What the table is made by: one that is made otherwise is not written to."""
        return {
            "arkiv": FORM,
            "dimensions": self._source.dimensions,
            "vectors": self._vectors,
            "vocabulary": self._source.vocabulary,
            "language": self._language,
        }

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Say in a sentence what the server refuses.

        Raises:
            InputError: instead of psycopg's errors.
        """
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise refused(error) from None

    def _all(self, query: Any, given: Any = None) -> list[tuple]:
        return self._connection.execute(self._sql(query), given).fetchall()

    def _do(self, query: Any, given: Any = None) -> None:
        self._connection.execute(self._sql(query), given)

    def _sql(self, text: Any, **parts: Any) -> Any:
        """A statement; `{table}` in it is the table."""
        from psycopg import sql

        if not isinstance(text, str):
            return text
        return sql.SQL(text).format(table=sql.Identifier(self._name), **parts)

    def open(self, *, make: bool) -> None:
        """Make the table, or see that it is one of this index.

        Args:
            make: whether to make it, and whether nobody else may write to it meanwhile.

        Raises:
            InputError: there is none, it is another's, or was made otherwise.
        """
        with self._answering():
            if make:
                self._lock()
            is_there, comment = self._all(
                "SELECT to_regclass(quote_ident(%s)) IS NOT NULL, "
                "obj_description(to_regclass(quote_ident(%s)), 'pg_class')",
                [self._name, self._name],
            )[0]
            if is_there:
                self._check(comment)
            elif make:
                self._make()
            else:
                raise InputError(
                    f"has no table {self._name}; load it first, without --check",
                    key=KEY,
                )

    def _lock(self) -> None:
        """Let nobody else write to the table until this is closed.

        Raises:
            InputError: another load does.
        """
        import psycopg

        # The server notices a moment later that a load has ended, or was killed.
        self._do(f"SET lock_timeout = {LOCK_MS}")
        try:
            self._all(
                "SELECT pg_advisory_lock(hashtextextended('arkiv ' || %s, 0))",
                [self._name],
            )
        except psycopg.errors.LockNotAvailable:
            reason = f"has a load of {self._name} under way"
            raise InputError(reason, key=KEY) from None
        self._do("SET lock_timeout = DEFAULT")

    def _check(self, comment: str | None) -> None:
        try:
            made = json.loads(comment or "")
        except ValueError:
            made = None
        if not isinstance(made, dict) or "arkiv" not in made:
            raise InputError(
                f"has a table {self._name} that load_index.py did not make; give "
                "another --name",
                key=KEY,
            )
        if made != self._made:
            raise InputError(
                f"has a table {self._name} that is made otherwise ({_told(made)}, "
                f"expected {_told(self._made)}); drop it, or give another --name",
                key=KEY,
            )

    def _make(self) -> None:
        from psycopg import sql

        with self._connection.transaction():
            if not self._all("SELECT 1 FROM pg_extension WHERE extname = 'vector'"):
                self._do("CREATE EXTENSION vector")
            columns = sql.SQL(", ").join(
                sql.SQL("{} {}").format(
                    sql.Identifier(one.name), sql.SQL(self._declared(one))
                )
                for one in self._columns
            )
            text = sql.SQL(
                "full_text tsvector GENERATED ALWAYS AS (to_tsvector({}, text)) STORED"
            ).format(sql.Literal(self._language))
            self._do(
                sql.SQL("CREATE TABLE {} ({}, {})").format(
                    sql.Identifier(self._name), columns, text
                )
            )
            made = sql.Literal(json.dumps(self._made))
            self._do(self._sql("COMMENT ON TABLE {table} IS {made}", made=made))

    def _declared(self, column: Column) -> str:
        return column.declared.format(
            vectors=self._vectors,
            dimensions=self._source.dimensions,
            vocabulary=self._source.vocabulary,
        )

    def fingerprints(self, ids: Sequence[str]) -> Mapping[str, str]:
        with self._answering():
            return dict(
                self._all(
                    "SELECT id, fingerprint FROM {table} WHERE id = ANY(%s)",
                    [list(ids)],
                )
            )

    def put(self, rows: Sequence[Row]) -> None:
        """Write rows in one transaction.

        Raises:
            InputError: one has more token weights than a sparsevec holds.
        """
        from psycopg import sql

        for row in rows:
            if len(row["sparse"][0]) > MOST_SPARSE:
                raise InputError(
                    f"passage {row['id']} has {len(row['sparse'][0])} token weights, "
                    f"and a sparsevec at most {MOST_SPARSE}",
                    key=KEY,
                )
        names = sql.SQL(", ").join(sql.Identifier(one.name) for one in self._columns)
        into = self._sql(
            "COPY {table} ({names}) FROM STDIN WITH (FORMAT BINARY)", names=names
        )
        width = self._source.vocabulary
        with self._answering(), self._connection.transaction():
            self.remove([row["id"] for row in rows])
            with self._connection.cursor().copy(into) as copy:
                copy.set_types([one.sent for one in self._columns])
                for row in rows:
                    copy.write_row(values(row, self._columns, self._vectors, width))

    def count(self) -> int:
        with self._answering():
            return self._all("SELECT count(*) FROM {table}")[0][0]

    def ids(self) -> Iterator[list[str]]:
        last = ""
        while True:
            with self._answering():
                found = self._all(
                    "SELECT id FROM {table} WHERE id > %s ORDER BY id LIMIT %s",
                    [last, IDS_AT_A_TIME],
                )
            if not found:
                return
            yield [one for (one,) in found]
            last = found[-1][0]

    def remove(self, ids: Sequence[str]) -> None:
        with self._answering():
            self._do("DELETE FROM {table} WHERE id = ANY(%s)", [list(ids)])

    def finish(self) -> None:
        """Make the indexes that are not there, and have the planner look at the table.

        Raises:
            InputError: pgvector indexes no vectors of so many dimensions.
        """
        kinds = {name: f"btree ({name})" for name in FILTERS} | {
            "full_text": "gin (full_text)"
        }
        if self._hnsw:
            kinds |= self._hnsw_indexes()
        with self._answering():
            for column, kind in kinds.items():
                self._index(column, kind)
            self._do("ANALYZE {table}")

    def _hnsw_indexes(self) -> dict[str, str]:
        most = MOST_HNSW[self._vectors]
        if self._source.dimensions > most:
            raise InputError(
                f"cannot be had: HNSW of pgvector takes {most} dimensions of a "
                f"{self._vectors}, the index has {self._source.dimensions}",
                key="--hnsw",
            )
        kinds = {"dense": f"hnsw (dense {self._vectors}_cosine_ops)"}
        if self._source.most_weights() <= MOST_SPARSE_HNSW:
            kinds["sparse"] = "hnsw (sparse sparsevec_ip_ops)"
        return kinds

    def _index(self, column: str, kind: str) -> None:
        from psycopg import sql

        name = sql.Identifier(f"{self._name}_{column}")
        self._do(
            self._sql("CREATE INDEX IF NOT EXISTS {name} ON {table} USING ", name=name)
            + sql.SQL(kind)
        )

    def found(self, queries: Sequence[Query], mode: str) -> list[list[str]]:
        """The ids of the first passages of each query, best first, by exact search."""
        asked = {DENSE: self._dense, SPARSE: self._sparse}[mode]
        with self._answering(), self._connection.transaction():
            self._do("SET LOCAL enable_indexscan = off")
            return [asked(query) for query in queries]

    def also(self) -> list[str]:
        """What else holds, in sentences: full text, and how much HNSW finds.

        Raises:
            InputError: full text does not find what it should.
        """
        # Where words are stemmed otherwise than in the index, others are found.
        stems_alike = self._language == (self._source.language or "simple")
        held = check_words(self._source, self.matching) if stems_alike else []
        if (recall := self.recall(read_queries(self._source))) is not None:
            held.append(f"HNSW finds {recall:.1%} of the {FIRST} nearest passages")
        return held

    def recall(self, queries: Sequence[Query]) -> float | None:
        """The share of the first passages that HNSW finds; None: there is no HNSW."""
        exact = self.found(queries, DENSE)
        with self._answering(), self._connection.transaction():
            if not self._all(
                "SELECT 1 FROM pg_indexes WHERE tablename = %s AND indexname = %s",
                [self._name, f"{self._name}_dense"],
            ):
                return None
            self._do("SET LOCAL enable_seqscan = off")
            near = [self._dense(query) for query in queries]
        pairs = zip(exact, near, strict=True)
        hits = sum(len({*one} & {*other}) for one, other in pairs)
        return hits / sum(map(len, exact))

    def _dense(self, query: Query) -> list[str]:
        vector = "[" + ",".join(map(repr, query.dense.tolist())) + "]"
        return self._nearest("dense <=>", vector, self._vectors)

    def _sparse(self, query: Query) -> list[str]:
        tokens, weights = query.sparse
        pairs = zip((tokens + 1).tolist(), weights.tolist(), strict=True)
        vector = ",".join(f"{one}:{weight!r}" for one, weight in pairs)
        vector = f"{{{vector}}}/{self._source.vocabulary}"
        # The rest share no token with the query.
        others = "WHERE sparse <#> {asked} < 0"
        return self._nearest("sparse <#>", vector, "sparsevec", others)

    def _nearest(self, by: str, vector: str, kind: str, which: str = "") -> list[str]:
        from psycopg import sql

        found = self._all(
            self._sql(
                f"SELECT id FROM {{table}} {which} ORDER BY {by} {{asked}} "
                "LIMIT {first}",
                asked=sql.SQL("{}::" + kind).format(sql.Literal(vector)),
                first=sql.Literal(FIRST),
            )
        )
        return [one for (one,) in found]

    def matching(self, query: str, ids: Sequence[str]) -> set[str]:
        """Those of some passages that full text finds by any of a query's words."""
        any_word = (
            "replace(plainto_tsquery(%s::regconfig, %s)::text, '&', '|')::tsquery"
        )
        with self._answering():
            found = self._all(
                "SELECT id FROM {table} WHERE id = ANY(%s) AND full_text @@ "
                + any_word,
                [list(ids), self._language, query],
            )
        return {one for (one,) in found}

    def close(self) -> None:
        self._connection.close()


def _told(made: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in made.items() if key != "arkiv")
