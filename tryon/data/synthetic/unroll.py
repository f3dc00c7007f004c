"""Laying cloth flat.

Cloth that wraps a round limb is wider than it looks from the front: the half around an ellipse
of half-width a is a * (sin t + k (t - sin t)) at the angle t, so that each point moves outwards
by the second term. Trunk, sleeves and trouser legs each unroll about their own axis.
"""

from __future__ import annotations

import numpy as np

from tryon.data.synthetic.bodies import BodyModel
from tryon.data.synthetic.cuts import Cut
from tryon.data.synthetic.patterns import COLUMNS, Patterns

ROUNDNESS = 0.7
"""Depth of the trunk over its width; limbs are rounder."""

LIMB_ROUNDNESS = 0.9


def widening(offset: np.ndarray, half_width: np.ndarray, roundness: float) -> np.ndarray:
    """How far points at `offset` from the axis move outwards when the cloth is unrolled."""
    sine = np.clip(offset / half_width, -1, 1)
    return half_width * roundness * (np.arcsin(sine) - sine)


def _ramp(x: np.ndarray, start: float, end: float) -> np.ndarray:
    return np.clip((x - start) / (end - start), 0, 1)


def unrolled(
    cut: Cut,
    patterns: Patterns,
    model: BodyModel,
    mean: np.ndarray,
    arm: np.ndarray,
    leg: np.ndarray,
    along: np.ndarray,
    count: int,
) -> np.ndarray:
    """Cloth coordinates float (N, 2), metres to the right and down, sleeves still at 45 degrees.

    mean: (N, 3), the garment on the mean body in A-pose; arm, leg, along: (N,), see `GarmentMesh`;
    count: how many of the vertices, the first ones, are the tube's.
    """
    flat = mean[:, [0, 2]].astype(np.float64)
    marks = patterns.marks
    if count:
        rows = np.abs(mean[:count, 0]).reshape(-1, COLUMNS).max(1)
    else:
        rows = np.abs(patterns.tube.base(model.mean)[..., 0]).max(1) + cut.ease
    heights = patterns.tube.heights[: len(rows)]
    half = np.interp(mean[:, 2], heights[::-1], rows[::-1])
    trunk = widening(mean[:, 0], np.maximum(half, 1e-3), ROUNDNESS)
    trunk *= 1 - 0.8 * _ramp(mean[:, 2], marks.armpit, marks.shoulder + 0.03)
    moved = np.stack([trunk, np.zeros_like(trunk)], axis=1)
    if cut.build == "top":
        on_arm = _ramp(np.abs(arm), 0.1, 0.9)[:, None]
        moved = (
            moved * (1 - on_arm)
            + _limb(model, mean, arm, "upperarm01", "lowerarm01", "wrist") * on_arm
        )
    elif cut.build == "trousers":
        on_leg = (np.abs(leg) > 0.05) * _ramp(mean[:, 2], marks.hip, marks.crotch - 0.05)
        limb = _limb(model, mean, leg, "upperleg01", "lowerleg01", "foot")
        apart = 0.5 * LIMB_ROUNDNESS * 0.1 * np.sign(mean[:, 0])
        limb[:, 0] += apart
        moved = moved * (1 - on_leg[:, None]) + limb * on_leg[:, None]
    flat += moved
    return np.stack([flat[:, 0], -flat[:, 1]], axis=1)


def _limb(
    model: BodyModel, mean: np.ndarray, share: np.ndarray, start: str, middle: str, end: str
) -> np.ndarray:
    """Displacement (N, 2) in x and z of the cloth of both limbs of a kind.

    The limb is straightened, each point moves across it as its cloth unrolls, and a forearm,
    which comes towards the viewer in A-pose, gets its length back.
    """
    moved = np.zeros((len(mean), 2))
    for side, sign in (("L", 1), ("R", -1)):
        joints = np.stack(
            [model.mean.heads[model.bone[f"{n}.{side}"]] for n in (start, middle, end)]
        )
        a, bend, b = joints[:, [0, 2]]
        length = np.linalg.norm(b - a)
        axis = (b - a) / length
        across = np.array([-axis[1], axis[0]])
        here = share * sign > 0.05
        if not here.any():
            continue
        relative = mean[here][:, [0, 2]] - a
        along = relative @ axis
        knee = (bend - a) @ axis
        stations = [0, knee, length]
        centre = np.interp(along, stations, [0, (bend - a) @ across, 0])
        offset = relative @ across - centre
        depth = mean[here, 1] - np.interp(along, stations, joints[:, 1])
        angle = np.arctan2(offset, np.abs(depth))
        half = _radius(along, np.hypot(offset, depth))
        flat = half * (np.sin(angle) + LIMB_ROUNDNESS * (angle - np.sin(angle)))
        true = np.linalg.norm(joints[2] - joints[1])
        longer = (true / (length - knee) - 1) * np.maximum(along - knee, 0)
        moved[here] = (flat - offset - centre)[:, None] * across + longer[:, None] * axis
    return moved


def _radius(along: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """The limb's radius as a smooth function of the place along it, at every point."""
    place = (along - along.min()) / max(float(np.ptp(along)), 1e-6)
    return np.maximum(np.polyval(np.polyfit(place, radius, 2), place), 0.02)
