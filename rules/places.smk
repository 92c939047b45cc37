# Where the project lies, where a run's files go, and the whole configuration: the same
# from the project's directory, from any other (`snakemake -s`), and as a module.
import sys
import tarfile
import tempfile
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.iocontainers import Params
from snakemake.logging import logger
from snakemake.path_modifier import PathModifier
from snakemake.sourcecache import LocalSourceFile


def checked_out(folder):
    """The project of a module whose source is a commit: github(…) or gitlab(…).

    Snakemake reads rules from there one by one; programs need all that is beside them. It
    is written once, below the working directory, which all nodes of a cluster see.
    """
    repository = folder.hosted_repo.repo
    commit = repository.commit(folder.ref).hexsha
    there = Path(".snakemake/arkiv", commit).absolute()
    if not there.exists():
        there.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".", dir=there.parent))
        with tempfile.TemporaryFile() as packed:
            repository.archive(packed, commit)
            packed.seek(0)
            with tarfile.open(fileobj=packed) as files:
                files.extractall(beside, filter="data")
        beside.chmod(0o755)
        beside.rename(there)
    return there / Path(folder.path).parent


# Where this file lies, not the workflow that uses it (workflow.basedir).
RULES = workflow.current_basedir
if isinstance(RULES, LocalSourceFile):
    PROJECT = Path(RULES).parent
else:
    PROJECT = checked_out(RULES)
sys.path.insert(0, f"{PROJECT}/scripts")

from arkiv.base.errors import InputError
from arkiv.settings.config import (
    check_config,
    check_layers,
    completed,
    own_configuration,
)
from arkiv.settings.divided import outgrown, with_parts
from arkiv.settings.layout import run_folder
from arkiv.watch.terminal import without_trace

# A fault of the configuration is a sentence, which stands last.
for handler in logger.handlers:
    handler.addFilter(without_trace)

# The scripts, as all commands name them, here or from elsewhere. A variable of ours would
# be unknown to the workflow that uses this one, which shows commands; a param of each rule
# would make its results anew in another place.
Params.arkiv_scripts = "scripts" if PROJECT.samefile(".") else f"{PROJECT}/scripts"

# Of the workflow that uses this one: what it makes if nothing is asked for.
FIRST_RULE = workflow.default_target

# What the pipeline makes goes below the prefix of a module; what a person names lies where
# they say. Snakemake would put both there, and not what params name.
placed = workflow.modifier.path_modifier.replace_prefix
workflow.modifier.path_modifier = PathModifier(None, None, workflow)

# Not read for a module that is given its configuration.
own = None if workflow.modifier.skip_configfile else own_configuration()
if own:

    configfile: own


try:
    if workflow.is_main_process and workflow.modifier.is_main_snakefile():
        check_layers([*([own] if own else []), *workflow.overwrite_configfiles])
    config = check_config(completed(config))
except InputError as error:
    where = f", with {own} of this directory" if own else ""
    raise WorkflowError(f"configuration{where}: {error}")
RUN = placed(run_folder(config))
STARTED_WITH = f"{RUN}/configuration.json"
# The jobs of a run find the numbers of parts there that it was started with. Of a module
# nothing is kept, and its jobs would look at files that may have grown.
if workflow.is_main_process and not config["run_again"]:
    if grown := outgrown(config, STARTED_WITH):
        logger.warning(grown)
config = with_parts(
    config,
    None if workflow.is_main_process and config["run_again"] else STARTED_WITH,
    look=workflow.modifier.is_main_snakefile(),
)
MODELS = placed(config["models"]["directory"])
config["models"] = config["models"] | {"directory": MODELS}
