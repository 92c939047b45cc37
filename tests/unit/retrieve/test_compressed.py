"""Smaller forms of vectors, against brute force and against sentence-transformers."""

import json

import numpy as np
import pytest
import yaml
from project import ROOT

from arkiv.base.errors import InputError
from arkiv.retrieve import compressed, rankings
from arkiv.retrieve.compressed import int8_codes, rescored, search, signs
from arkiv.retrieve.forms import Form, check_compress, compressible, cuts
from arkiv.retrieve.systems import systems_of
from arkiv.settings.layout import prepared_model

DEFAULTS = yaml.safe_load((ROOT / "config/config.yaml").read_text())
DIMENSIONS = 36  # not a multiple of 8


@pytest.fixture(scope="module")
def vectors():
    """Queries, and passages of which some are alike, as encodings have them."""
    generator = np.random.default_rng(7)
    passages = generator.normal(size=(60, DIMENSIONS))
    passages[40:] = passages[:20] + 0.3 * generator.normal(size=(20, DIMENSIONS))
    passages /= np.linalg.norm(passages, axis=1, keepdims=True)
    queries = passages[:9] + 0.1 * generator.normal(size=(9, DIMENSIONS))
    return queries.astype(np.float16), passages.astype(np.float16)


def cosines(queries, passages):
    one, other = (np.asarray(each, np.float64) for each in (queries, passages))
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    return one @ (other / np.linalg.norm(other, axis=1, keepdims=True)).T


def hamming(queries, passages):
    """Distances as bits differ in what sentence-transformers packs into bytes."""
    from sentence_transformers.util import quantize_embeddings

    one, other = (quantize_embeddings(each, "ubinary") for each in (queries, passages))
    return np.unpackbits(one[:, None] ^ other[None], axis=2).sum(axis=2)


def rows_of(found):
    return [ranking.rows.tolist() for ranking in found]


def ordered(scores):
    return np.argsort(-scores, axis=1, kind="stable").tolist()


@pytest.mark.parametrize(
    ("word", "form", "size"),
    [
        ("int8", Form("int8"), 36),
        ("binary", Form("binary"), 5),
        (16, Form("float16", 16), 32),
        ("16", Form("float16", 16), 32),
        ("16-int8", Form("int8", 16), 16),
        ("20-binary", Form("binary", 20), 3),
    ],
)
def test_forms_have_names_and_sizes(vectors, word, form, size):
    assert Form.of(word) == form
    assert str(form) == str(word)
    assert form.bytes_of(DIMENSIONS) == size
    if form.code == "binary":
        packed = np.packbits(vectors[1][:, : form.dimensions] > 0, axis=1)
        assert packed.shape[1] == size
    assert Form().bytes_of(DIMENSIONS) == vectors[1][0].nbytes


@pytest.mark.parametrize("word", ["int4", "0", "-int8", "int8-64", "64-", "٣", ""])
def test_what_is_no_form_is_refused(word):
    with pytest.raises(InputError, match=r"`evaluate.compress`: has .*expected int8"):
        Form.of(word)


def test_forms_need_a_system_that_searches_by_dense_vectors():
    systems = {
        name: {"type": "m3", "model": "tuned", "mode": name}
        for name in ("sparse", "dense")
    }
    assert compressible(systems_of(systems)) == {"dense": "tuned"}
    check_compress(["int8"], systems_of(systems))
    del systems["dense"]
    check_compress([], systems_of(systems))
    with pytest.raises(InputError, match="no system of type m3 and mode dense"):
        check_compress(["int8"], systems_of(systems))
    assert cuts([]) == cuts(["int8"]) == {}
    assert cuts(["int8", 64, "512-int8"]) == {"evaluate.compress": 512}


def test_more_dimensions_than_the_model_has_are_refused_before_any_job(tiny_embedder):
    embedder = DEFAULTS["models"]["embedder"] | {"source": str(tiny_embedder)}

    def planned(*compress):
        evaluate = DEFAULTS["evaluate"] | {"compress": list(compress)}
        models = DEFAULTS["models"] | {"embedder": embedder}
        return prepared_model(
            DEFAULTS | {"models": models, "evaluate": evaluate}, "embedder"
        )

    dimensions = json.loads((tiny_embedder / "config.json").read_text())["hidden_size"]
    assert planned("int8", dimensions) == str(tiny_embedder)
    said = f"`evaluate.compress`: keeps 512 dimensions of vectors, but .* {dimensions};"
    with pytest.raises(InputError, match=said):
        planned(16, "512-int8")


def test_cut_vectors_are_searched_as_brute_force_does(vectors, monkeypatch):
    queries, passages = vectors
    monkeypatch.setattr(rankings, "BLOCK_PASSAGES", 7)
    found = rows_of(search(Form.of(12), queries, passages, 60))
    assert found == ordered(cosines(queries[:, :12], passages[:, :12]))
    assert found != ordered(cosines(queries, passages))


def test_int8_codes_are_those_of_sentence_transformers_up_to_where_it_rounds(vectors):
    """Of one vector at a time, with its own largest component as the range of all."""
    from sentence_transformers.util import quantize_embeddings

    for vector in vectors[1].astype(np.float32):
        largest = np.full(DIMENSIONS, np.abs(vector).max())
        theirs = quantize_embeddings(
            vector[None], "int8", ranges=np.stack([-largest, largest])
        )
        ours = int8_codes(vector[None])
        assert ours.dtype == theirs.dtype == np.int8
        # Theirs are 255 steps from the lowest up, cut off below.
        assert np.abs(ours.astype(int) - theirs - 0.5).max() <= 1.5
        assert np.abs(ours).max() == 127
        # Half a step at most is lost.
        step = largest[0] / 127
        assert np.abs(ours * step - vector).max() <= step / 2 * 1.0001
    assert not int8_codes(np.zeros((2, 3))).any()


def test_int8_search_is_brute_force_and_near_the_whole_one(vectors):
    queries, passages = vectors
    found = rows_of(search(Form.of("int8"), queries, passages, 60))
    assert found == ordered(cosines(int8_codes(queries), int8_codes(passages)))
    first = [one[:1] for one in found]
    assert first == [one[:1] for one in ordered(cosines(queries, passages))]
    cut = rows_of(search(Form.of("12-int8"), queries, passages, 60))
    codes = (int8_codes(each[:, :12]) for each in vectors)
    assert cut == ordered(cosines(*codes))


def test_binary_search_goes_by_the_bits_of_sentence_transformers(vectors):
    queries, passages = vectors
    distances = hamming(queries, passages).astype(int)
    products = signs(queries) @ signs(passages).T
    assert np.array_equal(products, DIMENSIONS - 2 * distances)
    found = rows_of(search(Form.of("binary"), queries, passages, 60))
    assert found == ordered(-distances)


def test_the_first_are_ranked_anew_by_query_and_int8(vectors, monkeypatch):
    queries, passages = vectors
    monkeypatch.setattr(compressed, "RESCORED", 10)
    first = list(search(Form.of("binary"), queries, passages, 30))
    scores = cosines(queries, int8_codes(passages))
    for row, ranking in enumerate(
        rescored(Form.of("binary"), first, queries, passages)
    ):
        ahead = sorted(first[row].rows[:10], key=lambda one: -scores[row, one])
        assert ranking.rows.tolist() == [*ahead, *first[row].rows[10:]]
        assert (np.diff(ranking.scores) <= 0).all()
