"""What searches, by what is installed and which GPUs each library sees."""

import sys

import pytest

from arkiv.base.errors import InputError
from arkiv.mining import ivf, nearest, torch_search, ways
from arkiv.mining.nearest import FaissSearch
from arkiv.mining.torch_search import TorchSearch


@pytest.fixture
def machine(monkeypatch):
    """Have these libraries see so many GPUs; None: it is not installed."""

    def made(faiss, torch, driver=True):
        for name, module, gpus in (
            ("faiss", nearest, faiss),
            ("torch", torch_search, torch),
        ):
            if gpus is None:
                monkeypatch.setitem(sys.modules, name, None)
            monkeypatch.setattr(module, "gpu_count", lambda gpus=gpus: gpus)
        monkeypatch.setattr(ways, "has_gpu", lambda: driver)

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return made


@pytest.mark.parametrize(
    ("faiss", "torch", "said"),
    [
        (0, 0, "faiss on the CPU"),
        (2, 2, "faiss on 2 GPU(s)"),
        (0, 2, "torch on 2 GPU(s)"),
        (None, 1, "torch on 1 GPU(s)"),
        (None, 0, "torch on the CPU"),
        (0, None, "faiss on the CPU"),
        (1, None, "faiss on 1 GPU(s)"),
    ],
)
def test_auto_takes_what_sees_the_gpu(machine, faiss, torch, said):
    machine(faiss, torch)
    chosen = ways.choose("auto")
    assert str(chosen) == said
    assert chosen.way is {"faiss": FaissSearch, "torch": TorchSearch}[chosen.name]


def test_without_a_driver_torch_is_not_imported(machine, monkeypatch):
    machine(0, 1, driver=False)
    monkeypatch.setattr(ways, "_torch", lambda: pytest.fail("imported"))
    assert ways.choose("auto").name == "faiss"


def test_what_is_asked_for_is_taken(machine):
    machine(1, 1)
    assert ways.choose("torch").name == "torch"
    machine(0, 1)
    assert ways.choose("faiss").name == "faiss"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("faiss", "`search`: is faiss, but faiss is not installed here"),
        ("torch", "`search`: is torch, but torch is not installed here"),
        ("auto", "`search`: is auto, but neither faiss nor torch is installed here"),
    ],
)
def test_what_is_not_installed_is_named(machine, asked, said):
    machine(None, None)
    with pytest.raises(InputError, match=said):
        ways.choose(asked)


def test_gpus_that_are_promised_and_not_seen_are_warned_of(
    machine, monkeypatch, caplog
):
    machine(0, 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    ways.choose("torch")
    assert "searching on the CPU: torch sees none of 2 GPUs" in caplog.text


def test_lists_without_faiss_are_refused(machine):
    machine(None, 1)
    with pytest.raises(InputError, match="`index`: is ivf, which needs faiss"):
        ivf.build_lists(None, 3, seed=1)
