"""One file per range of token lengths."""

import pytest
from project import records

import split_by_length
from arkiv.errors import InputError
from arkiv.files import read_json, write_records
from arkiv.lengths import bucket_of, token_lengths


def row(number, words):
    return {
        "id": str(number),
        "query": f"fråga {number}",
        "pos": ["ordet " * words],
        "neg": ["kort", "något längre än så"],
        "pos_scores": [1.5],
        "neg_scores": [0.5, -0.5],
        "more": "dropped",
    }


def split(tmp_path, model, rows, edges=(0, 20, 60)):
    paths = []
    for n, part in enumerate(rows):
        paths.append(str(tmp_path / f"in{n}.jsonl"))
        write_records(paths[-1], part)
    outputs = [tmp_path / f"d_len-{edge}.jsonl" for edge in edges]
    split_by_length.main(
        [
            *("--pairs", *paths),
            *("--tokenizer", str(model)),
            *("--edges", *map(str, edges)),
            *("--outputs", *map(str, outputs)),
            *("--log", str(tmp_path / "log.json")),
        ]
    )
    return outputs


def test_each_row_is_in_the_range_of_its_longest_text(tmp_path, tiny_embedder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_embedder)
    rows = [row(n, words) for n, words in enumerate((1, 90, 8, 30, 16, 17, 18, 19))]
    outputs = split(tmp_path, tiny_embedder, [rows[:3], rows[3:]])
    seen = []
    for output, (low, high) in zip(
        outputs, [(0, 20), (20, 60), (60, 10**9)], strict=True
    ):
        for record in records(output):
            texts = [record["query"], *record["pos"], *record["neg"]]
            longest = max(len(tokenizer(text)["input_ids"]) for text in texts)
            assert low <= longest < high
            assert "more" not in record
            seen.append(record["id"])
    assert sorted(seen) == sorted(r["id"] for r in rows)
    log = read_json(tmp_path / "log.json")
    assert log["pairs"] == 8
    assert sum(bucket["pairs"] for bucket in log["buckets"]) == 8


def test_a_range_without_rows_is_an_empty_file(tmp_path, tiny_embedder):
    outputs = split(tmp_path, tiny_embedder, [[row(0, 1)]])
    assert [path.stat().st_size > 0 for path in outputs] == [True, False, False]


def test_lengths_are_those_of_the_tokenizer(svea, tiny_embedder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_embedder)
    texts = [r["pos"][0] for r in records(svea / "archive_pairs.jsonl")[:200]]
    texts += ["", " ", "¬\u00ad\u2028", texts[0]]
    wanted = [len(tokenizer(text)["input_ids"]) for text in texts]
    file = tiny_embedder / "tokenizer.json"
    assert token_lengths(texts, file).tolist() == wanted
    assert token_lengths(texts, file, 50).max() == 50


def test_the_edges_belong_to_the_range_above():
    assert [bucket_of(n, [0, 500, 1000]) for n in (0, 499, 500, 999, 1000, 9000)] == [
        *(0, 0, 1, 1, 2, 2)
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"neg": None, "pos_scores": None, "neg_scores": None},
            r"in0\.jsonl, line 2, `neg`",
        ),
        ({"neg_scores": None}, r"in0\.jsonl, line 2, `neg_scores`: is missing"),
        (
            {"pos_scores": None, "neg_scores": None},
            r"line 2, `pos_scores`: has no teacher scores",
        ),
        ({"neg_scores": [1.0]}, r"in0\.jsonl, line 2, `neg_scores`"),
    ],
)
def test_a_row_that_training_cannot_take_is_named(
    tmp_path, tiny_embedder, change, said
):
    bad = {key: value for key, value in (row(1, 3) | change).items() if value}
    with pytest.raises(InputError, match=said):
        split(tmp_path, tiny_embedder, [[row(0, 3), bad]])
    assert not list(tmp_path.glob("d_len*"))


def test_no_rows_at_all_are_refused(tmp_path, tiny_embedder):
    with pytest.raises(InputError, match="holds no training pairs"):
        split(tmp_path, tiny_embedder, [[]])


@pytest.mark.parametrize("edges", [(5, 10, 20), (0, 20, 20)])
def test_edges_must_rise_from_zero(tmp_path, tiny_embedder, edges):
    with pytest.raises(InputError, match="expected to begin with 0 and to rise"):
        split(tmp_path, tiny_embedder, [[row(0, 3)]], edges)
