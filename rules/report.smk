from itertools import chain

from arkiv.example.toys import toys

REPORT = config["report"]
# The systems side by side: those of the report, and the first one that is compared with
# all that it is compared with.
FIRST_COMPARED = [pair for pair in COMPARED if pair[0] == COMPARED[0][0]]
SHOWN_SYSTEMS = list(dict.fromkeys([*REPORT["systems"], *chain(*FIRST_COMPARED)]))


rule plot_lengths:
    """Draw the train pairs by the tokens of their longest text."""
    input:
        by_name(SHARDS, DATASETS, LAST).values(),
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
        options=flags(shards=named(SHARDS, DATASETS, LAST)),
    message:
        "Drawing the lengths of the train pairs"
    shell:
        "python {params.arkiv_scripts:q}/plot_lengths.py {params.options}"
        " --output {output:q} &> {log:q}"


rule plot_negatives:
    """Audit the negatives: what was mined and dropped, and rows to read."""
    input:
        rows=lambda w: [path for name in DATASETS for path in train_rows(name, w.round)],
        stats=lambda w: list(by_name(NEGATIVES, MINED, w.round).values()),
        pairs=files("pairs/{dataset}/stats.json"),
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
                (name, path) for name in DATASETS for path in train_rows(name, w.round)
            ),
            stats=named(NEGATIVES, MINED, w.round) or None,
            pairs=COUNTS["pairs"],
        ),
        options=flags(
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
        metrics=results("metrics/metrics.json"),
        per_query=results("metrics/per_query.csv"),
    output:
        chart=report(
            FIGURES["metrics.svg"],
            caption="captions/metrics.rst",
            category="4 Retrieval",
            labels={"figure": "Measures of every system"},
        ),
        differences=report(
            FIGURES["differences.svg"],
            caption="captions/differences.rst",
            category="4 Retrieval",
            labels={"figure": "Differences query by query"},
        ),
    log:
        log_of("plot_metrics"),
    benchmark:
        benchmark_of("plot_metrics")
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
        # The last of the rules that cost something: their benchmarks are there.
        export=results("export"),
        found=files("documents/{dataset}.volumes.json", WITH_PAGES),
        documents=files("documents/{dataset}.stats.json", WITH_PAGES),
        queries=files("queries/{dataset}.stats.json", WITH_PAGES),
        pairs=files("pairs/{dataset}/stats.json"),
        negatives=by_name(NEGATIVES, MINED, LAST).values(),
        shards=by_name(SHARDS, DATASETS, LAST).values(),
        corpus=results("collection/corpus.jsonl"),
        test_queries=results("collection/queries.jsonl"),
        qrels=results("collection/qrels.txt"),
        runs=expand(results("runs/{system}.trec"), system=SHOWN_SYSTEMS),
        metrics=results("metrics/metrics.json"),
        per_query=results("metrics/per_query.csv"),
        model=tuned("model"),
        histories=expand(results("{training}training/history.json"), training=TRAININGS),
        figures=FIGURES.values(),
        gold=results("gold/stats.json"),
        agreement=results("gold/agreement.json") if JUDGED else [],
        spelling=results("metrics/spelling.json") if RESPELLED else [],
    output:
        report(
            REPORT_PAGE,
            caption="captions/report.rst",
            category="0 Report",
            labels={"figure": "Report"},
        ),
    log:
        log_of("write_report"),
    benchmark:
        benchmark_of("write_report")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        stages=flags(**COUNTS),
        shown=flags(
            runs=named("runs/{name}.trec", SHOWN_SYSTEMS),
            figures=[
                f"lengths={FIGURES['lengths.svg']}",
                f"measures={FIGURES['metrics.svg']}",
                f"differences={FIGURES['differences.svg']}",
            ],
            histories=numbered("{}training/history.json", TRAININGS),
            training_figures=numbered("figures/{}training.svg", TRAININGS),
            audits=numbered("figures/{}negatives.json", AUDITED),
            audit_figures=numbered("figures/{}negatives.svg", AUDITED),
            audit_pages=numbered("figures/{}negatives.html", AUDITED),
        ),
        options=lambda w, input: flags(
            gold=input.gold,
            agreement=input.agreement or None,
            spelling=input.spelling or None,
            run_directory=RUN,
            defaults=PROJECT / "config/config.yaml",
            examples=REPORT["examples"],
        ),
        # What counts; and, with the inputs, all of it.
        counted=as_json(
            config | {"train": TRAIN | {"args": learnt_from(TRAIN["args"])}}
        ),
        config=lambda w, input: as_json(config),
    message:
        "Writing the report"
    shell:
        "python {params.arkiv_scripts:q}/write_report.py --config {params.config}"
        " {params.stages} --corpus {input.corpus:q}"
        " --test-queries {input.test_queries:q} --qrels {input.qrels:q}"
        " --metrics {input.metrics:q} --per-query {input.per_query:q}"
        " --model {input.model:q} {params.shown} {params.options} --output {output:q}"
        " &> {log:q}"
