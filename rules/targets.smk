# The user's menu: `snakemake --list-target-rules` shows it. A target asks for every
# result of its stage and of the stages before, not for the last alone: Snakemake makes
# a deleted file anew only where something asks for it.


rule documents:
    """Cut the archives' pages into documents, and say what was found in them."""
    input:
        up_to("documents"),
    log:
        log_of("documents"),
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        stages=flags(found=COUNTS["found"], documents=COUNTS["documents"]),
    message:
        "The documents are made"
    shell:
        "python {params.arkiv_scripts:q}/show_documents.py {params.stages} 2> {log:q}"


rule estimate:
    """Show what queries by a language model would cost; nothing is sent."""
    input:
        results("queries/estimate.json"),
    log:
        log_of("estimate"),
    localrule: True
    conda:
        "../envs/data.yaml"
    message:
        "Estimated from {input}:"
    shell:
        "python {params.arkiv_scripts:q}/show_estimate.py {input:q} 2> {log:q}"


rule queries:
    """Make queries and divide the pairs into train, dev and test."""
    input:
        up_to("queries"),
    localrule: True
    message:
        "The pairs are divided"


rule mine:
    """Mine hard negatives for the datasets that come without."""
    input:
        up_to("mine"),
    localrule: True
    message:
        "The negatives are mined"


rule score:
    """Score the train pairs with the teacher."""
    input:
        up_to("score"),
    localrule: True
    message:
        "The train pairs are scored"


rule audit:
    """Show the negatives with their scores, to be judged before training."""
    input:
        up_to("score"),
        FIGURES["negatives.html"],
        FIGURES["negatives.svg"],
    log:
        log_of("audit"),
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        audit=flags(audit=results("figures/negatives.json")),
    message:
        f"The audit stands in {FIGURES['negatives.html']}"
    shell:
        "python {params.arkiv_scripts:q}/show_judged.py {params.audit} 2> {log:q}"


rule split:
    """Split the train rows by token length."""
    input:
        up_to("split"),
    localrule: True
    message:
        "The shards are made"


rule train:
    """Fine-tune the embedder."""
    input:
        up_to("train"),
    localrule: True
    message:
        "The model is trained"


rule evaluate:
    """Measure every system on the test queries."""
    input:
        up_to("evaluate"),
    localrule: True
    message:
        "The systems are measured"


rule baseline:
    """Measure the systems that need no training, before there is any, and report."""
    input:
        lambda w: before_training(),
    localrule: True
    message:
        f"The baseline stands in {results('baseline/report.html')}"


use rule estimate as estimate_gold with:
    """Show what grades by a language model would cost; none is asked for."""
    input:
        results("gold/estimate.json"),
    log:
        log_of("estimate_gold"),


rule sheet:
    """Draw a sheet of query-passage pairs for human judges."""
    input:
        results("gold/sheet.csv"),
    localrule: True
    message:
        "The sheet for judges is {input}"


rule export:
    """Export the tuned model with its model card."""
    input:
        up_to("export"),
    localrule: True
    message:
        f"The model is ready in {results('export')}"


rule report:
    """Write the report, one page with its figures."""
    input:
        up_to("report"),
    localrule: True
    message:
        f"The report stands in {REPORT_PAGE}"


rule index:
    """Make an index of all passages, to search the archive by the tuned model."""
    input:
        results("index/index.json"),
        results("index/expected.jsonl"),
        results("index/README.md"),
    localrule: True
    message:
        f"The index is ready in {results('index')}"
