from __future__ import annotations

import pytest
import torch

from tryon.accelerators import LARGE
from tryon.device import choose_device, choose_dtype, memory_is_short
from tryon.errors import OptionError

CPU = torch.device("cpu")


def test_the_best_device_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device() == CPU
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device() == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device() == torch.device("cuda")


@pytest.mark.parametrize("name", ["gpu", "cuda:7", "meta"])
def test_a_device_that_is_not_here_is_named(name: str) -> None:
    with pytest.raises(OptionError, match=name):
        choose_device(name)


def test_large_weights_are_halved_on_a_cpu_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    for able, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr("tryon.device._cpu_has_bfloat16", lambda able=able: able)
        assert choose_dtype(None, CPU, LARGE + 1) == expected
        assert choose_dtype(None, CPU, LARGE - 1) == torch.float32


def test_a_named_format_wins() -> None:
    assert choose_dtype("float16", CPU, 0) == torch.float16
    with pytest.raises(OptionError, match="int8"):
        choose_dtype("int8", CPU, 0)


def test_offload_is_for_cuda_with_little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not memory_is_short(CPU, 10**12)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10, 100))
    assert memory_is_short(torch.device("cuda"), 6)
    assert not memory_is_short(torch.device("cuda"), 5)
