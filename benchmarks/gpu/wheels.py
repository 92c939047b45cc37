"""Wheels of what a bare machine with a GPU lacks: python -m benchmarks.gpu.wheels DIR.

They are FlagEmbedding, and what its training imports that bare.txt does not list, at
the pins of requirements.txt, for Python 3.12 on Linux x86-64.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from arkiv.base.errors import InputError
from arkiv.base.files import written_whole
from benchmarks import HERE, ROOT

PACKED = ("FlagEmbedding", "datasets", "dill", "multiprocess")
# Required by what is packed, but imported by no training.
NOT_IMPORTED = {"ir-datasets"}
MOST_BYTES = 50_000_000
BARE = HERE / "gpu" / "bare.txt"
PYTHON = "3.12"
PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
    "manylinux1_x86_64",
)


def versions(path: Path) -> dict[str, str | None]:
    """The packages of a requirements file, by their canonical names, and their pins."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            found[canonicalize_name(name)] = version or None
    return found


def download(pins: Mapping[str, str | None], folder: Path) -> None:
    """Have pip download the wheels of PACKED at their pins.

    Raises:
        InputError: pip cannot.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation", "cp"]
    command += ["--python-version", PYTHON, "--dest", str(folder)]
    command += [word for name in PLATFORMS for word in ("--platform", name)]
    command += [f"{name}=={pins[canonicalize_name(name)]}" for name in PACKED]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it says nothing"]
        raise InputError(f"pip downloads no wheels: {said[-1]}")


def requirements(wheel: Path) -> list[Requirement]:
    """What a wheel requires on the machine, without extras.

    Raises:
        InputError: the file is no wheel.
    """
    try:
        with zipfile.ZipFile(wheel) as packed:
            (name,) = (n for n in packed.namelist() if n.endswith("dist-info/METADATA"))
            head = HeaderParser().parsestr(packed.read(name).decode())
    except (zipfile.BadZipFile, ValueError):
        raise InputError("is not a wheel", file=wheel) from None
    of_machine = {"python_version": PYTHON, "sys_platform": "linux", "extra": ""}
    each = map(Requirement, head.get_all("Requires-Dist") or [])
    return [one for one in each if not one.marker or one.marker.evaluate(of_machine)]


def check(wheels: Iterable[Path], there: Mapping[str, str | None]) -> int:
    """Check that wheels and what is there have all that the wheels require.

    Args:
        wheels: to take along.
        there: packages of the machine, and their versions where known.

    Returns:
        Bytes of the wheels.

    Raises:
        InputError: they are larger than MOST_BYTES, or a requirement is not met.
    """
    wheels = list(wheels)
    size = sum(wheel.stat().st_size for wheel in wheels)
    if size > MOST_BYTES:
        raise InputError(
            f"the wheels have {size / 1e6:.1f} MB, expected {MOST_BYTES / 1e6:.0f} MB "
            "at most"
        )
    packed = {canonicalize_name(wheel.name.split("-")[0]) for wheel in wheels}
    for wheel in wheels:
        for needed in requirements(wheel):
            name = canonicalize_name(needed.name)
            if name in packed | NOT_IMPORTED:
                continue
            if name not in there:
                raise InputError(f"requires {needed}, which is nowhere", file=wheel)
            version = there[name]
            if version and not needed.specifier.contains(version):
                raise InputError(
                    f"requires {needed}, but the machine has {version}", file=wheel
                )
    return size


def differing(
    there: Mapping[str, str | None], pins: Mapping[str, str | None]
) -> list[str]:
    """Sentences on the versions of the machine that are not those of the pins."""
    return [
        f"{name} {version} is there, the pin is {pins[name]}"
        for name, version in there.items()
        if version and pins.get(name) != version
    ]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.wheels")
    parser.add_argument("folder", type=Path, metavar="DIR", help="for the wheels; new")
    folder = parser.parse_args(argv).folder
    there, pins = versions(BARE), versions(ROOT / "requirements.txt")
    try:
        if folder.exists():
            raise InputError("is there already, expected a new folder", file=folder)
        with written_whole(folder) as beside:
            beside.mkdir()
            download(pins, beside)
            size = check(sorted(beside.glob("*.whl")), there)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for wheel in sorted(folder.glob("*.whl")):
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB")
    print(f"together {size / 1e6:.2f} MB, of {MOST_BYTES / 1e6:.0f} MB at most")
    print("\n".join(differing(there, pins)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
