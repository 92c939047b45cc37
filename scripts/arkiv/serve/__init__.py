"""The search page: a local web application on the index of a finished run."""
