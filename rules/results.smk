# What each stage makes, by which targets ask for it and the report finds it.
from arkiv.gold.standard import POOLED, holds_rankings


def files(pattern, datasets=DATASETS, **wildcards):
    """The paths of a pattern below the run's directory."""
    return expand(results(pattern), dataset=datasets, **wildcards)


def parts(stage, pattern, datasets, **wildcards):
    """The paths of a pattern with one file per dataset and part."""
    return getattr(gather, stage)(results(pattern), dataset=datasets, **wildcards)


def up_to(stage):
    """The results of a stage and of those before it."""
    names = list(STAGES)
    return [path for name in names[: names.index(stage) + 1] for path in STAGES[name]]


def whole_and_in_parts(stage):
    """What a stage that starts from pages makes, sets aside and counts."""
    ends = ["jsonl", "rejected.jsonl", "stats.json"]
    in_parts = f"{stage}/{{dataset}}/{{scatteritem}}.{{end}}"
    return [
        *parts(stage, in_parts, WITH_PAGES, end=ends),
        *files(f"{stage}/{{dataset}}.{{end}}", WITH_PAGES, end=ends),
    ]


def mined_in(round):
    """What a round finds and picks, all datasets together."""
    where = f"{round}mining/{{dataset}}"
    found = ["embeddings/{scatteritem}.npy", "neighbours/{scatteritem}.npy"]
    if APPROXIMATE:
        found.append("neighbours/{scatteritem}.recall.json")
    return [
        *files(f"{where}/queries.npy", MINED),
        *(path for name in found for path in parts("corpus", f"{where}/{name}", MINED)),
        *files(f"{round}negatives/{{dataset}}.jsonl", MINED),
        *files(f"{round}negatives/{{dataset}}.stats.json", MINED),
    ]


def scored_in(round, datasets):
    """The teacher's scores of a round."""
    return parts("pairs", f"{round}scores/{{dataset}}/{{scatteritem}}.jsonl", datasets)


def split_in(round, datasets):
    """The shards of a round."""
    where = f"{round}shards/{{dataset}}"
    return [
        *files(f"{where}_len-{{length}}.jsonl", datasets, length=LENGTHS),
        *files(f"{where}.split.json", datasets),
        *files(f"{where}.rejected.jsonl", datasets),
    ]


# What the report shows or names, beside its tables.
FIGURES = {
    name: results(f"figures/{name}")
    for name in (
        "lengths.svg",
        *expand("{round}negatives.{end}", round=AUDITED, end=["html", "svg", "json"]),
        *expand("{training}training.svg", training=TRAININGS),
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
    "file": {"file": as_named(GOLD["file"] or [])},
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
# Such queries may be made from no passage, and have the volumes of what is relevant.
JUDGED_CORPUS = [results("collection/corpus.jsonl")] if BRINGS_QUERIES else []
# Beside the grades and the judgements made of them.
JUDGE_FILES = [results("gold/agreement.json")] if JUDGED else []
if GOLD["method"] == "llm_judge":
    aside = results("gold/grades/{scatteritem}.{end}")
    JUDGE_FILES += gather.pairs(aside, end=["rejected.jsonl", "stats.json"])

# What each stage counted of each dataset, as the model's card and the report take it.
COUNTS = {
    "found": named("documents/{name}.volumes.json", WITH_PAGES) or None,
    "documents": named("documents/{name}.stats.json", WITH_PAGES) or None,
    "queries": named("queries/{name}.stats.json", WITH_PAGES) or None,
    "pairs": named("pairs/{name}/stats.json", DATASETS),
    "negatives": named(NEGATIVES, MINED, LAST) or None,
    "shards": named(SHARDS, DATASETS, LAST),
}

# Of later rounds: negatives that are given keep their scores.
SCORED_AGAIN = [name for name in SCORED if is_mined(name)]
# A target of mining, scoring or splitting stops before any training: at the first round.
STAGES = {
    "documents": [
        *files(
            "archive/{dataset}", [one for one in DATASETS if kind(one) == "example"]
        ),
        *files("documents/{dataset}.volumes.{end}", WITH_PAGES, end=["jsonl", "json"]),
        *whole_and_in_parts("documents"),
    ],
    "queries": [
        *whole_and_in_parts("queries"),
        *files("pairs/{dataset}/{side}.jsonl", side=["train", "dev", "test"]),
        *files("pairs/{dataset}/{corpus}.jsonl", corpus=["corpus", "mining"]),
        *files("pairs/{dataset}/pairs.rejected.jsonl"),
        *files("pairs/{dataset}/stats.json"),
    ],
    "mine": [
        *mined_in(ROUNDS[0]),
        *files("mining/{dataset}/bm25.npy", MINED if MINING["bm25_share"] else []),
    ],
    "score": scored_in(ROUNDS[0], SCORED),
    "split": split_in(ROUNDS[0], DATASETS),
    "train": [
        *files("{training}model", training=TRAININGS),
        *files("{training}training/history.json", training=TRAININGS),
        *(path for round in ROUNDS[1:] for path in mined_in(round)),
        *(path for round in ROUNDS[1:] for path in scored_in(round, SCORED_AGAIN)),
        *(path for round in ROUNDS[1:] for path in split_in(round, MINED)),
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
