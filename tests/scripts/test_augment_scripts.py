"""augment_pairs.py, and count_confusions.py with learn_confusions.py before it."""

import json
import os
import subprocess
import sys

import layouts
import pytest
from project import ROOT, records

import augment_pairs
import count_confusions
import learn_confusions
from arkiv.base.errors import InputError
from arkiv.base.files import read_json, write_records
from arkiv.text.spelling import Table, misread

RULES = ROOT / "config/spelling/sv.yaml"
TABLE = Table({}, {"n": ["u"], "e": ["c"], "t": ["l"], "r": ["v"]}, 0.1)


def rows(count):
    return [
        {
            "id": f"q{n}",
            "query": f"vad skrev hustrun i brev {n} om kvarnen och gården",
            "pos": [f"tinget hölls år {1700 + n} om skogen vid ån"],
            "neg": [f"nämnden dömde böter den {n} maj"],
            "pos_scores": [n / 7],
            "neg_scores": [-n / 3],
        }
        for n in range(count)
    ]


def augment(folder, pairs, *words, seed=42):
    """In this process."""
    argv = ["--pairs", *pairs, "--rules", RULES, "--seed", seed, *words]
    argv += ["--output", folder / "out.jsonl", "--stats", folder / "stats.json"]
    augment_pairs.main(list(map(str, argv)))
    return (folder / "out.jsonl").read_bytes()


ALL = (
    "--spelling",
    "old",
    "modern",
    "--noise",
    "0.1",
    "--texts",
    "queries",
    "passages",
)


def test_rows_in_one_part_or_three_come_out_the_same(tmp_path):
    given = rows(90)
    write_records(tmp_path / "whole.jsonl", given)
    parts = []
    for start in range(0, 90, 30):
        parts.append(tmp_path / f"{start}.jsonl")
        write_records(parts[-1], given[start : start + 30])
    whole = augment(tmp_path, [tmp_path / "whole.jsonl"], *ALL)
    stats = read_json(tmp_path / "stats.json")
    assert augment(tmp_path, parts, *ALL) == whole
    assert read_json(tmp_path / "stats.json") == stats
    # In a process of its own, whose hashes of texts are others.
    words = ["--pairs", tmp_path / "whole.jsonl", "--rules", RULES, *ALL]
    words += ["--output", tmp_path / "again.jsonl", "--stats", tmp_path / "again.json"]
    subprocess.run(
        [sys.executable, ROOT / "scripts/augment_pairs.py", *map(str, words)],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "again.jsonl").read_bytes() == whole
    assert read_json(tmp_path / "again.json") == stats
    assert augment(tmp_path, parts, *ALL, seed=43) != whole


def test_what_is_trained_on_has_the_rows_keys_and_scores(tmp_path, tiny_embedder):
    """The shards are those of the rows as they were, but for the texts."""
    import split_by_length

    write_records(tmp_path / "in.jsonl", rows(60))
    augment(tmp_path, [tmp_path / "in.jsonl"], *ALL, "--share", "0.6")

    def shard(pairs):
        words = ["--pairs", pairs, "--tokenizer", tiny_embedder, "--edges", "0"]
        words += ["--outputs", tmp_path / "d_len-0-inf.jsonl"]
        words += ["--log", tmp_path / "log", "--rejected", tmp_path / "rejected"]
        split_by_length.main(list(map(str, words)))
        return records(tmp_path / "d_len-0-inf.jsonl")

    plain, altered = shard(tmp_path / "in.jsonl"), shard(tmp_path / "out.jsonl")
    texts = ("query", "pos", "neg")
    for one, other in zip(plain, altered, strict=True):
        assert one.keys() == other.keys()
        assert all(
            one[key] == other[key]
            for key in one.keys() - {*texts, "pos_ids", "neg_ids"}
        )
    assert (
        sum(a["query"] != b["query"] for a, b in zip(plain, altered, strict=True)) > 20
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "`--noise`: is 0, and no spelling is asked for either"),
        (("--noise", "1.1"), "`noise`: is 1.1, expected archive or a number from 0"),
        (("--noise", "archive"), "`--confusions`: is missing, which noise of the"),
        (("--share", "0", "--noise", "0.1"), "`share`: is 0.0, expected more than 0"),
        (("--spelling", "older"), "names older, expected variants of"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(tmp_path, words, said):
    write_records(tmp_path / "in.jsonl", rows(2))
    with pytest.raises(InputError) as caught:
        augment(tmp_path, [tmp_path / "in.jsonl"], *words)
    assert said in str(caught.value)
    assert not (tmp_path / "out.jsonl").exists()


def learnt(folder, *archives):
    counts = []
    for archive in archives:
        counts.append(archive.with_suffix(".json"))
        count_confusions.main(["--pages", str(archive), "--output", str(counts[-1])])
    out = folder / "confusions.json"
    words = ["--counts", *map(str, counts), "--output", str(out)]
    learn_confusions.main(words)
    return out


def archive(folder, pages, rate=0.08):
    files = {}
    for n in range(pages):
        text = " ".join(row["query"] + " " + row["pos"][0] for row in rows(n + 6)[n:])
        files[f"v/gt/{n:03}.xml"] = layouts.page(text)
        files[f"v/htr/{n:03}.xml"] = layouts.alto(misread(text, rate, TABLE, 1, n))
    return layouts.lay_out(folder, files)


def test_noise_is_learnt_from_two_transcriptions_and_put_in(tmp_path):
    path = learnt(tmp_path, archive(tmp_path / "a", 10), archive(tmp_path / "b", 3))
    table = json.loads(path.read_text())
    assert table["pages"]["transcribed_twice"] == table["pages"]["corrected"] == 13
    assert table["rate"] == pytest.approx(0.08, abs=0.015)
    assert {a: [*others] for a, others in table["confusions"].items()} == (
        TABLE.confusions
    )
    write_records(tmp_path / "in.jsonl", rows(50))
    words = ("--noise", "archive", "--confusions", path, "--share", "1")
    augment(tmp_path, [tmp_path / "in.jsonl"], *words)
    told = read_json(tmp_path / "stats.json")
    assert told["rate"] == table["rate"]
    of = told["queries"]
    assert of["altered"] == 50
    assert of["edits"] / of["characters"] == pytest.approx(table["rate"], abs=0.01)


def test_an_archive_that_tells_too_little_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(InputError) as caught:
        learnt(tmp_path, archive(tmp_path / "a", 1, rate=0.02))
    said = str(caught.value)
    assert said.startswith("`train.augment.noise`: is archive, but of 1 pages in two")
    assert "expected 100 at least; give a share of characters, such as 0.1" in said
    assert "\n" not in said
    assert not (tmp_path / "confusions.json").exists()
