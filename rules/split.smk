SPLIT, TEACHER = config["split"], config["teacher"]
# What a batch's size in tokens depends on, beside the budget.
BATCH = ("train_group_size", "query_max_len", "passage_max_len", "pad_to_multiple_of")


rule split_by_length:
    """Split a dataset's train rows into one file per bucket of token length."""
    input:
        pairs=lambda w: train_rows(w.dataset, w.round),
        model=model_of("embedder"),
    output:
        shards=expand(
            results("{{round}}shards/{{dataset}}_len-{length}.jsonl"), length=LENGTHS
        ),
        rejected=results("{round}shards/{dataset}.rejected.jsonl"),
        log=results("{round}shards/{dataset}.split.json"),
    log:
        log_of("split_by_length", "{dataset}", under="{round}"),
    benchmark:
        benchmark_of("split_by_length", "{dataset}", under="{round}")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        options=flags(
            edges=EDGES,
            positives=SPLIT["positives"],
            batch_tokens=SPLIT["batch_tokens"],
            without_negatives=not WITH_NEGATIVES,
            filter_margin=TEACHER["filter"]["margin"],
            normalize=TEACHER["normalize"],
            temperature=TEACHER["temperature"],
        ),
        batch=(
            flags(**{key: TRAIN["args"].get(key) for key in BATCH})
            if SPLIT["batch_tokens"]
            else ""
        ),
    message:
        "Splitting {wildcards.dataset} by token length"
    shell:
        "python scripts/split_by_length.py --pairs {input.pairs} --tokenizer {input.model}"
        " {params.options} {params.batch} --outputs {output.shards}"
        " --rejected {output.rejected} --log {output.log} &> {log}"
