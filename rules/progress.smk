# What the terminal says of a run: how far it is, and how it ended (arkiv.watch).
import sys
from collections import Counter

from snakemake.logging import logger
from snakemake.settings.enums import Quietness

from arkiv.settings.command_line import Given
from arkiv.watch.ending import after
from arkiv.watch.journal import NAME, Journal
from arkiv.watch.terminal import Watcher

FOLDER = str(workflow.overwrite_workdir or "")
WATCHER = Watcher(
    Journal(results(NAME)),
    lambda: (
        []
        if workflow.dryrun
        else after(
            workflow.dag_settings.targets or [workflow.default_target],
            RUN,
            COUNTS,
            words=sys.argv[1:],
            given=Given(
                workflow.overwrite_configfiles,
                workflow.config_settings.config_args or (),
            ),
            folder=FOLDER,
            asks_model=QUERIES["backend"] not in OFFLINE,
            model=tuned_model(),
            scripts=Params.arkiv_scripts,
        )
    ),
    folder=FOLDER,
)
# A workflow that uses this one has a terminal of its own.
if workflow.is_main_process and workflow.modifier.is_main_snakefile():
    said = workflow.output_settings
    WATCHER.attach(
        logger,
        whole=said.verbose or said.printshellcmds,
        mute=not {Quietness.ALL, Quietness.PROGRESS}.isdisjoint(said.quiet or ()),
    )


onstart:
    keep(STARTED_WITH, config, workflow.overwrite_configfiles)
    WATCHER.begin(Counter(job.rule.name for job in workflow.dag.needrun_jobs()))


onsuccess:
    WATCHER.end("well")


onerror:
    WATCHER.end("badly")
