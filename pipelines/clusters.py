"""The few colours that a region is made of."""

from __future__ import annotations

import numpy as np

_CELL = 3.0  # colours so near are counted as one
_ROUNDS = 5


def colour_clusters(colours: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The cluster of each colour, int (n,), and the clusters' means, float (k, 3), k <= count.

    colours: float (n, 3), CIELAB or a scaled one, n > 0.

    Lloyd's algorithm on a histogram, which is fast. It starts from the most frequent colour, then
    from those that add most to what is not explained yet (as k-means++, Arthur and Vassilvitskii,
    2007, but for the draws): the same colours give the same clusters.
    """
    cells = np.rint(colours / _CELL).astype(np.int64) @ (1, 1 << 8, 1 << 16)
    _, cell, often = np.unique(cells, return_inverse=True, return_counts=True)
    points = _means(colours, cell, np.ones(len(colours)), len(often))
    centres = points[often.argmax()][None]
    away = _squared(points - centres)
    for _ in range(min(count, len(often)) - 1):
        added = points[(away * often).argmax()]
        centres = np.concatenate([centres, added[None]])
        away = np.minimum(away, _squared(points - added))
    for _ in range(_ROUNDS):
        nearest = (_squared(centres) - 2 * points @ centres.T).argmin(axis=1)
        centres = _means(points, nearest, often, len(centres))
    return nearest[cell], centres


def _squared(vectors: np.ndarray) -> np.ndarray:
    """(n,): the squared lengths of vectors (n, 3)."""
    return np.asarray(np.einsum("ij,ij->i", vectors, vectors))


def _means(points: np.ndarray, group: np.ndarray, weight: np.ndarray, count: int) -> np.ndarray:
    """(count, 3): the weighted mean of the points (n, 3) of each group (n,); 0 for an empty one."""
    sums = [np.bincount(group, weight * column, count) for column in points.T]
    return np.stack(sums, axis=1) / np.maximum(np.bincount(group, weight, count), 1)[:, None]
