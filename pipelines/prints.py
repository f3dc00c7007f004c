"""How much of a garment's print a picture shows, cheaply enough to say it of every picture."""

from __future__ import annotations

import cv2
import numpy as np

_LONGEST = 384  # pixels of the compared region's longer side
_FINE, _COARSE = 0.7, 4.0  # standard deviations between which structure counts as print
_DARK = 48.0  # levels of 255 that count as black, where noise would otherwise be loud
_PLAIN = 2.5  # percent of lightness below which a cloth's structure is folds and noise
_FEWEST = 400  # pixels to compare


def print_kept(picture: np.ndarray, reference: np.ndarray, region: np.ndarray) -> float | None:
    """The share of fine structure that a picture has of what it should show, 0-1.

    The correlation of the two, less as contrast is lost.

    picture, reference: uint8 (H, W, 3), such as the result and the warped garment on the photo.
    region: bool (H, W), where to compare.

    None if the reference is plain there. Light and slow shading do not count, places do: a print
    that is moved by more than a few pixels is lost.
    """
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if len(rows) == 0:
        return None
    cut = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    scale = min(1.0, _LONGEST / max(region[cut].shape))
    inside = _shrunk(region[cut].astype(np.uint8) * 255, scale) > 254
    inside = cv2.erode(np.pad(inside, 1).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    inside = inside[1:-1, 1:-1]
    if np.count_nonzero(inside) < _FEWEST:
        return None
    wanted, shown = (
        structure(_shrunk(np.ascontiguousarray(image[cut]), scale))[inside]
        for image in (reference, picture)
    )
    wanted, shown = wanted - wanted.mean(), shown - shown.mean()
    if float(wanted.std()) < _PLAIN:
        return None
    whole = float(wanted @ wanted)
    loudest = max(whole, float(np.linalg.norm(wanted) * np.linalg.norm(shown)))
    return max(0.0, float(wanted @ shown) / loudest)


def structure(picture: np.ndarray) -> np.ndarray:
    """float32 (h, w): lightness between two scales, in percent of what is around."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    light = 100 * np.log(grey + _DARK)
    fine = cv2.GaussianBlur(light, (0, 0), _FINE)
    return np.asarray(fine - cv2.GaussianBlur(light, (0, 0), _COARSE))


def _shrunk(plane: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1.0:
        return plane
    size = (max(1, round(plane.shape[1] * scale)), max(1, round(plane.shape[0] * scale)))
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
