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
from loaded import DIMENSIONS, QUERIES, ROWS, VOCABULARY, build_index, in_bytes, row
from postgres import running
from project import ROOT

from arkiv.base.errors import InputError
from load_index import main

FILES = ("parquet", "elasticsearch", "opensearch", "vespa")
# Gone: 10 to 12; another text and vector: 20; new: 100.
CHANGED = [row(n, 2 if n == 20 else 1) for n in range(ROWS) if n not in (10, 11, 12)]
CHANGED.append(row(100))


@pytest.fixture(scope="session")
def address():
    """Of a PostgreSQL with pgvector."""
    with running() as found:
        yield found


@pytest.fixture(scope="session")
def before(tmp_path_factory) -> Path:
    """An index, which no test writes to."""
    return build_index(tmp_path_factory.mktemp("before"), [row(n) for n in range(ROWS)])


@pytest.fixture(scope="session")
def after(tmp_path_factory) -> Path:
    """The index once its archive has changed."""
    return build_index(tmp_path_factory.mktemp("after"), CHANGED)


@pytest.fixture(scope="session")
def reversed_(tmp_path_factory) -> Path:
    """An index whose first query is said to find the nearest last."""
    folder = tmp_path_factory.mktemp("reversed")
    build_index(folder, [row(number) for number in range(ROWS)])
    path = folder / "expected.jsonl"
    first = json.loads(path.read_text("utf-8").splitlines()[0])
    first["hits"]["dense"].reverse()
    path.write_text(json.dumps(first) + "\n")
    return folder


@pytest.fixture
def place(request, tmp_path, address):
    """The flags of a place of its own: `--qdrant DIR`, or a table of its own."""
    kind = request.param
    if kind != "postgres":
        return [f"--{kind}", str(tmp_path / "there")]
    with psycopg.connect(address) as connection:
        connection.execute("DROP TABLE IF EXISTS passages")
    return ["--postgres", address]


everywhere = pytest.mark.parametrize(
    "place", ["postgres", "qdrant", *FILES], indirect=True
)
in_postgres = pytest.mark.parametrize("place", ["postgres"], indirect=True)
in_qdrant = pytest.mark.parametrize("place", ["qdrant"], indirect=True)


def bulk(folder: str | Path, kind: str) -> dict[str, dict]:
    """Documents by id, as the reader of such files takes them, in any order."""
    found: dict[str, dict] = {}
    for path in Path(folder).glob("passages-*"):
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        if kind == "vespa":
            prefix = "id:arkiv:passages::"
            pairs = [(one["put"].removeprefix(prefix), one["fields"]) for one in lines]
        else:
            actions, documents = lines[::2], lines[1::2]
            assert [*map(list, actions)] == [["index"]] * len(documents)
            ids = [one["index"]["_id"] for one in actions]
            pairs = [*zip(ids, documents, strict=True)]
        assert not {one for one, _ in pairs} & found.keys()
        found |= dict(pairs)
    return found


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


def expected(rows: list[dict]) -> dict[str, str]:
    return {one["id"]: one["fingerprint"] for one in rows}


@everywhere
def test_rows_are_the_index_s_and_found_as_in_it(place, before, after, capsys):
    small = ["--batch", "16", "--rows", "12"]
    for index, done in (
        (before, f"{ROWS} rows written, 0 were there, 0 removed"),
        (before, f"0 rows written, {ROWS} were there, 0 removed"),
    ):
        main([str(index), *place, *small])
        assert capsys.readouterr().out.strip() == done
    main([str(before), *place, *small, "--check"])
    told = capsys.readouterr().out
    for mode in ("dense", "sparse"):
        assert f"{mode}: 10 first passages of {QUERIES} queries as expected" in told
    main([str(after), *place, *small])
    told = capsys.readouterr().out
    assert told.endswith(" 3 removed\n")
    if place[0] in ("--postgres", "--qdrant"):
        assert told.startswith("2 rows written, ")
    assert fingerprints(place) == expected(CHANGED)
    main([str(after), *place, *small, "--check"])


@everywhere
def test_a_check_tells_of_rows_that_are_not_the_index_s(place, before, reversed_):
    with pytest.raises(InputError, match="load"):
        main([str(before), *place, "--check"])
    main([str(before), *place])
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
def test_a_load_that_was_killed_goes_on(place, called, before, capsys):
    module, _, name = f"arkiv.index.load.{called}".rpartition(".")
    words = [str(before), *place, "--batch", "10", "--rows", "10"]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, module, name, *words],
        env={"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
    )
    assert done.returncode == -9, done.stderr
    goes_on(words, place, capsys)


@in_qdrant
def test_a_load_into_qdrant_that_ended_early_goes_on(
    place, before, capsys, monkeypatch
):
    from arkiv.index.load import qdrant

    calls = iter(range(25))
    words = [str(before), *place, "--batch", "10"]
    with monkeypatch.context() as patched:
        point = qdrant.point
        patched.setattr(qdrant, "point", lambda row: (next(calls), point(row))[1])
        with pytest.raises(StopIteration):
            main(words)
    goes_on(words, place, capsys)


@in_postgres
def test_postgres_has_what_the_index_has(place, before, capsys):
    main([str(before), *place, "--postgres-type", "vector", "--hnsw"])
    main([str(before), *place, "--postgres-type", "vector", "--check"])
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
def test_postgres_refuses_a_table_that_is_another_s(place, before):
    main([str(before), *place])
    with pytest.raises(InputError, match=r"vectors halfvec.*expected.*vectors vector"):
        main([str(before), *place, "--postgres-type", "vector"])
    with psycopg.connect(place[1]) as connection:
        connection.execute("COMMENT ON TABLE passages IS NULL")
    with pytest.raises(InputError, match="did not make"):
        main([str(before), *place])


@in_postgres
def test_one_load_at_a_time_writes_to_a_table(place, before):
    with psycopg.connect(place[1]) as connection:
        connection.execute(
            "SELECT pg_advisory_lock(hashtextextended('arkiv passages', 0))"
        )
        with pytest.raises(InputError, match="under way"):
            main([str(before), *place])


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--postgres", "postgresql://me:hush@localhost/x"], "has a password in it"),
        (["--postgres", "host=localhost password=hush"], "has a password in it"),
        (["--postgres", "hush hush"], "is no connection string"),
        (["--postgres", "host=/nowhere"], "PostgreSQL says: .* failed"),
        (["--qdrant", "http://me:hush@localhost:1"], "others see"),
        (["--qdrant", "http://localhost:1"], "Qdrant says: "),
    ],
)
def test_secrets_are_neither_taken_from_the_command_line_nor_told(
    flags, said, before, monkeypatch, caplog
):
    monkeypatch.setenv("PGPASSWORD", "hush")
    monkeypatch.setenv("QDRANT_API_KEY", "hush")
    with pytest.raises(InputError, match=said) as fault:
        main([str(before), *flags])
    assert "hush" not in f"{fault.value}{caplog.text}"


@in_qdrant
def test_qdrant_has_what_the_index_has(place, before):
    from qdrant_client import QdrantClient, models

    main([str(before), *place])
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


def test_parquet_is_the_table(before, tmp_path):
    import lance

    folder = tmp_path / "there"
    main([str(before), "--parquet", str(folder), "--rows", "12"])
    contents = json.loads((folder / "contents.json").read_text())
    files = [pq.ParquetFile(folder / one["file"]) for one in contents["files"]]
    assert len(files) >= 5
    assert max(one.metadata.num_rows for one in files) <= 12
    read = pa.concat_tables(one.read() for one in files)
    assert read == lance.dataset(str(before / "passages.lance")).to_table()


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_bulk_files_are_what_the_mapping_says(kind, before, after, tmp_path):
    folder = tmp_path / "there"
    main([str(before), f"--{kind}", str(folder), "--rows", "12"])
    mapping = json.loads((folder / "mapping.json").read_text())["mappings"]
    fields = mapping["properties"]
    assert (mapping["dynamic"], fields["text"]["analyzer"]) == ("strict", "swedish")
    dense, sparse = fields["dense"], fields["sparse"]["type"]
    assert (dense["type"], dense.get("dims") or dense.get("dimension"), sparse) == (
        ("dense_vector", DIMENSIONS, "sparse_vector")
        if kind == "elasticsearch"
        else ("knn_vector", DIMENSIONS, "rank_features")
    )
    for path in folder.glob("passages-*"):
        assert path.read_bytes().endswith(b"}\n")
        assert len(path.read_text("utf-8").splitlines()) <= 2 * 12
    documents = bulk(folder, kind)
    assert documents.keys() == {f"passage-{n}" for n in range(ROWS)}
    for document in documents.values():
        assert document.keys() <= fields.keys()
        assert None not in document.values()
        assert all(
            "." not in name and weight > 0
            for name, weight in document["sparse"].items()
        )
    given = row(7)
    assert (
        np.float16(documents["passage-7"]["dense"]).tolist() == given["dense"].tolist()
    )
    main([str(after), f"--{kind}", str(folder), "--rows", "12"])
    removed = (folder / "removed.ndjson").read_text().splitlines()
    ids = [json.loads(one)["delete"]["_id"] for one in removed]
    assert ids == ["passage-10", "passage-11", "passage-12"]
    # What comes back is no longer removed.
    main([str(before), f"--{kind}", str(folder), "--rows", "12"])
    removed = (folder / "removed.ndjson").read_text().splitlines()
    assert [json.loads(one)["delete"]["_id"] for one in removed] == ["passage-100"]


def test_vespa_documents_are_of_the_schema(before, after, tmp_path):
    import re

    folder = tmp_path / "there"
    main([str(before), "--vespa", str(folder)])
    schema = (folder / "passages.sd").read_text()
    assert schema.count("{") == schema.count("}")
    # Two blocks deeper than the struct's.
    fields = set(re.findall(r"^ {8}field (\w+) type", schema, re.M))
    within = set(re.findall(r"^ {12}field (\w+) type", schema, re.M))
    assert f"tensor<float>(x[{DIMENSIONS}])" in schema
    documents = bulk(folder, "vespa")
    assert documents.keys() == {f"passage-{n}" for n in range(ROWS)}
    for document in documents.values():
        assert document.keys() <= fields
        assert all(line.keys() <= within for line in document["lines"])
        assert None not in document.values()
        assert (document["language"], len(document["dense"])) == ("sv", DIMENSIONS)
    main([str(after), "--vespa", str(folder)])
    removed = map(json.loads, (folder / "removed.jsonl").read_text().splitlines())
    prefix = "id:arkiv:passages::passage-"
    assert [one["remove"] for one in removed] == [f"{prefix}{n}" for n in (10, 11, 12)]


@pytest.fixture(scope="session")
def as_bytes(tmp_path_factory) -> Path:
    """An index of int8 vectors, with one for each token."""
    rows = [in_bytes(row(number)) for number in range(ROWS)]
    return build_index(tmp_path_factory.mktemp("bytes"), rows)


@everywhere
def test_vectors_of_int8_are_found_as_in_the_table(place, as_bytes, capsys):
    main([str(as_bytes), *place])
    main([str(as_bytes), *place, "--check"])
    assert f"dense: 10 first passages of {QUERIES}" in capsys.readouterr().out


@in_qdrant
def test_qdrant_has_a_vector_for_each_token(place, as_bytes):
    from qdrant_client import QdrantClient

    main([str(as_bytes), *place])
    given = in_bytes(row(7))["multi_vectors"]
    client = QdrantClient(path=place[1])
    found = client.query_points(
        "passages", [given[0].tolist()], using="multi", limit=1, with_vectors=True
    ).points
    client.close()
    assert found[0].payload["id"] == "passage-7"
    assert np.allclose(found[0].vector["multi"], given, atol=2e-3)


def test_vespa_has_a_vector_for_each_token(as_bytes, tmp_path):
    main([str(as_bytes), "--vespa", str(tmp_path / "there")])
    schema = (tmp_path / "there/passages.sd").read_text()
    assert f"field multi type tensor<bfloat16>(token{{}}, x[{DIMENSIONS}])" in schema
    assert f"field dense type tensor<int8>(x[{DIMENSIONS}])" in schema
    document = bulk(tmp_path / "there", "vespa")["passage-7"]
    given = in_bytes(row(7))
    assert document["dense"] == given["dense"].tolist()
    read = [document["multi"][str(n)] for n in range(len(given["multi_vectors"]))]
    assert np.array_equal(np.float16(read), given["multi_vectors"])


def test_a_folder_holds_files_for_one_reader(before, tmp_path):
    main([str(before), "--opensearch", str(tmp_path / "there")])
    with pytest.raises(
        InputError, match="holds files for opensearch, expected a folder"
    ):
        main([str(before), "--elasticsearch", str(tmp_path / "there")])


def test_after_a_change_most_files_stay(before, after, tmp_path):
    folder = tmp_path / "there"
    main([str(before), "--elasticsearch", str(folder), "--rows", "12"])
    files = {path.name for path in folder.glob("passages-*")}
    main([str(after), "--elasticsearch", str(folder), "--rows", "12"])
    assert len(files & {path.name for path in folder.glob("passages-*")}) >= 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--name", "Bad-Name"], "--name`: is Bad-Name, expected"),
        (["--batch", "0"], "--batch`: is 0, expected at least 1"),
    ],
)
def test_flags_at_fault_are_told(words, said, before, tmp_path):
    with pytest.raises(InputError, match=said):
        main([str(before), "--parquet", str(tmp_path / "there"), *words])


def test_a_folder_that_is_no_index_is_told(tmp_path):
    with pytest.raises(InputError, match="has no table"):
        main([str(tmp_path), "--parquet", str(tmp_path / "there")])
