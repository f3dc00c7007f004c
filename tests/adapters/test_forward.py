"""A module's `forward` is put back as it was."""

from __future__ import annotations

import torch

from tryon.adapters.forward import replaced_forward


def test_the_modules_own_forward_comes_back() -> None:
    layer = torch.nn.Linear(2, 2)
    restore = replaced_forward(layer, lambda x: x + 1)
    assert torch.equal(layer(torch.ones(2)), torch.full((2,), 2.0))
    restore()
    assert "forward" not in layer.__dict__


def test_and_so_does_what_stood_in_its_place() -> None:
    layer = torch.nn.Linear(2, 2)
    layer.forward = own = lambda x: x
    replaced_forward(layer, lambda x: x + 1)()
    assert layer.forward is own
