"""What is held is given for the very same input only."""

from __future__ import annotations

import torch

from tryon.adapters.held import Held


def test_held_for_the_very_same_input_only() -> None:
    held = Held(lambda x: x * 2)
    x = torch.ones(2)
    with torch.no_grad():
        first = held(x)
        assert held(x) is first
        assert held(x.clone()) is not first
        x += 1
        assert torch.equal(held(x), torch.full((2,), 4.0))
    assert held(x) is not held(x)  # while gradients are wanted
