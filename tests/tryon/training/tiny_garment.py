"""A garment LoRA's training made small, also to be run by itself and killed.

python -m tests.tryon.training.tiny_garment FAMILY SHIRT OUT [KILL_AT]
"""

from __future__ import annotations

import os
import signal
import sys
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from tryon.device import choose_device
from tryon.images import load_cutout
from tryon.perception import Perception, load_perception
from tryon.pipelines.family import Family, FamilyConfig, FamilyPaths, load_family
from tryon.preparation import Garment, prepared_garment
from tryon.training.body_library import load_bodies
from tryon.training.garment_config import GarmentLoraConfig
from tryon.training.garment_lora import TrainingGarment, train_garment_lora
from tryon.training.garment_views import Wearer, library_wearers

TINY: dict[str, Any] = {
    "rank": 2, "steps": 6, "batch_size": 2, "views": 2, "variants": 2, "save_every": 2,
    "learning_rate": 1e-2,
}  # fmt: skip


@cache
def perception() -> Perception:
    return load_perception()


@cache
def wearers() -> tuple[Wearer, ...]:
    return tuple(library_wearers(perception(), "upper", load_bodies("upper")[:2]))


@cache
def garment(shirt: Path) -> Garment:
    return prepared_garment(perception(), load_cutout(Image.open(shirt)), "shirt", "upper")


def loaded(folder: Path) -> Family:
    import torch

    paths, config = FamilyPaths.in_folder(folder), FamilyConfig.in_folder(folder)
    return load_family(paths, config, device=choose_device("cpu"), dtype=torch.float32)


def trained(family: Family, shirt: Path, out: Path, resume: bool = False, **changes: Any) -> Path:
    """A run of six steps, its checkpoint every two."""
    options = {k: changes.pop(k) for k in ("on_step", "trackers") if k in changes}
    return train_garment_lora(
        GarmentLoraConfig.of({**TINY, **changes}),
        family=family,
        subject=TrainingGarment("shirt", garment(shirt), "tiny", "a red shirt"),
        wearers=wearers(),
        out=out,
        resume=resume,
        **options,
    )


def main(arguments: list[str]) -> None:
    family, shirt, out, kill_at = arguments

    def on_step(step: int, steps: int, loss: float) -> None:
        if step == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)

    trained(loaded(Path(family)), Path(shirt), Path(out), on_step=on_step)


if __name__ == "__main__":
    main(sys.argv[1:])
