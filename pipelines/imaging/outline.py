"""A rough mask's outline, moved onto the photo's own edges."""

from __future__ import annotations

import cv2
import numpy as np


def watershed_mask(rgb: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """bool (h, w): both sides grown towards each other until they meet, along the sharpest edge.

    rgb: uint8 (h, w, 3). inside, outside: bool (h, w), what is sure; the rest is decided.
    """
    markers = np.where(outside, np.int32(1), np.int32(0))
    markers[inside] = 2
    # The algorithm leaves the picture's rim undecided: give it a rim to leave.
    markers = cv2.copyMakeBorder(markers, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    cv2.watershed(cv2.copyMakeBorder(rgb, 1, 1, 1, 1, cv2.BORDER_REPLICATE), markers)
    return np.asarray((markers == 2)[1:-1, 1:-1])


def matte(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """uint8 (H, W): a mask (h, w) at the photo's size, its outline drawn to the photo's own edges.

    rgb: uint8 (H, W, 3), no smaller than the mask. A guided filter (He et al. 2010) whose
    coefficients are found at the mask's size.
    """
    height, width = mask.shape
    guide = cv2.cvtColor(_area(rgb, (width, height)), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    target = mask.astype(np.float32)
    window, floor = (5, 5), 2e-4
    mean_guide, mean_target = cv2.blur(guide, window), cv2.blur(target, window)
    variance = cv2.blur(guide * guide, window) - mean_guide**2
    slope = (cv2.blur(guide * target, window) - mean_guide * mean_target) / (variance + floor)
    offset = mean_target - slope * mean_guide
    slope, offset = cv2.blur(slope, (3, 3)), cv2.blur(offset, (3, 3))
    size = rgb.shape[1::-1]
    full_guide = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    matte = cv2.resize(slope, size) * full_guide + cv2.resize(offset, size)
    # The filter may only move the outline, not open holes or draw far away.
    near = cv2.resize(cv2.erode(target, np.ones((5, 5))), size)
    far = cv2.resize(cv2.dilate(target, np.ones((5, 5))), size)
    matte = np.clip((matte - 0.5) * 1.6 + 0.5, near, far)
    return np.asarray(np.clip(matte * 255, 0, 255), np.uint8)


def _area(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return rgb if rgb.shape[1::-1] == size else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
