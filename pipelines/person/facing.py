"""How far somebody faces the camera."""

from __future__ import annotations

import numpy as np

from tryon.pipelines.bodymap import BodyMap
from tryon.types import BODY_PARTS, Pose

_ACROSS = 0.62  # of the trunk's length: the shoulders' width of somebody who faces the camera
_TORSO = BODY_PARTS.index("torso")


def facing_score(pose: Pose, body: BodyMap) -> float:
    """1 for somebody who faces the camera, 0 in profile, -1 from behind.

    Joints tell the width of the shoulders against the length of the trunk, the body map which side
    of the trunk is seen. Where shoulders or hips are not in the picture, the side alone is told.
    """
    torso = body.parts[..., _TORSO] * body.confidence
    seen = float(torso.sum())
    front = float((body.front * torso).sum()) / seen if seen > 0 else 0.5
    return float((2 * front - 1) * _width(pose))


def _width(pose: Pose) -> float:
    """0-1: how wide the shoulders are seen, against those of somebody who faces the camera."""
    names = ("right_shoulder", "left_shoulder", "right_hip", "left_hip")
    if not all(pose.seen(name) for name in names):
        return 1.0
    right, left, right_hip, left_hip = (pose.joint(name)[:2] for name in names)
    down = (right_hip + left_hip - right - left) / 2
    length = float(np.linalg.norm(down))
    if length < 1e-6:
        return 1.0
    # Only what lies across the trunk counts: shoulders may be raised, or the body lean.
    across = abs(float(down[0] * (right - left)[1] - down[1] * (right - left)[0])) / length
    return min(across / (_ACROSS * length), 1.0)
