"""Within an environment of a cluster's jobs: has it its pins, and do they import?

    python start.py arkiv.doctor.imports '{"numpy": "2.4.6"}'

Ends with status 1 and a sentence where not.
"""

from __future__ import annotations

import importlib
import json
import sys
from importlib import metadata


def modules_of(name: str) -> list[str]:
    """The modules of an installed package: the one of its name, else all it brings."""
    files = [path.parts for path in metadata.files(name) or []]
    tops = {one[0] for one in files if one[1:] == ("__init__.py",)}
    tops |= {one[0][:-3] for one in files if len(one) == 1 and one[0].endswith(".py")}
    own = {top for top in tops if top.lower() == name.lower().replace("-", "_")}
    return sorted(own or tops)


def of_version(name: str, version: str) -> str:
    """What is wrong with the version of a pinned package, or nothing."""
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is not in it"
    return (
        ""
        if found.partition("+")[0] == version
        else f"{name} is {found}, not {version}"
    )


def of_import(module: str) -> str:
    """Why a module does not import, or nothing."""
    try:
        importlib.import_module(module)
    except Exception as error:  # whatever a package does when it is imported
        return f"{module} does not import ({' '.join(str(error).split())})"
    return ""


def main() -> None:
    pinned: dict[str, str] = json.loads(sys.argv[1])
    if wrong := next(filter(None, map(of_version, pinned, pinned.values())), None):
        sys.exit(wrong)
    modules = [module for name in pinned for module in modules_of(name)]
    # Some want another before them, as psycopg_binary does psycopg.
    again = [module for module in modules if of_import(module)]
    if wrong := next(filter(None, map(of_import, again)), None):
        sys.exit(wrong)


if __name__ == "__main__":
    main()
