"""What to learn from, and what of it must be there.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkiv.base.declared import setting
from arkiv.base.errors import InputError
from arkiv.base.row_files import row_files
from arkiv.base.terminal import CONTROLS

# Sources whose negatives are mined here.
MINED_KINDS = {"example", "pages", "pairs", "judgements"}
# Of a run that was judged, below the folder of the judgements.
COLLECTION = ("collection/corpus.jsonl", "collection/queries.jsonl")


@dataclass(frozen=True)
class Example:
    """An archive that is made on the spot."""

    cases: int = setting(help="court cases", at_least=1)
    volumes: int = setting(help="that they are written in", at_least=1)


@dataclass(frozen=True)
class Dataset:
    """What to learn from: one source, and what belongs to it."""

    pages: str = setting(None, "an archive of pages: a directory, zip or tar file")
    folder: str = setting(
        None,
        "of `pages`: the folder that is read where several hold the same pages; a "
        "pattern of its name or path: `page`, `*/alto`",
    )
    volumes_by: str = setting(
        None,
        "of `pages`: `prefix` makes each manuscript of a folder a volume, told by what "
        "the names of its pages begin with",
        choices=("folder", "prefix"),
    )
    volumes: str = setting(
        None,
        "of `pages`: a table, CSV or JSONL, of `volume`, `year` (or `from` and `to`), "
        "`type`, `title`, `reference` and any other columns",
    )
    pairs: str = setting(
        None,
        'JSONL of `{"query", "pos"}`, packed by gzip or not, or a directory of such '
        "files",
    )
    negatives: str = setting(None, 'with `"neg"` too')
    scores: str = setting(None, 'with `"pos_scores"` and `"neg_scores"` too')
    judgements: str = setting(
        None,
        "verdicts of the search page on another run, `results/NAME/judgements.jsonl`: "
        "passages called relevant are positives, others hard negatives",
    )
    pool: str = setting(
        None,
        'of `pairs`, `negatives` and `scores`: JSONL of `{"text"}`, passages that '
        "mining, evaluation and search see beside those of the rows",
    )
    role: str = setting(
        None,
        "of `pages`, `pairs`, `judgements` and `example`: `test` makes all its pairs "
        "test queries, a source of them beside the others; nothing of it is trained on",
        choices=("test",),
    )
    example: Example = setting(None, "made on the spot")


# Sources and companions that are JSONL: a file, or a directory of files.
ROWS = ("pairs", "negatives", "scores", "pool")
# The sources that what stands beside them belongs to, by its key.
COMPANIONS = {
    **dict.fromkeys(("folder", "volumes_by", "volumes"), ("pages",)),
    "pool": ("pairs", "negatives", "scores"),
    "role": ("pages", "pairs", "judgements", "example"),
}
# Keys that name no file.
NO_PATHS = ("example", "folder", "volumes_by", "role")


def kind_of(dataset: Mapping[str, Any]) -> str:
    """Which kind of source a dataset starts from."""
    return next(key for key in dataset if key not in COMPANIONS)


def is_test_source(dataset: Mapping[str, Any]) -> bool:
    """Whether all pairs of a dataset are test queries."""
    return dataset.get("role") == "test"


def learnt_datasets(datasets: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The names of the datasets that are trained on."""
    return [name for name, one in datasets.items() if not is_test_source(one)]


def following(datasets: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The datasets of verdicts that are trained on beside others, which are divided.

    Nothing of them is dev's or test's, and nothing that the others hold out is theirs.
    Where there is nothing but verdicts, the first dataset is divided.
    """
    learnt = learnt_datasets(datasets)
    verdicts = [name for name in learnt if kind_of(datasets[name]) == "judgements"]
    return verdicts if len(verdicts) < len(learnt) else verdicts[1:]


def judged_collection(judgements: str) -> list[str]:
    """Passages and test queries of the run whose search page wrote the judgements."""
    return [str(Path(judgements).parent / path) for path in COLLECTION]


def check_judgements(datasets: Mapping[str, Mapping[str, Any]], run: str) -> None:
    """Refuse judgements without the collection that was judged, or of the run itself.

    Args:
        datasets: checked.
        run: its directory.

    Raises:
        InputError: naming the dataset and what is wrong with it.
    """
    for name, dataset in datasets.items():
        if (path := dataset.get("judgements")) is None:
            continue
        key = f"datasets.{name}.judgements"
        if not Path(path).is_file():
            reason = "is a directory, expected the file judgements.jsonl of a run"
            raise InputError(f"names {path}, which {reason}", key=key)
        if Path(path).resolve().is_relative_to(Path(run).resolve()):
            raise InputError(
                f"names {path}, the judgements of this very run, which would make what "
                "was judged anew; call this run otherwise (`run`)",
                key=key,
            )
        for file in judged_collection(path):
            if not Path(file).is_file():
                raise InputError(
                    f"names {path}, but beside it there is no {file}, which has what "
                    "was judged; leave the file in the directory of its run",
                    key=key,
                )


def check_datasets(datasets: Mapping[str, Any]) -> None:
    """Refuse a dataset with no source or several, or one that is not there.

    Raises:
        InputError: naming the dataset and what is wrong with it.
    """
    for name, dataset in datasets.items():
        sources = [key for key in dataset if key not in COMPANIONS]
        if len(sources) != 1:
            raise InputError(
                "must name one source: pages, pairs, negatives, scores, judgements "
                "or example",
                key=f"datasets.{name}",
            )
        (kind,) = sources
        for key in sorted(dataset.keys() - {kind}):
            if kind not in COMPANIONS[key]:
                raise InputError(
                    f"belongs to {_either(COMPANIONS[key])}, not to {kind}",
                    key=f"datasets.{name}.{key}",
                )
        for key in sorted(dataset.keys() - set(NO_PATHS)):
            # Unlike Path.exists it takes a folder that may not be entered.
            if not os.path.exists(dataset[key]):
                raise InputError(
                    f"names {dataset[key]}, which does not exist, or lies in a folder "
                    "that you may not enter",
                    key=f"datasets.{name}.{key}",
                )
            if CONTROLS.search(dataset[key]):
                raise InputError(
                    f"names {dataset[key]}, which has control characters; give it "
                    "another name",
                    key=f"datasets.{name}.{key}",
                )
            if key in ROWS:
                _check_rows(dataset[key], f"datasets.{name}.{key}")
    if not learnt_datasets(datasets):
        raise InputError(
            "is test for every dataset, which leaves nothing to learn from; it is for "
            "further test queries, beside a dataset that is divided",
            key=f"datasets.{next(iter(datasets))}.role",
        )


def _either(names: tuple[str, ...]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _check_rows(path: str, key: str) -> None:
    """Refuse, by an InputError with the key, a directory without a file of rows."""
    try:
        row_files(path)
    except InputError as error:
        raise InputError(f"names {path}, which {error.reason}", key=key) from None


def check_unit(unit: str, datasets: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse to count by groups where documents have none.

    Raises:
        InputError: naming the first dataset of pages.
    """
    pages = [
        name for name, one in datasets.items() if kind_of(one) in ("pages", "example")
    ]
    if unit == "group" and pages:
        raise InputError(
            f"is group, but the documents of {pages[0]} are made of pages and have no "
            "`group`, which ready rows have; count them by page",
            key="evaluate.unit",
        )


def check_rounds(config: Mapping[str, Any]) -> None:
    """Refuse rounds that would all be alike.

    Raises:
        InputError: nothing is mined, so that no round has anything new.
    """
    mined = config["train"]["args"].get("train_group_size") != 1 and any(
        MINED_KINDS & set(one) and not is_test_source(one)
        for one in config["datasets"].values()
    )
    if config["rounds"] > 1 and not mined:
        raise InputError(
            f"is {config['rounds']}, but no dataset's negatives are mined here: all "
            "rounds would be alike",
            key="rounds",
        )
