from arkiv.retrieve.systems import reordering

EXPORT = config["export"]
# Datasets whose queries are made from the words of their passages.
EXTRACTIVE = WITH_PAGES if QUERIES["backend"] == "extractive" else []
# The stages before training whose settings the card shows, if any dataset went through
# them; none names a path.
SHOWN = {
    "documents": WITH_PAGES,
    "pairs": DATASETS,
    "mining": MINED,
    "teacher": DISTILL,
    "split": LEARNT,
}


rule export_model:
    """Export the tuned model with its model card, to be loaded or published."""
    input:
        model=tuned_model(),
        history=tuned("training/history.json"),
        began=results(f"{next(iter(TRAININGS))}training/history.json"),
        metrics=results("metrics/metrics.json"),
        general=results(f"{GENERAL}metrics/metrics.json") if FORGETTING else [],
        merge=results(f"{MERGED}merge.json") if MERGE["with"] else [],
        # Two systems of one model and mode learn the same.
        weights=[
            results(f"weights/{name}.json")
            for name in LEARNING
            if SYSTEMS[name].model_of_run == "tuned"
        ][:1],
        found=files("documents/{dataset}.volumes.json", WITH_PAGES),
        documents=files("documents/{dataset}.stats.json", WITH_PAGES),
        queries=files("queries/{dataset}.stats.json", WITH_PAGES),
        verdicts=files("verdicts/{dataset}.stats.json", VERDICTS),
        pairs=files("pairs/{dataset}/stats.json"),
        filtered=files(
            "pairs/{dataset}/filtered.stats.json",
            FILTERED,
        ),
        negatives=by_name(NEGATIVES, MINED, LAST).values(),
        shards=by_name(SHARDS, LEARNT, LAST).values(),
    output:
        directory(results("export")),
    log:
        log_of("export_model"),
    benchmark:
        benchmark_of("export_model")
    localrule: True
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        more=lambda w, input: flags(
            general=input.general or None,
            merge=input.merge or None,
            weights_of=input.weights or None,
        ),
        stages=flags(**COUNTS, kinds=[f"{name}={kind(name)}" for name in DATASETS]),
        models=flags(
            base=config["models"]["embedder"]["source"],
            base_revision=config["models"]["embedder"].get("revision"),
            teacher=config["models"]["reranker"]["source"] if DISTILL else None,
            teacher_revision=config["models"]["reranker"].get("revision"),
        ),
        options=flags(
            name=EXPORT["name"] or config["run"],
            language=EXPORT["language"] or None,
            license=EXPORT["license"],
            trainings=len(TRAININGS),
            extractive=EXTRACTIVE or None,
            **declared("mining", "query_max_length", "passage_max_length"),
            **FIXED_WEIGHTS,
        ),
        reordering=as_json(reordering(EVALUATE)),
        settings=as_json(
            {stage: IN_EFFECT[stage] for stage, used in SHOWN.items() if used}
        ),
    message:
        "Exporting the tuned model"
    shell:
        "python {params.arkiv_scripts:q}/export_model.py --model {input.model:q}"
        " --history {input.history:q} --began {input.began:q}"
        " --metrics {input.metrics:q} {params.more} {params.stages}"
        " {params.models} {params.options} --settings {params.settings}"
        " --reordering {params.reordering} --output {output:q} &> {log:q}"
