from arkiv.settings.heads import wants_heads

# Of the model of a role, and of that which a system may bring along.
KIND_OF_ROLE = {"embedder": "m3", "reranker": "cross_encoder"}
KIND_OF_SYSTEM = {"embedder": "dense", "reranker": "cross_encoder"}


# What prepare_model makes: of each directory the kind of the model and where it comes
# from. A model of both a role and a system must do for its role.
MADE_OF = {
    given_model(model_of_system, name): (KIND_OF_SYSTEM[system.role], vars(system))
    for name, system in SYSTEMS.items()
    if system.source is not None
}
if GOLD["method"] == "embedder":
    MADE_OF[given_model(model_of_gold)] = ("dense", GOLD["embedder"])
for role, form in KIND_OF_ROLE.items():
    MADE_OF[model_of(role)] = (form, config["models"][role])
# The directory of models. From its first brace on it is of no use in a pattern, and
# belongs to the wildcard, whose own pattern has no braces either.
FREE, BRACE, REST = f"{MODELS}/".partition("{")
REST = re.escape(BRACE + REST).replace(r"\{", r"\x7b").replace(r"\}", r"\x7d")


rule prepare_model:
    """Fetch a pinned model from the hub, or build the tiny one."""
    output:
        directory(f"{FREE}{{name}}"),
    log:
        log_of("prepare_model", "{name}"),
    benchmark:
        benchmark_of("prepare_model", "{name}")
    wildcard_constraints:
        name=f"{REST}[^/]+",
    # On a cluster: the login node alone reaches the hub.
    localrule: True
    conda:
        "../envs/m3.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        options=lambda w, output: flags(
            kind=MADE_OF[output[0]][0],
            headed=output[0] == model_of("embedder") and wants_heads(config),
            **{key: MADE_OF[output[0]][1].get(key) for key in ("source", "revision")},
        ),
    message:
        "Preparing the model {wildcards.name}"
    shell:
        "python {params.arkiv_scripts:q}/prepare_model.py {params.options}"
        " --output {output:q} &> {log:q}"
