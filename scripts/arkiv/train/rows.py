"""Training rows, and the shard by length that each belongs to.

Training sorts its data by length: rows of one shard make similar batches, so little
is spent on padding. The shard of a pair is that of its longest text, as in
FlagEmbedding's `split_data_by_length.py`.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping, Sequence

from arkiv.base.errors import InputError
from arkiv.base.files import Record, check_texts
from arkiv.base.hashing import text_key
from arkiv.encode.description import Description
from arkiv.pairs.division import check_pair, with_missing_ids
from arkiv.text.lengths import TokenCounter

SHARD_KEYS = ("id", "query", "pos", "neg", "pos_ids", "neg_ids")
SCORE_KEYS = ("pos_scores", "neg_scores")


def check_shardable(record: Record, *, negatives: bool = True) -> None:
    """Refuse a record that training cannot take; `negatives`: it needs some.

    Raises:
        InputError: naming the key: no `neg`, scores of one kind without the other, or
            lists of unequal length.
    """
    check_pair(record)
    if negatives:
        check_texts(record, "neg")
    with_missing_ids(record)
    given = [key for key in SCORE_KEYS if record.get(key) is not None]
    if len(given) == 1:
        (missing,) = set(SCORE_KEYS) - set(given)
        raise InputError(f"is missing, but the row has `{given[0]}`", key=missing)


def is_scored(record: Mapping) -> bool:
    """Whether a checked row has teacher scores."""
    return record.get(SCORE_KEYS[0]) is not None


def shard_row(record: Record) -> Record:
    """The checked row with the keys of a shard only, in their order.

    The loader of FlagEmbedding gives a meaning to some other columns, and needs all
    rows of a file to have the same ones.
    """
    pair = with_missing_ids({"neg": []} | record)
    keys = SHARD_KEYS + SCORE_KEYS if is_scored(record) else SHARD_KEYS
    return {key: pair[key] for key in keys}


def with_some(row: Record, texts: str, places: Sequence[int]) -> Record:
    """A shard's row with these of its `pos` or `neg`, and what stands beside them."""
    keys = [key for key in (texts, f"{texts}_ids", f"{texts}_scores") if key in row]
    return row | {key: [row[key][place] for place in places] for key in keys}


def examples_of(row: Record) -> Iterator[Record]:
    """One example per distinct positive of a shard's row, sharing its negatives.

    No positive of the row is a negative of any of them. Each of several has the row's
    id and its positive's, joined by a hyphen; a single one keeps the row's.
    """
    positives = list(enumerate(map(text_key, row["pos"])))
    places = {key: place for place, key in reversed(positives)}
    negatives = enumerate(map(text_key, row["neg"]))
    keep = [place for place, key in negatives if key not in places]
    shared = with_some(row, "neg", keep)
    for place in sorted(places.values()):
        example = with_some(shared, "pos", [place])
        if len(places) > 1:
            example["id"] = f"{row['id']}-{row['pos_ids'][place]}"
        yield example


def batch_size_of(
    rows: int,
    longest: int,
    tokens: int,
    *,
    train_group_size: int,
    query_max_len: int,
    passage_max_len: int,
    pad_to_multiple_of: int,
) -> int:
    """Rows per process and step with which a bucket keeps to a budget of tokens.

    A row is a query and its passages, none longer than `longest`, truncated and padded
    as training does by its arguments of these names. So no batch has more tokens than
    the budget, padding included, unless a single row has.

    Args:
        rows: of the bucket; a batch has no more.
        longest: tokens of its longest text.
        tokens: the budget, per process.
    """

    def padded(most: int) -> int:
        return -(-min(longest, most) // pad_to_multiple_of) * pad_to_multiple_of

    row = train_group_size * padded(passage_max_len) + padded(query_max_len)
    return max(1, min(rows, tokens // row))


def bucket_of(length: int, edges: Sequence[int]) -> int:
    """The bucket i with edges[i] <= length < edges[i + 1]; the last has no end."""
    return bisect.bisect_right(edges, length) - 1


def longest_texts(
    pairs: Sequence[Mapping], counter: TokenCounter, description: Description
) -> Iterator[int]:
    """Tokens of the longest of query, positives and negatives of each pair, behind the
    prompts that the model reads them with."""
    query, passage = description.query_prompt, description.passage_prompt
    texts = [
        [query + pair["query"], *(passage + text for text in pair["pos"] + pair["neg"])]
        for pair in pairs
    ]
    lengths = counter.lengths(text for group in texts for text in group)
    start = 0
    for group in texts:
        yield int(lengths[start : start + len(group)].max())
        start += len(group)
