"""Regions of a picture, as bool (h, w): grown, smoothed, cleaned, or only what hangs together.

Everything looks only where the region is, for most of a picture is far from it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np


def grown(region: np.ndarray, pixels: float) -> np.ndarray:
    """Everything at most so many pixels away from the region."""
    result, here = np.zeros_like(region), _around(region, pixels + 2)
    if (piece := region[here]).size:
        away = cv2.distanceTransform((~piece).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        result[here] = away <= pixels
    return result


def smoothed(region: np.ndarray, sigma: float) -> np.ndarray:
    """The region without whiskers and nicks thinner than about sigma pixels."""
    soft = cv2.GaussianBlur(region.astype(np.float32), (0, 0), max(sigma, 0.3))
    return np.asarray(soft > 0.5)


def without_specks(region: np.ndarray, smallest: float) -> np.ndarray:
    """The region without islands, and then holes, of fewer than `smallest` pixels."""
    result = np.zeros_like(region)
    here = _around(region, math.sqrt(smallest) + 1)  # so wide that what goes on is no speck
    if not (piece := region[here]).size:
        return result
    for value in (True, False):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(
            (piece == value).view(np.uint8), connectivity=4
        )
        speck = stats[:, cv2.CC_STAT_AREA] < smallest
        speck[0] = False
        if speck.any():
            piece = piece ^ speck[labels]
    result[here] = piece
    return result


def joined(region: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The pieces of the region that have a pixel in common with another."""
    result, here = np.zeros_like(region), _around(region, 0)
    if (piece := region[here]).size:
        count, labels = cv2.connectedComponents(piece.astype(np.uint8), connectivity=4)
        kept = np.zeros(count, bool)
        kept[labels[to[here] & piece]] = True
        result[here] = kept[labels]
    return result


def _around(region: np.ndarray, margin: float) -> tuple[slice, slice]:
    """The rows and columns at most so many pixels away from the region; none if it is empty."""
    return _span(region, 1, margin), _span(region, 0, margin)


def _span(region: np.ndarray, axis: int, margin: float) -> slice:
    places = np.flatnonzero(region.any(axis=axis))
    if not len(places):
        return slice(0, 0)
    return slice(max(int(places[0] - margin), 0), math.ceil(places[-1] + margin) + 1)
