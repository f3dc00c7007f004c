"""Factors of the learning rate."""

from __future__ import annotations

import math


def warmup_cosine(step: int, steps: int, *, warmup: int) -> float:
    """Up in a line over `warmup` steps, then down a half cosine that ends at `steps`."""
    rise = min(1.0, (step + 1) / warmup)
    return rise * 0.5 * (1 + math.cos(math.pi * step / steps))


def warmup_level(step: int, steps: int, *, warmup: int, decay: int) -> float:
    """Up in a line over `warmup` steps, level, and down in a line over the last `decay` steps."""
    return min(1.0, (step + 1) / warmup, (steps - step) / max(decay, 1))
