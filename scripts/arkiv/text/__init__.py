"""Texts as such: words, their division and spelling, lengths, near-duplicates."""
