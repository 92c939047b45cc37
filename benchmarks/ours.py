"""arkiv's own commands, as the pipeline's rules run them. The one place to adapt."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from arkiv.encode.settings import MODES
from benchmarks import ROOT

# Of a corpus, as in config/demo.yaml: one for each core.
PARTS = 2


def script(name: str, **flags: object) -> list[str]:
    """A script, perhaps with what it is to do, and its flags.

    A flag may have several words.
    """
    name, *words = name.split()
    command = [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *words]
    for flag, value in flags.items():
        values = value if isinstance(value, list | tuple) else (value,)
        command += [f"--{flag.replace('_', '-')}", *map(str, values)]
    return command


def parts(count: int = PARTS) -> list[str]:
    """The names of the parts, `1-of-4` to `4-of-4`."""
    return [f"{index}-of-{count}" for index in range(1, count + 1)]


def ingest(
    pages: Path, model: Path, *, parts_of: int, duplicate_jaccard: float
) -> list[list[str]]:
    """From pages to `{out}/documents.jsonl`, block by block, one document a page."""
    names = parts(parts_of)
    find = script(
        "find_volumes",
        pages=pages,
        volumes="{out}/volumes.jsonl",
        stats="{out}/volumes.json",
    )
    blocks = [
        script(
            "build_documents",
            pages=pages,
            volumes="{out}/volumes.jsonl",
            tokenizer=model,
            method="page",
            part=name,
            output=f"{{out}}/{name}.jsonl",
            rejected=f"{{out}}/{name}.rejected.jsonl",
            stats=f"{{out}}/{name}.stats.json",
            lines=f"{{out}}/{name}.lines.jsonl",
        )
        for name in names
    ]
    merge = script(
        "merge_documents",
        documents=[f"{{out}}/{name}.jsonl" for name in names],
        rejected_by_blocks=[f"{{out}}/{name}.rejected.jsonl" for name in names],
        stats_of_blocks=[f"{{out}}/{name}.stats.json" for name in names],
        lines_of_blocks=[f"{{out}}/{name}.lines.jsonl" for name in names],
        duplicate_jaccard=duplicate_jaccard,
        output="{out}/documents.jsonl",
        rejected="{out}/rejected.jsonl",
        stats="{out}/stats.json",
        lines="{out}/lines.jsonl",
    )
    return [find, *blocks, merge]


def mine(
    archive: Path,
    model: Path,
    *,
    window: tuple[int, int],
    negatives: int,
    query_max_length: int,
    passage_max_length: int,
) -> list[list[str]]:
    """From corpus and pairs to `{out}/negatives.jsonl`.

    `{out}/corpus.npy` and `{out}/queries.npy` hold the embeddings.
    """
    corpus, pairs = archive / "corpus.jsonl", archive / "pairs.jsonl"
    return [
        script(
            "embed_corpus",
            corpus=corpus,
            output="{out}/corpus.npy",
            max_length=passage_max_length,
            model=model,
        ),
        script(
            "embed_queries",
            pairs=pairs,
            output="{out}/queries.npy",
            max_length=query_max_length,
            model=model,
        ),
        script(
            "search_corpus",
            queries="{out}/queries.npy",
            embeddings="{out}/corpus.npy",
            corpus=corpus,
            depth=window[1],
            output="{out}/1-of-1.npy",
        ),
        pick(
            archive,
            parts(1),
            queries="{out}/queries.npy",
            embeddings=["{out}/corpus.npy"],
            window=window,
            negatives=negatives,
        ),
    ]


def search(vectors: Path, *, depth: int, together: bool) -> list[list[str]]:
    """Search every part, all at a time or one by one, and merge.

    `{out}/I-of-N.npy` hold what was found, `{out}/merged.npy` the whole.
    """
    searches = [
        script(
            "search_corpus",
            queries=vectors / "queries.npy",
            embeddings=vectors / f"part-{part}.npy",
            corpus=vectors / "corpus.jsonl",
            part=part,
            depth=depth,
            output=f"{{out}}/{part}.npy",
        )
        for part in parts()
    ]
    merge = [
        *(sys.executable, "-m", "benchmarks.merge"),
        *("--corpus", str(vectors / "corpus.jsonl"), "--output", "{out}/merged.npy"),
        *("--neighbours", *(f"{{out}}/{part}.npy" for part in parts())),
    ]
    if not together:
        return [*searches, merge]
    at_a_time = [sys.executable, "-m", "benchmarks.together", *searches[0]]
    for command in searches[1:]:
        at_a_time += ["---", *command]
    return [at_a_time, merge]


def pick(
    folder: Path,
    names: list[str],
    *,
    queries: object,
    embeddings: list[object],
    window: tuple[int, int],
    negatives: int,
) -> list[str]:
    """Merge the neighbours in `{out}` and pick `{out}/negatives.jsonl`."""
    return script(
        "pick_negatives",
        pairs=folder / "pairs.jsonl",
        corpus=folder / "corpus.jsonl",
        neighbours=[f"{{out}}/{name}.npy" for name in names],
        queries=queries,
        embeddings=embeddings,
        window=window,
        negatives_per_query=negatives,
        # The peers look for no near-duplicates.
        duplicate_jaccard="null",
        output="{out}/negatives.jsonl",
        stats="{out}/stats.json",
    )


def score(
    pairs: Path, model: Path, *, query_max_length: int, max_length: int
) -> list[list[str]]:
    """Teacher scores, to `{out}/scores.jsonl`."""
    return [
        script(
            "score_pairs",
            pairs=pairs,
            model=model,
            query_max_length=query_max_length,
            max_length=max_length,
            output="{out}/scores.jsonl",
        )
    ]


def split(pairs: Path, model: Path, *, edges: tuple[int, ...]) -> list[list[str]]:
    """One file per length bucket, `{out}/{low}.jsonl`, named by its lower edge."""
    return [
        script(
            "split_by_length",
            pairs=pairs,
            tokenizer=model,
            edges=edges,
            outputs=[f"{{out}}/{low}.jsonl" for low in edges],
            log="{out}/split.json",
            rejected="{out}/rejected.jsonl",
        )
    ]


def train(
    pairs: list[Path],
    model: Path,
    *,
    edges: tuple[int, ...],
    args: Mapping[str, object],
    processes: int,
    batch_tokens: int | None = None,
) -> list[list[str]]:
    """Divide scored pairs by length and train on them; `{out}/history.json` tells.

    Args:
        pairs: in parts.
        model: to start from.
        edges: of the length buckets.
        args: of the training (`train.args`).
        processes: that train together.
        batch_tokens: a budget by which each bucket gets its batch size.
    """
    names = [f"{low}-{high}" for low, high in pairwise([*edges, "inf"])]
    shards = [f"{{out}}/court_len-{name}.jsonl" for name in names]
    sized = ("train_group_size", "query_max_len", "passage_max_len")
    budget: dict[str, object] = {}
    if batch_tokens is not None:
        budget = {"batch_tokens": batch_tokens} | {key: args[key] for key in sized}
        budget["pad_to_multiple_of"] = args["pad_to_multiple_of"]
    return [
        script(
            "split_by_length",
            pairs=pairs,
            tokenizer=model,
            edges=edges,
            outputs=shards,
            log="{out}/split.json",
            rejected="{out}/rejected.jsonl",
            **budget,
        ),
        script(
            "train_model",
            shards=shards,
            model=model,
            output="{out}/model",
            checkpoints="{out}/checkpoints",
            history="{out}/history.json",
            processes=processes,
            args=json.dumps(args),
        ),
    ]


def evaluate(collection: Path, model: Path, *, rerank_depth: int) -> list[list[str]]:
    """Encode a collection and rank it by each mode, to `{out}/{mode}.trec`."""
    texts = {
        "corpus": collection / "corpus.jsonl",
        "queries": collection / "queries.jsonl",
    }
    encode = script(
        "encode_collection",
        **texts,
        model=model,
        rerank_depth=rerank_depth,
        output="{out}/encodings",
    )
    return [
        [*encode, "--sparse", "--multi-vector"],
        *(
            script(
                "retrieve m3",
                **texts,
                encodings="{out}/encodings",
                mode=mode,
                output=f"{{out}}/{mode}.trec",
            )
            for mode in MODES
        ),
    ]
