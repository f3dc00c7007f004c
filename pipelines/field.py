"""Smooth fields: what is measured at scattered points, noisily, as a surface without wobbles.

A tensor product of uniform cubic B-splines with a penalty on the second differences of its
coefficients (P-splines, Eilers and Marx 1996). Where there are no data the surface goes on
straight, so it also extrapolates; and on a pixel grid it costs two small matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import scipy.sparse
import scipy.sparse.linalg


@dataclass(frozen=True, eq=False, slots=True)
class Field:
    """A smooth map of the unit square to k numbers.

    coefficients: float64 (rows, columns, k) of the B-splines.
    """

    coefficients: np.ndarray

    def on_grid(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """float32 (len(y), len(x), k): the field at every pair of coordinates, 0-1."""
        rows = _splines(y, self.coefficients.shape[0]).toarray().astype(np.float32)
        columns = _splines(x, self.coefficients.shape[1]).toarray().astype(np.float32)
        planes = np.moveaxis(self.coefficients, -1, 0).astype(np.float32)
        return cv2.merge(list(rows @ planes @ columns.T)).reshape(len(y), len(x), -1)


def fitted_field(
    points: np.ndarray,
    values: np.ndarray,
    weights: np.ndarray,
    cells: tuple[int, int],
    stiffness: float,
) -> Field:
    """The field closest to the values at the points, as smooth as `stiffness` asks.

    points: (n, 2), x and y in 0-1. values: (n, k). weights: (n,), not negative.
    cells: (rows, columns) of the spline grid.
    stiffness: weight of the bending penalty against the mean squared error.
    """
    rows, columns = cells[0] + 3, cells[1] + 3
    design = _product(_splines(points[:, 1], rows), _splines(points[:, 0], columns))
    weighted = design.copy()
    weighted.data *= np.repeat(weights, 16)
    total = max(float(weights.sum()), 1e-9)
    normal = (weighted.T @ design) / total + stiffness * _bending(rows, columns)
    right = (weighted.T @ values) / total
    normal = normal + 1e-7 * stiffness * scipy.sparse.identity(rows * columns)  # to be invertible
    # Sparse, in one thread: a band solver's threads stand in each other's way on a busy machine.
    factors = scipy.sparse.linalg.splu(
        normal.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    solved = factors.solve(right)
    return Field(solved.reshape(rows, columns, -1))


def _splines(at: np.ndarray, count: int) -> scipy.sparse.csr_matrix:
    """(n, count): the cubic B-splines of a uniform grid at coordinates 0-1 (clamped)."""
    cells = count - 3
    position = np.clip(np.asarray(at, np.float64), 0, 1) * cells
    cell = np.minimum(position.astype(np.int64), cells - 1)
    t = position - cell
    basis = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1
    )
    index = cell[:, None] + np.arange(4)
    start = np.arange(len(cell) + 1) * 4
    return scipy.sparse.csr_matrix((basis.ravel() / 6, index.ravel(), start), (len(cell), count))


def _product(
    rows: scipy.sparse.csr_matrix, columns: scipy.sparse.csr_matrix
) -> scipy.sparse.csr_matrix:
    """(n, rows x columns): row by row, the products of both sets of four splines."""
    n, width = rows.shape[0], columns.shape[1]
    value = rows.data.reshape(n, 4, 1) * columns.data.reshape(n, 1, 4)
    index = rows.indices.reshape(n, 4, 1) * width + columns.indices.reshape(n, 1, 4)
    shape = (n, rows.shape[1] * width)
    return scipy.sparse.csr_matrix((value.ravel(), index.ravel(), np.arange(n + 1) * 16), shape)


@lru_cache(maxsize=8)
def _bending(rows: int, columns: int) -> scipy.sparse.csr_matrix:
    """(rows x columns) squared: the energy of a thin plate, in differences of coefficients."""

    def difference(size: int, order: int) -> scipy.sparse.csr_matrix:
        return scipy.sparse.csr_matrix(np.diff(np.eye(size), n=order, axis=0))

    def identity(size: int) -> scipy.sparse.csr_matrix:
        return scipy.sparse.identity(size, format="csr")

    down = scipy.sparse.kron(difference(rows, 2), identity(columns))
    across = scipy.sparse.kron(identity(rows), difference(columns, 2))
    twist = scipy.sparse.kron(difference(rows, 1), difference(columns, 1))
    return (down.T @ down + across.T @ across + 2 * (twist.T @ twist)).tocsr()
