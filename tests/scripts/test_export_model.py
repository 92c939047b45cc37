"""export_model.py: what it writes loads in both libraries and tells what it is."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from bodies import build_body
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

import export_model
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_json
from arkiv.encode.description import Description
from arkiv.encode.encoder import Encoder
from arkiv.encode.m3 import M3
from arkiv.encode.models import HEADS
from arkiv.encode.settings import TRAINED_POOLINGS
from arkiv.example.archive import cases
from arkiv.export.directory import EARLIER, LATER
from arkiv.export.multi_vector import as_safetensors, first_token, read_tensors
from arkiv.export.usage import PLACE
from arkiv.retrieve.modes import every_score
from arkiv.train.heads import new_heads

MAX_LENGTH = 48
TEXTS = [*cases(4, seed=3), " ".join(cases(3, seed=4)), "§ 1.", "Vem ägde kvarnen?"]
SYSTEMS = [
    f"{model}_{mode}"
    for model in ("base", "tuned")
    for mode in ("dense", "sparse", "multi_vector", "combined")
]
MEASURES = ["nDCG@10", "AP", "R@100", "RR@10", "P@10", "Success@10"]


def interval(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - 0.05, "high": mean + 0.0517}


def metrics() -> dict:
    means = {"bm25": 0.2} | {name: 0.3 + n / 20 for n, name in enumerate(SYSTEMS)}
    return {
        "measures": MEASURES,
        "gold": "known_item",
        "queries_left_out": 0,
        "bootstrap": {"samples": 10000, "seed": 0, "level": 0.95},
        "queries": 1234,
        "systems": {
            name: {measure: interval(mean) for measure in MEASURES}
            for name, mean in means.items()
        },
        "comparisons": [
            {
                "system": f"tuned_{mode}",
                "base": f"base_{mode}",
                "difference": {measure: interval(0.0423) for measure in MEASURES},
            }
            for mode in ("dense", "multi_vector")
        ],
        "parts": {},
    }


def history() -> dict:
    modes = ("dense", "sparse", "multi_vector", "combined")
    scores = {
        step: {
            name: {mode: {"nDCG@10": 0.25 + step / 100, "RR@10": 0.5} for mode in modes}
            for name in ("dev", "general")
        }
        for step in (0, 20, 31)
    }
    return {
        "world_size": 2,
        "rows": 1100,
        "rows_drawn": 1650,
        "rows_used": 1649,
        "rows_left_out": {"court": 1},
        "steps": 31,
        "epochs": 1.98765432,
        "seconds": 90.0,
        "evaluation": {
            "collections": {
                "dev": {"queries": 99, "passages": 2099},
                "general": {"queries": 50, "passages": 60},
            },
            "mode": "multi_vector",
            "measure": "nDCG@10",
            "best_step": 20,
            "entries": [{"step": n, "scores": found} for n, found in scores.items()],
        },
        "warnings": [{"step": 31, "warning": "it <forgets> a | b"}],
        "weights": {"a_b": 1.5},
        "lora": {"rank": 8, "alpha": 64, "dropout": 0.1, "targets": ["query", "key"]},
        "arguments": {
            "model_name_or_path": "/home/someone/models/base",
            "output_dir": "/scratch/someone/checkpoints",
            "train_data": ["/scratch/someone/a.jsonl"],
            "seed": 42,
            "learning_rate": 1e-5,
            "gradient_checkpointing": True,
            "deepspeed": "/home/someone/stage0.json",
            "query_instruction_for_retrieval": "",
            "report_to": "none",
        },
        "inputs": {"model": "ab" * 16, "shards": {"court_len-0-inf.jsonl": "cd" * 16}},
        "versions": {"python": "3.11.13", "torch": "2.13.0", "FlagEmbedding": "1.4.2"},
    }


STAGES = {
    "documents": {"pages": 1234, "documents": 2345, "rejected": {"no text at all": 3}},
    "pairs": {
        "queries": 2345,
        "passages": 2340,
        "train": 1800,
        "dev": 200,
        "test": 345,
        "set_aside": {"its pages lie on both sides": 2},
    },
    "negatives": {"sources": {"dense": 12000, "random": 600}},
    "shards": {"pairs": 1100},
}


def write(folder: Path, **contents: object) -> Path:
    for name, content in contents.items():
        write_json(folder / f"{name}.json", content)
    return folder


@pytest.fixture
def run(tmp_path) -> Path:
    """The files of a run with one dataset of pages and one of ready pairs."""
    return write(tmp_path, history=history(), metrics=metrics(), **STAGES)


def words(folder: Path, model: Path, **more: object) -> list[str]:
    """The command line of an export of a run; None leaves an option out."""
    both = ("pairs", "shards")
    given = {
        "model": model,
        "history": folder / "history.json",
        "metrics": folder / "metrics.json",
        **{stage: [f"court={folder}/{stage}.json"] for stage in STAGES},
        **{s: [f"{name}={folder}/{s}.json" for name in ("court", "a_b")] for s in both},
        "kinds": ["court=pages", "a_b=negatives"],
        "name": "Court *minutes*",
        "base": "BAAI/bge-m3",
        "base_revision": "5617a9f",
        "teacher": "tiny",
        "language": ["sv", "fi"],
        "license": "mit",
        "trainings": 3,
        "settings": json.dumps({"mining": {"window": [2, 200], "max_score": None}}),
        "query_max_length": 32,
        "passage_max_length": MAX_LENGTH,
        "weights": [1, 0.3, 0.5],
        "output": folder / "export",
    } | more
    line: list[str] = []
    for name, value in given.items():
        if value is not None:
            values = value if isinstance(value, list) else [value]
            line += [f"--{name.replace('_', '-')}", *map(str, values)]
    return line


def exported(folder: Path, model: Path, **more: object) -> str:
    """Export; return the card."""
    export_model.main(words(folder, model, **more))
    return (folder / "export/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("heads", ["new", "none"])
def test_a_model_of_another_body_is_told_by_its_heads(run, tmp_path, heads):
    from sentence_transformers import SentenceTransformer

    # Which calls its sizes otherwise.
    body = build_body(tmp_path / "distilbert", "distilbert")
    for name, head in new_heads(32, 0).items() if heads == "new" else ():
        torch.save(head.state_dict(), body / f"{name}.pt")
    how = Description("mean", "query: ", "")
    how.write(body, 32)
    write(run, history=history() | {"heads": heads})
    card = exported(run, body)
    sentences = SentenceTransformer(str(run / "export"), device="cpu")
    ours = Encoder(M3(body), longest=MAX_LENGTH).encode(
        *(TEXTS, "query"), max_length=MAX_LENGTH
    )
    theirs = sentences.encode(TEXTS, prompt_name="query")
    np.testing.assert_allclose(theirs, ours.dense, atol=1e-5)
    assert "2 layers, vectors of 32 dimensions" in card
    assert ("BGEM3FlagModel" in card) == (heads == "new")
    assert ("FlagEmbedding" in ModelCard(card).data.tags) == (heads == "new")
    assert ("colbert_linear.pt" in card) == (heads == "new")
    assert ("A model of dense vectors, fine-tuned" in card) == (heads == "none")
    # vLLM has BGE-M3's heads for its own body and pooling alone.
    assert "vllm serve path/to/this/directory --runner pooling\n" in card
    assert "BgeM3EmbeddingModel" not in card
    assert ("A model with new heads like those" in card) == (heads == "new")


def test_lengths_that_are_not_numbers_are_what_the_model_takes(
    run, tiny_embedder, tmp_path
):
    short = shutil.copytree(tiny_embedder, tmp_path / "short")
    write_json(short / "sentence_bert_config.json", {"max_seq_length": 24})
    settings = {"mining": {"query_max_length": "auto", "passage_max_length": None}}
    given = {"query_max_length": "auto", "settings": json.dumps(settings)}
    card = exported(run, short, passage_max_length=None, **given)
    limits = run / "export/sentence_bert_config.json"
    assert read_json(limits)["max_seq_length"] == 24
    assert "Passages are cut at 24 tokens and queries at 24," in card
    assert "max_query_length=24," in card
    assert "mining: {query_max_length: 24, passage_max_length: 24}" in card
    card = exported(run, short, passage_max_length=48, **given)
    assert read_json(limits)["max_seq_length"] == 48
    assert "Passages are cut at 48 tokens and queries at 24," in card


def test_heads_that_an_earlier_training_made_are_told_as_new(run, tiny_embedder):
    """Of the last training they are the model's own."""
    write(run, history=history() | {"heads": "own"})
    began = run / "began.json"
    began.write_text(json.dumps(history() | {"heads": "new"}), encoding="utf-8")
    card = exported(run, tiny_embedder, began=began)
    assert "A model with new heads like those of BGE-M3, fine-tuned" in card


@pytest.mark.parametrize("base", ["BAAI/bge-m3", "someone/e5-with-heads"])
def test_another_model_with_heads_is_not_called_a_bge_m3_model(
    run, tiny_embedder, base
):
    card = exported(run, tiny_embedder, base=base)
    assert ("A BGE-M3 model, fine-tuned" in card) == (base == "BAAI/bge-m3")
    assert ("A model with heads like those" in card) == (base != "BAAI/bge-m3")


def test_both_libraries_give_our_vectors(run, tiny_embedder):
    from FlagEmbedding import BGEM3FlagModel
    from sentence_transformers import SentenceTransformer

    exported(run, tiny_embedder)
    ours = Encoder(M3(tiny_embedder), longest=MAX_LENGTH).encode(
        *(TEXTS, "passage"), max_length=MAX_LENGTH, sparse=True, multi_vector=True
    )
    assert max(map(len, ours.multi_vector)) == MAX_LENGTH - 1, "no text is cut"

    sentences = SentenceTransformer(str(run / "export"), device="cpu")
    assert sentences.max_seq_length == MAX_LENGTH
    assert sentences.similarity_fn_name == "cosine"
    np.testing.assert_allclose(sentences.encode(TEXTS), ours.dense, atol=1e-5)

    m3 = BGEM3FlagModel(str(run / "export"), use_fp16=False, devices="cpu")
    theirs = m3.encode(
        TEXTS,
        max_length=MAX_LENGTH,
        return_dense=True,
        return_sparse=True,
        return_colbert_vecs=True,
    )
    np.testing.assert_allclose(theirs["dense_vecs"], ours.dense, atol=1e-5)
    for row, weights in enumerate(theirs["lexical_weights"]):
        one = ours.sparse[row]
        mine = dict(zip(one.indices.tolist(), one.data.tolist(), strict=True))
        assert mine == pytest.approx(
            {int(token): float(weight) for token, weight in weights.items()}, abs=1e-5
        )
    for one, other in zip(ours.multi_vector, theirs["colbert_vecs"], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_sentence_transformers_would_write_the_same_modules(run, tiny_embedder):
    """What its own version makes of the export and saves, is the same model."""
    from sentence_transformers import SentenceTransformer

    exported(run, tiny_embedder)
    first = SentenceTransformer(str(run / "export"), device="cpu")
    first.save(str(run / "saved"))
    again = SentenceTransformer(str(run / "saved"), device="cpu")
    assert [type(module) for module in again] == [type(module) for module in first]
    assert again[1].get_config_dict() == first[1].get_config_dict()
    assert again[1].pooling_mode == "cls"
    assert (again.prompts, again.default_prompt_name) == (
        {"query": "", "document": ""},
        None,
    )
    assert again.max_seq_length == MAX_LENGTH
    np.testing.assert_array_equal(again.encode(TEXTS), first.encode(TEXTS))


def test_the_code_of_the_card_runs(run, tiny_embedder, capsys):
    card = exported(run, tiny_embedder)
    assert """'{"architectures": ["BgeM3EmbeddingModel"]}'""" in card
    found = re.findall(r"^```python\n(.*?)^```", card, flags=re.M | re.S)
    assert len(found) == 3
    names: list[dict] = []
    for block in found:
        assert block.count(PLACE) == 1
        names.append({})
        exec(block.replace(PLACE, str(run / "export")), names[-1])
    printed = [line for line in capsys.readouterr().out.splitlines() if line]
    assert len(printed) == 3
    scores, similarity = names[0]["scores"], names[1]["model"].similarity
    dense = similarity(names[1]["vectors"], names[1]["vectors"])
    assert dense.shape == (2, 2)
    assert torch.allclose(dense.diagonal(), torch.ones(2), atol=1e-5)
    # Both blocks compare the same query with the same passages.
    query = names[1]["model"].encode(names[1]["query"])
    expected = similarity(query, names[1]["vectors"])[0].tolist()
    assert scores["dense"] == pytest.approx(expected, abs=1e-3)
    late = names[2]["model"].similarity(
        names[2]["model"].encode_query([names[2]["query"]]), names[2]["vectors"]
    )
    assert scores["colbert"] == pytest.approx(late[0].tolist(), abs=1e-3)
    combined = [
        (dense + 0.3 * sparse + 0.5 * multi) / 1.8
        for dense, sparse, multi in zip(
            *(scores[mode] for mode in ("dense", "sparse", "colbert")), strict=True
        )
    ]
    assert scores["colbert+sparse+dense"] == pytest.approx(combined, abs=1e-3)


@pytest.mark.parametrize("pooling", TRAINED_POOLINGS)
def test_an_export_reads_as_the_model_is_described(run, tiny_embedder, capsys, pooling):
    """Vectors of both libraries, by the code of the card, and what the card says."""
    from sentence_transformers import SentenceTransformer

    model = shutil.copytree(tiny_embedder, run / "model")
    description = Description(pooling, 'fråga "{}": ', "- stycke:\n")
    description.write(model, 128)
    card = exported(run, model)
    said = """`'fråga "{}": '` before queries and `'- stycke:\\n'` before passages"""
    assert said in " ".join(card.split())
    assert Description.of(run / "export") == description
    ours = Encoder(M3(model), longest=MAX_LENGTH)
    theirs = SentenceTransformer(str(run / "export"), device="cpu")
    sides = {"query": theirs.encode_query, "passage": theirs.encode_document}
    for side, encode in sides.items():
        found = ours.encode(TEXTS, side, max_length=MAX_LENGTH).dense
        np.testing.assert_allclose(encode(TEXTS), found, atol=1e-5)

    names: list[dict] = []
    for block in re.findall(r"^```python\n(.*?)^```", card, flags=re.M | re.S):
        names.append({})
        exec(block.replace(PLACE, str(run / "export")), names[-1])
    passages = names[1]["passages"]
    asked = ours.encode([names[1]["query"]], "query", max_length=32).dense
    found = ours.encode(passages, "passage", max_length=MAX_LENGTH).dense
    expected = (asked @ found.T)[0].tolist()
    assert names[0]["scores"]["dense"] == pytest.approx(expected, abs=1e-3)
    vectors, similarity = names[1]["vectors"], names[1]["model"].similarity
    assert similarity(asked, vectors)[0].tolist() == pytest.approx(expected, abs=1e-5)
    assert "whoever asks it puts `'fråga" in " ".join(card.split())


@pytest.mark.parametrize("prompt", ["", "fråga: "])
def test_a_multi_vector_encoder_scores_as_late_interaction_does(
    run, tiny_embedder, prompt
):
    """Of texts that are cut too, and by none of the first tokens."""
    from sentence_transformers import MultiVectorEncoder

    model = shutil.copytree(tiny_embedder, run / "model")
    Description("cls", prompt, "").write(model, 128)
    exported(run, model, query_max_length=12)
    # Wherever the export is moved to.
    moved = shutil.move(run / "export", run / "moved")
    theirs = MultiVectorEncoder(str(moved / "multi_vector"), device="cpu")
    ours = Encoder(M3(model), longest=MAX_LENGTH)
    queries, passages = (
        ours.encode(TEXTS, side, max_length=length, sparse=True, multi_vector=True)
        for side, length in (("query", 12), ("passage", MAX_LENGTH))
    )
    found = theirs.encode_query(TEXTS), theirs.encode_document(TEXTS)
    for their, our in zip(found, (queries, passages), strict=True):
        for one, other in zip(their, our.multi_vector, strict=True):
            np.testing.assert_allclose(one.numpy(), other, atol=1e-5)
    assert max(len(one) for one in found[0]) == 12 - 1
    scores = theirs.similarity(*found).numpy()
    expected = every_score(queries, passages)["multi_vector"]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    # What is linked is there once.
    linked = moved / "multi_vector" / "model.safetensors"
    assert linked.is_symlink()
    assert linked.resolve() == (moved / "model.safetensors").resolve()


def test_the_head_is_read_without_torch_as_torch_reads_it(tmp_path):
    from safetensors.torch import load

    for kind in (torch.float32, torch.float16, torch.bfloat16):
        head = torch.nn.Linear(5, 3).to(kind).state_dict()
        torch.save(head, tmp_path / "head.pt")
        found = load(as_safetensors(read_tensors(tmp_path / "head.pt")))
        assert found.keys() == head.keys()
        for name, tensor in head.items():
            assert found[name].dtype == kind
            assert torch.equal(found[name], tensor)
    torch.save({"weight": torch.ones(3, 5).T}, tmp_path / "head.pt")
    with pytest.raises(InputError, match=r"head.pt: is not the state of a linear"):
        read_tensors(tmp_path / "head.pt")
    torch.save({"weight": Path("x"), "bias": torch.ones(3)}, tmp_path / "head.pt")
    with pytest.raises(InputError, match=r"linear layer \(UnpicklingError\)"):
        read_tensors(tmp_path / "head.pt")


def test_without_a_first_token_to_leave_out_there_is_no_such_directory(
    run, tiny_embedder
):
    model = shutil.copytree(tiny_embedder, run / "model")
    assert first_token(model) == "<s>"
    tokenizer = read_json(model / "tokenizer.json")
    write_json(model / "tokenizer.json", tokenizer | {"post_processor": None})
    assert first_token(model) is None
    assert "MultiVectorEncoder" not in exported(run, model)
    assert not (run / "export/multi_vector").exists()


def test_the_directory_holds_the_model_whole_and_nothing_linked(run, tiny_embedder):
    model = shutil.copytree(tiny_embedder, run / "model")
    (model / "README.md").write_text("of another model")
    (model / "config.json").rename(run / "elsewhere.json")
    (model / "config.json").symlink_to(run / "elsewhere.json")
    first = exported(run, model)
    export = run / "export"
    for path in tiny_embedder.iterdir():
        copied = export / path.name
        content = path.read_bytes()
        if path.name == "tokenizer_config.json":
            # As transformers 4 knows it too.
            content = content.replace(LATER.encode(), EARLIER.encode())
        assert copied.read_bytes().split() == content.split()
        assert not copied.is_symlink()
        assert copied.stat().st_ino != path.stat().st_ino
    assert "of another model" not in first
    before = {path: path.read_bytes() for path in export.rglob("*") if path.is_file()}
    own = [path for path in before if not path.is_symlink()]
    assert len(own) == len(list(tiny_embedder.iterdir())) + 6 + 7
    linked = {path.name for path in before if path.is_symlink()}
    there = {path.name for path in tiny_embedder.iterdir()} - set(HEADS)
    assert linked == there - {"sentence_bert_config.json", "modules.json"}
    exported(run, model)
    after = {path: path.read_bytes() for path in export.rglob("*") if path.is_file()}
    assert after == before
    for path, content in before.items():
        if path.suffix in (".json", ".md"):
            assert str(run).encode() not in content, path


def test_the_hub_reads_the_card(run, tiny_embedder):
    exported(run, tiny_embedder)
    read = ModelCard.load(run / "export/README.md").data.to_dict()
    assert read == {
        "base_model": "BAAI/bge-m3",
        "base_model_relation": "finetune",
        "language": ["sv", "fi"],
        "library_name": "sentence-transformers",
        "license": "mit",
        "pipeline_tag": "sentence-similarity",
        "tags": ["sentence-transformers", "FlagEmbedding", "feature-extraction"],
    }


def body(card: str) -> str:
    """The card without its front matter."""
    return card.split("---\n", 2)[2]


def tables(card: str) -> list[list[list[str]]]:
    """The cells of each table, as a reader of Markdown finds them."""
    found: list[list[list[str]]] = []
    tokens = MarkdownIt("commonmark").enable("table").parse(body(card))
    for token, following in itertools.pairwise(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("th_open", "td_open"):
            found[-1][-1].append(following.content)
    return found


def test_every_section_says_what_the_run_says(run, tiny_embedder):
    card = exported(run, tiny_embedder)
    assert re.findall("^## (.*)", card, flags=re.M) == [
        "Use",
        "Size",
        "Retrieval",
        "Learnt and forgotten",
        "Data",
        "Configuration",
        "Training",
        "Versions and hashes",
        "What the words mean",
    ]
    plain = " ".join(body(card).split())
    for said in (
        r"# Court \*minutes\* **Toy model: reranker is tiny, built on the spot to try "
        "out the pipeline. The numbers say nothing about BGE-M3 with a reranker that "
        "can read.** A BGE-M3 model, fine-tuned",
        "started from `BAAI/bge-m3` at revision `5617a9f` and was trained 3 times, the "
        "last time on 1,100 rows of 2 datasets, each a query",
        "towards the scores of a tiny model that was built on the spot",
        f"cut at {MAX_LENGTH} tokens and queries at 32,",
        "parameters in the encoder (F32)",
        "- 2 layers, vectors of 128 dimensions - a vocabulary of 6,000 tokens",
        "## Retrieval Of 1,234 held-out queries, a relevant passage is found among the "
        "first ten by tuned combined for 802 (65.0%), tuned dense for 617 (50.0%), "
        "base dense for 370 (30.0%).",
        "Means over 1,234 held-out queries, searched in all passages, with 95% inter",
        "from 10,000 bootstrap samples",
        "| bm25 | 0.200 [0.150, 0.252] | 0.200 [0.150, 0.252] |",
        "- court, pages and documents: no text at all (3)",
        "- a_b, pairs: its pages lie on both sides (2)",
        "mining: window: [2, 200] max_score: null",
        "It was trained 3 times, each time from the model of the time before; of the "
        "last: 31 steps in 1.99 epochs, each with 1,649 of 1,650 rows; 1.5 minutes",
        "drawn by weight: `a_b` 1.5 times. Low-rank",
        "(rank 8, alpha 64) of `query`, `key` were trained",
        "measured 3 times meanwhile, on 99 dev queries in 2,099 passages and 50 gener",
        "model of step 20, the best by multi-vector nDCG@10 on the dev queries",
        r"- step 31: it \<forgets> a \| b",
        f"{'ab' * 16} the model at step 0 {'cd' * 16} court_len-0-inf.jsonl",
    ):
        assert said in plain
    assert "someone" not in card
    # In the report's words, of the measures and the systems alone.
    explained = plain.partition("## What the words mean ")[2]
    assert explained.startswith("- **Success@10**: Found among the first ten:")
    for word in ("nDCG@10", "MRR@10", "MAP", "Recall@100", "BM25", "dense", "interval"):
        assert f"**{word}**: " in explained
    assert "teacher" not in explained

    shown = tables(card)
    assert len(shown) == 7
    first, second, given, made, watched, arguments, versions = shown
    assert first[0] == ["System", "nDCG@10", "MRR@10"]
    assert second[0] == ["System", "MAP", "Recall@100"]
    names = [row[0] for row in first]
    assert names == [row[0] for row in second]
    assert names[names.index("tuned dense") + 1] == "− base dense"
    assert names[names.index("tuned multi vector") + 1] == "− base multi vector"
    assert sum(name.startswith("−") for name in names) == 2
    difference = first[names.index("− base dense")][1]
    assert difference == "+0.042 [-0.008, +0.094]"
    assert given == [
        ["Dataset", "Source", "Pages", "Documents", "Queries", "Passages"],
        ["court", "pages", "1,234", "2,345", "2,345", "2,340"],
        ["a_b", "pairs with negatives", "–", "–", "2,345", "2,340"],
    ]
    assert made == [
        ["Dataset", "Train", "Dev", "Test", "Negatives", "Rows", "Left out"],
        ["court", "1,800", "200", "345", "12,600", "1,100", "1"],
        ["a_b", "1,800", "200", "345", "–", "1,100", "–"],
    ]
    assert watched[0] == ["Queries", "nDCG@10", "Step 0", "Step 20"]
    assert ["general", "multi-vector", "0.250", "0.450"] in watched
    assert arguments == [
        ["Argument", "Value"],
        ["`deepspeed`", "`stage0.json`"],
        ["`gradient_checkpointing`", "`true`"],
        ["`learning_rate`", "`1e-05`"],
        ["`seed`", "`42`"],
    ]
    assert ["torch", "2.13.0"] in versions


def test_what_was_forgotten_and_what_was_averaged_is_told(run, tiny_embedder):
    card = exported(run, tiny_embedder)
    assert "was not measured on a general set" in " ".join(card.split())
    general = metrics() | {"queries": 77}
    for pair in general["comparisons"]:
        pair["difference"] = {measure: interval(-0.031) for measure in MEASURES}
    sizes = {"dev": {"queries": 40, "passages": 9}}
    merge = {
        "with": "base",
        "weight": 0.6,
        "chosen": True,
        "collections": sizes | {"general": {"queries": 50, "passages": 60}},
        "inputs": {"tuned": "12" * 16, "other": "34" * 16},
    }
    write(run, general=general, merge=merge)
    more = {"general": run / "general.json", "merge": run / "merge.json"}
    card = exported(run, tiny_embedder, **more)
    plain = " ".join(body(card).split())
    assert "0.6 of what was trained and 0.4 of the base model" in plain
    assert "chosen by 40 dev queries and 50 general queries. 40 dev queries" in plain
    assert "on 77 queries of another kind" in plain
    assert "was not measured on" not in plain
    assert f"{'34' * 16}  the other" in card
    (changes,) = (one for one in tables(card) if "General queries" in one[0])
    assert changes[2][0] == "− base dense"
    assert changes[2][1].startswith("+0.042")
    assert changes[2][2].startswith("-0.031")
    for line in body(card).splitlines():
        assert len(line) <= 80 or re.match("[0-9a-f]{64} ", line), line


def test_the_card_reads_well_as_plain_text(run, tiny_embedder):
    for line in body(exported(run, tiny_embedder)).splitlines():
        if not re.match("[0-9a-f]{64} ", line):
            assert len(line) <= 80, line
        assert line == line.rstrip()


def test_the_hashes_are_those_of_the_files(run, tiny_embedder):
    card = exported(run, tiny_embedder)
    listed = dict(re.findall(r"^([0-9a-f]{64})  (\S+)$", card, flags=re.M))
    assert set(listed.values()) == {"model.safetensors", *HEADS}
    for digest, name in listed.items():
        content = (run / "export" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest


def test_a_run_of_scored_pairs_alone_reads_well_too(run, tiny_embedder):
    """No pages, no dev queries, no comparison, no teacher, a model of one's own."""
    bare = history() | {"evaluation": None, "warnings": [], "lora": None}
    del bare["inputs"]
    write(
        run,
        history=bare
        | {"steps": 1, "epochs": 1.0, "world_size": 1, "weights": {}}
        | dict.fromkeys(("rows", "rows_drawn", "rows_used"), 1)
        | {"rows_left_out": {"all shards together": 0}},
        metrics=metrics() | {"comparisons": [], "queries": 1},
        pairs={"queries": 1, "passages": 3, "train": 1, "dev": 0, "test": 1},
    )
    own = shutil.copytree(tiny_embedder, run / "secret" / "own-m3")
    only = {stage: [f"d={run}/{stage}.json"] for stage in ("pairs", "shards")}
    card = exported(
        run,
        tiny_embedder,
        **only
        | dict.fromkeys(("documents", "negatives", "teacher", "license", "trainings")),
        kinds=["d=scores"],
        base=own,
        base_revision=None,
        language=None,
    )
    assert ModelCard.load(run / "export/README.md").data.to_dict().keys() == {
        *("library_name", "pipeline_tag", "tags")
    }
    plain = " ".join(body(card).split())
    for said in (
        "started from the local model `own-m3` and was trained on 1 row of 1 dataset, ",
        "negatives. It makes",
        "Means over 1 held-out query, searched",
        "1 step in 1 epoch, each with 1 of 1 row; 1.5 minutes in 1 process. It was not "
        "measured meanwhile: this is the model of the last step.",
    ):
        assert said in plain
    for absent in ("None", "–", "−", "secret", "Warnings", "Set aside", "BLAKE2b"):
        assert absent not in card
    given, made = tables(card)[2:4]
    assert given == [["Dataset", "Source", "Queries", "Passages"], given[1]]
    assert made == [["Dataset", "Train", "Dev", "Test", "Rows"], made[1]]


def without(content: dict, key: str) -> dict:
    return {name: value for name, value in content.items() if name != key}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "history",
            without(history(), "versions"),
            r"history\.json, `versions`: is not there, expected what train_model\.py",
        ),
        (
            "history",
            history() | {"evaluation": {"measure": "nDCG@10"}},
            r"history\.json, `entries`: is not there, expected what train_model\.py",
        ),
        ("history", history() | {"seconds": "long"}, r"history\.json: has a value of "),
        ("history", [1], r"history\.json: is not a JSON object, expected the history"),
        (
            "metrics",
            without(metrics(), "systems"),
            r"metrics\.json, `systems`: is not there, expected what measure_runs\.py",
        ),
        ("shards", [], r"shards\.json: is not a JSON object, expected the log of spl"),
    ],
)
def test_a_file_that_will_not_do_is_named(run, tiny_embedder, name, content, said):
    write(run, **{name: content})
    with pytest.raises(InputError, match=said) as caught:
        exported(run, tiny_embedder)
    assert "\n" not in str(caught.value)
    assert not (run / "export").exists()


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (
            lambda model: (model / "sparse_linear.pt").unlink(),
            "model: the model directory lacks sparse_linear.pt",
        ),
        (
            lambda model: (model / "model.safetensors").rename(
                model / "pytorch_model.bin"
            ),
            "model: has no weights in safetensors",
        ),
        (
            lambda model: (model / "model.safetensors").write_bytes(b"\xff" * 9),
            "model.safetensors: is no file of safetensors, or cut short",
        ),
        (
            lambda model: write_json(
                model / "config.json",
                without(read_json(model / "config.json"), "hidden_size"),
            ),
            "config.json, `hidden_size`: is not there, expected what transformers",
        ),
    ],
)
def test_a_model_that_lacks_something_is_named(run, tiny_embedder, break_it, said):
    model = shutil.copytree(tiny_embedder, run / "model")
    break_it(model)
    with pytest.raises(InputError) as caught:
        exported(run, model)
    assert said in str(caught.value)
    assert not (run / "export").exists()


def test_a_fault_is_one_sentence_for_the_user(run, tiny_embedder):
    (run / "metrics.json").unlink()
    done = subprocess.run(
        [sys.executable, export_model.__file__, *words(run, tiny_embedder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: {run}/metrics.json: no such file\n"
