"""Put a model into a directory: fetched from the hub at a revision, or built tiny.

Runs where the hub can be reached; every later job works offline on the directory.
"""

from __future__ import annotations

import fnmatch
import logging
import re
import shutil
import sys
from pathlib import Path

from arkiv.base.cli import parser, run
from arkiv.base.errors import InputError
from arkiv.base.files import written_whole
from arkiv.base.secrets import concealed
from arkiv.encode.loading import first_line
from arkiv.encode.models import HEADS, KINDS, check_model

log = logging.getLogger("prepare_model")

# What the pipeline reads, of the files at the top of a repository. Code (*.py) runs
# only where the configuration trusts it.
FILES = ("*.json", "*.model", "*.txt", "*.py", *HEADS)
# The folders of sentence-transformers' modules, such as 1_Pooling.
MODULE = re.compile(r"[0-9]+_[A-Za-z]+")
SAFE, PICKLED = "*.safetensors", "pytorch_model*.bin"


def wanted(names: list[str]) -> list[str]:
    """The files to fetch: weights in safetensors, or pickled where there are no others.

    At the top and in the folders of modules. Left out are other folders (ONNX and other
    exports), other formats, and what is about the repository.
    """
    chosen: set[str] = set()
    folders = {name.rpartition("/")[0] for name in names}
    for folder in folders:
        if folder and not MODULE.fullmatch(folder):
            continue
        own = [name for name in names if name.rpartition("/")[0] == folder]
        weights = _of(own, SAFE) or _of(own, PICKLED)
        chosen |= {name for pattern in FILES for name in _of(own, pattern)} | {*weights}
    return sorted(chosen)


def _of(names: list[str], pattern: str) -> list[str]:
    """The paths whose last part is of a pattern."""
    return [n for n in names if fnmatch.fnmatch(n.rpartition("/")[2], pattern)]


def fetch(source: str, revision: str | None, target: Path) -> None:
    """Fetch what the pipeline reads of a hub repository.

    Raises:
        InputError: the hub cannot be reached, or does not give this revision.
    """
    from huggingface_hub import errors, list_repo_files, snapshot_download

    try:
        names = wanted(list_repo_files(source, revision=revision))
        snapshot_download(
            source, revision=revision, local_dir=target, allow_patterns=names
        )
    # Every exception: those of the network are the HTTP library's, which the hub's
    # client has changed twice.
    except Exception as error:
        if isinstance(error, errors.GatedRepoError):
            advice = "accept its terms on the hub and set HF_TOKEN"
        elif isinstance(error, errors.RevisionNotFoundError):
            advice = "check the revision"
        elif isinstance(error, (errors.RepositoryNotFoundError, ValueError)):
            advice = "check the name, and HF_TOKEN if it is private"
        else:
            advice = (
                "check the network, or fetch it elsewhere and name its directory as "
                "the source"
            )
        raise InputError(
            f"cannot fetch {source} at revision {revision or 'main'} from the hub "
            f"({concealed(first_line(error))}); {advice}",
            key="source",
        ) from None
    # The client's own notes, with the time of the download.
    shutil.rmtree(target / ".cache", ignore_errors=True)


def main(argv: list[str] | None = None) -> None:
    arguments = parser(
        __doc__,
        source="SOURCE a hub name, or `tiny`",
        revision="[REVISION] commit, tag or branch on the hub",
        output="DIR",
    )
    arguments.add_argument("--kind", choices=KINDS, required=True)
    arguments = arguments.parse_args(argv)

    with written_whole(arguments.output) as beside:
        if arguments.source == "tiny":
            from arkiv.example import tiny

            reranker = arguments.kind == "cross_encoder"
            build = tiny.build_reranker if reranker else tiny.build_embedder
            build(beside)
        else:
            fetch(arguments.source, arguments.revision, beside)
        try:
            check_model(beside, arguments.kind)
        except InputError as error:
            raise InputError(error.reason, file=arguments.source) from None
    log.info("%s is ready in %s", arguments.source, arguments.output)


if __name__ == "__main__":
    sys.exit(run(main, online=True))
