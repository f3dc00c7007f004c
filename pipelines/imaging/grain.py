"""The grain of a photo: without it, what is drawn looks like plastic beside what was taken."""

from __future__ import annotations

import cv2
import numpy as np

_FINE = 1.5  # pixels: what varies more slowly is no grain
_SIZE = 0.6  # pixels: a camera's grain is a little soft
_FEWEST = 200


def grain_level(photo: np.ndarray, where: np.ndarray) -> float:
    """Levels (0-255) by which the lightness of a photo varies from pixel to pixel.

    The median of the deviations, so that hairs and edges do not count.

    photo: uint8 (h, w, 3). where: bool (h, w), a part of the photo that shows something plain.
    """
    if np.count_nonzero(where) < _FEWEST:
        return 0.0
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), _FINE))[where]
    return 1.4826 * float(np.median(fine))


def grain(shape: tuple[int, int], level: float, seed: int) -> np.ndarray:
    """float32 (h, w): grain whose deviation is `level`."""
    noise = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), _SIZE)
    return np.asarray(soft * np.float32(level / max(float(soft.std()), 1e-6)))
