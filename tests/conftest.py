"""Fixtures that several tests share: tiny models, and the real material."""

import os
from pathlib import Path

import pytest

# As Snakemake sets it for a rule of one thread: on a CPU the scripts would otherwise
# start a process for each core.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def tiny_embedder(tmp_path_factory) -> Path:
    """The directory of a tiny M3."""
    from arkiv.example.tiny import build_embedder

    path = tmp_path_factory.mktemp("models") / "embedder"
    build_embedder(path)
    return path


@pytest.fixture(scope="session")
def tiny_reranker(tmp_path_factory) -> Path:
    """The directory of a tiny reranker."""
    from arkiv.example.tiny import build_reranker

    path = tmp_path_factory.mktemp("models") / "reranker"
    build_reranker(path)
    return path


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory) -> Path:
    """One token a word, and two special ones around the text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tool = Tokenizer(models.WordLevel({"?": 0, "<s>": 1, "</s>": 2}, unk_token="?"))
    tool.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tool.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    folder = tmp_path_factory.mktemp("tokenizer")
    tool.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """One directory for the tiny models of all runs; the first run fills it."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def svea() -> Path:
    """Real pages and pairs, read in place."""
    path = Path(__file__).parents[2] / "shared" / "svea"
    if not path.is_dir():
        pytest.skip("the real material (shared/svea beside the project) is absent")
    return path
