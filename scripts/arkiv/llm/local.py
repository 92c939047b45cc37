"""A causal language model of Hugging Face's, run in the job itself.

An answer depends on its prompt alone, beyond rounding, not on the batch it was made in:
the random part of each token is drawn by hash(key, step) and added to the scores, whose
maximum is then a sample of the model's distribution (the Gumbel-max trick; Maddison et
al., A* Sampling, 2014).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from arkiv.base.errors import InputError
from arkiv.base.hashing import rng
from arkiv.encode.batches import by_budget, reported
from arkiv.encode.forward import CPU_TOKENS
from arkiv.encode.loading import load, load_tokenizer
from arkiv.encode.options import Options, device
from arkiv.llm.journal import Journal
from arkiv.llm.protocol import Answer, Request, Sampling

if TYPE_CHECKING:
    import torch

log = logging.getLogger("arkiv.llm.local")

# Tokens of a padded batch on a GPU, answers included: their keys and values take some
# 2 GB with a model of 8 billion parameters.
GPU_TOKENS = 1 << 14
# Prompts held at once, sorted by length among themselves.
HELD_AT_ONCE = 1 << 12
# A request, and the tokens of its prompt.
Encoded = tuple[Request, list[int]]


class LocalModel:
    """Answers requests by a model in memory (see `arkiv.llm.asking.Backend`).

    Raises:
        InputError: the directory holds no causal model that can be loaded.
    """

    def __init__(self, path: str | Path, sampling: Sampling, options: Options) -> None:
        path = Path(path)
        if not (path / "config.json").is_file():
            raise InputError("is not a model directory", file=path)
        self._on = device()
        self._temperature = sampling.temperature or 0.0
        self._tokens = options.batch_tokens or (
            GPU_TOKENS if self._on.type == "cuda" else CPU_TOKENS
        )
        self._tokenizer, config = load_tokenizer(path, options)
        self._longest = getattr(config, "max_position_embeddings", None)
        self._model = load(path, "causal", options, self._on)
        end = self._model.generation_config.eos_token_id
        self._ends = {end} if isinstance(end, int) else set(end or ())
        self._pad = self._tokenizer.pad_token_id
        if self._pad is None:
            self._pad = next(iter(self._ends), 0)

    def ask(self, requests: Iterable[Request], journal: Journal) -> dict[str, str]:
        """See `arkiv.llm.asking.Backend`."""
        refused: dict[str, str] = {}
        requests = iter(requests)
        while held := list(islice(requests, HELD_AT_ONCE)):
            fits: list[Encoded] = []
            for request in held:
                ids = self._encoded(request.prompt)
                if self._longest and len(ids) + request.max_tokens > self._longest:
                    refused[request.key] = (
                        f"the prompt has {len(ids)} tokens and the model takes "
                        f"{self._longest}, the answer's {request.max_tokens} included"
                    )
                else:
                    fits.append((request, ids))
            lengths = [len(ids) + request.max_tokens for request, ids in fits]
            answered = (
                (rows, self._answer([fits[row] for row in rows], journal))
                for rows in by_budget(lengths, self._tokens)
            )
            for _ in reported(answered, len(fits), "answers"):
                pass
        return refused

    def _encoded(self, prompt: str) -> list[int]:
        """The tokens of a prompt, in the model's chat template if it has one."""
        if not self._tokenizer.chat_template:
            return self._tokenizer(prompt)["input_ids"]
        turn = [{"role": "user", "content": prompt}]
        text = self._tokenizer.apply_chat_template(
            turn, add_generation_prompt=True, tokenize=False
        )
        # The template has written the special tokens itself.
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]

    def _answer(self, batch: Sequence[Encoded], journal: Journal) -> None:
        """Answer one batch, padded on the left."""
        import torch
        from transformers import LogitsProcessorList

        requests = [request for request, _ in batch]
        for place, request in enumerate(requests):
            try:
                journal.ask(request, wait=False)
            except InputError:
                for entered in requests[:place]:
                    journal.refuse(entered, "the budget has no room for the batch")
                raise
        longest = max(len(ids) for _, ids in batch)
        table = torch.full((len(batch), longest), self._pad)
        mask = torch.zeros_like(table)
        for row, (_, ids) in enumerate(batch):
            table[row, longest - len(ids) :] = torch.tensor(ids)
            mask[row, longest - len(ids) :] = 1
        drawing = LogitsProcessorList()
        if self._temperature:
            keys = [request.key for request in requests]
            drawing.append(_Drawing(keys, self._temperature, longest))
        with torch.inference_mode():
            made = self._model.generate(
                input_ids=table.to(self._on),
                attention_mask=mask.to(self._on),
                max_new_tokens=requests[0].max_tokens,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                pad_token_id=self._pad,
                logits_processor=drawing,
            )
        answers = made[:, longest:].tolist()
        for (request, ids), tokens in zip(batch, answers, strict=True):
            ends = (place for place, token in enumerate(tokens) if token in self._ends)
            size = next(ends, None)
            text = self._tokenizer.decode(tokens[:size], skip_special_tokens=True)
            output = len(tokens) if size is None else size + 1
            journal.settle(request, Answer(text, len(ids), output, cut=size is None))


class _Drawing:
    """Adds each row's own Gumbel noise to its scores, so that the best is a sample."""

    def __init__(self, keys: Sequence[str], temperature: float, start: int) -> None:
        self._keys = keys
        self._temperature = temperature
        self._start = start

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        import torch

        step = ids.shape[1] - self._start
        noise = torch.empty(scores.shape)
        for row, key in enumerate(self._keys):
            source = torch.Generator().manual_seed(rng(0, key, step).getrandbits(63))
            noise[row].exponential_(generator=source)
        # -log of an exponential is a Gumbel.
        return scores.float() / self._temperature - noise.log().to(scores.device)
