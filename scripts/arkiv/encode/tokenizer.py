"""The tokenizer of a model directory: tokenizer.json, or what it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from arkiv.base.errors import InputError
from arkiv.base.files import read_object

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"
# Of WordPiece; of byte pairs, with merges.txt beside it; of SentencePiece.
VOCABULARIES = ("vocab.txt", "vocab.json", "*.model")
SETTINGS = "tokenizer_config.json"
# Classes that read tokenizer.json as it stands. Those named after a body make the
# normalizer themselves, by their settings.
GENERIC = ("PreTrainedTokenizerFast", "TokenizersBackend", "PythonBackend")


def vocabularies(path: Path) -> list[Path]:
    """The files of a directory that a tokenizer.json can be made of."""
    return sorted(file for name in VOCABULARIES for file in path.glob(name))


def files_of_tokenizer(path: Path) -> list[Path]:
    """The files that a tokenizer is read of: tokenizer.json, or else vocabularies."""
    whole = path / TOKENIZER
    return [whole] if whole.is_file() else vocabularies(path)


def missing_tokenizer(path: Path, *, whole: bool) -> list[str]:
    """What a model's directory lacks of a tokenizer.

    Args:
        whole: it is to be tokenizer.json.
    """
    if (path / TOKENIZER).is_file():
        return []
    names = " and ".join(file.name for file in vocabularies(path))
    if names and not whole:
        return []
    made = f" (prepare_model.py --source DIR makes it of {names})" if names else ""
    return [TOKENIZER + made]


def lowers_case(path: Path) -> bool:
    """Whether the tokenizer of a directory makes all letters small, by its files.

    Raises:
        InputError: a file is damaged.
    """
    if not (path / TOKENIZER).is_file():
        said = _said_of_bert(path)
        return (path / "vocab.txt").is_file() and bool(said.get("lowercase"))
    whole = read_object(path / TOKENIZER, "tokenizer")
    normalizer, model = (whole.get(key) or {} for key in ("normalizer", "model"))
    kinds = normalizer.get("type"), model.get("type")
    if kinds == ("BertNormalizer", "WordPiece") and (said := _said_of_bert(path)):
        return bool(said["lowercase"])
    steps = normalizer.get("normalizers") or [normalizer]
    return any(one.get("type") == "Lowercase" or one.get("lowercase") for one in steps)


def fast_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer of a model directory, which reads texts as wholes.

    Its ids are those of transformers' AutoTokenizer.

    Raises:
        InputError: there is no tokenizer.json, or it is broken.
    """
    from tokenizers import Tokenizer

    path = Path(path)
    file = path / TOKENIZER
    if missing := missing_tokenizer(path, whole=True):
        raise InputError(f"the model directory lacks {missing[0]}", file=path)
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises nothing narrower
        raise InputError(f"is not a tokenizer ({error})", file=file) from None
    # The file may ask for either.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    _normalise_as_set(tokenizer, path)
    return tokenizer


def _normalise_as_set(tokenizer: Tokenizer, path: Path) -> None:
    """Take case and accents as tokenizer_config.json says, where transformers does.

    Of BERT's kind it makes the normalizer anew, whatever tokenizer.json has.
    """
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer

    of_bert = isinstance(tokenizer.normalizer, BertNormalizer)
    if not of_bert or not isinstance(tokenizer.model, WordPiece):
        return
    if said := _said_of_bert(path):
        tokenizer.normalizer = BertNormalizer(clean_text=True, **said)


def _said_of_bert(path: Path) -> dict[str, bool | None]:
    """How a normalizer of BERT's kind is made by tokenizer_config.json; nothing where
    tokenizer.json is read as it stands."""
    said = read_object(path / SETTINGS, "settings of a tokenizer", optional=True)
    if str(said.get("tokenizer_class")) in GENERIC:
        return {}
    return {
        "handle_chinese_chars": said.get("tokenize_chinese_chars", True),
        "strip_accents": said.get("strip_accents"),
        "lowercase": said.get("do_lower_case", True),
    }
