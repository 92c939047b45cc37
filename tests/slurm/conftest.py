"""The mini cluster, and finished runs on it that the tests start from."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from shutil import ignore_patterns

import pytest
from project import ARCHIVE, Project, small

from slurm.cluster import GPUS_PER_NODE, Cluster, missing, wait_until

STAND_IN = Path(__file__).parent / "stand-in" / "bin"
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
# Two nodes of two processes each, and a checkpoint at every other step.
TRAIN = {
    "nodes": 2,
    "processes": 2,
    "args": {
        "max_steps": 16,
        "learning_rate": 1e-3,
        "passage_max_len": 128,
        "gradient_checkpointing": False,
        "save_steps": 2,
    },
}


class ClusterProject(Project):
    """A copy of the project that is run from the cluster's login node."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        super().__init__(folder)
        self.cluster = cluster
        self.results = folder / "results/small"
        # What a user would change for this cluster, and quicker polls.
        self.edit(
            "profiles/slurm/config.yaml",
            **{
                "account: null": "account: archive",
                "gpu_partition: null": "gpu_partition: gpu",
                "train_gpus: 1": f"train_gpus: {GPUS_PER_NODE}",
                "status-checks: 20": "status-checks: 7",
                "latency-wait: 60": "latency-wait: 5",
            },
        )

    def edit(self, name: str, **changes: str) -> None:
        """Replace texts in a file; each must be there."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")

    def on_slurm(self, *words: object) -> list[str]:
        return [
            *("env", "-C", str(self.folder)),
            *self.command("--profile", "slurm", *words, "--configfile", "test.yaml"),
        ]

    def run(self, *words: object, timeout: float = 900) -> subprocess.CompletedProcess:
        """Run `snakemake --profile slurm`."""
        return self.cluster.run(
            *self.on_slurm(*words), check=False, timeout=timeout, env=self.environment
        )

    def begin(self, *words: object) -> subprocess.Popen:
        """Start `snakemake --profile slurm`; its output goes to snakemake.out."""
        with open(self.folder / "snakemake.out", "ab") as out:
            return self.cluster.popen(
                *self.on_slurm(*words),
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.environment,
            )

    def said(self) -> str:
        return (self.folder / "snakemake.out").read_text(encoding="utf-8")

    def finish(self, process: subprocess.Popen, timeout: float = 600) -> None:
        """Wait for a Snakemake that was begun; it must end well."""
        assert process.wait(timeout) == 0, self.said()[-8000:]

    def remove(self, *patterns: str) -> None:
        """Remove results."""
        for pattern in patterns:
            found = list(self.results.glob(pattern))
            assert found, pattern
            for path in found:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def jobs_after(self, last: int) -> list[dict[str, str]]:
        """Jobs after this one, all of which have ended, in order."""

        def ended() -> list[dict[str, str]] | None:
            jobs = [job for job in self.cluster.jobs() if int(job["JobID"]) > last]
            done = all(job["State"].startswith(ENDED) for job in jobs)
            return jobs if jobs and done else None

        wait_until(ended, "the jobs end in accounting")
        return ended()

    def states(self, last: int, rule: str) -> list[str]:
        """How the jobs of a rule after this one ended, in order."""
        return [
            job["State"].split()[0]
            for job in self.jobs_after(last)
            if job["Comment"].startswith(f"rule_{rule}")
        ]


class CondaProject(ClusterProject):
    """… with a stand-in for conda on its PATH (see stand-in/bin/conda)."""

    @property
    def environment(self) -> dict[str, str]:
        given = super().environment
        return given | {"PATH": f"{STAND_IN}{os.pathsep}{given['PATH']}"}


def last_job(cluster: Cluster) -> int:
    """The highest id of a job so far."""
    return max((int(job["JobID"]) for job in cluster.jobs()), default=0)


@pytest.fixture(scope="session")
def cluster():
    if not os.environ.get("ARKIV_TEST_SLURM"):
        pytest.skip("`make test-slurm` runs the tests on a SLURM of three nodes")
    if why := missing():
        pytest.fail(why)
    with Cluster.start() as running:
        yield running


@pytest.fixture(scope="session")
def begun_environments(cluster, tmp_path_factory):
    """A project whose environments are being made by conda, as on a login node.

    `making` is the process; what it says goes to conda.out.
    """
    project = CondaProject(tmp_path_factory.mktemp("conda") / "project", cluster)
    config = small(
        "models",
        datasets=ARCHIVE,
        parts={"queries": 1, "corpus": 1, "pairs": 1},
        train={"processes": 2, "args": {"max_steps": 2, "save_strategy": "no"}},
    )
    # BM25 and one mode of the tuned model: each is a job.
    config["evaluate"]["systems"] |= {"base_dense": None, "tuned_combined": None}
    modes = ("dense", "sparse", "multi_vector", "combined")
    config["evaluate"]["compare"] = {f"tuned_{mode}": None for mode in modes}
    config["report"] = {"systems": ["bm25", "tuned_dense"]}
    project.configure(**config)
    with open(project.folder / "conda.out", "wb") as out:
        project.making = subprocess.Popen(
            project.command(
                *("--sdm", "conda", "--conda-create-envs-only", "--cores", 1),
                *("--configfile", "test.yaml"),
            ),
            cwd=project.folder,
            env=project.environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    with project.making:
        yield project
        project.making.terminate()


@pytest.fixture(scope="session")
def base(cluster, begun_environments, models, tmp_path_factory) -> ClusterProject:
    """A finished run on the cluster; `planned_jobs` counts them by rule."""
    project = ClusterProject(tmp_path_factory.mktemp("slurm") / "base", cluster)
    config = small(models, datasets=ARCHIVE, train=TRAIN)
    project.configure(**config)
    project.planned_jobs = project.planned("--configfile", "test.yaml")
    done = project.run()
    assert done.returncode == 0, done.stdout[-8000:]
    return project


@pytest.fixture
def again(base, tmp_path_factory):
    """A copy of the finished run, to take results from and make anew."""
    project = ClusterProject(tmp_path_factory.mktemp("slurm") / "again", base.cluster)
    shutil.copy(base.folder / "test.yaml", project.folder)
    # What is computed again is computed, not taken from where it was kept.
    shutil.copytree(base.results, project.results, ignore=ignore_patterns("cache"))
    return project
