from arkiv.example.toys import toys
from arkiv.settings.changes import from_defaults
from arkiv.settings.heads import without_heads

REPORT = config["report"]


rule plot_lengths:
    """Draw the train pairs by the tokens of their longest text."""
    input:
        by_name(SHARDS, LEARNT, LAST).values(),
    output:
        report(
            FIGURES["lengths.svg"],
            caption="captions/lengths.rst",
            category="1 Data",
            labels={"figure": "Rows by token length"},
        ),
    log:
        log_of("plot_lengths"),
    benchmark:
        benchmark_of("plot_lengths")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        options=flags(shards=named(SHARDS, LEARNT, LAST)),
    message:
        "Drawing the lengths of the train pairs"
    shell:
        "python {params.arkiv_scripts:q}/plot_lengths.py {params.options}"
        " --output {output:q} &> {log:q}"


rule plot_negatives:
    """Audit the negatives: what was mined and dropped, and rows to read."""
    input:
        rows=lambda w: [path for name in LEARNT for path in train_rows(name, w.round)],
        stats=lambda w: list(by_name(NEGATIVES, MINED, w.round).values()),
        pairs=files("pairs/{dataset}/stats.json"),
        judged=lambda w: [] if w.round else files("pairs/{dataset}/judged.json", LEARNT),
    output:
        page=report(
            results("figures/{round}negatives.html"),
            caption="captions/negatives_page.rst",
            category="2 Negatives",
            labels=lambda w: {"figure": f"Audit of the negatives{which(w.round)}"},
        ),
        chart=report(
            results("figures/{round}negatives.svg"),
            caption="captions/negatives_chart.rst",
            category="2 Negatives",
            labels=lambda w: {
                "figure": f"Scores, ranks and what was dropped{which(w.round)}"
            },
        ),
        numbers=results("figures/{round}negatives.json"),
    log:
        log_of("plot_negatives", under="{round}"),
    benchmark:
        benchmark_of("plot_negatives", under="{round}")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        rows=lambda w: flags(
            rows=named_words(
                (name, path) for name in LEARNT for path in train_rows(name, w.round)
            ),
            stats=named(NEGATIVES, MINED, w.round) or None,
            pairs=COUNTS["pairs"],
            # Whatever mines in later rounds, it is the pairs of the first.
            searches=None if w.round else named("pairs/{name}/judged.json", LEARNT),
        ),
        options=flags(
            run=config["run"],
            seed=config["seed"],
            tiny=toys(config["models"]) or None,
        ),
    message:
        "Auditing the negatives"
    shell:
        "python {params.arkiv_scripts:q}/plot_negatives.py {params.rows}"
        " {params.options} --page {output.page:q} --chart {output.chart:q}"
        " --numbers {output.numbers:q} &> {log:q}"


rule plot_training:
    """Draw loss, measures on held-out queries and learning rate by step."""
    input:
        results("{training}training/history.json"),
    output:
        report(
            results("figures/{training}training.svg"),
            caption="captions/training.rst",
            category="3 Training",
            labels=lambda w: {
                "figure": f"Loss, dev measures and learning rate{which(w.training)}"
            },
        ),
    log:
        log_of("plot_training", under="{training}"),
    benchmark:
        benchmark_of("plot_training", under="{training}")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    message:
        "Drawing the training loss"
    shell:
        "python {params.arkiv_scripts:q}/plot_training.py --history {input:q}"
        " --output {output:q} &> {log:q}"


rule plot_metrics:
    """Draw the measures of every system, and differences query by query."""
    input:
        metrics=results("{measured}metrics/metrics.json"),
        per_query=results("{measured}metrics/per_query.csv"),
    output:
        chart=report(
            results("{measured}figures/metrics.svg"),
            caption="captions/metrics.rst",
            category="4 Retrieval",
            labels=lambda w: {"figure": f"Measures of every system{before(w)}"},
        ),
        differences=report(
            results("{measured}figures/differences.svg"),
            caption="captions/differences.rst",
            category="4 Retrieval",
            labels=lambda w: {"figure": f"Differences query by query{before(w)}"},
        ),
    log:
        log_of("plot_metrics", under="{measured}"),
    benchmark:
        benchmark_of("plot_metrics", under="{measured}")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    message:
        "Drawing the metrics"
    shell:
        "python {params.arkiv_scripts:q}/plot_metrics.py --metrics {input.metrics:q}"
        " --per-query {input.per_query:q} --chart {output.chart:q}"
        " --differences {output.differences:q} &> {log:q}"


rule write_report:
    """Write the report: one page that can be read by itself."""
    input:
        unpack(trained_by),
        found=files("documents/{dataset}.volumes.json", WITH_PAGES),
        documents=files("documents/{dataset}.stats.json", WITH_PAGES),
        queries=files("queries/{dataset}.stats.json", WITH_PAGES),
        verdicts=files("verdicts/{dataset}.stats.json", VERDICTS),
        pairs=files("pairs/{dataset}/stats.json"),
        corpus=results("collection/corpus.jsonl"),
        test_queries=results("collection/queries.jsonl"),
        qrels=qrels_of,
        runs=lambda w: files("runs/{system}.trec", system=shown_in(w.measured)),
        reranked=lambda w: files(
            "runs/{system}.trec", system=[*reranking_in(w.measured)]
        ),
        encodings=lambda w: files("encodings/{model}", model=counting_in(w.measured)),
        metrics=results("{measured}metrics/metrics.json"),
        per_query=results("{measured}metrics/per_query.csv"),
        figures=lambda w: figures_in(w.measured),
        gold=lambda w: results(f"{judged_in(w.measured)}gold/stats.json"),
        agreement=lambda w: (
            results(f"{judged_in(w.measured)}gold/agreement.json") if JUDGED else []
        ),
        spelling=lambda w: (
            results(f"{w.measured}metrics/spelling.json")
            if respelled_in(w.measured)
            else []
        ),
        compressed=lambda w: (
            results(f"{w.measured}metrics/compressed.json")
            if compressed_in(w.measured)
            else []
        ),
        general=lambda w: (
            results(f"{GENERAL}metrics/metrics.json")
            if FORGETTING and is_trained(w.measured)
            else []
        ),
        merge=lambda w: (
            results(f"{MERGED}merge.json")
            if MERGE["with"] and is_trained(w.measured)
            else []
        ),
        learnt=lambda w: files("weights/{system}.json", system=learning_in(w.measured)),
    output:
        report(
            results("{measured}report.html"),
            caption="captions/report.rst",
            category="0 Report",
            labels=lambda w: {"figure": f"Report{before(w)}"},
        ),
    log:
        log_of("write_report", under="{measured}"),
    benchmark:
        benchmark_of("write_report", under="{measured}")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        stages=lambda w: flags(**counts_in(w.measured)),
        shown=lambda w: flags(**shown_of(w.measured)),
        options=lambda w, input: flags(
            model=input.get("model"),
            gold=input.gold,
            agreement=input.agreement or None,
            spelling=input.spelling or None,
            compressed=input.compressed or None,
            general=input.general or None,
            merge=input.merge or None,
            learnt=named("weights/{name}.json", learning_in(w.measured)) or None,
            reranked=named("runs/{name}.trec", reranking_in(w.measured)) or None,
            encodings=named("encodings/{name}", counting_in(w.measured)) or None,
            run_directory=RUN,
            examples=REPORT["examples"],
            without_heads=without_heads(config),
        ),
        left_out=lambda w: flags(left_out=left_out_of(w.measured) or None),
        # What counts: the settings that the report has, for they differ from the
        # defaults, and its own; and, with the inputs, all of them.
        counted=lambda w: as_json(
            from_defaults(
                told_in(w.measured)
                | {"train": IN_EFFECT["train"] | {"args": learnt_from(TRAIN["args"])}}
            )
            | {"report": REPORT}
        ),
        config=lambda w, input: as_json(told_in(w.measured)),
    message:
        "Writing the report"
    shell:
        "python {params.arkiv_scripts:q}/write_report.py --config {params.config}"
        " {params.stages} --corpus {input.corpus:q}"
        " --test-queries {input.test_queries:q} --qrels {input.qrels:q}"
        " --metrics {input.metrics:q} --per-query {input.per_query:q} {params.shown}"
        " {params.left_out} {params.options} --output {output:q} &> {log:q}"
