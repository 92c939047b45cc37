from arkiv.gold.standard import HIGHEST

# The lowest grade of a known item that a pool's judge has graded.
KNOWN_GRADES = {"teacher_pool": len(GOLD["thresholds"]), "llm_judge": HIGHEST}


rule pool_passages:
    """Pool what several systems find first for each test query."""
    input:
        queries=results("collection/queries.jsonl"),
        known_items=results("gold/known_item.txt"),
        runs=lambda w: files("runs/{system}.trec", system=pooled_in(w.measured)),
    output:
        results("{measured}gold/pool.jsonl"),
    log:
        log_of("pool_passages", under="{measured}"),
    benchmark:
        benchmark_of("pool_passages", under="{measured}")
    localrule: True
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        options=flags(**declared("gold", "depth")),
    message:
        "Pooling the passages to be judged"
    shell:
        "python {params.arkiv_scripts:q}/pool_passages.py --queries {input.queries:q}"
        " --known-items {input.known_items:q} --runs {input.runs:q} {params.options}"
        " --output {output:q} &> {log:q}"


rule grade_pool:
    """Grade one part of the pool by the reranker's scores."""
    input:
        corpus=results("collection/corpus.jsonl"),
        queries=results("collection/queries.jsonl"),
        pool=results("{measured}gold/pool.jsonl"),
        model=model_of("reranker"),
    output:
        results("{measured}gold/grades/{scatteritem}.jsonl"),
    log:
        log_of("grade_pool", "{scatteritem}", under="{measured}"),
    benchmark:
        benchmark_of("grade_pool", "{scatteritem}", under="{measured}")
    wildcard_constraints:
        scatteritem=graded_by("teacher_pool"),
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        options=flags(**declared("gold", "thresholds"), **SCORE_OPTIONS),
    message:
        "Grading the pool, part {wildcards.scatteritem}, with the reranker"
    shell:
        "python {params.arkiv_scripts:q}/grade_pool.py --corpus {input.corpus:q}"
        " --queries {input.queries:q} --pool {input.pool:q}"
        " --part {wildcards.scatteritem} --model {input.model:q} {params.options}"
        " --output {output:q} &> {log:q}"


rule build_gold:
    """Make the gold standard, near-duplicates of relevant passages counted too."""
    input:
        **{
            name: (
                paths
                if name == "file"
                else expand(results("{{measured}}{path}"), path=paths)
            )
            for name, paths in JUDGED_BY.items()
        },
        trained=expand(results("pairs/{dataset}/train.jsonl"), dataset=LEARNT),
        corpus=results("collection/corpus.jsonl"),
        queries=results("collection/queries.jsonl"),
        known_items=results("gold/known_item.txt"),
    output:
        qrels=results("{measured}collection/qrels.txt"),
        stats=results("{measured}gold/stats.json"),
        rejected=results("{measured}gold/rejected.jsonl"),
    log:
        log_of("build_gold", under="{measured}"),
    benchmark:
        benchmark_of("build_gold", under="{measured}")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        judged=lambda w, input: flags(**{name: input[name] for name in JUDGED_BY}),
        options=flags(
            **declared("gold", "method", "depth", "on_bad_input", "duplicate_jaccard"),
            known_grade=(
                KNOWN_GRADES.get(GOLD["method"]) if GOLD["keep_known_items"] else None
            ),
        ),
    message:
        f"Building the gold standard: {GOLD['method']}"
    shell:
        "python {params.arkiv_scripts:q}/build_gold.py --corpus {input.corpus:q}"
        " --queries {input.queries:q} --known-items {input.known_items:q}"
        " --trained {input.trained:q} {params.judged} {params.options}"
        " --qrels {output.qrels:q} --stats {output.stats:q}"
        " --rejected {output.rejected:q} &> {log:q}"
