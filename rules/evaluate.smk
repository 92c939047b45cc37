import json

# The datasets whose test queries are measured by themselves too, with p-values.
BY_SOURCE = any("source" in one for one in EVALUATE["require"])
SOURCES = SEARCHED_DATASETS if TEST_SOURCES or BY_SOURCE else []


rule build_collection:
    """Join all datasets into one test collection."""
    input:
        corpora=files("pairs/{dataset}/corpus.jsonl", SEARCHED_DATASETS),
        tests=files("pairs/{dataset}/test.jsonl", SEARCHED_DATASETS),
        model=model_of("embedder"),
        judged=BRINGS_QUERIES,
    output:
        corpus=results("collection/corpus.jsonl"),
        queries=results("collection/queries.jsonl"),
        known_items=results("gold/known_item.txt"),
    log:
        log_of("build_collection"),
    benchmark:
        benchmark_of("build_collection")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        # Of the unit it is seen alone that it is known, which makes nothing anew.
        judged=lambda w, input: flags(
            judged=input.judged or None, unit=EVALUATE["unit"]
        ),
        options=flags(
            datasets=SEARCHED_DATASETS,
            sources=TEST_SOURCES or None,
            on_bad_input=GOLD["on_bad_input"] if BRINGS_QUERIES else None,
        ),
    message:
        "Building the test collection"
    shell:
        "python {params.arkiv_scripts:q}/build_collection.py"
        " --corpora {input.corpora:q} --tests {input.tests:q}"
        " --tokenizer {input.model:q} {params.judged} {params.options}"
        " --corpus {output.corpus:q} --queries {output.queries:q}"
        " --known-items {output.known_items:q} &> {log:q}"


rule export_collection:
    """Write the test collection in the layout of BEIR, which MTEB loads too."""
    input:
        corpus=results("collection/corpus.jsonl"),
        queries=results("collection/queries.jsonl"),
        qrels=results("collection/qrels.txt"),
    output:
        directory(results("collection/beir")),
    log:
        log_of("export_collection"),
    benchmark:
        benchmark_of("export_collection")
    localrule: True
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        options=flags(language=config["export"]["language"] or None),
    message:
        "Exporting the test collection"
    shell:
        "python {params.arkiv_scripts:q}/export_collection.py --corpus {input.corpus:q}"
        " --queries {input.queries:q} --qrels {input.qrels:q} {params.options}"
        " --output {output:q} &> {log:q}"


rule measure_runs:
    """Measure every run against the judgements, with intervals and tests."""
    input:
        qrels=qrels_of,
        queries=results("collection/queries.jsonl"),
        corpus=JUDGED_CORPUS,
        runs=lambda w: files("runs/{system}.trec", system=systems_in(w.measured)),
    output:
        metrics=results("{measured}metrics/metrics.json"),
        per_query=results("{measured}metrics/per_query.csv"),
    log:
        log_of("measure_runs", under="{measured}"),
    benchmark:
        benchmark_of("measure_runs", under="{measured}")
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        runs=lambda w: [
            f"{system}={results(f'runs/{system}.trec')}"
            for system in systems_in(w.measured)
        ],
        corpus=lambda w, input: flags(corpus=input.corpus or None),
        options=lambda w: flags(
            gold=GOLD["method"],
            **comparisons_in(w.measured),
            **declared(
                "evaluate", "measures", "bootstrap", "length_edges", "confidence_edges"
            ),
            require=[
                json.dumps(one) for one in MEASURED[w.measured]["evaluate"]["require"]
            ]
            or None,
            sources=SOURCES or None,
            unit=COUNTED_UNIT,
            seed=config["seed"],
        ),
    message:
        "Measuring the systems"
    shell:
        "python {params.arkiv_scripts:q}/measure_runs.py --qrels {input.qrels:q}"
        " --queries {input.queries:q} {params.corpus} --runs {params.runs}"
        " {params.options} --output {output.metrics:q}"
        " --per-query {output.per_query:q} &> {log:q}"


rule measure_compressed:
    """Measure what smaller forms of dense vectors cost."""
    input:
        qrels=qrels_of,
        queries=results("collection/queries.jsonl"),
        corpus=results("collection/corpus.jsonl"),
        runs=lambda w: files("runs/{system}.trec", system=compressed_in(w.measured)),
        encodings=lambda w: files(
            "encodings/{model}", model=sorted({*compressed_in(w.measured).values()})
        ),
    output:
        results("{measured}metrics/compressed.json"),
    log:
        log_of("measure_compressed", under="{measured}"),
    benchmark:
        benchmark_of("measure_compressed", under="{measured}")
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        options=lambda w: flags(
            runs=named("runs/{name}.trec", compressed_in(w.measured)),
            encodings=[
                f"{name}={results(f'encodings/{model}')}"
                for name, model in compressed_in(w.measured).items()
            ],
            compress=EVALUATE["compress"],
            depth=EVALUATE["depth"],
            **declared("evaluate", "measures", "bootstrap"),
            unit=COUNTED_UNIT,
            seed=config["seed"],
        ),
    message:
        "Measuring smaller vectors"
    shell:
        "python {params.arkiv_scripts:q}/measure_compressed.py --qrels {input.qrels:q}"
        " --queries {input.queries:q} --corpus {input.corpus:q} {params.options}"
        " --output {output:q} &> {log:q}"


rule check_metrics:
    """Fail if a system does not reach what is required of it, all else being done."""
    input:
        metrics=results("metrics/metrics.json"),
        # Whatever the verdict, every result is there to look into it.
        results=lambda w: up_to("report"),
    output:
        results("metrics/required.json"),
    log:
        log_of("check_metrics"),
    benchmark:
        benchmark_of("check_metrics")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    message:
        "Checking what is required of the systems"
    shell:
        "python {params.arkiv_scripts:q}/check_metrics.py --metrics {input.metrics:q}"
        " --output {output:q} &> {log:q}"
