"""Dense vectors of any embedder: of Hugging Face's or of sentence-transformers.

The encoder is loaded as M3's; what makes a vector of its states (pooling, further
layers) is sentence-transformers' own, from the model's `modules.json`. The tests
compare with `SentenceTransformer.encode`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arkiv.base.errors import InputError
from arkiv.base.files import read_json
from arkiv.encode import models
from arkiv.encode.batches import (
    HELD_AT_ONCE,
    TOKENISED_AT_ONCE,
    by_budget,
    chunked,
)
from arkiv.encode.workers import OnDevices

if TYPE_CHECKING:
    import torch

log = logging.getLogger("arkiv.encode.dense")

POOLINGS = ("cls", "mean", "max", "lasttoken")
SIMILARITIES = ("cosine", "dot")
# What may follow the encoder.
MODULES = ("Pooling", "Dense", "Normalize", "LayerNorm")
# What models call the two kinds of text, in the order of sentence-transformers.
QUERY, PASSAGE = ("query",), ("document", "passage", "corpus")


def own_settings(path: Path) -> dict[str, Any]:
    """What a model directory says of its use.

    Returns:
        `modules` (name and directory of each after the encoder), `prompts` by name,
        `similarity`, `max_length` and `lower_case`, None where it says nothing.

    Raises:
        InputError: a module that is not known here.
    """

    def given(folder: Path, name: str) -> Mapping[str, Any]:
        return read_json(folder / name) if (folder / name).is_file() else {}

    modules = None
    if (path / "modules.json").is_file():
        modules = [
            (str(module["type"]).rpartition(".")[2], path / module["path"])
            for module in read_json(path / "modules.json")
        ][1:]
        for name, _ in modules:
            if name not in MODULES:
                raise InputError(
                    f"has a module {name}, expected {', '.join(MODULES)} only",
                    file=path / "modules.json",
                )
    about = given(path, "config_sentence_transformers.json")
    encoder = given(models.encoder_directory(path), "sentence_bert_config.json")
    prompts = dict(about.get("prompts") or {})
    prompts.setdefault("", prompts.get(about.get("default_prompt_name"), ""))
    return {
        "modules": modules,
        "prompts": prompts,
        "similarity": about.get("similarity_fn_name"),
        "max_length": encoder.get("max_seq_length"),
        "lower_case": bool(encoder.get("do_lower_case")),
    }


class EmbedderForward:
    """An embedder on one device: from token ids to vectors.

    Args:
        path: the model's directory.
        pooling: instead of the model's own modules; None: those, or the mean.
        options: precision, attention and the like.
        longest: tokens of the longest text that will come.
        budget: tokens of a padded batch; None: as many as the device takes.
        device: such as `cpu` or `cuda:0`.

    Raises:
        InputError: the directory is damaged.
    """

    def __init__(
        self,
        path: Path,
        pooling: str | None,
        options: models.Options,
        longest: int,
        budget: int | None,
        device: str,
    ) -> None:
        import torch

        encoder = models.encoder_directory(path)
        tokenizer, _ = models.load_tokenizer(encoder, options)
        self.path, self.device = path, torch.device(device)
        self.model = models.load(encoder, "dense", options, self.device)
        self.modules = [
            module.to(self.device, self.model.dtype).eval()
            for module in load_modules(path, pooling, self.model.config.hidden_size)
        ]
        known = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
        self.pad = next(token for token in known if token is not None)
        self.budget = budget or models.token_budget(
            self.device,
            longest,
            lambda rows, length: self._vectors([np.full(length, self.pad)] * rows),
        )

    def __call__(self, ids: list[np.ndarray]) -> np.ndarray:
        """(n, dim) float32.

        Raises:
            InputError: the model gives NaN or infinite values.
        """
        return models.in_halves(
            self._vectors, ids, lambda one, other: np.concatenate([one, other])
        )

    def _vectors(self, ids: list[np.ndarray]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            padded, mask = models.padded(ids, self.pad, self.device)
            states = self.model(padded, attention_mask=mask).last_hidden_state
            features = {
                "token_embeddings": states,
                "attention_mask": torch.ones_like(padded) if mask is None else mask,
            }
            for module in self.modules:
                features = module(features)
            vectors = features["sentence_embedding"].float()
            if not torch.isfinite(vectors).all():
                raise InputError(
                    f"the model gives NaN or infinite values in {states.dtype}",
                    file=self.path,
                )
            return vectors.cpu().numpy()


def load_modules(path: Path, pooling: str | None, dim: int) -> list[torch.nn.Module]:
    """What follows the encoder, in order.

    Raises:
        InputError: a module is damaged.
    """
    from sentence_transformers.sentence_transformer import modules as library

    modules = own_settings(path)["modules"]
    if pooling is not None or modules is None:
        return [library.Pooling(dim, pooling_mode=pooling or "mean")]
    loaded = []
    for name, folder in modules:
        try:
            # Without settings, its folder is empty and does not come with a repository.
            alone = name == "Normalize"
            kind = getattr(library, name)
            loaded.append(kind() if alone else kind.load(str(folder)))
        except Exception as error:  # each file format has its own
            reason = f"cannot be loaded ({models.first_line(error)})"
            raise InputError(reason, file=folder) from None
    return loaded


class Embedder(OnDevices):
    """An embedder's directory, ready to encode queries and passages.

    Args:
        model_dir: a model of Hugging Face's with a tokenizer, with or without the
            modules of sentence-transformers.
        pooling: of POOLINGS; None: the model's own modules, or the mean without any.
        prompts: put before a query and before a passage; None: the model's own.
        max_lengths: tokens of a query and of a passage at most; less if the model
            takes less.
        similarity: of SIMILARITIES; None: the model's own, or cosine.
        options: precision, budget, processes and the like.

    Raises:
        InputError: the directory lacks something, is damaged, or is of a model that
            makes its vectors in another way.
    """

    def __init__(
        self,
        model_dir: str | Path,
        *,
        pooling: str | None = None,
        prompts: tuple[str | None, str | None] = (None, None),
        max_lengths: tuple[int, int] = (256, 8192),
        similarity: str | None = None,
        options: models.Options = models.Options(),  # noqa: B008 - frozen
    ) -> None:
        path = models.check_model(model_dir, "dense")
        own = own_settings(path)
        self.tokenizer, config = models.load_tokenizer(
            models.encoder_directory(path), options
        )
        if config.is_encoder_decoder:
            raise InputError("has a decoder that reads an encoder's states", file=path)
        self.pooling, self.lower_case = pooling, own["lower_case"]
        self.similarity = similarity or own["similarity"] or SIMILARITIES[0]
        if self.similarity not in SIMILARITIES:
            raise InputError(
                f"compares by {self.similarity}, expected {' or '.join(SIMILARITIES)}",
                file=path,
            )
        self.prompts = [
            next((own["prompts"][n] for n in (*names, "") if n in own["prompts"]), "")
            if given is None
            else given
            for names, given in zip((QUERY, PASSAGE), prompts, strict=True)
        ]
        known = (own["max_length"], models.longest_input(config))
        limits = [limit for limit in known if limit is not None]
        limits.append(self.tokenizer.model_max_length)
        self.max_lengths = [min([length, *limits]) for length in max_lengths]
        modules = load_modules(path, pooling, config.hidden_size)
        if any(self.prompts) and not all(
            getattr(module, "include_prompt", True) for module in modules
        ):
            raise InputError(
                "leaves the prompt out of its pooling, which is not done here; give "
                'empty prompts ("") or a `pooling`',
                file=path,
            )
        models.check_limits(
            path,
            config,
            max_length=max(self.max_lengths),
            batch_tokens=options.batch_tokens,
            least=3,
        )
        forward = partial(EmbedderForward, path, pooling, options)
        super().__init__(path, options, partial(forward, max(self.max_lengths)))
        *_, self.dim = (
            module.get_embedding_dimension()
            for module in modules
            if hasattr(module, "get_embedding_dimension")
        )
        log.info(
            "%s: prompts %r and %r, at most %d and %d tokens, compared by %s",
            *(path, *self.prompts, *self.max_lengths, self.similarity),
        )

    def queries(self, texts: Sequence[str], cache: str | None = None, job: str = ""):
        """(n, dim) float16; see `arkiv.encode.m3.M3Encoder.dense`."""
        return self._encoded(texts, 0, cache, job)

    def passages(self, texts: Sequence[str], cache: str | None = None, job: str = ""):
        """(n, dim) float16; see `arkiv.encode.m3.M3Encoder.dense`."""
        return self._encoded(texts, 1, cache, job)

    def _encoded(
        self, texts: Sequence[str], kind: int, cache: str | None, job: str
    ) -> np.ndarray:
        length = self.max_lengths[kind]
        return self.by_content(
            [(self.prompts[kind] + text,) for text in texts],
            lambda items: self._batches([text for (text,) in items], length),
            value=("<f2", (self.dim,)),
            kind="dense",
            settings={"max_length": length, "pooling": self.pooling},
            cache=cache,
            job=f"{job} {('queries', 'passages')[kind]}",
            what="texts encoded",
        )

    def _batches(
        self, texts: list[str], length: int
    ) -> Iterator[tuple[list[int], list[np.ndarray]]]:
        """Rows and token ids of each batch; no more texts at once than HELD_AT_ONCE."""
        workers = self.workers  # they load the model while the first texts are read
        for held in chunked(len(texts), HELD_AT_ONCE):
            part = texts[held.start : held.stop]
            ids: list[np.ndarray] = []
            for some in chunked(len(part), TOKENISED_AT_ONCE):
                chunk = part[some.start : some.stop]
                encoded = self.tokenizer(
                    [text.lower() for text in chunk] if self.lower_case else chunk,
                    truncation=True,
                    max_length=length,
                    return_attention_mask=False,
                )
                ids += [np.array(row, np.int32) for row in encoded["input_ids"]]
            for batch in by_budget([len(row) for row in ids], workers.budget):
                yield [held[place] for place in batch], [ids[place] for place in batch]
