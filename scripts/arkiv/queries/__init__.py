"""Queries for documents: made, judged, and kept or refused."""
