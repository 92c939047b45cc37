"""A key in the configuration ends the plan, and stands nowhere afterwards."""

import json

import pytest
from project import Project

SECRET = "aZ81kQq7Xt0pL2mB9vR4"
DATASETS = {"a": {"pairs": "rows.jsonl"}}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    row = json.dumps({"query": "q", "pos": ["p"]})
    (project.folder / "rows.jsonl").write_text(f"{row}\n")
    return project


def nowhere(project, output, but):
    """Whether the secret is neither printed nor in any other file."""
    files = (path for path in project.folder.rglob("*") if path.is_file())
    texts = [path.read_bytes() for path in files if path != but]
    return not any(SECRET.encode() in text for text in (*texts, output.encode()))


OVERLAYS = [
    {"queries": {"openai": {"extra": {"headers": {"X-Api-Key": SECRET}}}}},
    {"queries": {"openai": {"base_url": f"https://me:{SECRET}@host/v1"}}},
    {"queries": {"openai": {"base_url": f"https://host/v1?api_key={SECRET}"}}},
    {"queries": {"openai": {"key_variable": SECRET}}},
    {"queries": {"openai": {"api_key": SECRET}}},
    {"serve": {"image_link": f"https://me:{SECRET}@host/{{page}}"}},
    {"train": {"args": {"hub_token": SECRET}}},
    {"queries": {"backend": SECRET}},
]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_secret_in_a_file_of_settings(project, overlay):
    path = project.configure(datasets=DATASETS, **overlay)
    done = project.dry_run("-p", "--configfile", path)
    assert done.returncode == 1
    assert "configuration: `" in done.stdout
    assert "Traceback" not in done.stdout
    assert nowhere(project, done.stdout, but=path)


def test_a_secret_on_the_command_line(project):
    path = project.configure(datasets=DATASETS)
    for words in (
        [f"openai_api_key={SECRET}"],
        [f'queries={{"openai": {{"extra": {{"token": "{SECRET}"}}}}}}'],
        # Not closed: a text.
        [f'queries={{"openai": {{"extra": {{"token": {SECRET}'],
        [f'serve={{"image_link": "https://host/{{page}}?token={SECRET}"}}'],
    ):
        done = project.dry_run("-p", "--configfile", path, "--config", *words)
        assert done.returncode == 1
        assert "configuration: `" in done.stdout
        assert nowhere(project, done.stdout, but=path)
