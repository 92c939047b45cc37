# Of an embedder that is the model of the run.
TRAINED_HERE = READING | {"trained_here": True}


rule encode_collection:
    """Encode the test collection with one M3 model, as its systems need it."""
    input:
        corpus=lambda w: results(f"{searched_in(w.searched)}collection/corpus.jsonl"),
        queries=queries_of,
        model=lambda w: given_model(model_under_test, w.model),
        # Respelled queries search in what is encoded already.
        encodings=lambda w: (
            []
            if w.searched == searched_in(w.searched)
            else results(f"encodings/{w.model}")
        ),
        runs=lambda w: list(runs_beside(w).values()),
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
        given=lambda w, input: flags(
            encodings=input.encodings or None,
            runs=named_words(runs_beside(w).items()) or None,
        ),
        options=lambda w: flags(
            sparse=weights_wanted(w.model),
            **late_interaction(w),
            cache=results("cache/embeddings"),
            **ENCODE_OPTIONS,
            **READING,
        ),
    message:
        "Encoding the test collection with the {wildcards.model} model"
    shell:
        "python {params.arkiv_scripts:q}/encode_collection.py --corpus {input.corpus:q}"
        " --queries {input.queries:q} --model {input.model:q} {params.given}"
        " {params.options} --output {output:q} &> {log:q}"


rule retrieve_m3:
    """Rank the corpus for every test query by one model and mode."""
    input:
        run_before,
        runs_below,
        unpack(files_of),
    output:
        results("{searched}runs/{system}.trec"),
    log:
        log_of("retrieve_m3", "{system}", under="{searched}"),
    benchmark:
        benchmark_of("retrieve_m3", "{system}", under="{searched}")
    wildcard_constraints:
        system=of_type("m3"),
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(16000),
        runtime=growing(240),
    params:
        type="m3",
        files=lambda w, input: flags(**dict(input.items())),
        options=lambda w: options_of(
            w,
            **weights_given(w),
            depth=EVALUATE["depth"],
        ),
    message:
        "Ranking by {wildcards.system}"
    shell:
        "python {params.arkiv_scripts:q}/retrieve.py {params.type} {params.files}"
        " {params.options} --output {output:q} &> {log:q}"


use rule retrieve_m3 as retrieve_bm25 with:
    """Rank the corpus for every test query by BM25."""
    log:
        log_of("retrieve_bm25", "{system}", under="{searched}"),
    benchmark:
        benchmark_of("retrieve_bm25", "{system}", under="{searched}")
    wildcard_constraints:
        system=of_type("bm25"),
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        type="bm25",
        options=lambda w: options_of(w, depth=EVALUATE["depth"]),


use rule retrieve_m3 as retrieve_embedder with:
    """Rank the corpus for every test query by any embedder's dense vectors."""
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
        type="embedder",
        options=lambda w: options_of(
            w,
            depth=EVALUATE["depth"],
            **ENCODE_OPTIONS,
            **(TRAINED_HERE if SYSTEMS[w.system].model_of_run else {}),
        ),


use rule retrieve_m3 as retrieve_fusion with:
    """Make one ranking of those of several systems."""
    log:
        log_of("retrieve_fusion", "{system}", under="{searched}"),
    benchmark:
        benchmark_of("retrieve_fusion", "{system}", under="{searched}")
    wildcard_constraints:
        system=of_type("fusion"),
    localrule: True
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        type="fusion",
        options=lambda w: options_of(w, depth=EVALUATE["depth"]),


use rule retrieve_m3 as retrieve_reranker with:
    """Put the first passages of a system into a reranker's order."""
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
        type="reranker",
        options=lambda w: options_of(w, depth=EVALUATE["rerank_depth"], **SCORE_OPTIONS),


use rule retrieve_embedder as search_gold with:
    """Search the collection with the embedder that the gold standard is made by."""
    input:
        corpus=results("collection/corpus.jsonl"),
        queries=results("collection/queries.jsonl"),
        model=lambda w: given_model(model_of_gold),
    output:
        results("gold/embedder.trec"),
    log:
        log_of("search_gold"),
    benchmark:
        benchmark_of("search_gold")
    params:
        type="embedder",
        options=flags(
            **system_of({"type": "embedder"} | GOLD["embedder"]).settings(),
            depth=GOLD["depth"],
            cache=results("cache/embeddings"),
            **ENCODE_OPTIONS,
        ),
    message:
        "Searching for the gold standard"
