"""False negatives of batches against loops, GISTEmbedLoss and batches without them."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from groups import in_a_group
from test_representations import LOSSES, assert_equal, loss_and_gradients, settings
from test_train_model_scores import GROUP, batch, pair

from arkiv.base.errors import InputError
from arkiv.train.false_negatives import (
    SIDES,
    FalseNegatives,
    Guide,
    doubt,
    finding,
    numbered_texts,
    with_known,
    write_known,
)
from arkiv.train.settings import Mask

JACCARD = 0.4


def made_up_rows(seed: int) -> list[dict]:
    """Rows of few queries and of passages that are copies of each other, changed."""
    draw = random.Random(seed)
    words = [f"ord{n}" for n in range(30)]
    passages = [" ".join(draw.choices(words, k=draw.randint(0, 14))) for _ in range(12)]
    for _ in range(20):
        copy = draw.choice(passages).split()
        if copy:
            copy[draw.randrange(len(copy))] = draw.choice(words)
        passages.append(draw.choice((" ", "\n ")).join(copy))
    passages += [text.upper() for text in draw.sample(passages, 6)]
    return [
        {
            "query": draw.choice(("Vem stal hästen?", "vem  stal hästen?", "Var?", "")),
            "pos": draw.sample(passages, draw.randint(1, 3)),
            "neg": draw.sample(passages, 4),
        }
        for _ in range(10)
    ]


def known(folder: Path, rows: list[dict], **how: object) -> FalseNegatives:
    folder.mkdir()
    shard = folder / "a.jsonl"
    shard.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    write_known(folder / "known", [str(shard)], near=True)
    return FalseNegatives(folder / "known", **how)


def drawn(rows: list[dict], seed: int) -> tuple[list[str], list[str]]:
    """The queries and the passages of a batch, three for each query."""
    draw = random.Random(seed)
    some = draw.choices(rows, k=draw.randint(1, 6))
    groups = ([draw.choice(r["pos"]), *draw.sample(r["neg"], 2)] for r in some)
    return [row["query"] for row in some], [text for one in groups for text in one]


def same(one: str) -> str:
    return " ".join(one.split()).casefold()


def triples(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    size = min(3, len(words)) or 1
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def reason(query: str, passage: str, rows: list[dict]) -> str | None:
    """Why a passage may well answer a query, by a loop over all rows."""
    asked = [row for row in rows if same(row["query"]) == same(query)]
    positives = [text for row in asked for text in row["pos"]]
    if same(passage) in map(same, positives):
        return "same_query"
    for text in positives:
        one, other = triples(text), triples(passage)
        if one | other and len(one & other) / len(one | other) >= JACCARD:
            return "near"
    return None


def test_near_texts_and_positives_of_the_same_query_are_those_of_a_loop(tmp_path):
    reasons = []
    for seed in range(8):
        rows = made_up_rows(seed)
        finder = known(tmp_path / str(seed), rows, jaccard=JACCARD)
        for number in range(12):
            queries, passages = drawn(rows, number)
            found = finder.of(
                finder.numbers("queries", queries),
                finder.numbers("passages", passages),
            )
            for row, query in enumerate(queries):
                for column, passage in enumerate(passages):
                    wanted = None
                    if column != 3 * row:
                        wanted = reason(query, passage, rows)
                    got = [why for why in found if found[why][row, column]]
                    assert got == ([wanted] if wanted else [])
                    reasons.append(wanted)
            finder.count(len(queries) * (len(passages) - 1), found)
        assert finder.counts["guide"] == 0
    assert {reasons.count(one) > 100 for one in (None, "same_query", "near")} == {True}


def test_a_text_of_no_shard_is_a_fault_and_words_can_be_left_aside(tmp_path):
    rows = made_up_rows(1)
    finder = known(tmp_path / "rows", rows)
    with pytest.raises(RuntimeError, match="no shard has"):
        finder.numbers("passages", ["nytt"])
    queries, passages = drawn(rows, 1)
    given = finder.numbers("queries", queries), finder.numbers("passages", passages)
    assert finder.of(*given).keys() == {"same_query"}
    alone = FalseNegatives(tmp_path / "rows" / "known", near=False)
    assert alone.of(*given) == {}


def vectors(seed: int, count: int, *, dim: int = 6) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(count, dim, generator=draw), dim=1)


def gist_loss(embeddings, guides, monkeypatch, margin: float) -> float:
    """Of sentence-transformers, of queries, positives and a negative each."""
    from sentence_transformers.sentence_transformer.losses import gist_embed

    loss = gist_embed.GISTEmbedLoss.__new__(gist_embed.GISTEmbedLoss)
    torch.nn.Module.__init__(loss)
    loss.model, loss.guide = embeddings, guides
    loss.temperature, loss.margin, loss.margin_strategy = 0.05, margin, "absolute"
    loss.contrast_anchors = loss.contrast_positives = False
    loss.gather_across_devices = loss.must_retokenize = False
    loss.similarity_fct = torch.nn.CosineSimilarity(dim=-1)
    loss.cross_entropy_loss = torch.nn.CrossEntropyLoss()
    monkeypatch.setattr(gist_embed, "embed_columns", lambda model, features: model)
    return loss([{}, {}, {}], None).item()


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.3])
def test_the_dense_loss_with_a_guide_is_that_of_gist(tmp_path, monkeypatch, margin):
    rows = [{"query": f"q{n}", "pos": [f"p{n}"], "neg": [f"n{n}"]} for n in range(5)]
    _, model = pair(unified_finetuning=False)
    masked = []
    for seed in range(20):
        sides = [vectors(3 * seed + n, 5) for n in range(3)]
        guides = [vectors(1000 + 3 * seed + n, 5) for n in range(3)]
        of_passages, by_guide = (
            torch.stack(each[1:], 1).flatten(0, 1) for each in (sides, guides)
        )
        guide = Guide(guides[0].numpy(), by_guide.numpy(), margin)
        finder = known(tmp_path / str(seed), rows, near=False, guide=guide)
        model.false_negatives = finder
        encoded = iter([(sides[0], None, None), (of_passages, None, None)])
        monkeypatch.setattr(model, "encode", lambda features, of=encoded: next(of))
        numbers = {"queries": torch.arange(5), "passages": torch.arange(10)}
        loss = model(numbers=numbers).loss.item()
        wanted = gist_loss(sides, guides, monkeypatch, margin)
        assert loss == pytest.approx(wanted, rel=1e-5, abs=1e-6)
        masked.append(finder.counts["guide"])
        assert finder.counts["negatives"] == 5 * 9
    assert min(masked) > 0
    assert sum(masked) < 20 * 5 * 9 * 0.9


class Given:
    """Stands for what finds false negatives: they are given, by query and passage."""

    def __init__(self, share: float) -> None:
        self.share, self.counted = share, []

    def of(self, queries: np.ndarray, passages: np.ndarray) -> dict[str, np.ndarray]:
        masked = np.array(
            [[hash((q, p)) % 100 < 100 * self.share for p in passages] for q in queries]
        )
        group = len(passages) // len(queries)
        masked[np.arange(len(queries)), np.arange(len(queries)) * group] = False
        return {"near": masked}

    def count(self, compared: int, found: dict[str, np.ndarray]) -> None:
        self.counted.append((compared, int(found["near"].sum())))


def numbers_of(rows: range) -> dict[str, torch.Tensor]:
    groups = torch.arange(rows.start * GROUP, rows.stop * GROUP)
    return {"queries": torch.tensor(list(rows)) + 7, "passages": groups}


def loss_by_loop(model, given: dict, *, self_distill: bool) -> torch.Tensor:
    """FlagEmbedding's losses of each query with the passages that are left to it."""
    queries, passages = (model.encode(given[side]) for side in ("queries", "passages"))
    mask = model._get_queries_attention_mask(given["queries"])
    scores = {
        "dense": model.compute_dense_score(queries[0], passages[0]),
        "sparse": model.compute_sparse_score(queries[1], passages[1]),
        "colbert": model.compute_colbert_score(queries[2], passages[2], q_mask=mask),
    }
    scores["ensemble"] = scores["dense"] + 0.3 * scores["sparse"] + scores["colbert"]
    alone, teacher = given["no_in_batch_neg_flag"], given["teacher_scores"]
    masked = Given(0.4).of(*(one.numpy() for one in given["numbers"].values()))["near"]
    losses = []
    for row in range(4):
        own = range(row * GROUP, (row + 1) * GROUP)
        kept = [
            column
            for column in (own if alone else range(4 * GROUP))
            if not masked[row, column] or (teacher and column in own)
        ]
        of = {name: each[row, kept] for name, each in scores.items()}
        logs = {name: torch.log_softmax(each, 0) for name, each in of.items()}
        targets = (
            torch.softmax(torch.tensor(teacher[own.start : own.stop]), 0).double()
            if teacher
            else None
        )

        def loss(name: str, of=of, logs=logs, kept=kept, own=own, targets=targets):
            first = kept.index(own.start)
            plain = -logs[name][first]
            if targets is None:
                return plain
            mine = of[name][first : first + GROUP]
            if model.kd_loss_type == "kl_div":
                return plain - (torch.log_softmax(mine, 0) * targets).sum()
            total = 0
            for place, target in enumerate(targets):
                rest = of[name][
                    [i for i in range(len(kept)) if not first <= i < first + place]
                ]
                total = total - target * (mine[place] - rest.logsumexp(0))
            return total

        total = (
            loss("dense") + loss("ensemble") + 0.1 * loss("sparse") + loss("colbert")
        ) / 4
        if self_distill:
            soft = torch.softmax(of["ensemble"].detach(), 0)
            parts = [
                -(logs[name] * soft).sum() for name in ("dense", "sparse", "colbert")
            ]
            total = (total + (parts[0] + 0.1 * parts[1] + parts[2]) / 3) / 2
        losses.append(total)
    return torch.stack(losses).mean()


@pytest.mark.parametrize("distill", [None, "m3_kd_loss", "kl_div"])
@pytest.mark.parametrize("self_distill", [False, True])
@pytest.mark.parametrize("alone", [False, True])
def test_what_is_masked_has_no_share_in_any_loss(distill, self_distill, alone):
    theirs, own = pair(1, **settings(distill, True, self_distill))
    own.self_distill_start_step = -1
    own.false_negatives = Given(0.4)
    for seed in range(3):
        given = batch(seed, distill=distill is not None)
        given["no_in_batch_neg_flag"] = alone
        given["numbers"] = numbers_of(range(4))
        wanted = loss_by_loop(theirs, given, self_distill=self_distill)
        assert own(**given).loss.item() == pytest.approx(wanted.item(), rel=1e-6)
    compared, masked = own.false_negatives.counted[0]
    assert compared == 4 * ((GROUP if alone else 4 * GROUP) - 1)
    assert (masked > 0) == (not alone or distill is None)


@pytest.mark.parametrize(("distill", "unified", "self_distill"), LOSSES)
def test_a_query_without_a_negative_left_learns_nothing_and_fails_nothing(
    distill, unified, self_distill
):
    _, model = pair(1, **settings(distill, unified, self_distill))
    model.false_negatives = Given(1.0)
    given = batch(1, distill=distill is not None) | {"numbers": numbers_of(range(4))}
    loss, gradients = loss_and_gradients(model, given)
    largest = max(gradient.abs().max().item() for gradient in gradients.values())
    assert np.isfinite([loss, largest]).all()
    if distill is None:
        assert (loss, largest) == (0, 0)
    else:
        assert largest > 0  # by its own negatives, which the teacher has scored


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_half_precision_nothing_overflows(dtype):
    _, model = pair(1, **settings("m3_kd_loss", True, True))
    model.float()
    model.false_negatives = Given(0.4)
    given = batch(1, distill=True) | {"numbers": numbers_of(range(4))}
    with torch.autocast("cpu", dtype):
        for _ in range(2):
            loss = model(**given).loss
    loss.backward()
    assert torch.isfinite(loss)
    assert all(
        torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None
    )


def of_two(rank: int) -> None:
    """One of two processes with half of the rows of a batch, and with all of them."""
    half = slice(2 * rank, 2 * rank + 2)
    group = slice(half.start * GROUP, half.stop * GROUP)
    for losses in LOSSES[::4]:
        _, alone = pair(1, **settings(*losses))
        _, model = pair(1, **settings(*losses))
        model.negatives_cross_device = True
        model.share_negatives()
        alone.false_negatives, model.false_negatives = Given(0.4), Given(0.4)
        wrapped = torch.nn.parallel.DistributedDataParallel(model)
        for seed in range(2 if losses[1] else 1):
            given = batch(seed, distill=losses[0] is not None)
            given["numbers"] = numbers_of(range(4))
            scores = given["teacher_scores"]
            own = {
                "queries": {k: v[half] for k, v in given["queries"].items()},
                "passages": {k: v[group] for k, v in given["passages"].items()},
                "teacher_scores": scores and scores[group],
                "numbers": numbers_of(range(half.start, half.stop)),
            }
            assert_equal(
                loss_and_gradients(wrapped, own), loss_and_gradients(alone, given)
            )
        counted = alone.false_negatives.counted
        assert min(masked for _, masked in counted) > 0
        # By the first alone, which has those of both.
        assert model.false_negatives.counted == ([] if rank else counted)


def test_two_processes_mask_what_one_with_all_rows_does(tmp_path):
    in_a_group(of_two, tmp_path)


def data_sets(folder: Path, **more: object) -> tuple:
    """Of rows and of batches of five, of what `known` has written."""
    from arkiv.train.fields import argument_classes
    from arkiv.train.upstream import MixedDataset, SameShardDataset

    _, kind, _ = argument_classes()
    shard = str(folder / "a.jsonl")
    given = kind(
        train_data=[shard],
        cache_path=str(folder / "cache"),
        train_group_size=3,
        query_instruction_for_retrieval="query: ",
        passage_instruction_for_retrieval="passage: ",
        query_instruction_format="{}{}",
        passage_instruction_format="{}{}",
        knowledge_distillation=False,
        **more,
    )
    finder = FalseNegatives(folder / "known")
    mixed = MixedDataset(args=given, tokenizer=None)
    mixed.false_negatives = finder
    same_shard = SameShardDataset(
        args=given, default_batch_size=5, seed=1, false_negatives=finder, tokenizer=None
    )
    return mixed, same_shard


def test_items_end_with_the_numbers_of_their_texts_however_shuffled(tmp_path):
    rows = [
        {"query": f"q{n}", "pos": [f"{n} " + "ord " * n * 9], "neg": [f"n{n}", "m"]}
        for n in range(10)
    ]
    known(tmp_path / "rows", rows)
    mixed, same_shard = data_sets(tmp_path / "rows", shuffle_ratio=1.0)
    by_number = numbered_texts([str(tmp_path / "rows" / "a.jsonl")])
    items = [mixed[n] for n in range(10)]
    shuffled = 0
    for queries, passages, numbers in (
        *(([query], passages, numbers) for query, passages, _, numbers in items),
        *((*same_shard[n][:2], same_shard[n][4]) for n in range(2)),
    ):
        for side, texts, of in zip(SIDES, (queries, passages), by_number, strict=True):
            for text, number in zip(texts, numbers[side], strict=True):
                bare = text.partition(": ")[2]
                assert sorted(bare.replace(" ", "")) == sorted(
                    of[number].replace(" ", "")
                )
                shuffled += bare != of[number]
    assert shuffled > 5


def test_examples_of_a_query_that_meet_have_negatives_of_their_batch(tmp_path):
    rows = [{"query": "q", "pos": [f"p{n}"], "neg": [f"n{n}", "m"]} for n in range(5)]
    known(tmp_path / "rows", rows)
    _, same_shard = data_sets(tmp_path / "rows")
    *_, alone, numbers = same_shard[0]
    assert not alone
    finder = same_shard.false_negatives
    found = finder.of(*(numbers[side] for side in SIDES))["same_query"]
    wanted = np.tile([True, False, False], (5, 5))
    wanted[np.arange(5), 3 * np.arange(5)] = False
    assert np.array_equal(found, wanted)
    # Masked by nothing they would be each other's negatives.
    finder.near = False
    same_shard.refresh_epoch()
    assert same_shard[0][3]


def test_a_guide_that_masks_much_is_warned_of():
    counts = {"negatives": 1000, "same_query": 900, "near": 0, "guide": 250}
    assert doubt(None) is None
    assert doubt(counts) is None
    assert "places 26% of the negatives" in doubt(counts | {"guide": 260})


def test_what_is_asked_for_is_checked_before_training(tmp_path):
    assert finding(Mask(near=False), 0.4, (None, None)) is None
    with pytest.raises(InputError, match=r"--guide-queries.*is missing"):
        finding(Mask(guide="base"), 0.4, (None, None))
    rows = made_up_rows(3)
    shard = tmp_path / "a.jsonl"
    shard.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    texts = numbered_texts([str(shard)])
    files = [str(tmp_path / f"{n}.npy") for n in range(2)]
    for file, side in zip(files, texts, strict=True):
        np.save(file, vectors(1, len(side)).numpy().astype(np.float16))
    how = finding(Mask(guide="base"), 0.4, tuple(files))
    finder = FalseNegatives.of_files(
        **with_known(how, tmp_path / "known", [str(shard)])
    )
    for side, of in zip(("queries", "passages"), texts, strict=True):
        assert finder.numbers(side, of).tolist() == list(range(len(of)))
    np.save(files[1], vectors(1, 3).numpy())
    with pytest.raises(InputError, match=r"--guide-passages.*has 3 rows for"):
        with_known(how, tmp_path / "again", [str(shard)])
