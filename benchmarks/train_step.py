"""One training step of M3: memory and time of ours and of FlagEmbedding's own model.

A body too small to matter and BGE-M3's vocabulary: what is measured is the scores and
the losses. Each model has a process of its own, for a process's peak memory never
falls. With a GPU also the longest passages that a model of BGE-M3's shape trains on
within a given memory.

    python benchmarks/train_step.py --kind arkiv [--gpu-memory GIB]

With --many the step is that of a large batch, as a whole or encoded in parts.

    python benchmarks/train_step.py --kind arkiv --many [--sub-batch-size N]
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SCRIPTS = Path(__file__).parents[1] / "scripts"
KINDS = ("arkiv", "flagembedding")
VOCABULARY, POSITIONS = 250_002, 8194
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
TINY = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
TINY |= {"intermediate_size": 64} | NO_DROPOUT
BGE_M3 = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16}
BGE_M3["intermediate_size"] = 4096
QUERIES, GROUP, LENGTH = 2, 8, 256
# A large batch, and a body and a vocabulary by which the encoder is what takes memory.
MANY_QUERIES, MANY_LENGTH, SMALL_VOCABULARY = 64, 128, 8_000
DEEP = TINY | {"hidden_size": 64, "num_hidden_layers": 6, "intermediate_size": 256}
# Lengths tried on a GPU are multiples of this.
GRAIN = 256
GPU_MEMORY = 16.0  # GiB: the card on which the method's authors ran out of memory


def build(
    kind: str,
    shape: dict,
    vocabulary: int | None = None,
    sub_batch_size: int | None = None,
):
    """A model of this shape in training, with the losses of the method."""
    import torch
    from FlagEmbedding.finetune.embedder.encoder_only.m3 import (
        EncoderOnlyEmbedderM3Model,
    )
    from transformers import XLMRobertaConfig, XLMRobertaModel

    sys.path.insert(0, str(SCRIPTS))
    from arkiv.train.model import M3Model

    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=vocabulary or VOCABULARY, max_position_embeddings=POSITIONS, **shape
    )
    hidden = shape["hidden_size"]
    parts = {
        "model": XLMRobertaModel(config, add_pooling_layer=False),
        "colbert_linear": torch.nn.Linear(hidden, hidden),
        "sparse_linear": torch.nn.Linear(hidden, 1),
    }
    return {"arkiv": M3Model, "flagembedding": EncoderOnlyEmbedderM3Model}[kind](
        parts,
        tokenizer=SimpleNamespace(
            cls_token_id=0, pad_token_id=1, eos_token_id=2, unk_token_id=3
        ),
        temperature=0.02,
        normalize_embeddings=True,
        unified_finetuning=True,
        use_self_distill=True,
        sub_batch_size=sub_batch_size,
    ).train()


def texts(count: int, length: int, vocabulary: int, device: torch.device) -> dict:
    """Random token ids, (count, length), nothing padded."""
    import torch

    ids = torch.randint(4, vocabulary, (count, length), device=device)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def step(
    model,
    length: int,
    *,
    query_length: int | None = None,
    queries: int = QUERIES,
    bf16: bool = False,
) -> float:
    """Forward, in bfloat16 where it is as good, and backward; the loss."""
    import torch

    device = next(model.parameters()).device
    own = texts(queries, query_length or length, model.vocab_size, device)
    passages = texts(queries * GROUP, length, model.vocab_size, device)
    scores = [float(n % GROUP) for n in range(queries * GROUP)]
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        loss = model(queries=own, passages=passages, teacher_scores=scores).loss
    loss.backward()
    return loss.item()


def peak_mb() -> float:
    """The most memory that this process has held, in 10^6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measured_step(kind: str, length: int = LENGTH) -> dict[str, float]:
    """Seconds, memory and loss of one step on the CPU, in this process."""
    model = build(kind, TINY)
    step(model, 8)
    return _measured(lambda: step(model, length))


def measured_large_step(kind: str, sub_batch_size: int | None) -> dict[str, float]:
    """The same of a step of many queries."""
    model = build(kind, DEEP, SMALL_VOCABULARY, sub_batch_size)
    step(model, 8)
    return _measured(lambda: step(model, MANY_LENGTH, queries=MANY_QUERIES))


def _measured(work: Callable[[], float]) -> dict[str, float]:
    before, cpu = peak_mb(), time.process_time()
    began = time.perf_counter()
    loss = work()
    return {
        "seconds": round(time.perf_counter() - began, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_mb": round(peak_mb()),
        "step_mb": round(peak_mb() - before),
        "loss": loss,
    }


def limit_memory(gib: float) -> None:
    """Have this process hold no more of the GPU's memory."""
    import torch

    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, gib * 2**30 / total))


def in_memory(work: Callable[[], object]) -> bool:
    """Do work if the GPU's memory suffices for it; whether it did."""
    import torch

    suffices = True
    try:
        work()
    except torch.OutOfMemoryError:
        suffices = False
    # Only now does no frame of the fault hold what it had made.
    gc.collect()
    torch.cuda.empty_cache()
    return suffices


def longest(
    fits: Callable[[int], bool], grain: int, most: int, until: float = math.inf
) -> int:
    """The largest length that fits, of multiples of `grain` to `most`; 0: none does.

    A length is doubled while it fits, then the gap is halved.

    Args:
        fits: whether a length does; where one does, all shorter ones do.
        grain: lengths are multiples of it.
        most: likewise.
        until: by `time.monotonic`, after which none is tried any more, and what is
            known to fit is given.
    """
    low, high, all_fit = 0, most // grain, True
    while low < high and time.monotonic() < until:
        tried = min(max(1, 2 * low), high) if all_fit else (low + high + 1) // 2
        if fits(tried * grain):
            low = tried
        else:
            high, all_fit = tried - 1, False
    return low * grain


def longest_passages(kind: str, gpu_memory: float) -> dict[str, int]:
    """The longest passages in tokens that fit `gpu_memory` GiB of this GPU; 0: none."""
    limit_memory(gpu_memory)
    model = build(kind, BGE_M3).cuda()
    model.gradient_checkpointing_enable()

    def fits(length: int) -> bool:
        query_length = min(length, LENGTH)
        return in_memory(
            lambda: step(model, length, query_length=query_length, bf16=True)
        )

    return {"longest_passages": longest(fits, GRAIN, POSITIONS - 2)}


def in_its_own_process(kind: str, *words: str) -> dict:
    done = subprocess.run(
        [sys.executable, __file__, "--kind", kind, *words],
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def main(argv: list[str] | None = None) -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--kind", choices=KINDS, required=True)
    arguments.add_argument("--length", type=int, default=LENGTH, help="of passages")
    arguments.add_argument(
        "--gpu-memory",
        type=float,
        metavar="GIB",
        help="find the longest passages that fit this much instead",
    )
    arguments.add_argument(
        "--many", action="store_true", help="measure a step of many queries instead"
    )
    arguments.add_argument(
        "--sub-batch-size", type=int, metavar="N", help="texts encoded at a time"
    )
    arguments = arguments.parse_args(argv)
    if arguments.many:
        found = measured_large_step(arguments.kind, arguments.sub_batch_size)
        print(json.dumps(found))
    elif arguments.gpu_memory is None:
        print(json.dumps(measured_step(arguments.kind, arguments.length)))
    else:
        print(json.dumps(longest_passages(arguments.kind, arguments.gpu_memory)))


if __name__ == "__main__":
    main()
