import json

# Whether a language model is asked, and whether one of a server.
ASKED = QUERIES["backend"] not in OFFLINE
SERVED = QUERIES["backend"] == "openai"
# Files that queries depend on beside the documents, and which of them stay.
ASKED_WITH, KEPT = {}, {}
TASK = declared("queries", "backend", "per_document") | {"seed": config["seed"]}
if QUERIES["group"]["share"]:
    TASK |= declared("queries", "group")
if ASKED:
    ASKED_WITH = {
        "prompts": [prompt["file"] for prompt in QUERIES["prompts"]],
        "judge": QUERIES["judge"]["prompt"] or [],
        "group": QUERIES["group"]["prompt"] if QUERIES["group"]["share"] else [],
        "model": [] if SERVED else QUERIES["local"]["model"],
    }
    ASKED_WITH = {name: as_named(files) for name, files in ASKED_WITH.items()}
    TASK |= {
        "model": QUERIES["openai" if SERVED else "local"]["model"],
        "prompts": [
            f"{prompt['file']}={prompt.get('share', 1)}"
            for prompt in QUERIES["prompts"]
        ],
        **declared("queries", "judge", "language", "max_tokens", "temperature"),
        "extra": json.dumps(QUERIES["openai"]["extra"]) if SERVED else None,
        **{f"price_{key}": price for key, price in QUERIES["prices"].items()},
    }
    KEPT = declared("queries", "max_words", "copied_run", "copied_share", "forbidden")
ROUND_TRIP = QUERIES["round_trip"]
DENSE = embeds_as_mining(ROUND_TRIP["by"])


rule estimate_queries:
    """Estimate what queries would cost before a language model is asked."""
    input:
        **ASKED_WITH,
        documents=expand(results("documents/{dataset}.jsonl"), dataset=WITH_PAGES),
        tokenizer=model_of("embedder"),
    output:
        results("queries/estimate.json"),
    log:
        log_of("estimate_queries"),
    benchmark:
        benchmark_of("estimate_queries")
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        documents=flags(documents=named("documents/{name}.jsonl", WITH_PAGES)),
        task=flags(**TASK),
        budget=flags(**declared("queries", "budget")),
    message:
        "Estimating what the queries would cost"
    shell:
        "python {params.arkiv_scripts:q}/estimate_queries.py {params.documents}"
        " {params.task} {params.budget} --tokenizer {input.tokenizer:q}"
        " --output {output:q} &> {log:q}"


rule generate_queries:
    """Make search queries for one part of a dataset's documents."""
    input:
        **ASKED_WITH,
        documents=results("documents/{dataset}.jsonl"),
    output:
        queries=results("queries/{dataset}/{scatteritem}.jsonl"),
        rejected=results("queries/{dataset}/{scatteritem}.rejected.jsonl"),
        stats=results("queries/{dataset}/{scatteritem}.stats.json"),
    log:
        log_of("generate_queries", "{dataset}", "{scatteritem}"),
    benchmark:
        benchmark_of("generate_queries", "{dataset}", "{scatteritem}")
    localrule: SERVED and QUERIES["openai"]["on_login_node"]
    conda:
        "../envs/llm.yaml" if QUERIES["backend"] != "local" else "../envs/m3.yaml"
    resources:
        mem_mb=growing(2000 if QUERIES["backend"] != "local" else 16000),
        runtime=growing(240),
    params:
        task=flags(**TASK, **KEPT),
        asking=flags(
            **how_asked(QUERIES["backend"], "queries", "cache/queries/journal.jsonl")
        ),
    message:
        "Making queries for {wildcards.dataset}, part {wildcards.scatteritem}"
    shell:
        "python {params.arkiv_scripts:q}/generate_queries.py"
        " --documents {input.documents:q} --part {wildcards.scatteritem} {params.task}"
        " {params.asking} --output {output.queries:q} --rejected {output.rejected:q}"
        " --stats {output.stats:q} &> {log:q}"


rule filter_queries:
    """Put a dataset's queries together; set aside repeats and those that lead astray."""
    input:
        queries=gather.queries(results("queries/{{dataset}}/{scatteritem}.jsonl")),
        stats=gather.queries(results("queries/{{dataset}}/{scatteritem}.stats.json")),
        documents=results("documents/{dataset}.jsonl"),
        model=model_of("embedder") if ROUND_TRIP["by"] else [],
    output:
        queries=results("queries/{dataset}.jsonl"),
        rejected=results("queries/{dataset}.rejected.jsonl"),
        stats=results("queries/{dataset}.stats.json"),
    log:
        log_of("filter_queries", "{dataset}"),
    benchmark:
        benchmark_of("filter_queries", "{dataset}")
    localrule: ROUND_TRIP["by"] is None
    conda:
        (
            "../envs/evaluate.yaml"
            if ROUND_TRIP["by"] in (None, "bm25")
            else (
                "../envs/m3.yaml"
                if ROUND_TRIP["by"] == "dense"
                else "../envs/serve.yaml"
            )
        )
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        model=lambda w, input: flags(model=input.get("model") or None),
        way=lambda w, output: flags(keep_weights=bool(DENSE) and weights_wanted("base")),
        options=flags(
            unite=ASKED,
            **(declared("queries", "round_trip") if ROUND_TRIP["by"] else {}),
            **DENSE,
        ),
    message:
        "Putting the queries of {wildcards.dataset} together"
    shell:
        "python {params.arkiv_scripts:q}/filter_queries.py --queries {input.queries:q}"
        " --part-stats {input.stats:q} --documents {input.documents:q} {params.model}"
        " {params.options} --output {output.queries:q} --rejected {output.rejected:q}"
        " --stats {output.stats:q} {params.way} &> {log:q}"
