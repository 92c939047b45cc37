"""What a run may start from, real material among it, and what is wrong with it."""

import json
import re

import pytest
from project import ONE_PART, Project, records, small
from sheets import FORMATS

from arkiv.base.files import read_json, write_records
from arkiv.base.hashing import content_id, nfc
from arkiv.base.natural import natural
from arkiv.retrieve.weights import FEWEST_QUERIES


def test_real_pages_become_a_model_and_a_report(models, svea, tmp_path):
    project = Project(tmp_path)
    given = small(
        models,
        datasets={"svea": {"pages": str(svea / "pages")}},
        pairs={"group_by": "pages", "block_pages": 1},
        parts=ONE_PART,
    )
    given["train"]["processes"] = 1
    config = project.configure(**given)
    done = project.snakemake("--configfile", config)
    assert done.returncode == 0, done.stdout[-5000:]
    results = project.folder / "results/small"
    assert (results / "model/model.safetensors").exists()
    stats = read_json(results / "documents/svea.stats.json")
    assert stats["pages"] == 9
    assert "svea" in (results / "report.html").read_text(encoding="utf-8")


def test_pages_at_a_place_with_any_name_in_any_format(models, tmp_path):
    """A folder name that a shell would run, a volume a format, and a broken file."""
    project = Project(tmp_path)
    folder = project.folder / "my $(touch pwned) 'pages'"
    for name, (ending, write) in FORMATS.items():
        volume = folder / name
        volume.mkdir(parents=True)
        for number in (1, 2):
            # Texts of their own: else they were one volume in several formats.
            own = re.sub(r"\W", "", name)
            lines = [(f"{own}{number}rad{n}", 0.5) for n in range(30)]
            page = [("paragraph", lines)]
            (volume / f"{number}{ending}").write_bytes(write(page))
    (folder / "plain text" / "it's $(touch pwned).txt").write_bytes(b"\xff")
    config = project.configure(
        **small(
            models,
            datasets={"d": {"pages": folder.name}},
            documents={"method": "page", "duplicate_jaccard": None},
        )
    )
    done = project.snakemake("documents", "--configfile", config)
    assert done.returncode == 0, done.stdout[-5000:]
    results = project.folder / "results/small/documents"
    found = [
        (item["volume"], item["first_page"]) for item in records(results / "d.jsonl")
    ]
    names = sorted(FORMATS, key=natural)
    assert found == [(name, number) for name in names for number in (1, 2)]
    (rejected,) = records(results / "d.rejected.jsonl")
    assert rejected["file"].endswith("/plain text/it's $(touch pwned).txt")
    assert not list(tmp_path.rglob("pwned"))


def judge_run(folder, pairs):
    """Another run that people have judged: every tenth passage for a query of their
    own, the next as what does not answer it."""
    texts = list(dict.fromkeys(nfc(text) for row in pairs for text in row["pos"]))
    write_records(
        folder / "collection/corpus.jsonl",
        [{"id": content_id(text), "text": text} for text in texts],
    )
    write_records(folder / "collection/queries.jsonl", [])
    verdicts = (("relevant", texts[::10]), ("not_relevant", texts[1::10]))
    write_records(
        folder / "judgements.jsonl",
        [
            {
                "query": f"vad står i {number}",
                "query_id": content_id(f"vad står i {number}"),
                "passage_id": content_id(text),
                "verdict": verdict,
                "judge": "anna",
            }
            for verdict, judged in verdicts
            for number, text in enumerate(judged)
        ],
    )
    return folder / "judgements.jsonl"


def test_real_pairs_and_intermediate_rows_are_starting_points(models, svea, tmp_path):
    """All of them at once, and verdicts on another run: each a dataset of its own, one
    model from all, without what no search finds."""
    project = Project(tmp_path)
    judgements = judge_run(
        project.folder / "results/judged", records(svea / "archive_pairs.jsonl")
    )
    sources = {
        "archive": {"pairs": svea / "archive_pairs.jsonl"},
        "pos": {"pairs": svea / "example_pos.jsonl"},
        "posneg": {"negatives": svea / "example_posneg.jsonl"},
        "train": {"scores": svea / "example_train.jsonl"},
        "clicks": {"judgements": judgements.relative_to(project.folder)},
    }
    datasets = {
        name: {kind: str(path) for kind, path in source.items()}
        for name, source in sources.items()
    }
    # Four datasets are parts enough, and the starts of their texts are read.
    given = small(models, datasets=datasets, parts=ONE_PART)
    mining = {"passage_max_length": 64, "negatives_per_query": 3}
    given |= {"teacher": {"max_length": 64}, "mining": mining}
    given["pairs"] = {"round_trip": {"by": "either", "top": 100}}
    given["train"] |= {"evaluation": {"queries": 20, "passages": 20}}
    given["evaluate"] |= {"weights": "auto"}
    config = project.configure(**given)
    done = project.snakemake("evaluate", "--configfile", config)
    assert done.returncode == 0, done.stdout[-5000:]
    results = project.folder / "results/small"
    for name, rows in (("archive", 1128), ("pos", 6), ("posneg", 6), ("train", 6)):
        stats = read_json(results / f"pairs/{name}/stats.json")
        assert stats["train"] + stats["dev"] + stats["test"] == rows
        shards = results.glob(f"shards/{name}_len-*.jsonl")
        kept = read_json(results / f"pairs/{name}/filtered.stats.json")
        assert sum(len(records(path)) for path in shards) == kept["kept"]
        assert (
            kept["pairs"]
            == stats["train"]
            == kept["kept"] + sum(kept["rejected"].values())
        )
        # Of a few passages every one is found.
        assert bool(kept["rejected"]) == (name == "archive")
    _learns_from_verdicts(results)
    assert (results / "metrics/metrics.json").exists()
    learnt = read_json(results / "weights/tuned_combined.json")
    dev = sum(len(records(results / f"pairs/{name}/dev.jsonl")) for name in datasets)
    assert FEWEST_QUERIES <= learnt["queries"] <= dev
    assert (learnt["kept"] is None) == (learnt["gain"] > 0)


def _learns_from_verdicts(results):
    """Of what others train on alone; negatives of people come first."""
    counts = read_json(results / "verdicts/clicks.stats.json")
    assert counts["pairs"] == read_json(results / "pairs/clicks/stats.json")["train"]
    assert sum(counts["set_aside"].values())
    others = {"archive", "pos", "posneg", "train"}
    passages = [records(results / f"pairs/{name}/mining.jsonl") for name in others]
    of_train = {row["id"] for some in passages for row in some}
    rows = records(results / "negatives/clicks.jsonl")
    assert len(rows) == counts["pairs"]
    for row in rows:
        assert of_train.issuperset([*row["pos_ids"], *row["neg_ids"]])
        assert len(row["neg"]) == 3
    sources = [row["neg_sources"] for row in rows]
    assert sum(each.count("given") for each in sources) == counts["not_relevant"]
    assert all("given" not in each[1:] for each in sources)
    passages = records(results / "collection/corpus.jsonl")
    assert others.issuperset(row["dataset"] for row in passages)


ROWS = [f'{{"query": "fråga {n}", "pos": ["stycke {n}"]}}' for n in range(12)]


def test_datasets_are_learnt_one_after_another(models, tmp_path):
    project = Project(tmp_path)
    scores = {"neg": ["annat"], "pos_scores": [2], "neg_scores": [-1]}
    for name in "ab":
        rows = [json.loads(row) | {"query": f"{name} {row}"} | scores for row in ROWS]
        lines = "".join(f"{json.dumps(row)}\n" for row in rows)
        (project.folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    datasets = {name: {"scores": f"{name}.jsonl"} for name in "ab"}
    given = small(models, datasets=datasets)
    given["train"] |= {
        "processes": 1,
        "cumulative": ["b", "a"],
        "weights": {"a": 3, "b": 0.5},
        "evaluation": {"steps": 0},
    }
    config = project.configure(**given)
    done = project.snakemake("train", "--configfile", config)
    assert done.returncode == 0, done.stdout[-5000:]
    results = project.folder / "results/small"
    first, last = (
        read_json(results / f"{stage}training/history.json")
        for stage in ("stages/1/", "")
    )
    assert set(first["weights"]) == {"b"}
    rows = first["rows"]
    assert (first["rows_drawn"], last["rows"]) == (round(rows / 2), 2 * rows)
    assert last["rows_drawn"] == 3 * rows + round(rows / 2)
    assert last["arguments"]["model_name_or_path"].endswith("stages/1/model")
    assert (results / "model/model.safetensors").exists()


@pytest.mark.parametrize(
    ("lines", "overlay", "rule", "said"),
    [
        (
            [*ROWS, '{"query": "q2", "pos"'],
            {},
            "split_pairs/d",
            "pairs.jsonl, line 13: the line is not JSON",
        ),
        (
            [*ROWS, '{"pos": ["p"]}'],
            {},
            "split_pairs/d",
            "pairs.jsonl, line 13, `query`: is missing",
        ),
        ([], {}, "split_pairs/d", "pairs.jsonl: holds no usable pair"),
        (
            ROWS,
            {"mining": {"window": [30, 40]}},
            "pick_negatives/d",
            "`window`: begins at rank 30, but the corpus has",
        ),
    ],
)
def test_a_fault_reaches_the_person_as_one_sentence(
    models, tmp_path, lines, overlay, rule, said
):
    project = Project(tmp_path)
    data = project.folder / "pairs.jsonl"
    data.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    config = project.configure(
        **small(models, datasets={"d": {"pairs": "pairs.jsonl"}}) | overlay
    )
    # To the end, for which of two jobs at fault comes first is not determined.
    done = project.snakemake("mine", "--keep-going", "--configfile", config)
    assert done.returncode != 0
    log = project.folder / f"results/small/logs/{rule}.log"
    (sentence,) = [
        line for line in log.read_text("utf-8").splitlines() if "error:" in line
    ]
    assert said in sentence
    assert "Traceback" not in done.stdout
    # Snakemake shows the log of the job that failed; the first fault stands last.
    assert sentence in done.stdout
    assert done.stdout.splitlines()[-1] == sentence or "\nalso: " in done.stdout
