# What each stage makes, by which targets ask for it and the report finds it.

from arkiv.evaluate.settings import COMPARISONS, PASSAGE, compared
from arkiv.gold.standard import POOLED, holds_rankings
from arkiv.retrieve.forms import compressible

# Whether train pairs whose passage no search finds are set aside.
ROUND_TRIP_OF_PAIRS = config["pairs"]["round_trip"]["by"]
# Of these datasets: what people call relevant no search has a say in.
FILTERED = [name for name in LEARNT if ROUND_TRIP_OF_PAIRS and name not in VERDICTS]


def train_pairs(dataset):
    """The pairs of a dataset on the side of train, those that are learnt from."""
    kept = "filtered" if dataset in FILTERED else "train"
    return results(f"pairs/{dataset}/{kept}.jsonl")


def embeds_as_mining(by):
    """What a round trip by a search is told to embed as mining does.

    So the vectors are taken from the cache, and the other way round.
    """
    if by in (None, "bm25"):
        return {}
    return {
        **CUT_QUERIES,
        **CUT_PASSAGES,
        "batch_tokens": MINING["batch_tokens"],
        "cache": results("cache/embeddings"),
        **RUN_OPTIONS,
        **READING,
    }


def embedded(dataset, round=""):
    """The embeddings of a dataset's train queries and of the passages beside them.

    Where no negatives are mined, nothing is embedded but to judge the pairs.
    """
    where = f"{round}{'mining' if is_mined(dataset) else 'given'}/{dataset}"
    parts = [results(f"{where}/corpus.npy")]
    if is_mined(dataset):
        parts = gather.corpus(results(f"{where}/embeddings/{{scatteritem}}.npy"))
    return {"queries": results(f"{where}/queries.npy"), "corpus": parts}


def files(pattern, datasets=DATASETS, **wildcards):
    """The paths of a pattern below the run's directory."""
    return expand(results(pattern), dataset=datasets, **wildcards)


def parts(stage, pattern, datasets, **wildcards):
    """The paths of a pattern with one file per dataset and part."""
    return getattr(gather, stage)(results(pattern), dataset=datasets, **wildcards)


def up_to(stage):
    """The results of a stage and of those before it that it needs."""
    names = list(STAGES)
    needed = names[: names.index(stage) + 1]
    if stage in ("evaluate", "report") and not is_trained(""):
        needed = [name for name in needed if name not in TRAINING]
    return [path for name in needed for path in STAGES[name]]


def systems_in(measured):
    """The systems that are measured there."""
    return list(MEASURED[measured]["evaluate"]["systems"])


def learning_in(measured):
    """Of these those that learn their weights."""
    return [name for name in systems_in(measured) if name in LEARNING]


def is_trained(measured):
    """Whether some system that is measured there needs training."""
    return bool(needing_training(MEASURED[measured]["evaluate"]["systems"]))


def pooled_in(measured):
    """The systems whose passages are pooled for what is measured there."""
    return MEASURED[measured]["gold"]["systems"] or systems_in(measured)


def judged_in(measured):
    """Where its judgements lie: all share them unless they are of another pool."""
    pooled = GOLD["method"] in POOLED
    other = pooled and set(pooled_in(measured)) != set(pooled_in(""))
    return measured if other else ""


def qrels_of(wildcards):
    """The judgements that systems are measured by."""
    return results(f"{judged_in(wildcards.measured)}collection/qrels.txt")


def respelled_in(measured):
    """The systems that are measured there in other spellings too.

    The queries are drawn from those that the judgements of the whole run know.
    """
    spelling = MEASURED[measured]["evaluate"]["spelling"]
    asked = spelling["queries"] and not judged_in(measured)
    return list(spelling["systems"]) if asked else []


def compressed_in(measured):
    """The systems there whose vectors are measured in smaller forms too, and models."""
    if not MEASURED[measured]["evaluate"]["compress"]:
        return {}
    return compressible({name: SYSTEMS[name] for name in systems_in(measured)})


def comparisons_in(measured):
    """SYSTEM=BASE words of what is compared, by family; None: there is nothing."""
    evaluate = MEASURED[measured]["evaluate"]
    return {
        key: [f"{system}={base}" for system, base in compared(evaluate[key])] or None
        for key in COMPARISONS
    }


def judgements_of(measured):
    """The judgements by which systems are measured, and what they are made from."""
    where = judged_in(measured)
    made = ["collection/qrels.txt", "gold/stats.json", "gold/rejected.jsonl"]
    return [results(f"{where}{path}") for path in [*made, *GOLD_FILES, *JUDGE_FILES]]


def measured_in(measured):
    """What comes of measuring the systems there."""
    systems, respelled = systems_in(measured), respelled_in(measured)
    searched = with_those_below(SYSTEMS, respelled)
    return [
        *map(results, ["collection/corpus.jsonl", "collection/queries.jsonl"]),
        results("gold/known_item.txt"),
        *judgements_of(measured),
        *files("encodings/{model}", model=encoded_for(systems)),
        *files("runs/{system}.trec", system=systems),
        *learnt_for(measured),
        *files(f"{measured}metrics/{{name}}", name=["metrics.json", "per_query.csv"]),
        *files("spelling/{name}", name=["queries.jsonl"] if respelled else []),
        *files("spelling/encodings/{model}", model=encoded_for(searched)),
        *files("spelling/runs/{system}.trec", system=searched),
        *files(f"{measured}metrics/{{name}}", name=["spelling.json"] * bool(respelled)),
        *files(
            f"{measured}metrics/{{name}}",
            name=["compressed.json"] * bool(compressed_in(measured)),
        ),
    ]


def learnt_for(measured):
    """What comes of learning weights there on dev queries."""
    names = learning_in(measured)
    if not names:
        return []
    asked = with_those_below(SYSTEMS, names)
    below = {one for name in asked for one in SYSTEMS[name].builds_on}
    return [
        *files(f"{DEV}collection/{{name}}", name=["queries.jsonl", "known_item.txt"]),
        *files(f"{DEV}encodings/{{model}}", model=encoded_for(asked)),
        *files(f"{DEV}runs/{{system}}.trec", system=below),
        *files("weights/{system}.json", system=names),
    ]


def forgotten():
    """What comes of searching the general set; nothing where none is given."""
    if not FORGETTING:
        return []
    made = ["corpus.jsonl", "queries.jsonl", "qrels.txt"]
    return [
        *files(f"{GENERAL}collection/{{name}}", name=made),
        *files(f"{GENERAL}encodings/{{model}}", model=encoded_for(SEARCHING_GENERAL)),
        *files(f"{GENERAL}runs/{{system}}.trec", system=SEARCHING_GENERAL),
        *files(f"{GENERAL}metrics/{{name}}", name=["metrics.json", "per_query.csv"]),
    ]


def before_training():
    """The results of the target baseline."""
    where = "baseline/"
    if not systems_in(where):
        raise WorkflowError(
            "configuration: `evaluate.systems`: has no system that needs no training, "
            "which a baseline measures; add one, such as {type: bm25}"
        )
    page = results(f"{where}report.html")
    return [*up_to("queries"), *measured_in(where), *figures_in(where), page]


def figures_in(measured):
    """The figures of a report."""
    if is_trained(measured):
        return list(FIGURES.values())
    return files(f"{measured}figures/{{name}}", name=["metrics.svg", "differences.svg"])


def shown_in(measured):
    """The systems side by side: those of the report, and the first one that is compared
    with all that it is compared with."""
    pairs = compared(MEASURED[measured]["evaluate"]["compare"])
    first = [pair for pair in pairs if pair[0] == pairs[0][0]]
    named = [*MEASURED[measured]["report"]["systems"], *chain(*first)]
    return list(dict.fromkeys(named))


def told_in(measured):
    """The configuration as the report there has it: what has no effect, by default."""
    return in_effect(MEASURED[measured])


def left_out_of(measured):
    """The systems of the configuration that are not measured there."""
    return [name for name in SYSTEMS if name not in systems_in(measured)]


def counts_in(measured):
    """What each stage before has counted of each dataset."""
    if is_trained(measured):
        return COUNTS
    return COUNTS | dict.fromkeys(("filtered", "negatives", "shards", "augmented"))


def trained_by(wildcards):
    """What a report is given of training and of what comes before it."""
    if not is_trained(wildcards.measured):
        return {}
    return {
        # The last of the rules that cost something: their benchmarks are there.
        "export": results("export"),
        "filtered": files("pairs/{dataset}/filtered.stats.json", FILTERED),
        "negatives": list(by_name(NEGATIVES, MINED, LAST).values()),
        "shards": list(by_name(SHARDS, LEARNT, LAST).values()),
        "augmented": list(by_name(ALTERED, LEARNT if AUGMENTED else [], LAST).values()),
        "model": tuned_model(),
        "histories": files("{training}training/history.json", training=TRAININGS),
    }


def shown_of(measured):
    """Runs, figures and what was counted, as flags of the report."""
    figures = f"{measured}figures"
    shown = {
        "runs": named("runs/{name}.trec", shown_in(measured)),
        "figures": [
            f"measures={results(f'{figures}/metrics.svg')}",
            f"differences={results(f'{figures}/differences.svg')}",
        ],
    }
    if not is_trained(measured):
        return shown
    return {
        **shown,
        "figures": [f"lengths={FIGURES['lengths.svg']}", *shown["figures"]],
        "histories": numbered("{}training/history.json", TRAININGS),
        "training_figures": numbered("figures/{}training.svg", TRAININGS),
        "audits": numbered("figures/{}negatives.json", AUDITED),
        "audit_figures": numbered("figures/{}negatives.svg", AUDITED),
        "audit_pages": numbered("figures/{}negatives.html", AUDITED),
    }


def before(wildcards):
    """What says in words that something was measured before any training."""
    return " (baseline)" if wildcards.measured else ""


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

# What counts as relevant. A method adds here what build_gold makes the judgements from:
# below the directory of what is measured, but for a file.
JUDGED_BY = {
    "known_item": {},
    # Each part is graded by the method's own rule; see `graded_by`.
    **dict.fromkeys(
        POOLED,
        {
            "pool": "gold/pool.jsonl",
            "grades": gather.pairs("gold/grades/{scatteritem}.jsonl"),
        },
    ),
    "embedder": {"run": "gold/embedder.trec"},
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
COUNTED_UNIT = EVALUATE["unit"] if EVALUATE["unit"] != PASSAGE else None
WITH_PLACES = BRINGS_QUERIES or COUNTED_UNIT
JUDGED_CORPUS = [results("collection/corpus.jsonl")] if WITH_PLACES else []
# Beside the grades and the judgements made of them.
JUDGE_FILES = ["gold/agreement.json"] if JUDGED else []
if GOLD["method"] == "llm_judge":
    aside = "gold/grades/{scatteritem}.{end}"
    JUDGE_FILES += gather.pairs(aside, end=["rejected.jsonl", "stats.json"])


def held_out_elsewhere(wildcards):
    """What other datasets hold out of pairs of verdicts that are learnt from."""
    if wildcards.dataset not in FOLLOWING:
        return {}
    pairs = "pairs/{dataset}/{side}.jsonl"
    return {
        "corpora": files("pairs/{dataset}/corpus.jsonl", SEARCHED_DATASETS),
        "held_out": files(pairs, SEARCHED_DATASETS, side=["dev", "test"]),
        "asked": BRINGS_QUERIES,
    }


# What each stage counted of each dataset, as the model's card and the report take it.
COUNTS = {
    "found": named("documents/{name}.volumes.json", WITH_PAGES) or None,
    "documents": named("documents/{name}.stats.json", WITH_PAGES) or None,
    "queries": named("queries/{name}.stats.json", WITH_PAGES) or None,
    "verdicts": named("verdicts/{name}.stats.json", VERDICTS) or None,
    "pairs": named("pairs/{name}/stats.json", DATASETS),
    "filtered": named("pairs/{name}/filtered.stats.json", FILTERED) or None,
    "negatives": named(NEGATIVES, MINED, LAST) or None,
    "shards": named(SHARDS, LEARNT, LAST),
    "augmented": named(ALTERED, LEARNT, LAST) if AUGMENTED else None,
}

# The stages that what needs no training does without.
TRAINING = ("mine", "score", "split", "train", "export")
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
        *files("verdicts/{dataset}.jsonl", VERDICTS),
        *files(
            "verdicts/{dataset}.{end}", VERDICTS, end=["rejected.jsonl", "stats.json"]
        ),
        *files("pairs/{dataset}/{side}.jsonl", side=["train", "dev", "test"]),
        *files("pairs/{dataset}/{corpus}.jsonl", corpus=["corpus", "mining"]),
        *files("pairs/{dataset}/pairs.rejected.jsonl"),
        *files("pairs/{dataset}/stats.json"),
    ],
    "mine": [
        *files(
            "pairs/{dataset}/filtered.{end}",
            FILTERED,
            end=["jsonl", "rejected.jsonl", "stats.json"],
        ),
        *mined_in(ROUNDS[0]),
        *files("mining/{dataset}/bm25.npy", MINED if MINING["bm25_share"] else []),
    ],
    "score": scored_in(ROUNDS[0], SCORED),
    "split": split_in(ROUNDS[0], LEARNT),
    "train": [
        *files("{training}model", training=TRAININGS),
        *files("{training}training/history.json", training=TRAININGS),
        *files(
            f"{MERGED}{{name}}", name=["model", "merge.json"] if MERGE["with"] else []
        ),
        *(path for round in ROUNDS[1:] for path in mined_in(round)),
        *(path for round in ROUNDS[1:] for path in scored_in(round, SCORED_AGAIN)),
        *(path for round in ROUNDS[1:] for path in split_in(round, MINED)),
    ],
    "evaluate": [
        *measured_in(""),
        *forgotten(),
        results("collection/beir"),
    ],
    "export": [results("export")],
    "report": [*figures_in(""), REPORT_PAGE],
}
