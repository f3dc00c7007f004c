"""Repaint the masked part of photos with a family: diffusers composed, never copied.

`inpaint` reads top to bottom: embed the prompts and garments, put the pictures side by side, draw
noise, denoise, decode. Samples of one call may differ in everything but size and settings, and each
comes out as it would alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from tryon.errors import Cancelled, ImageError, MaskSizeError, OptionError
from tryon.pipelines.family import Family, FamilyConfig

OnStep = Callable[[int, int], bool | None]


@dataclass(frozen=True)
class InpaintSample:
    """One picture to make. All images have one size, whose sides are multiples of 8 pixels.

    image: RGB, the photo (a crop of it, at working size).
    mask: L, 255 = repaint.
    prompt, negative_prompt: texts; an empty negative prompt means no prompt at all.
    seed: of the noise, and of nothing else.
    skeleton: RGB, the pose as OpenPose draws it, or None to leave the pose free.
    garment: RGB of any size, the image prompt, or None.
    warp: RGB, the photo with the warped garment placed on it, or None. It starts the denoising
        when strength < 1, is what a tile ControlNet is shown, and is what the UNet sees inside
        the mask if the family was trained so (`FamilyConfig.masked_image`).
    """

    image: Image.Image
    mask: Image.Image
    prompt: str
    negative_prompt: str
    seed: int
    skeleton: Image.Image | None = None
    garment: Image.Image | None = None
    warp: Image.Image | None = None


@dataclass(frozen=True)
class InpaintSettings:
    """What all samples of one call share.

    steps: of the scheduler; `int(steps * strength)` of them are run.
    guidance: classifier-free guidance scale; 1 is off and takes half the time.
    strength: 0-1, how much noise the picture starts with; 1 starts from pure noise.
    control_scale, tile_scale, image_scale: weight of the pose, of the warp seen by a tile
        ControlNet, and of the image prompt; 0 is off.
    """

    steps: int
    guidance: float
    strength: float
    control_scale: float
    tile_scale: float
    image_scale: float

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise OptionError(f"steps is {self.steps}, not 1 or more")
        if not 0 < self.strength <= 1 or int(self.steps * self.strength) < 1:
            raise OptionError(f"strength {self.strength} leaves none of {self.steps} steps")

    @classmethod
    def of(cls, config: FamilyConfig) -> InpaintSettings:
        """The family's defaults; change some with `dataclasses.replace`."""
        return cls(
            steps=config.steps,
            guidance=config.guidance,
            strength=config.strength,
            control_scale=config.control_scale,
            tile_scale=config.tile_scale,
            image_scale=config.image_scale,
        )


def inpaint(
    family: Family,
    samples: Sequence[InpaintSample],
    settings: InpaintSettings,
    *,
    on_step: OnStep | None = None,
) -> list[Image.Image]:
    """Repaint each sample's mask: RGB images of the samples' size, in their order.

    `on_step(done, total)` is called after each denoising step of the whole call; when it returns
    False, Cancelled is raised at once. The pixels outside the mask pass through the VAE too: put
    the photo's own back with `composite`.
    """
    raise NotImplementedError
