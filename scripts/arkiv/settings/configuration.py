"""The declaration of every setting: the sections of all rooms, put together.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from arkiv.base.declared import NAME, Seeded, setting
from arkiv.documents.settings import Documents
from arkiv.encode.settings import AUTO, Models
from arkiv.evaluate.settings import Evaluate
from arkiv.gold.settings import Gold
from arkiv.index.settings import Index
from arkiv.mining.settings import Mining
from arkiv.pairs.settings import Pairs
from arkiv.queries.settings import Queries
from arkiv.settings.datasets import Dataset
from arkiv.train.settings import Merge, Split, Teacher, Train

# Of more the plan alone would take hours and all memory: a slip of the keyboard.
MOST_PARTS, MOST_ROUNDS = 10_000, 100


@dataclass(frozen=True)
class Parts:
    """Into how many jobs the heavy stages of a dataset are divided."""

    documents: int | Literal["auto"] = setting(
        AUTO,
        "jobs per dataset that read the volumes and cut them into documents; auto: 1 "
        "for small data, else 4",
        at_least=1,
        at_most=MOST_PARTS,
    )
    queries: int | Literal["auto"] = setting(
        AUTO, "jobs per dataset that make queries", at_least=1, at_most=MOST_PARTS
    )
    corpus: int | Literal["auto"] = setting(
        AUTO,
        "jobs per dataset that embed, and that search, the corpus",
        at_least=1,
        at_most=MOST_PARTS,
    )
    pairs: int | Literal["auto"] = setting(
        AUTO, "jobs per dataset that score pairs", at_least=1, at_most=MOST_PARTS
    )


@dataclass(frozen=True)
class Export:
    """What the card of the exported model says beside what the run itself knows."""

    name: str | None = setting(None, "title of the model card; null: the run's name")
    language: tuple[str, ...] = setting(
        (),
        "of the archive's texts, in codes: `[sv]`",
        pattern="^[a-z]{2,3}(-[A-Za-z0-9]+)*$",
    )
    license: str | None = setting(
        None,
        "of the model, as the hub names it, such as `mit`; null: not said",
        pattern="^[a-z0-9.-]+$",
    )


@dataclass(frozen=True)
class Report:
    """What the report shows."""

    examples: int = setting(
        5,
        "queries shown side by side: so many of the largest gains over each system "
        "that the first of `evaluate.compare` is compared with, so many of the losses, "
        "and so many at random",
        at_least=1,
    )
    systems: tuple[str, ...] = setting(
        ("bm25", "base_dense", "tuned_dense"),
        "by which systems, beside those compared; also where the search page begins",
        fewest=1,
    )


@dataclass(frozen=True)
class Serve:
    """The search page."""

    image_link: str | None = setting(
        None,
        "address of a page's image, `https://images.example/{volume}/{page:05}`, or by "
        "`{label}`; null: no links",
    )
    iiif: str | None = setting(
        None,
        "address of a page's image at a IIIF image server, "
        "`https://images.example/iiif/{image}`, or by `{stem}` (the name without its "
        "ending), `{volume}`, `{page}`, `{label}`, `{dataset}`: hits show their lines; "
        "null: they do not",
    )
    iiif_version: int = setting(
        3, "of that server's Image API: 2 or 3", at_least=2, at_most=3
    )
    canvas: str | None = setting(
        None,
        "address of a page's canvas in the archive's IIIF manifests, "
        "`https://archive.example/{volume}/canvas/{page}`, with the fields of `iiif`: "
        "viewers can search volumes; null: they cannot",
    )
    cors: tuple[str, ...] = setting(
        (),
        "origins whose pages may read the answers to programs and viewers, "
        "`https://viewer.example`, or `*` for all",
        pattern=r"^(\*|https?://[A-Za-z0-9.:\[\]-]+)$",
        unique=True,
    )
    address: str | None = setting(
        None,
        "under which a web server in front is reached, `https://search.example`; null: "
        "as it was asked",
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]+/?$",
    )
    rerank_depth: int = setting(
        10,
        "as `evaluate.rerank_depth`, on the search page",
        at_least=1,
    )


@dataclass(frozen=True)
class Configuration(Seeded):
    """The whole."""

    run: str = setting(
        "main", "name of the run; its files go to `results/{run}/`", pattern=NAME
    )
    run_again: bool = setting(
        False,
        "let this configuration take the place of another one that the run of this "
        "name was started with",
    )
    datasets: dict[str, Dataset] = setting(
        {}, "what to learn from", names=NAME, entries=1
    )
    rounds: int = setting(
        1,
        "rounds of mining, scoring and training, each with the model of the one before",
        at_least=1,
        at_most=MOST_ROUNDS,
    )
    parts: Parts = setting(Parts())
    models: Models = setting(Models())
    documents: Documents = setting(Documents())
    queries: Queries = setting(Queries())
    pairs: Pairs = setting(Pairs())
    mining: Mining = setting(Mining())
    teacher: Teacher = setting(Teacher())
    split: Split = setting(Split())
    train: Train = setting(Train())
    merge: Merge = setting(Merge())
    gold: Gold = setting(Gold())
    evaluate: Evaluate = setting(Evaluate())
    export: Export = setting(Export())
    index: Index = setting(Index())
    report: Report = setting(Report())
    serve: Serve = setting(Serve())
