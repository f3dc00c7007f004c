"""What the model painted, back into the photo: every pixel outside the mask stays as it was."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from tryon.errors import MaskSizeError
from tryon.pipelines.crop import (
    Crop,
    cropped_mask,
    cropped_photo,
    grown_box,
    mask_box,
    uncropped_photo,
)
from tryon.pipelines.finish.colour import matched_colours
from tryon.pipelines.fit.layers import Layers
from tryon.types import Box

_STRIP = 128  # rows blended at a time, so that the intermediate sums stay in the cache
_DISTANCE_SIDE = 2048  # the feather is measured at this many pixels at most


def composite(
    photo: Image.Image,
    generated: Image.Image,
    mask: Image.Image,
    crop: Crop,
    *,
    feather: float = 0.008,
    colour_match: bool = True,
    shown: Image.Image | None = None,
    known: Layers | None = None,
    strength: float = 1.0,
) -> tuple[Image.Image, Image.Image]:
    """The photo with the generated crop in the mask, and the alpha it was blended with.

    photo: RGB. generated: RGB of `crop.size`, as the model made the whole crop.
    mask: `L` of the photo's size, 128 or more = repaint.
    feather: how far inside the mask's edge the generated picture has come in fully, as a share of
        the crop's longer side.
    colour_match: take out the model's colour shift first (see `matched_colours`).
    shown: the crop of the photo, RGB of `crop.size`, if it is at hand.
    known: the layers of the picture, and strength: how far they are taken instead (see
        `Layers.share`).

    Returns (RGB, `L`) of the photo's size. Where alpha is 0, which is everywhere outside the mask
    and outside the crop, the result is bit-identical to the photo.

    Raises MaskSizeError, and MaskEmptyError if nothing inside the crop is masked.
    """
    if mask.size != photo.size:
        raise MaskSizeError(
            f"the mask is {mask.width}x{mask.height}, the photo {photo.width}x{photo.height}",
            remedy="Make the mask as large as the photo.",
        )
    inside = crop.inside
    seen = Image.new("L", mask.size)
    seen.paste(mask.crop(inside.as_tuple()), (inside.left, inside.top))
    region = mask_box(seen)
    here = np.s_[region.top : region.bottom, region.left : region.right]
    weight = feathered_alpha(seen, region, feather * max(crop.box.size))
    alpha = np.zeros((photo.height, photo.width), dtype=np.uint8)
    alpha[here] = weight
    result = np.array(photo)
    if known is not None:
        shown_by_layers = np.asarray(known.picture())[here]
        result[here] = np.where(weight[..., None] > 0, shown_by_layers, result[here])
        if strength == 1:
            return Image.fromarray(result), Image.fromarray(alpha)
    if colour_match:
        shown = cropped_photo(photo, crop) if shown is None else shown
        generated = matched_colours(generated, shown, cropped_mask(seen, crop))
    painted = np.asarray(uncropped_photo(generated, crop, region))
    if known is not None:
        whole = np.array(photo)
        whole[here] = painted
        weight = (weight * (1 - known.share(strength, whole)[here]) + 0.5).astype(np.uint8)
    _blend(result[here], painted, weight)
    return Image.fromarray(result), Image.fromarray(alpha)


def feathered_alpha(mask: Image.Image, region: Box, width: float) -> np.ndarray:
    """uint8 (region height, region width): 0 outside the mask, 255 from `width` pixels inside on.

    It never grows outwards. The frame's edge is no edge of the mask: there is no seam to hide.
    """
    frame = grown_box(region, 1, mask.size)  # so that the mask's edge is in it
    masked = np.asarray(mask.crop(frame.as_tuple())) >= 128
    step = max(1, -(-max(frame.size) // _DISTANCE_SIDE))
    if step > 1:  # a coarse pixel counts as inside only if all of it is
        small = cv2.resize(
            masked.astype(np.float32), None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA
        )
        inner = (small > 0.999).astype(np.uint8)
    else:
        inner = masked.astype(np.uint8)
    if inner.all():
        ramp = np.ones(inner.shape, dtype=np.float32)
    else:
        depth = cv2.distanceTransform(inner, cv2.DIST_L2, cv2.DIST_MASK_5) * step
        ramp = np.clip(depth / (width + 1), 0, 1)
    smooth = (ramp * ramp * (3 - 2 * ramp) * 255 + 0.5).astype(np.uint8)
    if step > 1:
        smooth = np.asarray(cv2.resize(smooth, frame.size, interpolation=cv2.INTER_LINEAR))
    top, left = region.top - frame.top, region.left - frame.left
    here = np.s_[top : top + region.height, left : left + region.width]
    return smooth[here] * masked[here]


def _blend(below: np.ndarray, above: np.ndarray, alpha: np.ndarray) -> None:
    """Lay `above` over `below`, in place; uint8 (H, W, 3) both, and alpha uint8 (H, W).

    Whole numbers throughout: exactly `below` at alpha 0, exactly `above` at alpha 255.
    """
    for start in range(0, len(alpha), _STRIP):
        rows = slice(start, start + _STRIP)
        weight = alpha[rows, :, None].astype(np.uint16)
        mixed = below[rows] * (255 - weight) + above[rows] * weight + 127
        below[rows] = (mixed // 255).astype(np.uint8)
