# What a run was started with: told where it has changed, kept from other configurations.
from snakemake.logging import logger
from snakemake.persistence import ParamsChange

from arkiv.settings.changes import told_of_params
from arkiv.settings.started import changed_since, keep

# Of a run's jobs each reads the rules again; only what starts it looks and tells.
if workflow.is_main_process:
    try:
        news = changed_since(STARTED_WITH, config, workflow.overwrite_configfiles)
    except InputError as error:
        raise WorkflowError(f"configuration: {error}")
    if news:
        logger.info(f"settings changed since {RUN} was last started: {news}")
# Of this, nothing is made.
config[RUN_AGAIN] = False

# Snakemake prints the params of a job whole, as they were and as they are: for the report
# that is twice the configuration.
ParamsChange.__str__ = lambda params: told_of_params(params.only_old, params.only_new)
