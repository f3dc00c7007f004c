"""Outlines of the canonical body: the edge that cloth stands off from.

Metres from the mid-line and upwards; the frame is that of `tryon.data.synthetic.canonical`. The
numbers were measured on the mean body of `tryon.data.synthetic.bodies`: its front view, one side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

FRAME_METRES, MIDDLE_HEIGHT = 2.1033, 0.1070
"""Side of the frame in metres, and the height of its middle."""

NECK, SHOULDER, ARMPIT, WAIST, HIP, CROTCH, KNEE, ANKLE = (
    0.767,
    0.664,
    0.555,
    0.318,
    0.165,
    0.057,
    -0.286,
    -0.737,
)
"""Heights of the landmarks."""

WRIST_ALONG, ELBOW_ALONG = 0.553, 0.29
"""Metres along the arm from the shoulder joint, in space: the frame foreshortens the forearm."""

_ARM_ROOM = 0.055  # below the armpit, where what lies beside the trunk is still the arm

# Height, half width of the trunk, hips and outer thighs included.
_TRUNK = np.array(
    [
        (0.70, 0.170),
        (0.62, 0.178),
        (0.57, 0.178),
        (0.54, 0.162),
        (0.50, 0.150),
        (0.45, 0.143),
        (0.39, 0.140),
        (0.33, 0.142),
        (0.27, 0.151),
        (0.21, 0.164),
        (0.15, 0.172),
        (0.09, 0.180),
        (0.00, 0.190),
        (-0.10, 0.197),
        (-0.30, 0.206),
        (-0.74, 0.235),
    ]
)
# Metres along the arm (negative towards the neck), then a point of the outline.
_UPPER = np.array(
    [
        (-0.185, 0.055, 0.810),
        (-0.160, 0.065, 0.786),
        (-0.133, 0.080, 0.765),
        (-0.097, 0.110, 0.744),
        (-0.064, 0.140, 0.731),
        (-0.031, 0.170, 0.718),
        (0.004, 0.200, 0.700),
        (0.035, 0.230, 0.682),
        (0.075, 0.260, 0.641),
        (0.100, 0.275, 0.616),
        (0.174, 0.325, 0.554),
        (0.290, 0.402, 0.467),
        (0.420, 0.466, 0.398),
        (0.553, 0.529, 0.327),
        (0.640, 0.568, 0.283),
    ]
)
_LOWER = np.array(
    [
        (0.065, 0.176, 0.562),
        (0.130, 0.238, 0.530),
        (0.174, 0.268, 0.498),
        (0.290, 0.355, 0.424),
        (0.420, 0.425, 0.359),
        (0.553, 0.497, 0.295),
        (0.640, 0.535, 0.250),
    ]
)
# Height, inner and outer edge of the left leg.
_LEG = np.array(
    [
        (0.06, 0.020, 0.186),
        (0.00, 0.036, 0.190),
        (-0.10, 0.057, 0.197),
        (-0.20, 0.085, 0.198),
        (-0.30, 0.108, 0.206),
        (-0.40, 0.124, 0.222),
        (-0.50, 0.140, 0.222),
        (-0.60, 0.158, 0.222),
        (-0.74, 0.178, 0.234),
    ]
)


def trunk_half_width(height: np.ndarray) -> np.ndarray:
    """Half the width of trunk, hips and thighs at these heights."""
    return np.interp(-height, -_TRUNK[:, 0], _TRUNK[:, 1])


def upper_outline(along: np.ndarray) -> np.ndarray:
    """(..., 2): the upper edge of shoulder and arm at metres along the arm."""
    columns = [np.interp(along, _UPPER[:, 0], _UPPER[:, i]) for i in (1, 2)]
    return np.stack(columns, axis=-1)


def lower_outline(along: np.ndarray) -> np.ndarray:
    """(..., 2): the lower edge of the arm at metres along the arm."""
    columns = [np.interp(along, _LOWER[:, 0], _LOWER[:, i]) for i in (1, 2)]
    return np.stack(columns, axis=-1)


def along_at(x: float) -> float:
    """Metres along the arm of the point of the upper outline so far from the mid-line."""
    return float(np.interp(x, _UPPER[:, 1], _UPPER[:, 0]))


def leg_edges(height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inner and outer edge of the leg at these heights."""
    inner, outer = (np.interp(-height, -_LEG[:, 0], _LEG[:, i]) for i in (1, 2))
    return inner, outer


def frame_uv(points: np.ndarray) -> np.ndarray:
    """float32 (..., 2): u, v of points given in metres from the mid-line and upwards."""
    u = 0.5 + points[..., 0] / FRAME_METRES
    v = 0.5 - (points[..., 1] - MIDDLE_HEIGHT) / FRAME_METRES
    return np.stack([u, v], axis=-1).astype(np.float32)


@dataclass(frozen=True, eq=False, slots=True)
class Edge:
    """One edge of a limb in the frame: float32 (n, 2) points, and their outward normals (n, 2)."""

    points: np.ndarray
    normals: np.ndarray


@lru_cache(maxsize=4)
def edges_of(limb: str) -> tuple[Edge, ...]:
    """The edges of a limb in the frame.

    limb: "trunk" (neck, shoulders, sides and hips, left and right in one), "left_arm" or
    "right_arm" (the upper edge, then the lower one).
    """
    if limb == "trunk":
        heights = np.linspace(ARMPIT - _ARM_ROOM, CROTCH - 0.35, 700)
        side = np.stack([trunk_half_width(heights), heights], axis=-1)
        shoulder = upper_outline(np.linspace(-0.185, 0.035, 200))
        half = [_edge(shoulder, 1), _edge(side, 1), _edge(shoulder, -1), _edge(side, -1)]
        planes = ([edge.points for edge in half], [edge.normals for edge in half])
        return (Edge(*(np.concatenate(plane) for plane in planes)),)
    sign = 1 if limb == "left_arm" else -1
    upper = upper_outline(np.linspace(-0.02, 0.62, 500))
    lower = lower_outline(np.linspace(0.065, 0.62, 450))
    return _edge(upper, sign), _edge(lower[::-1], sign)


def _edge(line: np.ndarray, sign: int) -> Edge:
    """A line (n, 2) in metres with the body to its right, or its mirror image."""
    way = np.gradient(line, axis=0)
    normals = np.stack([-way[:, 1], way[:, 0]], axis=-1)
    normals = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
    return Edge(frame_uv(line * [sign, 1]), (normals * [sign, -1]).astype(np.float32))
