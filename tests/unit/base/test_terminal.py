"""Texts of others on a terminal: one line each, and nothing that a terminal obeys."""

import logging
import subprocess
import sys

import pytest
from project import ROOT

from arkiv.base.terminal import tell, visible

PLAIN = "e\u0301 å 🙂 👩\u200d🌾 \\n 'a' {x} %s"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\nerror: b\r\n", r"a\nerror: b\r\n"),
        ("\x1b[31mred\x07\x9b0m\x7f", r"\x1b[31mred\x07\x9b0m\x7f"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("exe\u202efdp.\u2066", r"exe\u202efdp.\u2066"),
        ("caf\udce9", r"caf\udce9"),
        (PLAIN, PLAIN),
    ],
)
def test_control_characters_are_seen(text, seen):
    assert visible(text) == seen


def test_each_line_is_one(capsys):
    tell(["a\nb", "\x1b[2Jc\udcff"])
    assert capsys.readouterr().out == "a\\nb\n\\x1b[2Jc\\udcff\n"


LOGS = r"""
import logging
from arkiv.base.terminal import log_to_stderr
log_to_stderr(logging.INFO)
name = "a\nerror: forged\x1b[31m\udcff"
logging.getLogger("x").info("read %s", name)
logging.getLogger("x").debug("no")
try:
    raise ValueError(name)
except ValueError:
    logging.getLogger("x").warning("here", exc_info=True)
"""


def test_a_log_has_one_line_for_each_message():
    done = subprocess.run(
        [sys.executable, "-c", LOGS],
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, *trace = done.stderr.splitlines()
    assert first.endswith(r" INFO x: read a\nerror: forged\x1b[31m\udcff")
    assert second.endswith(" WARNING x: here")
    assert trace[0].startswith("Traceback")
    assert "\x1b" not in done.stderr
    assert logging.getLogger("x").handlers == []
