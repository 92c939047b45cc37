"""load_index.py: files, as those read them that they are for."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loaded import DIMENSIONS, ROWS, build_index, bulk, in_bytes, row, rows

from arkiv.base.errors import InputError
from load_index import main


def test_parquet_is_the_table(small_index, tmp_path):
    import lance

    folder = tmp_path / "there"
    main([str(small_index), "--parquet", str(folder), "--rows", "12"])
    contents = json.loads((folder / "contents.json").read_text())
    files = [pq.ParquetFile(folder / one["file"]) for one in contents["files"]]
    assert len(files) >= 5
    assert max(one.metadata.num_rows for one in files) <= 12
    read = pa.concat_tables(one.read() for one in files)
    assert read == lance.dataset(str(small_index / "passages.lance")).to_table()


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_bulk_files_are_as_mapped(kind, small_index, changed_index, tmp_path):
    folder = tmp_path / "there"
    main([str(small_index), f"--{kind}", str(folder), "--rows", "12"])
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
    main([str(changed_index), f"--{kind}", str(folder), "--rows", "12"])
    removed = (folder / "removed.ndjson").read_text().splitlines()
    ids = [json.loads(one)["delete"]["_id"] for one in removed]
    assert ids == ["passage-10", "passage-11", "passage-12"]
    # What comes back is no longer removed.
    main([str(small_index), f"--{kind}", str(folder), "--rows", "12"])
    removed = (folder / "removed.ndjson").read_text().splitlines()
    assert [json.loads(one)["delete"]["_id"] for one in removed] == ["passage-100"]


@pytest.mark.parametrize("kind", ["elasticsearch", "vespa"])
def test_what_is_removed_may_have_any_id(kind, tmp_path):
    kept = [row(number) for number in range(4)]
    kept[0]["id"] = "passage\u2028'\"\\0"
    words = [f"--{kind}", str(tmp_path / "out")]
    main([str(build_index(tmp_path / "index", kept)), *words])
    for _ in range(2):
        # The second time it is read from what the first has written.
        kept = kept[1:]
        main([str(build_index(tmp_path / "index", kept)), *words])
    (path,) = (tmp_path / "out").glob("removed.*")
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    removed = [next(iter(json.loads(line).values())) for line in lines]
    ids = [one if isinstance(one, str) else one["_id"] for one in removed]
    gone = ["passage\u2028'\"\\0", "passage-1"]
    assert {one.removeprefix("id:arkiv:passages::") for one in ids} == {*gone}


def test_vespa_documents_are_of_the_schema(small_index, changed_index, tmp_path):
    folder = tmp_path / "there"
    main([str(small_index), "--vespa", str(folder)])
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
    main([str(changed_index), "--vespa", str(folder)])
    removed = map(json.loads, (folder / "removed.jsonl").read_text().splitlines())
    prefix = "id:arkiv:passages::passage-"
    assert [one["remove"] for one in removed] == [f"{prefix}{n}" for n in (10, 11, 12)]


def test_vespa_has_a_vector_for_each_token(byte_index, tmp_path):
    main([str(byte_index), "--vespa", str(tmp_path / "there")])
    schema = (tmp_path / "there/passages.sd").read_text()
    assert f"field multi type tensor<bfloat16>(token{{}}, x[{DIMENSIONS}])" in schema
    assert f"field dense type tensor<int8>(x[{DIMENSIONS}])" in schema
    document = bulk(tmp_path / "there", "vespa")["passage-7"]
    given = in_bytes(row(7))
    assert document["dense"] == given["dense"].tolist()
    read = [document["multi"][str(n)] for n in range(len(given["multi_vectors"]))]
    assert np.array_equal(np.float16(read), given["multi_vectors"])


def test_a_folder_holds_files_for_one_reader(small_index, tmp_path):
    main([str(small_index), "--opensearch", str(tmp_path / "there")])
    with pytest.raises(
        InputError, match="holds files for opensearch, expected a folder"
    ):
        main([str(small_index), "--elasticsearch", str(tmp_path / "there")])


def test_files_that_were_damaged_are_told(small_index, tmp_path):
    folder = tmp_path / "there"
    words = [str(small_index), "--elasticsearch", str(folder), "--rows", "12"]
    main(words)
    path = max(folder.glob("passages-*"))
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in (lines[:-1], [*lines[:-1], b"{"]):
        path.write_bytes(b"".join(kept))
        with pytest.raises(InputError, match="is damaged; remove it and load again"):
            main([*words, "--check"])
    path.unlink()
    with pytest.raises(InputError, match="no such file; load again"):
        main([*words, "--check"])
    main(words)
    main([*words, "--check"])
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file, expected a folder"):
        main([str(small_index), "--vespa", str(tmp_path / "file")])


def test_of_an_index_that_is_approximate_the_exact_passages_are_expected(tmp_path):
    folder = build_index(tmp_path / "index", rows(), approximate=True)
    path = folder / "expected.jsonl"
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for one in found:
        one["hits"]["dense"] = [*one["hits"]["dense"][1:], "passage-59"]
    path.write_text("".join(json.dumps(one) + "\n" for one in found))
    words = [str(folder), "--parquet", str(tmp_path / "there")]
    main(words)
    main([*words, "--check"])


def test_after_a_change_most_files_stay(small_index, changed_index, tmp_path):
    folder = tmp_path / "there"
    main([str(small_index), "--elasticsearch", str(folder), "--rows", "12"])
    files = {path.name for path in folder.glob("passages-*")}
    main([str(changed_index), "--elasticsearch", str(folder), "--rows", "12"])
    assert len(files & {path.name for path in folder.glob("passages-*")}) >= 3
