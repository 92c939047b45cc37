import sys

import pytest
from project import printed

from arkiv.base.put_off import UNUSED, put_off

SLOW = """
class Kind:
    pass

class Other:
    def __init__(self, number):
        self.number = number

def mark(function):
    function.marked = True
    return function

def double(number):
    return 2 * number
"""
USER = """
import slow_library.inner
from slow_library.inner import Kind, Other, double, mark

DEFAULT = Other(3)

@slow_library.inner.mark
def decorated():
    return 1

def takes(number: Kind | None = None):
    return double(number)
"""


@pytest.fixture
def libraries(tmp_path, monkeypatch):
    """A library with a module that may be put off, and what is written beside it."""
    before = set(sys.modules)
    (tmp_path / "slow_library").mkdir()
    (tmp_path / "slow_library/__init__.py").touch()
    (tmp_path / "slow_library/inner.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def user_of_slow(libraries, text=USER):
    """A module that imports it, imported while that is put off."""
    (libraries / "user_of_slow.py").write_text(text)
    with put_off(["slow_library.inner"]):
        import user_of_slow
    return user_of_slow


def test_what_is_put_off_is_imported_when_it_is_used(libraries):
    user = user_of_slow(libraries)
    assert user.decorated() == 1
    assert not isinstance(3, user.Kind)
    assert "slow_library.inner" not in sys.modules
    assert user.takes(4) == 8
    assert "slow_library.inner" in sys.modules
    assert user.DEFAULT.number == 3
    assert isinstance(user.Kind(), user.Kind)


def test_who_asks_after_the_block_gets_the_module_itself(libraries):
    user_of_slow(libraries)
    from slow_library.inner import Kind, mark

    assert isinstance(Kind, type)
    assert mark(lambda: 1).marked


def test_what_is_there_already_is_not_put_off(libraries):
    import slow_library.inner

    assert user_of_slow(libraries).Kind is slow_library.inner.Kind


def test_an_import_that_needs_it_at_once_fails_and_can_be_made_again(libraries):
    text = "from slow_library.inner import Kind\nclass Mine(Kind):\n    pass\n"
    with pytest.raises(ImportError, match=r"slow_library\.inner is used"):
        user_of_slow(libraries, text)
    import user_of_slow as user

    assert user.Mine.__mro__[1].__name__ == "Kind"


def test_a_model_is_built_without_importing_what_none_needs(tmp_path):
    code = (
        "import sys; from arkiv.example import tiny; from arkiv.encode.m3 import M3;"
        f"tiny.build_embedder({str(tmp_path / 'm')!r}); "
        f"M3({str(tmp_path / 'm')!r})._layers('cpu');"
        f"print([name for name in {UNUSED} if name in sys.modules])"
    )
    assert printed(code) == "[]"
