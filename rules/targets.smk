# The user's menu: `snakemake --list-target-rules` shows it.


localrules:
    all,
    documents,
    queries,
    mine,
    score,
    split,
    train,
    evaluate,
    report,


rule documents:
    """Cut the archives' pages into documents."""
    input:
        expand(results("documents/{dataset}.jsonl"), dataset=with_pages()),


rule queries:
    """Make queries and divide the pairs into train, dev and test."""
    input:
        expand(results("pairs/{dataset}/train.jsonl"), dataset=DATASETS),


rule mine:
    """Mine hard negatives for the datasets that come without."""
    input:
        expand(results("negatives/{dataset}.jsonl"), dataset=mined()),


rule score:
    """Score the train pairs with the teacher."""
    input:
        [part for dataset in scored() for part in train_rows(dataset)],


rule split:
    """Split the train rows by token length."""
    input:
        expand(
            results("shards/{dataset}_len-{length}.jsonl"),
            dataset=DATASETS,
            length=LENGTHS,
        ),


rule train:
    """Fine-tune the embedder."""
    input:
        results("model"),


rule evaluate:
    """Measure every system on the test queries."""
    input:
        results("metrics/metrics.json"),


rule report:
    """Draw the figures and tables of the report."""
    input:
        FIGURES.values(),
