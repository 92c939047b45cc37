WATCH = TRAIN["evaluation"]
WATCHED = WATCH["steps"] > 0 and config["pairs"]["shares"]["dev"] > 0
# Whether dev queries choose how much of the tuned model a merged one has.
CHOSEN = MERGE["with"] is not None and MERGE["weights"] == "auto"

# Vectors of a model that says which passages of a batch may answer a query, if one does.
GUIDE = {
    side: results(f"{{training}}training/guide/{side}.npy")
    for side in ("queries", "passages")
    if TRAIN["mask"]["guide"] != "none"
}


rule embed_guide:
    """Embed the texts of all shards with the model that training starts from."""
    input:
        shards=lambda w: shards_of(TRAININGS[w.training], w.training),
        model=lambda w: model_before(w.training),
    output:
        queries=results("{training}training/guide/queries.npy"),
        passages=results("{training}training/guide/passages.npy"),
    log:
        log_of("embed_guide", under="{training}"),
    benchmark:
        benchmark_of("embed_guide", under="{training}")
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(16000),
        runtime=growing(480),
    params:
        options=flags(
            **CUT_QUERIES,
            **CUT_PASSAGES,
            batch_tokens=MINING["batch_tokens"],
            cache=results("cache/embeddings"),
            **RUN_OPTIONS,
            **READING,
        ),
    message:
        "Embedding the texts of training"
    shell:
        "python {params.arkiv_scripts:q}/embed_guide.py --shards {input.shards:q}"
        " --model {input.model:q} {params.options} --queries {output.queries:q}"
        " --passages {output.passages:q} &> {log:q}"


rule train_model:
    """Fine-tune the embedder on all shards with FlagEmbedding under torchrun."""
    input:
        shards=lambda w: shards_of(TRAININGS[w.training], w.training),
        model=lambda w: model_before(w.training),
        dev=files("pairs/{dataset}/dev.jsonl", DIVIDED) if WATCHED else [],
        corpus=files("pairs/{dataset}/corpus.jsonl", DIVIDED) if WATCHED else [],
        general=as_named(WATCH["general"] or []) if WATCHED else [],
        guide=list(GUIDE.values()),
    output:
        model=directory(results("{training}model")),
        history=results("{training}training/history.json"),
    log:
        log_of("train_model", under="{training}"),
    benchmark:
        benchmark_of("train_model", under="{training}")
    conda:
        "../envs/m3.yaml"
    threads: 2
    resources:
        **on_nodes(TRAIN["nodes"]),
        mem_mb=growing(16000),
        runtime=growing(1440),
    params:
        # Outside the outputs, which Snakemake deletes when a job fails.
        checkpoints=results("{training}checkpoints"),
        options=flags(
            **declared(
                "train",
                *("nodes", "processes", "interface", "check_steps", "lora", "mask"),
            ),
            **declared("mining", "duplicate_jaccard"),
            **READING,
            **declared("models.embedder", "heads"),
            seed=config["seed"],
        ),
        weights=lambda w: flags(
            dataset_weights=[
                f"{name}={weight}"
                for name, weight in TRAIN["weights"].items()
                if name in TRAININGS[w.training]
            ]
            or None
        ),
        # With the files what trains nothing anew: how the systems are searched later.
        watched=lambda w, input: (
            flags(
                dev=input.dev,
                corpus=input.corpus,
                **declared("evaluate", "batch_tokens"),
                **FIXED_WEIGHTS,
            )
            if WATCHED
            else ""
        ),
        evaluation=flags(**declared("train", "evaluation")) if WATCHED else "",
        guide=lambda w, input: flags(
            **{
                f"guide_{side}": path
                for side, path in zip(GUIDE, input.guide, strict=True)
            }
        ),
        # What counts; and, with the inputs, all that is given on.
        learnt=as_json(learnt_from(TRAIN["args"])),
        args=lambda w, input: as_json(TRAIN["args"]),
    message:
        "Training"
    shell:
        "python {params.arkiv_scripts:q}/train_model.py --shards {input.shards:q}"
        " --model {input.model:q} --checkpoints {params.checkpoints} {params.options}"
        " {params.weights} {params.watched} {params.evaluation} {params.guide}"
        " --args {params.args}"
        " --output {output.model:q} --history {output.history:q} &> {log:q}"


rule merge_models:
    """Average the tuned model with another one, by how much dev queries tell."""
    input:
        model=results(f"{LAST}model"),
        other=given_model(merged_with) if MERGE["with"] else [],
        dev=files("pairs/{dataset}/dev.jsonl", DIVIDED) if CHOSEN else [],
        corpus=files("pairs/{dataset}/corpus.jsonl", DIVIDED) if CHOSEN else [],
        general=as_named(WATCH["general"] or []) if CHOSEN else [],
    output:
        model=directory(results(f"{MERGED}model")),
        report=results(f"{MERGED}merge.json"),
    log:
        log_of("merge_models"),
    benchmark:
        benchmark_of("merge_models")
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(16000),
        runtime=growing(240),
    params:
        options=flags(
            name=MERGE["with"] and Path(MERGE["with"]).name,
            base=MERGE["with"] == "base",
            merge_weights=MERGE["weights"],
            trust_remote_code=config["models"]["trust_remote_code"],
            seed=config["seed"],
        ),
        chosen=lambda w, input: (
            flags(dev=input.dev, corpus=input.corpus) if CHOSEN else ""
        ),
        measured=(
            flags(
                **declared("train", "evaluation"),
                **declared("evaluate", "batch_tokens"),
                **FIXED_WEIGHTS,
                **declared("mining", "query_max_length", "passage_max_length"),
                **declared("models", "precision", "attention"),
            )
            if CHOSEN
            else ""
        ),
    message:
        "Merging the models"
    shell:
        "python {params.arkiv_scripts:q}/merge_models.py --model {input.model:q}"
        " --other {input.other:q} {params.options} {params.chosen} {params.measured}"
        " --output {output.model:q} --report {output.report:q} &> {log:q}"
