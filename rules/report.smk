REPORT = config["report"]


rule plot_data:
    """Count what went in and what was set aside, stage by stage."""
    input:
        documents=expand(results("documents/{dataset}.stats.json"), dataset=WITH_PAGES),
        queries=expand(results("queries/{dataset}.stats.json"), dataset=WITH_PAGES),
        pairs=expand(results("pairs/{dataset}/stats.json"), dataset=DATASETS),
        negatives=by_name(NEGATIVES, MINED, LAST).values(),
        shards=by_name(SHARDS, DATASETS, LAST).values(),
        history=tuned("training/history.json"),
    output:
        table=report(
            FIGURES["data.html"],
            caption="captions/data.rst",
            category="1 Data",
            labels={"figure": "From pages to training rows"},
        ),
        lengths=report(
            FIGURES["lengths.svg"],
            caption="captions/lengths.rst",
            category="1 Data",
            labels={"figure": "Rows by token length"},
        ),
    log:
        log_of("plot_data"),
    benchmark:
        benchmark_of("plot_data")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        options=flags(
            documents=named("documents/{name}.stats.json", WITH_PAGES) or None,
            queries=named("queries/{name}.stats.json", WITH_PAGES) or None,
            pairs=named("pairs/{name}/stats.json", DATASETS),
            negatives=named(NEGATIVES, MINED, LAST) or None,
            shards=named(SHARDS, DATASETS, LAST),
        ),
    message:
        "Drawing the data funnel"
    shell:
        "python scripts/plot_data.py {params.options} --history {input.history}"
        " --table {output.table} --lengths {output.lengths} &> {log}"


rule plot_negatives:
    """Audit the negatives: what was mined and dropped, and rows to read."""
    input:
        rows=lambda w: [path for name in DATASETS for path in train_rows(name, w.round)],
        stats=lambda w: list(by_name(NEGATIVES, MINED, w.round).values()),
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
    log:
        log_of("plot_negatives", under="{round}"),
    benchmark:
        benchmark_of("plot_negatives", under="{round}")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        rows=lambda w: flags(
            rows=[
                f"{name}={path}"
                for name in DATASETS
                for path in train_rows(name, w.round)
            ],
            stats=named(NEGATIVES, MINED, w.round) or None,
        ),
        options=flags(seed=config["seed"]),
    message:
        "Auditing the negatives"
    shell:
        "python scripts/plot_negatives.py {params.rows} {params.options}"
        " --page {output.page} --chart {output.chart} &> {log}"


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
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    message:
        "Drawing the training loss"
    shell:
        "python scripts/plot_training.py --history {input} --output {output} &> {log}"


rule plot_metrics:
    """Draw the metrics of every system, as a table and as a chart."""
    input:
        results("metrics/metrics.json"),
    output:
        table=report(
            FIGURES["metrics.html"],
            caption="captions/metrics_table.rst",
            category="4 Retrieval",
            labels={"figure": "Metrics (table)"},
        ),
        chart=report(
            FIGURES["metrics.svg"],
            caption="captions/metrics_chart.rst",
            category="4 Retrieval",
            labels={"figure": "Metrics (chart)"},
        ),
    log:
        log_of("plot_metrics"),
    benchmark:
        benchmark_of("plot_metrics")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    message:
        "Drawing the metrics"
    shell:
        "python scripts/plot_metrics.py --metrics {input} --table {output.table}"
        " --chart {output.chart} &> {log}"


rule show_searches:
    """Show test searches with the first passages of several systems side by side."""
    input:
        corpus=results("collection/corpus.jsonl"),
        queries=results("collection/queries.jsonl"),
        qrels=results("collection/qrels.txt"),
        runs=expand(results("runs/{system}.trec"), system=REPORT["systems"]),
    output:
        report(
            FIGURES["searches.html"],
            caption="captions/searches.rst",
            category="4 Retrieval",
            labels={"figure": "Example searches"},
        ),
    log:
        log_of("show_searches"),
    benchmark:
        benchmark_of("show_searches")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        options=flags(
            runs=named("runs/{name}.trec", REPORT["systems"]),
            examples=REPORT["examples"],
            seed=config["seed"],
        ),
    message:
        "Writing the example searches"
    shell:
        "python scripts/show_searches.py --corpus {input.corpus}"
        " --queries {input.queries} --qrels {input.qrels} {params.options}"
        " --output {output} &> {log}"
