"""Training of BGE-M3 with FlagEmbedding's M3 classes, under torchrun.

`shards` and `arguments` check what is given, `batch_plan` plans the batches, `launch`
starts and watches the processes, and `worker` is the program that each of them runs.
`model`, `representations`, `trainer` and `upstream` hold our changes to FlagEmbedding's
classes, `lora` puts adapters into the encoder, `guards` stop a run that goes wrong, and
`dev` and `evaluation` measure the model while it trains.
"""
