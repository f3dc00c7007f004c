"""Where the body ends under its clothes."""

from __future__ import annotations

import cv2
import numpy as np

from tryon.pipelines.fit.scene import Scene
from tryon.pipelines.imaging.fill import filled

_NEAR = 0.07  # shoulder widths: as far as the map may err, or cloth lie close
_EDGE = 3.0  # pixels at a photo's edge where it is looked for
_FAR = 0.35  # shoulder widths over which a correction is forgotten
_CLOSE = 0.3  # weight of close clothes' edges against those of bare skin
_SMOOTH = 0.015  # shoulder widths: no body has corners that are smaller
_SOFT = 1.6  # pixels over which the outline is soft


def body_outline(scene: Scene, seen: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0-1: what of the picture the body fills, seen or hidden by clothes.

    The body map says it to a few pixels. Where the photo shows its edge, on bare skin and where
    clothes lie close, the map's error is measured, and taken off nearby as well.

    seen: float32 (h, w), 0-1, bare skin and clothes that stay: their edge is that of the body, or
        as far from it as more of the same clothes will be.
    """
    inside = _inside(scene.of_map(scene.body.body, cv2.INTER_CUBIC))
    true = _inside(scene.silhouette)
    error = true - inside
    at_edge = np.abs(true) < _EDGE
    bare = cv2.blur(seen, (7, 7)) > 0.3
    weight = at_edge & (np.abs(error) < _NEAR * scene.unit)
    weight = np.where(bare, 1.0, _CLOSE * (np.abs(error) < 0.5 * _NEAR * scene.unit)) * weight
    step = max(round(scene.unit / 60), 1)
    size = max(scene.box.width // step, 2), max(scene.box.height // step, 2)
    known = cv2.resize(weight.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    errors = cv2.resize((error * weight).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    errors = filled(errors / np.maximum(known, 1e-6), known)
    away = cv2.distanceTransform((known < 0.05).astype(np.uint8), cv2.DIST_L2, 3) * step
    errors *= np.exp(-np.square(away / (_FAR * scene.unit)))
    inside = inside + cv2.resize(errors, scene.box.size, interpolation=cv2.INTER_LINEAR)
    inside = np.minimum(inside, true)  # clothes hide no body beyond their own edge
    smooth = cv2.GaussianBlur(inside, (0, 0), max(_SMOOTH * scene.unit, 0.5))
    return np.asarray(np.clip(smooth / _SOFT + 0.5, 0, 1), np.float32)


def _inside(share: np.ndarray) -> np.ndarray:
    """float32 (h, w): how many pixels inside the edge, negative outside it."""
    inner = (share > 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(inner, cv2.DIST_L2, 5)
    return np.asarray(depth - cv2.distanceTransform(1 - inner, cv2.DIST_L2, 5))
