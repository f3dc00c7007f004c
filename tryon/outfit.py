"""Several garments in one look, in one pass: a top and a skirt.

Each garment is warped and masked as it would be alone. The look repaints all of it at once, and
each garment's prompt, image prompt and LoRA act in a region of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from tryon.errors import OptionError
from tryon.options import DressOptions
from tryon.pipelines.conditioning import WeightedLoras
from tryon.pipelines.fit.warp import Warp
from tryon.preparation import Garment


@dataclass(frozen=True, eq=False, slots=True)
class Worn:
    """One garment of a look, with the options and LoRAs that are its own."""

    garment: Garment
    options: DressOptions
    loras: WeightedLoras = ()


def check_outfit(garments: Sequence[Garment]) -> None:
    """Raise OptionError unless the garments can be worn together."""
    categories = [garment.category for garment in garments]
    several = len(categories) > 1
    if several and (len(set(categories)) < len(categories) or "dress" in categories):
        raise OptionError(
            f"these cannot be worn together: {', '.join(categories)}",
            remedy="Give one upper and one lower garment.",
        )


def check_outfit_options(options: DressOptions, count: int, mask: object | None) -> None:
    """Raise OptionError for what can be said of one garment only."""
    if count < 1:
        raise OptionError("there is no garment", remedy="Give one, or several to wear together.")
    if count == 1:
        return
    if mask is not None:
        raise OptionError(
            "a mask of your own is for one garment", remedy="Dress the garments one by one."
        )
    for name, neutral in (("category", "auto"), ("prompt", None)):
        if getattr(options, name) != neutral:
            raise OptionError(f"{name} is of one garment, and several are worn together")
    if len(options.lora) not in (0, count):
        raise OptionError(
            f"{len(options.lora)} LoRAs for {count} garments",
            remedy="Give one for each garment, in their order, or none.",
        )


def garment_regions(
    areas: Sequence[Image.Image], warps: Sequence[Warp | None]
) -> list[Image.Image]:
    """Where each garment acts: `L` masks of the photo's size that share out all the areas.

    A pixel of several areas belongs to the garment that lies there or nearest to it, and where two
    lie, to the later one.
    """
    inside = [np.asarray(area) >= 128 for area in areas]
    distances = []
    for area, warp in zip(inside, warps, strict=True):
        cloth = area if warp is None else area & (warp.coverage > 0.5)
        outside = cv2.distanceTransform((~cloth).astype(np.uint8), cv2.DIST_L2, 3)
        distances.append(np.where(area, outside, np.inf))
    # The last of the nearest: argmin finds the first.
    nearest = len(areas) - 1 - np.argmin(np.stack(distances[::-1]), axis=0)
    repainted = np.any(inside, axis=0)
    return [
        Image.fromarray(((nearest == number) & repainted).astype(np.uint8) * 255)
        for number in range(len(areas))
    ]
