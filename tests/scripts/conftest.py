"""What the tests of training share."""

from pathlib import Path

import pytest
from training import build_material


@pytest.fixture(scope="session")
def material(tmp_path_factory) -> Path:
    """Shards, dev pairs and a tiny model."""
    return build_material(tmp_path_factory.mktemp("training"))
