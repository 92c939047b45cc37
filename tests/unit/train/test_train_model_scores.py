"""Our M3 model in training against FlagEmbedding's own, in float64."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from FlagEmbedding.finetune.embedder.encoder_only.m3 import EncoderOnlyEmbedderM3Model
from transformers import XLMRobertaConfig, XLMRobertaModel

from arkiv.train import model as ours
from arkiv.train.model import M3Model

VOCABULARY, HIDDEN, GROUP = 60, 16, 3
TOKENIZER = SimpleNamespace(
    cls_token_id=0,
    pad_token_id=1,
    eos_token_id=2,
    unk_token_id=3,
    padding_side="right",
)


def pair(
    seed: int = 0, layers: int = 1, **settings: object
) -> tuple[torch.nn.Module, torch.nn.Module]:
    """FlagEmbedding's model and ours with the same weights, in training, float64."""
    torch.manual_seed(seed)
    body = XLMRobertaModel(
        XLMRobertaConfig(
            vocab_size=VOCABULARY,
            hidden_size=HIDDEN,
            num_hidden_layers=layers,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ),
        add_pooling_layer=False,
    )
    # As it is set up, all tokens of a text have nearly the same state.
    torch.nn.init.normal_(body.embeddings.word_embeddings.weight)
    heads = {"colbert_linear": torch.nn.Linear(HIDDEN, HIDDEN)}
    heads["sparse_linear"] = torch.nn.Linear(HIDDEN, 1)
    settings = {
        "temperature": 0.05,
        "normalize_embeddings": True,
        "unified_finetuning": True,
        **settings,
    }
    parts = {"model": body, **heads}
    return tuple(
        kind(copy.deepcopy(parts), tokenizer=TOKENIZER, **settings).double().train()
        for kind in (EncoderOnlyEmbedderM3Model, M3Model)
    )


def texts(count: int, longest: int, seed: int) -> dict[str, torch.Tensor]:
    """Token ids of texts of different lengths with repeated tokens, padded."""
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, VOCABULARY // 2, (count, longest), generator=draw)
    ids[:, 0] = TOKENIZER.cls_token_id
    mask = torch.zeros_like(ids)
    for row in range(count):
        length = longest
        if row:
            length = int(torch.randint(2, longest + 1, (), generator=draw))
        ids[row, length - 1] = TOKENIZER.eos_token_id
        ids[row, length:] = TOKENIZER.pad_token_id
        mask[row, :length] = 1
    return {"input_ids": ids, "attention_mask": mask}


def batch(seed: int, *, distill: bool) -> dict:
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randn(4 * GROUP, generator=draw).tolist()
    return {
        "queries": texts(4, 9, seed),
        "passages": texts(4 * GROUP, 23, seed + 1),
        "teacher_scores": scores if distill else None,
    }


def each_alone(given: dict) -> list[dict]:
    """The batch as one for each query."""
    scores = given["teacher_scores"]
    alone = []
    for row in range(4):
        group = slice(row * GROUP, (row + 1) * GROUP)
        alone.append(
            {
                "queries": {k: v[[row]] for k, v in given["queries"].items()},
                "passages": {k: v[group] for k, v in given["passages"].items()},
                "teacher_scores": scores and scores[group],
            }
        )
    return alone


def assert_same(
    theirs: torch.nn.Module,
    own: torch.nn.Module,
    given: dict,
    parts: list[dict] | None = None,
) -> None:
    """Loss to 1e-6 and every gradient to 1e-5, relative to the largest.

    Args:
        theirs: FlagEmbedding's.
        own: ours.
        given: a batch.
        parts: batches whose mean loss is to be compared with, instead of the same.
    """
    losses = []
    for model, batches in ((theirs, parts or [given]), (own, [given])):
        model.zero_grad()
        loss = sum(model(**one).loss for one in batches) / len(batches)
        loss.backward()
        losses.append(loss.item())
    assert losses[1] == pytest.approx(losses[0], rel=1e-6, abs=1e-6)
    for (name, one), other in zip(
        theirs.named_parameters(), own.parameters(), strict=True
    ):
        assert (one.grad is None) == (other.grad is None), name
        if one.grad is not None:
            scale = max(1.0, one.grad.abs().max().item())
            assert (one.grad - other.grad).abs().max().item() <= 1e-5 * scale, name


@pytest.mark.parametrize("distill", [None, "m3_kd_loss", "kl_div"])
@pytest.mark.parametrize("self_distill", [False, True])
def test_losses_and_gradients_are_flagembeddings(monkeypatch, distill, self_distill):
    # So small that blocks end within a passage's query tokens, and after a few of them.
    settings = {"use_self_distill": self_distill, "self_distill_start_step": 0}
    settings["kd_loss_type"] = distill or "m3_kd_loss"
    for block in (7, 1500, 1 << 24):
        monkeypatch.setattr(ours, "BLOCK_PRODUCTS", block)
        models = pair(block, **settings)
        for seed in range(2):
            assert_same(*models, batch(seed, distill=distill is not None))
        # From its second step on it distils itself.
        assert models[1].step == 2


@pytest.mark.parametrize("distill", [None, "m3_kd_loss", "kl_div"])
@pytest.mark.parametrize("unified_finetuning", [False, True])
def test_without_in_batch_negatives_each_query_is_as_if_alone(
    distill, unified_finetuning
):
    theirs, own = pair(
        use_self_distill=unified_finetuning,
        kd_loss_type=distill or "m3_kd_loss",
        unified_finetuning=unified_finetuning,
    )
    for seed in range(2):
        given = batch(seed, distill=distill is not None)
        theirs.step = own.step = seed
        parts = each_alone(given)
        for model in (theirs, own):
            model.self_distill_start_step = 0 if seed else 9
        assert_same(theirs, own, given | {"no_in_batch_neg_flag": True}, parts)


def test_without_unified_fine_tuning_nothing_differs():
    models = pair(unified_finetuning=False)
    assert_same(*models, batch(5, distill=True))


@pytest.mark.parametrize("tie", ["states", "weights"])
def test_ties_go_to_the_first_place_as_flagembeddings(tie):
    """A token at several places of a text: with equal states, with equal weights."""
    models = pair(2)
    with torch.no_grad():
        for model in models:
            if tie == "states":
                model.model.embeddings.position_embeddings.weight.zero_()
            else:
                model.sparse_linear.weight.zero_()
                model.sparse_linear.bias.fill_(0.3)
    given = batch(6, distill=True)
    assert_same(*models, given)
    # The gradient of the weights would tell where it came from: the states differ.
    gradient = models[1].sparse_linear.weight.grad
    assert gradient.abs().max() > 1e-3

    ids = torch.tensor([[7, 9, 7]])
    weights = torch.tensor([[0.5, 0.1, 0.5]], requires_grad=True)
    largest = ours.largest_weights(ids, weights, 12)
    assert largest[0, [7, 8, 9]].tolist() == pytest.approx([0.5, 0, 0.1])
    largest.sum().backward()
    assert weights.grad.tolist() == [[1, 1, 0]]


def test_autocast_gives_scores_in_its_precision_and_whole_gradients():
    torch.manual_seed(0)
    queries, passages = torch.randn(2, 5, 8), torch.randn(3, 7, 8)
    results = []
    for precision in (torch.float32, torch.bfloat16):
        one, two = (x.clone().requires_grad_() for x in (queries, passages))
        enabled = precision != torch.float32
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            best = ours.BestTokens.apply(one, two)
        assert best.dtype == precision
        best.float().sum().backward()
        results.append([best.float(), one.grad, two.grad])
    assert torch.allclose(results[0][0], results[1][0], atol=0.05)
    assert results[1][1].dtype == torch.float32


def test_memory_grows_with_the_block_and_not_with_the_passages(monkeypatch):
    """No tensor of queries x tokens x passages x tokens is made, there or back."""
    monkeypatch.setattr(ours, "BLOCK_PRODUCTS", 1000)
    largest = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                largest.append(out.numel())
            return out

    queries = torch.randn(3, 16, 4, requires_grad=True)
    passages = torch.randn(40, 50, 4, requires_grad=True)
    with Watch():
        ours.BestTokens.apply(queries, passages).sum().backward()
    # Passages and their gradient, places and maxima: nothing of 3 x 16 x 40 x 50.
    assert max(largest) == passages.numel()


def test_the_benchmark_takes_the_same_step_with_both(monkeypatch):
    path = Path(__file__).parents[3] / "benchmarks" / "train_step.py"
    spec = importlib.util.spec_from_file_location("train_step", path)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    monkeypatch.setattr(benchmark, "VOCABULARY", 300)
    gradients = []
    for kind in benchmark.KINDS:
        model = benchmark.build(kind, benchmark.TINY)
        torch.manual_seed(1)
        benchmark.step(model, 12, query_length=5)
        gradients.append(model.colbert_linear.weight.grad)
    assert torch.allclose(*gradients, atol=1e-5)
