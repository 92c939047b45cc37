import json

# Judges of relevance: a language model, and people.
JUDGE = GOLD["judge"]
SHEET = GOLD["sheet"]
# Who is asked, and what: the queries' language model unless another is named.
JUDGE_BACKEND = JUDGE["backend"] or QUERIES["backend"]
JUDGE_SERVED = JUDGE_BACKEND == "openai"
GRADING = {
    "backend": JUDGE_BACKEND,
    "model": JUDGE["model"] or QUERIES["openai" if JUDGE_SERVED else "local"]["model"],
    **declared("queries", "language"),
    **declared("gold.judge", "tries", "max_tokens", "temperature"),
    "extra": json.dumps(QUERIES["openai"]["extra"]) if JUDGE_SERVED else None,
    **{f"price_{key}": price for key, price in JUDGE["prices"].items()},
}


rule estimate_grades:
    """Estimate what grades of the pool would cost before a language model is asked."""
    input:
        corpus=results("collection/corpus.jsonl"),
        queries=results("collection/queries.jsonl"),
        pool=results("gold/pool.jsonl"),
        prompt=as_named(JUDGE["prompt"]),
        tokenizer=model_of("embedder"),
    output:
        results("gold/estimate.json"),
    log:
        log_of("estimate_grades"),
    benchmark:
        benchmark_of("estimate_grades")
    localrule: True
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        options=flags(**GRADING, **declared("gold.judge", "budget")),
    message:
        "Estimating what the grades would cost"
    shell:
        "python {params.arkiv_scripts:q}/estimate_grades.py --corpus {input.corpus:q}"
        " --queries {input.queries:q} --pool {input.pool:q} --prompt {input.prompt:q}"
        " {params.options} --tokenizer {input.tokenizer:q} --output {output:q}"
        " &> {log:q}"


rule judge_pool:
    """Grade one part of the pool by a language model."""
    input:
        corpus=results("collection/corpus.jsonl"),
        queries=results("collection/queries.jsonl"),
        pool=results("{measured}gold/pool.jsonl"),
        prompt=as_named(JUDGE["prompt"]),
        model=as_named(GRADING["model"]) if JUDGE_BACKEND == "local" else [],
    output:
        grades=results("{measured}gold/grades/{scatteritem}.jsonl"),
        rejected=results("{measured}gold/grades/{scatteritem}.rejected.jsonl"),
        stats=results("{measured}gold/grades/{scatteritem}.stats.json"),
    log:
        log_of("judge_pool", "{scatteritem}", under="{measured}"),
    benchmark:
        benchmark_of("judge_pool", "{scatteritem}", under="{measured}")
    wildcard_constraints:
        scatteritem=graded_by("llm_judge"),
    localrule: JUDGE_SERVED and QUERIES["openai"]["on_login_node"]
    conda:
        "../envs/llm.yaml" if JUDGE_BACKEND != "local" else "../envs/m3.yaml"
    resources:
        mem_mb=growing(4000 if JUDGE_BACKEND != "local" else 16000),
        runtime=growing(240),
    params:
        grading=flags(**GRADING),
        # Apart from the queries: what grades may cost makes no query anew.
        asking=flags(
            **how_asked(JUDGE_BACKEND, "gold.judge", "cache/gold/journal.jsonl")
        ),
    message:
        "Grading the pool, part {wildcards.scatteritem}, with a language model"
    shell:
        "python {params.arkiv_scripts:q}/judge_pool.py --corpus {input.corpus:q}"
        " --queries {input.queries:q} --pool {input.pool:q}"
        " --part {wildcards.scatteritem} --prompt {input.prompt:q} {params.grading}"
        " {params.asking} --output {output.grades:q} --rejected {output.rejected:q}"
        " --stats {output.stats:q} &> {log:q}"


rule sample_judgements:
    """Draw query-passage pairs of every grade and system for human judges."""
    input:
        corpus=results("collection/corpus.jsonl"),
        queries=results("collection/queries.jsonl"),
        qrels=results("collection/qrels.txt"),
        runs=expand(results("runs/{system}.trec"), system=SYSTEMS),
    output:
        results("gold/sheet.csv"),
    log:
        log_of("sample_judgements"),
    benchmark:
        benchmark_of("sample_judgements")
    localrule: True
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        options=flags(
            runs=named("runs/{name}.trec", SYSTEMS),
            query_count=SHEET["queries"],
            passage_count=SHEET["passages"],
            **declared("gold.sheet", "depth", "separator"),
            seed=config["seed"],
        ),
    message:
        "Drawing a sheet for human judges"
    shell:
        "python {params.arkiv_scripts:q}/sample_judgements.py --corpus {input.corpus:q}"
        " --queries {input.queries:q} --qrels {input.qrels:q} {params.options}"
        " --output {output:q} &> {log:q}"


rule compare_judgements:
    """Compare the judgements of people with the gold standard, and with each other."""
    input:
        judged=as_named(JUDGED),
        corpus=results("collection/corpus.jsonl"),
        queries=results("collection/queries.jsonl"),
        qrels=results("{measured}collection/qrels.txt"),
    output:
        results("{measured}gold/agreement.json"),
    log:
        log_of("compare_judgements", under="{measured}"),
    benchmark:
        benchmark_of("compare_judgements", under="{measured}")
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        judged=flags(judged=JUDGED or None),
        options=flags(
            machine=GOLD["method"],
            bootstrap=EVALUATE["bootstrap"],
            seed=config["seed"],
        ),
    message:
        "Comparing people's judgements with the gold standard"
    shell:
        "python {params.arkiv_scripts:q}/compare_judgements.py {params.judged}"
        " --corpus {input.corpus:q} --queries {input.queries:q} --qrels {input.qrels:q}"
        " {params.options} --output {output:q} &> {log:q}"
