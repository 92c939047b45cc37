rule build_general:
    """Make a collection of the general set, by which it shows what is forgotten."""
    input:
        as_named(GENERAL_SET or []),
    output:
        corpus=results(f"{GENERAL}collection/corpus.jsonl"),
        queries=results(f"{GENERAL}collection/queries.jsonl"),
        qrels=results(f"{GENERAL}collection/qrels.txt"),
    log:
        log_of("build_general"),
    benchmark:
        benchmark_of("build_general")
    localrule: True
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    message:
        "Building the collection of the general set"
    shell:
        "python {params.arkiv_scripts:q}/build_general.py --general {input:q}"
        " --corpus {output.corpus:q} --queries {output.queries:q}"
        " --qrels {output.qrels:q} &> {log:q}"


use rule measure_runs as measure_general with:
    """Measure on the general set what the trained models have forgotten."""
    input:
        qrels=results(f"{GENERAL}collection/qrels.txt"),
        queries=results(f"{GENERAL}collection/queries.jsonl"),
        corpus=[],
        runs=files(f"{GENERAL}runs/{{system}}.trec", system=ON_GENERAL),
    output:
        metrics=results(f"{GENERAL}metrics/metrics.json"),
        per_query=results(f"{GENERAL}metrics/per_query.csv"),
    log:
        log_of("measure_general"),
    benchmark:
        benchmark_of("measure_general")
    params:
        runs=[
            f"{system}={results(f'{GENERAL}runs/{system}.trec')}"
            for system in ON_GENERAL
        ],
        options=flags(
            compare=[f"{system}={base}" for system, base in FORGETTING] or None,
            **declared("evaluate", "measures", "bootstrap"),
            seed=config["seed"],
        ),
    message:
        "Measuring what was forgotten"
