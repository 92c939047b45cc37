use rule build_collection as build_dev with:
    """Make queries of a collection of the dev pairs, by which weights are learnt."""
    input:
        corpora=expand(results("pairs/{dataset}/corpus.jsonl"), dataset=DIVIDED),
        tests=expand(results("pairs/{dataset}/dev.jsonl"), dataset=DIVIDED),
        model=model_of("embedder"),
        judged=[],
    output:
        corpus=temp(results(f"{DEV}collection/corpus.jsonl")),
        queries=results(f"{DEV}collection/queries.jsonl"),
        known_items=results(f"{DEV}collection/known_item.txt"),
    log:
        log_of("build_dev"),
    benchmark:
        benchmark_of("build_dev")
    params:
        judged="",
        options=flags(datasets=DIVIDED, side="dev"),
    message:
        "Building the collection of dev queries"


rule fit_weights:
    """Learn by which weights a system adds up its scores, on dev queries."""
    input:
        unpack(fitted_on),
        queries=results(f"{DEV}collection/queries.jsonl"),
        qrels=results(f"{DEV}collection/known_item.txt"),
    output:
        results("weights/{system}.json"),
    log:
        log_of("fit_weights", "{system}"),
    benchmark:
        benchmark_of("fit_weights", "{system}")
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        files=lambda w, input: flags(
            **{
                key: files
                for key, files in input.items()
                if key not in ("queries", "qrels")
            }
        ),
        options=lambda w: flags(
            **{key: getattr(SYSTEMS[w.system], key, None) for key in ("method", "k")},
            measures=EVALUATE["measures"][:1],
            seed=config["seed"],
        ),
    message:
        "Learning the weights of {wildcards.system}"
    shell:
        "python {params.arkiv_scripts:q}/fit_weights.py --queries {input.queries:q}"
        " --qrels {input.qrels:q} {params.files} {params.options}"
        " --output {output:q} &> {log:q}"
