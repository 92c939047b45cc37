"""Training of BGE-M3 with FlagEmbedding's M3 classes, under torchrun.

`shards` and `arguments` check what is given and plan the batches, `launch` starts and
watches the processes, `worker` is the program that each of them runs, and `upstream`
holds our changes to FlagEmbedding's classes.
"""
