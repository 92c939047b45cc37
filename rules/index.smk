from arkiv.index.schema import LAYOUT

INDEX = config["index"]
INDEX_PATH = results("index")
OF_TABLE = ENCODE_OPTIONS | READING | {"cache": results("cache/embeddings")}
INDEX_LINES = by_name("documents/{name}.lines.jsonl", WITH_PAGES)


rule index_passages:
    """Write one part of the rows of the index: those that are not in it yet."""
    input:
        corpus=results("collection/corpus.jsonl"),
        model=lambda w: given_model(model_under_test, INDEX["model"]),
        lines=INDEX_LINES.values(),
        # Then the cache has most of the encodings.
        before=(
            results(f"encodings/{INDEX['model']}")
            if INDEX["model"] in encodings_of(SYSTEMS)
            else []
        ),
    output:
        results("index/parts/{scatteritem}.json"),
    log:
        log_of("index_passages", "{scatteritem}"),
    benchmark:
        benchmark_of("index_passages", "{scatteritem}")
    conda:
        "../envs/index.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        # The table is no output: Snakemake deletes those before it makes them again.
        table=flags(index=INDEX_PATH),
        lines=flags(lines=named_words(INDEX_LINES.items()) or None),
        links=flags(
            image_link=config["serve"]["image_link"],
            manifest_link=INDEX["manifest_link"],
        ),
        options=flags(**declared("index", "vectors", "multi_vectors"), **OF_TABLE),
        # No flag: rows of another layout are made anew.
        layout=LAYOUT,
    message:
        "Writing rows of the index, part {wildcards.scatteritem}"
    shell:
        "python {params.arkiv_scripts:q}/index_passages.py --corpus {input.corpus:q}"
        " --part {wildcards.scatteritem} --model {input.model:q} {params.table}"
        " {params.lines} {params.links} {params.options} --output {output:q} &> {log:q}"


rule commit_index:
    """Join the parts of the index into a version of its table that readers take."""
    input:
        parts=gather.corpus(results("index/parts/{scatteritem}.json")),
        queries=results("collection/queries.jsonl"),
        model=lambda w: given_model(model_under_test, INDEX["model"]),
        weights=[
            results(f"weights/{name}.json")
            for name in LEARNING
            if SYSTEMS[name].model_of_run == INDEX["model"]
        ][:1],
    output:
        about=results("index/index.json"),
        expected=results("index/expected.jsonl"),
        readme=results("index/README.md"),
    log:
        log_of("commit_index"),
    benchmark:
        benchmark_of("commit_index")
    conda:
        "../envs/index.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        table=flags(
            index=INDEX_PATH,
            name=INDEX["model"],
            run_name=config["run"],
        ),
        weights=lambda w, input: flags(weights_of=input.weights or None),
        options=flags(
            **declared("index", "vectors", "multi_vectors", "language", "ann_from"),
            **FIXED_WEIGHTS,
            **OF_TABLE,
        ),
    message:
        "Joining the parts of the index"
    shell:
        "python {params.arkiv_scripts:q}/commit_index.py --parts {input.parts:q}"
        " --queries {input.queries:q} --model {input.model:q} {params.table}"
        " {params.weights} {params.options} --about {output.about:q}"
        " --expected {output.expected:q} --readme {output.readme:q} 2> {log:q}"
