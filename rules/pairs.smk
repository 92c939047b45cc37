rule split_pairs:
    """Divide a dataset's pairs into train, dev and test without leakage."""
    input:
        pairs=lambda w: raw_pairs(w.dataset),
        documents=documents_of,
        pool=pool_of,
        held_out=held_out_of,
    output:
        train=results("pairs/{dataset}/train.jsonl"),
        dev=results("pairs/{dataset}/dev.jsonl"),
        test=results("pairs/{dataset}/test.jsonl"),
        corpus=results("pairs/{dataset}/corpus.jsonl"),
        mining=results("pairs/{dataset}/mining.jsonl"),
        rejected=results("pairs/{dataset}/pairs.rejected.jsonl"),
        stats=results("pairs/{dataset}/stats.json"),
    log:
        log_of("split_pairs", "{dataset}"),
    benchmark:
        benchmark_of("split_pairs", "{dataset}")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        beside=lambda w, input: flags(
            **{
                key: input.get(key) or None
                for key in ("documents", "pool", "held_out")
            }
        ),
        brings=lambda w: flags(**brought_by(w.dataset)),
        options=flags(
            shares=[
                config["pairs"]["shares"][side] for side in ("train", "dev", "test")
            ],
            **declared(
                "pairs",
                "group_by",
                "block_pages",
                "on_bad_input",
                "test_years",
                "dev_years",
            ),
            seed=config["seed"],
        ),
    message:
        "Dividing the pairs of {wildcards.dataset}"
    shell:
        "python {params.arkiv_scripts:q}/split_pairs.py --input {input.pairs:q}"
        " {params.beside} {params.brings} {params.options} --train {output.train:q}"
        " --dev {output.dev:q} --test {output.test:q} --corpus {output.corpus:q}"
        " --mining {output.mining:q} --rejected {output.rejected:q}"
        " --stats {output.stats:q} &> {log:q}"


rule pair_verdicts:
    """Make pairs of people's verdicts on the passages that another run has found."""
    input:
        unpack(held_out_elsewhere),
        judgements=lambda w: as_named(source(w.dataset)),
        corpus=lambda w: as_named(judged_collection(source(w.dataset))[0]),
        queries=lambda w: as_named(judged_collection(source(w.dataset))[1]),
    output:
        pairs=results("verdicts/{dataset}.jsonl"),
        rejected=results("verdicts/{dataset}.rejected.jsonl"),
        stats=results("verdicts/{dataset}.stats.json"),
    log:
        log_of("pair_verdicts", "{dataset}"),
    benchmark:
        benchmark_of("pair_verdicts", "{dataset}")
    localrule: True
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        beside=lambda w, input: flags(
            **{key: input.get(key) or None for key in ("corpora", "held_out", "asked")}
        ),
        options=lambda w: flags(
            role=DATASETS[w.dataset].get("role"),
            **declared(
                "pairs",
                *(
                    "group_by",
                    "block_pages",
                    "test_years",
                    "dev_years",
                    "on_bad_input",
                ),
            ),
        ),
    message:
        "Making pairs of the verdicts of {wildcards.dataset}"
    shell:
        "python {params.arkiv_scripts:q}/pair_verdicts.py"
        " --judgements {input.judgements:q} --corpus {input.corpus:q}"
        " --queries {input.queries:q} {params.beside} {params.options}"
        " --output {output.pairs:q} --rejected {output.rejected:q}"
        " --stats {output.stats:q} &> {log:q}"


rule filter_pairs:
    """Set aside the train pairs of a dataset whose passage a search does not find."""
    input:
        pairs=results("pairs/{dataset}/train.jsonl"),
        corpus=results("pairs/{dataset}/mining.jsonl"),
        model=model_of("embedder"),
    output:
        pairs=results("pairs/{dataset}/filtered.jsonl"),
        rejected=results("pairs/{dataset}/filtered.rejected.jsonl"),
        stats=results("pairs/{dataset}/filtered.stats.json"),
    log:
        log_of("filter_pairs", "{dataset}"),
    benchmark:
        benchmark_of("filter_pairs", "{dataset}")
    conda:
        (
            "../envs/evaluate.yaml"
            if ROUND_TRIP_OF_PAIRS == "bm25"
            else (
                "../envs/m3.yaml"
                if ROUND_TRIP_OF_PAIRS == "dense"
                else "../envs/serve.yaml"
            )
        )
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        way=lambda w, output: flags(
            keep_weights=ROUND_TRIP_OF_PAIRS != "bm25" and weights_wanted("base")
        ),
        options=flags(
            **declared("pairs", "round_trip"),
            **embeds_as_mining(ROUND_TRIP_OF_PAIRS),
        ),
    message:
        "Seeing whether train queries of {wildcards.dataset} find their passages"
    shell:
        "python {params.arkiv_scripts:q}/filter_pairs.py --pairs {input.pairs:q}"
        " --corpus {input.corpus:q} --model {input.model:q} {params.options}"
        " --output {output.pairs:q} --rejected {output.rejected:q}"
        " --stats {output.stats:q} {params.way} &> {log:q}"
