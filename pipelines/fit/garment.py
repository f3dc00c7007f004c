"""The new clothes as a layer: their own pixels, and the shadow that they cast on the body."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tryon.pipelines.fit.layers import Layer
from tryon.pipelines.fit.scene import Scene
from tryon.pipelines.fit.warp import Warp
from tryon.pipelines.imaging.fill import filled, mean_near

_DOUBT = 0.007  # confidence of a warp that is worth half the trust
_SHADOW = 0.3  # of the light that cloth takes where it touches
_REACH, _DROP = 0.025, 0.012  # of the shadow, and how far down it falls, in shoulder widths
_CRISP = 0.35  # of the finest detail, which sampling the garment's photo takes
_INSIDE = 0.97  # alpha from which a pixel is cloth and nothing of what lay behind it


def garment_layer(scene: Scene, warps: Sequence[Warp], under: np.ndarray) -> Layer:
    """The garments over one another, each with its shadow on what lies close below.

    under: float32 (h, w), 0-1, the body and the other clothes, which are near enough for a shadow.
    """
    nothing = np.zeros_like(scene.silhouette)
    image, alpha, trust = np.zeros_like(scene.photo), nothing, nothing
    box = scene.box
    cut = np.s_[box.top : box.bottom, box.left : box.right]
    for warp in warps:
        cover = warp.coverage[cut]
        if not cover.any():
            continue
        shade = _shadow(cover, scene.unit) * np.maximum(under, alpha)
        above = cover + shade  # the shadow is black, and lies where the cloth does not
        there = _extent(above)
        part = (above / np.maximum(above + alpha * (1 - above), 1e-6))[there]
        colour = _clean(warp.image[cut][there], cover[there])
        colour *= (cover[there] / np.maximum(above[there], 1e-6))[..., None]
        image[there] = cv2.blendLinear(image[there].astype(np.float32), colour, 1 - part, part)
        sure = warp.confidence[cut]
        trust = np.where(above > alpha * (1 - above), sure / (sure + _DOUBT), trust)
        alpha = above + alpha * (1 - above)
    return Layer(image, alpha.astype(np.float32), trust.astype(np.float32))


def _extent(plane: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns of the smallest box around what is not 0."""
    found = [np.flatnonzero(plane.any(axis=axis)) for axis in (1, 0)]
    return tuple(slice(i[0], i[-1] + 1) if len(i) else slice(0, 0) for i in found)  # type: ignore[return-value]


def _shadow(cover: np.ndarray, unit: float) -> np.ndarray:
    """float32 (h, w), 0-1: the light that cloth takes from what it does not cover."""
    move = np.array([[1, 0, 0], [0, 1, _DROP * unit]], np.float64)
    fallen = cv2.warpAffine(cover, move, cover.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(fallen, (0, 0), max(_REACH * unit, 0.5))
    return np.asarray(_SHADOW * soft * (1 - cover))


def _clean(cloth: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """float32 (h, w, 3): the cloth without the background of its photo along its edge."""
    inside = cover > _INSIDE
    if not inside.any():
        return cloth.astype(np.float32)
    fine = cloth - mean_near(cloth, inside, 1.0)
    colour = np.clip(cloth + _CRISP * fine * inside[..., None], 0, 255)
    edge = (cover > 0) & ~inside
    colour[edge] = filled(cloth, inside)[edge]
    return np.asarray(colour, np.float32)
