"""Archives of pages, and the two programs that make documents of them."""

from __future__ import annotations

import json

import build_documents
import merge_documents

OUTPUTS = {
    "output": "d.jsonl",
    "rejected": "r.jsonl",
    "stats": "s.json",
    "lines": "l.jsonl",
}


def write_page(path, *texts):
    lines = [{"text_result": {"texts": [text], "scores": [0.5]}} for text in texts]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"label": path.stem, "contains": [{"contains": lines}]}))


def outputs(out, prefix=""):
    """The flags of the files that either program writes."""
    return [
        word
        for key, name in OUTPUTS.items()
        for word in (f"--{key}", out / f"{prefix}{name}")
    ]


def flags(pages, tokenizer, out, *more):
    given = ["--pages", pages, "--tokenizer", tokenizer, *outputs(out), *more]
    return [*map(str, given)]


def build(pages, tokenizer, out, *more, parts=1, merge=()):
    """Cut the volumes in parts and put the documents together."""
    blocks = [f"{part}-of-{parts}-" for part in range(1, parts + 1)]
    for block in blocks:
        build_documents.main(
            [
                *flags(pages, tokenizer, out, *more, "--part", block[:-1]),
                *map(str, outputs(out, block)),
            ]
        )
    words = [
        *("--documents", *(out / f"{block}d.jsonl" for block in blocks)),
        *("--rejected-by-blocks", *(out / f"{block}r.jsonl" for block in blocks)),
        *("--stats-of-blocks", *(out / f"{block}s.json" for block in blocks)),
        *("--lines-of-blocks", *(out / f"{block}l.jsonl" for block in blocks)),
        *(*outputs(out), *merge),
    ]
    merge_documents.main([*map(str, words)])
    return rows(out / "d.jsonl"), rows(out / "r.jsonl"), json_of(out / "s.json")


def rows(path):
    lines = path.read_text("utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def json_of(path):
    return json.loads(path.read_text("utf-8"))
