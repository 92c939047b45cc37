"""The library behind arkiv's command-line programs; it knows nothing of Snakemake."""

__version__ = "0.1.0"
