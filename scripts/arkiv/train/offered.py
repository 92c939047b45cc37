"""Which arguments of FlagEmbedding and Hugging Face's trainer may be set, and why not.

Each argument of the pinned packages (`arkiv.train.fields`) stands in one of three
tables: it is refused, it is without effect on what is learnt, or what is learnt depends
on it. A test fails for one that stands in none, as after an upgrade.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from arkiv.base.declared import Rule

_MODEL = "the model is given by `models.embedder`"
_PROMPT = (
    "in every stage the same is to stand before a {0}: it is given by "
    "`models.embedder.{0}_prompt`"
)
_MEASURED = "what is measured while training is given by `train.evaluation`"
_KEPT = "which model is kept is given by `train.evaluation`"
_NO_NETWORK = "jobs reach no network"
_SECRET = "jobs fetch nothing, and secrets do not belong in a configuration"
_GOES_ON = "a run that was ended goes on by itself, as if it had not been"
_DEALT = "FlagEmbedding's batches are dealt to the processes here"
_NOTHING = "nothing in FlagEmbedding's M3 training goes by it"
_MRL = "FlagEmbedding does not offer it for M3"
_SHARDED = "FlagEmbedding cannot save a sharded model; use deepspeed stage 0, 1 or 2"
_ALIAS = "it is another name of `{}`; set that"

# Arguments that are not the user's to set, and why; the sentence is "cannot be set: …".
REFUSED: dict[str, str] = {
    # The model, and how it is used in every stage.
    **dict.fromkeys(("model_name_or_path", "config_name", "tokenizer_name"), _MODEL),
    "query_instruction_for_retrieval": _PROMPT.format("query"),
    "query_instruction_format": _PROMPT.format("query"),
    "passage_instruction_for_retrieval": _PROMPT.format("passage"),
    "passage_instruction_format": _PROMPT.format("passage"),
    "sentence_pooling_method": (
        "token vectors are to be pooled alike in every stage: it is given by "
        "`models.embedder.pooling`"
    ),
    "normalize_embeddings": "vectors are normalised, in every stage",
    "colbert_dim": "the multi-vector head has the size that the model's files give it",
    "trust_remote_code": "it is given by `models.trust_remote_code`",
    "use_fast_tokenizer": "the fast tokenizer is the only one",
    "use_mrl": _MRL,
    "mrl_dims": _MRL,
    # What other settings give, and where files lie.
    "train_data": "the rows are those of `datasets`",
    "output_dir": "files go to `results/{run}`, by the setting `run`",
    "cache_path": "data is cached in a directory that is removed afterwards",
    "cache_dir": "jobs fetch nothing; `models.directory` has the models",
    "seed": "the setting `seed` seeds every random choice",
    "data_seed": "the setting `seed` seeds every random choice",
    "local_rank": "torchrun sets it; `train.processes` says how many there are",
    "train_sampling_strategy": (
        "rows come in an order drawn by `seed`, by length where "
        "`same_dataset_within_batch` is set"
    ),
    "accelerator_config": _DEALT,
    "parallelism_config": _DEALT,
    "dataloader_in_order": _DEALT,
    "dataloader_persistent_workers": "workers are to see the draws of each epoch",
    "auto_find_batch_size": "it takes any error for want of memory and hides it",
    "fsdp": _SHARDED,
    "fsdp_config": _SHARDED,
    "activation_checkpointing": _ALIAS.format("gradient_checkpointing"),
    "activation_checkpointing_kwargs": _ALIAS.format("gradient_checkpointing_kwargs"),
    # What leaves the directory.
    "token": _SECRET,
    "hub_token": _SECRET,
    **dict.fromkeys(
        (
            *("push_to_hub", "hub_model_id", "hub_strategy", "hub_private_repo"),
            *("hub_always_push", "hub_revision", "project", "trackio_space_id"),
            *("trackio_bucket_id", "trackio_static_space_id"),
        ),
        _NO_NETWORK,
    ),
    # What is measured, and what is kept.
    **dict.fromkeys(
        (
            *("do_eval", "do_predict", "eval_strategy", "eval_steps", "eval_on_start"),
            *("eval_delay", "eval_do_concat_batches", "eval_use_gather_object"),
            *("eval_accumulation_steps", "per_device_eval_batch_size"),
            *("prediction_loss_only", "include_for_metrics", "batch_eval_metrics"),
            *("bf16_full_eval", "fp16_full_eval"),
        ),
        _MEASURED,
    ),
    **dict.fromkeys(
        ("load_best_model_at_end", "metric_for_best_model", "greater_is_better"), _KEPT
    ),
    "do_train": "training is what this does",
    **dict.fromkeys(
        (
            *("resume_from_checkpoint", "ignore_data_skip", "enable_jit_checkpoint"),
            "restore_callback_states_from_checkpoint",
        ),
        _GOES_ON,
    ),
    "save_only_model": "a run that was ended could not go on from such a checkpoint",
    "save_on_each_node": "all nodes write to one directory",
    # What would be believed, and is not looked at.
    **dict.fromkeys(
        (
            *("label_smoothing_factor", "average_tokens_across_devices", "use_cache"),
            *("use_liger_kernel", "liger_kernel_config", "length_column_name"),
            *("include_num_input_tokens_seen", "label_names"),
        ),
        _NOTHING,
    ),
    "neftune_noise_alpha": "FlagEmbedding's model has no place where it could be added",
}

# Names of other versions of the packages, which scripts still have.
FORMER: dict[str, str] = {
    "overwrite_output_dir": "whole checkpoints of the same run are kept",
    "logging_dir": "`report_to: tensorboard` writes beside the training's history",
    "save_safetensors": "weights are always saved as safetensors",
    "no_cuda": _ALIAS.format("use_cpu"),
    "group_by_length": "rows are put together by `split.edges`",
    "evaluation_strategy": _MEASURED,
}

# What is learnt does not depend on these: a run that goes on may change them, and a
# change trains nothing anew.
WITHOUT_EFFECT: dict[str, Rule] = {
    "logging_strategy": Rule(),
    "logging_steps": Rule(more_than=0),
    **dict.fromkeys(
        (
            *("logging_first_step", "logging_nan_inf_filter", "log_on_each_node"),
            *("log_level", "log_level_replica", "disable_tqdm", "run_name"),
            *("skip_memory_metrics", "dataloader_pin_memory"),
            # FlagEmbedding's rows have no columns that could be removed.
            "remove_unused_columns",
        ),
        Rule(),
    ),
    "report_to": Rule(choices=("none", "tensorboard")),
    "debug": Rule(choices=("underflow_overflow",)),
    "save_strategy": Rule(),
    "save_steps": Rule(more_than=0),
    "save_total_limit": Rule(at_least=1),
    "dataloader_num_workers": Rule(at_least=0),
    "dataloader_prefetch_factor": Rule(at_least=1),
    "dataloader_multiprocessing_context": Rule(),
    "torch_empty_cache_steps": Rule(at_least=1),
    "ddp_timeout": Rule(at_least=1),
}

# What is learnt depends on these, if only by the last bits of a sum.
LEARNT: dict[str, Rule] = {
    # Rows and batches.
    **dict.fromkeys(
        (
            *("train_group_size", "query_max_len", "passage_max_len"),
            *("pad_to_multiple_of", "max_example_num_per_dataset"),
            *("per_device_train_batch_size", "sub_batch_size"),
            *("gradient_accumulation_steps", "ddp_bucket_cap_mb"),
        ),
        Rule(at_least=1),
    ),
    "shuffle_ratio": Rule(at_least=0, at_most=1),
    **dict.fromkeys(("small_threshold", "drop_threshold"), Rule(at_least=0)),
    **dict.fromkeys(
        ("same_dataset_within_batch", "dataloader_drop_last", "negatives_cross_device"),
        Rule(),
    ),
    # Losses.
    "temperature": Rule(more_than=0),
    "self_distill_start_step": Rule(at_least=-1),
    **dict.fromkeys(
        (
            *("knowledge_distillation", "kd_loss_type", "unified_finetuning"),
            *("use_self_distill", "fix_encoder", "fix_position_embedding"),
        ),
        Rule(),
    ),
    # Optimisation.
    "learning_rate": Rule(more_than=0),
    "num_train_epochs": Rule(more_than=0),
    "max_steps": Rule(at_least=-1),
    "warmup_steps": Rule(at_least=0),
    "weight_decay": Rule(at_least=0),
    "adam_beta1": Rule(at_least=0, less_than=1),
    "adam_beta2": Rule(at_least=0, less_than=1),
    "adam_epsilon": Rule(at_least=0),
    "max_grad_norm": Rule(at_least=0),
    **dict.fromkeys(
        (
            *("lr_scheduler_type", "lr_scheduler_kwargs", "optim", "optim_args"),
            "optim_target_modules",
        ),
        Rule(),
    ),
    # Arithmetic, and what changes the order of its sums.
    **dict.fromkeys(
        (
            *("bf16", "fp16", "tf32", "use_cpu", "full_determinism", "deepspeed"),
            *("gradient_checkpointing", "gradient_checkpointing_kwargs"),
            *("torch_compile", "torch_compile_backend", "torch_compile_mode"),
            *("ddp_backend", "ddp_broadcast_buffers", "ddp_find_unused_parameters"),
            "ddp_static_graph",
        ),
        Rule(),
    ),
}

# A share of all steps, which Transformers 5 takes as `warmup_steps` below 1.
RATIO = "warmup_ratio"
OFFERED: dict[str, Rule] = {
    **WITHOUT_EFFECT,
    **LEARNT,
    RATIO: Rule(at_least=0, less_than=1),
}

# Choices that cannot be, and why.
UNUSABLE: dict[str, dict[str, str]] = {
    "save_strategy": {"best": _KEPT},
    "lr_scheduler_type": dict.fromkeys(("reduce_lr_on_plateau", "greedy"), _MEASURED),
}
