"""A model's files out of the hub, or out of the hub's cache on this machine."""

from __future__ import annotations

import fnmatch
import logging
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from arkiv.base.errors import InputError
from arkiv.base.files import read_object, write_json
from arkiv.base.secrets import concealed
from arkiv.encode.body import CONFIG
from arkiv.encode.loading import first_line
from arkiv.encode.models import HEADS, Kind, check_model, modules_of, no_weights

log = logging.getLogger("arkiv.encode.hub")

# What the pipeline reads, of the files at the top of a repository. Code (*.py) runs
# only where the configuration trusts it.
FILES = ("*.json", "*.model", "*.txt", "*.py", *HEADS)
# The folders of sentence-transformers' modules, such as 1_Pooling.
MODULE = re.compile(r"[0-9]+_[A-Za-z]+")
SAFE, PICKLED = "*.safetensors", "pytorch_model*.bin"
UNREACHED = (
    "check the network, or fetch it elsewhere and name its directory as the source"
)
# A revision that names the same files for ever.
COMMIT = re.compile("[0-9a-f]{40}")


def wanted(names: Iterable[str]) -> list[str]:
    """The files to fetch: weights in safetensors, or pickled where there are no others.

    At the top and in the folders of modules. Left out are other folders (ONNX and other
    exports), other formats, and what is about the repository.
    """
    chosen: set[str] = set()
    names = list(names)
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


def fetch(source: str, revision: str | None, target: Path, kind: Kind) -> None:
    """Put what the pipeline reads of a hub repository into a directory.

    A commit that the hub's cache has whole is taken from there, and the network is not
    asked. Nor is it missed if it is down and the cache has what a model cannot be
    without.

    Raises:
        InputError: neither the hub nor the cache gives this revision.
    """
    cached = _cached(source, revision) if revision else None
    if cached and COMMIT.fullmatch(revision) and _whole(cached, source, revision, kind):
        log.info("%s is taken from the hub's cache", source)
        _copy(cached, target)
        return
    try:
        _download(source, revision, target)
    except InputError:
        raise
    # Every exception: those of the network are the HTTP library's, which the hub's
    # client has changed twice.
    except Exception as error:
        if (advice := _refusal(error)) is None:
            if cached and _loads(cached, kind):
                log.warning(
                    "%s is taken from the hub's cache, for the hub cannot be reached "
                    "(%s): optional files that are not there, such as modules.json, "
                    "are taken for none",
                    *(source, concealed(first_line(error))),
                )
                _copy(cached, target)
                return
            advice = UNREACHED
        raise _not_fetched(source, revision, error, advice) from None


def offered(source: str, revision: str | None, kind: Kind) -> int:
    """Bytes that `fetch` would take from the hub: none if its cache has them all.

    Raises:
        InputError: the hub has no such model, or cannot be reached.
    """
    from huggingface_hub import model_info

    cached = _cached(source, revision) if revision else None
    if cached and _whole(cached, source, revision, kind):
        return 0
    try:
        found = model_info(source, revision=revision, files_metadata=True)
    except Exception as error:  # as in `fetch`
        advice = _refusal(error) or UNREACHED
        raise _not_fetched(source, revision, error, advice) from None
    sizes = {one.rfilename: one.size or 0 for one in found.siblings or ()}
    return sum(sizes[name] for name in wanted(sizes))


def fetch_code(directory: Path) -> None:
    """Put the code that a fetched model takes of other repositories beside it.

    Its `config.json` then names it there, for jobs ask no hub. Whoever trusts the code
    has it as it is today: the model names no revision of it.

    Raises:
        InputError: the hub does not give it, or the model has a file of that name.
    """
    from huggingface_hub import snapshot_download

    file = directory / CONFIG
    config = read_object(file, "configuration of a model")
    named = config.get("auto_map")
    texts = named.values() if isinstance(named, dict) else ()
    names = [name for name in texts if isinstance(name, str) and "--" in name]
    for source in sorted({name.partition("--")[0] for name in names}):
        try:
            code = Path(snapshot_download(source, allow_patterns="*.py"))
        except Exception as error:  # as in `fetch`
            advice = _refusal(error) or UNREACHED
            raise _not_fetched(source, None, error, advice) from None
        log.info("the model's code is that of %s at %s", source, code.name)
        for module in sorted(code.glob("*.py")):
            if (directory / module.name).exists():
                reason = f"is there, and another in {source}, which {CONFIG} names"
                raise InputError(reason, file=directory / module.name)
            shutil.copyfile(module, directory / module.name)
    if names:
        local = {key: _local(name) for key, name in named.items()}
        write_json(file, {**config, "auto_map": local})


def _local(name: object) -> object:
    """A class's name without the repository that it was in."""
    return name.rpartition("--")[2] if isinstance(name, str) else name


def _not_fetched(
    source: str, revision: str | None, error: Exception, advice: str
) -> InputError:
    return InputError(
        f"cannot fetch {source} at revision {revision or 'main'} from the hub "
        f"({concealed(first_line(error))}); {advice}",
        key="source",
    )


def _download(source: str, revision: str | None, target: Path) -> None:
    from huggingface_hub import list_repo_files, snapshot_download

    there = list(list_repo_files(source, revision=revision))
    names = wanted(there)
    if not _of(names, SAFE) and not _of(names, PICKLED):
        # Before all else is fetched.
        raise InputError(f"lacks {no_weights(there)}", file=source)
    snapshot_download(source, revision=revision, local_dir=target, allow_patterns=names)
    # The client's own notes, with the time of the download.
    shutil.rmtree(target / ".cache", ignore_errors=True)


def _refusal(error: Exception) -> str | None:
    """What to do about an answer of the hub's; None: it was not reached."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return "accept its terms on the hub and set HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return "check the revision"
    if isinstance(error, (errors.RepositoryNotFoundError, ValueError)):
        return "check the name, and HF_TOKEN if it is private"
    return None


def _cached(source: str, revision: str) -> Path | None:
    """The directory of a revision in the hub's cache; it may be there in part."""
    from huggingface_hub import errors, try_to_load_from_cache

    try:
        file = try_to_load_from_cache(source, "config.json", revision=revision)
    except (errors.HFValidationError, ValueError):
        return None  # what is wrong with the name, the hub's client says
    return Path(file).parent if isinstance(file, str) else None


def _loads(snapshot: Path, kind: Kind) -> bool:
    """Whether a directory has what a model of a kind cannot be without."""
    try:
        check_model(snapshot, kind, made=False)
    except InputError:
        return False
    return True


def _whole(snapshot: Path, source: str, revision: str, kind: Kind) -> bool:
    """Whether a revision is in the cache with all that the pipeline reads of it.

    Programs fetch what they need themselves: of an embedder perhaps not the files that
    say how it pools, without which it would be taken for another.
    """
    from huggingface_hub import try_to_load_from_cache

    if not _loads(snapshot, kind):
        return False
    if kind == "cross_encoder":
        return True
    modules = modules_of(snapshot)
    if modules is None:
        # Noted by whoever asked the hub for it in vain.
        answer = try_to_load_from_cache(source, "modules.json", revision=revision)
        return answer is not None
    return all(
        name == "Normalize" or (folder / "config.json").is_file()
        for name, folder in modules
    )


def _copy(snapshot: Path, target: Path) -> None:
    """Copy what is wanted; links of the cache become the files that they stand for."""
    for name in _laid(snapshot, target):
        shutil.copyfile(snapshot / name, target / name)


def link(directory: Path, target: Path) -> None:
    """Link to what is wanted of a local directory, which stays as it is."""
    for name in _laid(directory, target):
        (target / name).symlink_to((directory / name).resolve())


def _laid(directory: Path, target: Path) -> list[str]:
    """What is wanted of a directory, with folders for it in another."""
    files = (path for path in directory.rglob("*") if path.is_file())
    names = wanted(path.relative_to(directory).as_posix() for path in files)
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
    return names
