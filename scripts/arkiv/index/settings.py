"""The settings of the index.

Read while the Snakefile is parsed: nothing heavy here.
"""

from __future__ import annotations

from dataclasses import dataclass

from arkiv.base.declared import setting

# Snowball's stemmers, as Lance has them.
LANGUAGES = (
    *("arabic", "danish", "dutch", "english", "finnish", "french", "german", "greek"),
    *("hungarian", "italian", "norwegian", "portuguese", "romanian", "russian"),
    *("spanish", "swedish", "tamil", "turkish"),
)


@dataclass(frozen=True)
class Index:
    """The index that `snakemake index` makes of all passages."""

    model: str = setting(
        "tuned",
        "by which model of the run: `tuned`, `base`, `round_1` …",
        pattern=r"^(tuned|base|round_[1-9][0-9]*)$",
    )
    vectors: str = setting(
        "float16",
        "numbers of dense vectors; `evaluate.compress` prices `int8`, half as large",
        choices=("float16", "int8"),
    )
    multi_vectors: bool = setting(
        False, "keep a vector for each token too, some hundred times as large"
    )
    language: str | None = setting(
        "swedish",
        "by whose endings full text takes forms of a word for one; null: for none",
        choices=LANGUAGES,
    )
    ann_from: int | None = setting(
        50_000,
        "passages from which dense vectors are searched approximately, with the recall "
        "told; null: never",
        at_least=1000,
    )
    manifest_link: str | None = setting(
        None,
        "address of a volume's IIIF manifest, "
        "`https://iiif.example/{volume}/manifest.json`, or by `{dataset}`",
    )
