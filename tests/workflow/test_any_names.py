"""A run in which everything that a user names is called as drawn."""

import json
import random
import re
import shutil

from archives import write_page
from examples import case_pairs
from names import any_name, plain_name
from project import ONE_PART, Project, records, small

SEED = 16


def write_rows(path, seed, **more):
    """Ready pairs, a volume each four."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (
        {"query": query, "pos": [text], "volume": f"{path.name} {n // 4}"} | more
        for n, (query, text) in enumerate(case_pairs(24, seed))
    )
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def test_a_run_with_any_names(tiny_embedder, tmp_path):
    rng = random.Random(SEED)
    # The project's own place: Snakemake cannot do with braces there.
    project = Project(tmp_path / re.sub("[{}]", "", any_name(rng)))
    names = [any_name(rng, count) for count in (200, 30, 30, 5, 30, 30, 30, 30, 30)]
    pages, pairs, negatives, scores, general, gold, rules, directory, model = names
    place = project.folder
    for seed in range(4):
        volume = any_name(rng)
        for _, text in case_pairs(6, seed):
            write_page(place / pages / volume / f"{any_name(rng)}.json", text)
    write_rows(place / pairs / f"{any_name(rng)}.jsonl", 11)
    write_rows(place / f"{negatives}.jsonl", 12, neg=["annat"])
    scored = {"neg": ["annat"], "pos_scores": [2], "neg_scores": [-1]}
    write_rows(place / f"{scores}.jsonl", 13, **scored)
    write_rows(place / f"{general}.jsonl", 14)
    judged = (
        {"query": query, "documents": [text]} for query, text in case_pairs(24, 12)
    )
    lines = "".join(f"{json.dumps(one)}\n" for one in judged)
    (place / f"{gold}.jsonl").write_text(lines)
    shutil.copy(place / "config/spelling/sv.yaml", place / f"{rules}.yaml")
    shutil.copytree(tiny_embedder, place / model)
    datasets = {
        plain_name(rng, 60): {"pages": pages},
        plain_name(rng): {"pairs": pairs},
        plain_name(rng): {"negatives": f"{negatives}.jsonl"},
        plain_name(rng): {"scores": f"{scores}.jsonl"},
    }
    run = plain_name(rng, 60)
    given = small(directory, run=run, datasets=datasets, parts=ONE_PART)
    given["train"]["processes"] = 1
    given["models"]["embedder"] = {"source": model, "revision": None}
    given["train"]["evaluation"] = {"general": f"{general}.jsonl"}
    given["train"]["augment"] = {"spelling": ["old", "modern"], "noise": 0.1}
    given["merge"] = {"with": "base"}
    given["gold"] = {
        "method": "file",
        "file": f"{gold}.jsonl",
        "on_bad_input": "skip",
    }
    given["evaluate"]["spelling"] = {"queries": 5, "rules": f"{rules}.yaml"}
    given["evaluate"]["spelling"]["systems"] = ["bm25", "tuned_dense"]
    given["evaluate"]["systems"] = {
        **given["evaluate"]["systems"],
        "other": {"type": "embedder", "source": model, "query_prompt": names[0]},
    }
    given["documents"] = {"method": "page", "skip_regions": names}
    given["export"] = {"name": any_name(rng)}
    config = project.configure(any_name(rng) + ".yaml", **given)
    done = project.snakemake("--configfile", config)
    assert done.returncode == 0, done.stdout[-5000:]
    results = place / "results" / run
    report = (results / "report.html").read_text(encoding="utf-8")
    # The general set was searched too, and chose with the dev queries what is merged.
    assert "What was learnt, and what was forgotten" in report
    merge = json.loads((results / "merged/merge.json").read_text(encoding="utf-8"))
    assert merge["collections"].keys() == {"dev", "general"}
    assert f"{merge['weight']:g} (taken)" in report
    # Some queries are asked in other letters, and nothing else of the rows is another.
    assert "train queries respelled or misread" in report
    for name in datasets:
        altered = {
            one["id"]: one for one in records(results / f"augmented/{name}.jsonl")
        }
        shards = (results / "shards").glob(f"{name}_len-*.jsonl")
        rows = [row for path in shards for row in records(path)]
        assert len(rows) == len(altered)
        for row in rows:
            known = {
                key: row[key] for key in row.keys() & {"query", "pos", "neg", "id"}
            }
            assert known == {key: altered[row["id"]][key] for key in known}
    trained, merged, exported = (
        (results / path / "model.safetensors").read_bytes()
        for path in ("model", "merged/model", "export")
    )
    assert merged == exported
    assert (merged == trained) == (merge["weight"] == 1)
    assert not list(tmp_path.rglob("ran"))
