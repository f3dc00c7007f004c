"""Another `forward` for a module, for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn


def replaced_forward(module: nn.Module, forward: Callable[..., Any]) -> Callable[[], None]:
    """Give the module another `forward`; what is returned puts back what was there."""
    before = module.__dict__.get("forward")
    module.__dict__["forward"] = forward

    def restore() -> None:
        del module.__dict__["forward"]
        if before is not None:
            module.__dict__["forward"] = before

    return restore
