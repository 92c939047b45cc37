"""The settings of the teacher, the shards and training, and which of them agree.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from arkiv.base.declared import NAME, setting
from arkiv.base.errors import InputError
from arkiv.encode.settings import AUTO, MODES, Scoring
from arkiv.train.altering import Augment

# What may become of the scores of a row.
NORMALIZATIONS = ("none", "sigmoid", "minmax", "zscore")
# What may decide which model in training is the best.
MEASURES = ("nDCG@10", "RR@10")
# How much a merged model may lose on the general set where its weight is chosen.
FORGOTTEN = 0.003


@dataclass(frozen=True)
class Filter:
    """Which negatives stay."""

    margin: float | None = setting(
        None,
        "keep a negative only if its score is at most the lowest positive's minus "
        "this, in logits; null: keep all",
    )


@dataclass(frozen=True)
class Targets:
    """What is made of the teacher's scores, in this order."""

    filter: Filter = setting(Filter())
    normalize: str = setting(
        "none", "what becomes of the scores of a row", choices=NORMALIZATIONS
    )
    temperature: float = setting(1.0, "scores are divided by it", more_than=0)


@dataclass(frozen=True)
class Teacher(Targets, Scoring):
    """The teacher's scores, and what is made of them."""


@dataclass(frozen=True)
class Split:
    """Train rows by length."""

    edges: tuple[int, ...] = setting(
        (0, 500, 1000, 2000, 3000, 4000, 5000, 6000, 7000),
        "lower edges of the length buckets, in tokens",
        at_least=0,
        ascending=True,
        fewest=1,
        shown="0, 500, 1000 … 7000",
    )
    positives: str = setting(
        "draw",
        "of a query with several positives: draw one in each epoch, or an example for "
        "each",
        choices=("draw", "each"),
    )
    batch_tokens: int | None = setting(
        None,
        "tokens per process and step, by which each bucket has its batch size; null: "
        "one for all",
        at_least=1,
    )


@dataclass(frozen=True)
class Evaluation:
    """Measures on dev queries while the model trains."""

    steps: int = setting(
        500,
        "steps between measures on the dev queries; 0: none, and the last model is "
        "kept instead of the best",
        at_least=0,
    )
    queries: int = setting(200, "dev queries at most", at_least=1)
    passages: int = setting(
        2000, "to search in, beside the relevant ones, at most", at_least=0
    )
    mode: str = setting("combined", "of scoring that decides", choices=MODES)
    measure: str = setting("nDCG@10", "that decides", choices=MEASURES)
    patience: int | None = setting(
        None,
        "measures without a better one after which training stops; null: never",
        at_least=1,
    )
    general: str | None = setting(
        None,
        'a JSONL file of `{"query", "pos"}` of another kind, to watch for forgetting',
    )


@dataclass(frozen=True)
class Lora:
    """Adapters that are trained instead of the encoder."""

    rank: int = setting(
        0,
        "of low-rank adapters that are trained instead of the encoder; 0: the encoder "
        "is trained",
        at_least=0,
    )
    alpha: float = setting(64, "adapters count alpha / rank times", more_than=0)
    dropout: float = setting(0.1, "before an adapter", at_least=0, less_than=1)
    targets: tuple[str, ...] = setting(
        ("query", "key", "value", "dense"),
        "linear layers that get an adapter",
        pattern=NAME,
        fewest=1,
    )


@dataclass(frozen=True)
class Merge:
    """The tuned model averaged with another one."""

    with_: str | None = setting(
        None,
        "average the tuned model with this one: `base`, or the directory of another "
        "run's model; null: not at all",
    )
    weights: float | Literal["auto"] = setting(
        AUTO,
        "how much of the tuned model there is: 1 is that alone, 0 the other; auto: "
        "what is best on dev queries, of what loses no more than 0.003 on "
        "`train.evaluation.general`",
        at_least=0,
        at_most=1,
    )


# What may say which passages of a batch answer a query better than its positive.
GUIDES = ("none", "base")


@dataclass(frozen=True)
class Mask:
    """Which passages of its batch a query is not told from: they may answer it."""

    near: bool = setting(
        True,
        "positives of the same query in any row, and their near-duplicates by "
        "`mining.duplicate_jaccard`, are masked in a batch",
    )
    guide: str = setting(
        "none",
        "whose dense scores decide that what is above the query's positive is masked "
        "too: no model's, or those of the one that training starts from (GIST)",
        choices=GUIDES,
    )
    margin: float = setting(
        0.0, "the guide masks what scores above the positive less this", at_least=0
    )


# Of FlagEmbedding's M3 training and Hugging Face's TrainingArguments.
ARGUMENTS = {
    "train_group_size": 8,
    "query_max_len": AUTO,
    "passage_max_len": None,
    "pad_to_multiple_of": 8,
    "knowledge_distillation": True,
    "same_dataset_within_batch": True,
    "small_threshold": 0,
    "drop_threshold": 0,
    "learning_rate": 1e-5,
    "num_train_epochs": 2,
    "per_device_train_batch_size": 2,
    "dataloader_drop_last": True,
    "warmup_ratio": 0.1,
    "gradient_checkpointing": True,
    "logging_steps": 1,
    "save_steps": 1000,
    "save_total_limit": 2,
    "negatives_cross_device": True,
    "temperature": 0.02,
    "kd_loss_type": "m3_kd_loss",
    "unified_finetuning": True,
    "use_self_distill": True,
    "fix_encoder": False,
    "self_distill_start_step": 0,
}

# Tokens of texts in training: as a setting of `arkiv.encode.limits` has them.
LENGTHS = ("query_max_len", "passage_max_len")
# Of what a batch is made beside them, and what FlagEmbedding takes where it is null.
UNSET = {"train_group_size": 8, "pad_to_multiple_of": 1}

# Said of the model to tune.
UNTRAINED = (
    "is false, but {} comes without heads, and new ones are of no use untrained; set "
    "`models.embedder.heads: none` for dense search alone"
)

# What has a meaning for batches of one dataset alone, and its value where it has none.
PER_DATASET = {
    "split.batch_tokens": None,
    "split.positives": "draw",
    "train.weights": {},
}


@dataclass(frozen=True)
class Train:
    """Fine-tuning."""

    nodes: int = setting(
        1,
        "nodes to train on together; more than one needs `--profile slurm`",
        at_least=1,
    )
    processes: int | Literal["auto"] = setting(
        "auto", "processes per node; auto: one per GPU, or one without", at_least=1
    )
    interface: str | None = setting(
        None, "network interface between nodes, such as `ib0`"
    )
    check_steps: int = setting(
        50,
        "steps between checks that something is learnt, and the same in every process",
        at_least=1,
    )
    evaluation: Evaluation = setting(Evaluation())
    cumulative: tuple[str, ...] = setting(
        (),
        "all datasets in an order: train on the first alone, then on the first two "
        "from that model, and so on; none: on all at once",
        pattern=NAME,
        unique=True,
    )
    weights: dict[str, float] = setting(
        {},
        "how often a dataset's rows come in each epoch, by name; 1 unless given",
        names=NAME,
        more_than=0,
    )
    augment: Augment = setting(Augment())
    lora: Lora = setting(Lora())
    mask: Mask = setting(Mask())
    args: dict[str, Any] = setting(
        ARGUMENTS,
        "arguments of FlagEmbedding's M3 training, Hugging Face's "
        "`TrainingArguments` and so of deepspeed; which are not offered, and why, "
        "planning says",
        names="^[a-z][a-z0-9_]*$",
        shown="those in `config.yaml`",
        private=True,
    )


def check_batches(args: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse what needs batches of rows of one dataset each, where any make a batch.

    Args:
        args: of the training, checked.
        given: settings of `PER_DATASET` by key.

    Raises:
        InputError: naming the key.
    """
    for key, value in given.items():
        if value != PER_DATASET[key] and not args.get("same_dataset_within_batch"):
            raise InputError(
                f"is {value}, which needs `train.args.same_dataset_within_batch`",
                key=key,
            )


def check_adapters(rank: int, args: Mapping[str, Any]) -> None:
    """Refuse adapters of a rank, not 0, beside what they do by themselves.

    Raises:
        InputError: naming the argument.
    """
    for name in ("fix_encoder", "fix_position_embedding"):
        if rank and args.get(name):
            raise InputError(
                "is given beside train.lora, which freezes the encoder by itself",
                key=f"train.args.{name}",
            )


def check_train(
    train: Mapping[str, Any], split: Mapping[str, Any], datasets: Iterable[str]
) -> None:
    """Refuse a training that cannot be, or that would be another than was asked for.

    Args:
        train: the section, its arguments checked (`arkiv.train.given`).
        split: the section.
        datasets: the names of those that are trained on.

    Raises:
        InputError: naming the key and what is wrong with it.
    """
    args, stages = train["args"], train["cumulative"]
    check_batches(
        args,
        {
            "split.batch_tokens": split["batch_tokens"],
            "split.positives": split["positives"],
            "train.weights": train["weights"],
        },
    )
    check_adapters(train["lora"]["rank"], args)
    if args.get("train_group_size") == 1 and args.get("knowledge_distillation"):
        raise InputError(
            "is true, but `train.args.train_group_size` is 1: a teacher has nothing to "
            "tell a passage from",
            key="train.args.knowledge_distillation",
        )
    if stages and sorted(stages) != sorted(datasets):
        raise InputError(
            f"is {', '.join(stages)}, expected all datasets: {', '.join(datasets)}",
            key="train.cumulative",
        )
    for name in train["weights"]:
        if name not in datasets:
            reason = f"names {name}, which is no dataset to train on"
            raise InputError(reason, key="train.weights")
    general = train["evaluation"]["general"]
    if general is not None and not Path(general).is_file():
        raise InputError(
            f"names {general}, which is no file", key="train.evaluation.general"
        )


def check_merge(merge: Mapping[str, Any], dev: float) -> None:
    """Refuse a merging whose weight is to be chosen where nothing can choose it.

    Args:
        merge: the section.
        dev: the share of pairs that are dev's.

    Raises:
        InputError: naming the key.
    """
    if merge["with"] is not None and merge["weights"] == AUTO and not dev:
        raise InputError(
            "is auto, which dev queries decide, but `pairs.shares.dev` is 0; give a "
            "weight from 0 to 1, such as 0.6",
            key="merge.weights",
        )
