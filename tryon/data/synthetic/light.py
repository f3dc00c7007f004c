"""Light, soft shadows, and the finished picture."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numba
import numpy as np

from tryon.data.synthetic.raster import FAR


class Light(NamedTuple):
    """direction: float32 (3,), unit, towards the light: right, away from the camera, up.
    ambient, diffuse: strengths; tint: float32 (3,), colour of the light, about 1."""

    direction: np.ndarray
    ambient: np.float32
    diffuse: np.float32
    tint: np.ndarray


def light_from(
    direction: tuple[float, float, float], ambient: float, diffuse: float, tint: np.ndarray
) -> Light:
    """A light from a direction of any length."""
    towards = np.array(direction) / math.hypot(*direction)
    return Light(
        towards.astype(np.float32), np.float32(ambient), np.float32(diffuse),
        tint.astype(np.float32),
    )  # fmt: skip


def random_light(rng: np.random.Generator) -> Light:
    """The light that a person stands in."""
    direction = (rng.normal(0, 0.6), -1.0, rng.uniform(0.1, 1.0))
    ambient = rng.uniform(0.45, 0.75)
    warm = rng.normal(0, 0.03)
    tint = np.array([1 + warm, 1.0, 1 - warm]) * rng.uniform(0.95, 1.08)
    return light_from(direction, ambient, rng.uniform(1.0, 1.12) - ambient, tint)


def occlusion(
    depth: np.ndarray, other: np.ndarray, metres_per_pixel: float, light: Light, shrink: int
) -> tuple[np.ndarray, np.ndarray]:
    """Soft shadows from two depth buffers alone, `shrink` times smaller than they, float32 (H, W).

    Returns how bright the figure is (0-1, 1 unshaded), and how much of its shadow falls on a wall
    behind it (0-1). A point behind its blurred surroundings, looked up a little towards the
    light, lies in shadow.
    """
    size = (depth.shape[1] // shrink, depth.shape[0] // shrink)
    step = 2 * shrink
    sparse = np.minimum(depth[::step, ::step], other[::step, ::step])
    seen = sparse < FAR
    if not seen.any():
        return np.ones(size[::-1], np.float32), np.zeros(size[::-1], np.float32)
    solid = np.minimum(sparse, sparse[seen].max() + np.float32(0.2))
    shade = np.zeros_like(solid)
    for radius, strength in ((0.03, 0.4), (0.09, 0.5)):
        sigma = max(0.6, radius / (2 * metres_per_pixel))
        around = _moved_blur(solid, sigma, 1.2 * sigma, light, cv2.BORDER_REPLICATE)
        shade += strength * np.clip((solid - around - 0.01) / (1.6 * radius), 0, 1)
    # Only the figure's own samples count, or its outline would be dark.
    share = seen.astype(np.float32)
    bright = (1 - np.minimum(shade, np.float32(0.75))) * share
    bright = cv2.blur(bright, (3, 3)) / np.maximum(cv2.blur(share, (3, 3)), 1e-3)
    sigma = 0.05 / (2 * metres_per_pixel)
    wall = _moved_blur(share, sigma, 1.5 * sigma, light, cv2.BORDER_CONSTANT)
    return cv2.resize(bright, size), cv2.resize(wall, size)


def _moved_blur(
    image: np.ndarray, sigma: float, reach: float, light: Light, border: int
) -> np.ndarray:
    """The image blurred, and looked up `reach` pixels towards the light."""
    size = image.shape[::-1]
    shrink = 2 if sigma > 4 else 1  # what is so soft needs no more pixels
    if shrink > 1:
        image = cv2.resize(image, (size[0] // 2, size[1] // 2), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(image, (0, 0), sigma / shrink)
    x, y = -reach / shrink * light.direction[0], reach / shrink * light.direction[2]
    move = np.array([[1, 0, x], [0, 1, y]], np.float32)
    here = soft.shape[::-1]
    soft = cv2.warpAffine(soft, move, here, flags=cv2.INTER_LINEAR, borderMode=border)
    return soft if shrink == 1 else cv2.resize(soft, size)


def composed(
    image: np.ndarray,
    light: Light,
    shade: np.ndarray,
    background: np.ndarray,
    background_shade: np.ndarray,
) -> np.ndarray:
    """The picture float32 (H, W, 3): what was shaded, in its light, over the background.

    image: float32 (H, W, 4), colours times their share of the pixel, and that share;
    shade, background_shade: float32 (H, W), factors; background: float32 (H, W, 3).
    """
    return _composed(image, light.tint, shade, background, background_shade)  # type: ignore[no-any-return]


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _composed(image, tint, shade, background, background_shade):  # type: ignore[no-untyped-def]
    height, width = shade.shape
    out = np.empty((height, width, 3), np.float32)
    for y in range(height):
        for x in range(width):
            lit = shade[y, x]
            rest = (np.float32(1) - image[y, x, 3]) * background_shade[y, x]
            for c in range(3):
                out[y, x, c] = image[y, x, c] * tint[c] * lit + background[y, x, c] * rest
    return out
