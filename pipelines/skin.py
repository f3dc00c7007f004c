"""Skin, hair and cloth told apart by the photo's own colours.

No table of skin tones: each class is learnt from pixels of this very photo that the joints say
belong to it (the cheeks are skin, what is above the forehead is hair, the chest is the top), as a
smoothed Lab histogram; Bayes' rule does the rest (Jones and Rehg, "Statistical Color Models with
Application to Skin Detection", 1999, with the photo in the place of their data set).
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

_BINS = (16, 32, 32)  # of L, a and b; a and b only where natural colours lie, 4 levels a bin
_FEWEST_SEEDS = 40


def colour_bins(rgb: np.ndarray) -> np.ndarray:
    """int32 (H, W): the histogram bin of each pixel of an RGB uint8 (H, W, 3)."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    chroma = np.clip(lab[..., 1:].astype(np.int32) - 64, 0, 127).astype(np.int32) // 4
    lightness = lab[..., 0].astype(np.int32) // 16
    return (lightness * _BINS[1] + chroma[..., 0]) * _BINS[2] + chroma[..., 1]


def colour_model(bins: np.ndarray, seeds: np.ndarray, *, shading: float = 1.0) -> np.ndarray | None:
    """float32 (bins,), summing to 1: how often each colour occurs among the seeds.

    bins: as `colour_bins` gives them. seeds: bool, same shape; None is returned for too few.
    shading: how far the same material may be lighter or darker elsewhere, in steps of 6 % of white.
    """
    found = bins[seeds]
    if found.size < _FEWEST_SEEDS:
        return None
    counts = np.bincount(found, minlength=int(np.prod(_BINS))).reshape(_BINS)
    smooth = gaussian_filter(counts.astype(np.float32), (shading, 0.8, 0.8), mode="nearest")
    return np.asarray(smooth.ravel() / smooth.sum(), dtype=np.float32)


def any_colour() -> np.ndarray:
    """float32 (bins,), summing to 1: the model of what may have any colour."""
    return np.full(np.prod(_BINS), 1 / np.prod(_BINS), np.float32)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """How alike two colour models are: 0 (no colour in common) to 1 (the same)."""
    return float(np.minimum(one, other).sum())


def posteriors(
    bins: np.ndarray, models: dict[str, np.ndarray | None], priors: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Probability of each class at each pixel, from its colour and its place.

    bins: (H, W). models: colour model by class; a class without one is impossible everywhere.
    priors: float32 (H, W) by class, any scale. Returns float32 (H, W), 0-1 each.
    """
    floor = np.float32(1e-5)  # a colour seen in no seed tells nothing: the place decides
    joint = {
        name: np.take(model + floor, bins) * priors[name]
        for name, model in models.items()
        if model is not None
    }
    total = 1 / (sum(joint.values()) + np.float32(1e-12))
    nothing = np.zeros(bins.shape, dtype=np.float32)
    return {name: joint[name] * total if name in joint else nothing for name in models}
