from arkiv.mining.settings import PICKING, search_depth

NEIGHBOURS = results("{round}mining/{dataset}/neighbours/{scatteritem}.npy")
RECALL = NEIGHBOURS.replace(".npy", ".recall.json") if APPROXIMATE else []


rule embed_corpus:
    """Embed one part of the passages that negatives are drawn from."""
    input:
        corpus=results("pairs/{dataset}/mining.jsonl"),
        model=mines_with,
        # Whose vectors are then in the cache.
        before=lambda w: [
            path
            for name in (DIVIDED if w.dataset in FOLLOWING else [])
            if is_mined(name)
            for path in embedded(name, w.round)["corpus"]
        ],
    output:
        results("{round}mining/{dataset}/embeddings/{scatteritem}.npy"),
    log:
        log_of("embed_corpus", "{dataset}", "{scatteritem}", under="{round}"),
    benchmark:
        benchmark_of("embed_corpus", "{dataset}", "{scatteritem}", under="{round}")
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        way=lambda w, output: flags(keep_weights=weights_wanted(miner_of(w))),
        options=flags(
            **CUT_PASSAGES,
            batch_tokens=MINING["batch_tokens"],
            cache=results("cache/embeddings"),
            **RUN_OPTIONS,
            **READING,
        ),
    message:
        "Embedding passages of {wildcards.dataset}, part {wildcards.scatteritem}"
    shell:
        "python {params.arkiv_scripts:q}/embed_corpus.py --corpus {input.corpus:q}"
        " --part {wildcards.scatteritem} --model {input.model:q} {params.options}"
        " --output {output:q} {params.way} &> {log:q}"


rule embed_queries:
    """Embed the train queries of a dataset."""
    input:
        pairs=lambda w: train_pairs(w.dataset),
        model=mines_with,
    output:
        results("{round}mining/{dataset}/queries.npy"),
    log:
        log_of("embed_queries", "{dataset}", under="{round}"),
    benchmark:
        benchmark_of("embed_queries", "{dataset}", under="{round}")
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        options=flags(
            max_length=CUT_QUERIES["query_max_length"],
            batch_tokens=MINING["batch_tokens"],
            cache=results("cache/embeddings"),
            **RUN_OPTIONS,
            **READING,
        ),
    message:
        "Embedding the train queries of {wildcards.dataset}"
    shell:
        "python {params.arkiv_scripts:q}/embed_queries.py --pairs {input.pairs:q}"
        " --model {input.model:q} {params.options} --output {output:q} &> {log:q}"


rule search_corpus:
    """Find the nearest passages of every train query in one part of the corpus."""
    input:
        queries=results("{round}mining/{dataset}/queries.npy"),
        embeddings=results("{round}mining/{dataset}/embeddings/{scatteritem}.npy"),
        corpus=results("pairs/{dataset}/mining.jsonl"),
    output:
        recall=RECALL,
        neighbours=NEIGHBOURS,
    log:
        log_of("search_corpus", "{dataset}", "{scatteritem}", under="{round}"),
    benchmark:
        benchmark_of("search_corpus", "{dataset}", "{scatteritem}", under="{round}")
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        recall=lambda w, output: flags(recall=output.recall or None),
        # Moves no result, so that a change runs nothing again.
        way=lambda w, output: flags(**declared("mining", "search")),
        options=flags(
            depth=search_depth(MINING),
            **declared("mining", "index", "probes"),
            seed=config["seed"],
        ),
    message:
        "Searching {wildcards.dataset}, part {wildcards.scatteritem}"
    shell:
        "python {params.arkiv_scripts:q}/search_corpus.py --queries {input.queries:q}"
        " --embeddings {input.embeddings:q} --corpus {input.corpus:q}"
        " --part {wildcards.scatteritem} {params.options}"
        " --output {output.neighbours:q} {params.way} {params.recall} &> {log:q}"


rule search_bm25:
    """Find the first passages of every train query by BM25."""
    input:
        pairs=lambda w: train_pairs(w.dataset),
        corpus=results("pairs/{dataset}/mining.jsonl"),
        model=model_of("embedder"),
    output:
        results("mining/{dataset}/bm25.npy"),
    log:
        log_of("search_bm25", "{dataset}"),
    benchmark:
        benchmark_of("search_bm25", "{dataset}")
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        options=flags(depth=search_depth(MINING)),
    message:
        "Searching {wildcards.dataset} by BM25"
    shell:
        "python {params.arkiv_scripts:q}/search_bm25.py --pairs {input.pairs:q}"
        " --corpus {input.corpus:q} --tokenizer {input.model:q} {params.options}"
        " --output {output:q} &> {log:q}"


rule pick_negatives:
    """Merge what the miners found and pick each query's hard negatives."""
    input:
        pairs=lambda w: train_pairs(w.dataset),
        corpus=results("pairs/{dataset}/mining.jsonl"),
        queries=results("{round}mining/{dataset}/queries.npy"),
        embeddings=gather.corpus(
            results("{{round}}mining/{{dataset}}/embeddings/{scatteritem}.npy")
        ),
        neighbours=gather.corpus(NEIGHBOURS, allow_missing=True),
        bm25=results("mining/{dataset}/bm25.npy") if MINING["bm25_share"] else [],
        recall=gather.corpus(RECALL, allow_missing=True),
    output:
        negatives=results("{round}negatives/{dataset}.jsonl"),
        stats=results("{round}negatives/{dataset}.stats.json"),
    log:
        log_of("pick_negatives", "{dataset}", under="{round}"),
    benchmark:
        benchmark_of("pick_negatives", "{dataset}", under="{round}")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        optional=lambda w, input: flags(
            **{key: input.get(key) or None for key in ("bm25", "recall")},
            keep_given=w.dataset in VERDICTS,
        ),
        options=flags(
            **declared("mining", *PICKING),
            block_pages=config["pairs"]["block_pages"],
            seed=config["seed"],
        ),
    message:
        "Picking the hard negatives of {wildcards.dataset}"
    shell:
        "python {params.arkiv_scripts:q}/pick_negatives.py --pairs {input.pairs:q}"
        " --corpus {input.corpus:q} --queries {input.queries:q}"
        " --embeddings {input.embeddings:q} --neighbours {input.neighbours:q}"
        " {params.optional} {params.options} --output {output.negatives:q}"
        " --stats {output.stats:q} &> {log:q}"


rule embed_given:
    """Embed queries and passages of pairs whose negatives are given, to judge them."""
    input:
        pairs=lambda w: train_pairs(w.dataset),
        corpus=results("pairs/{dataset}/mining.jsonl"),
        model=model_of("embedder"),
    output:
        queries=results("given/{dataset}/queries.npy"),
        corpus=results("given/{dataset}/corpus.npy"),
    log:
        log_of("embed_given", "{dataset}"),
    benchmark:
        benchmark_of("embed_given", "{dataset}")
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        way=lambda w, output: flags(keep_weights=weights_wanted("base")),
        options=flags(**embeds_as_mining("dense")),
    message:
        "Embedding {wildcards.dataset}, to judge its pairs"
    shell:
        "python {params.arkiv_scripts:q}/embed_given.py --pairs {input.pairs:q}"
        " --corpus {input.corpus:q} --model {input.model:q} {params.options}"
        " --queries {output.queries:q} --output {output.corpus:q} {params.way}"
        " &> {log:q}"


rule judge_pairs:
    """Count how many train queries of a dataset lead back to their passage."""
    input:
        pairs=lambda w: train_pairs(w.dataset),
        corpus=results("pairs/{dataset}/mining.jsonl"),
        queries=lambda w: embedded(w.dataset)["queries"],
        embeddings=lambda w: embedded(w.dataset)["corpus"],
        model=model_of("embedder"),
    output:
        results("pairs/{dataset}/judged.json"),
    log:
        log_of("judge_pairs", "{dataset}"),
    benchmark:
        benchmark_of("judge_pairs", "{dataset}")
    conda:
        "../envs/evaluate.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        options=lambda w: flags(
            given=brought_by(w.dataset)["negatives"],
            seed=config["seed"],
        ),
    message:
        "Judging the pairs of {wildcards.dataset}"
    shell:
        "python {params.arkiv_scripts:q}/judge_pairs.py --pairs {input.pairs:q}"
        " --corpus {input.corpus:q} --queries {input.queries:q}"
        " --embeddings {input.embeddings:q} --tokenizer {input.model:q}"
        " {params.options} --output {output:q} &> {log:q}"
