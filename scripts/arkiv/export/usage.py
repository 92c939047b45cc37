"""How to load a tuned model: what its card says, with code to be run as it stands.

The tests run what runs on a CPU with the pinned packages. Of servers it is told which
version the commands were read from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from arkiv.base.markdown import blocks, code, coded
from arkiv.encode.description import Description
from arkiv.export.about import About
from arkiv.export.multi_vector import FOLDER

# Where the code of a card loads the model from.
PLACE = "path/to/this/directory"
EXAMPLE = """\
query = "Who bought the mill?"
passages = [
    "The mill was sold to the miller.",
    "The road is to be mended before winter.",
]"""
WITH_FLAGEMBEDDING = """
from FlagEmbedding import BGEM3FlagModel

model = BGEM3FlagModel("{place}"{pooling})
{example}
scores = model.compute_score(
    [({before_query}query, {before_passage}passage) for passage in passages],
    max_query_length={about.query_max_length},
    max_passage_length={about.passage_max_length},
    weights_for_different_modes=[{weights}],
)
print(scores["colbert+sparse+dense"])
"""
WITH_SENTENCE_TRANSFORMERS = """
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{place}")
{example}
vectors = model.encode(passages{passage_name})
print(model.similarity(model.encode([query]{query_name}), vectors))
"""
WITH_MULTI_VECTORS = """
from sentence_transformers import MultiVectorEncoder

model = MultiVectorEncoder("{place}/{folder}")
{example}
vectors = model.encode_document(passages)
print(model.similarity(model.encode_query([query]), vectors))
"""
# Told by vLLM's documentation, `docs/models/pooling_models/specific_models.md`.
VLLM = "0.32"
WITH_VLLM = """
vllm serve {place} --runner pooling{heads}
"""
VLLM_HEADS = """ \\
  --hf-overrides '{{"architectures": ["BgeM3EmbeddingModel"]}}' \\
  --pooler-config.task embed"""
# As the tests start it, if it is there.
INFINITY = "0.0.78"
WITH_INFINITY = """
infinity_emb v2 --model-id {place} --engine torch \\
  --dtype float32 --no-bettertransformer --url-prefix /v1
"""
# What a dense vector is made of.
POOLED = {
    "cls": "the last state of the first token",
    "mean": "the mean of the last states of all tokens",
    "last": "the last state of the last token",
}


def usage(about: About) -> str:
    """How to load the model in libraries and in servers."""
    how = about.description
    return blocks(
        "## Use",
        f"Passages are cut at {about.passage_max_length:,} tokens and queries at "
        f"{about.query_max_length:,}, {_prompts(how)}, as where the model was "
        f"measured. A dense vector is {POOLED[how.pooling]}, at length 1.",
        *_in_libraries(about, _said(about)),
        "### In a server",
        *_in_servers(about),
    )


def _said(about: About) -> Mapping[str, object]:
    """What stands in the code."""
    how = about.description
    method = f', pooling_method="{how.pooling_method}"'
    return {
        "place": PLACE,
        "folder": FOLDER,
        "example": EXAMPLE,
        "about": about,
        "weights": ", ".join(f"{weight:g}" for weight in about.weights),
        "pooling": "" if how.pooling == Description.pooling else method,
        "before_query": how.query_prompt and f"{how.query_prompt!r} + ",
        "before_passage": how.passage_prompt and f"{how.passage_prompt!r} + ",
        # By these names the directory has the prompts.
        "query_name": how.query_prompt and ', prompt_name="query"',
        "passage_name": how.passage_prompt and ', prompt_name="document"',
    }


def _in_libraries(about: About, said: Mapping[str, object]) -> Iterator[str]:
    if about.heads != "none":
        yield "With FlagEmbedding, in all ways of scoring:"
        yield code(WITH_FLAGEMBEDDING.format(**said), "python")
        yield "With sentence-transformers, by dense vectors alone:"
    else:
        yield "With sentence-transformers:"
    yield code(WITH_SENTENCE_TRANSFORMERS.format(**said), "python")
    if about.multi_vector:
        yield (
            "With sentence-transformers 6.2 or later, by one vector a token (late "
            f"interaction), from the directory {coded(FOLDER)}, which links to the "
            "weights beside it:"
        )
        yield code(WITH_MULTI_VECTORS.format(**said), "python")


def _in_servers(about: About) -> Iterator[str]:
    how = about.description
    prompts = [
        f"{coded(repr(prompt))} before {side}"
        for side, prompt in (
            ("queries", how.query_prompt),
            ("passages", how.passage_prompt),
        )
        if prompt
    ]
    if prompts:
        put = " and ".join(prompts)
        yield f"A server puts nothing before texts; whoever asks it puts {put}."
    whole = about.body == "xlm-roberta" and about.heads != "none"
    bge = whole and how.pooling == "cls"
    other = (
        f" With {coded('token_classify')} in the place of {coded('embed')} it gives "
        f"weights of tokens, with {coded('token_embed')} vectors of tokens, both by "
        f"{coded('/pooling')}."
        if bge
        else ""
    )
    yield (
        f"vLLM, by {coded('/v1/embeddings')} (as its documentation of version {VLLM} "
        f"has it; not run here).{other}"
    )
    heads = VLLM_HEADS.format() if bge else ""
    yield code(WITH_VLLM.format(place=PLACE, heads=heads), "sh")
    yield (
        f"Infinity, by {coded('/v1/embeddings')}, dense vectors alone (version "
        f"{INFINITY}). It cuts queries where it cuts passages, at "
        f"{about.passage_max_length:,} tokens."
    )
    yield code(WITH_INFINITY.format(place=PLACE), "sh")


def _prompts(how: Description) -> str:
    """What is put before texts."""
    if not how.query_prompt and not how.passage_prompt:
        return "without an instruction before them"
    sides = {"queries": how.query_prompt, "passages": how.passage_prompt}
    told = (
        f"{coded(repr(prompt))} before {side}" if prompt else f"nothing before {side}"
        for side, prompt in sides.items()
    )
    return f"with {' and '.join(told)}"
