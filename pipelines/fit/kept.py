"""The clothes that stay: trousers under a new top, a top over new trousers.

Where the old garment hung over them they are continued, up to the waist or down to the hips. They
also hold the old clothes themselves, wherever chest or hips would be bare without them.
"""

from __future__ import annotations

import cv2
import numpy as np

from tryon.pipelines.fit.layers import Layer
from tryon.pipelines.fit.scene import Scene
from tryon.pipelines.imaging.fill import continued
from tryon.pipelines.regions import grown

_WAIST, _HIPS = 0.41, 0.50  # v of the body: where trousers start, and tops end
_HIGHEST = 0.37  # v up to which trousers may be drawn to meet a top
_BAND = 0.008  # v over which they do
_FEW = 0.02  # squared shoulder widths: of less than this nothing can be continued
_WEAVE = 0.12  # what is finer than this, in shoulder widths, goes on as it is
_NARROW = 0.3  # shoulder widths: less than this between two garments is no bare midriff
_SCRAP = 0.1  # and no strip that is narrower than this
_RIM = 0.02  # of the other garment, in shoulder widths, that may show what is beside it
_TRUST = 0.6  # in what is continued


def kept_layer(scene: Scene, seen: np.ndarray, outline: np.ndarray, cover: np.ndarray) -> Layer:
    """The other garment, its own pixels going on where the old one hid it.

    seen, outline, cover: float32 (h, w), 0-1: where it shows (see `seen_clothes`), what the body
        fills, and the new garment, which it meets.
    """
    nothing = np.zeros_like(scene.silhouette)
    if scene.category == "dress" or np.count_nonzero(seen > 0.6) < _FEW * scene.unit**2:
        return Layer(scene.photo, nothing, nothing)
    _, down = scene.uv()
    if scene.category == "upper":
        hidden = scene.parsing.waist is None or not scene.parsing.waist.tucked
        reach = np.clip((down - _WAIST) / _BAND + 0.5, 0, 1) if hidden else seen
        meets = down > _HIGHEST
        trunk = scene.parts("torso", "left_thigh", "right_thigh")
    else:
        reach = np.clip((_HIPS - down) / _BAND + 0.5, 0, 1)
        meets = down < _HIPS
        trunk = scene.parts("torso")
    room = outline * np.clip(trunk * 4 - 1, 0, 1) * scene.old
    alpha = room * np.maximum(reach, meets * _gap(scene, reach, cover))
    known = ~grown((seen < 0.8) | (scene.old > 0.3), _RIM * scene.unit)
    image = continued(scene.photo, known, alpha > 0, _WEAVE * scene.unit)
    return Layer(
        image,
        alpha.astype(np.float32),
        np.where(known, np.float32(1), np.float32(_TRUST)),
    )


def _gap(scene: Scene, reach: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0 or 1: the strip between the new garment and the other one, if it is so
    narrow that the two were meant to meet."""
    height = 2 * round(_NARROW * scene.unit / 2) + 1
    both = (np.maximum(reach, cover) > 0.5).astype(np.uint8)
    closed = cv2.morphologyEx(both, cv2.MORPH_CLOSE, np.ones((height, 1), np.uint8))
    width = 2 * round(_SCRAP * scene.unit / 2) + 1
    strip = cv2.morphologyEx(closed - both, cv2.MORPH_OPEN, np.ones((1, width), np.uint8))
    return strip.astype(np.float32)


def with_old_clothes(layer: Layer, scene: Scene, where: np.ndarray) -> Layer:
    """The layer with what the photo shows over it, `where` (float32 (h, w), 0-1) it must stay."""
    share = where[..., None]
    image = cv2.blendLinear(layer.image, scene.photo, 1 - where, where)
    return Layer(
        np.where(share > 0, image, layer.image),
        np.maximum(layer.alpha, where),
        np.maximum(layer.trust, where),
    )


def seen_clothes(scene: Scene) -> np.ndarray:
    """float32 (h, w), 0-1: where the photo shows the other garment, which stays."""
    other = scene.bottom if scene.category == "upper" else scene.top
    if not scene.parsing.two_piece:
        other = scene.top
    return np.asarray(other * (scene.silhouette > 0.8) * (scene.old < 0.5), np.float32)
