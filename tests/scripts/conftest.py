"""What the tests of training share, and those of the search page."""

import contextlib
import json
from pathlib import Path

import pytest
from training import build_material


@pytest.fixture(scope="session")
def material(tmp_path_factory) -> Path:
    """Shards, dev pairs and a tiny model."""
    return build_material(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="session")
def served_run(tmp_path_factory, tiny_embedder) -> Path:
    """The directory of a finished run."""
    from served import build_served

    folder = tmp_path_factory.mktemp("served")
    build_served(folder, tiny_embedder)
    return folder


@pytest.fixture(scope="session")
def index(served_run):
    """What is searched: the run, with more systems."""
    from arkiv.encode.options import Options
    from arkiv.serve.index import Index
    from arkiv.settings.config import read_config

    stems = {"type": "bm25", "tokens": "words", "stemming": "swedish", "k1": 0.9}
    runs = {"type": "bm25", "tokens": "characters", "length": 3}
    both = {"type": "fusion", "systems": ["runs", "tuned_dense"], "weights": [2, 1]}
    scored = both | {"method": "weighted", "systems": ["both", "stems"]}
    systems = {"scored": scored, "both": both, "runs": runs, "stems": stems}
    more = served_run / "more.yaml"
    more.write_text(json.dumps({"evaluate": {"systems": systems}}))
    with contextlib.chdir(served_run):
        return Index(read_config(["served.yaml", more]), Options())


@pytest.fixture
def site(index):
    """The pages."""
    from arkiv.serve.app import STYLE_ADDRESS
    from arkiv.serve.rendering import Site
    from arkiv.settings.image_links import ImageLinks

    links = ImageLinks("https://images.example/{volume}/{page:05}")
    return Site(index, links, None, "sv", STYLE_ADDRESS)


@pytest.fixture
def sheet(tmp_path):
    """The verdicts, none yet."""
    from arkiv.serve.judgements import Verdicts

    return Verdicts(tmp_path / "judgements.jsonl")


@pytest.fixture
def client(site, sheet):
    """The browser of the only judge."""
    from served import DEFAULT

    from arkiv.serve.app import create_app

    return create_app(site, sheet, ["anna"], DEFAULT).test_client()


@pytest.fixture(scope="session")
def postgres():
    """The address of a PostgreSQL with pgvector."""
    from postgres import running

    with running() as found:
        yield found


@pytest.fixture(scope="session")
def small_index(tmp_path_factory) -> Path:
    """An index, which no test writes to."""
    from loaded import build_index, rows

    return build_index(tmp_path_factory.mktemp("before"), rows())


@pytest.fixture(scope="session")
def changed_index(tmp_path_factory) -> Path:
    """The index once its archive has changed."""
    from loaded import build_index, changed_rows

    return build_index(tmp_path_factory.mktemp("after"), changed_rows())


@pytest.fixture(scope="session")
def byte_index(tmp_path_factory) -> Path:
    """An index of int8 vectors, with one for each token."""
    from loaded import build_index, in_bytes, rows

    return build_index(tmp_path_factory.mktemp("bytes"), [*map(in_bytes, rows())])


@pytest.fixture
def place(request, tmp_path):
    """The flags of a place of the test's own: `--qdrant DIR`, or of an empty server."""
    kind = request.param
    if kind != "postgres":
        return [f"--{kind}", str(tmp_path / "there")]
    import psycopg

    postgres = request.getfixturevalue("postgres")
    with psycopg.connect(postgres) as connection:
        connection.execute("DROP TABLE IF EXISTS passages")
    return ["--postgres", postgres]
