# The search page reads the configuration too, perhaps elsewhere, and needs no table.
if (RESPELLED or AUGMENTED) and not Path(SPELLING["rules"]).is_file():
    raise WorkflowError(
        f"configuration: `evaluate.spelling.rules`: names {visible(SPELLING['rules'])}, "
        "which is no file"
    )


rule respell_queries:
    """Respell a sample of the test queries: as once, as today, and misread."""
    input:
        queries=results("collection/queries.jsonl"),
        qrels=results("collection/qrels.txt"),
        rules=as_named(SPELLING["rules"]),
    output:
        results("spelling/queries.jsonl"),
    log:
        log_of("respell_queries"),
    benchmark:
        benchmark_of("respell_queries")
    localrule: True
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        options=flags(
            **declared("evaluate.spelling", "noise"),
            count=SPELLING["queries"] or None,
            seed=config["seed"],
        ),
    message:
        "Respelling test queries"
    shell:
        "python {params.arkiv_scripts:q}/respell_queries.py --queries {input.queries:q}"
        " --qrels {input.qrels:q} --rules {input.rules:q} {params.options}"
        " --output {output:q} &> {log:q}"


rule measure_spelling:
    """Measure what other spelling and misread letters cost each system."""
    input:
        qrels=results("collection/qrels.txt"),
        queries=results("collection/queries.jsonl"),
        corpus=JUDGED_CORPUS,
        respelled=results("spelling/queries.jsonl"),
        runs=lambda w: files(
            "{searched}runs/{system}.trec",
            searched=["", "spelling/"],
            system=respelled_in(w.measured),
        ),
    output:
        results("{measured}metrics/spelling.json"),
    log:
        log_of("measure_spelling", under="{measured}"),
    benchmark:
        benchmark_of("measure_spelling", under="{measured}")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        corpus=lambda w, input: flags(corpus=input.corpus or None),
        options=lambda w: flags(
            runs=named("runs/{name}.trec", respelled_in(w.measured)),
            respelled_runs=named(
                "spelling/runs/{name}.trec", respelled_in(w.measured)
            ),
            **declared("evaluate", "measures", "bootstrap"),
            unit=COUNTED_UNIT,
            seed=config["seed"],
        ),
    message:
        "Measuring the systems on respelled queries"
    shell:
        "python {params.arkiv_scripts:q}/measure_spelling.py --qrels {input.qrels:q}"
        " --queries {input.queries:q} --respelled {input.respelled:q} {params.corpus}"
        " {params.options} --output {output:q} &> {log:q}"
