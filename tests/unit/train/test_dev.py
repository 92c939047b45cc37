"""What a model in training is measured on, and how its scores are kept and judged."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from same_text import written_otherwise

from arkiv.base.errors import InputError
from arkiv.base.files import write_records
from arkiv.base.hashing import content_id
from arkiv.evaluate.measures import by_query, of_first_ten
from arkiv.pairs.division import with_ids
from arkiv.train.dev import ValidationSet, dev_collection, general_collection
from arkiv.train.evaluation import Evaluations, Settings, means_by_mode

# The measures.


def test_the_measures_are_those_of_ir_measures():
    draw = random.Random(3)
    rankings, relevant = [], []
    for _ in range(60):
        rankings.append(np.array(draw.sample(range(40), draw.randint(0, 30)), int))
        relevant.append(draw.sample(range(40), draw.randint(1, 14)))
    ours = of_first_ten(rankings, relevant)
    ids = [f"q{row}" for row in range(len(rankings))]
    theirs = by_query(
        {one: [str(p) for p in r] for one, r in zip(ids, rankings, strict=True)},
        {one: {str(p): 1 for p in r} for one, r in zip(ids, relevant, strict=True)},
        ids,
        ("nDCG@10", "RR@10"),
    )
    assert np.allclose(ours, theirs, atol=1e-12)
    assert 0 < ours.mean() < 1


# The collections.


@pytest.fixture
def archive(tmp_path):
    """Two datasets: dev pairs, and corpora that share a passage."""
    rows = [
        with_ids({"query": f"q{n}", "pos": [f"p{n}", f"p{n} more"]}) for n in range(20)
    ]
    texts = {}
    for row in rows:
        texts |= zip(row["pos_ids"], row["pos"], strict=True)
    passages = [{"id": one, "text": text} for one, text in texts.items()]
    others = [{"id": f"{n:016x}", "text": f"other {n}"} for n in range(50)]
    for name, pairs, corpus in (
        ("a", rows[:12], [*passages[:24], *others[:30]]),
        ("b", rows[12:], [*passages[24:], *others[25:]]),
    ):
        write_records(tmp_path / f"{name}.dev.jsonl", pairs)
        write_records(tmp_path / f"{name}.corpus.jsonl", corpus)
    return tmp_path


def collected(archive, names="ab", **more):
    given = {"queries": 8, "passages": 10, "seed": 1} | more
    return dev_collection(
        [archive / f"{name}.dev.jsonl" for name in names],
        [archive / f"{name}.corpus.jsonl" for name in names],
        **given,
    )


def test_dev_queries_are_searched_in_a_bounded_corpus(archive):
    found = collected(archive)
    assert len(found.queries) == len(found.relevant) == 8
    # Two passages relevant to each, and ten others.
    assert len(found.passages) == len(set(found.passages)) == 26
    for query, rows in zip(found.queries, found.relevant, strict=True):
        number = query[1:]
        texts = {found.passages[row] for row in rows}
        assert texts == {f"p{number}", f"p{number} more"}
    assert ValidationSet(**json.loads(json.dumps(asdict(found)))) == found
    everything = collected(archive, queries=100, passages=1000)
    assert (len(everything.queries), len(everything.passages)) == (20, 90)
    assert set(found.passages) < set(everything.passages)


def test_the_sample_depends_on_seed_and_ids_alone(archive):
    assert collected(archive, "ba") == collected(archive)
    assert collected(archive, seed=2) != collected(archive)
    # More of the same are the same and more.
    more = collected(archive, passages=20)
    assert set(collected(archive).passages) < set(more.passages)


def test_a_collection_without_queries_or_passages_is_refused(archive):
    (archive / "a.dev.jsonl").write_text("")
    with pytest.raises(InputError, match=r"holds no query.*pairs\.shares\.dev"):
        collected(archive, "a")
    (archive / "b.corpus.jsonl").write_text('{"id": "1", "text": "x"}\n')
    with pytest.raises(InputError, match="which no corpus holds"):
        collected(archive, "b")


def test_a_query_that_is_a_passage_does_not_find_itself(archive, tiny_embedder):
    """Of pairs in both directions, and of one that is its own passage alone."""
    from examples import case_pairs

    from arkiv.encode.encoder import Encoder
    from arkiv.encode.m3 import M3

    pairs = list(case_pairs(12, 3))
    pairs += [(answer, letter) for letter, answer in pairs]
    rows = [with_ids({"query": one, "pos": [other]}) for one, other in pairs]
    rows.append(with_ids({"query": "ensam", "pos": ["Ensam"]}))
    write_records(archive / "a.dev.jsonl", rows)
    texts = {text for row in rows for text in row["pos"]}
    passages = [{"id": content_id(text), "text": text} for text in texts]
    write_records(archive / "a.corpus.jsonl", passages)
    found = collected(archive, "a", queries=100, passages=100)
    assert len(found.queries) == 24
    for query, itself in zip(found.queries, found.itself, strict=True):
        assert [found.passages[row] for row in itself] == [query]
    encoder = Encoder(M3(tiny_embedder), longest=512)
    as_it_is = means_by_mode(encoder, found, settings())
    with_itself = means_by_mode(encoder, replace(found, itself=[]), settings())
    for mode, means in as_it_is.items():
        assert means["RR@10"] >= with_itself[mode]["RR@10"]
    assert as_it_is["dense"]["RR@10"] > with_itself["dense"]["RR@10"]
    write_records(archive / "a.dev.jsonl", rows[-1:])
    with pytest.raises(InputError, match="a passage that is not itself"):
        collected(archive, "a")


def test_one_text_is_one_query_and_relevant_under_every_id(archive):
    draw = random.Random(1)
    row = with_ids({"query": "Q3", "pos": ["another"]})
    with open(archive / "b.dev.jsonl", "a") as pairs:
        pairs.write(json.dumps(row) + "\n")
    with open(archive / "b.corpus.jsonl", "a") as corpus:
        copy = written_otherwise("p3 more", draw)
        for text in ("another", f" {copy}"):
            corpus.write(json.dumps({"id": content_id(text), "text": text}) + "\n")
    found = collected(archive, queries=100, passages=1000)
    assert len(found.queries) == 20
    relevant = found.relevant[found.queries.index("q3")]
    texts = {found.passages[row] for row in relevant}
    assert texts == {"p3", "p3 more", f" {copy}", "another"}


def test_a_general_set_has_its_own_passages(tmp_path):
    rows = [
        {"query": "q", "pos": ["a", "b"], "neg": ["c"]},
        {"query": "r", "pos": ["c"]},
        {"query": "q", "pos": ["d"]},
    ]
    write_records(tmp_path / "g.jsonl", rows)
    found = general_collection(tmp_path / "g.jsonl", queries=9, passages=9, seed=1)
    relevant = {
        query: {found.passages[row] for row in rows}
        for query, rows in zip(found.queries, found.relevant, strict=True)
    }
    assert relevant == {"q": {"a", "b", "d"}, "r": {"c"}}
    (tmp_path / "bad.jsonl").write_text('{"query": "q"}\n')
    with pytest.raises(InputError) as caught:
        general_collection(tmp_path / "bad.jsonl", queries=9, passages=9, seed=1)
    assert caught.value.key == "pos"


# Scores of a model.


def settings(**more) -> Settings:
    given = {
        "collections": {"dev": ValidationSet(["q"], ["p"], [[0]])},
        "steps": 2,
        "mode": "dense",
        "measure": "nDCG@10",
        "weights": (1.0, 0.3, 1.0),
        "batch_tokens": 90,
    }
    return Settings(**given | more)


def test_the_scores_are_those_of_the_evaluation_after_training(tiny_embedder):
    from examples import case_pairs

    from arkiv.encode.encoder import Encoder
    from arkiv.encode.m3 import M3
    from arkiv.retrieve.rankings import best

    pairs = list(case_pairs(24, 3))
    queries, passages = (list(texts) for texts in zip(*pairs, strict=True))
    collection = ValidationSet(queries, passages, [[row] for row in range(24)])
    encoder = Encoder(M3(tiny_embedder), longest=64)
    found = means_by_mode(
        encoder, collection, settings(query_max_length=16, passage_max_length=64)
    )
    asked, searched = (
        encoder.encode(
            *(texts, side), max_length=length, sparse=True, multi_vector=True
        )
        for texts, side, length in ((queries, "query", 16), (passages, "passage", 64))
    )
    scores = {
        "dense": asked.dense @ searched.dense.T,
        "sparse": (asked.sparse @ searched.sparse.T).toarray(),
        "multi_vector": np.array(
            [
                [(one @ other.T).max(axis=1).mean() for other in searched.multi_vector]
                for one in asked.multi_vector
            ]
        ),
    }
    scores["combined"] = (
        scores["dense"] + 0.3 * scores["sparse"] + scores["multi_vector"]
    ) / 2.3
    assert found.keys() == scores.keys()
    for mode, values in scores.items():
        rankings = [best(row, 10).rows for row in values]
        means = of_first_ten(rankings, collection.relevant).mean(axis=0)
        assert list(found[mode].values()) == pytest.approx(means, abs=1e-4), mode


# What is done with them.


class Watched:
    """Evaluations of a run whose scores are given."""

    def __init__(self, folder, scores, **more) -> None:
        self.state = SimpleNamespace(global_step=0, epoch=0.0, log_history=[])
        self.args = SimpleNamespace(output_dir=str(folder), should_save=True)
        self.trainer = SimpleNamespace(
            state=self.state, args=self.args, export=self.export
        )
        self.evaluations = Evaluations(self.trainer, settings(**more))
        self.evaluations.evaluate = self.evaluate
        self.scores = scores
        self.folder = folder

    def export(self, to: Path) -> None:
        to.mkdir()
        (to / "step").write_text(str(self.state.global_step))

    def evaluate(self) -> None:
        step = self.state.global_step
        dev, general = self.scores[step]
        scores = {
            name: {"dense": {"nDCG@10": value, "RR@10": value}}
            for name, value in (("dev", dev), ("general", general))
        }
        self.state.log_history.append({"step": step, "epoch": 0, "scores": scores})

    def run(self, steps: int, save_steps: int = 100) -> None:
        """To this step, unless it is stopped early."""
        control = SimpleNamespace(should_training_stop=False, should_save=False)
        self.evaluations.on_train_begin(self.args, self.state, control)
        while self.state.global_step < steps and not control.should_training_stop:
            self.state.global_step += 1
            control.should_training_stop = self.state.global_step == steps
            control.should_save = self.state.global_step % save_steps == 0
            self.evaluations.on_step_end(self.args, self.state, control)
            if control.should_save:
                self.evaluations.on_save(self.args, self.state, control)
        self.evaluations.on_train_end(self.args, self.state, control)

    @property
    def kept(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


def test_the_best_after_the_first_step_is_kept(tmp_path):
    scores = {0: (0.9, 0), 2: (0.2, 0), 4: (0.5, 0), 6: (0.5, 0), 7: (0.1, 0)}
    run = Watched(tmp_path, scores)
    run.run(7)
    assert [entry["step"] for entry in run.evaluations.entries] == [0, 2, 4, 6, 7]
    assert run.evaluations.best["step"] == 4
    assert run.kept == {"best-4"}
    assert (tmp_path / "best-4" / "step").read_text() == "4"
    warning = run.state.log_history[-1]["warning"]
    assert warning == (
        "the tuned model (step 4) is below the base model on dev queries: "
        "dense nDCG@10 0.500 against 0.900"
    )


def test_a_mode_that_falls_is_told_though_another_decides(tmp_path):
    run = Watched(tmp_path, {0: (0.1, 0.4), 2: (0.2, 0.4), 3: (0.1, 0.4)})
    plain = run.evaluations.evaluate

    def evaluate():
        plain()
        entry = run.state.log_history[-1]
        value = 0.7 - entry["step"] / 10
        for modes in entry["scores"].values():
            modes["sparse"] = {"nDCG@10": value, "RR@10": 0.5}

    run.evaluations.evaluate = evaluate
    run.run(3)
    told = [one["warning"] for one in run.state.log_history if "warning" in one]
    assert told == [
        "sparse search by the tuned model (step 2, kept for its dense search) is below "
        "that of the base model on dev queries: nDCG@10 0.500 against 0.700"
    ]


def test_a_run_that_gets_worse_is_stopped_after_some_patience(tmp_path):
    scores = {0: (0.1, 0), 2: (0.2, 0), 4: (0.3, 0), 6: (0.3, 0), 8: (0.2, 0)}
    run = Watched(tmp_path, scores, patience=2)
    run.run(100, save_steps=8)
    assert run.state.global_step == 8
    assert run.kept == {"best-4"}
    # Nothing is saved at step 8: a run that went on from there would go on.
    assert run.evaluations.known is None
    control = SimpleNamespace(should_save=True)
    run.evaluations.on_epoch_end(run.args, run.state, control)
    assert not control.should_save


def test_what_the_newest_checkpoint_knows_as_best_is_kept_too(tmp_path):
    scores = {0: (0.1, 0), 2: (0.2, 0), 4: (0.3, 0), 6: (0.4, 0), 8: (0.1, 0)}
    run = Watched(tmp_path, scores)
    run.run(6, save_steps=4)
    assert run.kept == {"best-4", "best-6"}
    # Killed after step 6, it goes on from the checkpoint at step 4.
    again = Watched(tmp_path, scores)
    again.state.log_history = [e for e in run.state.log_history if e["step"] <= 4]
    again.state.global_step = 4
    again.run(8)
    assert again.evaluations.best["step"] == 6
    late = Watched(tmp_path, scores)
    late.state.log_history = [e for e in run.state.log_history if e["step"] <= 4]
    shutil.rmtree(tmp_path / "best-4")
    with pytest.raises(InputError, match="is not there any more"):
        late.run(8)


def test_forgetting_is_warned_of(tmp_path):
    run = Watched(
        tmp_path,
        {0: (0.1, 0.8), 2: (0.2, 0.6)},
        collections=dict.fromkeys(
            ("dev", "general"), ValidationSet(["q"], ["p"], [[0]])
        ),
    )
    run.run(2)
    (warning,) = (e["warning"] for e in run.state.log_history if "warning" in e)
    assert "on general queries: dense nDCG@10 0.600 against 0.800" in warning
