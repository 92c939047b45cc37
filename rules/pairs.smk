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
    localrule: True
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
