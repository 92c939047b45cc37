"""Python whose start costs next to nothing: forks of a process that has imported much.

Most of what a test of a whole program waits for is not the program but the imports of
torch, transformers and FlagEmbedding, again for each process. `Forks` starts one
process that has imported them, and makes a file that is called as `python` is and has
that process fork instead: a fork runs what is asked for with the arguments, directory,
environment, input and outputs of the caller, who sees how it ends. Killed or told to
end, the caller takes the fork with it.

None of our own modules is imported beforehand, so a fork takes them from where its
caller would. What a fork cannot show is left to tests that start Python as users do:
what libraries read from the environment as they are imported, the order of sets, which
is the same in all forks of a process, and what else a process has of its parent, such
as other open files, limits, its group and its session.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
# What the programs import, but for what belongs to one alone.
LIBRARIES = (
    *("numpy", "scipy.sparse", "torch", "torch.distributed.launcher.api"),
    *("safetensors", "transformers.trainer", "transformers.hf_argparser", "faiss"),
    *("transformers.models.xlm_roberta.modeling_xlm_roberta", "peft", "deepspeed"),
    *("FlagEmbedding.finetune.embedder.encoder_only.m3", "datasets", "bm25s", "yaml"),
    *("sentence_transformers", "matplotlib.backends.backend_svg", "lxml.etree"),
    "matplotlib.pyplot",
)


class Forks:
    """A process to fork; it ends with this one.

    Attributes:
        python: the file to call instead of `python`, in a folder of its own.
    """

    def __init__(self, *modules: str) -> None:
        """Args:
        modules: to import beforehand, or `MODULE:FUNCTION` to call.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="arkiv-forks-")
        folder = Path(self._folder.name)
        self.python = folder / "python"
        asking = (FOLDER / "asking.py").read_text(encoding="utf-8")
        values = f"SOCKET = {str(folder / 'socket')!r}\nPYTHON = {sys.executable!r}\n"
        self.python.write_text(f"#!{sys.executable} -IS\n{values}\n{asking}")
        self.python.chmod(0o755)
        # Libraries read these as they are imported.
        settled = {
            "DS_ACCELERATOR": "cpu",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            "HF_HOME": str(folder / "hf"),
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
        }
        # What Python imports from there by itself, each fork is to import once.
        given = {key: os.environ[key] for key in os.environ if key != "PYTHONPATH"}
        words = [str(FOLDER / "answering.py"), str(folder / "socket"), *modules]
        self._process = subprocess.Popen(
            [sys.executable, "-P", *words],
            env=given | settled,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout.readline() == b"ready\n"


@cache
def with_libraries() -> Forks:
    """For the pipeline's programs."""
    return Forks(*LIBRARIES)


def together(function: Callable[..., None], count: int, *words: str) -> None:
    """Call a function of a test's in so many forks at once, with its number and words.

    Raises:
        AssertionError: one of them failed.
        TimeoutExpired: one waits for another for minutes; all are ended.
    """
    command = [with_libraries().python, FOLDER / "calling.py"]
    command += [function.__module__, function.__name__]
    given = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen([*command, str(number), *words], env=given)
        for number in range(count)
    ]
    try:
        assert [process.wait(120) for process in running] == [0] * count
    finally:
        for process in running:
            process.kill()
            process.wait()


@cache
def with_snakemake() -> Forks:
    """For Snakemake itself, whose parser looks for plug-ins and imports them."""
    return Forks("snakemake.cli:get_argument_parser", "smart_open")
