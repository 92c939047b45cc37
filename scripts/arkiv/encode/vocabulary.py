"""A tokenizer.json made of the vocabulary that older models ship alone.

Programs that count tokens have no transformers in their environments, and read
`tokenizer.json`. It is made as transformers' AutoTokenizer, by which models are run and
trained, reads the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.encode.loading import load_tokenizer
from arkiv.encode.options import Options
from arkiv.encode.tokenizer import SETTINGS, TOKENIZER, fast_tokenizer, vocabularies

# Texts that tokenizers take apart in different ways: capitals, marks put together and
# apart, controls, blanks, old letters, other scripts.
PROBES = (
    "Åkern på Ön; ÅÄÖ åäö é ü",
    "A\u030akern a\u0308r O\u0308rn e\u0301",
    "a\u0000b\tc\u200bd\u00a0e\u00ade\ufefff  g\n\nh ",
    "Häradſrätten, wiſſerligen",
    "№ 5½ — “x” … 中文 ﬁ Ⅳ 😀",
    "",
)


def make_tokenizer(path: Path, options: Options) -> None:
    """Write tokenizer.json to a model directory that has a vocabulary alone.

    Raises:
        InputError: it cannot be made, or would give other tokens than the vocabulary.
    """
    names = " and ".join(file.name for file in vocabularies(path))
    tokenizer, config = load_tokenizer(path, options)
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(
            f"its {type(tokenizer).__name__} cannot be made a {TOKENIZER} of {names}",
            file=path,
        )
    as_read = _ids(tokenizer)
    most = max(token for row in as_read for token in row)
    size = getattr(config, "vocab_size", None)
    if size is not None and most >= size:
        raise InputError(
            f"{names} and {SETTINGS} give the token {most}, but the model has {size}: "
            "they are another model's, or name its special tokens otherwise",
            file=path,
        )
    tokenizer.backend_tokenizer.save(str(path / TOKENIZER))
    read_again, _ = load_tokenizer(path, options)
    counted = [one.ids for one in fast_tokenizer(path).encode_batch(PROBES)]
    if not as_read == _ids(read_again) == counted:
        raise InputError(
            f"the {TOKENIZER} made of {names} gives other tokens than they do",
            file=path,
        )


def _ids(tokenizer: Any) -> Sequence[Sequence[int]]:
    return tokenizer(list(PROBES), return_attention_mask=False)["input_ids"]
