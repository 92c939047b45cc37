# What each stage makes, by which targets ask for it and the report finds it.


def files(pattern, datasets=DATASETS, **wildcards):
    """The paths of a pattern below the run's directory."""
    return expand(results(pattern), dataset=datasets, **wildcards)


def parts(stage, pattern, datasets):
    """The paths of a pattern with one file per dataset and part."""
    gathered = getattr(gather, stage)
    return [
        path
        for dataset in datasets
        for path in gathered(results(pattern), dataset=dataset)
    ]


def up_to(stage):
    """The results of a stage and of those before it."""
    names = list(STAGES)
    return [path for name in names[: names.index(stage) + 1] for path in STAGES[name]]


def mined_in(round):
    """What a round finds and picks, all datasets together."""
    return [
        *files(f"{round}mining/{{dataset}}/queries.npy", MINED),
        *parts(
            "corpus", f"{round}mining/{{dataset}}/embeddings/{{scatteritem}}.npy", MINED
        ),
        *parts(
            "corpus", f"{round}mining/{{dataset}}/neighbours/{{scatteritem}}.npy", MINED
        ),
        *parts(
            "corpus",
            f"{round}mining/{{dataset}}/neighbours/{{scatteritem}}.recall.json",
            MINED if RECALL else [],
        ),
        *files(
            f"{round}negatives/{{dataset}}.{{end}}", MINED, end=["jsonl", "stats.json"]
        ),
    ]


def scored_in(round, datasets):
    """The teacher's scores of a round."""
    return parts("pairs", f"{round}scores/{{dataset}}/{{scatteritem}}.jsonl", datasets)


def split_in(round, datasets):
    """The shards of a round."""
    return [
        *files(
            f"{round}shards/{{dataset}}_len-{{length}}.jsonl", datasets, length=LENGTHS
        ),
        *files(
            f"{round}shards/{{dataset}}.{{end}}",
            datasets,
            end=["split.json", "rejected.jsonl"],
        ),
    ]


# What the report shows or names, beside its tables.
FIGURES = {
    name: results(f"figures/{name}")
    for name in (
        "lengths.svg",
        *(
            f"{round}negatives.{end}"
            for round in AUDITED
            for end in ("html", "svg", "json")
        ),
        *(f"{training}training.svg" for training in TRAININGS),
        "metrics.svg",
        "differences.svg",
    )
}
REPORT_PAGE = results("report.html")
