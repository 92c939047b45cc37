"""export_collection.py: what BEIR's and MTEB's loaders read of it."""

import csv
import json

import pytest

from arkiv.base.errors import InputError
from export_collection import main

# An id of digits alone, and one that would be a number in another notation.
PASSAGES = {"007": "Först\nså", "1e5": 'ett "citat"\toch mer', "08": "tredje"}
QUERIES = {"01": "Vem, vad?", "02": '"Var"', "03": "När?"}
QRELS = {"01": {"007": 1, "08": 0}, "02": {"1e5": 3}}
# Every measure of it is 0, whatever is found.
HOPELESS = {"03": {"007": 0}}


@pytest.fixture
def exported(tmp_path):
    def write(name, key, rows):
        lines = [json.dumps({"id": i, key: t}) + "\n" for i, t in sorted(rows.items())]
        (tmp_path / name).write_text("".join(lines))

    write("corpus", "text", PASSAGES)
    write("queries", "query", QUERIES)
    (tmp_path / "qrels").write_text(
        "".join(
            f"{q} 0 {p} {g}\n"
            for q, found in (QRELS | HOPELESS).items()
            for p, g in found.items()
        )
    )
    words = [w for name in ("corpus", "queries", "qrels") for w in (f"--{name}", name)]
    words = [w if w.startswith("--") else tmp_path / w for w in words]
    main([*map(str, words), "--language", "sv", "--output", str(tmp_path / "beir")])
    return tmp_path / "beir"


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_beirs_own_loader_would_read_it_back(exported):
    """Line by line as `beir.datasets.data_loader.GenericDataLoader` does."""
    corpus = {row["_id"]: row for row in lines(exported / "corpus.jsonl")}
    assert {key: row["text"] for key, row in corpus.items()} == PASSAGES
    assert {row["title"] for row in corpus.values()} == {""}
    found = lines(exported / "queries.jsonl")
    assert {row["_id"]: row["text"] for row in found} == QUERIES
    with open(exported / "qrels/test.tsv", encoding="utf-8") as file:
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_MINIMAL)
        assert next(reader) == ["query-id", "corpus-id", "score"]
        qrels = {}
        for query_id, passage_id, score in reader:
            qrels.setdefault(query_id, {})[passage_id] = int(score)
    assert qrels == QRELS


def test_datasets_load_it_by_the_configurations_that_mteb_asks_for(
    exported, tmp_path, monkeypatch
):
    import datasets

    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")

    def loaded(name):
        (split,) = datasets.get_dataset_split_names(str(exported), name)
        cache = str(tmp_path / "cache")
        return datasets.load_dataset(str(exported), name, split=split, cache_dir=cache)

    names = datasets.get_dataset_config_names(str(exported))
    assert set(names) == {"default", "corpus", "queries"}
    assert {row["_id"]: row["text"] for row in loaded("corpus")} == PASSAGES
    assert {row["_id"]: row["text"] for row in loaded("queries")} == QUERIES
    judged = [(r["query-id"], r["corpus-id"], r["score"]) for r in loaded("default")]
    wanted = [(q, p, g) for q, found in QRELS.items() for p, g in found.items()]
    assert judged == wanted


def test_a_collection_that_is_none_leaves_nothing(tmp_path):
    (tmp_path / "corpus").write_text("{}\n")
    words = [
        "--corpus",
        tmp_path / "corpus",
        "--queries",
        tmp_path,
        "--qrels",
        tmp_path,
    ]
    with pytest.raises(InputError, match="corpus, line 1, `id`: is missing"):
        main([*map(str, words), "--output", str(tmp_path / "beir")])
    assert not (tmp_path / "beir").exists()
