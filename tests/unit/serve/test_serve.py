"""The parts of the search page that need no model: addresses, links, the sheet."""

import csv
import errno
import fcntl
import io
import json
import multiprocessing
import os
import random
import resource
import threading
import time
from functools import partial
from types import SimpleNamespace

import pytest

from arkiv.base.errors import InputError
from arkiv.gold.sheet import sheet_csv
from arkiv.retrieve.systems.system import Column
from arkiv.serve.filters import Facets, Filters
from arkiv.serve.index import check_finished, served_systems
from arkiv.serve.judgements import Verdicts, check_verdict, sheet_rows
from arkiv.serve.view import MOST_CHARACTERS, View, clean
from arkiv.serve.volumes import NEAREST, SUGGESTED, named, nearest, suggestions
from arkiv.settings.image_links import ImageLinks

INDEX = SimpleNamespace(
    systems=dict.fromkeys(["bm25", "base_dense", "tuned_dense", "a", "b"]),
    volumes=["30000001", "A & B", "Häradsrätt"],
    facets=Facets(["court", "letters"], ["Dombok"], (1700, 1900), True, ["page"]),
)
DEFAULT = ("bm25", "tuned_dense")


def view(systems=(), **given):
    return View.of(given.get, systems, INDEX, DEFAULT)


# What an address asks for.


def test_an_address_asks_again_for_the_same():
    from urllib.parse import parse_qs, urlsplit

    asked = view(["a", "bm25", "a"], q=" vem & vad? ", volume="A & B", hits="25")
    assert asked == View("vem & vad?", ("a", "bm25"), Filters(volume="A & B"), 25)
    parts = urlsplit(asked.address("/passage/x"))
    assert parts.path == "/passage/x"
    values = parse_qs(parts.query)
    systems = values.pop("system")
    assert view(systems, **{name: one for name, (one,) in values.items()}) == asked
    assert view() == View("", DEFAULT)


def test_what_is_no_text_becomes_space():
    assert clean("a\x00b\r\n\tc\u202ed\u200be\ud800f") == "a b cde f"
    assert clean("ar\u00adkiv") == "arkiv"
    assert clean("Ägde Åke ¬ 1/2 <mål>?") == "Ägde Åke ¬ 1/2 <mål>?"
    assert clean(" \x1b ") == ""
    assert clean("A\u0308gde A\u030ake?") == "Ägde Åke?"
    assert view(volume="Ha\u0308radsra\u0308tt").filters.volume == "Häradsrätt"


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


def test_a_volume_is_asked_for_by_its_name_or_how_it_begins():
    names = ["A", "A1", "A2", "Häradsrätt", "Häradsrätt 2", "a", "b 1 ", "ß"]
    assert named(names, "A") == ["A"]
    assert named(names, "a") == ["a"]
    assert named(names, "a1") == named(names, " A1 ") == ["A1"]
    assert named(names, "häradsrätt") == ["Häradsrätt"]
    assert named(names, "HÄRADS") == ["Häradsrätt", "Häradsrätt 2"]
    assert named(names, "b 1 ") == named(names, "B") == ["b 1 "]
    assert named(names, "SS") == ["ß"]
    assert named(names, "c") == []


def test_what_a_view_keeps_of_a_volume():
    assert view(volume="  ").filters.volume is None
    assert view(volume="a").filters.volume == "A & B"
    assert view(volume=" häradsrätt ").filters.volume == "Häradsrätt"
    several = SimpleNamespace(
        systems=INDEX.systems, facets=Facets(), volumes=["V1", "V2"]
    )
    assert View.of({"volume": " v"}.get, [], several, DEFAULT).filters.volume == "v"


def test_near_names_have_what_was_typed_in_them_or_are_much_like_it():
    names = ["paper/1824/0217", "paper/1824/0218", "Häradsrätt", "A & B"]
    assert nearest(names, "0218") == ["paper/1824/0218"]
    assert nearest(names, "haradsratt") == ["Häradsrätt"]
    assert nearest(names, "papper/1824/0217")[0] == "paper/1824/0217"
    assert nearest(names, "x" * 100_000) == nearest([], "a") == []
    assert len(nearest([f"v{n}" for n in range(10_000)], "v")) == NEAREST


def test_near_names_are_found_at_once_among_very_many():
    names = [f"Göta hovrätt/{n:06}/E VI a:{n % 50}" for n in range(100_000)]
    started = time.process_time()
    assert names[912] in nearest(names, "göta hovrätt/000912/E VI b:12")
    assert time.process_time() - started < 3


def test_suggestions_are_few_and_lead_to_every_volume():
    draw = random.Random(3)
    for _ in range(40):
        letters = draw.choice(["01", "0123456789", "abcäö/ -", "漢字仮名"])
        before = draw.choice(["", "court/"])
        names = sorted(
            {
                before + "".join(draw.choices(letters, k=draw.randrange(1, 9)))
                for _ in range(draw.choice([0, 1, 99, 101, 3000]))
            }
        )
        for name in draw.sample(names, min(len(names), 5)):
            typed = None
            # A name that others begin with means itself, and leads no further.
            while typed is None or named(names, typed) != [typed]:
                suggested = suggestions(names, typed)
                assert 0 < len(suggested) <= SUGGESTED
                longer = max(filter(name.startswith, suggested), key=len)
                assert len(longer) > len(typed or "")
                typed = longer
            assert name.startswith(typed)
    many = [chr(0x4E00 + n) for n in range(500)]
    assert suggestions(many, None) == []


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
    "merge": {"with": None},
    "evaluate": {"systems": SYSTEMS, "weights": [1, 0.3, 1]},
}


def test_systems_of_one_model_stand_together():
    assert list(served_systems(CONFIG).values()) == [
        Column("tuned_sparse", "Tuned model", "tuned sparse", "sparse", True),
        Column("tuned_dense", "Tuned model", "tuned dense", "dense"),
        Column("bm25", "BM25", "BM25", "BM25", True),
        Column("first", "Round 1 model", "first", "multi-vector"),
        Column("other", "Fusion", "other", "other"),
    ]


def test_a_system_made_of_one_that_answers_no_single_query_is_not_asked():
    systems = {
        **SYSTEMS,
        "again": {"type": "reranker", "system": "bm25"},
        "made": {"type": "fusion", "systems": ["bm25", "again"]},
        "of_it": {"type": "fusion", "systems": ["made", "other"]},
    }
    evaluate = CONFIG["evaluate"] | {"systems": systems}
    served = served_systems(CONFIG | {"evaluate": evaluate})
    assert set(served) == set(SYSTEMS)


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
    systems = SYSTEMS | {"sum": {"type": "m3", "model": "tuned", "mode": "combined"}}
    learning = CONFIG | {"evaluate": {"systems": systems, "weights": "auto"}}
    with pytest.raises(InputError, match=r"for results/r/weights/sum\.json is missing"):
        check_finished(learning, "snakemake x")


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


CUT = '{"query": "' + "x" * 90


@pytest.mark.parametrize("left", [CUT[:1], CUT, CUT * 200, "\x00" * 4096, "å"])
def test_what_a_crash_left_of_a_line_takes_no_other_along(tmp_path, left, caplog):
    sheet = Verdicts(tmp_path / "s")
    sheet.add(verdict("p"))
    with open(sheet.path, "a") as file:
        file.write(left)
    again = Verdicts(sheet.path, copied_to=tmp_path / "s.bad")
    assert again.of("anna", "q") == {"p": "relevant"}
    assert f"{sheet.path}, line 2: the line is not JSON" in caplog.text
    assert "expected a verdict of the search page" in caplog.text
    assert f"1 of 2 lines of {sheet.path} are set aside, see" in caplog.text
    again.add(verdict("r"))
    assert again.of("anna", "q") == {"p": "relevant", "r": "relevant"}
    lines = sheet.path.read_text().split("\n")
    assert lines[1] == left
    assert [json.loads(lines[n])["passage_id"] for n in (0, 2)] == ["p", "r"]
    (copied,) = map(json.loads, (tmp_path / "s.bad").read_text().splitlines())
    assert (copied["line"], copied["raw"]) == (2, left)


def test_a_whole_line_without_its_end_counts_and_stays(tmp_path):
    path = tmp_path / "s"
    path.write_text(json.dumps(verdict("p")))  # as some editors leave it
    sheet = Verdicts(path)
    assert sheet.of("anna", "q") == {"p": "relevant"}
    sheet.add(verdict("r"))
    assert sheet.of("anna", "q") == {"p": "relevant", "r": "relevant"}
    assert len(path.read_text().splitlines()) == 2
    assert sheet.rejected == Verdicts(path).rejected == {}


def test_a_line_that_another_server_is_writing_is_waited_for(tmp_path):
    sheet = Verdicts(tmp_path / "s")
    whole = json.dumps(verdict("p")) + "\n"
    with open(sheet.path, "a") as file:
        file.write(whole[:40])
        file.flush()
        assert sheet.latest() == []
        file.write(whole[40:])
    assert sheet.of("anna", "q") == {"p": "relevant"}
    assert sheet.rejected == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"verdict": "good"}, "`verdict`: is not one of relevant, not_"),
        ({"judge": ""}, "`judge`: is empty"),
        ({"judge": 7}, "`judge`: is of type int"),
        ({"query": None}, "`query`: is of type NoneType"),
        ({"passage_id": ["p"]}, "`passage_id`: is of type list"),
        ({"passage_id": "gone"}, "`passage_id`: is gone, expected a passage of this"),
        ("nonsense", "the line is not JSON"),
        ("[1]", "the line is a JSON list"),
        ("", "the line is empty"),
        ('{"a": "\\ud800"}', "half a surrogate pair"),
        ('{"a": NaN}', "NaN is no number"),
        ("[" * 100_000, "the line is not JSON"),
    ],
)
def test_a_line_that_is_no_verdict_is_set_aside(tmp_path, change, reason, caplog):
    path, bad = tmp_path / "s", tmp_path / "s.bad"
    line = change
    if isinstance(change, dict):
        line = json.dumps(verdict("q") | change)
    good = [json.dumps(verdict(key)) for key in "pr"]
    path.write_text("\n".join([good[0], line, good[1], ""]))
    before = path.read_bytes()
    check = partial(check_verdict, passages={"p", "q", "r"})
    sheet = Verdicts(path, check, copied_to=bad)
    assert sheet.of("anna", "q") == {"p": "relevant", "r": "relevant"}
    assert f"{path}, line 2" in caplog.text
    assert reason in caplog.text
    assert path.read_bytes() == before
    (copied,) = map(json.loads, bad.read_text().splitlines())
    assert (copied["line"], copied["raw"]) == (2, line)
    assert reason in copied["reason"]


def test_random_bytes_between_verdicts_take_none_of_them_along(tmp_path):
    draw = random.Random(5)
    for trial in range(60):
        path = tmp_path / str(trial)
        good, lines = [], []
        for number in range(draw.randrange(1, 9)):
            row = json.dumps(verdict(f"p{number}"), ensure_ascii=False).encode()
            if draw.random() < 0.5:
                good.append(f"p{number}")
            else:  # cut, or with other bytes in it
                at = draw.randrange(len(row))
                noise = draw.choice([b"", draw.randbytes(9).replace(b"\n", b"\r"), row])
                row = row[:at] + noise + row[at + 1 :] if noise else row[:at]
            lines.append(row)
        path.write_bytes(b"\n".join(lines) + draw.choice([b"", b"\n"]))
        sheet = Verdicts(path)
        sheet.add(verdict("new"))
        known = [row["passage_id"] for row in Verdicts(path).latest()]
        assert known == [row["passage_id"] for row in sheet.latest()]
        assert {*good, "new"} <= {*known}
        assert path.read_bytes().startswith(b"\n".join(lines))


def test_many_bad_lines_are_told_of_in_a_few(tmp_path, caplog):
    path = tmp_path / "s"
    path.write_text("x\n" * 5000 + json.dumps(verdict()) + "\n")
    sheet = Verdicts(path, copied_to=tmp_path / "s.bad")
    assert len(sheet.latest()) == 1
    assert len(caplog.records) < 20
    assert "5000 of 5001 lines" in caplog.text
    assert len((tmp_path / "s.bad").read_text().splitlines()) == 5000


def test_a_sheet_that_is_mended_or_goes_is_read_anew(tmp_path):
    path = tmp_path / "s"
    path.write_text("x\n" + json.dumps(verdict("p")) + "\n")
    sheet = Verdicts(path)
    assert len(sheet.rejected) == 1
    mended = tmp_path / "mended"
    mended.write_text(json.dumps(verdict("r")) + "\n" + json.dumps(verdict("p")) + "\n")
    mended.rename(path)
    assert sheet.of("anna", "q") == {"r": "relevant", "p": "relevant"}
    assert sheet.rejected == {}
    path.write_text(json.dumps(verdict("p", "not_relevant")) + "\n")
    assert sheet.of("anna", "q") == {"p": "not_relevant"}
    path.unlink()
    assert sheet.latest() == []


@pytest.mark.parametrize("length", [1, 200])
def test_a_line_that_is_mended_where_it_stands_counts(tmp_path, length):
    """Some editors write into the same file, which may be longer than it was."""
    path, bad = tmp_path / "s", tmp_path / "s.bad"
    rows = [json.dumps(verdict(key)) for key in "pqr"]
    path.write_text("\n".join([rows[0], "x" * length, rows[2], ""]))
    sheet = Verdicts(path, copied_to=bad)
    assert list(sheet.of("anna", "q")) == ["p", "r"]
    assert bad.exists()
    path.write_text("\n".join([*rows, json.dumps(verdict("s")), ""]))
    assert list(sheet.of("anna", "q")) == ["p", "q", "r", "s"]
    assert sheet.rejected == {}
    assert not bad.exists()


def test_copies_are_those_of_the_lines_that_are_set_aside_now(tmp_path):
    path, bad = tmp_path / "s", tmp_path / "s.bad"
    for line in ("one", "two"):
        path.write_text(f"{line}\n")
        Verdicts(path, copied_to=bad)
        assert json.loads(bad.read_text())["raw"] == line
    sheet = Verdicts(path, copied_to=bad)
    other = tmp_path / "other"
    other.write_text("three\n")
    other.rename(path)
    assert sheet.latest() == []
    assert json.loads(bad.read_text())["raw"] == "three"
    path.unlink()
    Verdicts(path, copied_to=bad)
    assert not bad.exists()


def test_a_server_that_starts_waits_for_a_line_that_is_being_written(tmp_path):
    path, bad = tmp_path / "s", tmp_path / "s.bad"
    whole = json.dumps(verdict("p")) + "\n"
    sheets = []
    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(whole[:40])
        file.flush()
        starting = threading.Thread(
            target=lambda: sheets.append(Verdicts(path, copied_to=bad))
        )
        starting.start()
        starting.join(0.2)
        file.write(whole[40:])
        file.flush()
        fcntl.flock(file, fcntl.LOCK_UN)
        starting.join()
    assert sheets[0].rejected == {}
    assert list(sheets[0].of("anna", "q")) == ["p"]
    assert not bad.exists()


def test_a_verdict_is_kept_though_the_sheet_cannot_be_read_now(tmp_path, monkeypatch):
    sheet = Verdicts(tmp_path / "s")
    with monkeypatch.context() as broken:

        def full(**_):
            raise OSError(errno.EMFILE, "Too many open files")

        broken.setattr(sheet, "_follow", full)
        sheet.add(verdict("p"))
    assert sheet.of("anna", "q") == {"p": "relevant"}


def test_a_sheet_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        Verdicts(tmp_path)


@pytest.mark.parametrize(("room", "fails"), [(0, 0), (1, 0), (60, 0), (9999, 1)])
def test_a_verdict_that_finds_no_room_leaves_nothing(
    tmp_path, monkeypatch, room, fails
):
    sheet = Verdicts(tmp_path / "s")
    sheet.add(verdict("p"))
    before, write = sheet.path.read_bytes(), os.write

    def no_room(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def full(descriptor, data):
        nonlocal room
        if not room:
            no_room(descriptor)
        written = write(descriptor, data[: min(room, 50)])
        room -= written
        return written

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        if fails:  # only when it is to reach the disk
            patched.setattr(os, "fsync", no_room)
        with pytest.raises(OSError, match="No space left"):
            sheet.add(verdict("r"))
    assert sheet.path.read_bytes() == before
    assert sheet.of("anna", "q") == {"p": "relevant"}
    sheet.add(verdict("r"))
    assert sheet.of("anna", "q") == {"p": "relevant", "r": "relevant"}
    assert len(sheet.path.read_text().splitlines()) == 2


def _add_within(path, most):
    sheet = Verdicts(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        sheet.add(verdict("r"))
    except OSError as error:
        os._exit(error.errno)


def test_half_a_line_that_the_system_took_is_taken_back(tmp_path):
    sheet = Verdicts(tmp_path / "s")
    sheet.add(verdict("p"))
    before = sheet.path.read_bytes()
    process = multiprocessing.get_context("fork").Process(
        target=_add_within, args=(sheet.path, len(before) + 40)
    )
    process.start()
    process.join()
    assert process.exitcode == errno.EFBIG
    assert sheet.path.read_bytes() == before


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
