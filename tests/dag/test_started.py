"""Another configuration under the name of a run, and what is told of a changed one."""

import pytest
from project import Project

from arkiv.base.files import read_json

TINY = {"source": "tiny", "revision": None}
MODELS = {"embedder": TINY, "reranker": TINY}
COURT = {"court": {"example": {"cases": 20, "volumes": 3}}}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A run that was started by first.yaml and has gone as far as its archive."""
    project = Project(tmp_path_factory.mktemp("project"))
    config = project.configure("first.yaml", datasets=COURT, models=MODELS)
    made = "results/main/archive/court"
    done = project.snakemake(made, "--cores", "1", "--configfile", config)
    assert done.returncode == 0, done.stdout
    return project


def planned_with(project, *words, name, run="main", **config):
    config = {"datasets": COURT, "models": MODELS, **config}
    made = f"results/{run}/archive/court"
    given = ("--configfile", project.configure(name, **config))
    return project.dry_run(made, *given, *words)


def test_another_configuration_of_the_same_name_is_stopped(project):
    done = planned_with(project, name="second.yaml", seed=7, mining={"window": [2, 9]})
    assert done.returncode == 1
    assert (
        "`run`: is main, a run that was started with first.yaml and is another "
        "configuration: seed: 42 -> 7; mining.window: [2, 200] -> [2, 9]; give this "
        "one a name of its own (run: NAME), or `--config run_again=true`" in done.stdout
    )
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("word", "run"),
    [("run_again=true", "main"), ("run_again=True", "main"), ("run=other", "other")],
)
def test_it_goes_on_where_it_is_told_to(project, word, run):
    done = planned_with(project, "--config", word, name="second.yaml", run=run, seed=7)
    assert done.returncode == 0, done.stdout


def test_the_same_settings_in_another_file_are_the_same_configuration(project):
    done = planned_with(project, name="second.yaml")
    assert done.returncode == 0, done.stdout
    assert "settings changed" not in done.stdout
    assert "Nothing to be done" in done.stdout


def test_an_edited_configuration_goes_on_and_says_what_has_changed(project):
    datasets = {"court": {"example": {"cases": 21, "volumes": 3}}}
    done = planned_with(project, name="first.yaml", datasets=datasets)
    planned_with(project, name="first.yaml")
    assert done.returncode == 0, done.stdout
    told = [line for line in done.stdout.splitlines() if "settings changed" in line]
    assert told == [
        "settings changed since results/main was last started: "
        "datasets.court.example.cases: 20 -> 21"
    ]
    assert "Params have changed since last execution: cases: 20 -> 21\n" in done.stdout


def test_a_run_that_has_grown_keeps_its_parts(project):
    grown = {"court": {"example": {"cases": 9999, "volumes": 3}}}
    config = project.configure("first.yaml", datasets=grown, models=MODELS)
    given = ("documents", "--configfile", config, "--config")
    assert project.planned(*given, "run=main")["build_documents"] == 1
    assert project.planned(*given, "run=other")["build_documents"] == 4


def test_another_archive_in_the_same_file_is_another_configuration(project):
    letters = {"letters": {"example": {"cases": 20, "volumes": 3}}}
    done = planned_with(project, name="first.yaml", datasets=letters)
    planned_with(project, name="first.yaml")
    assert done.returncode == 1
    assert "is another configuration: datasets.court: " in done.stdout


def test_files_laid_over_the_same_one_are_the_same_configuration(project):
    more = project.configure("more.yaml", seed=43)
    done = planned_with(project, more, name="first.yaml")
    assert done.returncode == 0, done.stdout
    assert "seed: 42 -> 43" in done.stdout


def test_a_dry_run_keeps_nothing(project):
    kept = read_json(project.folder / "results/main/configuration.json")
    assert kept["files"] == ["first.yaml"]
    assert kept["settings"]["seed"] == 42


def test_data_that_has_outgrown_its_one_part_is_told_and_planned_as_before(project):
    datasets = {"court": {"example": {"cases": 9000, "volumes": 3}}}
    done = planned_with(project, name="first.yaml", datasets=datasets)
    assert "datasets.court has 1 part from an earlier start" in done.stdout
    assert "set parts: {documents: 4, " in done.stdout
    done = planned_with(project, name="first.yaml")
    assert "has 1 part" not in done.stdout


@pytest.mark.parametrize(
    ("word", "advice"),
    [("documents", "snakemake documents --configfile"), ("frist.yaml", "")],
)
def test_what_configfile_takes_for_a_file_is_told_in_a_sentence(project, word, advice):
    done = project.snakemake("--configfile", "first.yaml", word)
    assert done.returncode == 1
    (sentence,) = [line for line in done.stdout.splitlines() if "error: " in line]
    assert sentence.startswith(f"error: there is no file '{word}', which --configfile")
    assert advice in sentence
    assert "Traceback" not in done.stdout


def test_a_section_that_stands_twice_is_told_before_the_first_is_lost(project):
    path = project.folder / "first.yaml"
    path.write_text(path.read_text() + "seed: 1\nseed: 2\n")
    done = project.snakemake("-n", "--configfile", "first.yaml")
    assert done.returncode == 1
    assert "first.yaml, line" in done.stdout
    assert "has the key `seed` twice" in done.stdout
