"""Query-passage pairs: divided without leakage, passages by id."""
