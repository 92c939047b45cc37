"""Tokenizers and models out of checked directories, and the limits they set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from arkiv.base.errors import InputError

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from arkiv.encode.options import Options

# Model types whose positions are counted from the padding id + 1.
COUNTED_FROM_PADDING = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert")
# Kinds of models that are more than an encoder of tokens.
HEADED = {
    "cross_encoder": "AutoModelForSequenceClassification",
    "causal": "AutoModelForCausalLM",
}


def load_tokenizer(
    path: Path, options: Options
) -> tuple[PreTrainedTokenizerBase, PretrainedConfig]:
    """Load tokenizer and configuration of a directory that passed `check_model`.

    Raises:
        InputError: a file is damaged.
    """
    import transformers

    given = _given(options)
    try:
        return (
            transformers.AutoTokenizer.from_pretrained(path, **given),
            transformers.AutoConfig.from_pretrained(path, **given),
        )
    except Exception as error:  # each file format has its own
        raise InputError(f"cannot be loaded ({first_line(error)})", file=path) from None


def load(path: Path, kind: str, options: Options, on: torch.device) -> PreTrainedModel:
    """Load the model of a directory onto a device.

    Raises:
        InputError: a file is damaged, or the weights do not fill the model: then
            transformers would go on with random ones.
    """
    import transformers

    auto = getattr(transformers, HEADED.get(kind, "AutoModel"))
    # What transformers would tell of missing weights is checked below.
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        model, info = auto.from_pretrained(
            path,
            dtype=options.dtype(on),
            attn_implementation=options.attention_on(on),
            output_loading_info=True,
            **_given(options),
        )
    except Exception as error:  # each file format has its own
        raise InputError(f"cannot be loaded ({first_line(error)})", file=path) from None
    finally:
        transformers.logging.set_verbosity(verbosity)
    # The pooler stands behind the CLS vector that M3 takes.
    missing = sorted(k for k in info["missing_keys"] if not k.startswith("pooler."))
    if missing:
        raise InputError(
            f"the weights lack {len(missing)} tensors of the model, such as "
            f"{missing[0]}",
            file=path,
        )
    return model.to(on).eval()


def _given(options: Options) -> dict[str, bool]:
    return {"trust_remote_code": options.trust_remote_code, "local_files_only": True}


def longest_input(config: PretrainedConfig) -> int | None:
    """Tokens that a model takes at most, special ones included; None: any number."""
    longest = getattr(config, "max_position_embeddings", None)
    if longest is not None and config.model_type in COUNTED_FROM_PADDING:
        longest -= config.pad_token_id + 1
    return longest


def first_line(error: Exception) -> str:
    """An exception's kind and the first line of what it says, for one sentence."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0].rstrip('.')}" if said else repr(error)
