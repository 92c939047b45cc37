"""The words of the field in plain ones, for who knows archives and not retrieval."""

from __future__ import annotations

import re
from typing import NamedTuple


class Term(NamedTuple):
    """A word of the field."""

    word: str
    pattern: str
    """By which a text is known to have it, whatever the case."""
    meaning: str


TERMS = (
    Term(
        "Success@10",
        r"Success@\d|first ten",
        "Found among the first ten: the share of queries for which at least one "
        "relevant passage is among the first ten hits. The number behind @ says how "
        "many hits are looked at, of all measures.",
    ),
    Term(
        "nDCG@10",
        r"nDCG",
        "How well the first ten hits are ordered, from 0 to 1: 1 where all that is "
        "relevant stands on top, less the further down it stands, 0 where none of it "
        "is among the ten. Unless said otherwise it decides which system is better.",
    ),
    Term(
        "MRR@10",
        r"(?-i:\bM?RR\b)",
        "How far up the first relevant passage stands: 1 at rank 1, a half at rank 2, "
        "a third at rank 3; the mean over all queries.",
    ),
    Term(
        "MAP",
        r"(?-i:\bM?AP\b)",
        "How well all that is relevant is ordered, however far down it stands: from 0 "
        "to 1, a mean over all queries.",
    ),
    Term(
        "Recall@100",
        r"Recall@\d|\brecall\b",
        "The share of what is relevant that is among the first hundred hits.",
    ),
    Term(
        "Precision@10",
        r"Precision@\d",
        "The share of the first ten hits that is relevant. Where a query has one "
        "relevant passage alone it can be no more than a tenth.",
    ),
    Term(
        "query",
        r"\bquer(y|ies)\b",
        "What somebody asks for, in words.",
    ),
    Term(
        "passage",
        r"\bpassages?\b|\bdocuments?\b",
        "A piece of text that can be found: some lines, a page, or a document cut out "
        "of a volume.",
    ),
    Term(
        "relevant",
        r"\brelevant\b",
        "Said of a passage that answers the query; who or what says so is told with "
        "the measures.",
    ),
    Term(
        "train, dev, test",
        r"\b(train|dev|test|held-out) (pairs?|quer|rows?)",
        "Three parts of the queries: what the model learns from, what is looked at "
        "while it learns, and what it has never seen (held out), by which it is "
        "judged.",
    ),
    Term(
        "base and tuned model",
        r"\b(base|tuned)\b",
        "The model as it was published, and the same one after it has learnt from "
        "this archive's queries and passages.",
    ),
    Term(
        "embedder, embedding",
        r"\bembed",
        "The model that makes numbers of texts, so that texts about the same have "
        "numbers that lie near each other; and these numbers.",
    ),
    Term(
        "dense",
        r"\bdense\b",
        "Search by meaning: each text becomes one row of numbers, and the nearest "
        "rows are found, also where no word is the same.",
    ),
    Term(
        "sparse",
        r"\bsparse\b",
        "Search by words that the model has weighed: two texts are near if they share "
        "words, or pieces of words, that matter.",
    ),
    Term(
        "multi-vector",
        r"\bmulti.vector\b",
        "Search word by word: a row of numbers for each word of a text, all compared "
        "with all. It takes long, and only puts in order what the others have found.",
    ),
    Term(
        "combined",
        r"\bcombined\b",
        "Dense, sparse and multi-vector scores added up, each with a weight.",
    ),
    Term(
        "BM25",
        r"\bbm25\b",
        "The usual search by words that catalogues have: rare words count for more, "
        "long texts for less. It learns nothing, and what it reaches is the "
        "yardstick.",
    ),
    Term(
        "fusion",
        r"\bfusion\b|\bhybrid\b",
        "Several rankings made one, such as that of BM25 and that of a model.",
    ),
    Term(
        "re-ranking, candidates",
        r"\bre-?rank|\bcandidates\b",
        "A slow and careful look at the first hits of another search (the "
        "candidates), which puts them in a new order. It cannot find what is not "
        "among them.",
    ),
    Term(
        "positive",
        r"\bpositives?\b",
        "In training, a passage that answers the query.",
    ),
    Term(
        "negative",
        r"\bnegatives?\b",
        "In training, a passage that does not answer the query and yet is near it, so "
        "that there is something to learn. One that does answer (a false negative) "
        "teaches what is wrong.",
    ),
    Term(
        "teacher",
        r"\bteacher\b|\breranker\b",
        "A slower model that reads query and passage together and says how well they "
        "fit; the model learns from what it says.",
    ),
    Term(
        "loss",
        r"\bloss\b",
        "How wrong the model is on what it learns from: training makes it smaller.",
    ),
    Term(
        "interval",
        r"\bintervals?\b",
        "Between which numbers a mean would most likely lie with other queries of the "
        "same kind (95 times of 100). Where the interval of a difference holds 0, "
        "there may be none.",
    ),
    Term(
        "p",
        r"\bp [<=≤]",
        "How often chance alone would give so large a difference. Below 0.05 it is "
        "called shown; *, ** and *** stand for below 0.05, 0.01 and 0.001.",
    ),
    Term(
        "general set",
        r"\bgeneral set\b|\bforgotten\b",
        "Queries of another kind than the archive's, which show what the model has "
        "forgotten of what it knew before.",
    ),
    Term(
        "character error rate",
        r"\bnoise\b|characters changed",
        "The share of letters that are misread; noise in queries imitates it.",
    ),
)


def used_in(text: str) -> list[Term]:
    """The terms that a text has, in the order in which they are told."""
    return [one for one in TERMS if re.search(one.pattern, text, re.IGNORECASE)]
