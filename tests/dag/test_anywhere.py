"""The same jobs from the project's directory, from any other, and as a module."""

import json
import re
import shlex
import shutil
import subprocess

import pytest
import yaml
from project import ARCHIVE, PARTS, Project, job_counts

TINY = {"source": "tiny", "revision": None}
# Prompts and tables of the project's own, a prompt and pairs of the user's own.
CONFIG = {
    # Auto is another number for a module.
    "parts": dict.fromkeys(("documents", "queries", "corpus", "pairs"), 1),
    "run": "court",
    "datasets": ARCHIVE | {"letters": {"pairs": "letters.jsonl"}},
    "models": {"embedder": TINY, "reranker": TINY},
    "rounds": 2,
    "queries": {
        "backend": "openai",
        "prompts": [{"file": "config/prompts/sv-court.txt"}, {"file": "mine.txt"}],
        "judge": {"prompt": "config/prompts/judge.txt"},
    },
    "gold": {"method": "llm_judge"},
    "evaluate": {
        "spelling": {"queries": 5},
        "systems": {
            "fused": {"type": "fusion", "systems": ["bm25", "tuned_dense"]},
            "before": {"type": "m3", "model": "round_1", "mode": "dense"},
        },
    },
}
MODULE = """
configfile: "my.yaml"

module arkiv:
    snakefile: {snakefile!r}
    config: config
    {more}

use rule * from arkiv {names}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The project in its own directory, whose name a shell could mistake."""
    folder = tmp_path_factory.mktemp("places") / "it's $(here), 100% my:project"
    return with_data(Project(folder))


@pytest.fixture
def here(tmp_path):
    """Another directory, with the same data."""
    return with_data(Project.bare(tmp_path / "other place"))


def with_data(project):
    row = {"query": "q", "pos": ["p"], "neg": ["n"]}
    (project.folder / "letters.jsonl").write_text(json.dumps(row) + "\n")
    (project.folder / "mine.txt").write_text("Ask about {text}.\n")
    project.configure("my.yaml", **CONFIG)
    return project


def write_module(here, root, more="", names="", name="Snakefile"):
    path = here.folder / name
    path.parent.mkdir(exist_ok=True)
    snakefile = str(root.folder / "Snakefile")
    path.write_text(MODULE.format(snakefile=snakefile, more=more, names=names))
    return path


def commands(done, root, prefix=""):
    """What would be run, as it is written where the project's directory is our own."""
    assert done.returncode == 0, done.stdout
    found = []
    for line in re.findall(r"^Shell command: (python .*)", done.stdout, re.M):
        text = "\n".join(shlex.split(line)).replace(f"{root.folder}/", "")
        found.append(re.sub(rf"\b{prefix}(results|models)\b", r"\1", text))
    return sorted(found)


def jobs(done):
    counts = job_counts(done.stdout)
    return {rule.removeprefix("arkiv_"): jobs for rule, jobs in counts.items()}


@pytest.fixture(scope="module")
def expected(root):
    """The commands and the numbers of jobs from the project's own directory."""
    done = root.dry_run("-p", "--configfile", "my.yaml")
    found = commands(done, root), jobs(done)
    assert "configuration" not in done.stdout
    assert all(text.startswith("python\nscripts/") for text in found[0])
    assert len(found[0]) > 50
    return found


def test_by_the_snakefile_and_a_directory(root, here, expected, tmp_path):
    words = ("-p", "-s", root.folder / "Snakefile", "--configfile", "my.yaml")
    done = here.dry_run(*words)
    assert (commands(done, root), jobs(done)) == expected
    elsewhere = Project.bare(tmp_path / "elsewhere")
    there = here.folder / "my.yaml"
    done = elsewhere.dry_run(*words[:-1], there, "--directory", here.folder)
    assert (commands(done, root), jobs(done)) == expected
    done = root.dry_run("-p", "--configfile", there, "--directory", here.folder)
    assert (commands(done, root), jobs(done)) == expected
    # The project's profile is found too.
    assert "profiles/default" in done.stdout


@pytest.mark.parametrize(
    ("more", "names", "prefix"),
    [
        ("", "", ""),
        ("", "as arkiv_*", ""),
        ("prefix: 'sub'", "as arkiv_*", "sub/"),
        (
            "replace_prefix: {'results/': 'out/results/', 'models': 'out/models'}",
            "",
            "out/",
        ),
    ],
)
def test_as_a_module(root, here, expected, more, names, prefix):
    """A prefix goes before what is made, and not before what a person names."""
    write_module(here, root, more, names)
    done = here.dry_run("-p", "--cores", "1")
    assert (commands(done, root, prefix), jobs(done)) == expected
    assert f" {prefix}results/court/report.html" in done.stdout
    assert f" {prefix}models/tiny-embedder" in done.stdout
    assert " letters.jsonl" in done.stdout
    assert "mine.txt" in done.stdout


def test_a_part_of_a_configuration_is_enough(root, here):
    """No defaults are read for a module that is given its own; they are filled in."""
    part = {"datasets": CONFIG["datasets"], "models": CONFIG["models"]}
    (here.folder / "my.yaml").write_text(yaml.safe_dump({"arkiv": part, "mine": 1}))
    module = write_module(here, root)
    module.write_text(module.read_text().replace(": config\n", ": config['arkiv']\n"))
    assert here.planned("--cores", "1")["train_model"] == 1


def test_a_rule_before_the_module_stays_the_one_that_is_made(root, here):
    module = write_module(here, root, names="as arkiv_*")
    assert here.planned("--cores", "1")["arkiv_all"] == 1
    text = module.read_text()
    module.write_text(
        "rule first:\n    output: 'made'\n    shell: 'touch made'\n" + text
    )
    assert here.planned("--cores", "1") == {"first": 1}


def test_as_the_workflow_catalogue_deploys_it(root, here, expected):
    """A module in workflow/Snakefile, and a copy of config/ to be edited."""
    module = write_module(here, root, name="workflow/Snakefile")
    module.write_text(module.read_text().replace("my.yaml", "config/config.yaml"))
    shutil.copytree(root.folder / "config", here.folder / "config")
    own = yaml.safe_load((here.folder / "config/config.yaml").read_text())
    (here.folder / "config/config.yaml").write_text(yaml.safe_dump(own | {"run": "x"}))
    done = here.dry_run("-p", "--cores", "1", "--configfile", "my.yaml")
    assert (commands(done, root), jobs(done)) == expected
    # Edited: the copy's prompts go before the project's.
    assert "config/prompts/sv-court.txt" in done.stdout
    assert "project/config/prompts" not in done.stdout


def test_a_module_out_of_a_repository(root, here, expected, tmp_path, monkeypatch):
    """Its programs and files are written out; Snakemake has its clone already."""
    repository = tmp_path / "repository"
    shutil.copytree(root.folder, repository, symlinks=True)
    me = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    for words in (
        ("init", "-q"),
        ("add", *PARTS),
        (*me, "commit", "-qm", "All"),
        ("tag", "v1"),
    ):
        subprocess.run(["git", *words], cwd=repository, check=True)
    clones = "snakemake/snakemake/source-cache/snakemake-git-cache/github.com"
    clone = tmp_path / "cache" / clones / "me/arkiv"
    words = ("git", "clone", "-q", "--bare", repository, clone)
    subprocess.run(words, check=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    module = write_module(here, root)
    source = "github('me/arkiv', path='Snakefile', tag='v1')"
    own = repr(str(root.folder / "Snakefile"))
    module.write_text(module.read_text().replace(own, source))
    done = here.dry_run("-p", "--cores", "1")
    assert done.returncode == 0, done.stdout
    (written,) = (here.folder / ".snakemake/arkiv").iterdir()
    assert (commands(done, Project.bare(written)), jobs(done)) == expected
    assert (written / "scripts/arkiv/train/start.py").exists()


def test_a_directorys_own_configuration_is_laid_over_the_defaults(root, here):
    (here.folder / "config").mkdir()
    shutil.copy(here.folder / "my.yaml", here.folder / "config/config.yaml")
    words = ("-s", root.folder / "Snakefile")
    assert "results/court/report.html" in here.dry_run(*words).stdout
    done = here.dry_run(*words, "--config", "run=other")
    assert "results/other/report.html" in done.stdout
    (here.folder / "config/config.yaml").write_text("samples: none of ours\n")
    done = here.dry_run(*words, "--configfile", "my.yaml")
    assert (
        "configuration, with config/config.yaml of this directory: `sam" in done.stdout
    )


def test_nothing_that_tells_where_data_lies_is_one_sentence(root, here):
    done = here.dry_run("-s", root.folder / "Snakefile")
    assert done.returncode == 1
    assert "`datasets`: is empty; name your data in a file of your own" in done.stdout
    assert "Traceback" not in done.stdout
