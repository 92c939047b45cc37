"""The configuration: read, checked, and where a run lies by it."""
