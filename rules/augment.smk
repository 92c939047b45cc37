from arkiv.train.altering import ARCHIVE, Augment
from arkiv.train.augment import ways_of

AUGMENT = TRAIN["augment"]
# Whether noise is learnt, and from what.
LEARNS_NOISE = AUGMENT["noise"] == ARCHIVE
ARCHIVES = [name for name in LEARNT if kind(name) == "pages"]

if AUGMENTED and Path(SPELLING["rules"]).is_file():
    # Before any job; what is learnt from the archive comes later.
    try:
        ways_of(Augment(**AUGMENT), SPELLING["rules"])
    except InputError as error:
        raise WorkflowError(f"configuration: {error}")


rule count_confusions:
    """Count what letters are misread for in an archive."""
    input:
        pages=volumes_of,
    output:
        results("confusions/{dataset}.json"),
    log:
        log_of("count_confusions", "{dataset}"),
    benchmark:
        benchmark_of("count_confusions", "{dataset}")
    # An archive that tells too little ends the run, so before others have cost.
    priority: 100
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        options=lambda w: flags(
            **found_by(w.dataset),
            **declared("documents", "encoding"),
            seed=config["seed"],
        ),
        state=lambda w: state_of(w.dataset),
    message:
        "Counting what is misread in {wildcards.dataset}"
    shell:
        "python {params.arkiv_scripts:q}/count_confusions.py --pages {input.pages:q}"
        " {params.options} --output {output:q} &> {log:q}"


rule learn_confusions:
    """Make a table of what letters are misread for, of all archives together."""
    input:
        files("confusions/{dataset}.json", ARCHIVES),
    output:
        results("confusions.json"),
    log:
        log_of("learn_confusions"),
    benchmark:
        benchmark_of("learn_confusions")
    priority: 100
    localrule: True
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    message:
        "Learning what is misread"
    shell:
        "python {params.arkiv_scripts:q}/learn_confusions.py --counts {input:q}"
        " --output {output:q} &> {log:q}"


rule augment_pairs:
    """Respell and misread some texts of a dataset's train rows."""
    input:
        pairs=lambda w: train_rows(w.dataset, w.round),
        rules=lambda w: as_named(SPELLING["rules"]),
        confusions=results("confusions.json") if LEARNS_NOISE else [],
    output:
        pairs=results("{round}augmented/{dataset}.jsonl"),
        stats=results("{round}augmented/{dataset}.stats.json"),
    log:
        log_of("augment_pairs", "{dataset}", under="{round}"),
    benchmark:
        benchmark_of("augment_pairs", "{dataset}", under="{round}")
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        learnt=lambda w, input: flags(confusions=input.get("confusions") or None),
        options=flags(**declared("train.augment"), seed=config["seed"]),
    message:
        "Respelling and misreading train rows of {wildcards.dataset}"
    shell:
        "python {params.arkiv_scripts:q}/augment_pairs.py --pairs {input.pairs:q}"
        " --rules {input.rules:q} {params.learnt} {params.options}"
        " --output {output.pairs:q} --stats {output.stats:q} &> {log:q}"
