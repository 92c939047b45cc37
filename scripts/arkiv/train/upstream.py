"""FlagEmbedding's M3 classes, changed where a run would go wrong or run out of memory.

The losses, the batches and the optimisation are FlagEmbedding's. What each step sees is
a pure function of seed, epoch and step, so that a run can go on from a checkpoint.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import datasets
import torch
from FlagEmbedding.abc.finetune.embedder import (
    AbsEmbedderSameDatasetTrainDataset,
    AbsEmbedderTrainDataset,
)
from FlagEmbedding.finetune.embedder.encoder_only.m3 import (
    EncoderOnlyEmbedderM3Runner,
    EncoderOnlyEmbedderM3Trainer,
)
from safetensors.torch import load_file
from torch.utils.data import Sampler, SequentialSampler
from transformers import TrainerCallback
from transformers.trainer_utils import rotate_checkpoints

from arkiv.errors import InputError
from arkiv.files import Record, read_records
from arkiv.lengths import SCORE_KEYS
from arkiv.train.model import M3Model
from arkiv.train.resume import mark_whole

TEXT = datasets.Value("string")
COLUMNS = {"query": TEXT, "pos": datasets.List(TEXT), "neg": datasets.List(TEXT)}
SCORES = dict.fromkeys(SCORE_KEYS, datasets.List(datasets.Value("float64")))
HEADS = ("colbert_linear.pt", "sparse_linear.pt")
# Copied, not saved anew: a tokenizer that was used keeps its last truncation.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "sentencepiece.bpe.model",
)


class M3Trainer(EncoderOnlyEmbedderM3Trainer):
    """Stops at a loss that is no number; saves from one process, and no pickles."""

    def training_step(self, *args, **kwargs) -> torch.Tensor:
        loss = super().training_step(*args, **kwargs)
        # Hugging Face's log shows the mean of earlier losses instead of it.
        if not torch.isfinite(loss):
            raise InputError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}: "
                "training diverges; lower `learning_rate`, or train in another "
                "precision"
            )
        return loss

    def _get_train_sampler(self, train_dataset: object = None) -> Sampler:
        # Batches of one shard are in the dataset's own order, which it draws.
        if isinstance(self.train_dataset, SameShardDataset):
            return SequentialSampler(self.train_dataset)
        return super()._get_train_sampler(train_dataset)

    def _save_checkpoint(self, model: object, trial: object) -> None:
        # Hugging Face's own removes the older ones before all processes have saved
        # their part of the new one.
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            super()._save_checkpoint(model, trial)
        finally:
            self.args.save_total_limit = limit
        self.accelerator.wait_for_everyone()
        if not self.args.should_save:
            return
        directory = Path(self.args.output_dir)
        mark_whole(directory / f"checkpoint-{self.state.global_step}")
        rotate_checkpoints(
            output_dir=str(directory),
            save_total_limit=limit,
            best_model_checkpoint=self.state.best_model_checkpoint,
        )

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: object = None
    ) -> None:
        # FlagEmbedding saves the encoder's weights under names that Hugging Face's own
        # does not find again.
        checkpoint = Path(resume_from_checkpoint)
        encoder = load_file(checkpoint / "model.safetensors")
        self.model.model.load_state_dict(encoder)
        for name in HEADS:
            head = torch.load(checkpoint / name, map_location="cpu", weights_only=True)
            getattr(self.model, name.removesuffix(".pt")).load_state_dict(head)

    def _save(self, output_dir: str | None = None, state_dict: object = None) -> None:
        # FlagEmbedding's own lets every process write the same files.
        if not self.args.should_save:
            return
        output = Path(output_dir or self.args.output_dir)
        output.mkdir(parents=True, exist_ok=True)
        self.model.save(str(output))
        source = Path(self.model.source)
        # Without unified fine-tuning the heads stay what they were.
        heads = () if self.model.unified_finetuning else HEADS
        for name in (*TOKENIZER_FILES, *heads):
            if (source / name).is_file():
                shutil.copyfile(source / name, output / name)


def training_rows(path: str, columns: tuple[str, ...]) -> Iterator[Record]:
    """The rows of a shard with these keys only."""
    for _, record in read_records(path):
        yield {column: record[column] for column in columns}


class _Shards:
    """Loads a shard with the columns that training uses, of the same type in all.

    Some other columns (`type`, `batch_size`, `prompt`) mean something to
    FlagEmbedding, and scores that happen to be whole numbers would be another type.

    Attributes:
        epoch: from 0; which positives and negatives are drawn depends on it.
        draw_seed: likewise.
    """

    epoch = 0
    draw_seed = 0

    def begin_epoch(self, epoch: int) -> None:
        """Make the dataset that of an epoch, the present one or a later one."""
        self.epoch = epoch

    def __getitem__(self, index: int) -> tuple:
        # FlagEmbedding draws from Python's own generator. The loader reads ahead of
        # the step that a checkpoint is made at, so the generator's state there is of
        # no use to a run that goes on from it.
        random.seed(f"{self.draw_seed} {self.epoch} {index}")
        return self._drawn(index)

    def _drawn(self, index: int) -> tuple:
        return super().__getitem__(index)

    def _load_dataset(self, file_path: str) -> datasets.Dataset:
        columns = COLUMNS | (SCORES if self.args.knowledge_distillation else {})
        rows = datasets.Dataset.from_generator(
            training_rows,
            features=datasets.Features(columns),
            cache_dir=self.args.cache_path,
            gen_kwargs={"path": file_path, "columns": tuple(columns)},
        )
        most = self.args.max_example_num_per_dataset
        return (
            rows
            if len(rows) <= most
            else rows.select(random.sample(range(len(rows)), most))
        )


class MixedDataset(_Shards, AbsEmbedderTrainDataset):
    """Batches of rows of any shard."""


class SameShardDataset(_Shards, AbsEmbedderSameDatasetTrainDataset):
    """Batches of rows of one shard each; item i is the share of process i modulo their
    number of batch i divided by it."""

    def begin_epoch(self, epoch: int) -> None:
        # Each epoch shuffles what the one before has left.
        for _ in range(self.epoch, epoch):
            self.refresh_epoch()
        super().begin_epoch(epoch)

    def _drawn(self, index: int) -> tuple:
        # FlagEmbedding's own counts its calls, whatever it is asked for.
        self.step, share = divmod(index, self.num_processes)
        if share != self.process_index:
            raise RuntimeError(f"process {self.process_index} was given item {index}")
        return super()._drawn(index)


class EpochBegins(TrainerCallback):
    """Tells the dataset which epoch begins, also when a run goes on in a later one."""

    def __init__(self, dataset: _Shards) -> None:
        self.dataset = dataset

    def on_epoch_begin(self, args, state, control, **kwargs) -> None:
        self.dataset.begin_epoch(int(state.epoch))


class M3Runner(EncoderOnlyEmbedderM3Runner):
    """Puts the classes of this module in the place of FlagEmbedding's."""

    @staticmethod
    def get_model(*args, **kwargs) -> dict:
        # Transformers 5 would otherwise load half-precision weights as such, which
        # an optimiser cannot train.
        return EncoderOnlyEmbedderM3Runner.get_model(
            *args, **kwargs | {"torch_dtype": torch.float32}
        )

    def load_tokenizer_and_model(self):
        tokenizer, model = super().load_tokenizer_and_model()
        # The class is named within FlagEmbedding's method; ours only adds methods.
        model.__class__ = M3Model
        model.source = self.model_args.model_name_or_path
        return tokenizer, model

    def load_train_dataset(self) -> AbsEmbedderTrainDataset:
        dataset = self._load_train_dataset()
        dataset.draw_seed = self.training_args.seed
        return dataset

    def _load_train_dataset(self) -> MixedDataset | SameShardDataset:
        if not self.data_args.same_dataset_within_batch:
            return MixedDataset(args=self.data_args, tokenizer=self.tokenizer)
        dataset = SameShardDataset(
            args=self.data_args,
            default_batch_size=self.training_args.per_device_train_batch_size,
            seed=self.training_args.seed,
            tokenizer=self.tokenizer,
            process_index=self.training_args.process_index,
            num_processes=self.training_args.world_size,
        )
        # An item is a batch.
        self.training_args.per_device_train_batch_size = 1
        self.training_args.dataloader_num_workers = 0
        return dataset

    def load_trainer(self) -> M3Trainer:
        trainer = M3Trainer(
            model=self.model,
            args=self.training_args,
            train_dataset=self.train_dataset,
            data_collator=self.data_collator,
            processing_class=self.tokenizer,
        )
        trainer.add_callback(EpochBegins(self.train_dataset))
        return trainer
