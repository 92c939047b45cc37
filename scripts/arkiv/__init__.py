"""The library behind arkiv's command-line programs; it knows nothing of Snakemake."""
