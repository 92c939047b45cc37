"""The report: all sections, of runs of every shape, and texts that would do harm."""

import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from arkiv.base.declared import plain
from arkiv.base.errors import InputError
from arkiv.base.files import read_json
from arkiv.base.html import VOID
from arkiv.encode.models import HEADS
from arkiv.settings.configuration import Configuration
from write_report import main

MEASURES = ["RR@10", "AP"]
HOSTILE = "</p><script>alert(1)</script><img src=x onerror=alert(1)> & \u202e kvarn"
# Records cannot hold half a surrogate pair, but what else is read as JSON can.
HALF = f"{HOSTILE} \ud800"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 36" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"><metadata/>'
    '<path id="p" style="fill: #0072b2"/><use xlink:href="#p"/></svg>'
)


class Page(HTMLParser):
    """What a browser would see: tags, ids, references, headings."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.attributes.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def values(self, name):
        return [found[name] for _, found in self.attributes if name in found]


def value(mean, **more):
    return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1} | more


def lines(path, records):
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))


class Run:
    """The files of a run, and the command line that shows them."""

    def __init__(self, folder, queries=6, systems=("bm25", "base", "tuned")):
        self.folder, self.systems = folder, list(systems)
        self.passages = [
            {"id": f"p{n}", "text": f"{HOSTILE} {n}", "volume": f"<v>{n}"}
            for n in range(5)
        ]
        self.passages[0] |= {"first_page": 3, "last_page": 4}
        self.queries = [
            {"id": f"q{n:02}", "query": f"{HOSTILE} {n}?"} for n in range(queries)
        ]
        self.metrics = {
            "measures": MEASURES,
            "queries": queries,
            "bootstrap": {"samples": 100, "seed": 0, "level": 0.95},
            "requirements": [],
            "gold": "teacher_pool",
            "queries_left_out": 2,
            "systems": {name: dict.fromkeys(MEASURES, value(0.5)) for name in systems},
            "comparisons": [
                {
                    "system": systems[-1],
                    "base": base,
                    "difference": dict.fromkeys(MEASURES, value(0.3, p=0, p_holm=0.0)),
                }
                for base in systems[:-1]
            ],
            "parts": {},
        }
        self.history = {
            "rows": 7,
            "rows_used": 6,
            "rows_left_out": {"d": 1},
            "log": [{"step": 1, "loss": 2.0, "learning_rate": 1e-5}],
            "evaluation": None,
            "warnings": [{"step": 1, "warning": HALF}],
            "versions": {"torch": "2.13.0"},
            "inputs": {"model": "ab" * 16, "shards": {"d_len-0-500.jsonl": "cd" * 16}},
        }
        self.stages = {
            "pairs": {"d": {"pairs": 9, "train": 7, "set_aside": {HALF: 2}}},
            "shards": {"d": {"pairs": 7, "buckets": [bucket(0, None, 7)]}},
        }
        self.config = plain(Configuration()) | {
            "run": "r",
            "seed": 0,
            "datasets": {"d": {"pairs": "/secret/place/d.jsonl"}},
            "report": {"systems": self.systems},
            "export": {"name": HALF, "language": ["sv"]},
        }
        types = {name: {"type": "bm25"} for name in systems}
        self.config["evaluate"]["systems"] = types
        # The n-th system puts the n-th passage first; p2 is relevant.
        self.shown = self.systems
        self.grades = {query["id"]: {"p2": 1} for query in self.queries}
        self.orders = {
            name: [f"p{(n + k) % 5}" for k in range(5)]
            for n, name in enumerate(systems)
        }

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return path

    def words(self, *more):
        words = ["--run-directory", self.folder]
        words += ["--config", json.dumps(self.config)]
        for stage, of in self.stages.items():
            words.append(f"--{stage}")
            for name, counts in of.items():
                words.append(f"{name}={self.write(f'{stage}/{name}.json', counts)}")
        lines(self.folder / "corpus", self.passages)
        lines(self.folder / "queries.jsonl", self.queries)
        qrels = "".join(
            f"{query_id} 0 {key} {grade}\n"
            for query_id, judged in self.grades.items()
            for key, grade in judged.items()
        )
        table = [",".join(["query_id", "query", "dataset", "system", *MEASURES])]
        words.append("--runs")
        for place, name in enumerate(self.shown):
            text = "".join(
                f"{query['id']} Q0 {key} {rank} {-rank} x\n"
                for query in self.queries
                for rank, key in enumerate(self.orders[name], start=1)
            )
            words.append(f"{name}={self.write(f'runs/{name}.trec', text)}")
            # The text of a query may be longer than Python's reader of CSV takes.
            table += [
                f"{query['id']},{'x' * (1 if n else 200_000)},d,{name},"
                f"{(place + n % 3) / 9},0"
                for n, query in enumerate(self.queries)
            ]
        for name in ("model.safetensors", *HEADS):
            self.write(f"model/{name}", "weights")
        files = {
            "corpus": self.folder / "corpus",
            "test-queries": self.folder / "queries.jsonl",
            "qrels": self.write("qrels", qrels),
            "metrics": self.write("metrics.json", self.metrics),
            "per-query": self.write("per_query.csv", "\n".join(table) + "\n"),
            "model": self.folder / "model",
        }
        for name, path in files.items():
            words += [f"--{name}", path]
        drawn = self.write("f.svg", SVG)
        names = ("lengths", "measures", "differences")
        words += ["--figures", *(f"{name}={drawn}" for name in names)]
        history = self.write("history.json", self.history)
        words += ["--histories", f"round_1={history}"]
        words += ["--training-figures", f"round_1={drawn}"]
        words += ["--output", self.folder / "report.html", *more]
        return list(map(str, words))

    def page(self, *more):
        main(self.words(*more))
        return (self.folder / "report.html").read_text(encoding="utf-8")


def bucket(low, end, pairs):
    return {"from": low, "to": end, "pairs": pairs}


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def check(text):
    """What every page must hold to; returns it parsed."""
    page = Page(text)
    assert not {"script", "img", "iframe", "object"} & set(page.tags)
    assert page.tags.count("h1") == page.tags.count("main") == 1
    assert not [
        name for _, found in page.attributes for name in found if name[:2] == "on"
    ]
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for address in page.values("href"):
        if address.startswith("#"):
            assert address[1:] in ids
        else:
            # Nothing of another machine, nothing that would be loaded.
            assert address == "data:," or "://" not in address
    for name in page.values("aria-labelledby"):
        assert name in ids
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(b <= a + 1 for a, b in pairwise(levels)), levels
    for tag, found in page.attributes:
        if tag == "svg":
            assert found["role"] == "img"
            assert found["aria-label"]
        if tag == "th":
            assert found["scope"] in ("row", "col")
    assert page.tags.count("table") == page.tags.count("caption")
    return page


def test_a_run_of_ready_pairs_with_hostile_texts(run):
    run.queries[0]["query"] += "word " * 50_000
    text = run.page()
    first = (run.folder / "report.html").read_bytes()
    run.page()
    assert (run.folder / "report.html").read_bytes() == first
    page = check(text)
    titles = re.findall(r"<h2 id=.*?>\d\. (.*?)</h2>", text)
    assert titles == [
        *("What went in, and what was dropped", "What counts as relevant", "Results"),
        *("Wins and losses by query", "Training", "Time and cost"),
        *("How this was made", "What the words mean"),
    ]
    words = text[text.index('<section id="words"') :]
    assert "<dt>MRR@10</dt>" in words
    assert "<dt>fusion</dt>" not in words  # of which nothing is said
    assert "alert(1)" in text
    assert "&lt;script&gt;" in text
    assert "/secret/place" not in text
    assert "no benchmarks" in text
    # 6 queries: what to do about that stands between summary and contents.
    box = text.index('<section id="next"')
    assert text.index('<section id="summary"') < box < text.index('<section id="data"')
    assert "24 would halve it" in text
    assert len(text) < 300_000
    assert "None" not in re.sub("<style>.*?</style>", "", text, flags=re.DOTALL)
    assert dict(page.attributes[0][1])["lang"] == "en"
    assert 'class="excerpt" lang="sv"' in text
    assert "<mark>kvarn</mark>" in text
    assert "volume &lt;v&gt;0, pages 3–4" in text


def test_wins_and_losses_are_shown_with_the_ranks_of_what_is_relevant(run):
    text = run.page("--examples", 2)
    # Each of 6 queries is better by two thirds and one third: no losses.
    assert re.findall("<h3>(Where .*?)</h3>", text) == [
        "Where tuned gains most over bm25",
        "Where tuned loses most to bm25",
        "Where tuned gains most over base",
        "Where tuned loses most to base",
    ]
    assert text.count("There is no such query.") == 2
    searches = re.findall('<details class="search".*?</details>', text, flags=re.DOTALL)
    assert len(searches) == 2 + 2 + 2
    for search in searches:
        assert "bm25: rank 3 · base: rank 2 · tuned: rank 1" in search
        assert search.count("<h4>") == 3
        assert search.count("✓ relevant") == 3
    assert text.count('open=""') == 1
    assert "better on 6; alike" not in text
    assert "tuned to bm25: better on 6, alike on 0, worse on 0" in text


def test_grades_stand_by_the_passages_where_there_are_several(tmp_path):
    run = Run(tmp_path, queries=3, systems=("only",))
    run.grades["q00"] = {"p1": 1, "p2": 3, "p3": 0, "p4": 1, "p0": 2}
    run.grades["q01"] = {"p1": 0}
    searches = {
        search[search.index("kvarn ") :][6]: search
        for search in run.page().split('<details class="search"')[1:]
    }
    assert re.findall(r"grade (\d)", searches["0"]) == ["3", "2", "1"]
    assert "And 1 more." in searches["0"]
    assert "No passage is judged relevant to it." in searches["1"]
    assert "first relevant passage: " not in searches["1"]
    assert "grade" not in searches["2"]


def test_without_comparisons_and_with_one_query(tmp_path):
    run = Run(tmp_path, queries=1, systems=("only",))
    text = run.page()
    check(text)
    assert "No systems are compared" in text
    assert "Some at random" in text
    assert "1 test query is so few that no intervals are given." in text
    assert "Where only" not in text


@pytest.mark.parametrize(
    ("embedder", "reranker", "first"),
    [
        ("tiny", "tiny", "Toy models: embedder and reranker are tiny, built on the"),
        ("tiny", "BAAI/x", "Toy model: embedder is tiny, built on the"),
        ("BAAI/bge-m3", "tiny", "Toy model: reranker is tiny, built on the"),
        ("BAAI/bge-m3", "BAAI/x", "1 dataset of ready pairs"),
        ("models/tiny", None, "1 dataset of ready pairs"),
    ],
)
def test_a_run_of_toy_models_says_so_first(run, embedder, reranker, first):
    models = {"embedder": {"source": embedder}, "reranker": {"source": reranker}}
    run.config["models"] = models | {"directory": "models"}
    text = run.page()
    assert re.search("<li>(?!<a)(.*?)</li>", text)[1].startswith(first)
    assert ("A tiny model in the shape of BGE-M3" in text) == (embedder == "tiny")


@pytest.mark.parametrize(
    ("why", "heads", "said"),
    [
        ("none", "none", "is tuned for dense search alone"),
        ("lacking", "new", "from the way of searching as well as from training"),
        ("unknown", "new", "The base model has no heads"),
        ("unknown", "own", "was not known when the run was planned"),
    ],
)
def test_what_the_base_model_cannot_be_is_said(run, why, heads, said):
    assert "heads" not in run.page()
    run.history["heads"] = heads
    text = run.page("--without-heads", why)
    check(text)
    assert said in text
    assert "A retrieval model" in text


def test_queries_of_several_datasets_are_told_apart(run):
    """Extractive ones and those of ready pairs; and what only re-ranks."""
    run.stages["queries"] = {"d": {"wanted": 4, "queries": 4}}
    run.metrics["datasets"] = {"d": 4, "e": 2}
    run.metrics |= {"volumes": 3, "queries_without_volume": 2}
    text = run.page()
    assert "4 of 6 test queries (66.7%) were made from the words of their" in text
    assert "4 of the 6 queries are about 3 volumes, of the others that is not" in text
    run.config["queries"]["backend"] = "openai"
    assert "from the words" not in run.page()
    run.config["queries"]["backend"] = "extractive"
    run.metrics["datasets"] = {"e": 6}
    assert "from the words" not in run.page()


@pytest.mark.parametrize("backend", ["extractive", "example"])
def test_a_made_up_archive_is_said_first(run, backend):
    run.config["datasets"] = {"court": {"example": {"cases": 9, "volumes": 3}}}
    run.config["queries"]["backend"] = backend
    page = run.page()
    said = "court is made up on the spot: how well it is searched says nothing of"
    assert said in page
    assert ("in other words than the passages" in page) == (backend == "example")
    assert page.index(said) < page.index("test queries")


def test_what_is_counted_is_said_wherever_measures_stand(run):
    run.metrics["counted"] = {"unit": "page", "units": 4, "passages": 5, "alone": 0}
    text = run.page()
    check(text)
    # In the summary and above the table.
    assert text.count("Counted are pages, not passages (evaluate.unit)") == 2
    assert "Measures count by page; shown are passages" in text


def test_what_only_re_ranks_is_said_beside_the_table(run):
    systems = run.config["evaluate"]["systems"]
    systems["tuned"] = {"type": "m3", "model": "tuned", "mode": "combined"}
    run.config["evaluate"]["candidates"] = ["dense"]
    run.metrics["measures"] = [*MEASURES, "R@100"]
    for of in (
        *run.metrics["systems"].values(),
        *(pair["difference"] for pair in run.metrics["comparisons"]),
    ):
        of["R@100"] = of["AP"]
    said = "Recall@100 of tuned is that of the tuned model&#x27;s dense search by"
    assert said in run.page().replace("&#39;", "&#x27;")
    for change in ({"rerank_depth": 101}, {"candidates": ["dense", "sparse"]}):
        run.config["evaluate"] |= {"rerank_depth": 100} | change
        assert "by construction" not in run.page()


def test_intervals_that_are_missing_are_dashes_everywhere(run):
    none = {"low": None, "high": None}
    for of in (
        *run.metrics["systems"].values(),
        *(pair["difference"] for pair in run.metrics["comparisons"]),
    ):
        of.update({name: value | none for name, value in of.items()})
    part = {key: run.metrics[key] for key in ("queries", "systems", "comparisons")}
    run.metrics["parts"] = {"volume": {"v": part, "w": part}}
    text = run.page()
    check(text)
    assert "– (n = 6)" in text
    assert "None" not in re.sub("<style>.*?</style>", "", text, flags=re.DOTALL)
    assert "interval, from" not in text
    assert "6 test queries are so few that no intervals are given." in text


def test_what_was_required_stands_in_the_page(run):
    run.metrics["requirements"] = [
        {"system": "tuned", "measure": "AP", "at_least": 0.9, "value": 0.5}
        | {"wanted": 0.9, "holds": False}
    ]
    text = run.page()
    assert "<strong>✗ missed</strong>" in text
    assert "1 of 1 requirement (evaluate.require) missed" in text


def audit(name):
    spread = {"count": 3, "5 %": -1.0, "50 %": 0.5, "95 %": 2.0}
    return {
        name: {
            "rows": 3,
            "lines": [["train pairs", "3"]],
            "spread": {"scores": {"pos": spread, "neg": None}, "similarities": {}},
            "ranks": {"BM25": {"count": 3, "median": 4}},
            "dropped": {"scores too high": 2},
        }
    }


def test_every_round_has_its_curves_and_its_negatives(run):
    words = ["--audits", "--audit-figures", "--audit-pages"]
    more, histories, figures = [], [], []
    for place, option in enumerate(words):
        more.append(option)
        for number in (1, 2):
            file = [
                run.write(f"n{number}.json", audit("<d>")),
                run.write("n.svg", SVG),
                run.folder / "figures" / f"{number} b.html",
            ][place]
            more.append(f"round_{number}={file}")
    scores = {"dev": {"dense": {"RR@10": 0.25}, "sparse": {"RR@10": 0.5}}}
    worse = {"dev": {"dense": {"RR@10": 0.25}, "sparse": {"RR@10": 0.125}}}
    run.history["evaluation"] = {
        "collections": {"dev": {"queries": 5, "passages": 9}},
        "mode": "dense",
        "measure": "RR@10",
        "best_step": 3,
        "entries": [{"step": 0, "scores": scores}, {"step": 3, "scores": worse}],
    }
    history = run.write("h.json", run.history)
    for number in (1, 2):
        histories.append(f"round_{number}={history}")
        figures.append(f"round_{number}={run.write('f.svg', SVG)}")
    more += ["--histories", *histories, "--training-figures", *figures]
    text = run.page(*more)
    check(text)
    for name in ("Round 1", "Round 2"):
        assert text.count(f"<h3>{name}</h3>") == 2
    assert "trained 2 times" in text
    assert "The model of step 3 was kept, the best by dense MRR@10" in text
    # In the summary once, and for each training.
    fell = "MRR@10 is below that of the base model by sparse on dev queries (0.125"
    assert text.count(fell) == 3
    assert 'href="figures/1%20b.html"' in text
    assert "&lt;d&gt;: teacher score, positives" in text
    assert "&lt;d&gt;: scores too high</th><td>2" in text


def test_what_other_rules_measured_is_shown_where_it_is_given(run):
    graded = {"method": "teacher_pool", "queries": 6, "pairs": 40, "relevant": 9}
    graded["relevant_trained_on"] = 7
    graded |= {"grades": {"0": 31, "1": 9}, "ungraded": 0, "near_duplicates": 4}
    graded["scores"] = {"known_items": {"0": -1.0, "1": 2.0}, "others": {}}
    spelt = {
        "queries": 6,
        "measures": ["RR@10"],
        "original": {"tuned": {"RR@10": value(0.5)}},
        "variants": [
            {
                "name": "as_once",
                "changed": 0.5,
                "cer": None,
                "systems": {"tuned": {"RR@10": value(0.4)}},
                "difference": {"tuned": {"RR@10": value(-0.1, p=0.5, p_holm=0.5)}},
            }
        ],
        "examples": [{"original": HOSTILE, "as_once": "hwad"}],
    }
    judged = {
        "machine": "teacher_pool",
        "pairs": 4,
        "queries": 2,
        "unjudged": 0,
        "judges": [{"judge": HOSTILE, "pairs": 4}],
        "binary": {"agreement": 0.75, "kappa": 0.5, "low": -0.2, "high": 1.0},
        "weighted": {"kappa": 0.6, "low": 0.1, "high": 0.9},
        "grades": [0, 1],
        "table": [[2, 0], [1, 1]],
        "between": [],
    }
    whole = {"bytes": 256, "searched": 256, "collection": 2560}
    measures = {"measures": {"RR@10": value(0.5)}}
    change = {"difference": {"RR@10": value(-0.1, p=0.5, p_holm=0.5)}}
    forms = [{"form": "int8", **whole, **measures, **change}]
    smaller = {
        "queries": 6,
        "passages": 10,
        "rescored": 400,
        "measures": ["RR@10"],
        "systems": {
            "tuned": {"dimensions": 128, "whole": whole | measures, "forms": forms}
        },
    }
    given = {"gold": graded, "spelling": spelt, "agreement": judged}
    given["compressed"] = smaller
    more = []
    for name, content in given.items():
        more += [f"--{name}", run.write(f"{name}.json", content)]
    text = run.page(*more)
    check(text)
    assert text.count("What the systems find first was graded by the teacher") == 3
    assert text.count("left out for want of a relevant passage: 2.") == 2
    assert "with a passage of the train pairs</th><td>7" in text
    assert "relevant as near-duplicates of a relevant passage</th><td>4" in text
    assert "Other spellings" in text
    assert "Smaller vectors" in text
    assert "Of 1 other spelling none is shown to change MRR@10 of BM25 (tuned)." in text
    assert "Cohen&#x27;s kappa 0.50 [−0.20, 1.00], moderate (0 is" in text
    assert "people and the gold standard agree in 75%" in text


def test_the_page_of_a_very_large_run_stays_small(tmp_path):
    names = [f"s{n}" for n in range(100)]
    run = Run(tmp_path, queries=40, systems=names)
    run.config["report"]["systems"] = names[-3:]
    counts = {
        "pairs": 9,
        "train": 7,
        "set_aside": {f"reason {n}": 1 for n in range(99)},
    }
    run.stages = {"pairs": {f"d{n}": counts for n in range(500)}}
    run.config["datasets"] = {f"d{n}": {"pairs": f"d{n}.jsonl"} for n in range(500)}
    part = {key: run.metrics[key] for key in ("queries", "systems", "comparisons")}
    run.metrics["parts"] = {
        key: {f"{key} {n}": part for n in range(500)} for key in ("volume", "dataset")
    }
    run.history["warnings"] *= 1000
    run.history["log"] *= 5000
    text = run.page()
    check(text)
    assert len(text) < 1_000_000
    assert "And 476 more: metrics/metrics.json of the run has all." in text
    assert "the 6 largest of 500 datasets" in text
    assert text.count("Where s99 ") == 2 * 4
    assert "and 87 more pairs (see Results)." in text
    assert "And 980 more in training/history.json." in text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("metrics.json", {"measures": ["AP"]}, r"metrics\.json, `\w+`: is not there"),
        ("history.json", [], "is not a JSON object, expected the history of train_"),
        ("qrels", "", "is empty, expected judgements"),
        ("per_query.csv", "query_id,system\n", "lacks the system bm25"),
        ("f.svg", "<p>", "is not SVG"),
        (
            "corpus",
            '{"id": "p0", "text": "one"}\n',
            "lacks the passage p1, which a run",
        ),
    ],
)
def test_a_file_of_another_kind_is_named(run, name, content, said):
    words = run.words()
    run.write(name, content)
    with pytest.raises(InputError, match=said):
        main(words)
    assert not (run.folder / "report.html").exists()


def test_a_figure_that_is_not_named_is_missed(run):
    words = run.words("--training-figures", "round_2=x.svg")
    with pytest.raises(InputError, match="`--training-figures`: lacks round_1, exp"):
        main(words)
    with pytest.raises(InputError, match="`--figures`: lacks measures, expected NAME"):
        main([*words, "--figures", "lengths=x.svg"])


def test_a_baseline_says_nothing_of_training(run):
    """Though an earlier run has trained in the same place."""
    run.stages.pop("shards")
    run.config["models"] = {
        role: {"source": "tiny"} for role in ("embedder", "reranker")
    }
    run.metrics["gold"] = "known_item"
    table = "s\tmax_rss\tcpu_time\n75.0\t812.5\t60.0\n"
    for rule in ("train_model", "export_model", "measure_runs"):
        run.write(f"benchmarks/{rule}.tsv", table)
    words = iter(run.words("--left-out", "tuned_dense"))
    kept, gone = [], {"--model", "--histories", "--training-figures"}
    for word in words:
        if word in gone:
            next(words)
        elif not word.startswith("lengths="):
            kept.append(word)
    main(kept)
    text = (run.folder / "report.html").read_text(encoding="utf-8")
    check(text)
    assert "<h1>Baseline: " in text
    assert "1 system needs training and is not measured: tuned dense." in text
    assert "The jobs took 1 min 15 s together" in text
    assert "Toy model: embedder is tiny" in text
    assert "The configuration, without what needs training, where it differs" in text
    for word in ("the model was trained", "fine-tuned", "train_model", "Lengths"):
        assert word not in text
    for word in ("left out of an epoch", "Versions that trained", "weights of the"):
        assert word not in text


def test_costs_come_from_the_benchmarks_of_the_jobs(run):
    table = {"s": "75.0", "h:m:s": "0:01:15", "max_rss": "812.5", "cpu_time": "60.0"}
    rows = ("\t".join(table), "\t".join(table.values()))
    run.write("benchmarks/train_model.tsv", "\n".join(rows) + "\n")
    text = run.page()
    said = "<td>1</td><td>1 min 15 s</td><td>1 min 15 s</td><td>1 min 00 s</td>"
    assert f'<th scope="row">train</th>{said}' in text
    assert "The jobs took 1 min 15 s together (1 min 00 s of processors)." in text
    assert read_json(run.folder / "metrics.json")["queries"] == 6


def test_what_was_forgotten_stands_beside_what_was_learnt(run):
    run.history["evaluation"] = None
    assert "no general set (train.evaluation.general) was given" in run.page()
    general = json.loads(json.dumps(run.metrics)) | {"queries": 40}
    for pair in general["comparisons"]:
        change = value(-0.2, p=0.001, p_holm=0.002)
        pair["difference"] = dict.fromkeys(MEASURES, change)
    del general["comparisons"][0]
    scores = {"multi_vector": dict.fromkeys(MEASURES, 0.25)}
    sizes = {"queries": 60, "passages": 70}
    merge = {
        "with": HOSTILE,
        "weight": 0.4,
        "chosen": True,
        "mode": "multi_vector",
        "measure": "RR@10",
        "tolerance": 0.003,
        "collections": {"dev": sizes, "general": sizes},
        "curve": [
            {"weight": weight, "scores": {"dev": scores, "general": scores}}
            for weight in (0, 0.4, 1)
        ],
    }
    given = (
        *("--general", run.write("general.json", general)),
        *("--merge", run.write("merge.json", merge)),
    )
    text = run.page(*given)
    page = check(text)
    assert "no general set" not in text
    titles = re.findall(r"<h2 id=.*?>\d+\. (.*?)</h2>", text)
    assert titles[3:7] == [
        "What was learnt, and what was forgotten",
        *("Wins and losses by query", "Training", "Merging"),
    ]
    (said,) = re.findall("<li>(On 40 queries of the general set .*?)</li>", text)
    assert "has forgotten something of what was known to" in said
    assert "mean MRR@10 0.500 against 0.500 (−0.200 [−0.300, −0.100]" in said
    assert "60 of these queries also chose" in text
    section = text[text.index('id="forgetting"') :]
    row = re.search("tuned − base.*?</tr>", section, re.DOTALL)[0]
    assert row.index("+0.300") < row.index("−0.200")
    assert "0.4 (taken)" in text
    assert "chosen by 60 dev queries and 60 general queries." in text
    # The curve of either set of queries, its numbers folded below.
    drawn = text[text.index('id="merging"') :]
    drawn = drawn[drawn.index("<figure") : drawn.index("</figure>")]
    for said in ("RR@10: 60 dev queries", "RR@10: 60 general queries", "taken: 0.4"):
        assert said in drawn
    assert "multi-vector, least allowed" in drawn
    assert drawn.index("<details") < drawn.index("0.4 (taken)")
    assert page


@pytest.mark.parametrize(
    ("merge", "said"),
    [
        ({"weight": 0.6, "chosen": False}, "0.6 of what was trained and 0.4 of the"),
        ({"weight": 0, "chosen": False}, "nothing of what was trained is in it"),
        ({"weight": 1, "chosen": False}, "with nothing of the base model in it"),
    ],
)
def test_a_weight_that_was_given_is_told(run, merge, said):
    file = run.write("merge.json", {"with": "base"} | merge)
    text = run.page("--merge", file)
    check(text)
    assert text.count(said) == 2  # in the summary, and in its section
