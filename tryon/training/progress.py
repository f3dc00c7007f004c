"""What a trainer tells while it runs: loss, speed, time left, contact sheets."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

logger = logging.getLogger(__name__)


class Progress:
    """Averages the losses since the last report, and logs a line every `every` steps."""

    def __init__(self, name: str, *, first_step: int, steps: int, batch_size: int, every: int):
        self.name, self.steps, self.batch_size, self.every = name, steps, batch_size, every
        self._since = first_step
        self._sums: dict[str, float] = {}
        self._clock = time.perf_counter()

    def report(self, step: int, losses: dict[str, Tensor]) -> None:
        """Take the losses of `step` (the number of steps done, from 1)."""
        for key, value in losses.items():
            self._sums[key] = self._sums.get(key, 0.0) + float(value.detach())
        done = step - self._since
        if step % self.every and step != self.steps:
            return
        now = time.perf_counter()
        pace = done / (now - self._clock)
        means = "  ".join(f"{key} {total / done:.4f}" for key, total in self._sums.items())
        logger.info(
            "%s %d/%d  %s  %.1f samples/s  %.0f min left",
            *(self.name, step, self.steps, means),
            *(pace * self.batch_size, (self.steps - step) / pace / 60),
        )
        self._since, self._clock = step, now
        self._sums.clear()


def contact_sheet(rows: Sequence[Sequence[Tensor]]) -> Image.Image:
    """Lay out pictures (3, H, W) in [-1, 1], all of one size, in rows and columns."""
    return Image.fromarray(
        np.concatenate([np.concatenate([_pixels(cell) for cell in row], 1) for row in rows])
    )


def save_sheet(path: Path, rows: Sequence[Sequence[Tensor]]) -> None:
    """Write a contact sheet as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(rows).save(path)


def _pixels(picture: Tensor) -> np.ndarray:
    scaled = (picture.detach().float().cpu().clamp(-1, 1) + 1) * 127.5
    return scaled.round().to(torch.uint8).permute(1, 2, 0).numpy()
