import json
import shlex

WATCH = config["train"]["evaluation"]
WATCHED = WATCH["steps"] > 0 and config["pairs"]["shares"]["dev"] > 0


rule train_model:
    """Fine-tune the embedder on all shards with FlagEmbedding under torchrun."""
    input:
        shards=expand(
            results("shards/{dataset}_len-{length}.jsonl"),
            dataset=sorted(DATASETS),
            length=LENGTHS,
        ),
        model=model_of("embedder"),
        dev=files("pairs/{dataset}/dev.jsonl") if WATCHED else [],
        corpus=files("pairs/{dataset}/corpus.jsonl") if WATCHED else [],
        general=(WATCH["general"] or []) if WATCHED else [],
    output:
        model=directory(results("model")),
        history=results("training/history.json"),
    log:
        log_of("train_model"),
    benchmark:
        benchmark_of("train_model")
    conda:
        "../envs/m3.yaml"
    threads: 2
    resources:
        **on_nodes(config["train"]["nodes"]),
        mem_mb=growing(16000),
        runtime=growing(1440),
    params:
        # Outside the outputs, which Snakemake deletes when a job fails.
        checkpoints=results("checkpoints"),
        options=flags(
            nodes=config["train"]["nodes"],
            processes=config["train"]["processes"],
            interface=config["train"]["interface"],
            check_steps=config["train"]["check_steps"],
            **{f"lora_{key}": value for key, value in config["train"]["lora"].items()},
            seed=config["seed"],
        ),
        evaluation=lambda w, input: (
            flags(
                dev=input.dev,
                corpus=input.corpus,
                general=input.general or None,
                evaluate_steps=WATCH["steps"],
                evaluate_queries=WATCH["queries"],
                evaluate_passages=WATCH["passages"],
                evaluate_batch_tokens=config["evaluate"]["batch_tokens"],
                evaluate_by=f"{WATCH['mode']} {WATCH['measure']}",
                weights=config["evaluate"]["weights"],
                patience=WATCH["patience"],
            )
            if WATCHED
            else ""
        ),
        args=shlex.quote(json.dumps(config["train"]["args"])),
    message:
        "Training"
    shell:
        "python scripts/train_model.py --shards {input.shards} --model {input.model}"
        " --checkpoints {params.checkpoints} {params.options} {params.evaluation}"
        " --args {params.args}"
        " --output {output.model} --history {output.history} &> {log}"
