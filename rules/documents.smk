from arkiv.documents.settings import shares_in_words

DOCUMENTS = config["documents"]
# What is decided before the documents of all volumes are together. Two have a form of
# their own, and stand last as ever: another order of the words would run all again.
OF_BLOCKS = declared("documents")
del OF_BLOCKS["duplicate_jaccard"], OF_BLOCKS["length_shares"], OF_BLOCKS["hyphens"]
OF_BLOCKS |= {
    "length_shares": shares_in_words(DOCUMENTS["length_shares"]),
    "hyphens": "".join(DOCUMENTS["hyphens"]),
}


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
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        options=lambda w: flags(**source(w.dataset), seed=config["seed"]),
    message:
        "Making the example archive {wildcards.dataset}"
    shell:
        "python {params.arkiv_scripts:q}/make_archive.py {params.options}"
        " --output {output:q} &> {log:q}"


rule find_volumes:
    """Find the volumes of an archive and the pages of each, in order."""
    input:
        pages=volumes_of,
        table=volumes_table_of,
    output:
        volumes=results("documents/{dataset}.volumes.jsonl"),
        stats=results("documents/{dataset}.volumes.json"),
    log:
        log_of("find_volumes", "{dataset}"),
    benchmark:
        benchmark_of("find_volumes", "{dataset}")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        table=lambda w, input: flags(table=input.get("table") or None),
        options=lambda w: flags(
            **found_by(w.dataset), **declared("documents", "encoding")
        ),
        state=lambda w: state_of(w.dataset),
    message:
        "Finding the volumes of {wildcards.dataset}"
    shell:
        "python {params.arkiv_scripts:q}/find_volumes.py --pages {input.pages:q}"
        " {params.table} {params.options} --volumes {output.volumes:q}"
        " --stats {output.stats:q} &> {log:q}"


rule build_documents:
    """Join the lines of a block of volumes and cut them into documents."""
    input:
        pages=volumes_of,
        volumes=results("documents/{dataset}.volumes.jsonl"),
        model=model_of("embedder"),
    output:
        documents=results("documents/{dataset}/{scatteritem}.jsonl"),
        rejected=results("documents/{dataset}/{scatteritem}.rejected.jsonl"),
        stats=results("documents/{dataset}/{scatteritem}.stats.json"),
        lines=results("documents/{dataset}/{scatteritem}.lines.jsonl"),
    log:
        log_of("build_documents", "{dataset}", "{scatteritem}"),
    benchmark:
        benchmark_of("build_documents", "{dataset}", "{scatteritem}")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        # A function, for braces in an expression are no wildcards.
        options=lambda w: flags(**OF_BLOCKS, seed=config["seed"]),
        # A page may be another one though its volume has the same files.
        state=lambda w: state_of(w.dataset),
    message:
        "Cutting pages of {wildcards.dataset} into documents, part {wildcards.scatteritem}"
    shell:
        "python {params.arkiv_scripts:q}/build_documents.py --pages {input.pages:q}"
        " --volumes {input.volumes:q} --tokenizer {input.model:q}"
        " --part {wildcards.scatteritem} {params.options} --output {output.documents:q}"
        " --rejected {output.rejected:q} --stats {output.stats:q}"
        " --lines {output.lines:q} &> {log:q}"


rule merge_documents:
    """Put the documents of all blocks together and set repeated ones aside."""
    input:
        documents=gather.documents(results("documents/{{dataset}}/{scatteritem}.jsonl")),
        rejected=gather.documents(
            results("documents/{{dataset}}/{scatteritem}.rejected.jsonl")
        ),
        stats=gather.documents(
            results("documents/{{dataset}}/{scatteritem}.stats.json")
        ),
        lines=gather.documents(
            results("documents/{{dataset}}/{scatteritem}.lines.jsonl")
        ),
    output:
        documents=results("documents/{dataset}.jsonl"),
        rejected=results("documents/{dataset}.rejected.jsonl"),
        stats=results("documents/{dataset}.stats.json"),
        lines=results("documents/{dataset}.lines.jsonl"),
    log:
        log_of("merge_documents", "{dataset}"),
    benchmark:
        benchmark_of("merge_documents", "{dataset}")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        options=flags(**declared("documents", "duplicate_jaccard")),
    message:
        "Putting the documents of {wildcards.dataset} together"
    shell:
        "python {params.arkiv_scripts:q}/merge_documents.py"
        " --documents {input.documents:q} --rejected-by-blocks {input.rejected:q}"
        " --stats-of-blocks {input.stats:q} --lines-of-blocks {input.lines:q}"
        " {params.options} --output {output.documents:q} --rejected {output.rejected:q}"
        " --stats {output.stats:q} --lines {output.lines:q} &> {log:q}"
