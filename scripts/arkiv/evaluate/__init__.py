"""Measures of rankings, how sure they are, and what they must reach."""
