"""Nobody is undressed: chest and hips are covered, by the new clothes or by the old ones."""

from __future__ import annotations

import numpy as np

from tryon.pipelines.fit.scene import Scene

# Of the canonical body: v of the chest and of the hips, and |u - 0.5| up to which they go. Between
# the breasts, as far apart, a neckline may go down to the deepest.
_CHEST, _CHEST_WIDTH, _CLEAVAGE, _DEEPEST = (0.28, 0.345), 0.062, 0.02, 0.32
_HIPS, _HIPS_WIDTH = (0.445, 0.575), 0.075
_SOFT = 0.006  # u or v over which the zones fade
_SURE = 0.6  # share of cloth from which on a pixel counts as covered


def private_zone(scene: Scene) -> np.ndarray:
    """float32 (h, w), 0-1: chest and hips, which never show skin that the photo does not show."""
    u, v = scene.uv()
    aside = np.abs(u - 0.5)
    front = np.clip(scene.of_map(scene.body.front) * 4 - 1, 0, 1)
    chest = _between(v, *_CHEST) * np.minimum(
        _ramp(_CHEST_WIDTH - aside), np.maximum(_ramp(aside - _CLEAVAGE), _ramp(v - _DEEPEST))
    )
    hips = _between(v, *_HIPS) * _ramp(_HIPS_WIDTH - aside)
    trunk = np.clip(scene.parts("torso") * 3 - 0.5, 0, 1)
    below = np.clip(scene.parts("torso", "left_thigh", "right_thigh") * 3 - 0.5, 0, 1)
    return np.maximum(chest * front * trunk, hips * below)


def left_open(scene: Scene, zone: np.ndarray, cloth: np.ndarray) -> np.ndarray:
    """float32 (h, w), 0-1: where of the zone the old clothes must stay.

    cloth: float32 (h, w), 0-1, what the new clothes and those that stay cover.
    """
    bare = np.clip((_SURE - cloth) / 0.2 + 0.5, 0, 1)
    return np.asarray(zone * bare * scene.area, np.float32)


def _between(v: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.minimum(_ramp(v - low), _ramp(high - v))


def _ramp(inside: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(inside / _SOFT + 0.5, 0, 1), np.float32)
