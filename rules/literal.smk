# What a person writes stands for itself. Snakemake takes `{x}` in params and in paths for
# a wildcard, and has no way of writing it that means itself. So texts and paths of the
# configuration are marked, and Snakemake is brought to leave alone what is marked.
import functools
import inspect

from snakemake.io import AnnotatedString, _IOFile, flag, is_flagged

from arkiv.base.terminal import CONTROLS, visible

# Its own paths, those of environments among them, Snakemake takes for templates.
if {*"{}"} & {*str(PROJECT)}:
    raise WorkflowError(
        f"the project lies in {visible(str(PROJECT))}, and Snakemake cannot do with "
        "braces there; move it to another directory"
    )

LITERAL = "literal"

# `<x>` in paths is a variable to Snakemake; our rules have none.
workflow.pathvars.apply = str


class Words(str):
    """Words of a command, as the shell reads them, for params.

    Snakemake calls what can be called and takes the result as it stands. What a function
    returned it calls with the arguments of that function.
    """

    __signature__ = inspect.signature(lambda wildcards: ...)

    def __call__(self, wildcards, **of_function):
        return str(self)


def as_named(path):
    """An input that a person named, or a list of them."""
    if not isinstance(path, str):
        return list(map(as_named, path))
    if CONTROLS.search(path):
        raise WorkflowError(
            f"configuration: names {visible(path)}, which has control characters; give "
            "it another name"
        )
    # With two dashes it would look like a flag.
    path = f"./{path}" if path.startswith("--") else path
    return flag(AnnotatedString(path), LITERAL)


def sparing(apply_wildcards):
    """The method that makes a file of a pattern, but for what is marked."""

    @functools.wraps(apply_wildcards)
    def spared(file, wildcards):
        return file if is_flagged(file, LITERAL) else apply_wildcards(file, wildcards)

    return spared


_IOFile.apply_wildcards = sparing(_IOFile.apply_wildcards)
