ROLE_OF_MODEL = {model_of(role): role for role in ("embedder", "reranker")}


rule prepare_model:
    """Fetch a pinned model from the hub, or build the tiny one."""
    output:
        directory(f"{MODELS}/{{name}}"),
    log:
        log_of("prepare_model", "{name}"),
    benchmark:
        benchmark_of("prepare_model", "{name}")
    # On a cluster: the login node alone reaches the hub.
    localrule: True
    conda:
        "../envs/m3.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        kind=lambda w, output: ROLE_OF_MODEL[output[0]],
        options=lambda w, output: flags(**config["models"][ROLE_OF_MODEL[output[0]]]),
    message:
        "Preparing the model {wildcards.name}"
    shell:
        "python scripts/prepare_model.py --kind {params.kind} {params.options}"
        " --output {output} &> {log}"
