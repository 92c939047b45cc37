"""The index: all passages of a run in one table that is searched."""
