"""The ids of tokenizer.json are AutoTokenizer's, whatever it was made of."""

from __future__ import annotations

import io
import random
import shutil
from pathlib import Path

import pytest
from bodies import vocabulary
from hollow import WEIGHTS
from transformers import AutoTokenizer

from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_json
from arkiv.encode.description import Description
from arkiv.encode.models import check_model
from arkiv.encode.options import Options
from arkiv.encode.tokenizer import fast_tokenizer, lowers_case
from arkiv.encode.vocabulary import make_tokenizer
from arkiv.example.archive import cases

ODD = [
    *"ÅÄÖåäöÉéüñſßẞŒ½№ﬁ…—“”„",
    *("A\u030a", "o\u0308", "e\u0301", "\u0301", "s\u0323\u0307"),
    *(
        "\0",
        "\x07",
        "\t",
        "\n",
        "\r\n",
        "\u00a0",
        "\u2009",
        "\u200b",
        "\u00ad",
        "\ufeff",
    ),
    *("  ", "   ", "中", "文", "😀", "\u2028", "[MASK]", "</s>", "##a", "▁", "Ġ"),
]
BYTES = [*range(33, 127), *range(161, 173), *range(174, 256)]
MERGES = ["e r", "Ġ d", "e n", "Ġ m", "Ã ¤", "Ã ¥", "Ã ¶", "Å ¿", "Ġd en"]
PIECES = {"deberta-v2": "spm.model", "": "sentencepiece.bpe.model"}
# What tokenizer_config.json says of case and accents.
CASES = [
    {},
    {"do_lower_case": False},
    {"do_lower_case": False, "strip_accents": True},
    {"do_lower_case": True, "strip_accents": False},
    {"do_lower_case": False, "tokenize_chinese_chars": False},
]


def texts(seed: int, count: int = 300) -> list[str]:
    """Words of made-up minutes, with odd characters in between and inside."""
    draw = random.Random(seed)
    words = " ".join(cases(10, seed=seed)).split()
    drawn = []
    for _ in range(count):
        parts = [
            draw.choice(draw.choice((words, ODD))) for _ in range(draw.randint(0, 12))
        ]
        cased = [draw.choice((str, str.upper, str.title))(part) for part in parts]
        drawn.append("".join(part + draw.choice((" ", "", "")) for part in cased))
    return drawn


def wordpieces(path: Path, body: str) -> int:
    words = vocabulary()
    if body == "mpnet":
        words = ["<s>", "<pad>", "</s>", *words, "<mask>"]
    more = [*"ÅÄÖſé", *("##Å", "##ſ", "##é"), "Åker", "##\u030a"]
    words = list(dict.fromkeys([*words, *more]))
    (path / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    return len(words)


def byte_pairs(path: Path, body: str) -> int:
    others = [number for number in range(256) if number not in BYTES]
    letters = [*map(chr, BYTES), *(chr(256 + n) for n in range(len(others)))]
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    if body == "gpt2":
        specials = ["<|endoftext|>"]
    words = [*specials, *letters, *(merge.replace(" ", "") for merge in MERGES)]
    write_json(path / "vocab.json", {word: number for number, word in enumerate(words)})
    (path / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]))
    return len(words)


def pieces(path: Path, body: str) -> int:
    import sentencepiece

    named = ("pad", "bos", "eos", "unk")
    names = dict(zip(named, ("[PAD]", "[CLS]", "[SEP]", "[UNK]"), strict=True))
    given = {f"{name}_piece": piece for name, piece in names.items()}
    given |= {f"{name}_id": number for number, name in enumerate(names)}
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*cases(30, seed=3), "Åkern på Ön ſåg Äril"]),
        model_writer=written,
        vocab_size=150,
        minloglevel=2,
        num_threads=1,
        **(given if body == "deberta-v2" else {}),
    )
    (path / PIECES.get(body, PIECES[""])).write_bytes(written.getvalue())
    return 160


VOCABULARIES = {
    "bert": wordpieces,
    "mpnet": wordpieces,
    "roberta": byte_pairs,
    "gpt2": byte_pairs,
    "xlm-roberta": pieces,
    "camembert": pieces,
    "deberta-v2": pieces,
}


def build(path: Path, body: str, settings: dict | None = None) -> Path:
    """A model directory with a vocabulary and no tokenizer.json."""
    path.mkdir()
    size = VOCABULARIES[body](path, body)
    write_json(path / "config.json", {"model_type": body, "vocab_size": size})
    if settings is not None:
        write_json(path / "tokenizer_config.json", settings)
    return path


def read_by_library(path: Path, given: list[str]) -> list[list[int]]:
    return AutoTokenizer.from_pretrained(path)(given)["input_ids"]


def counted(path: Path, given: list[str]) -> list[list[int]]:
    return [one.ids for one in fast_tokenizer(path).encode_batch(given)]


@pytest.mark.parametrize(
    ("body", "settings"),
    [
        *(("bert", settings) for settings in (None, *CASES)),
        ("mpnet", {"do_lower_case": False}),
        ("roberta", None),
        ("roberta", {"add_prefix_space": True}),
        ("gpt2", {"tokenizer_class": "GPT2Tokenizer"}),
        ("xlm-roberta", None),
        ("camembert", None),
        ("deberta-v2", {"do_lower_case": False}),
    ],
)
def test_what_is_made_of_a_vocabulary_gives_its_tokens(tmp_path, body, settings):
    model, given = build(tmp_path / "model", body, settings), texts(7)
    expected = read_by_library(model, given)
    made = shutil.copytree(model, tmp_path / "made")
    make_tokenizer(made, Options())
    assert counted(made, given) == expected
    assert read_by_library(made, given) == expected
    assert len({token for row in expected for token in row}) > 60


@pytest.mark.parametrize(
    "said", [*CASES, {"tokenizer_class": "PreTrainedTokenizerFast"}]
)
@pytest.mark.parametrize("written", CASES[:3])
def test_case_and_accents_are_as_transformers_reads_them(tmp_path, written, said):
    """It takes them from tokenizer_config.json, whatever tokenizer.json has."""
    model, given = build(tmp_path / "model", "bert", written), texts(8, 60)
    make_tokenizer(model, Options())
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]"}
    write_json(model / "tokenizer_config.json", {**named, **said})
    assert counted(model, given) == read_by_library(model, given)


@pytest.mark.parametrize(
    ("body", "settings"),
    [
        *(("bert", settings) for settings in CASES),
        ("bert", {"tokenizer_class": "PreTrainedTokenizerFast"}),
        ("mpnet", None),
        ("roberta", None),
    ],
)
def test_a_model_that_asks_for_small_letters_may_have_them_of_its_tokenizer(
    tmp_path, body, settings
):
    """As BAAI/bge-*-en-v1.5 have it, in both files."""
    model = build(tmp_path / "model", body, settings)
    write_json(model / "sentence_bert_config.json", {"do_lower_case": True})
    made = shutil.copytree(model, tmp_path / "made")
    generic = (settings or {}).get("tokenizer_class")
    if generic:
        write_json(made / "tokenizer_config.json", {})
    make_tokenizer(made, Options())
    if generic:
        write_json(made / "tokenizer_config.json", settings)
    large, small = counted(made, ["ÅKER Den", "åker den"])
    assert lowers_case(made) == (large == small)
    assert lowers_case(model) == (large == small and not generic)
    for path in (model, made):
        if lowers_case(path):
            assert Description.of(path).pooling == "mean"
        else:
            with pytest.raises(InputError, match="asks for texts in lower case"):
                Description.of(path)


def changed(path: Path, **values) -> None:
    write_json(path, read_json(path) | values if path.exists() else values)


@pytest.mark.parametrize(
    ("body", "file", "values", "said"),
    [
        (
            *("bert", "config.json", {"model_type": "xlm-roberta"}),
            r"lacks sentencepiece\.bpe\.model, of which its XLMRobertaTokenizer is",
        ),
        (
            *("bert", "tokenizer_config.json", {"tokenizer_class": "ByT5Tokenizer"}),
            r"its ByT5Tokenizer cannot be made a tokenizer\.json of vocab\.txt",
        ),
        (
            *("bert", "config.json", {"vocab_size": 20}),
            r"vocab\.txt and tokenizer_config\.json give the token \d+, but the model",
        ),
        ("roberta", "merges.txt", None, "cannot be loaded "),
        (
            # Whose unknown piece has another name than this body gives it.
            *("xlm-roberta", "config.json", {"model_type": "deberta-v2"}),
            r"the tokenizer\.json made of .*spm\.model gives other tokens than they do",
        ),
        ("xlm-roberta", "sentencepiece.bpe.model", "damaged", "cannot be loaded "),
    ],
)
def test_what_cannot_be_made_is_one_sentence(tmp_path, body, file, values, said):
    model = build(tmp_path / "model", body)
    if values is None:
        (model / file).unlink()
    elif values == "damaged":
        (model / file).write_bytes(b"\xff" * 9)
    else:
        changed(model / file, **values)
    if body == "xlm-roberta":
        shutil.copyfile(model / PIECES[""], model / PIECES["deberta-v2"])
    with pytest.raises(InputError, match=f"{model}: {said}") as caught:
        make_tokenizer(model, Options())
    assert "\n" not in str(caught.value)


def test_a_program_that_counts_names_who_makes_it(tmp_path):
    model = build(tmp_path / "model", "bert")
    (model / "model.safetensors").write_bytes(WEIGHTS)
    said = r"lacks tokenizer\.json \(prepare_model\.py --source DIR makes it of vocab\."
    with pytest.raises(InputError, match=said):
        fast_tokenizer(model)
    with pytest.raises(InputError, match=said):
        check_model(model, "m3")
    for kind in ("m3", "dense", "cross_encoder"):
        changed(model / "config.json", id2label={"0": ""})
        assert check_model(model, kind, made=kind != "m3")
