"""The code is laid out as docs/architecture.md says, which declares the layers.

A failure names the line of the document to change.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from project import ROOT, printed

DOCUMENT = ROOT / "docs/architecture.md"
PACKAGE = ROOT / "scripts/arkiv"
# Below `arkiv` itself: __init__.py and one more at most.
MOST_AT_THE_TOP = 2
ENTRY = re.compile(r"(?P<indent> *)(?P<name>[\w./-]+)(?: {2,}\S.*)?$")


def section(heading: str) -> Iterator[tuple[int, str]]:
    """The lines from a heading to the next of its kind, with their numbers."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = lines.index(f"## {heading}") + 1
    for number, line in enumerate(lines[start:], start + 1):
        if line.startswith("## "):
            return
        yield number, line


def layers() -> dict[str, tuple[int, int]]:
    """The layer of each package, and the line that says so."""
    found: dict[str, tuple[int, int]] = {}
    for number, line in section("Layers"):
        if row := re.match(r"\| (?P<layer>\d+) \| (?P<packages>[^|]*) \|", line):
            for package in re.findall(r"`(\w+)`", row["packages"]):
                assert package not in found, (
                    f"{DOCUMENT.name}:{number}: {package} again"
                )
                found[package] = int(row["layer"]), number
    return found


def tree() -> dict[str, int]:
    """The files and directories of the annotated trees, and the line of each."""
    found: dict[str, int] = {}
    above: list[str] = []
    in_code = False
    for number, line in section("Tree"):
        if line.startswith("```"):
            in_code = not in_code
        elif in_code and (entry := ENTRY.match(line)):
            depth = len(entry["indent"]) // 2
            above[depth:] = [entry["name"].rstrip("/")]
            found["/".join(above)] = number
    return found


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the library by its path below `scripts`, parsed."""
    return {
        path.relative_to(ROOT / "scripts").as_posix(): ast.parse(path.read_bytes())
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def imported(module: ast.Module) -> Iterator[tuple[int, list[str]]]:
    """What a module imports of the library, anywhere in it: line and dotted name."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: import by the full name"
            names = [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "arkiv":
                yield node.lineno, name.split(".")


def package_of(parts: list[str] | tuple[str, ...]) -> str | None:
    """The package below `arkiv` that a name or path lies in, if it lies in one."""
    return parts[1] if len(parts) > 2 else None


def test_the_layers_name_every_package_once():
    packages = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    declared = layers()
    wrong = [
        f"{DOCUMENT.name}:{number}: there is no package {package}"
        for package, (_, number) in declared.items()
        if package not in packages
    ]
    wrong += [
        f"{DOCUMENT.name}, Layers: the package {package} has no layer"
        for package in packages - declared.keys()
    ]
    assert not wrong, "\n".join(["", *wrong])


def test_packages_import_from_layers_below_alone():
    """So there are no circles either."""
    declared = layers()
    wrong = []
    for path, module in modules().items():
        if (own := package_of(path.split("/"))) is None:
            continue
        layer, number = declared[own]
        for line, name in imported(module):
            other = package_of([*name, ""]) or "arkiv"
            if other != own and (other == "arkiv" or declared[other][0] >= layer):
                wrong.append(
                    f"scripts/{path}:{line} imports {'.'.join(name)}, which is not "
                    f"below layer {layer} ({DOCUMENT.name}:{number})"
                )
    assert not wrong, "\n".join(["", *wrong])


def test_modules_import_each_other_in_no_circle():
    found = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): module
        for path, module in modules().items()
    }
    needs = {
        name: {
            ".".join(parts[:end])
            for _, parts in imported(module)
            for end in (len(parts), len(parts) - 1)
            if ".".join(parts[:end]) in found
        }
        - {name, "arkiv"}
        for name, module in found.items()
    }
    # A module that needs none of those left goes; what stays hangs together in circles.
    while free := {name for name in needs if not needs[name] & needs.keys()}:
        for name in free:
            del needs[name]
    assert {name: below & needs.keys() for name, below in needs.items()} == {}


def test_the_tree_names_every_module_and_nothing_else():
    """A directory below a package's that has no entries stands for what is in it."""
    named = tree()
    inner = {path for path in named if path.count("/") > 2}
    whole = {path for path in inner if not any(f"{path}/" in one for one in named)}
    wrong = [
        f"{DOCUMENT.name}:{number}: there is no {path}"
        for path, number in named.items()
        if not (ROOT / path).exists()
    ]
    for module in modules():
        path = f"scripts/{module}"
        folder = path.rpartition("/")[0]
        if not (path.endswith("__init__.py") or path in named or folder in whole):
            line = named.get(folder, "Tree")
            wrong.append(f"{DOCUMENT.name}:{line}: {path} is missing below {folder}/")
    assert not wrong, "\n".join(["", *wrong])


def test_few_modules_stand_at_the_top():
    assert len(list(PACKAGE.glob("*.py"))) <= MOST_AT_THE_TOP


def test_files_of_tests_have_names_of_their_own():
    """Two of one name are one module to pytest, which then collects neither."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, times in names.items() if times > 1] == []


def test_nothing_in_the_library_knows_of_snakemake():
    for path, module in modules().items():
        for node in ast.walk(module):
            names = [one.name for one in getattr(node, "names", [])]
            names += [getattr(node, "module", None) or ""]
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                assert not [n for n in names if n.split(".")[0] == "snakemake"], path


@cache
def at_the_top(path: str) -> list[str]:
    """What a file below `scripts` imports when it is imported, by dotted names."""
    module = modules().get(path) or ast.parse((ROOT / "scripts" / path).read_bytes())
    found: list[str] = []
    left: list[ast.AST] = [*module.body]
    for node in left:
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            left += node.orelse
        elif isinstance(node, (ast.If, ast.Try, ast.With, ast.ClassDef)):
            left += ast.iter_child_nodes(node)
    return found


def imported_by(path: str) -> dict[str, str]:
    """The modules of ours that come with one at its import, each with which asked."""
    found, left = {path: "itself"}, [path]
    for one in left:
        for name in at_the_top(one):
            parts = name.split(".")
            names = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
            asked = [f"{name}.py" for name in names]
            # What is found by itself in a folder within a package comes with it.
            for folder in names[2:]:
                asked += [module for module in modules() if module.startswith(folder)]
            for module in asked:
                if module in modules() and module not in found:
                    found[module] = one
                    left.append(module)
    return found


def test_no_program_imports_what_is_heavy_before_it_needs_it():
    """Its flags, its faults and what it takes from caches cost no start of torch."""
    heavy = "torch", "transformers", "faiss", "FlagEmbedding", "datasets", "matplotlib"
    wrong = [
        f"{program.name}: {path}, by {by}, imports {name} at the top"
        for program in sorted((ROOT / "scripts").glob("*.py"))
        for path, by in imported_by(program.name).items()
        for name in at_the_top(path)
        if name.split(".")[0] in heavy
    ]
    assert not wrong, "\n".join(["", *wrong])


def test_what_every_job_parses_stays_light():
    """The modules that the rule files import, with all that these import."""
    files = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    names = sorted(set(re.findall(r"^from (arkiv\S*) import", text, re.M)))
    assert names
    heavy = "numpy", "scipy", "torch", "transformers", "faiss"
    code = f"import sys, {', '.join(names)}; print(*sys.modules.keys() & set({heavy}))"
    assert printed(code) == ""
