"""Grids of points drawn into a picture, compiled by numba."""

from __future__ import annotations

import numba
import numpy as np


def drawn_grid(points: np.ndarray, values: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where a grid lies in a square picture, and its values there.

    points: float (rows, columns, 2), x and y in pixels. values: float (rows, columns, k).
    Returns bool (size, size) and float32 (size, size, k), 0 where the grid is not. Where it
    folds over itself, later rows lie above.
    """
    there = np.zeros((size, size), np.bool_)
    drawn = np.zeros((size, size, values.shape[2]), np.float32)
    _fill(points.astype(np.float64), values.astype(np.float64), there, drawn)
    return there, drawn


@numba.njit(cache=True)
def _fill(points, values, there, drawn):  # type: ignore[no-untyped-def]
    for i in range(points.shape[0] - 1):
        for j in range(points.shape[1] - 1):
            for half in range(2):
                a, b = (i, j + 1), (i + 1, j)
                c = (i, j) if half == 0 else (i + 1, j + 1)
                _triangle(points, values, a, b, c, there, drawn)


@numba.njit(cache=True)
def _triangle(points, values, a, b, c, there, drawn):  # type: ignore[no-untyped-def]
    ax, ay = points[a[0], a[1], 0], points[a[0], a[1], 1]
    bx, by = points[b[0], b[1], 0], points[b[0], b[1], 1]
    cx, cy = points[c[0], c[1], 0], points[c[0], c[1], 1]
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    if abs(area) < 1e-9:
        return
    height, width = there.shape
    top = max(int(np.floor(min(ay, by, cy) - 0.5)), 0)
    bottom = min(int(np.ceil(max(ay, by, cy) - 0.5)) + 1, height)
    left = max(int(np.floor(min(ax, bx, cx) - 0.5)), 0)
    right = min(int(np.ceil(max(ax, bx, cx) - 0.5)) + 1, width)
    for row in range(top, bottom):
        y = row + 0.5
        for column in range(left, right):
            x = column + 0.5
            wb = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
            wc = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
            wa = 1 - wb - wc
            if wa >= -1e-6 and wb >= -1e-6 and wc >= -1e-6:
                there[row, column] = True
                for k in range(drawn.shape[2]):
                    drawn[row, column, k] = (
                        wa * values[a[0], a[1], k]
                        + wb * values[b[0], b[1], k]
                        + wc * values[c[0], c[1], k]
                    )
