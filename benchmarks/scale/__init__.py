"""Time and memory of every stage that runs no model, on a million passages."""
