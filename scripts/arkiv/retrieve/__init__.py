"""Systems that search a test collection, and the rankings that they give."""
