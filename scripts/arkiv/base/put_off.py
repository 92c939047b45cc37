"""Imports of libraries put off until something of theirs is used, which may be never.

Transformers imports with each model what compiles, divides, and trains models. Running
one needs nothing of it, and it takes nearly half of the time that a program needs to
import torch and a model: 2.4 instead of 4.1 seconds of a CPU.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# What transformers imports of other libraries, or asks whether a model is of them, with
# all that is below.
UNUSED = (
    *("torch._dynamo", "torch.distributed._composable", "torch.distributed.checkpoint"),
    *("torch.distributed._functional_collectives", "torch.distributed.fsdp"),
    *("torch.distributed.tensor", "scipy.optimize", "deepspeed"),
)
# Its modules that import it, which every model's do.
IMPORTING = ("transformers.modeling_utils", "transformers.modeling_layers")


class _Later:
    """What has a name in a module that was put off: the thing itself once it is used.

    Meanwhile what it has, and what a call of it makes, comes later too; it will do as a
    decorator, which then does nothing, and for `isinstance`.
    """

    def __init__(self, module: str, found: Callable[[], Any]) -> None:
        self._module, self._found = module, found

    def _itself(self) -> Any:
        if _putting_off():
            raise ImportError(f"something of {self._module} is used by an import")
        return self._found()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not _putting_off():
            return self._itself()(*args, **kwargs)
        if args and callable(args[0]):
            return args[0]
        return _Later(self._module, lambda: self._itself()(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if _putting_off():
            return _Later(self._module, lambda: getattr(self._itself(), name))
        return getattr(self._itself(), name)

    def __instancecheck__(self, instance: object) -> bool:
        # Nothing is of a class that was never imported.
        there = not isinstance(sys.modules.get(self._module), _PutOff | None)
        return there and isinstance(instance, self._itself())

    def __mro_entries__(self, bases: tuple) -> tuple:
        return (self._itself(),)

    def __or__(self, other: object) -> object:
        return object

    __ror__ = __or__


class _PutOff(ModuleType):
    """A module in place of one that was put off, which has whatever is asked for."""

    __path__: Sequence[str] = ()

    def __getattr__(self, name: str) -> _Later:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Later(
            self.__name__, lambda: getattr(importlib.import_module(self.__name__), name)
        )


class _Finder(MetaPathFinder, Loader):
    """Finds modules of these names, and those below them, as put off."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if any(f"{name}.".startswith(f"{one}.") for one in self._names):
            return ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> _PutOff:
        return _PutOff(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def _putting_off() -> bool:
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


@contextlib.contextmanager
def put_off(names: Sequence[str]) -> Iterator[None]:
    """Put off the imports of modules of these names within the block.

    What is imported in the block and asks for something of theirs at once, for a base
    class say, fails. After it they are imported as ever, by whoever asks.
    """
    finder = _Finder([name for name in names if name not in sys.modules])
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, module in [*sys.modules.items()]:
            if isinstance(module, _PutOff):
                del sys.modules[name]
                above, _, last = name.rpartition(".")
                package = sys.modules.get(above)
                if package is not None and vars(package).get(last) is module:
                    delattr(package, last)


def import_models() -> None:
    """Import what all models of transformers share, UNUSED put off.

    To be called before one is made or loaded. What another version of transformers
    cannot do without is imported with it, then or later.
    """
    if IMPORTING[0] in sys.modules:
        return
    import torch

    with contextlib.suppress(Exception), put_off(UNUSED):
        for name in IMPORTING:
            importlib.import_module(name)
        # Models are made so before their weights are read. What is called for the first
        # time then asks the compiler not to look at it.
        for layer in (torch.nn.Embedding, torch.nn.Linear):
            layer(1, 1, device="meta")
        # Each weight that is read is asked whether it is divided among processes.
        from torch import distributed
        from transformers.distributed import utils

        if distributed.is_available():
            utils.is_torch_distributed_available = distributed.is_initialized
