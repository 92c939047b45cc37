"""A whole SLURM on one machine: accounting, a login node and three compute nodes.

Every node is a network and UTS namespace with an address and a host name of its own, on
a bridge that leads nowhere else: what runs there has no route to any other network. All
processes see one private mount namespace, in which the configuration lies at its usual
place; nothing of the machine's own /etc, /run or /var is touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

PROGRAMS = {
    "slurmctld": "slurm-wlm",
    "slurmd": "slurm-wlm",
    "sbatch": "slurm-wlm",
    "slurmdbd": "slurmdbd",
    "munged": "munge",
    "mariadbd": "mariadb-server",
    "ip": "iproute2",
    "nsenter": "util-linux",
}
GPUS_PER_NODE = 2
GPU_NODES = ("n1", "n2")
NODES = (*GPU_NODES, "n3")
HOSTS = ("login", *NODES)
NETWORK = "10.213.77"
ADDRESSES = {name: f"{NETWORK}.{i}" for i, name in enumerate(HOSTS, start=1)}
# More than the machine has: what a job asks for the third time must fit a node.
MEMORY_MB = 64000
# Over the places where SLURM and its helpers look for their files.
MOUNTS = {
    "etc-slurm": "/etc/slurm",
    "run-munge": "/run/munge",
    "run-mysqld": "/run/mysqld",
}

SLURM_CONF = """\
ClusterName=arkiv
SlurmctldHost=login({login})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool-%n
SlurmctldPidFile={base}/slurmctld.pid
SlurmdPidFile={base}/slurmd-%n.pid
SlurmctldTimeout=60
SlurmdTimeout=10
KillWait=5
MinJobAge=300
InactiveLimit=0
ReturnToService=2
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=5,bf_interval=5
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=login
AccountingStorageEnforce=associations
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
JobCompType=jobcomp/none
GresTypes=gpu
{nodes}
PartitionName=cpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={gpu_nodes} MaxTime=INFINITE State=UP
"""
NODE_LINE = (
    "NodeName={name} NodeHostname={name} NodeAddr={address} CPUs=32 "
    "RealMemory={memory}{gres} State=UNKNOWN"
)
SLURMDBD_CONF = """\
AuthType=auth/munge
DbdHost=login
SlurmUser=root
PidFile={base}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
"""


def missing() -> str | None:
    """What keeps the cluster from starting here, as a sentence; None if nothing."""
    lacking = sorted({p for name, p in PROGRAMS.items() if not shutil.which(name)})
    if lacking:
        return f"SLURM is not installed (apt-get install {' '.join(lacking)})"
    if os.geteuid() != 0:
        return "the cluster's namespaces need root"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--uts", "true"], capture_output=True, text=True
    )
    if tried.returncode:
        return f"namespaces cannot be made here ({tried.stderr.strip()})"
    return None


def wait_until(condition: Callable[[], object], what: str, timeout: float = 60) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it did not come true in time.
    """
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {timeout} s: {what}")
        time.sleep(0.2)


class Cluster:
    """The running cluster; `Cluster.start()` brings it up and down."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.holder: subprocess.Popen | None = None
        self.daemons: dict[str, subprocess.Popen] = {}

    @classmethod
    @contextlib.contextmanager
    def start(cls) -> Iterator[Cluster]:
        """Bring the cluster up; end each of its processes afterwards."""
        # A short path: that of a socket may have 108 characters.
        base = Path(tempfile.mkdtemp(prefix="arkiv-slurm-"))
        cluster = cls(base)
        try:
            cluster._make_hosts()
            cluster._start_accounting()
            cluster._start_slurm()
            yield cluster
        finally:
            cluster.stop()
            shutil.rmtree(base, ignore_errors=True)

    def namespace(self, host: str) -> str:
        return f"{self.base.name}-{host}"

    def on(self, host: str, command: Sequence[object]) -> list[str]:
        """The command line that runs a command on a host."""
        return [
            *("nsenter", f"--target={self.holder.pid}", "--mount"),
            f"--net=/run/netns/{self.namespace(host)}",
            # The host's name belongs to the processes that we start, and to no other.
            *("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host),
            *map(str, command),
        ]

    def run(
        self,
        *command: object,
        host: str = "login",
        check: bool = True,
        timeout: float = 900,
        **options,
    ) -> subprocess.CompletedProcess:
        """Run a command on a host; output and errors together in `stdout`."""
        done = subprocess.run(
            self.on(host, command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
            **options,
        )
        if check:
            assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done

    def popen(
        self, *command: object, host: str = "login", **options
    ) -> subprocess.Popen:
        """Start a command on a host."""
        return subprocess.Popen(
            self.on(host, command),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **options,
        )

    def jobs(self, *options: str) -> list[dict[str, str]]:
        """All jobs that accounting knows, by sacct: job id, comment, state, nodes …"""
        fields = ["JobID", "Comment", "State", "NodeList", "AllocTRES", "NNodes"]
        text = self.run(
            *("sacct", "--allocations", "--noheader", "--parsable2", "--allusers"),
            *("--starttime=2020-01-01", f"--format={','.join(fields)}", *options),
        ).stdout
        rows = [line.split("|") for line in text.splitlines()]
        return [dict(zip(fields, row, strict=True)) for row in rows]

    def queue(self) -> list[dict[str, str]]:
        """Jobs that wait or run: id, comment, state and nodes, by squeue."""
        text = self.run("squeue", "--noheader", "--format=%i|%k|%T|%N").stdout
        rows = [line.split("|") for line in text.splitlines()]
        return [
            dict(zip(("id", "comment", "state", "nodes"), row, strict=True))
            for row in rows
        ]

    def running(self, comment: str) -> dict[str, str] | None:
        """A running job whose comment (rule_NAME_wildcards_…) begins so."""
        for job in self.queue():
            if job["comment"].startswith(comment) and job["state"] == "RUNNING":
                return job
        return None

    def processes(self, host: str) -> list[int]:
        """The ids of all processes on a host."""
        text = subprocess.run(
            ["ip", "netns", "pids", self.namespace(host)],
            capture_output=True,
            text=True,
        ).stdout
        return [int(word) for word in text.split()]

    def find_process(self, host: str, *words: str) -> int | None:
        """The id of a process on a host with all these words on its command line."""
        for pid in self.processes(host):
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
                if set(words) <= set(line.split("\0")):
                    return pid
        return None

    def unroutable(self, host: str) -> int:
        """Packets that a host could not send for want of a route, since it began."""
        rows = self.run("cat", "/proc/net/snmp", host=host).stdout.splitlines()
        names, values = [row.split() for row in rows if row.startswith("Ip:")]
        return int(dict(zip(names, values, strict=True))["OutNoRoutes"])

    def crash(self, node: str) -> None:
        """Let a node die: every process on it is gone at once."""
        for pid in self.processes(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.daemons.pop(f"slurmd-{node}").wait()

    def boot(self, node: str) -> None:
        """Bring a node that died back."""
        self._daemon(f"slurmd-{node}", "slurmd", "-D", "-N", node, host=node)
        wait_until(lambda: self._state(node) in ("idle", "mixed"), f"{node} up")

    def stop(self) -> None:
        """End all processes of the cluster, and remove its namespaces."""
        for host in reversed(HOSTS):
            for pid in self.processes(host):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for process in (*self.daemons.values(), self.holder):
            if process is not None:
                process.kill()
                process.wait()
        for host in HOSTS:
            subprocess.run(
                ["ip", "netns", "delete", self.namespace(host)], capture_output=True
            )

    def _make_hosts(self) -> None:
        for host in HOSTS:
            _run("ip", "netns", "add", self.namespace(host))
        within = ["ip", "-netns", self.namespace("login")]
        _run(*within, "link", "add", "bridge", "type", "bridge")
        _run(*within, "address", "add", f"{ADDRESSES['login']}/24", "dev", "bridge")
        _run(*within, "link", "set", "bridge", "up")
        for host in HOSTS:
            _run("ip", "-netns", self.namespace(host), "link", "set", "lo", "up")
        for node in NODES:
            peer = ["peer", "name", "eth0", "netns", self.namespace(node)]
            _run(*within, "link", "add", node, "type", "veth", *peer)
            _run(*within, "link", "set", node, "master", "bridge", "up")
            there = ["ip", "-netns", self.namespace(node)]
            _run(*there, "address", "add", f"{ADDRESSES[node]}/24", "dev", "eth0")
            _run(*there, "link", "set", "eth0", "up")

        # Both ways of writing an address, for a program that looks up a peer's name.
        hosts = [f"{a} {n}\n::ffff:{a} {n}" for n, a in ADDRESSES.items()]
        self._write("hosts", "\n".join(["127.0.0.1 localhost", *hosts]) + "\n")
        binds = [f"mount --bind {self.base}/hosts /etc/hosts"]
        for name, place in MOUNTS.items():
            (self.base / name).mkdir()
            Path(place).mkdir(parents=True, exist_ok=True)
            binds.append(f"mount --bind {self.base}/{name} {place}")
        script = " && ".join([*binds, "echo ready", "exec sleep infinity"])
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.holder.stdout.readline() == "ready\n", "cannot mount"

    def _start_accounting(self) -> None:
        key = self.base / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self._daemon(
            "munged",
            *("munged", "--foreground", "--force", f"--key-file={key}"),
            f"--seed-file={self.base}/munge.seed",
            f"--log-file={self.base}/munge.log",
            f"--pid-file={self.base}/munge.pid",
        )
        database = self.base / "mysql"
        self.run(
            *("mariadb-install-db", "--no-defaults", "--user=root"),
            *(f"--datadir={database}", "--auth-root-authentication-method=normal"),
            "--skip-test-db",
        )
        self._daemon(
            "mariadbd",
            *("mariadbd", "--no-defaults", "--user=root", f"--datadir={database}"),
            *("--socket=/run/mysqld/mysqld.sock", "--skip-networking"),
            f"--pid-file={self.base}/mysqld.pid",
        )
        self._answers("mariadb-admin", "--no-defaults", "ping")
        self._write("etc-slurm/slurmdbd.conf", SLURMDBD_CONF.format(base=self.base))
        (self.base / "etc-slurm/slurmdbd.conf").chmod(0o600)

    def _start_slurm(self) -> None:
        lines, gres = [], []
        for name in NODES:
            (self.base / f"spool-{name}").mkdir()
            has_gpus = name in GPU_NODES
            lines.append(
                NODE_LINE.format(
                    name=name,
                    address=ADDRESSES[name],
                    memory=MEMORY_MB,
                    gres=f" Gres=gpu:{GPUS_PER_NODE}" if has_gpus else "",
                )
            )
            if has_gpus:
                for i in range(GPUS_PER_NODE):
                    device = self.base / f"gpu-{name}-{i}"
                    _run("mknod", device, "c", "1", "3")
                    gres.append(f"NodeName={name} Name=gpu File={device}")
        (self.base / "state").mkdir()
        self._write(
            "etc-slurm/slurm.conf",
            SLURM_CONF.format(
                base=self.base,
                login=ADDRESSES["login"],
                nodes="\n".join(lines),
                gpu_nodes=",".join(GPU_NODES),
            ),
        )
        self._write("etc-slurm/gres.conf", "\n".join(gres) + "\n")
        self._write(
            "etc-slurm/cgroup.conf", "CgroupPlugin=cgroup/v1\nConstrainCores=no\n"
        )
        self._daemon("slurmdbd", "slurmdbd", "-D")
        add = ["sacctmgr", "--immediate", "add"]
        self._answers(*add, "cluster", "arkiv")
        self.run(*add, "account", "archive", "cluster=arkiv")
        self.run(*add, "user", "root", "account=archive", "cluster=arkiv")
        self._daemon("slurmctld", "slurmctld", "-D", "-c")
        for node in NODES:
            self._daemon(f"slurmd-{node}", "slurmd", "-D", "-N", node, host=node)
        for node in NODES:
            wait_until(lambda node=node: self._state(node) == "idle", f"{node} idle")

    def _state(self, node: str) -> str:
        done = self.run("sinfo", "-h", "-n", node, "-p", "cpu", "-o", "%T", check=False)
        return done.stdout.strip()

    def _answers(self, *command: object) -> None:
        wait_until(
            lambda: self.run(*command, check=False).returncode == 0,
            f"no answer to {' '.join(map(str, command))}",
        )

    def _write(self, name: str, text: str) -> None:
        (self.base / name).write_text(text, encoding="utf-8")

    def _daemon(self, name: str, *command: object, host: str = "login") -> None:
        with open(self.base / f"{name}.out", "ab") as out:
            self.daemons[name] = self.popen(
                *command, host=host, stdout=out, stderr=subprocess.STDOUT
            )

    def said(self) -> Mapping[str, str]:
        """What each daemon printed."""
        return {
            path.stem: path.read_text(encoding="utf-8", errors="replace")
            for path in sorted(self.base.glob("*.out"))
        }


def _run(*command: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
