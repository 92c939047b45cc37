"""One file per range of token lengths."""

import json
import math
import shutil

import pytest
from project import records

import split_by_length
from arkiv.base.errors import InputError
from arkiv.base.files import composed, read_json, write_json, write_records
from arkiv.encode.description import Description
from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.text.lengths import TokenCounter
from arkiv.train.rows import bucket_of


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


def split(tmp_path, model, rows, edges=(0, 20, 60), **options):
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
            *("--rejected", str(tmp_path / "rejected.jsonl")),
            *(
                word
                for name, value in options.items()
                for word in (f"--{name.replace('_', '-')}", str(value))
                if value is not True or word.startswith("--")
            ),
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


def reference_split(rows, tokenizer, edges):
    """The rows of each range as FlagEmbedding's split_data_by_length.py has them."""
    lengths = []
    for one in rows:
        longest = 0
        for text in [one["query"]] + one["pos"] + one["neg"]:
            longest = max(longest, len(tokenizer(text)["input_ids"]))
        lengths.append(longest)
    return [
        [one for one, n in zip(rows, lengths, strict=True) if low <= n < high]
        for low, high in zip(edges, [*edges[1:], math.inf], strict=True)
    ]


def test_real_rows_are_split_as_flagembedding_does(svea, tmp_path, tiny_embedder):
    from transformers import AutoTokenizer

    given = records(svea / "example_train.jsonl")
    odd = ["", "\u00ad¬ ﬁ\u2028", "e\u0301 \ufeff", "  två  blanka  ", "<s> </s> <pad>"]
    rows = []
    for words in (5, 40, 90, 150, 10_000):
        for one, end in zip(given, [*odd, "x" * 300], strict=True):
            cut = {key: one[key] for key in ("pos_scores", "neg_scores")}
            cut["query"] = f"{one['query']} {end}"
            for key in ("pos", "neg"):
                cut[key] = [
                    " ".join(text.split(" ")[:words]) + end for text in one[key]
                ]
            rows.append(cut)
    edges = [0, 40, 80, 200, 300]
    tokenizer = AutoTokenizer.from_pretrained(tiny_embedder)
    wanted = reference_split(rows, tokenizer, edges)
    assert sum(map(bool, wanted)) > 2
    outputs = split(tmp_path, tiny_embedder, [rows], edges)
    for output, expected in zip(outputs, wanted, strict=True):
        found = [{key: one[key] for key in rows[0]} for one in records(output)]
        # Letters are composed as the rows are read.
        assert found == composed(expected)


def test_a_range_without_rows_is_an_empty_file(tmp_path, tiny_embedder):
    outputs = split(tmp_path, tiny_embedder, [[row(0, 1)]])
    assert [path.stat().st_size > 0 for path in outputs] == [True, False, False]


def test_lengths_are_those_of_the_tokenizer(svea, tiny_embedder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_embedder)
    texts = [r["pos"][0] for r in records(svea / "archive_pairs.jsonl")[:200]]
    texts += ["", " ", "¬\u00ad\u2028", texts[0]]
    wanted = [len(tokenizer(text)["input_ids"]) for text in texts]
    counter = TokenCounter(fast_tokenizer(tiny_embedder))
    assert counter.lengths(texts).tolist() == wanted


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


def test_rows_need_no_negatives_where_training_takes_none(tmp_path, tiny_embedder):
    rows = [{"query": f"text {n}", "pos": [f"text {n}"]} for n in range(3)]
    rows[1]["neg"] = []
    rows[2]["neg"] = ["annat"]
    for positives in ("draw", "each"):
        first, *_ = split(
            *(tmp_path, tiny_embedder, [rows]),
            without_negatives=True,
            positives=positives,
        )
        found = [json.loads(line) for line in first.read_text("utf-8").splitlines()]
        assert [one["neg"] for one in found] == [[], [], ["annat"]]
        assert [one["neg_ids"] == [] for one in found] == [True, True, False]
    assert (tmp_path / "rejected.jsonl").read_text() == ""


def test_no_rows_at_all_are_refused(tmp_path, tiny_embedder):
    with pytest.raises(InputError, match="holds no training pairs"):
        split(tmp_path, tiny_embedder, [[]])


@pytest.mark.parametrize("edges", [(5, 10, 20), (0, 20, 20)])
def test_edges_must_rise_from_zero(tmp_path, tiny_embedder, edges):
    with pytest.raises(InputError, match="expected ascending numbers from 0"):
        split(tmp_path, tiny_embedder, [[row(0, 3)]], edges)


# What is made of the teacher's scores.


def scored(number, pos, neg, **more):
    texts = {
        "pos": [f"svar {number} {k}" for k in range(len(pos))],
        "neg": [f"annat {number} {k}" for k in range(len(neg))],
    }
    names = {
        f"{key}_ids": [text.replace(" ", "") for text in some]
        for key, some in texts.items()
    }
    return {
        "id": str(number),
        "query": f"fråga {number}",
        **texts,
        **names,
        "pos_scores": pos,
        "neg_scores": neg,
        **more,
    }


def test_without_settings_the_scores_are_those_of_the_input(tmp_path, tiny_embedder):
    rows = [scored(0, [1.5], [9.25, -3e-7]), scored(1, [0.1], [0.1])]
    outputs = split(tmp_path, tiny_embedder, [rows])
    assert records(outputs[0]) == rows
    log = read_json(tmp_path / "log.json")
    assert log["teacher"] == {
        "filter": {"margin": None},
        "normalize": "none",
        "temperature": 1.0,
        "negatives_dropped": 0,
        "rows_short": 0,
    }
    assert log["set_aside"] == {}
    assert records(tmp_path / "rejected.jsonl") == []


def test_negatives_near_the_lowest_positive_go_with_their_ids(tmp_path, tiny_embedder):
    rows = [
        scored(0, [5.0, 3.0], [2.0, 2.5, 4.0, -1.0]),  # two at most 3 - 1
        scored(1, [1.0], [0.5, 2.0]),  # none
        scored(2, [9.0], [1.0]),
    ]
    outputs = split(tmp_path, tiny_embedder, [rows], filter_margin=1.0)
    found = {row["id"]: row for row in records(outputs[0])}
    assert found.keys() == {"0", "2"}
    assert found["0"]["neg"] == ["annat 0 0", "annat 0 3"]
    assert found["0"]["neg_ids"] == ["annat00", "annat03"]
    assert found["0"]["neg_scores"] == [2.0, -1.0]
    assert found["0"]["pos_scores"] == [5.0, 3.0]
    [aside] = records(tmp_path / "rejected.jsonl")
    assert aside == {"reason": "the teacher scores every negative too high"} | rows[1]
    log = read_json(tmp_path / "log.json")
    assert (log["pairs"], log["set_aside"]) == (2, {aside["reason"]: 1})
    assert log["teacher"]["filter"] == {"margin": 1.0}
    assert log["teacher"]["negatives_dropped"] == 4
    assert log["teacher"]["rows_short"] == 1


def test_the_filter_is_first_and_the_temperature_last(tmp_path, tiny_embedder):
    rows = [scored(0, [4.0], [5.0, 2.0, 0.0])]
    options = {"filter_margin": 0, "normalize": "minmax", "temperature": 0.5}
    outputs = split(tmp_path, tiny_embedder, [rows], **options)
    [row] = records(outputs[0])
    # Without 5 the scores are 4, 2, 0; were the temperature before, it would not show.
    assert (row["pos_scores"], row["neg_scores"]) == ([2.0], [1.0, 0.0])
    log = read_json(tmp_path / "log.json")["teacher"]
    assert (log["normalize"], log["temperature"]) == ("minmax", 0.5)


def test_rows_without_scores_are_left_as_they_are(tmp_path, tiny_embedder):
    bare = scored(0, [4.0], [5.0, 2.0])
    bare = {key: value for key, value in bare.items() if "scores" not in key}
    options = {"filter_margin": 0, "normalize": "sigmoid", "temperature": 2}
    outputs = split(tmp_path, tiny_embedder, [[bare]], **options)
    assert records(outputs[0]) == [bare]
    assert read_json(tmp_path / "log.json")["teacher"] is None


def test_a_filter_that_leaves_nothing_says_so(tmp_path, tiny_embedder):
    with pytest.raises(InputError, match="no training pairs: all 1 have no negative"):
        split(tmp_path, tiny_embedder, [[scored(0, [0.0], [1.0])]], filter_margin=0)
    assert not list(tmp_path.glob("d_len*"))
    assert not (tmp_path / "rejected.jsonl").exists()


@pytest.mark.parametrize("temperature", [0, -1, 1e-308])
def test_a_temperature_is_above_zero(tmp_path, tiny_embedder, temperature):
    rows = [[scored(0, [4.0], [1.0])]]
    with pytest.raises(InputError, match=r"`(teacher\.)?temperature`: is"):
        split(tmp_path, tiny_embedder, rows, temperature=temperature)


def test_a_query_with_several_positives_is_an_example_of_each(tmp_path, tiny_embedder):
    several = scored(0, [3.0, 2.0], [1.0, 0.0, -1.0])
    several["neg"][1] = f" {several['pos'][1].upper()}"
    single = scored(1, [3.0], [1.0])
    rows = [several, single]
    outputs = split(tmp_path, tiny_embedder, [rows], positives="each")
    found = records(outputs[0])
    assert [row["id"] for row in found] == ["0-svar00", "0-svar01", "1"]
    for row, place in zip(found, (0, 1), strict=False):
        assert row["query"] == "fråga 0"
        for key in ("pos", "pos_ids", "pos_scores"):
            assert row[key] == [several[key][place]]
        # A spelling of the other, which stood among the negatives, is none of either.
        assert row["neg"] == ["annat 0 0", "annat 0 2"]
        assert row["neg_scores"] == [1.0, -1.0]
    assert found[2] == single
    log = read_json(tmp_path / "log.json")
    assert (log["positives"], log["rows_with_several_positives"]) == ("each", 1)
    drawn = split(tmp_path, tiny_embedder, [rows], positives="draw")
    assert records(drawn[0]) == rows


# Batch sizes by a budget of tokens.


def test_short_ranges_get_large_batches_within_the_budget(tmp_path, tiny_embedder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_embedder)
    rows = [row(n, words) for n, words in enumerate([1] * 30 + [18] * 9 + [90] * 3)]
    given = {"train_group_size": 3, "query_max_len": 8, "passage_max_len": 64}
    given["pad_to_multiple_of"] = 8
    outputs = split(tmp_path, tiny_embedder, [rows], batch_tokens=600, **given)
    plain = tmp_path / "plain"
    plain.mkdir()
    without = split(plain, tiny_embedder, [rows])
    sizes = []
    for output, other in zip(outputs, without, strict=True):
        found = records(output)
        [size] = {one.pop("batch_size") for one in found}
        assert found == records(other)
        sizes.append(size)

        def tokens(size, found=found):
            """Of the worst batch, padded as FlagEmbedding's collator does."""

            def longest(texts, most):
                lengths = [len(tokenizer(text)["input_ids"]) for text in texts]
                return -(-min(max(lengths), most) // 8) * 8

            passages = [text for one in found for text in one["pos"] + one["neg"]]
            queries = [one["query"] for one in found]
            return size * (3 * longest(passages, 64) + longest(queries, 8))

        assert tokens(size) <= 600
        assert size == len(found) or tokens(size + 1) > 600
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1] >= 1
    log = read_json(tmp_path / "log.json")
    assert [bucket["batch_size"] for bucket in log["buckets"]] == sizes
    assert all("batch_size" not in json.dumps(records(path)) for path in without)


def test_prompts_count_for_ranges_and_budget(tmp_path, tiny_embedder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_embedder)
    prompts = {"query": "fråga om detta: ", "passage": "ett stycke ur arkivet:\n"}
    rows = [row(n, words) for n, words in enumerate([1] * 30 + [12] * 9 + [50] * 4)]
    given = {f"{side}_prompt": prompt for side, prompt in prompts.items()}
    given |= {"train_group_size": 3, "query_max_len": 256, "passage_max_len": 256}
    given |= {"pad_to_multiple_of": 1, "batch_tokens": 600}

    def tokens(texts, side):
        ids = tokenizer([prompts[side] + text for text in texts])["input_ids"]
        return max(map(len, ids))

    described = shutil.copytree(tiny_embedder, tmp_path / "described")
    Description("mean", *prompts.values()).write(described, 128)
    outputs = split(tmp_path, tiny_embedder, [rows], **given)
    for output, (low, high) in zip(
        outputs, [(0, 20), (20, 60), (60, 10**9)], strict=True
    ):
        found = records(output)
        assert found
        of = [
            (
                tokens([one["query"]], "query"),
                tokens(one["pos"] + one["neg"], "passage"),
            )
            for one in found
        ]
        assert all(low <= max(lengths) < high for lengths in of)
        queries, passages = map(max, zip(*of, strict=True))
        assert found[0]["batch_size"] * (3 * passages + queries) <= 600
    # Likewise where the model's own files say it.
    expected = [path.read_bytes() for path in outputs]
    own = {name: value for name, value in given.items() if "prompt" not in name}
    again = split(tmp_path, described, [rows], **own)
    assert [path.read_bytes() for path in again] == expected


def test_lengths_that_are_not_numbers_are_those_that_the_model_takes(
    tmp_path, tiny_embedder
):
    """A batch is sized by the texts that training will see."""
    short = shutil.copytree(tiny_embedder, tmp_path / "short")
    write_json(short / "sentence_bert_config.json", {"max_seq_length": 24})
    rows = [[row(n, 90) for n in range(40)]]
    sized = {"batch_tokens": 960, "train_group_size": 3, "pad_to_multiple_of": 1}
    found = []
    for lengths in ({}, {"query_max_len": "null"}, {"query_max_len": 20}):
        outputs = split(tmp_path, short, rows, **sized, **lengths)
        found.append({one["batch_size"] for one in records(outputs[2])})
    assert found == [{960 // (3 * 24 + 24)}] * 2 + [{960 // (3 * 24 + 20)}]


def test_a_budget_below_one_row_gives_batches_of_one(tmp_path, tiny_embedder):
    outputs = split(tmp_path, tiny_embedder, [[row(0, 90)] * 2], batch_tokens=1)
    assert [len(records(path)) for path in outputs] == [0, 0, 2]
    assert {one["batch_size"] for one in records(outputs[2])} == {1}
    sizes = [
        bucket["batch_size"] for bucket in read_json(tmp_path / "log.json")["buckets"]
    ]
    assert sizes == [None, None, 1]


def test_a_batch_has_no_more_rows_than_the_range(tmp_path, tiny_embedder):
    outputs = split(tmp_path, tiny_embedder, [[row(0, 1)] * 3], batch_tokens=10**6)
    assert {one["batch_size"] for one in records(outputs[0])} == {3}
