rule split_by_length:
    """Split a dataset's train rows into one file per bucket of token length."""
    input:
        pairs=lambda w: train_rows(w.dataset),
        model=model_of("embedder"),
    output:
        shards=expand(results("shards/{{dataset}}_len-{length}.jsonl"), length=LENGTHS),
        log=results("shards/{dataset}.split.json"),
    log:
        log_of("split_by_length", "{dataset}"),
    benchmark:
        benchmark_of("split_by_length", "{dataset}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        options=flags(edges=EDGES),
    message:
        "Splitting {wildcards.dataset} by token length"
    shell:
        "python scripts/split_by_length.py --pairs {input.pairs} --tokenizer {input.model}"
        " {params.options} --outputs {output.shards} --log {output.log} &> {log}"
