"""Tokenizers and models out of checked directories, and the limits they set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkiv.base.errors import InputError
from arkiv.base.files import read_object
from arkiv.encode.tokenizer import TOKENIZER

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from arkiv.encode.options import Options

# Model types whose positions are counted from the padding id + 1.
COUNTED_FROM_PADDING = (
    *("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"),
    *("roberta-prelayernorm", "data2vec-text", "ibert", "xmod", "longformer", "luke"),
)
# What configurations call them; the second one is GPT-2's and its like.
POSITIONS = ("max_position_embeddings", "n_positions")
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
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, **given)
        config = transformers.AutoConfig.from_pretrained(path, **given)
    except Exception as error:  # each file format has its own
        raise InputError(f"cannot be loaded ({first_line(error)})", file=path) from None
    _check_read(path, tokenizer)
    padding_id = getattr(config, "pad_token_id", None)
    _check_padding_id(path / "config.json", config.model_type, padding_id)
    return tokenizer, config


def _check_read(path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """See that a tokenizer was read of its files.

    Without them transformers would make one of special tokens alone, or of letters.

    Raises:
        InputError: the directory has neither tokenizer.json nor all others.
    """
    if (path / TOKENIZER).is_file():
        return
    names = {*type(tokenizer).vocab_files_names.values()} - {TOKENIZER}
    if lacking := sorted(name for name in names if not (path / name).is_file()):
        of = f"of which its {type(tokenizer).__name__} is read"
        raise InputError(f"lacks {' and '.join(lacking)}, {of}", file=path)


def check_positions(path: Path) -> None:
    """See that a model which counts positions from the padding id says how many.

    Transformers would take 512, of which two are no token's and which none has.

    Raises:
        InputError: its `config.json` does not, or has no such id.
    """
    file, key = path / "config.json", "max_position_embeddings"
    config = read_object(file, "configuration of a model")
    if config.get("model_type") not in COUNTED_FROM_PADDING:
        return
    if key not in config:
        reason = "is not there, which says how long a text may be"
        raise InputError(reason, file=file, key=key)
    _check_padding_id(file, config["model_type"], config.get("pad_token_id", 1))


def _check_padding_id(file: Path, body: str, padding: int | None) -> None:
    if body in COUNTED_FROM_PADDING and padding is None:
        reason = f"is null, but {body} counts positions from it"
        raise InputError(reason, file=file, key="pad_token_id")


def load(path: Path, kind: str, options: Options, on: torch.device) -> PreTrainedModel:
    """Load the model of a directory onto a device.

    Raises:
        InputError: a file is damaged, or the weights do not fill the model: then
            transformers would go on with random ones.
    """
    import transformers

    auto = getattr(transformers, HEADED.get(kind, "AutoModel"))
    attention = options.attention_on(on)
    if options.attention == "auto" and attention == "sdpa":
        attention = None  # transformers takes it where the body has it
    model = filled(
        auto,
        path,
        dtype=options.dtype(on),
        attn_implementation=attention,
        **_given(options),
    )
    return model.to(on).eval()


def filled(auto: Any, path: str | Path, **given: Any) -> PreTrainedModel:
    """Load a model by one of transformers' classes, all of whose weights are there.

    Args:
        auto: the class.
        path: the directory.
        given: to its `from_pretrained`.

    Raises:
        InputError: a file is damaged, or the weights do not fill the model.
    """
    import transformers

    # What transformers would tell of missing weights, in a table, is checked below.
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        model, info = auto.from_pretrained(
            path,
            output_loading_info=True,
            # Told below, in a sentence.
            ignore_mismatched_sizes=True,
            **given,
        )
    except Exception as error:  # each file format has its own
        raise InputError(f"cannot be loaded ({first_line(error)})", file=path) from None
    finally:
        transformers.logging.set_verbosity(verbosity)
    if mismatched := sorted(info["mismatched_keys"]):
        name, *shapes = mismatched[0]
        had, wanted = (" x ".join(map(str, shape)) for shape in shapes)
        raise InputError(
            f"the weights do not fit config.json: {name} is {had}, expected {wanted}",
            file=path,
        )
    # The pooler stands behind the CLS vector that M3 takes.
    missing = sorted(k for k in info["missing_keys"] if not k.startswith("pooler."))
    if missing:
        raise InputError(
            f"the weights lack {len(missing)} tensors of the model, such as "
            f"{missing[0]}",
            file=path,
        )
    return model


def _given(options: Options) -> dict[str, bool]:
    return {"trust_remote_code": options.trust_remote_code, "local_files_only": True}


def padding(tokenizer: PreTrainedTokenizerBase, path: Path) -> str:
    """The token that pads texts, which training needs.

    A tokenizer may have none for it. Any does: the mask tells what is padding.

    Raises:
        InputError: it has none at all that is not a word's.
    """
    found = tokenizer.pad_token or tokenizer.eos_token or tokenizer.unk_token
    if found is None:
        reason = "the tokenizer has neither a pad token nor one for ends or the unknown"
        raise InputError(reason, file=path)
    return found


def longest_input(config: PretrainedConfig) -> int | None:
    """Tokens that a model takes at most, special ones included; None: any number."""
    longest = getattr(config, "max_position_embeddings", None)
    if longest is not None and config.model_type in COUNTED_FROM_PADDING:
        longest -= config.pad_token_id + 1
    return longest


def longest_text(path: Path) -> int | None:
    """Tokens that the model of a directory takes at most, by its `config.json` alone.

    None: any number, or the file is not there or does not say.

    Raises:
        InputError: the file is damaged.
    """
    file = path / "config.json"
    config = read_object(file, "configuration of a model", optional=True)
    found = (config.get(name) for name in POSITIONS)
    longest = next((one for one in found if type(one) is int), None)
    if longest is None or longest < 1:
        return None
    # As transformers has it where a file does not.
    padding = config.get("pad_token_id", 1)
    if config.get("model_type") in COUNTED_FROM_PADDING and isinstance(padding, int):
        longest -= padding + 1
    return longest


def first_line(error: Exception) -> str:
    """An exception's kind and the first line of what it says, for one sentence."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0].rstrip('.')}" if said else repr(error)
