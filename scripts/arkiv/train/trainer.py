"""The trainer: saving that can be gone on from, and faults that stop a run.

Hugging Face's, as FlagEmbedding changes it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from FlagEmbedding.finetune.embedder.encoder_only.m3 import EncoderOnlyEmbedderM3Trainer
from safetensors.torch import load_file
from torch.utils.data import Sampler, SequentialSampler
from transformers.trainer_utils import rotate_checkpoints

from arkiv.base.errors import InputError
from arkiv.base.files import read_json, read_object, write_json
from arkiv.encode.models import HEADS
from arkiv.train.lora import merged_state
from arkiv.train.representations import gathered
from arkiv.train.resume import mark_whole

# Copied, not saved anew: a tokenizer that was used keeps its last truncation.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)


# What was masked up to a checkpoint, in it.
MASKED = "masked.json"


class M3Trainer(EncoderOnlyEmbedderM3Trainer):
    """Stops at a loss that is no number; saves from one process, and no pickles.

    Attributes:
        largest_gradient_norm: of the steps since it was last set to None; a tensor,
            not to wait for the GPU at every step.
    """

    largest_gradient_norm: torch.Tensor | None = None

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

    def _get_grad_norm(self, model: object, grad_norm: object = None) -> object:
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        if norm is not None:  # deepspeed has none before its first step
            largest = torch.as_tensor(norm).detach()
            if self.largest_gradient_norm is not None:
                largest = torch.maximum(largest, self.largest_gradient_norm)
            self.largest_gradient_norm = largest
        return norm

    def _get_train_sampler(self, train_dataset: object = None) -> Sampler:
        # Batches of one shard are in the dataset's own order, which it draws.
        if hasattr(self.train_dataset, "batch_datas"):
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
        masked = self.masked()
        if not self.args.should_save:
            return
        directory = Path(self.args.output_dir)
        checkpoint = directory / f"checkpoint-{self.state.global_step}"
        write_json(checkpoint / MASKED, masked)
        mark_whole(checkpoint)
        rotate_checkpoints(
            output_dir=str(directory),
            save_total_limit=limit,
            best_model_checkpoint=self.state.best_model_checkpoint,
        )

    def masked(self) -> dict[str, int] | None:
        """What all processes have masked; see `FalseNegatives.counts`."""
        finder = self.model.false_negatives
        if finder is None:
            return None
        every = gathered(finder.counts)
        return {key: sum(one[key] for one in every) for key in finder.counts}

    def count_from(self, checkpoint: str | Path) -> None:
        """Go on counting from what a checkpoint has."""
        finder = self.model.false_negatives
        if finder is not None and self.is_world_process_zero():
            finder.counts = read_json(Path(checkpoint) / MASKED)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: object = None
    ) -> None:
        # FlagEmbedding saves the encoder's weights under names that Hugging Face's own
        # does not find again.
        checkpoint = Path(resume_from_checkpoint)
        encoder = load_file(checkpoint / "model.safetensors")
        self.model.model.load_state_dict(encoder)
        for name in HEADS if self.model.unified_finetuning else ():
            head = torch.load(checkpoint / name, map_location="cpu", weights_only=True)
            getattr(self.model, name.removesuffix(".pt")).load_state_dict(head)

    def _save(self, output_dir: str | None = None, state_dict: object = None) -> None:
        # FlagEmbedding's own lets every process write the same files.
        if self.args.should_save:
            self._write(Path(output_dir or self.args.output_dir))

    def export(self, output: Path) -> None:
        """Write the model as any program loads it, from one process.

        Unlike that of a checkpoint its encoder has no adapters of their own.
        """
        if self.args.should_save:
            model = self.model
            self._write(output, merged_state(model.model))
            if model.named_tokens:
                file = output / "tokenizer_config.json"
                known = read_object(file, "settings of a tokenizer")
                write_json(file, known | model.named_tokens)
            model.description.write(output, model.config.hidden_size)

    def _write(
        self, output: Path, encoder: dict[str, torch.Tensor] | None = None
    ) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self.model.save(str(output), encoder)
        source = Path(self.model.source)
        # Without unified fine-tuning the heads stay what they were.
        kept = self.model.keep_heads and not self.model.unified_finetuning
        heads = HEADS if kept else ()
        for name in (*TOKENIZER_FILES, *heads):
            if (source / name).is_file():
                shutil.copyfile(source / name, output / name)
