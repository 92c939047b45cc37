rule score_pairs:
    """Score the positives and negatives of one part with the reranker."""
    input:
        pairs=lambda w: train_negatives(w.dataset, w.round),
        model=model_of("reranker"),
    output:
        results("{round}scores/{dataset}/{scatteritem}.jsonl"),
    log:
        log_of("score_pairs", "{dataset}", "{scatteritem}", under="{round}"),
    benchmark:
        benchmark_of("score_pairs", "{dataset}", "{scatteritem}", under="{round}")
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        options=flags(**SCORE_OPTIONS),
    message:
        "Scoring {wildcards.dataset}, part {wildcards.scatteritem}, with the reranker"
    shell:
        "python {params.arkiv_scripts:q}/score_pairs.py --pairs {input.pairs:q}"
        " --part {wildcards.scatteritem} --model {input.model:q} {params.options}"
        " --output {output:q} &> {log:q}"
