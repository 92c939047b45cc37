M3 = [system for system in SYSTEMS.values() if system["type"] == "m3"]
# Models of which token weights are asked too.
SPARSE = {system["model"] for system in M3 if system["mode"] in ("sparse", "combined")}


rule encode_collection:
    """Encode the test collection with one M3 model, as its systems need it."""
    input:
        # Respelled queries search in what is encoded already.
        corpus=lambda w: [] if w.searched else results("collection/corpus.jsonl"),
        queries=queries_of,
        model=lambda w: model_under_test(config, w.model),
    output:
        directory(results("{searched}encodings/{model}")),
    log:
        log_of("encode_collection", "{model}", under="{searched}"),
    benchmark:
        benchmark_of("encode_collection", "{model}", under="{searched}")
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(16000),
        runtime=growing(480),
    params:
        given=lambda w, input: flags(corpus=input.corpus or None),
        options=lambda w: flags(
            sparse=w.model in SPARSE,
            cache=results("cache/embeddings"),
            **ENCODE_OPTIONS,
        ),
    message:
        "Encoding the test collection with the {wildcards.model} model"
    shell:
        "python scripts/encode_collection.py --queries {input.queries}"
        " --model {input.model} {params.given}"
        " {params.options} --output {output} &> {log}"


rule retrieve_bm25:
    """Rank the corpus for every test query by BM25."""
    input:
        corpus=results("collection/corpus.jsonl"),
        queries=queries_of,
        model=lambda w: [] if counts_words(w.system) else model_of("embedder"),
    output:
        results("{searched}runs/{system}.trec"),
    log:
        log_of("retrieve_bm25", "{system}", under="{searched}"),
    benchmark:
        benchmark_of("retrieve_bm25", "{system}", under="{searched}")
    wildcard_constraints:
        system=of_type("bm25"),
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        given=lambda w, input: flags(tokenizer=input.model or None),
        options=lambda w: flags(
            words=counts_words(w.system),
            depth=EVALUATE["depth"],
            **settings_of(w.system, "stemming", "k1", "b"),
        ),
    message:
        "Ranking by {wildcards.system}"
    shell:
        "python scripts/retrieve_bm25.py --corpus {input.corpus} --queries {input.queries}"
        " {params.given} {params.options} --output {output} &> {log}"


rule retrieve_m3:
    """Rank the corpus for every test query by one model and mode."""
    input:
        corpus=results("collection/corpus.jsonl"),
        queries=queries_of,
        encodings=lambda w: results(f"encodings/{SYSTEMS[w.system]['model']}"),
        asked=lambda w: results(f"{w.searched}encodings/{SYSTEMS[w.system]['model']}"),
        model=lambda w: model_under_test(config, SYSTEMS[w.system]["model"]),
    output:
        results("{searched}runs/{system}.trec"),
    log:
        log_of("retrieve_m3", "{system}", under="{searched}"),
    benchmark:
        benchmark_of("retrieve_m3", "{system}", under="{searched}")
    wildcard_constraints:
        system=of_type("m3"),
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(16000),
        runtime=growing(480),
    params:
        mode=lambda w: SYSTEMS[w.system]["mode"],
        options=flags(
            weights=EVALUATE["weights"],
            depth=EVALUATE["depth"],
            rerank_depth=EVALUATE["rerank_depth"],
            **ENCODE_OPTIONS,
        ),
    message:
        "Ranking by {wildcards.system}"
    shell:
        "python scripts/retrieve_m3.py --corpus {input.corpus} --queries {input.queries}"
        " --encodings {input.encodings} --query-encodings {input.asked}"
        " --model {input.model} --mode {params.mode}"
        " {params.options} --output {output} &> {log}"


rule retrieve_embedder:
    """Rank the corpus for every test query by any embedder's dense vectors."""
    input:
        corpus=results("collection/corpus.jsonl"),
        queries=queries_of,
        before=run_before,
        model=lambda w: given_model(model_of_system, w.system),
    output:
        results("{searched}runs/{system}.trec"),
    log:
        log_of("retrieve_embedder", "{system}", under="{searched}"),
    benchmark:
        benchmark_of("retrieve_embedder", "{system}", under="{searched}")
    wildcard_constraints:
        system=of_type("embedder"),
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(16000),
        runtime=growing(480),
    params:
        options=lambda w: flags(
            **settings_of(w.system, *EMBEDDER_KEYS),
            depth=EVALUATE["depth"],
            cache=results("cache/embeddings"),
            **ENCODE_OPTIONS,
        ),
    message:
        "Ranking by {wildcards.system}"
    shell:
        "python scripts/retrieve_embedder.py --corpus {input.corpus}"
        " --queries {input.queries} --model {input.model} {params.options}"
        " --output {output} &> {log}"


rule retrieve_fusion:
    """Make one ranking of those of several systems."""
    input:
        runs_below,
    output:
        results("{searched}runs/{system}.trec"),
    log:
        log_of("retrieve_fusion", "{system}", under="{searched}"),
    benchmark:
        benchmark_of("retrieve_fusion", "{system}", under="{searched}")
    wildcard_constraints:
        system=of_type("fusion"),
    localrule: True
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        # In their order, which the weights go by and which inputs have not.
        options=lambda w: flags(
            runs=runs_below(w),
            **settings_of(w.system, "method", "weights", "k"),
            depth=EVALUATE["depth"],
        ),
    message:
        "Ranking by {wildcards.system}"
    shell:
        "python scripts/retrieve_fusion.py {params.options} --output {output} &> {log}"


rule retrieve_reranker:
    """Put the first passages of a system into a reranker's order."""
    input:
        corpus=results("collection/corpus.jsonl"),
        queries=queries_of,
        before=run_before,
        run=runs_below,
        model=lambda w: given_model(model_of_system, w.system),
    output:
        results("{searched}runs/{system}.trec"),
    log:
        log_of("retrieve_reranker", "{system}", under="{searched}"),
    benchmark:
        benchmark_of("retrieve_reranker", "{system}", under="{searched}")
    wildcard_constraints:
        system=of_type("reranker"),
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        options=lambda w: flags(
            rerank_depth=SYSTEMS[w.system].get("depth", EVALUATE["rerank_depth"]),
            **SCORE_OPTIONS,
        ),
    message:
        "Ranking by {wildcards.system}"
    shell:
        "python scripts/retrieve_reranker.py --corpus {input.corpus}"
        " --queries {input.queries} --run {input.run} --model {input.model}"
        " {params.options} --output {output} &> {log}"
