"""The model card: what a tuned model is, how to load it, what it was made from and how
well it searches. All of it comes from the configuration and the files of the run."""
