# Where the project lies, where a run's files go, and the whole configuration: the same
# from the project's directory, from any other (`snakemake -s`), and as a module.
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.iocontainers import Params
from snakemake.path_modifier import PathModifier

# Not workflow.basedir, where the workflow lies that uses this one.
PROJECT = Path(workflow.current_basedir).parent
sys.path.insert(0, f"{PROJECT}/scripts")

from arkiv.base.errors import InputError
from arkiv.settings.config import check_config, completed, own_configuration
from arkiv.settings.layout import run_folder

# The scripts, as all commands name them, here or from elsewhere. A variable of ours would
# be unknown to the workflow that uses this one, which shows commands; a param of each rule
# would make its results anew in another place.
Params.arkiv_scripts = "scripts" if PROJECT.samefile(".") else f"{PROJECT}/scripts"

# What the pipeline makes goes below the prefix of a module; what a person names lies where
# they say. Snakemake would put both there, and not what params name.
placed = workflow.modifier.path_modifier.replace_prefix
workflow.modifier.path_modifier = PathModifier(None, None, workflow)

# Not read for a module that is given its configuration.
if own := own_configuration():

    configfile: own


try:
    config = completed(config)
    check_config(config)
except InputError as error:
    raise WorkflowError(f"configuration: {error}")
RUN = placed(run_folder(config))
MODELS = placed(config["models"]["directory"])
config["models"] = config["models"] | {"directory": MODELS}
