"""Training of BGE-M3 with FlagEmbedding's M3 classes, under torchrun."""
