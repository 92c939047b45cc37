# The user's menu: `snakemake --list-target-rules` shows it. A target asks for every
# result of its stage and of the stages before, not for the last alone: Snakemake makes
# a deleted file anew only where something asks for it.


# A target of mining, scoring or splitting stops before any training: at the first round.
STAGES = {
    "documents": [
        *files(
            "archive/{dataset}",
            [name for name in DATASETS if kind(name) == "example"],
        ),
        *(
            path
            for end in ("jsonl", "rejected.jsonl", "stats.json")
            for path in parts(
                "documents", f"documents/{{dataset}}/{{scatteritem}}.{end}", WITH_PAGES
            )
        ),
        *files(
            "documents/{dataset}.{end}",
            WITH_PAGES,
            end=["jsonl", "rejected.jsonl", "stats.json"],
        ),
    ],
    "queries": [
        *parts("queries", "queries/{dataset}/{scatteritem}.jsonl", WITH_PAGES),
        *parts("queries", "queries/{dataset}/{scatteritem}.rejected.jsonl", WITH_PAGES),
        *parts("queries", "queries/{dataset}/{scatteritem}.stats.json", WITH_PAGES),
        *files(
            "queries/{dataset}.{end}",
            WITH_PAGES,
            end=["jsonl", "rejected.jsonl", "stats.json"],
        ),
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
        *files("encodings/{model}", model=MODELS_UNDER_TEST),
        *files("runs/{system}.trec", system=SYSTEMS),
        *map(results, ["metrics/metrics.json", "metrics/per_query.csv"]),
    ],
    "export": [results("export")],
    "report": FIGURES.values(),
}


localrules:
    documents,
    estimate,
    queries,
    mine,
    score,
    audit,
    split,
    train,
    evaluate,
    estimate_gold,
    sheet,
    export,
    report,


rule documents:
    """Cut the archives' pages into documents."""
    input:
        up_to("documents"),
    message:
        "The documents are made"


rule estimate:
    """Show what queries by a language model would cost; nothing is sent."""
    input:
        results("queries/estimate.json"),
    log:
        log_of("estimate"),
    conda:
        "../envs/data.yaml"
    message:
        "Estimated from {input}:"
    shell:
        "python scripts/show_estimate.py {input} 2> {log}"


rule queries:
    """Make queries and divide the pairs into train, dev and test."""
    input:
        up_to("queries"),
    message:
        "The pairs are divided"


rule mine:
    """Mine hard negatives for the datasets that come without."""
    input:
        up_to("mine"),
    message:
        "The negatives are mined"


rule score:
    """Score the train pairs with the teacher."""
    input:
        up_to("score"),
    message:
        "The train pairs are scored"


rule audit:
    """Show the negatives with their scores, to be judged before training."""
    input:
        up_to("score"),
        FIGURES["negatives.html"],
        FIGURES["negatives.svg"],
    message:
        f"The audit stands in {FIGURES['negatives.html']}"


rule split:
    """Split the train rows by token length."""
    input:
        up_to("split"),
    message:
        "The shards are made"


rule train:
    """Fine-tune the embedder."""
    input:
        up_to("train"),
    message:
        "The model is trained"


rule evaluate:
    """Measure every system on the test queries."""
    input:
        up_to("evaluate"),
    message:
        "The systems are measured"


rule estimate_gold:
    """Show what grades by a language model would cost; none is asked for."""
    input:
        results("gold/estimate.json"),
    log:
        log_of("estimate_gold"),
    conda:
        "../envs/data.yaml"
    message:
        "Estimated from {input}:"
    shell:
        "python scripts/show_estimate.py {input} 2> {log}"


rule sheet:
    """Draw a sheet of query-passage pairs for human judges."""
    input:
        results("gold/sheet.csv"),
    message:
        "The sheet for judges is {input}"


rule export:
    """Export the tuned model with its model card."""
    input:
        up_to("export"),
    message:
        f"The model is ready in {results('export')}"


rule report:
    """Draw the figures and tables of the report."""
    input:
        up_to("report"),
    message:
        "The figures and tables are drawn"
