"""The shift in colour that a model and its VAE give a picture, found and taken out."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

_RING = 0.04  # width of the ring that colours are compared on, as a share of the longer side
_COLOUR_SIDE = 256  # colours are compared at this many pixels at most
_FEWEST_SAMPLES = 32
_SAME_CONTENT = 12.0  # levels that one and the same content may differ by after correction
_EXTRAPOLATED = 64.0  # levels beyond those on the ring over which the correction fades out
_STEADY_GAIN = 25.0  # variance (levels^2) that speaks for a gain of 1 where the ring is flat


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
