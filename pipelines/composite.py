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
from tryon.pipelines.detail import with_detail
from tryon.types import Box

_STRIP = 128  # rows blended at a time, so that the intermediate sums stay in the cache
_DISTANCE_SIDE = 2048  # the feather is measured at this many pixels at most
_RING = 0.04  # width of the ring that colours are compared on, as a share of the longer side
_COLOUR_SIDE = 256  # colours are compared at this many pixels at most
_FEWEST_SAMPLES = 32
_SAME_CONTENT = 12.0  # levels that one and the same content may differ by after correction
_EXTRAPOLATED = 64.0  # levels beyond those on the ring over which the correction fades out
_STEADY_GAIN = 25.0  # variance (levels^2) that speaks for a gain of 1 where the ring is flat


def composite(
    photo: Image.Image,
    generated: Image.Image,
    mask: Image.Image,
    crop: Crop,
    *,
    feather: float = 0.008,
    colour_match: bool = True,
    shown: Image.Image | None = None,
    reference: Image.Image | None = None,
    trust: np.ndarray | None = None,
    cloth: np.ndarray | None = None,
    detail: float = 1.0,
    cutoff: float = 1.5,
) -> tuple[Image.Image, Image.Image]:
    """The photo with the generated crop in the mask, and the alpha it was blended with.

    photo: RGB. generated: RGB of `crop.size`, as the model made the whole crop.
    mask: `L` of the photo's size, 128 or more = repaint.
    feather: how far inside the mask's edge the generated picture has come in fully, as a share of
        the crop's longer side.
    colour_match: take out the model's colour shift first (see `matched_colours`).
    shown: the crop of the photo, RGB of `crop.size`, if it is at hand.
    reference: RGB of the photo's size, what the model was shown, whose fine detail is given back
        where the model kept it; trust, cloth, detail, cutoff: how far it is believed, where it is
        the garment, how much is given back, and from which fineness on (see `with_detail`).

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
    if colour_match:
        shown = cropped_photo(photo, crop) if shown is None else shown
        generated = matched_colours(generated, shown, cropped_mask(seen, crop))

    if reference is None or detail == 0:
        painted = np.asarray(uncropped_photo(generated, crop, region))
    else:
        painted = with_detail(
            generated,
            reference,
            crop,
            region,
            trust=trust,
            cloth=cloth,
            cutoff=cutoff,
            amount=detail,
        )
    weight = feathered_alpha(seen, region, feather * max(crop.box.size))
    here = np.s_[region.top : region.bottom, region.left : region.right]
    result, alpha = np.array(photo), np.zeros((photo.height, photo.width), dtype=np.uint8)
    alpha[here] = weight
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


def matched_colours(generated: Image.Image, photo: Image.Image, mask: Image.Image) -> Image.Image:
    """The generated picture without the shift in colour that the model and its VAE gave it.

    All three at the working size; mask: `L`, 255 = repainted. On a ring just outside the mask both
    pictures show the same content, and what differs there is the model's shift: one gain and offset
    per channel, fitted robustly (Tukey's biweight), and a smooth remainder that fades away from the
    ring, as the seam is where a shift shows. Both are clamped, fade out for levels that the ring
    does not show, and are left off where the model did not reproduce the ring: the new garment
    keeps its own colour.
    """
    step = -(-max(generated.size) // _COLOUR_SIDE)
    made, true = (np.asarray(image.reduce(step), dtype=np.float32) for image in (generated, photo))
    ring = _ring(np.asarray(mask.reduce(step)) > 0)
    if np.count_nonzero(ring) < _FEWEST_SAMPLES:
        return generated
    fit = _gain_and_offset(made[ring], true[ring])
    if fit is None:
        return generated
    gain, offset = fit
    seam = _seam_offsets(true - (made * gain + offset), ring)
    shift = cv2.resize(seam, generated.size, interpolation=cv2.INTER_LINEAR)
    levels = _corrected_levels(gain, offset, made[ring])
    pixels = cv2.LUT(np.asarray(generated), levels[None]) + shift
    return Image.fromarray(cv2.convertScaleAbs(np.maximum(pixels, 0)))


def _ring(masked: np.ndarray) -> np.ndarray:
    """bool (H, W): near the mask, but not in it."""
    distance = cv2.distanceTransform((~masked).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    near = distance <= max(_RING * max(masked.shape), 3)
    return np.asarray(~masked & near)


def _gain_and_offset(made: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """float32 (3,) each, so that made * gain + offset is close to true, or None if nothing is.

    made, true: float32 (N, 3), 0-255.
    """
    gain = np.ones(3, dtype=np.float32)
    offset = np.median(true - made, axis=0)
    for _ in range(5):
        error = np.abs(true - made * gain - offset).max(axis=1)
        reach = max(4 * 1.4826 * float(np.median(error)), 6.0)
        weight = np.square(np.clip(1 - np.square(error / reach), 0, None))[:, None]
        total = weight.sum() + 1e-6
        made_mean, true_mean = (weight * made).sum(0) / total, (weight * true).sum(0) / total
        joint = (weight * (made - made_mean) * (true - true_mean)).sum(0) / total
        variance = (weight * np.square(made - made_mean)).sum(0) / total
        gain = np.clip((joint + _STEADY_GAIN) / (variance + _STEADY_GAIN), 0.85, 1.15)
        offset = made_mean + np.clip(true_mean - made_mean, -24, 24) - gain * made_mean
    error = np.abs(true - made * gain - offset).max(axis=1)
    if np.mean(error < _SAME_CONTENT) < 0.3:
        return None
    return gain, offset


def _corrected_levels(gain: np.ndarray, offset: np.ndarray, made: np.ndarray) -> np.ndarray:
    """float32 (256, 3): what each level becomes; made: float32 (N, 3), those the fit has seen."""
    levels = np.arange(256, dtype=np.float32)[:, None]
    low, high = np.percentile(made, (2, 98), axis=0)
    unseen = np.maximum(np.maximum(low - levels, levels - high), 0)
    fade = np.exp(-np.square(unseen / _EXTRAPOLATED))
    return np.asarray(levels + fade * (levels * gain + offset - levels), dtype=np.float32)


def _seam_offsets(missing: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """float32 (H, W, 3): what is missing on the ring, (H, W, 3), smoothed; at most 8 levels."""
    trusted = (ring & (np.abs(missing).max(axis=2) < _SAME_CONTENT)).astype(np.float32)
    sigma = max(_RING * max(ring.shape), 0.5)
    weight = cv2.GaussianBlur(trusted, (0, 0), sigma)[..., None]
    wanted = cv2.GaussianBlur(missing * trusted[..., None], (0, 0), sigma)
    return np.asarray(np.clip(wanted / (weight + 0.05), -8, 8), dtype=np.float32)


def _blend(below: np.ndarray, above: np.ndarray, alpha: np.ndarray) -> None:
    """Lay `above` over `below`, in place; uint8 (H, W, 3) both, and alpha uint8 (H, W).

    Whole numbers throughout: exactly `below` at alpha 0, exactly `above` at alpha 255.
    """
    for start in range(0, len(alpha), _STRIP):
        rows = slice(start, start + _STRIP)
        weight = alpha[rows, :, None].astype(np.uint16)
        mixed = below[rows] * (255 - weight) + above[rows] * weight + 127
        below[rows] = (mixed // 255).astype(np.uint8)
