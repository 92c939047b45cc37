"""Speed and memory of arkiv's commands against their peers from PyPI."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
# The library behind the scripts is no installed package.
sys.path.insert(0, str(ROOT / "scripts"))
