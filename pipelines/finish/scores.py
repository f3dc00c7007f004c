"""Measures of a finished picture, cheap enough to say them of every one."""

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


def seam(picture: np.ndarray, photo: np.ndarray, area: np.ndarray) -> float:
    """How strong an edge there is along the mask that the photo does not have, in levels (0-255).

    The mean steepness of the lightness on the mask's outline beyond that of the photo: 0 where
    nothing shows, and from about 3 on a line is seen.

    picture, photo: uint8 (H, W, 3). area: bool (H, W), what was repainted.
    """
    rows, columns = np.flatnonzero(area.any(axis=1)), np.flatnonzero(area.any(axis=0))
    if len(rows) == 0:
        return 0.0
    here = tuple(slice(max(side[0] - 3, 0), side[-1] + 4) for side in (rows, columns))
    inside = area[here].astype(np.uint8)
    line = cv2.dilate(inside, np.ones((3, 3), np.uint8)) != cv2.erode(inside, np.ones((3, 3)))
    steep = []
    for image in (picture, photo):
        grey = cv2.cvtColor(np.ascontiguousarray(image[here]), cv2.COLOR_RGB2GRAY)
        x, y = (cv2.Sobel(grey, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
        steep.append(np.hypot(x, y)[line])
    return float(np.maximum(steep[0] - steep[1], 0).mean()) if line.any() else 0.0


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
