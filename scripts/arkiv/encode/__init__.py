"""Encoders and cross-encoders: from texts to vectors and scores, on all devices."""
