"""The garment on a cluttered ground, by its colours: GrabCut (Rother et al. 2004)."""

from __future__ import annotations

import cv2
import numpy as np

from tryon.pipelines.skin import colour_bins, colour_model, overlap, posteriors

_SAME = 0.85  # overlap of two colour models that tell nothing apart


def cluttered_garment(rgb: np.ndarray) -> np.ndarray:
    """bool (h, w): GrabCut at half the working size; the rim is background, the centre garment."""
    small = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    frame = np.ones((height, width), bool)
    rim = max(2, round(0.025 * max(height, width)))
    frame[rim:-rim, rim:-rim] = False
    smooth = cv2.GaussianBlur(small, (0, 0), 1.0)
    bins = colour_bins(smooth)
    models = {
        "background": colour_model(bins, frame),
        "garment": colour_model(bins, np.abs(x) ** 2 + np.abs(y) ** 2 < 0.45**2),
    }
    if _indistinct(models):
        return np.zeros(rgb.shape[:2], bool)
    inside = np.where(np.abs(x) ** 3 + np.abs(y) ** 3 < 0.78**3, 0.6, 0.35).astype(np.float32)
    share = posteriors(bins, models, {"background": 1 - inside, "garment": inside})["garment"]
    labels = np.where(share > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[np.abs(x) ** 2 + np.abs(y) ** 2 < 0.2**2] = cv2.GC_FGD
    labels[frame] = cv2.GC_BGD
    mask = grabcut(cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB), labels, rounds=4)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    mask = cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc), cv2.MORPH_CLOSE, disc)
    full = cv2.resize(mask * 255, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return _filled(full > 127)


def _indistinct(models: dict[str, np.ndarray | None]) -> bool:
    """Whether the middle of a photo has the very colours of its rim, so that nothing is in it."""
    rim, middle = models["background"], models["garment"]
    return rim is not None and middle is not None and overlap(rim, middle) > _SAME


def grabcut(lab: np.ndarray, labels: np.ndarray, rounds: int) -> np.ndarray:
    """uint8 (h, w), 1 = foreground: GrabCut from labels such as `cv2.GC_PR_FGD`."""
    cv2.setRNGSeed(0)  # its colour models start from a random clustering
    models = np.zeros((1, 65)), np.zeros((1, 65))
    found, *_ = cv2.grabCut(
        lab, labels, (0, 0, 1, 1), models[0], models[1], rounds, cv2.GC_INIT_WITH_MASK
    )
    return np.isin(found, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)


def _filled(mask: np.ndarray) -> np.ndarray:
    """bool (h, w): the mask with its holes closed."""
    flood = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(flood, None, (0, 0), 2)
    inside = (flood != 2)[1:-1, 1:-1].astype(np.uint8)
    return cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
