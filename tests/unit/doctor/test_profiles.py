"""The profile that a name means, and what the doctor reads of it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest
from project import ROOT
from snakemake.cli import get_profile_dir
from snakemake.common import get_appdirs

from arkiv.base.errors import InputError
from arkiv.doctor.profile import Profile, profile_file


def test_our_own_profile_is_read_by_the_link_and_named_by_its_file(monkeypatch):
    monkeypatch.chdir(ROOT)
    profile = Profile.named("slurm")
    assert str(profile.file) == "profiles/slurm/config.yaml"
    assert (profile.slurm, profile.by_squeue, profile.first_look) == (True, True, 20)
    assert profile.partition_file is None
    assert Profile.named("profiles/default").slurm is False


def test_a_profile_may_be_a_file_or_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text = "executor: slurm\nslurm-partition-config: my.yaml  # of this cluster\n"
    file = tmp_path / "home/.config/snakemake/long/config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    for name in ("long", "home/.config/snakemake/long/config.yaml"):
        profile = Profile.named(name)
        assert profile.partition_file == "my.yaml"
        # Snakemake's own default.
        assert (profile.slurm, profile.first_look) == (True, 40)
    with pytest.raises(InputError, match="is short, expected a folder"):
        Profile.named("short")


@pytest.mark.parametrize(
    "files",
    [
        ["config.yaml"],
        ["config.yaml", "config.v8+.yaml"],
        ["config.v7+.yaml", "profile.v9+.yaml", "config.v8+.yaml", "config.v99+.yaml"],
        ["profile.yaml"],
        ["config.v99+.yaml", "my.yaml", "config.v8.yaml"],
        [],
    ],
)
@pytest.mark.parametrize("name", ["long", "./here/long", "here/long/", "ones/file"])
def test_of_several_files_it_is_the_one_that_snakemake_reads(
    tmp_path, monkeypatch, name, files
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    monkeypatch.setattr("snakemake.common.APPDIRS", None)
    for folder in ("own/snakemake/long", "here/long"):
        (made := tmp_path / folder).mkdir(parents=True)
        for file in files:
            (made / file).write_text("executor: slurm\n", encoding="utf-8")
    (tmp_path / "ones").mkdir()
    (tmp_path / "ones/file").touch()
    assert str(tmp_path) in get_appdirs().user_config_dir
    taken = get_profile_dir(name)
    found = profile_file(name)
    assert (found and found.resolve()) == (taken and taken[1].resolve())


def test_without_snakemake_the_newest_is_read(tmp_path, monkeypatch):
    def lacking(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("arkiv.doctor.profile.version", lacking)
    for name in ("config.yaml", "config.v8+.yaml"):
        (tmp_path / name).touch()
    assert profile_file(str(tmp_path)).name == "config.v8+.yaml"
