"""The parts of the search page that need no model: addresses, links, the sheet."""

import csv
import io
import json
import multiprocessing
import os
from types import SimpleNamespace

import pytest

from arkiv.base.errors import InputError
from arkiv.gold.sheet import sheet_csv
from arkiv.retrieve.systems.system import Column
from arkiv.serve.index import check_finished, served_systems
from arkiv.serve.judgements import Verdicts, sheet_rows
from arkiv.serve.view import MOST_CHARACTERS, View, clean
from arkiv.settings.image_links import ImageLinks

INDEX = SimpleNamespace(
    systems=dict.fromkeys(["bm25", "base_dense", "tuned_dense", "a", "b"]),
    volumes=["30000001", "A & B", "Häradsrätt"],
)
DEFAULT = ("bm25", "tuned_dense")


def view(systems=(), **given):
    return View.of(given.get, systems, INDEX, DEFAULT)


# What an address asks for.


def test_an_address_asks_again_for_the_same():
    from urllib.parse import parse_qs, urlsplit

    asked = view(["a", "bm25", "a"], q=" vem & vad? ", volume="A & B", hits="25")
    assert asked == View("vem & vad?", ("a", "bm25"), "A & B", 25)
    parts = urlsplit(asked.address("/passage/x"))
    assert parts.path == "/passage/x"
    values = parse_qs(parts.query)
    systems = values.pop("system")
    assert view(systems, **{name: one for name, (one,) in values.items()}) == asked
    assert view() == View("", DEFAULT)


def test_what_is_no_text_becomes_space():
    assert clean("a\x00b\r\n\tc\u202ed\u200be\ud800f") == "a b c d e f"
    assert clean("Ägde Åke ¬ 1/2 <mål>?") == "Ägde Åke ¬ 1/2 <mål>?"
    assert clean(" \x1b ") == ""
    assert clean("A\u0308gde A\u030ake?") == "Ägde Åke?"
    assert view(volume="Ha\u0308radsra\u0308tt").volume == "Häradsrätt"


@pytest.mark.parametrize(
    ("systems", "given", "sentence"),
    [
        (["tuned"], {}, "There is no system “tuned” here"),
        (["<script>" * 20], {}, "There is no system “<script><script>"),
        ([*INDEX.systems], {}, "5 systems are chosen; 4 are the most"),
        ([], {"volume": "../../etc"}, "There is no volume “../../etc” here"),
        ([], {"hits": "1e9"}, "Expected 10, 25, 50, 100 hits"),
        ([], {"q": "x" * 100_000}, f"has 100,000 characters; {MOST_CHARACTERS:,} are"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(systems, given, sentence):
    with pytest.raises(InputError) as caught:
        view(systems, **given)
    assert sentence in caught.value.reason
    assert len(caught.value.reason) < 120


# Links to images.


def test_an_image_link_has_volume_and_page_in_its_place():
    links = ImageLinks("https://images.example/{volume}/{page:05}?v={volume}")
    passage = {"volume": "a b/c", "first_page": 7, "last_page": 9}
    assert links.of(passage) == [
        ("7", "https://images.example/a%20b%2Fc/00007?v=a%20b%2Fc"),
        ("9", "https://images.example/a%20b%2Fc/00009?v=a%20b%2Fc"),
    ]
    named = {"volume": 1, "first_page": 'x"><', "last_page": 'x"><'}
    assert links.of(named) == [
        ('x"><', "https://images.example/1/x%22%3E%3C?v=1"),
    ]
    assert links.of({"volume": "v"}) == links.of({"first_page": 1}) == []
    assert ImageLinks(None).of(passage) == []


def test_an_image_link_may_have_a_label_which_is_shown_too():
    passage = {"volume": "v", "first_page": 7, "last_page": 8, "first_label": "4r/å"}
    assert ImageLinks("https://images.example/{label:03}").of(passage) == [
        ("4r/å", "https://images.example/4r%2F%C3%A5"),
        ("8", "https://images.example/008"),
    ]
    assert ImageLinks("https://images.example/{page}").of(passage) == [
        ("4r/å", "https://images.example/7"),
        ("8", "https://images.example/8"),
    ]
    one = passage | {"last_page": 7}
    assert len(ImageLinks("https://images.example/{page}").of(one)) == 1
    named = {"volume": "v", "first_label": "iv"}
    assert ImageLinks("https://images.example/{page:05}-{label}").of(named) == [
        ("iv", "https://images.example/iv-iv")
    ]
    assert ImageLinks("https://images.example/{label}").of({"volume": "v"}) == []


@pytest.mark.parametrize(
    "template",
    [
        "javascript:alert({page})",
        "//images.example/{page}",
        "https://x.example/{volume.__class__}",
        "https://x.example/{line}",
        "https://x.example/{}",
        "https://x.example/{page!r}",
        "https://x.example/{page",
        "https://x.example/{page:{volume}}",
    ],
)
def test_another_template_is_refused(template):
    with pytest.raises(InputError, match=r"^`serve.image_link`: is .*expected"):
        ImageLinks(template)


# Which systems, of which run.


SYSTEMS = {
    "tuned_sparse": {"type": "m3", "model": "tuned", "mode": "sparse"},
    "bm25": {"type": "bm25"},
    "first": {"type": "m3", "model": "round_1", "mode": "multi_vector"},
    "other": {"type": "fusion", "systems": ["bm25", "first"]},
    "tuned_dense": {"type": "m3", "model": "tuned", "mode": "dense"},
}
CONFIG = {
    "run": "r",
    "rounds": 2,
    "datasets": {},
    "train": {"cumulative": []},
    "models": {"directory": "m", "embedder": {"source": "tiny"}},
    "evaluate": {"systems": SYSTEMS},
}


def test_systems_of_one_model_stand_together():
    assert list(served_systems(CONFIG).values()) == [
        Column("tuned_sparse", "Tuned model", "tuned sparse", "sparse"),
        Column("tuned_dense", "Tuned model", "tuned dense", "dense"),
        Column("bm25", "BM25", "BM25", "BM25"),
        Column("first", "Round 1 model", "first", "multi-vector"),
    ]


def test_a_run_is_finished_when_all_that_is_read_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (
        "results/r/collection/corpus.jsonl",
        "results/r/collection/queries.jsonl",
        "m/tiny-embedder",  # of BM25's tokenizer
        "results/r/model",
        "results/r/rounds/2/model",
        "results/r/encodings/round_1",
        "results/r/encodings/tuned",
    ):
        with pytest.raises(InputError) as caught:
            check_finished(CONFIG, "snakemake x")
        assert str(caught.value) == (
            f"results/r: the run has not finished, for {path} is missing: "
            "run `snakemake x`"
        )
        (tmp_path / path).mkdir(parents=True)
    check_finished(CONFIG, "snakemake x")


# The sheet.


def verdict(passage="p", kind="relevant", judge="anna", query="q", **more):
    return {
        "query": query,
        "query_id": "0" * 16,
        "passage_id": passage,
        "ranks": {"bm25": 1, "tuned_dense": None},
        "verdict": kind,
        "judge": judge,
        "time": "2026-01-31T12:00:00+00:00",
        **more,
    }


def test_the_last_verdict_of_a_judge_counts(tmp_path):
    sheet = Verdicts(tmp_path / "new" / "s.jsonl")
    assert sheet.of("anna", "q") == {}
    for one in (
        verdict("p"),
        verdict("p", "not_relevant"),
        verdict("p", judge="bo"),
        verdict("r"),
        verdict("r", "withdrawn"),
        verdict("p", query="another"),
    ):
        sheet.add(one)
    assert sheet.of("anna", "q") == {"p": "not_relevant", "r": "withdrawn"}
    assert [row["judge"] for row in sheet.latest()] == ["anna", "bo", "anna"]
    again = Verdicts(sheet.path)
    assert again.latest() == sheet.latest()
    assert len(sheet.path.read_text().splitlines()) == 6


def test_a_query_in_another_spelling_is_judged_as_the_same(tmp_path):
    sheet = Verdicts(tmp_path / "s")
    sheet.add(verdict("p", query="Vem ägde ån?"))
    sheet.add(verdict("p", "not_relevant", query="vem a\u0308gde  ån?"))
    assert sheet.of("anna", "VEM ÄGDE ÅN?") == {"p": "not_relevant"}
    assert [row["verdict"] for row in sheet.latest()] == ["not_relevant"]


def test_a_verdict_is_on_the_disk_before_the_judge_is_told(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda file: synced.append((tmp_path / "s").read_bytes())
    )
    Verdicts(tmp_path / "s").add(verdict())
    assert synced[0] == (tmp_path / "s").read_bytes()
    assert len(synced) == 2  # the folder too, which has a new entry


def test_another_server_of_the_same_sheet_is_followed(tmp_path):
    one, other = Verdicts(tmp_path / "s"), Verdicts(tmp_path / "s")
    one.add(verdict("p"))
    other.add(verdict("r", "not_relevant"))
    both = {"p": "relevant", "r": "not_relevant"}
    assert one.of("anna", "q") == other.of("anna", "q") == both


@pytest.mark.parametrize("length", [1, 90, 20_000])
def test_what_a_crash_left_of_a_line_is_cut_off(tmp_path, length):
    sheet = Verdicts(tmp_path / "s")
    sheet.add(verdict("p"))
    with open(sheet.path, "a") as file:
        file.write('{"query": "' + "x" * length)
    assert Verdicts(sheet.path).of("anna", "q") == {"p": "relevant"}
    sheet.add(verdict("r"))
    lines = sheet.path.read_text().splitlines()
    assert [json.loads(line)["passage_id"] for line in lines] == ["p", "r"]


def _judge(path, judge, count):
    sheet = Verdicts(path)
    for number in range(count):
        # Longer than a pipe or a page takes at once.
        sheet.add(verdict(f"p{number}", judge=judge, query="å" * 9000))


def test_lines_stay_whole_when_several_processes_judge(tmp_path):
    fork = multiprocessing.get_context("fork")
    judges = [
        fork.Process(target=_judge, args=(tmp_path / "s", f"judge {n}", 25))
        for n in range(4)
    ]
    for process in judges:
        process.start()
    for process in judges:
        process.join()
    rows = [json.loads(line) for line in (tmp_path / "s").read_text().splitlines()]
    found = {(row["judge"], row["passage_id"]) for row in rows}
    assert len(rows) == len(found) == 100


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "the line is not JSON"),
        (json.dumps(verdict(kind="good")), "`verdict`: is not one of relevant, not_"),
        (json.dumps(verdict(judge="")), "`judge`: is empty"),
    ],
)
def test_a_line_that_is_no_verdict_is_named(tmp_path, line, reason):
    path = tmp_path / "s"
    path.write_text(json.dumps(verdict()) + "\n" + line + "\n")
    with pytest.raises(InputError) as caught:
        Verdicts(path)
    assert str(caught.value).startswith(f"{path}, line 2")
    assert reason in str(caught.value)


def test_the_human_sheet_has_a_row_for_each_verdict_and_no_formula():
    passages = {
        "p": {"id": "p", "text": '=1+1, "x"\ny', "volume": "v", "first_page": 3},
        "r": {"id": "r", "text": "t", "volume": 7, "first_page": 3, "last_page": 5},
        "s": {"id": "s", "text": "t"},
    }
    verdicts = [
        verdict("p", query="=HYPERLINK(1)"),
        verdict("r", "not_relevant", query="åäö", judge="bo"),
        verdict("gone"),
        verdict("s"),
    ]
    text = sheet_csv(sheet_rows(verdicts, passages))
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert list(rows[0]) == (
        "query_id passage_id query passage volume pages relevance judge note".split()
    )
    assert [(row["passage_id"], row["relevance"], row["pages"]) for row in rows] == [
        ("p", "1", "3"),
        ("r", "0", "3–5"),
        ("s", "1", ""),
    ]
    assert [row["judge"] for row in rows] == ["anna", "bo", "anna"]
    assert rows[0]["query"] == "'=HYPERLINK(1)"
    assert rows[0]["passage"] == '\'=1+1, "x"\ny'
    assert (rows[1]["query"], rows[1]["volume"]) == ("åäö", "7")
