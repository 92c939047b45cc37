from arkiv.settings.layout import local_source, models_wanted
from arkiv.settings.uses import told

# What prepare_model makes: of each directory what the model is for and where it comes
# from.
MADE_OF = {
    as_given(directory): made for directory, made in of_config(models_wanted).items()
}
# The directory of models. From its first brace on it is of no use in a pattern, and
# belongs to the wildcard, whose own pattern has no braces either.
FREE, BRACE, REST = f"{MODELS}/".partition("{")
REST = re.escape(BRACE + REST).replace(r"\{", r"\x7b").replace(r"\}", r"\x7d")


rule prepare_model:
    """Fetch a pinned model from the hub, make a local one whole, or build the tiny."""
    input:
        lambda w: as_named(local_source(MADE_OF[f"{FREE}{w.name}"][1])),
    output:
        directory(f"{FREE}{{name}}"),
    log:
        log_of("prepare_model", "{name}"),
    benchmark:
        benchmark_of("prepare_model", "{name}")
    wildcard_constraints:
        name=f"{REST}[^/]+",
    # Before all else that can begin: what a model lacks is to be known before others
    # have cost anything.
    priority: 1
    # On a cluster: the login node alone reaches the hub.
    localrule: True
    conda:
        "../envs/m3.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        options=lambda w, output: flags(
            **told(MADE_OF[output[0]][0]),
            **{key: MADE_OF[output[0]][1].get(key) for key in ("source", "revision")},
        ),
    message:
        "Preparing the model {wildcards.name}"
    shell:
        "python {params.arkiv_scripts:q}/prepare_model.py {params.options}"
        " --output {output:q} &> {log:q}"
