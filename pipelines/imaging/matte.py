"""Soft masks whose edges are those of the photo, many at once.

A guided filter (He, Sun, Tang 2013, "Guided Image Filtering") with colour, whose coefficients are
found on a small copy of the photo (He, Sun 2015, "Fast Guided Filter").
"""

from __future__ import annotations

import cv2
import numpy as np

_EDGE = 1e-4  # variance (of colours 0-1) below which the filter sees no edge
_CONTRAST = 1.6  # given to what comes out, which is a little blurred


def mattes(photo: np.ndarray, masks: np.ndarray, radius: int) -> np.ndarray:
    """float32 (H, W, k), 0-1: masks found at a low resolution, drawn to the photo's own edges.

    photo: uint8 (H, W, 3). masks: float32 (h, w, k), 0-1, of the same field of view and no larger.
    radius: of the window, in pixels of the masks.
    """
    height, width, count = masks.shape
    small = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    guide = small.astype(np.float32) / 255

    def mean(values: np.ndarray) -> np.ndarray:
        smooth = cv2.blur(values, (2 * radius + 1, 2 * radius + 1))
        return smooth.reshape(height, width, -1)

    middle, level = mean(guide), mean(masks)
    first, second = [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]
    joint = mean(guide[..., first] * guide[..., second]) - middle[..., first] * middle[..., second]
    covariance = joint[..., [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(height, width, 3, 3)
    covariance[..., [0, 1, 2], [0, 1, 2]] += _EDGE
    together = mean((guide[..., None] * masks[..., None, :]).reshape(height, width, -1))
    with_masks = together.reshape(height, width, 3, count) - middle[..., None] * level[..., None, :]
    slopes = _solved(covariance, with_masks)
    offset = level - (slopes * middle[..., None]).sum(-2)
    lines = mean(np.concatenate([slopes, offset[..., None, :]], -2).reshape(height, width, -1))
    lines = lines.reshape(height, width, 4, count)
    full = cv2.merge([photo.astype(np.float32) / 255, np.ones(photo.shape[:2], np.float32)])
    result = np.empty((*photo.shape[:2], count), np.float32)
    for k in range(count):
        line = cv2.resize(
            np.ascontiguousarray(lines[..., k]), photo.shape[1::-1], interpolation=cv2.INTER_LINEAR
        )
        value = cv2.transform(line * full, np.ones((1, 4), np.float32))
        # The filter may move the edge of a mask, but draw nothing far from it.
        near = cv2.dilate(np.ascontiguousarray(masks[..., k]), np.ones((2 * radius + 1,) * 2))
        near = cv2.resize(near, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        result[..., k] = np.clip((value - 0.5) * _CONTRAST + 0.5, 0, np.minimum(2 * near, 1))
    return result


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """float32 (h, w, 3, k): the solutions of symmetric equations; by cofactors, for speed."""
    rr, rg, rb = (matrix[..., 0, i] for i in range(3))
    gg, gb, bb = matrix[..., 1, 1], matrix[..., 1, 2], matrix[..., 2, 2]
    adjugate = (
        (gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb),
        (gb * rb - rg * bb, rr * bb - rb * rb, rb * rg - rr * gb),
        (rg * gb - gg * rb, rb * rg - rr * gb, rr * gg - rg * rg),
    )
    determinant = rr * adjugate[0][0] + rg * adjugate[0][1] + rb * adjugate[0][2]
    rows = [
        sum(row[i][..., None] * right[..., i, :] for i in range(3)) / determinant[..., None]
        for row in adjugate
    ]
    return np.stack(rows, axis=-2)
