# What each stage makes, by which targets ask for it and the report finds it.
from arkiv.gold.standard import POOLED, holds_rankings


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


def whole_and_in_parts(stage):
    """What a stage that starts from pages makes, sets aside and counts."""
    return [
        path
        for end in ("jsonl", "rejected.jsonl", "stats.json")
        for path in (
            *parts(stage, f"{stage}/{{dataset}}/{{scatteritem}}.{end}", WITH_PAGES),
            *files(f"{stage}/{{dataset}}.{end}", WITH_PAGES),
        )
    ]


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
            MINED if APPROXIMATE else [],
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

# What counts as relevant. A method adds here what build_gold makes the judgements from.
JUDGED_BY = {
    "known_item": {},
    # Each part is graded by the method's own rule; see `graded_by`.
    **dict.fromkeys(
        POOLED,
        {
            "pool": results("gold/pool.jsonl"),
            "grades": gather.pairs(results("gold/grades/{scatteritem}.jsonl")),
        },
    ),
    "embedder": {"run": results("gold/embedder.trec")},
    "file": {"file": GOLD["file"]},
}[GOLD["method"]]
# Of these, what is made here.
GOLD_FILES = [
    path
    for name, paths in JUDGED_BY.items()
    if name != "file"
    for path in ([paths] if isinstance(paths, str) else paths)
]
# Judgements that name queries by their texts; qrels name those of the collection.
BRINGS_QUERIES = [
    path for path in [JUDGED_BY.get("file")] if path and holds_rankings(path)
]
# Beside the grades and the judgements made of them.
JUDGE_FILES = [
    *(
        path
        for end in ("rejected.jsonl", "stats.json")
        for path in gather.pairs(results(f"gold/grades/{{scatteritem}}.{end}"))
        if GOLD["method"] == "llm_judge"
    ),
    *([results("gold/agreement.json")] if JUDGED else []),
]

# A target of mining, scoring or splitting stops before any training: at the first round.
STAGES = {
    "documents": [
        *files(
            "archive/{dataset}",
            [name for name in DATASETS if kind(name) == "example"],
        ),
        *whole_and_in_parts("documents"),
    ],
    "queries": [
        *whole_and_in_parts("queries"),
        *files(
            "pairs/{dataset}/{name}",
            name=[
                "train.jsonl",
                "dev.jsonl",
                "test.jsonl",
                "corpus.jsonl",
                "mining.jsonl",
                "pairs.rejected.jsonl",
                "stats.json",
            ],
        ),
    ],
    "mine": [
        *mined_in(ROUNDS[0]),
        *files("mining/{dataset}/bm25.npy", MINED if MINING["bm25_share"] else []),
    ],
    "score": scored_in(ROUNDS[0], SCORED),
    "split": split_in(ROUNDS[0], DATASETS),
    "train": [
        *expand(results("{training}model"), training=TRAININGS),
        *expand(results("{training}training/history.json"), training=TRAININGS),
        *(
            path
            for round in ROUNDS[1:]
            for path in (
                *mined_in(round),
                *scored_in(round, [name for name in SCORED if is_mined(name)]),
                *split_in(round, MINED),
            )
        ),
    ],
    "evaluate": [
        *map(results, ["collection/corpus.jsonl", "collection/queries.jsonl"]),
        *map(results, ["collection/qrels.txt", "collection/beir"]),
        *map(results, ["gold/known_item.txt", "gold/stats.json"]),
        results("gold/rejected.jsonl"),
        *GOLD_FILES,
        *JUDGE_FILES,
        *files("encodings/{model}", model=encodings_of(SYSTEMS)),
        *files("runs/{system}.trec", system=SYSTEMS),
        *map(results, ["metrics/metrics.json", "metrics/per_query.csv"]),
        *files("spelling/{name}", name=["queries.jsonl"] if RESPELLED else []),
        *files("spelling/encodings/{model}", model=encodings_of(RESPELLED)),
        *files("spelling/runs/{system}.trec", system=RESPELLED),
        *files("metrics/{name}", name=["spelling.json"] if RESPELLED else []),
    ],
    "export": [results("export")],
    "report": [*FIGURES.values(), REPORT_PAGE],
}
