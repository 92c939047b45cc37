"""FlagEmbedding's M3 classes, changed where a run would go wrong or run out of memory.

The losses, the batches and the optimisation are FlagEmbedding's. What each step sees is
a pure function of seed, epoch and step, so that a run can go on from a checkpoint.
"""

from __future__ import annotations

import functools
import logging
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import datasets
import numpy as np
import torch
from FlagEmbedding.abc.finetune.embedder import (
    AbsEmbedderDataArguments,
    AbsEmbedderSameDatasetTrainDataset,
    AbsEmbedderTrainDataset,
)
from FlagEmbedding.finetune.embedder.encoder_only.m3 import (
    EncoderOnlyEmbedderM3ModelArguments,
    EncoderOnlyEmbedderM3Runner,
    EncoderOnlyEmbedderM3TrainingArguments,
    runner,
)
from transformers import AutoModel, PreTrainedTokenizerBase, TrainerCallback

from arkiv.base.files import Record, read_records
from arkiv.base.hashing import text_key
from arkiv.encode.description import Description
from arkiv.encode.loading import filled, padding
from arkiv.encode.models import has_heads
from arkiv.train.batch_plan import epoch_batches, plan_buckets
from arkiv.train.deepspeed import keep_gradient_norm
from arkiv.train.false_negatives import FalseNegatives
from arkiv.train.heads import new_heads
from arkiv.train.lora import add_adapters
from arkiv.train.model import M3Model
from arkiv.train.numbers import MixedCollator, NumberedItems, SameShardCollator
from arkiv.train.rows import SCORE_KEYS
from arkiv.train.settings import Lora
from arkiv.train.shards import Shard, datasets_of
from arkiv.train.trainer import M3Trainer

log = logging.getLogger(__name__)

NO_CHECKPOINTING = "the body of the model has none, so that it takes more memory"


class _Filled:
    """Stands for AutoModel where FlagEmbedding loads the model to train: by itself it
    would go on with random weights in the place of those that are missing."""

    from_pretrained = staticmethod(functools.partial(filled, AutoModel))


runner.AutoModel = _Filled

TEXT = datasets.Value("string")
COLUMNS = {"query": TEXT, "pos": datasets.List(TEXT), "neg": datasets.List(TEXT)}
BATCH_SIZE = {"batch_size": datasets.Value("int32")}
SCORES = dict.fromkeys(SCORE_KEYS, datasets.List(datasets.Value("float64")))


def training_rows(path: str, columns: tuple[str, ...]) -> Iterator[Record]:
    """The rows of a shard with these keys only; `neg` may be missing."""
    for _, record in read_records(path):
        yield {column: record.get(column, []) for column in columns}


class _Shards(NumberedItems):
    """Loads a shard with the columns that training uses, of the same type in all.

    Some other columns (`type`, `prompt`) mean something to FlagEmbedding, and scores
    that happen to be whole numbers would be another type.

    Attributes:
        epoch: from 0; which positives and negatives are drawn depends on it.
        draw_seed: likewise.
    """

    epoch = 0
    draw_seed = 0

    def begin_epoch(self, epoch: int) -> None:
        """Make the dataset that of an epoch."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> tuple:
        # FlagEmbedding draws from Python's own generator. The loader reads ahead of
        # the step that a checkpoint is made at, so the generator's state there is of
        # no use to a run that goes on from it.
        random.seed(f"{self.draw_seed} {self.epoch} {index}")
        return super().__getitem__(index)

    def _columns(self, file_path: str) -> dict[str, datasets.Value | datasets.List]:
        return COLUMNS | (SCORES if self.args.knowledge_distillation else {})

    def _load_dataset(self, file_path: str) -> datasets.Dataset:
        columns = self._columns(file_path)
        rows = datasets.Dataset.from_generator(
            training_rows,
            features=datasets.Features(columns),
            cache_dir=self.args.cache_path,
            gen_kwargs={"path": file_path, "columns": tuple(columns)},
        )
        most = self.args.max_example_num_per_dataset
        if len(rows) > most:
            rows = rows.select(random.sample(range(len(rows)), most))
        return rows


class MixedDataset(_Shards, AbsEmbedderTrainDataset):
    """Batches of rows of any shard."""


class SameShardDataset(_Shards, AbsEmbedderSameDatasetTrainDataset):
    """Batches of rows of one shard each, and of those passed on to it from shorter
    ones; item i is the share of process i modulo their number of batch i divided by it.

    Attributes:
        shards: that rows are taken from, by path, in the order of their rows.
        weights: how often the rows of a dataset come in an epoch, by name.
    """

    def __init__(
        self,
        *,
        seed: int,
        weights: Mapping[str, float] | None = None,
        false_negatives: FalseNegatives | None = None,
        **given: object,
    ) -> None:
        self.order_seed = seed
        self.weights = weights or {}
        self.false_negatives = false_negatives
        self.shards: dict[str, Shard] = {}
        super().__init__(seed=seed, **given)

    def _columns(self, file_path: str) -> dict[str, datasets.Value | datasets.List]:
        _, first = next(read_records(file_path))
        sized = first.get("batch_size") is not None
        return super()._columns(file_path) | (BATCH_SIZE if sized else {})

    def _load_dataset(self, file_path: str) -> datasets.Dataset:
        rows = super()._load_dataset(file_path)
        # FlagEmbedding skips the others.
        if len(rows) >= self.args.small_threshold:
            size = self._get_file_batch_size(rows, None)
            (name,) = datasets_of([file_path])
            weight = self.weights.get(name, 1.0)
            self.shards[file_path] = Shard(len(rows), size, weight)
        return rows

    @functools.cached_property
    def _groups(self) -> np.ndarray:
        """(n_rows,) int64, equal for rows of one query: examples of its positives."""
        numbers: dict[int, int] = {}
        queries = map(text_key, self.dataset["query"])
        return np.array([numbers.setdefault(key, len(numbers)) for key in queries])

    def refresh_epoch(self) -> None:
        """Make the batches of the present epoch."""
        plain = dict(zip(self.shards, self.no_in_batch_neg_flags, strict=True))
        batches = epoch_batches(
            plan_buckets(
                self.shards,
                batch_size=self.defaut_batch_size,
                world_size=self.num_processes,
            ),
            self._groups,
            world_size=self.num_processes,
            seed=self.order_seed,
            epoch=self.epoch,
        )
        # Where two examples of a query had to be put into one batch, the positive of
        # one must not be the other's in-batch negative.
        masked = self.false_negatives is not None and self.false_negatives.near
        self.batch_datas = [
            (rows, plain[path] or (not masked and self._meet(rows)))
            for path, rows in batches
        ]

    def _meet(self, rows: np.ndarray) -> bool:
        """Whether two of these rows are of one query."""
        return len(np.unique(self._groups[rows])) < len(rows)

    def begin_epoch(self, epoch: int) -> None:
        super().begin_epoch(epoch)
        self.refresh_epoch()

    def __getitem__(self, index: int) -> tuple:
        # FlagEmbedding's own counts its calls, whatever it is asked for.
        self.step, share = divmod(index, self.num_processes)
        if share != self.process_index:
            raise RuntimeError(f"process {self.process_index} was given item {index}")
        return super().__getitem__(index)


def named_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, str]:
    """What a tokenizer calls otherwise than XLM-RoBERTa's, by that one's names.

    FlagEmbedding leaves tokens out of lexical weights by these names alone; ours go by
    all (`arkiv.encode.m3.special_ids`).
    """
    others = {"cls_token": tokenizer.bos_token, "eos_token": tokenizer.sep_token}
    return {
        name: token
        for name, token in others.items()
        if token and not getattr(tokenizer, name)
    }


class Beginnings(TrainerCallback):
    """Tells the dataset which epoch begins, and the model of the steps behind it, also
    when a run goes on from a checkpoint."""

    def __init__(self, trainer: M3Trainer) -> None:
        self.trainer = trainer

    def on_epoch_begin(self, args, state, control, **kwargs) -> None:
        self.trainer.train_dataset.begin_epoch(int(state.epoch))

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        # A checkpoint brings the steps between logs and saves of its own run; those
        # that are given now may be others.
        state.compute_steps(args, state.max_steps)
        # Self-distillation begins at a step, which the model counts.
        steps = state.global_step * args.gradient_accumulation_steps
        self.trainer.model.step = steps
        if self.trainer.deepspeed is not None:
            keep_gradient_norm(self.trainer.deepspeed)


class M3Runner(EncoderOnlyEmbedderM3Runner):
    """Puts our classes in the place of FlagEmbedding's.

    Args:
        model_args, data_args, training_args: FlagEmbedding's.
        description: of the model, which says what FlagEmbedding has arguments for:
            pooling, normalisation, instructions.
        lora, weights: see `train.lora` and `train.weights`.
        false_negatives: what finds those of a batch; None: none are masked.
        keep_heads: the model has heads, its own or new ones where it comes without;
            otherwise it is to give dense vectors alone.
    """

    def __init__(
        self,
        model_args: EncoderOnlyEmbedderM3ModelArguments,
        data_args: AbsEmbedderDataArguments,
        training_args: EncoderOnlyEmbedderM3TrainingArguments,
        description: Description,
        *,
        lora: Lora | None = None,
        weights: Mapping[str, float] | None = None,
        keep_heads: bool = True,
        false_negatives: FalseNegatives | None = None,
    ) -> None:
        self.false_negatives = false_negatives
        self.description, self.lora, self.weights = description, lora, weights
        self.keep_heads = keep_heads
        training_args.sentence_pooling_method = description.pooling_method
        training_args.normalize_embeddings = True
        # With none, "None" would stand before the queries of same-dataset batches.
        data_args.query_instruction_for_retrieval = description.query_prompt
        data_args.passage_instruction_for_retrieval = description.passage_prompt
        data_args.query_instruction_format = "{}{}"
        data_args.passage_instruction_format = "{}{}"
        super().__init__(model_args, data_args, training_args)

    def get_model(self, path: str, *args, **kwargs) -> dict:
        # Transformers 5 would otherwise load half-precision weights as such, which
        # an optimiser cannot train.
        parts = EncoderOnlyEmbedderM3Runner.get_model(
            path, *args, **kwargs | {"torch_dtype": torch.float32}
        )
        if self.keep_heads and not has_heads(path):
            dim = parts["model"].config.hidden_size
            parts |= new_heads(dim, self.training_args.seed)
        return parts

    def load_tokenizer_and_model(self):
        tokenizer, model = super().load_tokenizer_and_model()
        # As `Encoder` pads: CLS is the first token, and the last one is counted.
        tokenizer.padding_side = "right"
        named = named_tokens(tokenizer)
        source = Path(self.model_args.model_name_or_path)
        if not tokenizer.pad_token:
            named["pad_token"] = tokenizer.pad_token = padding(tokenizer, source)
        # As `Encoder` gives them: kinds of tokens, of which a single text has one, not
        # every body takes.
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
        # The class is named within FlagEmbedding's method; ours only adds methods.
        model.__class__ = M3Model
        given = self.training_args
        if given.gradient_checkpointing and not (
            model.model.supports_gradient_checkpointing
        ):
            log.warning("gradient_checkpointing is left out: %s", NO_CHECKPOINTING)
            # Transformers 5 has two names for it.
            given.gradient_checkpointing = given.activation_checkpointing = False
        model.share_negatives()
        model.source = str(source)
        model.named_tokens = named
        model.description = self.description
        model.keep_heads = self.keep_heads
        model.false_negatives = self.false_negatives
        if self.lora is not None:
            add_adapters(model.model, self.lora)
        return tokenizer, model

    def load_train_dataset(self) -> MixedDataset | SameShardDataset:
        given = self.training_args
        if self.data_args.same_dataset_within_batch:
            dataset = SameShardDataset(
                args=self.data_args,
                default_batch_size=given.per_device_train_batch_size,
                seed=given.seed,
                weights=self.weights,
                false_negatives=self.false_negatives,
                tokenizer=self.tokenizer,
                process_index=given.process_index,
                num_processes=given.world_size,
            )
            # An item is a batch.
            given.per_device_train_batch_size = 1
            given.dataloader_num_workers = 0
        else:
            dataset = MixedDataset(args=self.data_args, tokenizer=self.tokenizer)
            dataset.false_negatives = self.false_negatives
        dataset.draw_seed = given.seed
        return dataset

    def load_data_collator(self) -> MixedCollator | SameShardCollator:
        collator = super().load_data_collator()
        # The classes are named within FlagEmbedding's method.
        same = self.data_args.same_dataset_within_batch
        collator.__class__ = SameShardCollator if same else MixedCollator
        return collator

    def load_trainer(self) -> M3Trainer:
        trainer = M3Trainer(
            model=self.model,
            args=self.training_args,
            train_dataset=self.train_dataset,
            data_collator=self.data_collator,
            processing_class=self.tokenizer,
        )
        trainer.add_callback(Beginnings(trainer))
        return trainer
