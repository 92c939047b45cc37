"""Each rule's script imports only what the rule's conda environment has."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import project
import pytest
import yaml
from project import ROOT

SCRIPTS = ROOT / "scripts"
PACKAGE_OF = {
    "faiss": "faiss-gpu",
    "sentence_transformers": "sentence-transformers",
    "Stemmer": "PyStemmer",
    "flask": "Flask",
    "jinja2": "Jinja2",
    "werkzeug": "Werkzeug",
    "yaml": "PyYAML",
    "rapidfuzz": "RapidFuzz",
}


def rules() -> dict[str, tuple[str, list[str]]]:
    """The environment of each rule that runs a script, and the files it runs.

    Of retrieve.py all types are the same script: the module of the rule's is one of the
    files.
    """
    found = {}
    for name, body in project.rules().items():
        script = re.search(r"python {params.arkiv_scripts:q}/(\w+)\.py", body)
        if script:
            files = [f"{script[1]}.py"]
            if kind := re.search(r'type="(\w+)"', body):
                files.append(f"arkiv/retrieve/systems/{kind[1]}.py")
            found[name] = (re.search(r"envs/(\w+)\.yaml", body)[1], files)
    return found


def packages(environment: str) -> set[str]:
    """What an environment installs by name."""
    text = (ROOT / "envs" / f"{environment}.yaml").read_text(encoding="utf-8")
    pinned = yaml.safe_load(text)["dependencies"][-1]["pip"]
    return {one.split("==")[0] for one in pinned}


def imported(nodes, *, also_in_functions: bool) -> set[str]:
    """The modules that these statements import; not those for type checkers alone."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        elif also_in_functions or not isinstance(node, ast.FunctionDef):
            children = list(ast.iter_child_nodes(node))
            found |= imported(children, also_in_functions=also_in_functions)
    return found


def needed(*files: str) -> set[str]:
    """The packages that these files import anywhere, and our modules at their top."""
    wanted: set[str] = set()
    seen: set[Path] = set()

    def follow(path: Path, also_in_functions: bool) -> None:
        if path in seen:
            return
        seen.add(path)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name in imported(tree.body, also_in_functions=also_in_functions):
            ours = SCRIPTS.joinpath(*name.split("."))
            if name.split(".")[0] != "arkiv":
                wanted.add(name.split(".")[0])
            for module in (ours.with_suffix(".py"), ours / "__init__.py"):
                if module.is_file():
                    follow(module, False)

    for file in files:
        follow(SCRIPTS / file, True)
    outside = wanted - set(sys.stdlib_module_names)
    return {PACKAGE_OF.get(name, name) for name in outside}


@pytest.mark.parametrize("rule", sorted(rules()))
def test_a_script_imports_what_its_environment_installs(rule):
    environment, files = rules()[rule]
    assert needed(*files) <= packages(environment)


def test_the_search_page_imports_what_its_environment_installs():
    assert needed("serve_search.py") | {"bm25s", "Flask", "PyStemmer"} <= packages(
        "serve"
    )


def test_the_rows_of_an_index_are_loaded_with_what_its_environment_installs():
    others = {"psycopg", "psycopg-binary", "pyarrow", "pylance", "qdrant-client"}
    assert needed("load_index.py") | others <= packages("index")


def test_only_models_need_torch():
    for environment in ("data", "llm", "evaluate"):
        assert not {"torch", "transformers", "FlagEmbedding"} & packages(environment)
    assert {rule for rule, (name, _) in rules().items() if name == "m3"} == {
        *("prepare_model", "embed_corpus", "embed_queries", "search_corpus"),
        *("score_pairs", "embed_guide", "train_model", "merge_models"),
        *("encode_collection", "embed_given"),
        *("retrieve_embedder", "retrieve_reranker", "search_gold", "grade_pool"),
    }
