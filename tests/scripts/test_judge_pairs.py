"""Train pairs judged before training, and those set aside whose passage none finds."""

import json
import random
from itertools import pairwise

import numpy as np
import pytest
from project import records

import embed_given
import filter_pairs
import judge_pairs
import plot_negatives
import show_judged
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_records
from arkiv.base.hashing import content_id, text_key
from arkiv.encode.tokenizer import fast_tokenizer
from arkiv.pairs.judged import broken, top_of, warnings
from arkiv.report.summary import of_pairs


def pair(query, pos, **more):
    ids = {"id": content_id(query), "pos_ids": [content_id(text) for text in pos]}
    return {"query": query, "pos": pos, **ids, **more}


def write(folder, texts, pairs):
    rows = [{"id": content_id(text), "text": text} for text in texts]
    write_records(folder / "corpus.jsonl", rows)
    write_records(folder / "pairs.jsonl", pairs)


def archive(draw, count, answered):
    """Passages, and pairs of which a share asks what the passage has no word of."""
    names = [f"{draw.choice('BDFGK')}{draw.choice('aeiou')}l{n}" for n in range(count)]
    texts = [f"{name} tog säd {name} sålde {name} åter" for name in names]
    pairs = [
        pair(
            f"vad gjorde {name if draw.random() < answered else 'okänd' + name[::-1]}",
            [text],
        )
        for name, text in zip(names, texts, strict=True)
    ]
    return texts, pairs


def unit(vectors):
    vectors = np.asarray(vectors, np.float64)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def judged(folder, model, queries, vectors, *more, parts=2):
    """What judge_pairs.py counts by these embeddings."""
    np.save(folder / "queries.npy", unit(queries))
    bounds = [len(vectors) * n // parts for n in range(parts + 1)]
    files = []
    for n, (start, stop) in enumerate(pairwise(bounds)):
        files.append(str(folder / f"{n}.npy"))
        np.save(files[-1], unit(vectors)[start:stop])
    judge_pairs.main(
        [
            *("--pairs", str(folder / "pairs.jsonl")),
            *("--corpus", str(folder / "corpus.jsonl")),
            *("--queries", str(folder / "queries.npy")),
            *("--embeddings", *files, "--tokenizer", str(model)),
            *("--output", str(folder / "judged.json"), *more),
        ]
    )
    return read_json(folder / "judged.json")


def bm25(model, texts, k1=1.5, b=0.75):
    """Lucene's BM25 of every text, straight from its formula, over a model's tokens."""
    tokenizer = fast_tokenizer(model)

    def tokens(text):
        return tokenizer.encode(text, add_special_tokens=False).ids

    of = list(map(tokens, texts))
    lengths = np.array(list(map(len, of)))
    norms = k1 * (1 - b + b * lengths / lengths.mean())

    def scored(query):
        scores = np.zeros(len(texts), np.float32)
        for token in tokens(query):
            counts = np.array([one.count(token) for one in of])
            holding = (counts > 0).sum()
            idf = np.log(1 + (len(of) - holding + 0.5) / (holding + 0.5))
            scores += np.float32(idf * counts / (counts + norms))
        return scores

    return scored


def first_of(scores, texts, top, lexical=False):
    order = sorted(range(len(texts)), key=lambda n: (-scores[n], content_id(texts[n])))
    return [texts[n] for n in order if scores[n] > 0 or not lexical][:top]


@pytest.mark.parametrize("seed", range(3))
def test_what_each_search_finds_is_counted(tmp_path, tiny_embedder, monkeypatch, seed):
    monkeypatch.setattr(judge_pairs, "BLOCK", 17)  # vectors are read in many blocks
    draw = random.Random(seed)
    texts, pairs = archive(draw, 130, 0.6)
    draw.shuffle(texts)
    write(tmp_path, texts, pairs)
    numbers = np.random.default_rng(seed)
    vectors = numbers.normal(size=(len(texts), 8))
    at = {text: row for row, text in enumerate(texts)}
    # Of half of the pairs the query lies beside its passage.
    near = vectors[[at[one["pos"][0]] for one in pairs]]
    far = numbers.normal(size=(len(pairs), 8))
    queries = np.where(np.arange(len(pairs))[:, None] % 2, near, far)
    found = judged(tmp_path, tiny_embedder, queries, vectors)
    assert (found["pairs"], found["judged"], found["passages"]) == (130, 130, 130)
    assert found["top"] == 13
    exact = unit(queries).astype(np.float64) @ unit(vectors).astype(np.float64).T
    scored = bm25(tiny_embedder, texts)
    lexical = [scored(one["query"]) for one in pairs]
    for top, lost in ((13, found["lost"]), (100, found["lost_at_100"])):
        by = [
            np.array(
                [
                    one["pos"][0] in first_of(scores, texts, top, words)
                    for one, scores in zip(pairs, each, strict=True)
                ]
            )
            for each, words in ((exact, False), (lexical, True))
        ]
        assert lost == (~(by[0] | by[1])).sum()
        if top == 13:
            assert found["found"] == {"dense": by[0].sum(), "bm25": by[1].sum()}


def test_neither_parts_nor_the_order_of_passages_shows(tmp_path, tiny_embedder):
    draw = random.Random(1)
    texts, pairs = archive(draw, 60, 0.5)
    vectors = np.random.default_rng(0).normal(size=(60, 4))
    vectors[10:40] = vectors[10]  # ties, which ids settle
    queries = vectors[::-1]
    seen = []
    for parts, order in ((1, range(60)), (3, draw.sample(range(60), 60))):
        write(tmp_path, [texts[n] for n in order], pairs)
        moved = vectors[list(order)]
        seen.append(judged(tmp_path, tiny_embedder, queries, moved, parts=parts))
    assert seen[0] == seen[1]


def test_few_passages_say_nothing(tmp_path, tiny_embedder):
    texts, pairs = archive(random.Random(0), 15, 0.5)
    write(tmp_path, texts, pairs)
    found = judged(tmp_path, tiny_embedder, np.eye(15), np.eye(15))
    assert found["lost"] is found["lost_at_100"] is found["found"] is None
    assert list(map(top_of, (0, 19, 20, 263, 999, 1000, 10**6))) == [
        *(0, 0, 2, 26, 99, 100, 100)
    ]


def test_given_negatives_are_compared_by_their_embeddings(tmp_path, tiny_embedder):
    draw = random.Random(2)
    texts, pairs = archive(draw, 40, 1)
    for one in pairs:
        one["neg"] = draw.sample([t for t in texts if t not in one["pos"]], 4)
    pairs[0]["neg"] = ["en text som ingen har inbäddat"]
    write(tmp_path, texts, pairs)
    files = {name: str(tmp_path / f"{name}.npy") for name in ("queries", "passages")}
    embed_given.main(
        [
            *("--pairs", str(tmp_path / "pairs.jsonl")),
            *("--corpus", str(tmp_path / "corpus.jsonl")),
            *("--model", str(tiny_embedder), "--queries", files["queries"]),
            *("--output", files["passages"]),
        ]
    )
    queries, vectors = (np.load(path) for path in files.values())
    assert judged(tmp_path, tiny_embedder, queries, vectors)["negatives"] is None
    found = judged(tmp_path, tiny_embedder, queries, vectors, "--given")["negatives"]
    place = {text_key(text): row for row, text in enumerate(texts)}
    exact = queries.astype(np.float64) @ vectors.astype(np.float64).T
    above = []
    for one, scores in list(zip(pairs, exact.astype(np.float32), strict=True))[1:]:
        (least,), own = (
            [scores[place[text_key(text)]] for text in one[side]]
            for side in ("pos", "neg")
        )
        above.append(sum(score > least for score in own))
    assert found == {
        "of": 4 * 39,
        "above": sum(above),
        "pairs": 39,
        "pairs_above": sum(count > 0 for count in above),
    }


def filtered(folder, model, *more):
    """Pairs kept, pairs set aside, and what was counted."""
    kept, aside, stats = (folder / name for name in ("kept", "aside", "stats"))
    filter_pairs.main(
        [
            *("--pairs", str(folder / "pairs.jsonl")),
            *("--corpus", str(folder / "corpus.jsonl"), "--model", str(model)),
            *("--output", str(kept), "--rejected", str(aside)),
            *("--stats", str(stats), "--cache", str(folder / "cache")),
            *map(str, more),
        ]
    )
    return records(kept), records(aside), read_json(stats)


def test_pairs_stay_whose_passage_a_search_finds(tmp_path, tiny_embedder):
    draw = random.Random(3)
    texts, pairs = archive(draw, 40, 0.5)
    pairs[1] |= {"neg": ["ett eget"], "neg_ids": ["eget"]}
    # Found by a second positive, and by a copy in other letters.
    pairs.append(pair("vem är Alfa", [texts[3], f"Alfa {texts[4]}"]))
    pairs.append(pair("vem är Beta", [f"BETA {texts[5]}"]))
    texts += [pairs[-2]["pos"][1], f"beta   {texts[5].lower()}"]
    write(tmp_path, texts, pairs)
    by = {}
    for way in ("bm25", "dense", "either", "both"):
        more = ("--round-trip-by", way, "--round-trip-top", 3)
        kept, aside, stats = filtered(tmp_path, tiny_embedder, *more)
        by[way] = {one["id"] for one in kept}
        assert [one for one in pairs if one["id"] in by[way]] == kept
        assert {one["reason"] for one in aside} <= {filter_pairs.ASTRAY}
        assert [one for one in pairs if one["id"] not in by[way]] == [
            {key: value for key, value in one.items() if key != "reason"}
            for one in aside
        ]
        assert stats["kept"] + sum(stats["rejected"].values()) == stats["pairs"] == 42
    assert by["either"] == by["bm25"] | by["dense"]
    assert by["both"] == by["bm25"] & by["dense"]
    scored = bm25(tiny_embedder, texts)
    own = [
        one["id"]
        for one in pairs
        if set(one["pos"]) & set(first_of(scored(one["query"]), texts, 3, True))
    ]
    assert set(own) <= by["bm25"]
    assert pairs[-2]["id"] in by["bm25"]


def test_as_many_ranks_as_passages_set_nothing_aside(tmp_path, tiny_embedder, caplog):
    texts, pairs = archive(random.Random(4), 12, 0)
    write(tmp_path, texts, pairs)
    more = ("--round-trip-by", "dense", "--round-trip-top", 20)
    assert filtered(tmp_path, tiny_embedder, *more)[0] == pairs
    assert "the 20 first that count are 100.0% of the 12 passages" in caplog.text


def test_a_round_trip_that_leaves_no_pair_is_one_sentence(tmp_path, tiny_embedder):
    texts = [f"stycke nummer {n}" for n in range(30)]
    write(tmp_path, texts, [pair("fråga", ["det som ej står där"])])
    with pytest.raises(InputError, match="leaves none of the 1 train pairs"):
        filtered(tmp_path, tiny_embedder, "--round-trip-by", "bm25")
    with pytest.raises(InputError, match="round_trip_by"):
        filtered(tmp_path, tiny_embedder)


def figures(embedder=0.0, lost=0.0, teacher=None, count=300):
    def of(share):
        return {"of": 10 * count, "above": round(10 * count * share), "pairs": count}

    search = {"judged": count, "lost": round(count * lost), "top": 100}
    return {
        "embedder": of(embedder),
        "teacher": None if teacher is None else of(teacher),
        "search": search | {"passages": 5000},
    }


@pytest.mark.parametrize(
    ("shares", "reasons"),
    [
        ({"embedder": 0.05, "lost": 0.1}, 0),
        ({"embedder": 0.84, "lost": 0.75}, 2),
        ({"embedder": 0.84}, 1),
        ({"lost": 0.5}, 1),
        ({"teacher": 0.6}, 1),
        ({"embedder": 0.84, "lost": 0.9, "count": 19}, 0),
    ],
)
def test_broken_pairs_are_said_aloud(shares, reasons):
    assert len(broken(figures(**shares))) == reasons
    said = list(warnings({"court": figures(**shares)}))
    assert len(said) == (reasons > 0)
    assert all("pairs of court look broken" in one for one in said)


def test_a_teacher_that_sees_the_answers_is_heard():
    (said,) = warnings({"court": figures(0.84, 0.75, teacher=0.04)})
    assert "the teacher prefers 4.0%" in said
    (said,) = warnings({"court": figures(0.84, 0.75, teacher=0.7)})
    assert "70.0% of the negatives score above the positive by the teacher" in said
    assert list(warnings({"court": {}, "other": {"embedder": None}})) == []


def rows_of(draw, count, above):
    """Rows whose hard negatives are above the positive as often as is said."""
    rows = []
    for n in range(count):
        sources = [draw.choice(("dense", "bm25", "random")) for _ in range(5)]
        similar = [0.9 if draw.random() < above else 0.1 for _ in sources]
        more = {"neg_sources": sources, "neg_similarities": similar}
        more |= {"neg": list("abcde"), "pos_similarities": [0.5, 0.6]}
        rows.append(pair(f"fråga {n}", ["p", "r"], **more))
    return rows


@pytest.mark.parametrize(("above", "loud"), [(0.8, True), (0.1, False)])
def test_audit_and_terminal_tell_of_the_pairs(tmp_path, capsys, caplog, above, loud):
    rows = rows_of(random.Random(5), 50, above)
    write_records(tmp_path / "rows.jsonl", rows)
    hard = [
        row["neg_similarities"][n] > 0.5
        for row in rows
        for n, source in enumerate(row["neg_sources"])
        if source != "random"
    ]
    search = {"judged": 50, "passages": 400, "top": 40, "lost": 2, "negatives": None}
    search |= {"found": {"dense": 45, "bm25": 1}, "lost_at_100": 1}
    (tmp_path / "judged.json").write_text(json.dumps(search))
    given = ["--rows", f"d={tmp_path / 'rows.jsonl'}"]
    given += ["--searches", f"d={tmp_path / 'judged.json'}"]
    for name in ("page", "chart", "numbers"):
        given += [f"--{name}", str(tmp_path / name)]
    plot_negatives.main(given)
    share = f"{sum(hard):,} ({sum(hard) / len(hard):.1%})"
    page = (tmp_path / "page").read_text()
    show_judged.main(["--audit", str(tmp_path / "numbers")])
    told = capsys.readouterr().out
    assert share in page
    assert f"negatives that the embedder prefers to the positive: {share}" in told
    assert "queries whose passage no search finds there: 2 (4.0%)" in told
    assert "or a tenth of few passages: 40 of 400" in told
    for text in (page, " ".join(told.split()), caplog.text):
        assert ("The pairs of d look broken" in text) == loud


def test_the_summary_begins_with_what_looks_broken_and_toys_are_not_heard():
    first = {"court": {"judged": figures(0.84, 0.75)}, "old": {"rows": 3}}
    later = {"court": {"judged": figures(0.9, 0.9)}}
    (said,) = of_pairs([first, later])
    assert "84.0%" in said
    assert of_pairs([]) == of_pairs([{"old": {}}]) == []
    many = [{f"d{n}": {"judged": figures(0.84)} for n in range(11)}]
    assert of_pairs(many)[-1].startswith("So do those of 3 more datasets")
    toys = {"toys": ["embedder", "reranker"]}
    assert broken(figures(0.84, teacher=0.9) | toys) == []
    assert len(broken(figures(0.84, 0.75, teacher=0.1) | toys)) == 1
