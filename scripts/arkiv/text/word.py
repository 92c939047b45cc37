"""What a word is, wherever texts are taken by their words."""

from __future__ import annotations

import re

WORD = re.compile(r"\w+")
