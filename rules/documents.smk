rule make_archive:
    """Make an example archive of court minutes, page by page."""
    output:
        directory(results("archive/{dataset}")),
    log:
        log_of("make_archive", "{dataset}"),
    benchmark:
        benchmark_of("make_archive", "{dataset}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        options=lambda w: flags(**source(w.dataset), seed=config["seed"]),
    message:
        "Making the example archive {wildcards.dataset}"
    shell:
        "python scripts/make_archive.py {params.options} --output {output} &> {log}"


rule build_documents:
    """Join the lines of an archive's pages and cut them into documents."""
    input:
        pages=volumes_of,
        model=model_of("embedder"),
    output:
        documents=results("documents/{dataset}.jsonl"),
        rejected=results("documents/{dataset}.rejected.jsonl"),
        stats=results("documents/{dataset}.stats.json"),
    log:
        log_of("build_documents", "{dataset}"),
    benchmark:
        benchmark_of("build_documents", "{dataset}")
    conda:
        "../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        options=flags(
            method=config["documents"]["method"],
            length_shares=",".join(
                f"{low}-{high}:{share}"
                for low, high, share in config["documents"]["length_shares"]
            ),
            max_tokens=config["documents"]["max_tokens"],
            on_bad_input=config["documents"]["on_bad_input"],
            seed=config["seed"],
        ),
    message:
        "Cutting the pages of {wildcards.dataset} into documents"
    shell:
        "python scripts/build_documents.py --pages {input.pages} --tokenizer {input.model}"
        " {params.options} --output {output.documents} --rejected {output.rejected}"
        " --stats {output.stats} &> {log}"
