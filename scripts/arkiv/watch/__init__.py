"""A run while it goes: what runs, how far it is, and how it ended.

Snakemake's own messages are kept as a journal beside the run's logs (`journal`), from
which `state` knows the jobs; `logs` reads how far each is, `lines` puts it into 80
columns. `terminal` shows it where Snakemake was started, `scripts/watch_run.py`
anywhere else. `ending` has the three lines after a target, and the sentence of a fault.
"""
