"""What a photo would be without the garment, if its background is plain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TRIED = 1500  # pixels of the border are enough
_NEAR = 36  # sRGB levels from the border's usual colour, within which it may be one surface
_FLOOR = 0.7  # sRGB levels: no photo is surer of its colours
_CURVED = 0.6  # share of the border that must fit: with less of it a curved surface would swing


@dataclass(frozen=True, eq=False, slots=True)
class Ground:
    """A quadratic surface through the colours of a photo's border, so that vignettes and slopes
    of light count as plain.

    terms: float32 (6, 3), coefficients of 1, x, y, xy, x², y² (from -1 to 1), in sRGB levels.
    noise: spread of the border around the surface, in sRGB levels.
    share: how much of the border fits, 0-1; the rest is garment, hanger, shadow or clutter.
    """

    terms: np.ndarray
    noise: float
    share: float

    def difference(self, rgb: np.ndarray) -> np.ndarray:
        """float32 (h, w, 3): a photo, at any size, less the surface, in sRGB levels."""
        y, x = (np.linspace(-1, 1, n, dtype=np.float32)[:, None] for n in rgb.shape[:2])
        level, across, down, both, across_2, down_2 = self.terms
        rows = level + down * y + down_2 * y * y
        slopes = across + both * y
        return rgb - rows[:, None] - slopes[:, None] * x - across_2 * (x * x)


def ground_of(rgb: np.ndarray) -> Ground:
    """The ground of a photo uint8 (h, w, 3), which is not looked at beyond its border."""
    height, width = rgb.shape[:2]
    rim = max(2, round(0.02 * max(height, width)))
    ring = np.ones((height, width), bool)
    ring[rim:-rim, rim:-rim] = False
    y, x = np.nonzero(ring)
    step = len(x) // _TRIED + 1
    y, x = y[::step], x[::step]
    colour = rgb[y, x].astype(np.float32)
    basis = _basis(2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1)
    fits = np.linalg.norm(colour - np.median(colour, axis=0), axis=1) < _NEAR
    for _ in range(3):
        if fits.sum() < 16:  # no plain ground at all: its mean is as good as anything
            fits[:] = True
        used = 6 if fits.mean() > _CURVED else 1
        seen = basis[fits, :used]
        terms = np.zeros((6, 3), np.float32)
        terms[:used] = np.linalg.solve(seen.T @ seen + 1e-3 * np.eye(used), seen.T @ colour[fits])
        error = np.linalg.norm(colour - basis @ terms, axis=1)
        noise = float(np.sqrt(np.mean(error[fits] ** 2) / 3))
        fits = error < max(6.0, 6.0 * noise)
    return Ground(terms, max(noise, _FLOOR), float(fits.mean()))


def _basis(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float32 (n, 6): what the surface is a sum of."""
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1).astype(np.float32)
