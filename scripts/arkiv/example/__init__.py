"""An example archive, and tiny models that can be taught on it."""
