"""The profile that a name means, and what the doctor reads of it."""

from __future__ import annotations

import pytest
from project import ROOT

from arkiv.base.errors import InputError
from arkiv.doctor.profile import Profile


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
