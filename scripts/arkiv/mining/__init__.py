"""Hard negatives: the nearest passages, what is unfit among them, and the audit."""
