

rule split_by_length:
    """Split a dataset's train rows into one file per bucket of token length."""
    input:
        pairs=lambda w: (
            results(f"{in_round(w.dataset, w.round)}augmented/{w.dataset}.jsonl")
            if AUGMENTED
            else train_rows(w.dataset, w.round)
        ),
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
            **declared("split"),
            **declared("teacher", "filter", "normalize", "temperature"),
            without_negatives=not WITH_NEGATIVES,
            **READING,
        ),
        batch=(
            flags(
                **{key: TRAIN["args"].get(key) or UNSET[key] for key in UNSET},
                **{key: TRAIN["args"].get(key) or NULL for key in TRAIN_LENGTHS},
            )
            if config["split"]["batch_tokens"]
            else ""
        ),
    message:
        "Splitting {wildcards.dataset} by token length"
    shell:
        "python {params.arkiv_scripts:q}/split_by_length.py --pairs {input.pairs:q}"
        " --tokenizer {input.model:q} {params.options} {params.batch}"
        " --outputs {output.shards:q} --rejected {output.rejected:q}"
        " --log {output.log:q} &> {log:q}"
