"""load_index.py: the same rows elsewhere, and the same found there.

What is expected to be found is NumPy's, see `loaded.queries`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loaded import (
    QUERIES,
    ROWS,
    VOCABULARY,
    build_index,
    bulk,
    changed_rows,
    in_bytes,
    row,
    rows,
)
from project import ROOT

from arkiv.base.errors import InputError
from load_index import main

FILES = ("parquet", "elasticsearch", "opensearch", "vespa")


@pytest.fixture(scope="session")
def reversed_(tmp_path_factory) -> Path:
    """An index whose first query is said to find the nearest last."""
    folder = tmp_path_factory.mktemp("reversed")
    build_index(folder, rows())
    path = folder / "expected.jsonl"
    first = json.loads(path.read_text("utf-8").splitlines()[0])
    first["hits"]["dense"].reverse()
    path.write_text(json.dumps(first) + "\n")
    return folder


everywhere = pytest.mark.parametrize(
    "place", ["postgres", "qdrant", *FILES], indirect=True
)
in_postgres = pytest.mark.parametrize("place", ["postgres"], indirect=True)
in_qdrant = pytest.mark.parametrize("place", ["qdrant"], indirect=True)


def fingerprints(place: list[str]) -> dict[str, str]:
    """What is there, read by the place's own client."""
    kind, where = place[0][2:], place[1]
    if kind == "postgres":
        with psycopg.connect(where) as connection:
            return dict(connection.execute("SELECT id, fingerprint FROM passages"))
    if kind == "qdrant":
        from qdrant_client import QdrantClient

        client = QdrantClient(path=where)
        points, _ = client.scroll("passages", limit=1000)
        client.close()
        return {one.payload["id"]: one.payload["fingerprint"] for one in points}
    if kind == "parquet":
        table = pa.concat_tables(map(pq.read_table, Path(where).glob("*.parquet")))
        return dict(
            zip(*table.select(["id", "fingerprint"]).to_pydict().values(), strict=True)
        )
    return {one: document["fingerprint"] for one, document in bulk(where, kind).items()}


def expected(given: list[dict]) -> dict[str, str]:
    return {one["id"]: one["fingerprint"] for one in given}


@everywhere
def test_rows_are_those_of_the_index(place, small_index, changed_index, capsys):
    small = ["--batch", "16", "--rows", "12"]
    for index, done in (
        (small_index, f"{ROWS} rows written, 0 were there, 0 removed"),
        (small_index, f"0 rows written, {ROWS} were there, 0 removed"),
    ):
        main([str(index), *place, *small])
        assert capsys.readouterr().out.strip() == done
    main([str(small_index), *place, *small, "--check"])
    told = capsys.readouterr().out
    for mode in ("dense", "sparse"):
        assert f"{mode}: 10 first passages of {QUERIES} queries as expected" in told
    main([str(changed_index), *place, *small])
    told = capsys.readouterr().out
    assert told.endswith(" 3 removed\n")
    if place[0] in ("--postgres", "--qdrant"):
        assert told.startswith("2 rows written, ")
    assert fingerprints(place) == expected(changed_rows())
    main([str(changed_index), *place, *small, "--check"])


@everywhere
def test_a_check_tells_of_rows_that_are_not_the_index_s(place, small_index, reversed_):
    there = Path(place[1])
    was = place[0] == "--postgres" or there.exists()
    with pytest.raises(InputError, match="load"):
        main([str(small_index), *place, "--check"])
    assert was or not there.exists()
    main([str(small_index), *place])
    with pytest.raises(InputError, match=r"dense search .* rank 1, expected passage"):
        main([str(reversed_), *place, "--check"])


# What runs in a process that is killed at the 25th call of a function.
KILLED = """
import importlib, os, signal, sys
module, name, *words = sys.argv[1:]
module = importlib.import_module(module)
whole, calls = getattr(module, name), []
def until_killed(*given):
    calls.append(None)
    if len(calls) == 25:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*given)
setattr(module, name, until_killed)
import load_index
load_index.main(words)
"""


def goes_on(words: list[str], place: list[str], capsys) -> None:
    """See that a load, of which something is there, ends with all of it."""
    with pytest.raises(InputError, match="load"):
        main([*words, "--check"])
    there = fingerprints(place)
    assert 0 < len(there) < ROWS
    capsys.readouterr()
    main(words)
    told = capsys.readouterr().out
    assert told.startswith(f"{ROWS - len(there)} rows written, {len(there)} were there")
    main([*words, "--check"])


@pytest.mark.parametrize(
    ("place", "called"),
    [("postgres", "postgres.values"), ("elasticsearch", "elastic._document")],
    indirect=["place"],
)
def test_a_load_that_was_killed_goes_on(place, called, small_index, capsys):
    module, _, name = f"arkiv.index.load.{called}".rpartition(".")
    words = [str(small_index), *place, "--batch", "10", "--rows", "10"]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, module, name, *words],
        env={"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
    )
    assert done.returncode == -9, done.stderr
    goes_on(words, place, capsys)


@in_qdrant
def test_a_load_into_qdrant_that_ended_early_goes_on(
    place, small_index, capsys, monkeypatch
):
    from arkiv.index.load import qdrant

    calls = iter(range(25))
    words = [str(small_index), *place, "--batch", "10"]
    with monkeypatch.context() as patched:
        point = qdrant.point
        patched.setattr(qdrant, "point", lambda row: (next(calls), point(row))[1])
        with pytest.raises(StopIteration):
            main(words)
    goes_on(words, place, capsys)


@in_postgres
def test_postgres_has_what_the_index_has(place, small_index, capsys):
    main([str(small_index), *place, "--postgres-type", "vector", "--hnsw"])
    main([str(small_index), *place, "--postgres-type", "vector", "--check"])
    told = capsys.readouterr().out
    assert "HNSW finds " in told
    assert f"full text: {10 * QUERIES} of {10 * QUERIES} first passages" in told
    given = row(7)
    with psycopg.connect(place[1]) as connection:

        def one(asked: str):
            query = f"SELECT {asked} FROM passages WHERE id = 'passage-7'"
            return connection.execute(query).fetchone()

        dense = np.float32(json.loads(one("dense::text")[0]))
        assert dense.tolist() == given["dense"].tolist()
        pairs = dict(zip(given["sparse_tokens"], given["sparse_weights"], strict=True))
        # Its dimensions count from 1.
        sparse, dimensions = one("sparse::text")[0].strip("{").split("}/")
        read = {
            int(k) - 1: np.float32(v)
            for k, v in (p.split(":") for p in sparse.split(","))
        }
        assert (read, int(dimensions)) == (pairs, VOCABULARY)
        plain = ["text", "title", "year", "year_to", "first_label", "lines", "images"]
        assert one(", ".join(plain)) == tuple(given[name] for name in plain)
        assert one("about->>'härad'") == ("Bräkne",)
        assert one("confidence") == (np.float32(given["confidence"]),)
        # By another form of the word.
        (found,) = connection.execute(
            "SELECT count(*) FROM passages WHERE full_text @@ "
            "to_tsquery('swedish', 'kvarnar')"
        ).fetchone()
    texts = [row(n)["text"] for n in range(ROWS)]
    assert found == sum("kvarn" in text for text in texts) > 0


@in_postgres
def test_postgres_refuses_a_table_that_is_another_s(place, small_index):
    main([str(small_index), *place])
    with pytest.raises(InputError, match=r"vectors halfvec.*expected.*vectors vector"):
        main([str(small_index), *place, "--postgres-type", "vector"])
    with psycopg.connect(place[1]) as connection:
        connection.execute("COMMENT ON TABLE passages IS NULL")
    with pytest.raises(InputError, match="did not make"):
        main([str(small_index), *place])


@in_postgres
def test_one_load_at_a_time_writes_to_a_table(place, small_index, monkeypatch):
    monkeypatch.setattr("arkiv.index.load.postgres.LOCK_MS", 50)
    with psycopg.connect(place[1]) as connection:
        connection.execute(
            "SELECT pg_advisory_lock(hashtextextended('arkiv passages', 0))"
        )
        with pytest.raises(InputError, match="under way"):
            main([str(small_index), *place])


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--postgres", "postgresql://me:hush@localhost/x"], "has a password in it"),
        (["--postgres", "host=localhost password=hush"], "has a password in it"),
        (["--postgres", "hush hush"], "is no connection string"),
        (["--postgres", "host=/nowhere"], "PostgreSQL says: .* failed"),
        (["--qdrant", "http://me:hush@localhost:1"], "others see"),
        (["--qdrant", "http://localhost:1"], "Qdrant says: "),
        (["--qdrant", "localhost:1"], "an address such as http://localhost:1"),
    ],
)
def test_secrets_are_neither_taken_from_the_command_line_nor_told(
    flags, said, small_index, monkeypatch, caplog
):
    monkeypatch.setenv("PGPASSWORD", "hush")
    monkeypatch.setenv("QDRANT_API_KEY", "hush")
    with pytest.raises(InputError, match=said) as fault:
        main([str(small_index), *flags])
    assert "hush" not in f"{fault.value}{caplog.text}"


def test_a_password_among_words_that_are_no_flags_is_not_repeated(small_index, capsys):
    with pytest.raises(SystemExit):
        main([str(small_index), "postgresql://me:hush@localhost/x", "--parquet", "x"])
    told = capsys.readouterr().err
    assert "unrecognized arguments: postgresql://[not shown]@localhost/x" in told


@in_qdrant
def test_qdrant_has_what_the_index_has(place, small_index):
    from qdrant_client import QdrantClient, models

    main([str(small_index), *place])
    client = QdrantClient(path=place[1])
    of = models.Filter(
        must=[
            models.FieldCondition(key="volume", match=models.MatchValue(value="vol/1")),
            models.FieldCondition(key="year", range=models.Range(gte=1837)),
        ]
    )
    points, _ = client.scroll("passages", of, limit=99, with_vectors=True)
    client.close()
    found = {one.payload["id"]: one for one in points}
    assert found.keys() == {f"passage-{n}" for n in (37, 38, 39)}
    given, one = row(37), found["passage-37"]
    assert one.payload["lines"] == given["lines"]
    assert one.payload["about"] == {"härad": "Bräkne", "nr": 37}
    assert one.vector["sparse"].indices == given["sparse_tokens"]
    assert np.allclose(one.vector["dense"], given["dense"], atol=1e-6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--name", "Bad-Name"], "--name`: is Bad-Name, expected"),
        (["--batch", "0"], "--batch`: is 0, expected at least 1"),
    ],
)
def test_flags_at_fault_are_told(words, said, small_index, tmp_path):
    with pytest.raises(InputError, match=said):
        main([str(small_index), "--parquet", str(tmp_path / "there"), *words])


def test_a_folder_that_is_no_index_is_told(tmp_path):
    with pytest.raises(InputError, match="has no table"):
        main([str(tmp_path), "--parquet", str(tmp_path / "there")])


@pytest.fixture(scope="session")
def odd(tmp_path_factory) -> Path:
    """An index with texts that not all take, and words of another language."""
    given = rows()
    given[3]["text"] = "nul \0 and \x01"
    given[3]["about"] = json.dumps({"a\0": "b\0"})
    return build_index(tmp_path_factory.mktemp("odd"), given, language="yiddish")


@pytest.mark.parametrize(
    ("place", "said", "kept"),
    [
        ("postgres", ["U+0000 in its text"], "nul � and \x01"),
        ("vespa", ["controls in its text"], "nul � and �"),
        ("elasticsearch", ["has no stemmer for yiddish"], "nul \0 and \x01"),
    ],
    indirect=["place"],
)
def test_what_a_place_does_not_take_is_told(place, said, kept, odd, caplog):
    main([str(odd), *place])
    for one in said:
        assert one in caplog.text
    if place[0] == "--postgres":
        query = "SELECT text FROM passages WHERE id = 'passage-3'"
        with psycopg.connect(place[1]) as connection:
            (text,) = connection.execute(query).fetchone()
        # Nor does it take the queries' words for forms of the passages'.
        with pytest.raises(InputError, match=r"full text: 19 of .* at least half"):
            main([str(odd), *place, "--check"])
    else:
        text = bulk(place[1], place[0][2:])["passage-3"]["text"]
    assert text == kept


@everywhere
def test_vectors_of_int8_are_found_as_in_the_table(place, byte_index, capsys):
    main([str(byte_index), *place])
    main([str(byte_index), *place, "--check"])
    assert f"dense: 10 first passages of {QUERIES}" in capsys.readouterr().out


@in_qdrant
def test_qdrant_has_a_vector_for_each_token(place, byte_index):
    from qdrant_client import QdrantClient

    main([str(byte_index), *place])
    given = in_bytes(row(7))["multi_vectors"]
    client = QdrantClient(path=place[1])
    found = client.query_points(
        "passages", [given[0].tolist()], using="multi", limit=1, with_vectors=True
    ).points
    client.close()
    assert found[0].payload["id"] == "passage-7"
    assert np.allclose(found[0].vector["multi"], given, atol=2e-3)
