"""Results that hold for many steps, computed in the first."""

from __future__ import annotations

from collections.abc import Callable

import torch


class Held:
    """A function whose last result is held, and given again for the very same input."""

    def __init__(self, compute: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.compute = compute
        self._input: torch.Tensor | None = None
        self._version = 0
        self._output: torch.Tensor | None = None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():  # a result belongs to its own backward pass
            return self.compute(x)
        if self._output is None or x is not self._input or x._version != self._version:
            self._output = self.compute(x)
            self._input, self._version = x, x._version
        return self._output
