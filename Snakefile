from snakemake.utils import min_version

min_version("9.27")


include: "rules/places.smk"
include: "rules/literal.smk"
include: "rules/common.smk"
include: "rules/searches.smk"
include: "rules/started.smk"


wildcard_constraints:
    dataset="|".join(DATASETS),
    round=either(ROUNDS),
    training=either(TRAININGS),
    model=r"base|tuned|round_\d+",
    system="|".join(SYSTEMS),
    searched=either(SEARCHED),
    measured=either(MEASURED),
    length="|".join(LENGTHS),


scattergather:
    documents=config["parts"]["documents"],
    queries=config["parts"]["queries"],
    corpus=config["parts"]["corpus"],
    pairs=config["parts"]["pairs"],


report: "rules/captions/workflow.rst"


include: "rules/results.smk"
include: "rules/progress.smk"
include: "rules/models.smk"
include: "rules/documents.smk"
include: "rules/queries.smk"
include: "rules/pairs.smk"
include: "rules/mining.smk"
include: "rules/teacher.smk"
include: "rules/augment.smk"
include: "rules/split.smk"
include: "rules/train.smk"
include: "rules/retrieve.smk"
include: "rules/gold.smk"
include: "rules/judge.smk"
include: "rules/evaluate.smk"
include: "rules/spelling.smk"
include: "rules/general.smk"
include: "rules/weights.smk"
include: "rules/export.smk"
include: "rules/index.smk"
include: "rules/report.smk"
include: "rules/targets.smk"


rule all:
    default_target: not FIRST_RULE
    input:
        up_to("report"),
        results("metrics/required.json") if EVALUATE["require"] else [],
    localrule: True
    message:
        f"All results stand in {RUN}"
