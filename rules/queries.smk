rule generate_queries:
    """Make search queries for one part of a dataset's documents."""
    input:
        results("documents/{dataset}.jsonl"),
    output:
        queries=results("queries/{dataset}/{scatteritem}.jsonl"),
        rejected=results("queries/{dataset}/{scatteritem}.rejected.jsonl"),
    log:
        log_of("generate_queries", "{dataset}", "{scatteritem}"),
    benchmark:
        benchmark_of("generate_queries", "{dataset}", "{scatteritem}")
    conda:
        "../envs/llm.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(240),
    params:
        options=flags(**config["queries"], seed=config["seed"]),
    message:
        "Making queries for {wildcards.dataset}, part {wildcards.scatteritem}"
    shell:
        "python scripts/generate_queries.py --documents {input} --part {wildcards.scatteritem}"
        " {params.options} --output {output.queries} --rejected {output.rejected}"
        " &> {log}"
