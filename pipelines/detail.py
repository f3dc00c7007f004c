"""Fine detail that a VAE loses, given back where the model painted what was already known.

A model works at its own size, and a print or a strand of hair that was shown to it comes back
soft. Where the painted picture agrees with the reference at the model's size, the reference's
finer detail is added; where the model painted something else, nothing is.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from tryon.pipelines.crop import Crop, cropped_photo, uncropped_photo
from tryon.types import Box

_AGREE = 14.0  # levels of difference at which a little more than a third of the detail is given
_REACH = 1.5  # working pixels over which agreement is averaged: one alone proves nothing


def fine_detail(
    painted: Image.Image,
    reference: Image.Image,
    crop: Crop,
    region: Box,
    trust: np.ndarray | None = None,
) -> np.ndarray:
    """float32 (region height, region width, 3): what to add to the painted picture, in levels.

    painted: RGB of `crop.size`, what the model made.
    reference: RGB of the photo's size: the photo with the warped garment on it, as far as known.
    region: in photo pixels, inside `crop.inside`.
    trust: float32 (H, W) of the photo's size, 0-1: how far the reference itself is to be believed.
    """
    known = cropped_photo(reference, crop)
    soft = np.asarray(uncropped_photo(known, crop, region), dtype=np.float32)
    sharp = np.asarray(reference.crop(region.as_tuple()), dtype=np.float32)
    agreed = Image.fromarray((agreement(painted, known) * 255).astype(np.uint8))
    share = np.asarray(uncropped_photo(agreed, crop, region), dtype=np.float32) / 255
    if trust is not None:
        share = share * trust[region.top : region.bottom, region.left : region.right]
    return np.asarray((sharp - soft) * share[..., None])


def agreement(painted: Image.Image, known: Image.Image) -> np.ndarray:
    """float32 (H, W), 0-1: how far two RGB pictures of one size show the same."""
    one, other = (np.asarray(image, dtype=np.float32) for image in (painted, known))
    blurred = cv2.GaussianBlur(one - other, (0, 0), _REACH)
    return np.asarray(np.exp(-np.square(np.abs(blurred).max(axis=2) / _AGREE)))
