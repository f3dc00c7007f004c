"""Fine detail that a model and its VAE lose, given back where the model kept what it was shown.

A model works at its own size, and a print or a strand of hair that it was shown comes back soft.
Where the painted picture agrees with the reference but for its softness, it keeps its own light
and broad colour, and gets the finer part of the reference. Where the model painted something
else, it stays as painted.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from tryon.pipelines.crop import Crop, cropped_photo, uncropped_photo
from tryon.types import Box

_AGREE = 48.0  # levels of difference at which a little more than a third of the detail is given


def with_detail(
    painted: Image.Image,
    reference: Image.Image,
    crop: Crop,
    region: Box,
    *,
    trust: np.ndarray | None = None,
    cloth: np.ndarray | None = None,
    cutoff: float = 1.5,
    amount: float = 1.0,
) -> np.ndarray:
    """uint8 (region height, region width, 3): the painted picture at the photo's resolution.

    painted: RGB of `crop.size`, what the model made.
    reference: RGB of the photo's size: the photo with the warped garment on it, as far as known.
    region: in photo pixels, inside `crop.inside`.
    trust: float32 (H, W) of the photo's size, 0-1: how far the reference itself is believed.
    cloth: bool (H, W) of the photo's size: where the reference shows the garment. What the model
        did to its light is kept from the background beside it, and the other way round.
    cutoff: working pixels; what is finer than this comes from the reference.
    amount: 0-1, how much of it.
    """
    if trust is not None:
        reference = _believed(reference, painted, trust, crop, region)
    known = cropped_photo(reference, crop)
    made, shown = (np.asarray(image, dtype=np.float32) for image in (painted, known))
    broad = _broad(made - shown, None if cloth is None else _cropped_plane(cloth, crop), cutoff)
    share = np.exp(-np.square(np.abs(broad).max(axis=2) / _AGREE)) * amount
    if trust is not None:
        share = share * _cropped_plane(trust, crop)
    sharpened = made + share[..., None] * (shown + broad - made)
    soft = np.asarray(uncropped_photo(known, crop, region), dtype=np.float32)
    sharp = np.asarray(reference.crop(region.as_tuple()), dtype=np.float32)
    finest = np.asarray(uncropped_photo(_image(share * 255), crop, region)) / np.float32(255)
    if trust is not None:
        finest = finest * (trust[region.top : region.bottom, region.left : region.right] > 0)
    result = np.asarray(uncropped_photo(_image(sharpened), crop, region), dtype=np.float32)
    return np.asarray(_image(result + (sharp - soft) * finest[..., None]))


def _believed(
    reference: Image.Image, painted: Image.Image, trust: np.ndarray, crop: Crop, region: Box
) -> Image.Image:
    """The reference with the painted picture where it is not believed in the region.

    What is not to be seen has edges, and those would ring in the detail of what lies beside it.
    What is believed by half or more is left as it is: the doubt counts in how much is given back.
    """
    mixed = reference.copy()
    doubt = _image(255 - 510 * trust[region.top : region.bottom, region.left : region.right])
    mixed.paste(uncropped_photo(painted, crop, region), region.as_tuple(), doubt)
    return mixed


def _broad(difference: np.ndarray, side: np.ndarray | None, cutoff: float) -> np.ndarray:
    """float32 (h, w, 3): a smooth difference; on `side` and off it, (h, w) 0-1, each by itself."""
    if side is None:
        return np.asarray(cv2.GaussianBlur(difference, (0, 0), cutoff))
    total = np.zeros_like(difference)
    for weight in (side[..., None], 1 - side[..., None]):
        near = cv2.GaussianBlur(weight, (0, 0), cutoff)[..., None]
        mean = cv2.GaussianBlur(difference * weight, (0, 0), cutoff) / np.maximum(near, 1e-3)
        total += weight * mean
    return total


def _cropped_plane(plane: np.ndarray, crop: Crop) -> np.ndarray:
    """float32 of `crop.size`: a plane of the photo's size, 0-1, as the model's size has it."""
    levels = cv2.convertScaleAbs(plane.astype(np.float32, copy=False), alpha=255)
    return np.asarray(cropped_photo(Image.fromarray(levels), crop), dtype=np.float32) / 255


def _image(levels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
