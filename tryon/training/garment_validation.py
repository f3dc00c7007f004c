"""How a garment's training goes, on bodies that it does not see: pictures, a loss, and when to
stop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tryon.pipelines.family import Family, FamilyConfig
from tryon.pipelines.inpaint import InpaintSettings, inpaint
from tryon.preparation import Garment
from tryon.training.garment_config import GarmentLoraConfig
from tryon.training.garment_views import View, Wearer, views

MOST = 3  # pictures of a validation


class Validation:
    """Held-out views of the garment, repainted without the warp now and then.

    Writes `validation/STEP.png` (a row of truths above one of repainted pictures) and
    `validation.json` (the error of each step: mean squared, of pixels in 0-1, inside the garment).
    """

    def __init__(
        self, config: FamilyConfig, garment: Garment, wearers: Sequence[Wearer], out: Path
    ) -> None:
        self.config, self.out = config, out
        found = views(wearers, garment, config, count=len(wearers), variants=1, no_warp=1.0, seed=1)
        self.views: list[View] = [view for view, _ in zip(found, range(MOST), strict=False)]

    def stops(self, family: Family, step: int, config: GarmentLoraConfig) -> bool:
        """Validate, and say whether the error has not fallen for `config.patience` times."""
        if not self.views:
            return False
        error = self.validated(family, step)
        history = {int(k): v for k, v in self._history().items() if int(k) < step}
        history[step] = error
        (self.out / "validation.json").write_text(json.dumps(history, indent=1))
        best = min(history, key=lambda key: history[key])
        since = sum(key > best for key in history)
        return bool(config.patience) and since >= config.patience

    def validated(self, family: Family, step: int) -> float:
        """Repaint the held-out views, write the sheet, and return the error."""
        settings = InpaintSettings.of(self.config)
        with torch.random.fork_rng(devices=[]):
            painted = inpaint(family, [view.sample for view in self.views], settings)
        errors = []
        for view, picture in zip(self.views, painted, strict=True):
            apart = np.asarray(picture, np.float32) - np.asarray(view.sample.image, np.float32)
            inside = view.garment > 0.5
            errors.append(float(np.square(apart[inside] / 255).mean()))
        rows = [[view.sample.image for view in self.views], painted]
        sheet = np.vstack([np.hstack([np.asarray(cell) for cell in row]) for row in rows])
        folder = self.out / "validation"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sheet).save(folder / f"{step:06d}.png")
        return float(np.mean(errors))

    def _history(self) -> dict[str, float]:
        file = self.out / "validation.json"
        return json.loads(file.read_text()) if file.is_file() else {}
