"""How a model makes dense vectors of texts, by what its directory says of it.

The files are those of sentence-transformers: `modules.json` and the folders that it
names, `config_sentence_transformers.json`, `sentence_bert_config.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from arkiv.base.errors import InputError
from arkiv.base.files import read_object, write_json
from arkiv.encode.limits import LIMITS, limits_file, own_limit
from arkiv.encode.models import encoder_directory, has_heads, modules_of
from arkiv.encode.settings import Reading
from arkiv.encode.tokenizer import lowers_case

Side = Literal["query", "passage"]

# What may follow an encoder.
MODULES = ("Pooling", "Dense", "Normalize", "LayerNorm")
# What models call the two sides, in the order of sentence-transformers.
NAMES: Mapping[Side, Sequence[str]] = {
    "query": ("query",),
    "passage": ("document", "passage", "corpus"),
}
ABOUT = "config_sentence_transformers.json"
# What sentence-transformers writes there, and no one else.
VERSION = "__version__"
POOLING = "1_Pooling"
# What an M3 model has, by directory. These names of modules, as in the files of BGE-M3
# itself, are read by versions before 6 too; those that 6 writes are not.
WRITTEN = {"": "Transformer", POOLING: "Pooling", "2_Normalize": "Normalize"}
# The keys of versions before 6, each true or false, of what 6 has as `pooling_mode`.
LEGACY = {
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
# Older versions refuse a key that they do not know.
LATER = ("weightedmean", "lasttoken")
# Poolings that a model can be trained with, as sentence-transformers names them.
TRAINED = {"cls": "cls", "mean": "mean", "lasttoken": "last"}


@dataclass(frozen=True)
class Own:
    """What a model directory says of its use."""

    modules: list[tuple[str, Path]] | None
    """Name and folder of each after the encoder; None: there is no list of them."""
    prompts: Mapping[str, str]
    """By name; "" stands for texts of which no name is known."""
    prompted: bool
    """Whether it says which prompts it has, be it none: sentence-transformers writes
    empty ones of a model of which nothing is known."""
    similarity: str | None
    lower_case: bool
    longest: int | None
    """Tokens of a text that it takes; None: any number."""

    @classmethod
    def of(cls, path: Path) -> Self:
        """Of a directory, whatever it has of the files.

        Raises:
            InputError: a file is damaged, or there is a module that is not known here.
        """
        modules = modules_of(path)
        if modules is None and (path / POOLING / "config.json").is_file():
            modules = [("Pooling", path / POOLING)]
        for name, _ in modules or ():
            if name not in MODULES:
                reason = f"has a module {name}, expected {', '.join(MODULES)} only"
                raise InputError(reason, file=path / "modules.json")
        about = read_object(path / ABOUT, "map of settings", optional=True)
        limits = limits_file(encoder_directory(path))
        encoder = read_object(limits, "map of settings", optional=True)
        prompts = about.get("prompts") or {}
        if not isinstance(prompts, dict) or not all(
            isinstance(prompt, str) for prompt in prompts.values()
        ):
            raise InputError("expected texts by name", file=path / ABOUT, key="prompts")
        default = _typed(about, "default_prompt_name", str, path / ABOUT)
        return cls(
            modules,
            {"": prompts.get(default, ""), **prompts},
            isinstance(about.get("prompts"), dict)
            and (any(prompts.values()) or VERSION not in about),
            _typed(about, "similarity_fn_name", str, path / ABOUT),
            bool(_typed(encoder, "do_lower_case", bool, limits)),
            own_limit(limits.parent),
        )

    def prompt(self, side: Side) -> str:
        """What is put before a text of a side."""
        names = (*NAMES[side], "")
        return next(self.prompts[name] for name in names if name in self.prompts)


@dataclass(frozen=True)
class Description:
    """How the model to tune, or one that was tuned, makes a text's dense vector.

    Each stage asks this alone: mining, the round trip, training, what is measured
    meanwhile, evaluation, the search page, the export. The vector has length 1.
    """

    pooling: str = "cls"
    """Of the last hidden states: cls, mean, or last (the last token's)."""
    query_prompt: str = ""
    passage_prompt: str = ""
    longest: int | None = field(default=None, compare=False)
    """Tokens of the longest text that it takes, unless told otherwise; None: any
    number. A limit, not a way to make a vector."""

    @classmethod
    def of(cls, path: str | Path, given: Reading = Reading()) -> Self:  # noqa: B008
        """What a directory says, and what is given instead of it.

        A directory that says nothing has no prompts, and is pooled by `pooling_unsaid`.

        Raises:
            InputError: a file is damaged, or the model makes its vectors in a way that
                it cannot be trained in.
        """
        path = Path(path)
        own = Own.of(path)
        prompts = [
            own.prompt(side) if prompt is None else prompt
            for side, prompt in (
                ("query", given.query_prompt),
                ("passage", given.passage_prompt),
            )
        ]
        # Of BGE's English models both say so, and the tokenizer does it.
        if own.lower_case and not lowers_case(encoder_directory(path)):
            raise InputError(
                "asks for texts in lower case, which the tokenizer has to see to",
                file=limits_file(encoder_directory(path)),
            )
        pooling = given.pooling
        if pooling is None:
            pooling = _trained_pooling(path, own, prompted=any(prompts))
        return cls(pooling, *prompts, own.longest)

    @classmethod
    def configured(cls, path: str | Path, embedder: Mapping[str, Any]) -> Self:
        """As `of`, with what `models.embedder` of the configuration gives."""
        return cls.of(path, Reading.configured(embedder))

    def prompt(self, side: Side) -> str:
        """What is put before a text of a side."""
        return self.query_prompt if side == "query" else self.passage_prompt

    @property
    def pooling_method(self) -> str:
        """What FlagEmbedding calls the pooling."""
        return "last_token" if self.pooling == "last" else self.pooling

    def told(self) -> dict[str, Any]:
        """As JSON has it, for `Description(**told)`."""
        return asdict(self)

    def write(
        self, directory: Path, dimensions: int, max_length: int | None = None
    ) -> None:
        """Write it to a model's directory, for `of` and for sentence-transformers.

        Args:
            directory: of an encoder of so many dimensions.
            max_length: tokens at which sentence-transformers is to cut texts; None: as
                many as the model takes, which is said if its other files do not.
        """
        modules = [
            {
                "idx": index,
                "name": str(index),
                "path": path,
                "type": f"sentence_transformers.models.{name}",
            }
            for index, (path, name) in enumerate(WRITTEN.items())
        ]
        pooling = {
            key: TRAINED.get(name) == self.pooling
            for name, key in LEGACY.items()
            if TRAINED.get(name) == self.pooling or name not in LATER
        }
        about = {
            "prompts": {"query": self.query_prompt, "document": self.passage_prompt},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        }
        write_json(directory / "modules.json", modules)
        write_json(
            directory / POOLING / "config.json",
            {"word_embedding_dimension": dimensions, **pooling},
        )
        # Without settings, but git keeps no empty directory.
        write_json(directory / "2_Normalize" / "config.json", {})
        if max_length is None and self.longest != own_limit(directory):
            max_length = self.longest
        if max_length is not None:
            transformer = {"max_seq_length": max_length, "do_lower_case": False}
            write_json(directory / LIMITS, transformer)
        write_json(directory / ABOUT, about)


def _typed(settings: Mapping[str, Any], key: str, kind: type, file: Path) -> Any:
    """A value of a file; None where it has none.

    Raises:
        InputError: it is of another type.
    """
    value = settings.get(key)
    if value is None or type(value) is kind:
        return value
    expected = {str: "a text", int: "a whole number", bool: "true or false"}[kind]
    raise InputError(f"is {value!r}, expected {expected}", file=file, key=key)


def _trained_pooling(path: Path, own: Own, *, prompted: bool) -> str:
    """The pooling of a model that is to be trained, by its modules.

    Raises:
        InputError: it is one that training does not know.
    """
    advice = "give `models.embedder.pooling` to train it in another way"
    for name, folder in own.modules or ():
        if name in ("Dense", "LayerNorm"):
            reason = f"a {name} follows its pooling, which is not trained; {advice}"
            raise InputError(reason, file=folder)
    found = [folder for name, folder in own.modules or () if name == "Pooling"]
    if not found:
        return TRAINED[pooling_unsaid(path)]
    file = found[0] / "config.json"
    config = read_object(file, "settings of a pooling")
    modes = tuple(_modes(config, file))
    if len(found) > 1 or len(modes) != 1 or modes[0] not in TRAINED:
        raise InputError(
            f"pools by {', '.join(modes) or 'nothing'}, expected one of "
            f"{', '.join(TRAINED)}; {advice}",
            file=file,
        )
    if prompted and not config.get("include_prompt", True):
        raise InputError(
            "leaves the prompt out of its pooling, which is not done here; give empty "
            'prompts ("") or a `pooling`',
            file=file,
        )
    return TRAINED[modes[0]]


def pooling_unsaid(path: Path) -> str:
    """The pooling of a model whose directory says nothing of it: cls, mean, lasttoken.

    With BGE-M3's heads it is one that FlagEmbedding tuned, and reads the CLS token; of
    others sentence-transformers takes the mean, and the last token of a decoder (its
    `SentenceTransformer._load_default_modules`).
    """
    if has_heads(path):
        return "cls"
    config = read_object(encoder_directory(path) / "config.json", "configuration")
    bodies = config.get("architectures") or [""]
    decodes = isinstance(bodies, list) and str(bodies[0]).endswith("ForCausalLM")
    return "lasttoken" if decodes and config.get("is_causal", True) else "mean"


def _modes(config: Mapping[str, Any], file: Path) -> Iterator[str]:
    """The ways in which a Pooling module pools; more than one are put side by side.

    Raises:
        InputError: they are neither a text nor several.
    """
    named = config.get("pooling_mode")
    if isinstance(named, list | tuple):
        yield from map(str, named)
    elif named is not None:
        yield _typed(config, "pooling_mode", str, file)
    else:
        yield from (name for name, key in LEGACY.items() if config.get(key))
