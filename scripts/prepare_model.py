"""Put a model into a directory: fetched from the hub at a revision, or built tiny.

Runs where the hub can be reached; every later job works offline on the directory.
"""

from __future__ import annotations

import logging
import sys

from arkiv.cli import parser, run
from arkiv.errors import InputError
from arkiv.files import written_whole
from arkiv.models import HEADS, check_model

log = logging.getLogger("prepare_model")

# Weights in safetensors are preferred; a repository without them has a .bin.
FILES = ["*.json", "*.safetensors", "*.model", "*.txt", *HEADS]
NOT_NEEDED = ["onnx/*", "openvino/*", "*.msgpack", "*.h5"]


def fetch(source: str, revision: str | None, target: str) -> None:
    """Fetch what the pipeline reads of a hub repository.

    Raises:
        InputError: the hub cannot be reached, or does not give this revision.
    """
    from huggingface_hub import list_repo_files, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        files = list_repo_files(source, revision=revision)
        wanted = list(FILES)
        if not any(name.endswith(".safetensors") for name in files):
            wanted += ["pytorch_model*.bin"]
        snapshot_download(
            source,
            revision=revision,
            local_dir=target,
            allow_patterns=wanted,
            ignore_patterns=NOT_NEEDED,
        )
    except (HfHubHTTPError, OfflineModeIsEnabled, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"cannot fetch {source} at revision {revision or 'main'} from the hub "
            f"({reason}); check the name, HF_TOKEN and the network, or fetch it "
            "elsewhere and name its directory as the source",
            key="source",
        ) from None


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--source", required=True, help="a hub name, or `tiny`")
    arguments.add_argument("--revision", help="commit, tag or branch on the hub")
    arguments.add_argument("--kind", choices=("embedder", "reranker"), required=True)
    arguments.add_argument("--output", required=True, metavar="DIR")
    arguments = arguments.parse_args(argv)

    with written_whole(arguments.output) as beside:
        if arguments.source == "tiny":
            from arkiv import tiny

            build = {
                "embedder": tiny.build_embedder,
                "reranker": tiny.build_reranker,
            }
            build[arguments.kind](beside)
        else:
            fetch(arguments.source, arguments.revision, str(beside))
        try:
            check_model(beside, arguments.kind)
        except InputError as error:
            raise InputError(error.reason, file=arguments.source) from None
    log.info("%s is ready in %s", arguments.source, arguments.output)


if __name__ == "__main__":
    sys.exit(run(main))
